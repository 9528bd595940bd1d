//! Registers by linear scan.
//!
//! Positions: instruction `i` reads at `2i` and writes at `2i + 1`. A value's interval goes from its first
//! write to its last need, over everything between. A call at `i` overwrites r0 to r5 between the two, so an
//! interval around that point needs r6 to r9.

use super::live;
use crate::codegen::mir::{Function, Op, Operand, Reg};

/// Registers that a call leaves alone.
const SURVIVING: std::ops::RangeInclusive<u8> = 6..=9;
/// General registers; r10 is the frame.
const REGISTERS: usize = 10;

/// The life of a virtual register.
#[derive(Clone, Copy, Debug)]
struct Interval {
    reg: Reg,
    start: usize,
    end: usize,
    /// Lives across a call.
    surviving: bool,
    /// Reads and writes, weighted by loops.
    weight: usize,
}

/// Number of the BPF register of each virtual one; the virtual registers that need the stack otherwise.
pub(super) fn allocate(function: &Function) -> Result<Vec<u8>, Vec<Reg>> {
    let mut intervals = intervals(function);
    intervals.sort_unstable_by_key(|interval| (interval.start, interval.reg));
    let hints = Hints::collect(function);
    let mut scan = Scan {
        assigned: vec![u8::MAX; function.regs as usize],
        active: Vec::new(),
        spilled: Vec::new(),
        params: params(function),
    };
    for interval in intervals {
        scan.place(interval, &hints);
    }
    if scan.spilled.is_empty() {
        Ok(scan.assigned)
    } else {
        Err(scan.spilled)
    }
}

struct Scan {
    assigned: Vec<u8>,
    /// Placed intervals that have not ended.
    active: Vec<(Interval, u8)>,
    spilled: Vec<Reg>,
    /// Until where r1 to r5 still hold a parameter that has not been taken.
    params: [usize; REGISTERS],
}

impl Scan {
    fn place(&mut self, interval: Interval, hints: &Hints) {
        self.active.retain(|(other, _)| other.end > interval.start);
        let mut busy = [false; REGISTERS];
        for (_, register) in &self.active {
            busy[usize::from(*register)] = true;
        }
        let fits = |register: u8| {
            let index = usize::from(register);
            !busy[index]
                && interval.start >= self.params[index]
                && (!interval.surviving || SURVIVING.contains(&register))
        };
        let wanted = hints
            .of(interval.reg, &self.assigned)
            .filter(|register| fits(*register));
        // Surviving registers last: they are few.
        let choice = wanted.or_else(|| {
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
                .into_iter()
                .find(|r| fits(*r))
        });
        match choice {
            Some(register) => {
                self.assigned[interval.reg.0 as usize] = register;
                self.active.push((interval, register));
            }
            None => self.spill(interval),
        }
    }

    /// Sends the least used of the candidates for a register to the stack.
    fn spill(&mut self, interval: Interval) {
        let rate = |interval: &Interval| {
            (
                1000 * interval.weight / (interval.end - interval.start + 1),
                interval.reg,
            )
        };
        let victim = self
            .active
            .iter()
            .enumerate()
            .filter(|(_, (_, register))| !interval.surviving || SURVIVING.contains(register))
            .min_by_key(|(_, (other, _))| rate(other));
        match victim {
            Some((index, (other, register))) if rate(other) < rate(&interval) => {
                let (register, reg) = (*register, other.reg);
                self.spilled.push(reg);
                self.active[index] = (interval, register);
                self.assigned[interval.reg.0 as usize] = register;
            }
            _ => self.spilled.push(interval.reg),
        }
    }
}

/// For each register, the position from which it no longer holds an untaken parameter.
fn params(function: &Function) -> [usize; REGISTERS] {
    let mut until = [0; REGISTERS];
    for (index, insn) in function.insns.iter().enumerate() {
        if let Op::Param { index: param, .. } = insn.op {
            until[usize::from(param) + 1] = 2 * index + 1;
        }
    }
    until
}

fn intervals(function: &Function) -> Vec<Interval> {
    let liveness = live::analyse(function);
    let mut spans: Vec<Option<(usize, usize)>> = vec![None; function.regs as usize];
    let mut weights = vec![0; function.regs as usize];
    let mut extend = |reg: Reg, position: usize| {
        let span = spans[reg.0 as usize].get_or_insert((position, position));
        *span = (span.0.min(position), span.1.max(position));
    };
    let loops = loop_weights(function);
    for block in &liveness.blocks {
        liveness
            .live_in(block)
            .for_each(|reg| extend(reg, 2 * block.insns.start));
        for index in block.insns.clone() {
            let op = &function.insns[index].op;
            let mut count = |reg: Reg| weights[reg.0 as usize] += loops[index];
            op.for_uses(&mut count);
            op.def().into_iter().for_each(&mut count);
            op.for_uses(|reg| extend(reg, 2 * index));
            if let Some(reg) = op.def() {
                extend(reg, 2 * index + 1);
            }
        }
        liveness
            .live_out(block)
            .for_each(|reg| extend(reg, 2 * block.insns.end));
    }
    let calls = calls(function);
    spans
        .iter()
        .enumerate()
        .filter_map(|(number, span)| {
            let (start, end) = (*span)?;
            // The first call at or after the start; it is crossed if the end lies behind it.
            let next = calls.partition_point(|call| 2 * call < start);
            let surviving = calls.get(next).is_some_and(|call| end > 2 * call);
            let reg = Reg(number as u32);
            Some(Interval {
                reg,
                start,
                end,
                surviving,
                weight: weights[number],
            })
        })
        .collect()
}

fn calls(function: &Function) -> Vec<usize> {
    let ops = function.insns.iter().enumerate();
    ops.filter(|(_, insn)| matches!(insn.op, Op::Call { .. }))
        .map(|(index, _)| index)
        .collect()
}

/// How much a read or write at each instruction counts: more inside backward jumps.
fn loop_weights(function: &Function) -> Vec<usize> {
    let positions = super::flow::positions(function);
    let mut weights = vec![1; function.insns.len()];
    for (index, insn) in function.insns.iter().enumerate() {
        if let Some(target) = insn.op.target() {
            let start = positions[target.0 as usize];
            if start <= index {
                weights[start..=index]
                    .iter_mut()
                    .for_each(|weight| *weight *= 8);
            }
        }
    }
    weights
}

/// Registers that would save a move.
struct Hints {
    /// A BPF register: where calls, returns and parameters want the value.
    fixed: Vec<Option<u8>>,
    /// Registers that are moved to or from this one.
    partner: Vec<Option<Reg>>,
}

impl Hints {
    fn collect(function: &Function) -> Self {
        let size = function.regs as usize;
        let mut hints = Self {
            fixed: vec![None; size],
            partner: vec![None; size],
        };
        for insn in &function.insns {
            match &insn.op {
                Op::Param { dst, index } => hints.fix(*dst, index + 1),
                Op::Call { args, result, .. } => {
                    for (position, arg) in args.iter().enumerate() {
                        hints.fix(*arg, position as u8 + 1);
                    }
                    if let Some(result) = result {
                        hints.fix(*result, 0);
                    }
                }
                Op::Exit(Operand::Reg(value)) => hints.fix(*value, 0),
                Op::Mov {
                    dst,
                    src: Operand::Reg(src),
                    ..
                }
                | Op::FieldAddr { dst, base: src, .. } => {
                    hints.partner[dst.0 as usize].get_or_insert(*src);
                    hints.partner[src.0 as usize].get_or_insert(*dst);
                }
                _ => {}
            }
        }
        hints
    }

    fn fix(&mut self, reg: Reg, register: u8) {
        self.fixed[reg.0 as usize].get_or_insert(register);
    }

    fn of(&self, reg: Reg, assigned: &[u8]) -> Option<u8> {
        let partner = self.partner[reg.0 as usize];
        let assigned = partner.map(|partner| assigned[partner.0 as usize]);
        let wanted = partner.and_then(|partner| self.fixed[partner.0 as usize]);
        self.fixed[reg.0 as usize]
            .or(assigned.filter(|register| *register != u8::MAX))
            .or(wanted)
    }
}
