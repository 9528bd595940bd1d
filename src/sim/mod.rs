//! Objects at work in user space.
//!
//! In: an object, the names of its programs, a [`Kernel`](kernel::Kernel), and calls as [`Scene`](scene::Scene)s. Out: what the programs
//! did: signals, results, records of the ring buffer, and how many instructions it took. The object is prepared as the loader does it
//! (linked, relocated for the kernel, its maps created); the machine is strict where the kernel's verifier is. Not here: a proof that the
//! verifier takes a program (only kernels tell), locks, races between processors, memory that changes while a program reads it.

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
        Attach::FmodRet => Ok(Some(finished.result as i32).filter(|value| *value != 0)),
        _ if finished.result != 0 => Err(format!("the program returns {}", finished.result)),
        _ => Ok(last.map(|value| value as i32)),
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
