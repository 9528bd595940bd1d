//! Statements of a template to machine code.

use std::collections::BTreeMap;

use super::parse::{Atom, Expr, Path, Place, Statement};
use super::{Env, Template, TemplateError, Value};
use crate::codegen::mir::{
    Base, Builder, Callee, Field, Label, Offset, Op, Operand, Reg, Size, Slot, Width,
};
use crate::kernel::{helpers, structs};

struct Emitter<'a> {
    b: &'a mut Builder,
    env: &'a Env,
    regs: BTreeMap<&'static str, Reg>,
    slots: BTreeMap<&'static str, Slot>,
    labels: BTreeMap<&'static str, Label>,
    bound: Vec<&'static str>,
}

impl Template {
    /// Writes the template as a whole function.
    pub(in crate::codegen) fn instantiate(
        &self,
        b: &mut Builder,
        env: &Env,
    ) -> Result<(), TemplateError> {
        let mut emitter = Emitter {
            b,
            env,
            regs: BTreeMap::new(),
            slots: BTreeMap::new(),
            labels: BTreeMap::new(),
            bound: Vec::new(),
        };
        for (index, name) in self.params.iter().enumerate() {
            let reg = emitter.b.param(index as u8);
            emitter.regs.insert(name, reg);
        }
        for (line, statement) in &self.lines {
            let fail = |message| TemplateError {
                line: *line,
                message,
            };
            emitter.statement(statement).map_err(fail)?;
        }
        emitter
            .check_labels()
            .map_err(|message| TemplateError { line: 0, message })
    }
}

impl Emitter<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<(), String> {
        match *statement {
            Statement::Slot { name, bytes } => {
                let slot = self.b.slot(bytes);
                self.slots.insert(name, slot);
            }
            Statement::Assign { dst, ref value } => {
                let value = self.expr(value)?;
                let dst = self.define(dst);
                self.b.assign(dst, value);
            }
            Statement::Alu { dst, op, src } => {
                let (dst, src) = (self.reg(dst)?, self.operand(src)?);
                self.b.alu(op, dst, src);
            }
            Statement::Store { to, value } => {
                let src = self.operand(value)?;
                let (base, offset) = (self.base(to.base)?, self.offset(&to)?);
                self.b.push(Op::Store {
                    size: to.size,
                    base,
                    offset,
                    src,
                });
            }
            Statement::If {
                width,
                left,
                cond,
                right,
                label,
            } => {
                let (left, right) = (self.reg(left)?, self.operand(right)?);
                let target = self.label(label);
                self.b.push(Op::Branch {
                    cond,
                    width,
                    left,
                    right,
                    target,
                });
            }
            Statement::Goto(label) => {
                let label = self.label(label);
                self.b.jump(label);
            }
            Statement::Label(name) => {
                if self.bound.contains(&name) {
                    return Err(format!("label {name} is bound twice"));
                }
                self.bound.push(name);
                let label = self.label(name);
                self.b.bind(label);
            }
            Statement::Return(value) => {
                let value = self.operand(value)?;
                self.b.exit(value);
            }
        }
        Ok(())
    }

    fn expr(&mut self, expr: &Expr) -> Result<Operand, String> {
        Ok(match *expr {
            Expr::Atom(atom) => self.operand(atom)?,
            Expr::Low32(atom) => {
                let (dst, src) = (self.b.reg(), self.operand(atom)?);
                self.b.push(Op::Mov {
                    width: Width::W32,
                    dst,
                    src,
                });
                dst.into()
            }
            Expr::BigEndian { bits, of } => {
                let of = self.reg(of)?;
                let copy = self.b.mov(of);
                self.b.to_be(copy, bits);
                copy.into()
            }
            Expr::Load(place) => {
                let (base, offset) = (self.base(place.base)?, self.offset(&place)?);
                let dst = self.b.reg();
                self.b.push(Op::Load {
                    size: place.size,
                    dst,
                    base,
                    offset,
                });
                dst.into()
            }
            Expr::Field { base, path, probed } => self.field(base, path, probed)?.into(),
            Expr::FieldAddr { base, path } => {
                let base = self.reg(base)?;
                self.b.field_addr(base, known(path)?.0).into()
            }
            Expr::Exists(path) => self.b.field_exists(known(path)?.0).into(),
            Expr::Map(hole) => match self.env.get(hole)? {
                Value::Map(map) => self.b.map(map).into(),
                other => return Err(format!("${hole} is {other:?}, not a map")),
            },
            Expr::SlotAddr(name) => {
                let slot = self
                    .slots
                    .get(name)
                    .ok_or_else(|| format!("no slot {name}"))?;
                self.b.slot_addr(*slot).into()
            }
            Expr::Call { callee, ref args } => self.call(callee, args)?.into(),
        })
    }

    fn field(&mut self, base: &str, path: Path, probed: bool) -> Result<Reg, String> {
        let base = self.reg(base)?;
        let (field, size) = known(path)?;
        let size = size.ok_or_else(|| format!("{field:?} is not a number"))?;
        if !probed {
            return Ok(self.b.load_field(size, base, field));
        }
        let slot = self.b.temp(8);
        let from = self.b.field_addr(base, field);
        let to = self.b.slot_addr(slot);
        let bytes = self.b.mov(size.bytes() as i32);
        self.b.call(helpers::PROBE_READ_KERNEL, &[to, bytes, from]);
        Ok(self.b.load_slot(size, slot, 0))
    }

    fn call(&mut self, callee: Atom, args: &[Atom]) -> Result<Reg, String> {
        let callee = match callee {
            Atom::Name(name) => {
                let helper = helpers::by_name(name).ok_or_else(|| format!("no helper {name}"))?;
                Callee::Helper(helper.id)
            }
            Atom::Hole(hole) => match self.env.get(hole)? {
                Value::Function(function) => Callee::Function(function),
                other => return Err(format!("${hole} is {other:?}, not a function")),
            },
            Atom::Int(_) => return Err("a number cannot be called".to_owned()),
        };
        let mut regs = Vec::new();
        for arg in args {
            let reg = match self.operand(*arg)? {
                Operand::Reg(reg) => reg,
                Operand::Imm(value) => self.b.mov(value),
            };
            regs.push(reg);
        }
        let result = self.b.reg();
        self.b.push(Op::Call {
            callee,
            args: regs,
            result: Some(result),
        });
        Ok(result)
    }

    fn operand(&mut self, atom: Atom) -> Result<Operand, String> {
        let value = match atom {
            Atom::Name(name) => return self.reg(name).map(Operand::Reg),
            Atom::Int(value) => value,
            Atom::Hole(hole) => match self.env.get(hole)? {
                Value::Int(value) => value,
                other => return Err(format!("${hole} is {other:?}, not a number")),
            },
        };
        Ok(match i32::try_from(value) {
            Ok(small) => Operand::Imm(small),
            Err(_) => Operand::Reg(self.b.constant(value as u64)),
        })
    }

    fn base(&self, name: &str) -> Result<Base, String> {
        match self.slots.get(name) {
            Some(slot) => Ok(Base::Slot(*slot)),
            None => self.reg(name).map(Base::Reg),
        }
    }

    fn offset(&self, place: &Place) -> Result<Offset, String> {
        let value = match place.offset {
            Atom::Int(value) => value,
            Atom::Hole(hole) => match self.env.get(hole)? {
                Value::Int(value) => value,
                other => return Err(format!("${hole} is {other:?}, not a number")),
            },
            Atom::Name(name) => return Err(format!("{name} is not a constant")),
        };
        let offset = i16::try_from(value).map_err(|_| format!("offset {value} is too far"))?;
        Ok(Offset::Const(offset))
    }

    fn reg(&self, name: &str) -> Result<Reg, String> {
        self.regs
            .get(name)
            .copied()
            .ok_or_else(|| format!("{name} has no value yet"))
    }

    fn define(&mut self, name: &'static str) -> Reg {
        let b = &mut *self.b;
        *self.regs.entry(name).or_insert_with(|| b.reg())
    }

    fn label(&mut self, name: &'static str) -> Label {
        let b = &mut *self.b;
        *self.labels.entry(name).or_insert_with(|| b.label())
    }

    fn check_labels(&self) -> Result<(), String> {
        match self.labels.keys().find(|name| !self.bound.contains(name)) {
            Some(name) => Err(format!("label {name} is not bound")),
            None => Ok(()),
        }
    }
}

/// A field of the structure table, and its size if one load can read it.
fn known(path: Path) -> Result<(Field, Option<Size>), String> {
    let Path { root, path } = path;
    let access = structs::access(root, path).ok_or_else(|| format!("no field {root}.{path}"))?;
    Ok((Field { root, path }, Size::of(access.size)))
}
