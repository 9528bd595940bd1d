//! Objects at work in user space.
//!
//! In: an object, the names of its programs, a [`Kernel`](kernel::Kernel), and calls as [`Scene`](scene::Scene)s. Out: what the programs
//! did: signals, results, records of the ring buffer, and how many instructions it took. The object is prepared as the loader does it
//! (linked, relocated for the kernel, its maps created); the machine is strict where the kernel's verifier is. Not here: a proof that the
//! verifier takes a program (only kernels tell), locks, races between processors, memory that changes while a program reads it.

#[cfg(test)]
mod bench;
pub mod compare;
mod helpers;
mod image;
pub mod kernel;
mod machine;
mod maps;
mod memory;
pub mod scene;
mod world;

use crate::bundle::{Attach, Record};
use crate::ir::{ArgType, Hook};
use crate::object::Object;
use image::Image;
use kernel::Kernel;
use machine::{Finished, Word};
use maps::Maps;
use scene::Placed;
use world::{Context, Registers, World};

pub use world::Effect;

/// The programs of a hook, attached in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub attach: Attach,
    /// Whether the hook is a system call, whose parameters lie in a structure.
    pub is_syscall: bool,
    /// Parameters that are pointers to structures of the kernel, by number.
    pub pointers: [bool; 6],
    /// Symbol of the program for the entry.
    pub entry: String,
    /// And for the return.
    pub ret: Option<String>,
}

/// Parameters that the verifier follows as pointers: those to structures. What leads to bytes is a number for it (`btf_ctx_access` in
/// kernel/bpf/btf.c, 6.12).
pub fn pointers(hook: &Hook) -> [bool; 6] {
    let mut pointers = [false; 6];
    for arg in &hook.args {
        let number = matches!(
            arg.ty,
            ArgType::Int(_)
                | ArgType::String
                | ArgType::CharBuf { .. }
                | ArgType::Fd
                | ArgType::Nop
        );
        if let Some(pointer) = pointers.get_mut(usize::from(arg.index)) {
            *pointer |= !number;
        }
    }
    pointers
}

/// What programs did to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Signals and records in their order.
    pub effects: Vec<Effect>,
    /// The value that the call returns instead of running.
    pub result: Option<i32>,
    /// Instructions at the entry.
    pub steps: u64,
    /// Helpers called at the entry.
    pub calls: u64,
}

impl Run {
    /// Numbers of the signals in their order.
    pub fn signals(&self) -> Vec<u32> {
        let signal = |effect: &Effect| match effect {
            Effect::Signal(number) => Some(*number),
            _ => None,
        };
        self.effects.iter().filter_map(signal).collect()
    }

    /// Records in their order; `None` for one that cannot be decoded.
    pub fn records(&self) -> Vec<Option<Record>> {
        let record = |effect: &Effect| match effect {
            Effect::Record(bytes) => Some(Record::decode(bytes)),
            _ => None,
        };
        self.effects.iter().filter_map(record).collect()
    }
}

/// A policy's programs with their maps.
#[derive(Clone, Debug)]
pub struct Simulator {
    hooks: Vec<(Programs, Image, Option<Image>)>,
    maps: Maps,
}

impl Simulator {
    /// Prepares programs, one set for each hook. `constants` are what the loader writes: offset, number.
    ///
    /// # Errors
    /// What the loader or the kernel would refuse.
    pub fn new(
        object: &Object,
        kernel: &Kernel,
        hooks: &[Programs],
        constants: &[(u32, u32)],
    ) -> Result<Self, String> {
        let mut maps = Maps::new(&object.maps)?;
        for (offset, number) in constants {
            maps.set_constant(*offset as usize, &number.to_le_bytes())?;
        }
        let prepare = |programs: &Programs| {
            let entry = Image::new(object, &programs.entry, kernel)?;
            let ret = programs
                .ret
                .as_ref()
                .map(|name| Image::new(object, name, kernel))
                .transpose()?;
            Ok((programs.clone(), entry, ret))
        };
        let hooks = hooks.iter().map(prepare).collect::<Result<_, String>>()?;
        Ok(Self { hooks, maps })
    }

    /// Reports that were lost so far, as the programs have counted them.
    pub fn lost(&self) -> u64 {
        self.maps.lost()
    }

    /// A call of a hook: the program of the entry and, if the call returns, that of the return.
    ///
    /// # Errors
    /// What the kernel would not have allowed.
    pub fn call(&mut self, hook: usize, call: &Placed) -> Result<Run, String> {
        let (programs, entry, ret) = self.hooks.get(hook).ok_or("no such hook")?;
        let attach = programs.attach;
        let context = entry_context(programs, call);
        let mut world = world(&mut self.maps, call, context);
        world.may_override = attach == Attach::KprobeOverride;
        let finished = machine::run(entry, &mut world)
            .map_err(|error| format!("{}: {error}", programs.entry))?;
        let mut run = Run {
            effects: std::mem::take(&mut world.effects),
            ..Run::default()
        };
        (run.steps, run.calls) = (finished.steps, finished.calls);
        run.result = result(attach, finished, &run.effects)?;
        run.effects
            .retain(|effect| !matches!(effect, Effect::Override(_)));
        // A call that is replaced returns at once.
        let returned = match run.result {
            Some(value) => Some(i64::from(value).cast_unsigned()),
            None => call.returned,
        };
        if let (Some(image), Some(returned)) = (ret, returned) {
            let context = return_context(programs, call, returned);
            let mut world = self::world(&mut self.maps, call, context);
            let name = programs.ret.as_deref().unwrap_or_default();
            let finished =
                machine::run(image, &mut world).map_err(|error| format!("{name}: {error}"))?;
            if finished.result != 0 {
                return Err(format!("{name} returns {}", finished.result));
            }
            run.effects.append(&mut world.effects);
        }
        Ok(run)
    }
}

fn world<'a>(maps: &'a mut Maps, call: &'a Placed, context: Context) -> World<'a> {
    World {
        memory: &call.memory,
        maps,
        context,
        task: call.task,
        ids: call.ids,
        takes_signals: call.takes_signals,
        time: call.time,
        ring_is_full: call.ring_is_full,
        may_override: false,
        effects: Vec::new(),
    }
}

/// What the call returns instead of running, by what the program returned or did.
fn result(attach: Attach, finished: Finished, effects: &[Effect]) -> Result<Option<i32>, String> {
    let last = effects.iter().rev().find_map(|effect| match effect {
        Effect::Override(value) => Some(*value),
        _ => None,
    });
    match attach {
        // The trampoline takes 0 for "run the function".
        Attach::FmodRet if finished.result == 0 => Ok(None),
        Attach::FmodRet => number(finished.result).map(Some),
        _ if finished.result != 0 => Err(format!("the program returns {}", finished.result)),
        _ => last.map(number).transpose(),
    }
}

/// The number that a call returns, which callers may take for 64 bits: the trampoline (`invoke_bpf_mod_ret`, arch/x86/net/bpf_jit_comp.c)
/// and `bpf_override_return` hand over the whole register.
fn number(bits: u64) -> Result<i32, String> {
    let number = bits as i32;
    match i64::from(number).cast_unsigned() == bits {
        true => Ok(number),
        false => Err(format!("the call returns {bits:#x}")),
    }
}

/// Places of parameters and of the result in `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h): di, si, dx, cx, r8, r9; ax.
const PARAMETERS: [usize; 6] = [14, 13, 12, 11, 9, 8];
const RESULT: usize = 10;
/// What registers hold that a program must not look at.
const RUBBISH: u64 = 0x5a5a_5a5a_5a5a_5a5a;

fn entry_context(programs: &Programs, call: &Placed) -> Context {
    match programs.attach {
        Attach::Fentry | Attach::FmodRet => Context::Trampoline {
            params: parameters(programs, call),
            returned: None,
        },
        Attach::Kprobe | Attach::KprobeOverride => {
            let mut registers: Registers = [RUBBISH; 21];
            if programs.is_syscall {
                registers[PARAMETERS[0]] = call.inner_registers;
            } else {
                for (place, value) in PARAMETERS.into_iter().zip(call.registers) {
                    registers[place] = value;
                }
            }
            Context::Registers(registers)
        }
    }
}

fn return_context(programs: &Programs, call: &Placed, returned: u64) -> Context {
    match programs.attach {
        Attach::Fentry | Attach::FmodRet => Context::Trampoline {
            params: parameters(programs, call),
            returned: Some(returned),
        },
        Attach::Kprobe | Attach::KprobeOverride => {
            let mut registers: Registers = [RUBBISH; 21];
            registers[RESULT] = returned;
            Context::Registers(registers)
        }
    }
}

fn parameters(programs: &Programs, call: &Placed) -> Vec<Word> {
    if programs.is_syscall {
        return vec![Word::kernel(call.inner_registers)];
    }
    let word = |(value, pointer): (u64, bool)| {
        if pointer {
            Word::kernel(value)
        } else {
            Word::number(value)
        }
    };
    call.registers
        .into_iter()
        .zip(programs.pointers)
        .map(word)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of the result, and the number that they are.
    #[test]
    fn results_are_whole_registers() {
        for (bits, wanted) in [
            (0, None),
            (1, Some(1)),
            (u64::MAX, Some(-1)),
            (i64::from(i32::MIN) as u64, Some(i32::MIN)),
        ] {
            let finished = |result| Finished {
                result,
                steps: 0,
                calls: 0,
            };
            assert_eq!(result(Attach::FmodRet, finished(bits), &[]), Ok(wanted));
            let set = [Effect::Override(5), Effect::Override(bits)];
            let by_program = result(Attach::KprobeOverride, finished(0), &set);
            assert_eq!(by_program, Ok(Some(wanted.unwrap_or(0))));
            assert!(result(Attach::Kprobe, finished(1), &[]).is_err());
        }
        for bits in [u64::from(u32::MAX), 1 << 32, 0x8000_0000] {
            assert!(number(bits).is_err(), "{bits:#x}");
        }
    }

    #[test]
    fn pointers_lead_to_structures() {
        let arg = |(index, ty)| crate::ir::Arg {
            index,
            ty,
            label: None,
            span: crate::diag::Span::default(),
        };
        let types = [ArgType::String, ArgType::File, ArgType::Fd, ArgType::Cred];
        let hook = Hook {
            args: (0..).zip(types).map(arg).collect(),
            ..compare::tests::hook()
        };
        let wanted = [false, true, false, true, false, false];
        assert_eq!(pointers(&hook), wanted);
    }
}
