//! Registers of the processor as `pt_regs` and `argRegs` name them.
//!
//! A name belongs to one machine or the other, except `sp`, which both have: what a policy names is right on the
//! machines that have it. Source: `pkg/asm/regoffset_linux_{amd64,arm64}.go`.

/// A kind of processor that policies run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// Whole registers, and their low 4, 2 and 1 bytes.
const X86_64: &[[&str; 4]] = &[
    ["rip", "eip", "", ""],
    ["rax", "eax", "ax", "al"],
    ["rbx", "ebx", "bx", "bl"],
    ["rcx", "ecx", "cx", "cl"],
    ["rdx", "edx", "dx", "dl"],
    ["rsi", "esi", "si", "sil"],
    ["rdi", "edi", "di", "dil"],
    ["rbp", "ebp", "bp", "bpl"],
    ["rsp", "esp", "sp", "spl"],
    ["r8", "r8d", "r8w", "r8b"],
    ["r9", "r9d", "r9w", "r9b"],
    ["r10", "r10d", "r10w", "r10b"],
    ["r11", "r11d", "r11w", "r11b"],
    ["r12", "r12d", "r12w", "r12b"],
    ["r13", "r13d", "r13w", "r13b"],
    ["r14", "r14d", "r14w", "r14b"],
    ["r15", "r15d", "r15w", "r15b"],
];

/// The machines that have a register of this name.
pub(super) fn machines(name: &str) -> impl Iterator<Item = Machine> {
    let x86_64 = !name.is_empty() && X86_64.iter().flatten().any(|known| *known == name);
    let found = [
        x86_64.then_some(Machine::X86_64),
        is_of_aarch64(name).then_some(Machine::Aarch64),
    ];
    found.into_iter().flatten()
}

pub(super) fn is_known(name: &str) -> bool {
    machines(name).next().is_some()
}

fn is_of_aarch64(name: &str) -> bool {
    let numbered = |prefix: char, last: u32| {
        let digits = name.strip_prefix(prefix);
        let plain = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits
            .filter(plain)
            .and_then(|digits| digits.parse::<u32>().ok());
        number.is_some_and(|number| number <= last)
    };
    matches!(name, "sp" | "pc") || numbered('x', 31) || numbered('w', 30)
}

/// What to write for a name that is no register.
pub(super) fn advice(name: &str) -> String {
    let bare = name.trim().trim_start_matches('%').to_ascii_lowercase();
    let known: Vec<&str> = X86_64
        .iter()
        .flatten()
        .copied()
        .filter(|name| !name.is_empty())
        .collect();
    match crate::policy::nearest(&bare, &known) {
        _ if bare != name && is_known(&bare) => format!("write `{bare}`"),
        Some(near) if !bare.is_empty() => format!("did you mean `{near}`?"),
        _ => "write a register such as `rdi` (x86_64) or `x0` (aarch64)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_either_machine() {
        let found = |name| machines(name).collect::<Vec<_>>();
        assert_eq!(found("rdi"), [Machine::X86_64]);
        assert_eq!(found("r8b"), [Machine::X86_64]);
        assert_eq!(found("x0"), [Machine::Aarch64]);
        assert_eq!(found("w30"), [Machine::Aarch64]);
        assert_eq!(found("sp"), [Machine::X86_64, Machine::Aarch64]);
        for bad in [
            "", "ah", "flags", "Rdi", "x32", "w31", "x", "x+1", "%rax", "pid",
        ] {
            assert_eq!(found(bad), [], "{bad}");
        }
        assert_eq!(advice("%RAX"), "write `rax`");
        assert_eq!(advice("rdii"), "did you mean `rdi`?");
        assert!(advice("pid").starts_with("write a register"));
    }
}
