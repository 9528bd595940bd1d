//! The kernel's lists: one entry a line, words separated by blanks.

use std::collections::{BTreeMap, BTreeSet};

/// Names of padding in front of functions (6.4 and later, x86_64), which are no functions.
const PADDING: &str = "__pfx_";

/// Functions of a list of symbols.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// How many there are of each name in the kernel proper.
    pub(super) kernel: BTreeMap<String, usize>,
    pub(super) modules: BTreeMap<String, BTreeSet<String>>,
}

/// Reads `/proc/kallsyms` or `System.map`: address, kind, name, perhaps `[module]`. `None` if it is neither.
pub(super) fn symbols(text: &str) -> Option<Symbols> {
    let mut symbols = Symbols::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
        if !address.bytes().all(|byte| byte.is_ascii_hexdigit()) || kind.len() != 1 {
            return None;
        }
        if !matches!(kind, "t" | "T" | "w" | "W") || name.starts_with(PADDING) {
            continue;
        }
        match words.next().and_then(bracketed) {
            // Programs and trampolines of BPF come and go.
            Some("bpf" | "__builtin__ftrace" | "__builtin__kprobes") => {}
            Some(module) => {
                let names = symbols.modules.entry(module.to_owned()).or_default();
                names.insert(name.to_owned());
            }
            None => *symbols.kernel.entry(name.to_owned()).or_default() += 1,
        }
    }
    Some(symbols)
}

/// `available_filter_functions`: a name, perhaps `[module]`; those of the kernel proper.
pub(super) fn traceable(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().map(str::split_ascii_whitespace);
    let own = lines.filter_map(|mut words| Some((words.next()?, words.next())));
    own.filter(|(_, module)| module.is_none())
        .map(|(name, _)| name)
        .collect()
}

/// `kprobes/blacklist`: a range of addresses and a name, perhaps `[module]`.
pub(super) fn protected(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::split_ascii_whitespace);
    let named = lines.filter_map(|mut words| Some((words.nth(1)?, words.next())));
    named
        .filter(|(_, module)| module.is_none())
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// `error_injection/list`: a name, perhaps `[module]`, and the kind of error.
pub(super) fn replaceable(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter(|line| !line.contains('['));
    names
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The fields of a tracepoint's `format`, those that all have first: policies count them, too.
pub(super) fn fields(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let (declaration, _) = line.trim_start().strip_prefix("field:")?.split_once(';')?;
        Some(declaration.to_owned())
    });
    lines.collect()
}

fn bracketed(word: &str) -> Option<&str> {
    word.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_both_kinds() {
        let text = "ffffffff81000000 T _text\nffffffff81000010 t twice\nffffffff81000020 t twice\n\
                    0000000000000000 D data\n0000000000000000 t __pfx_f\n0000000000000000 t f\t[nf_tables]\n\
                    0000000000000000 t bpf_prog_1\t[bpf]\n";
        let symbols = symbols(text).expect("a list");
        let kernel: Vec<_> = symbols
            .kernel
            .iter()
            .map(|(n, c)| (n.as_str(), *c))
            .collect();
        assert_eq!(kernel, [("_text", 1), ("twice", 2)]);
        assert!(symbols.modules["nf_tables"].contains("f") && symbols.modules.len() == 1);
        for wrong in ["x", "CONFIG_BPF=y", "zz T f", "00 long name"] {
            assert!(super::symbols(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn other_lists() {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(traceable("a\nb [m]\n"), BTreeSet::from(["a"]));
        let protected = protected("0x0-0x1\ta\n0x0-0x1\tb [m]\n");
        assert_eq!(protected, list(&["a"]));
        assert_eq!(replaceable("a\tERRNO\nb [m]\tNULL\n"), list(&["a"]));
        let format = "name: x\nformat:\n\tfield:int common_pid;\toffset:4;\n\n\
                      \tfield:const char * filename;\toffset:16;\tsize:8;\n\tfield:char comm[16];\n";
        assert_eq!(
            fields(format),
            ["int common_pid", "const char * filename", "char comm[16]"]
        );
    }
}
