//! Bytes in memory against strings, prefixes and endings.
//!
//! In: a text that lies in the program's scratch value, and strings. Out: a planned decision ([`plan`]) as instructions.

mod plan;

use super::outline::{self, MAX_INLINE, check_total};
use super::{Exits, Outline, TooLarge};
use crate::codegen::frame::Scratch;
use crate::codegen::mir::{AluOp, Builder, Cond, Label, Reg, Size};
use crate::ir::TextMatch;
use plan::{Look, Number, Step, plan};

/// Text in the scratch value. Bytes around it can be read but mean nothing: 72 in front of it, 4,096 behind it.
#[derive(Clone, Copy, Debug)]
pub(in crate::codegen) struct Text {
    /// Pointer to the scratch value.
    pub(in crate::codegen) base: Reg,
    pub(in crate::codegen) place: Place,
    /// 0 to 4,096.
    pub(in crate::codegen) len: Reg,
}

/// The end of a text that is fixed, as a byte of the scratch value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codegen) enum Place {
    /// The first byte.
    Start(u32),
    /// The byte behind the last.
    End(u32),
}

/// Does the text match one of the values? None of them includes another. `scratch` tells functions of their own where the text is.
pub(in crate::codegen) fn emit(
    b: &mut Builder,
    outline: &mut dyn Outline,
    (text, scratch): (&Text, Scratch),
    (how, values): (TextMatch, &[&[u8]]),
    exits: Exits,
) -> Result<(), TooLarge> {
    let mut step = plan(how, values);
    check_total(step.total())?;
    if step.slots() > MAX_INLINE {
        step = Step::Outlined(Box::new(step));
    }
    let mut emitter = Emitter {
        outline,
        text: *text,
        scratch,
        start: None,
    };
    emitter.step(b, &step, exits);
    Ok(())
}

struct Emitter<'a> {
    outline: &'a mut dyn Outline,
    text: Text,
    scratch: Scratch,
    /// Pointer to the first byte of a text whose end is fixed.
    start: Option<Reg>,
}

impl Emitter<'_> {
    fn step(&mut self, b: &mut Builder, step: &Step, exits: Exits) {
        match step {
            Step::Exit(to) => b.jump(exits.targets()[*to]),
            Step::AtLeast(len, then) => {
                b.branch(Cond::Lt, self.text.len, *len as i32, exits.miss);
                self.step(b, then, exits);
            }
            Step::Look(look) => self.look(b, look, exits),
            Step::Outlined(inner) => self.outlined(b, inner, exits),
        }
    }

    fn look(&mut self, b: &mut Builder, look: &Look, exits: Exits) {
        let number = self.number(b, look.at);
        let label = |b: &mut Builder, arm: &Step| -> Label {
            match arm {
                Step::Exit(to) => exits.targets()[*to],
                _ => b.label(),
            }
        };
        let labels: Vec<Label> = look.arms.iter().map(|arm| label(b, arm)).collect();
        // What later arms would find in a register was not written on the way to them.
        let start = self.start;
        look.tree.write(b, number, look.at.order(), &labels);
        for (arm, label) in look.arms.iter().zip(labels) {
            if !matches!(arm, Step::Exit(_)) {
                self.start = start;
                b.bind(label);
                self.step(b, arm, exits);
            }
        }
        self.start = start;
    }

    fn number(&mut self, b: &mut Builder, at: Number) -> Reg {
        let (base, place) = (self.text.base, self.text.place);
        match at {
            Number::Length => self.text.len,
            Number::Known { len, at } => {
                let from = match place {
                    Place::Start(start) => start + at,
                    Place::End(end) => end - len + at,
                };
                let word = b.load(Size::B8, base, from as i16);
                if len < 8 {
                    b.alu(AluOp::Lsh, word, 64 - 8 * len as i32);
                }
                word
            }
            Number::FromStart { at } => {
                let word = match place {
                    Place::Start(start) => b.load(Size::B8, base, (start + at) as i16),
                    Place::End(end) => {
                        let start = self.start(b);
                        b.load(Size::B8, start, (end - MAX_LEN as u32 + at) as i16)
                    }
                };
                b.to_be(word, 64);
                word
            }
            Number::FromEnd { at } => match place {
                Place::End(end) => b.load(Size::B8, base, (end - at - 8) as i16),
                Place::Start(start) => {
                    // Computed here, where the verifier knows that the text is long enough.
                    let end = b.mov(base);
                    b.alu(AluOp::Add, end, self.text.len);
                    b.load(Size::B8, end, start as i16 - at as i16 - 8)
                }
            },
        }
    }

    /// The scratch value's address plus what the text lacks to its greatest length: where such a text would start, this one does.
    fn start(&mut self, b: &mut Builder) -> Reg {
        if let Some(start) = self.start {
            return start;
        }
        let start = b.mov(MAX_LEN);
        b.alu(AluOp::Sub, start, self.text.len);
        b.alu(AluOp::Add, start, self.text.base);
        self.start = Some(start);
        start
    }

    fn outlined(&mut self, b: &mut Builder, inner: &Step, exits: Exits) {
        let (text, scratch) = (self.text, self.scratch);
        let slot = b.mov(scratch.slot);
        let args = [slot, text.len];
        outline::call(
            b,
            self.outline,
            ("texts", &args),
            exits,
            &mut |b, params, outline, exits| {
                let base = scratch.emit(b, params[0]);
                // The verifier judges the function alone, for any numbers.
                b.branch(Cond::Gt, params[1], MAX_LEN, exits.miss);
                let text = Text {
                    base,
                    len: params[1],
                    ..text
                };
                let mut emitter = Emitter {
                    outline,
                    text,
                    scratch,
                    start: None,
                };
                emitter.step(b, inner, exits);
            },
        );
    }
}

/// Longest text.
const MAX_LEN: i32 = 4096;
