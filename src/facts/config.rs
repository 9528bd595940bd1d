//! The kernel's configuration: the options that decide what policies can do.

use std::collections::BTreeMap;

/// Options that are kept, without `CONFIG_`, sorted.
const KEPT: &[&str] = &[
    "AUDIT",
    "BPF",
    "BPF_EVENTS",
    "BPF_JIT",
    "BPF_JIT_ALWAYS_ON",
    "BPF_KPROBE_OVERRIDE",
    "BPF_LSM",
    "BPF_SYSCALL",
    "BPF_UNPRIV_DEFAULT_OFF",
    "CGROUPS",
    "CGROUP_BPF",
    "DEBUG_FS",
    "DEBUG_INFO_BTF",
    "DEBUG_INFO_BTF_MODULES",
    "DYNAMIC_FTRACE",
    "DYNAMIC_FTRACE_WITH_ARGS",
    "DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
    "DYNAMIC_FTRACE_WITH_REGS",
    "FPROBE",
    "FTRACE",
    "FTRACE_SYSCALLS",
    "FUNCTION_ERROR_INJECTION",
    "FUNCTION_TRACER",
    "IA32_EMULATION",
    "IMA",
    "KALLSYMS",
    "KALLSYMS_ALL",
    "KPROBES",
    "KPROBES_ON_FTRACE",
    "KPROBE_EVENTS",
    "KPROBE_EVENTS_ON_NOTRACE",
    "LSM",
    "MODULES",
    "NAMESPACES",
    "PERF_EVENTS",
    "SECURITY",
    "SECURITYFS",
    "SECURITY_LOCKDOWN_LSM",
    "SECURITY_NETWORK",
    "SECURITY_PATH",
    "TRACEPOINTS",
    "UPROBES",
    "UPROBE_EVENTS",
];

/// Reads a configuration; options that are not set are `n`. `None` if it is none.
pub(super) fn read(text: &str) -> Option<BTreeMap<String, String>> {
    let mut options: BTreeMap<String, String> = BTreeMap::new();
    let mut is_config = false;
    for line in text.lines() {
        if let Some((name, value)) = line
            .strip_prefix("CONFIG_")
            .and_then(|rest| rest.split_once('='))
        {
            is_config = true;
            if KEPT.binary_search(&name).is_ok() {
                options.insert(name.to_owned(), value.trim_matches('"').to_owned());
            }
        }
    }
    for name in KEPT {
        options
            .entry((*name).to_owned())
            .or_insert_with(|| "n".to_owned());
    }
    is_config.then_some(options)
}

/// The version in the header of a configuration: `# Linux/x86 6.1.1 Kernel Configuration`.
pub(super) fn version(text: &str) -> Option<&str> {
    let header = text
        .lines()
        .take(4)
        .find(|line| line.starts_with("# Linux/"))?;
    header.split(' ').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_absent_are_not_set() {
        assert!(KEPT.windows(2).all(|pair| pair[0] < pair[1]));
        let text = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.1 Kernel Configuration\n#\n\
                    CONFIG_BPF=y\n# CONFIG_BPF_LSM is not set\nCONFIG_LSM=\"landlock,bpf\"\nCONFIG_E1000=m\n";
        let options = read(text).expect("a configuration");
        assert_eq!(options["BPF"], "y");
        assert_eq!(options["BPF_LSM"], "n");
        assert_eq!(options["LSM"], "landlock,bpf");
        assert!(!options.contains_key("E1000"));
        assert_eq!(version(text), Some("6.1.1"));
        assert!(read("hello").is_none());
    }
}
