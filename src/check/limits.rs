//! Where a policy goes beyond what Tetragon's interpreter takes.
//!
//! Tetragon walks one encoding of every policy with generic programs, so that counts and lengths have bounds; some of
//! its tables have gaps. None of this is in the language, and tpc has none of it. Who asks whether a policy also
//! loads in Tetragon gets every excess here, with its place; nothing is pushed into a sink.
//!
//! In: a judged policy. Out: excesses in the order of the checks. What is refused for another reason is not judged.
//!
//! Source: the constants and messages of `pkg/selectors`, `pkg/sensors/tracing` and `pkg/api/tracingapi`; the releases by
//! comparing them at each tag.

mod encoded;
mod hooks;
mod selectors;

use super::form::Judged;
use crate::diag::Span;
use crate::policy::history::Release;

/// What Tetragon does with what is beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The policy is not loaded.
    Refused,
    /// The agent crashes.
    Crashes,
    /// The policy passes the agent's checks, and the kernel side cannot be set up.
    Fails,
    /// The policy loads, and what is beyond is left out or misread.
    Ignored,
}

/// A limit of Tetragon.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: &'static str,
    /// What is limited, for messages.
    pub what: &'static str,
    /// The most there can be, or the least for [`MESSAGE`] and [`TAG`]; `None` where it is no number.
    pub bound: Option<u64>,
    pub effect: Effect,
    /// The first release that does this. Earlier ones may do worse.
    pub since: Release,
    /// The way to attach that has the limit, where others do not; it needs a kernel that can do it, and no option of
    /// the policy against it.
    pub only_with: Option<&'static str>,
}

/// A place where a policy exceeds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    pub limit: &'static Limit,
    /// The first thing that is too much.
    pub span: Span,
    /// How many or how long it is; 0 where that is no number.
    pub found: u64,
}

/// Every excess of a policy.
pub fn exceeded(judged: &Judged<'_>) -> Vec<Excess> {
    let mut found = Found::default();
    selectors::written(judged.policy, &mut found);
    hooks::across(judged, &mut found);
    for hook in &judged.hooks {
        hooks::one(hook, &mut found);
        for selector in &hook.selectors {
            selectors::one(hook, selector, &mut found);
        }
        encoded::sizes(hook, &mut found);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Excess>);

impl Found {
    fn push(&mut self, limit: &'static Limit, span: Span, found: usize) {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        self.0.push(Excess { limit, span, found });
    }

    /// Marks the first item beyond the bound of a limit.
    fn count<T>(&mut self, limit: &'static Limit, items: &[T], span: impl Fn(&T) -> Span) {
        let most = limit.bound.and_then(|most| usize::try_from(most).ok());
        if let Some(first) = most.and_then(|most| items.get(most)) {
            self.push(limit, span(first), items.len());
        }
    }

    fn length(&mut self, limit: &'static Limit, text: &str, span: Span) {
        if limit.bound.is_some_and(|most| text.len() as u64 > most) {
            self.push(limit, span, text.len());
        }
    }
}

/// Declares a constant per limit and [`ALL`], from one list.
macro_rules! limits {
    ($($constant:ident $name:literal $bound:expr, $effect:ident, $since:ident, $what:literal $($link:literal)?;)*) => {
        $(
            #[doc = concat!("Limits ", $what, ".")]
            pub static $constant: Limit = Limit {
                name: $name,
                what: $what,
                bound: $bound,
                effect: Effect::$effect,
                since: Release::$since,
                only_with: limits!(@link $($link)?),
            };
        )*

        /// Every limit, by name.
        pub static ALL: &[&Limit] = &[$(&$constant),*];
    };
    (@link) => { None };
    (@link $link:literal) => { Some($link) };
}

limits! {
    ACTIONS "actions" Some(3), Refused, V0_10, "the actions of a selector, and those on its return value";
    ARGUMENTS "arguments" Some(5), Refused, V1_6, "the values that a kprobe, fentry or usdt reads";
    ARGUMENTS_CRASH "arguments-crash" Some(5), Crashes, V1_6, "the values that a uprobe or lsmhook reads";
    ARGUMENTS_FAIL "arguments-fail" Some(5), Fails, V0_8, "the values that a tracepoint reads, sizes of buffers included";
    ARGUMENT_INDEX "argument-index" Some(4), Refused, V0_9, "the number of a function's parameter";
    BINARIES "binaries" Some(1), Refused, V1_1, "the entries of `matchBinaries` and `matchParentBinaries`";
    BINARY_LENGTH "binary-length" Some(255), Refused, V0_8, "the path of a binary, in bytes";
    BUFFER "encoded-bytes" Some(4096), Crashes, V0_8, "the encoded selectors of a hook, in bytes";
    CAPABILITY_FILTERS "capability-filters" Some(1), Ignored, V0_8, "the entries of `matchCapabilities` and `matchCapabilityChanges`";
    DAC_OVERRIDE "dac-override" None, Refused, V0_8, "the name of the capability 1, which is `DAC_OVERRIDE` here";
    EQUAL_LENGTH "equal-length" Some(4096), Refused, V0_8, "a text that a value shall equal, in bytes";
    EXPRESSIONS "expressions" Some(8), Refused, V1_7, "the expressions of a policy, or of a hook where hooks have programs of their own";
    FILENAME "filename-equal" None, Refused, V0_8, "what an argument of type `filename` is compared with";
    FILENAME_TEXTS "filename-texts" None, Ignored, V0_8, "the beginning, end or middle of an argument of type `filename`, which Tetragon finds in all";
    FILTERS "filters" Some(5), Refused, V0_10, "the filters of a selector on values, and those on the return value";
    FOLLOWERS "followers" Some(64), Refused, V1_2, "the filters with `followChildren` of all policies";
    HOST_NAMESPACE "host-namespace" None, Refused, V0_8, "`host_ns` of PidForChildren and TimeForChildren";
    LOW_BYTES "encoded-reach" Some(1024), Ignored, V0_8, "the encoded selectors of a hook that the kernel side reaches, in bytes";
    MESSAGE "message" Some(2), Refused, V1_1, "the least length of a message, in bytes";
    MESSAGE_CUT "message-cut" Some(256), Ignored, V1_1, "a message, in bytes";
    MIXED_ADDRESSES "mixed-addresses" Some(1), Refused, Main, "the ways to name places in one program" "uprobe.multi";
    NAMESPACES "namespaces" Some(10), Refused, V0_8, "the entries of `matchNamespaces`";
    NAMESPACE_CHANGES "namespace-changes" Some(1), Refused, V0_8, "the entries of `matchNamespaceChanges`";
    NAMESPACE_VALUES "namespace-values" Some(4), Refused, V0_8, "the values of an entry of `matchNamespaces`";
    NUMBER_RANGE "number-range" None, Refused, V0_8, "a number, which Tetragon reads into fewer bits than its type has";
    OVERRIDE_MULTI "override-multi" None, Refused, V0_9, "`Override` of `security_` functions" "kprobe.multi";
    PIDS "pids" Some(4), Ignored, V0_8, "the values of an entry of `matchPIDs`";
    PID_FILTERS "pid-filters" Some(1), Ignored, V0_8, "the entries of `matchPIDs`";
    POSTFIX_LENGTH "postfix-length" Some(127), Refused, V0_11, "a text that a value shall end with, in bytes";
    PREFIX_LENGTH "prefix-length" Some(256), Refused, V1_0, "a text that a value shall begin with, in bytes";
    RAW_INDEX "raw-index" Some(5), Refused, V1_5, "the number of a raw tracepoint's argument";
    REGISTERS "registers" Some(18), Fails, V1_6, "the assignments of an `Override`";
    RESOLVE_DEPTH "resolve-depth" Some(10), Refused, V1_4, "the steps of `resolve`";
    SAME_FUNCTION "same-function" Some(1), Refused, V1_4, "the hooks on one function" "kprobe.multi";
    SELECTORS "selectors" Some(5), Refused, V1_7, "the selectors of a hook";
    SUBSTRINGS "substrings" Some(100), Refused, V1_7, "the values of SubString and SubStringIgnCase in a hook";
    SUBSTRING_LENGTH "substring-length" Some(99), Refused, V1_7, "a text that a value shall contain, in bytes";
    TAG "tag" Some(2), Refused, V1_1, "the least length of a tag, in bytes";
    TAGS "tags" Some(16), Refused, V1_1, "the tags of a hook";
    TAG_CUT "tag-cut" Some(128), Ignored, V1_1, "a tag, in bytes";
    VALUES "values" Some(4), Refused, V1_5, "the values of a filter that are compared one by one";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        let mut names: Vec<&str> = ALL.iter().map(|limit| limit.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
