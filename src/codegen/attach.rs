//! The ways to run at a function's entry or return, and how each hands over parameters.

use super::mir::Field;

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attach {
    /// Trampoline at the entry (`fentry`), with typed parameters.
    Fentry,
    /// Trampoline whose result can replace the function's (`fmod_ret`).
    FmodRet,
    /// Breakpoint at the entry.
    Kprobe,
    /// Breakpoint at the entry that may use `bpf_override_return`.
    KprobeOverride,
}

/// Entry or return of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Entry,
    Return,
}

impl Attach {
    /// Whether the verifier knows the types of the parameters.
    pub(super) fn typed(self) -> bool {
        matches!(self, Self::Fentry | Self::FmodRet)
    }

    /// Name in program names and in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::FmodRet => "fmod_ret",
            Self::Kprobe => "kprobe",
            Self::KprobeOverride => "kprobe_override",
        }
    }

    /// ELF section by libbpf's conventions. Programs that some kernels refuse to load
    /// whatever the policy are marked `?`: not loaded unless asked for by name.
    pub(super) fn section(self, role: Role, target: &str) -> String {
        let kind = match (self, role) {
            (Self::Fentry, Role::Entry) => "fentry",
            (Self::Fentry | Self::FmodRet, Role::Return) => "fexit",
            (Self::FmodRet, Role::Entry) => "fmod_ret",
            (Self::Kprobe, Role::Entry) => "kprobe",
            (Self::KprobeOverride, Role::Entry) => "?kprobe",
            (Self::Kprobe | Self::KprobeOverride, Role::Return) => "kretprobe",
        };
        format!("{kind}/{target}")
    }
}

/// Bytes of parameters 0 to 5 in the `struct pt_regs` of a kprobe
/// (arch/x86/include/uapi/asm/ptrace.h; the order of the System V ABI).
const FUNCTION_REGS: [i16; 6] = [112, 104, 96, 88, 72, 64];
/// Byte of the return value in the `struct pt_regs` of a kretprobe.
pub(super) const RETURN_REG: i16 = 80;
/// Registers of the parameters of a system call in its inner `struct pt_regs`.
const SYSCALL_REGS: [&str; 6] = ["di", "si", "dx", "r10", "r8", "r9"];

/// Byte of a function's parameter in the context of a kprobe; `None` beyond registers.
pub(super) fn function_reg(index: u8) -> Option<i16> {
    FUNCTION_REGS.get(usize::from(index)).copied()
}

/// Field of a system call's parameter; `None` beyond the six that calls can have.
pub(super) fn syscall_reg(index: u8) -> Option<Field> {
    let path = SYSCALL_REGS.get(usize::from(index))?;
    Some(Field {
        root: "pt_regs",
        path,
    })
}
