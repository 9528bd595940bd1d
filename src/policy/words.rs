//! The words of the language: every enumerated value, with its exact spellings.
//!
//! Each type is one table of `variant = "spelling"`; further spellings of a
//! variant are aliases. Source: Tetragon CRD 1.8.13 (`pkg/k8s/apis/cilium.io/v1alpha1/types.go`).

/// An enumerated value of the language.
pub trait Word: Copy + Eq + Sized + 'static {
    /// What the value is, for messages: `operator`.
    const WHAT: &'static str;
    /// Every accepted spelling in the order of the schema.
    const WORDS: &'static [(&'static str, Self)];

    /// The value of an exact spelling.
    fn parse(text: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|&(_, value)| value)
    }

    /// The first spelling of the value.
    fn name(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|&&(_, value)| value == self)
            .map_or("", |&(word, _)| word)
    }
}

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident $what:literal {
        $($variant:ident = $first:literal $(| $alias:literal)*,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant,)* }

        impl Word for $name {
            const WHAT: &'static str = $what;
            const WORDS: &'static [(&'static str, Self)] = &[
                $(($first, Self::$variant), $(($alias, Self::$variant),)*)*
            ];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

words! {
    /// Scope of a policy.
    Kind "kind" {
        TracingPolicy = "TracingPolicy",
        TracingPolicyNamespaced = "TracingPolicyNamespaced",
    }

    /// Type of an argument or return value.
    ArgType "type" {
        Auto = "auto",
        Int = "int",
        Int8 = "int8" | "sint8",
        Uint8 = "uint8",
        Int16 = "int16" | "sint16",
        Uint16 = "uint16",
        Int32 = "int32" | "sint32",
        Uint32 = "uint32",
        Int64 = "int64" | "sint64" | "long",
        Uint64 = "uint64" | "ulong",
        SizeT = "size_t",
        CharBuf = "char_buf",
        CharIovec = "char_iovec",
        Skb = "skb",
        Sock = "sock",
        Sockaddr = "sockaddr",
        Socket = "socket",
        SockaddrUn = "sockaddr_un",
        String = "string",
        Fd = "fd",
        File = "file",
        Filename = "filename",
        Path = "path",
        Nop = "nop",
        BpfAttr = "bpf_attr",
        PerfEvent = "perf_event",
        BpfMap = "bpf_map",
        UserNamespace = "user_namespace",
        Capability = "capability",
        Kiocb = "kiocb",
        IovIter = "iov_iter",
        Cred = "cred",
        ConstBuf = "const_buf",
        LoadInfo = "load_info",
        Module = "module",
        Syscall64 = "syscall64",
        KernelCap = "kernel_cap_t",
        CapInheritable = "cap_inheritable",
        CapPermitted = "cap_permitted",
        CapEffective = "cap_effective",
        LinuxBinprm = "linux_binprm",
        DataLoc = "data_loc",
        NetDevice = "net_device",
        BpfCmd = "bpf_cmd",
        Dentry = "dentry",
        BpfProg = "bpf_prog",
    }

    /// Operator of a value filter (`matchArgs`, `matchData`, `matchReturnArgs`).
    Operator "operator" {
        Equal = "Equal",
        NotEqual = "NotEqual",
        Prefix = "Prefix",
        NotPrefix = "NotPrefix",
        Postfix = "Postfix",
        NotPostfix = "NotPostfix",
        GreaterThan = "GreaterThan" | "GT",
        LessThan = "LessThan" | "LT",
        Mask = "Mask",
        InMap = "InMap",
        NotInMap = "NotInMap",
        InRange = "InRange",
        NotInRange = "NotInRange",
        SPort = "SPort",
        NotSPort = "NotSPort",
        SPortPriv = "SPortPriv",
        NotSPortPriv = "NotSportPriv",
        DPort = "DPort",
        NotDPort = "NotDPort",
        DPortPriv = "DPortPriv",
        NotDPortPriv = "NotDPortPriv",
        SAddr = "SAddr",
        NotSAddr = "NotSAddr",
        DAddr = "DAddr",
        NotDAddr = "NotDAddr",
        Protocol = "Protocol",
        Family = "Family",
        State = "State",
        CapabilitiesGained = "CapabilitiesGained",
        SubString = "SubString",
        SubStringIgnCase = "SubStringIgnCase",
        CelExpr = "CelExpr",
        FileType = "FileType",
        NotFileType = "NotFileType",
    }

    /// Operator of the filters on sets: pids, namespaces, capabilities.
    SetOperator "operator" {
        In = "In",
        NotIn = "NotIn",
    }

    /// Operator of `matchBinaries` and `matchParentBinaries`.
    BinaryOperator "operator" {
        In = "In",
        NotIn = "NotIn",
        Prefix = "Prefix",
        NotPrefix = "NotPrefix",
        Postfix = "Postfix",
        NotPostfix = "NotPostfix",
    }

    /// Namespace of `matchNamespaces`.
    Namespace "namespace" {
        Uts = "Uts",
        Ipc = "Ipc",
        Mnt = "Mnt",
        Pid = "Pid",
        PidForChildren = "PidForChildren",
        Net = "Net",
        Time = "Time",
        TimeForChildren = "TimeForChildren",
        Cgroup = "Cgroup",
        User = "User",
    }

    /// Capability set of `matchCapabilities` and `matchCapabilityChanges`.
    CapabilitySet "type" {
        Effective = "Effective",
        Inheritable = "Inheritable",
        Permitted = "Permitted",
    }

    /// What a matching selector does.
    ActionKind "action" {
        Post = "Post",
        Sigkill = "Sigkill",
        Override = "Override",
        GetUrl = "GetUrl",
        DnsLookup = "DnsLookup",
        NoPost = "NoPost",
        Signal = "Signal",
        TrackSock = "TrackSock",
        UntrackSock = "UntrackSock",
        NotifyEnforcer = "NotifyEnforcer",
        CleanupEnforcerNotification = "CleanupEnforcerNotification",
        Set = "Set",
    }

    /// How the values of a list come about.
    ListKind "type" {
        Syscalls = "syscalls",
        GeneratedSyscalls = "generated_syscalls",
        GeneratedFtrace = "generated_ftrace",
    }

    /// Operator of a label expression.
    LabelOperator "operator" {
        In = "In",
        NotIn = "NotIn",
        Exists = "Exists",
        DoesNotExist = "DoesNotExist",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_share_a_value_and_spelling_is_exact() {
        assert_eq!(ArgType::parse("long"), Some(ArgType::Int64));
        assert_eq!(ArgType::Int64.name(), "int64");
        assert_eq!(Operator::parse("GT"), Some(Operator::GreaterThan));
        assert_eq!(
            Operator::parse("NotSportPriv"),
            Some(Operator::NotSPortPriv)
        );
        assert_eq!(Operator::parse("equal"), None);
    }
}
