//! Lines of a template to statements.

use super::lex::{self, Token};
use super::{Template, TemplateError};
use crate::codegen::mir::{AluOp, Cond, Size, Width};
use Token::{Hole, Int, Mark, Name};

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    Name(&'static str),
    Hole(&'static str),
    Int(i64),
}

/// `struct.member.member`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: &'static str,
    pub(super) path: &'static str,
}

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) size: Size,
    pub(super) base: &'static str,
    pub(super) offset: Atom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Atom(Atom),
    Low32(Atom),
    BigEndian {
        bits: u8,
        of: &'static str,
    },
    Load(Place),
    /// `probed`: at any address.
    Field {
        base: &'static str,
        path: Path,
        probed: bool,
    },
    FieldAddr {
        base: &'static str,
        path: Path,
    },
    Exists(Path),
    Map(&'static str),
    SlotAddr(&'static str),
    Call {
        callee: Atom,
        args: Vec<Atom>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Slot {
        name: &'static str,
        bytes: u32,
    },
    Assign {
        dst: &'static str,
        value: Expr,
    },
    Alu {
        dst: &'static str,
        op: AluOp,
        src: Atom,
    },
    Store {
        to: Place,
        value: Atom,
    },
    If {
        width: Width,
        left: &'static str,
        cond: Cond,
        right: Atom,
        label: &'static str,
    },
    Goto(&'static str),
    Label(&'static str),
    Return(Atom),
}

impl Template {
    /// Reads a template.
    pub(in crate::codegen) fn parse(text: &'static str) -> Result<Self, TemplateError> {
        let mut template = Self {
            params: Vec::new(),
            lines: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let fail = |message| TemplateError {
                line: index + 1,
                message,
            };
            let tokens = lex::line(line).map_err(fail)?;
            match tokens.as_slice() {
                [] => {}
                [Name("func"), Name(_), rest @ ..] => {
                    let names = list(rest).map_err(fail)?;
                    template.params = names
                        .into_iter()
                        .map(name)
                        .collect::<Result<_, _>>()
                        .map_err(fail)?;
                }
                tokens => template
                    .lines
                    .push((index + 1, statement(tokens, line).map_err(fail)?)),
            }
        }
        Ok(template)
    }
}

fn statement(tokens: &[Token], line: &'static str) -> Result<Statement, String> {
    Ok(match *tokens {
        [Name("slot"), Name(name), Int(bytes)] => Statement::Slot {
            name,
            bytes: bytes as u32,
        },
        [Name("goto"), Name(label)] => Statement::Goto(label),
        [Name(label), Mark(":")] => Statement::Label(label),
        [Name("return"), value] => Statement::Return(atom(value)?),
        [Name("if"), Name("w"), Name(left), ref rest @ ..] => branch(Width::W32, left, rest)?,
        [Name("if"), Name(left), ref rest @ ..] => branch(Width::W64, left, rest)?,
        [Name(size), Mark("["), ref rest @ ..] if size_of(size).is_some() => {
            let (to, rest) = place(size, rest)?;
            match rest {
                [Mark("="), value] => Statement::Store {
                    to,
                    value: atom(*value)?,
                },
                _ => return Err(format!("cannot read the store `{line}`")),
            }
        }
        [Name(dst), Mark("="), ref value @ ..] => Statement::Assign {
            dst,
            value: expr(value)?,
        },
        [Name(dst), Name("s"), Mark(">>="), src] => Statement::Alu {
            dst,
            op: AluOp::Arsh,
            src: atom(src)?,
        },
        [Name(dst), Mark(mark), src] => {
            let op = alu(mark).ok_or_else(|| format!("`{mark}` is no operation"))?;
            Statement::Alu {
                dst,
                op,
                src: atom(src)?,
            }
        }
        _ => return Err(format!("cannot read `{line}`")),
    })
}

fn branch(width: Width, left: &'static str, rest: &[Token]) -> Result<Statement, String> {
    let (signed, rest) = match rest {
        [Name("s"), rest @ ..] => (true, rest),
        _ => (false, rest),
    };
    match *rest {
        [Mark(mark), right, Name("goto"), Name(label)] => {
            let cond = cond(mark, signed).ok_or_else(|| format!("`{mark}` is no condition"))?;
            Ok(Statement::If {
                width,
                left,
                cond,
                right: atom(right)?,
                label,
            })
        }
        _ => Err("expected `if a == b goto label`".to_owned()),
    }
}

fn expr(tokens: &[Token]) -> Result<Expr, String> {
    Ok(match *tokens {
        [Name("w"), value] => Expr::Low32(atom(value)?),
        [Name("be16"), Name(of)] => Expr::BigEndian { bits: 16, of },
        [Name("be32"), Name(of)] => Expr::BigEndian { bits: 32, of },
        [Name("be64"), Name(of)] => Expr::BigEndian { bits: 64, of },
        [Name("map"), Hole(map)] => Expr::Map(map),
        [Name("exists"), Name(field)] => Expr::Exists(path(field)?),
        [Name("call"), callee, ref rest @ ..] => {
            let args = list(rest)?
                .into_iter()
                .map(atom)
                .collect::<Result<_, _>>()?;
            Expr::Call {
                callee: atom(callee)?,
                args,
            }
        }
        [Mark("&"), Name(slot)] => Expr::SlotAddr(slot),
        [Mark("&"), Name(base), Mark("->"), Name(field)] => Expr::FieldAddr {
            base,
            path: path(field)?,
        },
        [Name(base), Mark("=>"), Name(field)] => Expr::Field {
            base,
            path: path(field)?,
            probed: false,
        },
        [Name(base), Mark("~>"), Name(field)] => Expr::Field {
            base,
            path: path(field)?,
            probed: true,
        },
        [Name(size), Mark("["), ref rest @ ..] => match place(size, rest)? {
            (from, []) => Expr::Load(from),
            _ => return Err("words after a load".to_owned()),
        },
        [value] => Expr::Atom(atom(value)?),
        _ => return Err("cannot read the value".to_owned()),
    })
}

/// `base + offset ]`; the words behind it stay.
fn place<'a>(size: &str, tokens: &'a [Token]) -> Result<(Place, &'a [Token]), String> {
    let size = size_of(size).ok_or_else(|| format!("`{size}` is no size"))?;
    match tokens {
        [Name(base), Mark("+"), offset, Mark("]"), rest @ ..] => Ok((
            Place {
                size,
                base,
                offset: atom(*offset)?,
            },
            rest,
        )),
        _ => Err("expected `[base + offset]`".to_owned()),
    }
}

fn path(name: &'static str) -> Result<Path, String> {
    let (root, path) = name
        .split_once('.')
        .ok_or_else(|| format!("`{name}` names no member"))?;
    Ok(Path { root, path })
}

/// `( a , b )`.
fn list(tokens: &[Token]) -> Result<Vec<Token>, String> {
    let [Mark("("), inner @ .., Mark(")")] = tokens else {
        return Err("expected a list in parentheses".to_owned());
    };
    let parts = inner
        .split(|token| *token == Mark(","))
        .filter(|part| !part.is_empty());
    parts
        .map(|part| match part {
            [one] => Ok(*one),
            _ => Err("expected one word between commas".to_owned()),
        })
        .collect()
}

fn name(token: Token) -> Result<&'static str, String> {
    match token {
        Name(name) => Ok(name),
        other => Err(format!("{other:?} is no name")),
    }
}

fn atom(token: Token) -> Result<Atom, String> {
    match token {
        Name(name) => Ok(Atom::Name(name)),
        Hole(hole) => Ok(Atom::Hole(hole)),
        Int(value) => Ok(Atom::Int(value)),
        Mark(mark) => Err(format!("`{mark}` is no operand")),
    }
}

fn size_of(name: &str) -> Option<Size> {
    match name {
        "u8" => Some(Size::B1),
        "u16" => Some(Size::B2),
        "u32" => Some(Size::B4),
        "u64" => Some(Size::B8),
        _ => None,
    }
}

fn alu(mark: &str) -> Option<AluOp> {
    Some(match mark {
        "+=" => AluOp::Add,
        "-=" => AluOp::Sub,
        "*=" => AluOp::Mul,
        "/=" => AluOp::Div,
        "%=" => AluOp::Mod,
        "&=" => AluOp::And,
        "|=" => AluOp::Or,
        "^=" => AluOp::Xor,
        "<<=" => AluOp::Lsh,
        ">>=" => AluOp::Rsh,
        _ => return None,
    })
}

fn cond(mark: &str, signed: bool) -> Option<Cond> {
    Some(match (mark, signed) {
        ("==", false) => Cond::Eq,
        ("!=", false) => Cond::Ne,
        ("&", false) => Cond::Set,
        (">", false) => Cond::Gt,
        (">=", false) => Cond::Ge,
        ("<", false) => Cond::Lt,
        ("<=", false) => Cond::Le,
        (">", true) => Cond::Sgt,
        (">=", true) => Cond::Sge,
        ("<", true) => Cond::Slt,
        ("<=", true) => Cond::Sle,
        _ => return None,
    })
}
