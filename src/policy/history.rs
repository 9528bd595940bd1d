//! Which release of Tetragon has which part of the language.
//!
//! Every field and every word of the language, and those of earlier releases, with the release that it came in with
//! and the one that no longer has it. Releases are those with a tag `vX.Y.0`; [`Release::Main`] is the development
//! that becomes 1.8 (CRD 1.8.13).
//!
//! From the CRDs in `pkg/k8s/apis/cilium.io/client/crds/v1alpha1` at each tag and at 4fbfe2d7. Words before 1.0 may have
//! worked without being in the schema.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// A release of Tetragon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    V0_8,
    V0_9,
    V0_10,
    V0_11,
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
    V1_5,
    V1_6,
    V1_7,
    Main,
}

use Release as R;

impl Release {
    /// Every release with its name, from the oldest.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (R::V0_8, "0.8"),
        (R::V0_9, "0.9"),
        (R::V0_10, "0.10"),
        (R::V0_11, "0.11"),
        (R::V1_0, "1.0"),
        (R::V1_1, "1.1"),
        (R::V1_2, "1.2"),
        (R::V1_3, "1.3"),
        (R::V1_4, "1.4"),
        (R::V1_5, "1.5"),
        (R::V1_6, "1.6"),
        (R::V1_7, "1.7"),
        (R::Main, "main"),
    ];

    /// The release of a name: `1.4`, also `v1.4.1`.
    pub fn parse(name: &str) -> Option<Self> {
        let bare = name.strip_prefix('v').unwrap_or(name);
        let mut parts = bare.splitn(3, '.');
        let short = match (parts.next(), parts.next()) {
            (Some(major), Some(minor)) => format!("{major}.{minor}"),
            _ => bare.to_owned(),
        };
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| *known == short)
            .map(|&(release, _)| release)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = Self::ALL.iter().find(|(release, _)| release == self);
        f.write_str(row.map_or("", |(_, name)| name))
    }
}

/// When a part of the language was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The first release that has it.
    pub since: Release,
    /// The first release that no longer has it.
    pub until: Option<Release>,
}

impl History {
    pub fn is_in(self, release: Release) -> bool {
        self.since <= release && self.until.is_none_or(|until| release < until)
    }
}

/// The history of a field, by the name of its record (`kprobe`, `argument filter`, as messages name it).
pub fn field(record: &str, field: &str) -> Option<History> {
    HISTORY.get(&(record, "", field)).copied()
}

/// The history of a word that a field of a record takes: `("argument filter", "operator", "GT")`.
pub fn word(record: &str, field: &str, word: &str) -> Option<History> {
    HISTORY.get(&(record, field, word)).copied()
}

/// The release that no longer has a field or word of this name, wherever it stood.
pub fn gone(name: &str) -> Option<Release> {
    let mut rows = WENT.iter().filter(|(record, field, _, names)| {
        // `Post` is still an action.
        (*record, *field) != ("kprobe", "returnArgAction")
            && names.split(' ').any(|one| one == name)
    });
    rows.next().map(|(_, _, until, _)| *until)
}

type Key<'a> = (&'a str, &'a str, &'a str);

static HISTORY: LazyLock<BTreeMap<Key<'static>, History>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for &(record, field, since, names) in CAME {
        for name in names.split(' ') {
            all.insert((record, field, name), History { since, until: None });
        }
    }
    for &(record, field, until, names) in WENT {
        for name in names.split(' ') {
            if let Some(history) = all.get_mut(&(record, field, name)) {
                history.until = Some(until);
            }
        }
    }
    all
});

/// Record, field whose words these are (or none: the fields themselves), release, names.
type Row = (&'static str, &'static str, Release, &'static str);

/// What came in.
#[rustfmt::skip]
const CAME: &[Row] = &[
    ("policy", "kind", R::V0_8, "TracingPolicy"),
    ("policy", "kind", R::V0_9, "TracingPolicyNamespaced"),
    ("option", "name", R::V1_0, "disable-kprobe-multi"),
    ("option", "name", R::V1_1, "disable-uprobe-multi override-method"),
    ("option", "name", R::V1_4, "policy-mode"),
    ("option", "name", R::Main, "sleepable-preload-size"),
    ("kprobe", "returnArgAction", R::V0_10, "Post TrackSock UntrackSock"),
    ("argument", "source", R::V1_6, "current_task"),
    ("argument", "source", R::V1_7, "pt_regs"),
    ("spec", "", R::V0_8, "kprobes tracepoints"),
    ("spec", "", R::V0_9, "loader uprobes"),
    ("spec", "", R::V0_10, "podSelector"),
    ("spec", "", R::V0_11, "lists"),
    ("spec", "", R::V1_0, "killers options"),
    ("spec", "", R::V1_1, "containerSelector enforcers"),
    ("spec", "", R::V1_2, "lsmhooks"),
    ("spec", "", R::V1_6, "usdts"),
    ("spec", "", R::V1_7, "fentries hostSelector selectorsMacros"),
    ("spec", "", R::Main, "nodeSelector"),
    ("kprobe", "", R::V0_8, "args call return returnArg selectors syscall"),
    ("kprobe", "", R::V0_10, "returnArgAction"),
    ("kprobe", "", R::V1_1, "message tags"),
    ("kprobe", "", R::V1_5, "ignore"),
    ("kprobe", "", R::V1_6, "data"),
    ("ignore", "", R::V1_5, "callNotFound"),
    ("uprobe ignore", "", R::Main, "digestVerificationFailure"),
    ("tracepoint", "", R::V0_8, "args event selectors subsystem"),
    ("tracepoint", "", R::V1_1, "message tags"),
    ("tracepoint", "", R::V1_5, "raw"),
    ("uprobe", "", R::V0_9, "path selectors symbol"),
    ("uprobe", "", R::V1_1, "args message symbols tags"),
    ("uprobe", "", R::V1_5, "offsets refCtrOffsets"),
    ("uprobe", "", R::V1_6, "addrs"),
    ("uprobe", "", R::V1_7, "btfPath data return returnArg"),
    ("uprobe", "", R::Main, "binaryDigests ignore"),
    ("usdt", "", R::V1_6, "args btfPath message name path provider selectors tags"),
    ("lsmhook", "", R::V1_2, "args hook message selectors tags"),
    ("argument", "", R::V0_8, "index returnCopy sizeArgIndex type"),
    ("argument", "", R::V0_10, "label maxData"),
    ("argument", "", R::V1_4, "resolve"),
    ("argument", "", R::V1_6, "btfType source"),
    ("argument", "", R::Main, "btfTypeModule"),
    ("argument", "type", R::V0_8, "char_buf char_iovec fd file filename int int32 int64 nop path size_t skb sock string uint32 uint64"),
    ("argument", "type", R::V0_9, "bpf_attr bpf_map capability perf_event user_namespace"),
    ("argument", "type", R::V0_10, "iov_iter kiocb"),
    ("argument", "type", R::V0_11, "cred"),
    ("argument", "type", R::V1_0, "auto load_info module"),
    ("argument", "type", R::V1_1, "cap_effective cap_inheritable cap_permitted data_loc int16 int8 kernel_cap_t linux_binprm net_device syscall64 uint16 uint8"),
    ("argument", "type", R::V1_3, "bpf_cmd"),
    ("argument", "type", R::V1_4, "dentry sockaddr socket"),
    ("argument", "type", R::V1_6, "bpf_prog"),
    ("argument", "type", R::V1_7, "const_buf long sint16 sint32 sint64 sint8 sockaddr_un ulong"),
    ("list", "", R::V0_11, "name pattern type values"),
    ("list", "", R::V1_0, "validated"),
    ("list", "type", R::V0_11, "generated_ftrace generated_syscalls syscalls"),
    ("enforcer", "", R::V1_0, "syscalls"),
    ("enforcer", "", R::V1_1, "calls"),
    ("option", "", R::V1_0, "name value"),
    ("label selector", "", R::V0_10, "matchExpressions matchLabels"),
    ("label expression", "", R::V0_10, "key operator values"),
    ("label expression", "operator", R::V0_10, "DoesNotExist Exists In NotIn"),
    ("selector", "", R::V0_8, "matchActions matchArgs matchBinaries matchCapabilities matchCapabilityChanges matchNamespaceChanges matchNamespaces matchPIDs matchReturnArgs"),
    ("selector", "", R::V1_1, "matchReturnActions"),
    ("selector", "", R::V1_6, "matchData"),
    ("selector", "", R::V1_7, "macros matchParentBinaries"),
    ("selector", "", R::Main, "label matchWorkloads"),
    ("pid filter", "", R::V0_8, "followForks isNamespacePID operator values"),
    ("pid filter", "operator", R::V0_8, "In NotIn"),
    ("argument filter", "", R::V0_8, "index operator values"),
    ("argument filter", "", R::V1_5, "args"),
    ("argument filter", "operator", R::V0_8, "Equal NotEqual Postfix Prefix"),
    ("argument filter", "operator", R::V0_10, "DAddr DPort GT GreaterThan LT LessThan Mask Protocol SAddr SPort"),
    ("argument filter", "operator", R::V0_11, "DPortPriv Family NotDAddr NotDPort NotDPortPriv NotPostfix NotPrefix NotSAddr NotSPort NotSportPriv SPortPriv State"),
    ("argument filter", "operator", R::V1_0, "InMap NotInMap"),
    ("argument filter", "operator", R::V1_5, "CapabilitiesGained"),
    ("argument filter", "operator", R::V1_6, "InRange NotInRange"),
    ("argument filter", "operator", R::V1_7, "CelExpr FileType NotFileType SubString SubStringIgnCase"),
    ("binary filter", "", R::V0_8, "operator values"),
    ("binary filter", "", R::V1_2, "followChildren"),
    ("binary filter", "operator", R::V0_8, "In"),
    ("binary filter", "operator", R::V0_9, "NotIn"),
    ("binary filter", "operator", R::V1_1, "NotPrefix Prefix"),
    ("binary filter", "operator", R::V1_2, "NotPostfix Postfix"),
    ("namespace filter", "", R::V0_8, "namespace operator values"),
    ("namespace filter", "namespace", R::V0_8, "Cgroup Ipc Mnt Net Pid PidForChildren Time TimeForChildren User Uts"),
    ("namespace filter", "operator", R::V0_8, "In NotIn"),
    ("namespace change filter", "", R::V0_8, "operator values"),
    ("namespace change filter", "operator", R::V0_8, "In NotIn"),
    ("capability filter", "", R::V0_8, "isNamespaceCapability operator type values"),
    ("capability filter", "operator", R::V0_8, "In NotIn"),
    ("capability filter", "type", R::V0_8, "Effective Inheritable Permitted"),
    ("workload filter", "", R::Main, "containerSelector hostSelector podSelector"),
    ("action", "", R::V0_8, "action argError argFd argName"),
    ("action", "", R::V0_9, "argFqdn argUrl"),
    ("action", "", R::V0_10, "argSig argSock rateLimit"),
    ("action", "", R::V1_0, "stackTrace"),
    ("action", "", R::V1_1, "kernelStackTrace rateLimitScope userStackTrace"),
    ("action", "", R::V1_3, "imaHash"),
    ("action", "", R::V1_6, "argIndex argRegs argValue"),
    ("action", "", R::Main, "argNewAddr argNewOffset argNewSymbol"),
    ("action", "action", R::V0_8, "FollowFD Post Sigkill UnfollowFD"),
    ("action", "action", R::V0_9, "CopyFD DnsLookup GetUrl Override"),
    ("action", "action", R::V0_10, "NoPost TrackSock UntrackSock"),
    ("action", "action", R::V1_0, "NotifyKiller Signal"),
    ("action", "action", R::V1_1, "NotifyEnforcer"),
    ("action", "action", R::V1_3, "CleanupEnforcerNotification"),
    ("action", "action", R::V1_6, "Set"),
];

/// What went.
#[rustfmt::skip]
const WENT: &[Row] = &[
    ("action", "", R::V1_1, "stackTrace"),
    ("action", "", R::Main, "argFd argName"),
    ("action", "action", R::V1_1, "NotifyKiller"),
    ("action", "action", R::Main, "CopyFD FollowFD UnfollowFD"),
    ("enforcer", "", R::V1_1, "syscalls"),
    ("kprobe", "returnArgAction", R::Main, "Post"),
    ("spec", "", R::V1_1, "killers"),
    ("uprobe", "", R::V1_1, "symbol"),
];

#[cfg(test)]
mod tests {
    use super::super::model::records;
    use super::super::words::*;
    use super::*;

    /// Words of a table that have no row.
    fn missing<W: Word>(record: &str, field: &str) -> Vec<&'static str> {
        let words = W::WORDS.iter().map(|(name, _)| *name);
        words
            .filter(|name| !lives(word(record, field, name)))
            .collect()
    }

    fn lives(history: Option<History>) -> bool {
        history.is_some_and(|history| history.is_in(Release::Main))
    }

    #[test]
    fn every_word_has_a_row() {
        let none: [&str; 0] = [];
        assert_eq!(missing::<Kind>("policy", "kind"), none);
        assert_eq!(missing::<ArgType>("argument", "type"), none);
        assert_eq!(missing::<Operator>("argument filter", "operator"), none);
        assert_eq!(missing::<BinaryOperator>("binary filter", "operator"), none);
        assert_eq!(missing::<Namespace>("namespace filter", "namespace"), none);
        assert_eq!(missing::<CapabilitySet>("capability filter", "type"), none);
        assert_eq!(missing::<ActionKind>("action", "action"), none);
        assert_eq!(missing::<ListKind>("list", "type"), none);
        assert_eq!(
            missing::<LabelOperator>("label expression", "operator"),
            none
        );
        for record in [
            "pid filter",
            "namespace filter",
            "namespace change filter",
            "capability filter",
        ] {
            assert_eq!(missing::<SetOperator>(record, "operator"), none, "{record}");
        }
    }

    #[test]
    fn every_field_has_a_row() {
        for (record, fields) in records() {
            for name in *fields {
                assert!(lives(field(record, name)), "{record}: {name}");
            }
        }
    }

    #[test]
    fn every_row_is_a_field_or_word_or_went() {
        let known = |(record, in_field, name): &Key<'_>| {
            let mut records = records().iter().filter(|(known, _)| known == record);
            records.any(|(_, fields)| {
                fields.contains(if in_field.is_empty() { name } else { in_field })
            })
        };
        for (key, history) in HISTORY.iter().filter(|(key, _)| key.0 != "policy") {
            assert!(known(key) || history.until.is_some(), "{key:?}");
        }
        for (record, in_field, _, names) in WENT {
            for name in names.split(' ') {
                let row = HISTORY.get(&(*record, *in_field, name));
                assert!(
                    row.is_some_and(|row| row.until.is_some()),
                    "{record} {name}"
                );
            }
        }
    }

    #[test]
    fn releases() {
        assert_eq!(Release::parse("1.4"), Some(Release::V1_4));
        assert_eq!(Release::parse("v1.4.1"), Some(Release::V1_4));
        assert_eq!(Release::parse("main"), Some(Release::Main));
        assert_eq!(Release::parse("2.0"), None);
        assert!(Release::V0_9 < Release::V0_10 && Release::V1_7 < Release::Main);
        let override_ = word("action", "action", "Override").expect("a row");
        assert!(!override_.is_in(Release::V0_8) && override_.is_in(Release::V1_0));
        let follow = word("action", "action", "FollowFD").expect("a row");
        assert!(follow.is_in(Release::V1_7) && !follow.is_in(Release::Main));
        assert_eq!(Release::V1_0.to_string(), "1.0");
    }
}
