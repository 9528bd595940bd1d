//! Diagnostic codes: one table of number, short name and title.
//!
//! A code is stable: it is never renumbered and never reused. Its range names the
//! stage that found the problem: `0xxx` reading and decoding YAML, `1xxx` the
//! meaning of a policy, `2xxx` lint rules, `3xxx` code generation and its limits,
//! `4xxx` bundles and the loader, `5xxx` tests of policies.

use std::fmt;

/// Number of a diagnostic, shown as `TPC1003`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TPC{:04}", self.0)
    }
}

impl Code {
    /// Short name of the table (`unknown-field`); empty if the table lacks the code.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// One line saying what the code stands for; empty if the table lacks the code.
    pub fn title(self) -> &'static str {
        self.entry().map_or("", |entry| entry.title)
    }

    fn entry(self) -> Option<&'static Entry> {
        let row = TABLE.binary_search_by_key(&self, |entry| entry.code);
        row.ok().and_then(|row| TABLE.get(row))
    }
}

/// One row of [`TABLE`].
#[derive(Debug)]
pub struct Entry {
    pub code: Code,
    pub name: &'static str,
    pub title: &'static str,
}

/// Declares a constant per code and [`TABLE`], from one list.
macro_rules! codes {
    ($($number:literal $constant:ident $name:literal $title:literal;)*) => {
        $(#[doc = $title] pub const $constant: Code = Code($number);)*

        /// Every code, sorted by number.
        pub static TABLE: &[Entry] = &[
            $(Entry { code: $constant, name: $name, title: $title },)*
        ];
    };
}

codes! {
    // 0xxx: files, YAML, decoding.
    1 UNREADABLE       "unreadable"        "a file or directory cannot be read";
    2 ENCODING         "encoding"          "a file is not UTF-8 text, or holds control characters";
    3 SYNTAX           "yaml-syntax"       "the text is not YAML";
    4 DUPLICATE_KEY    "duplicate-key"     "a mapping has the same key twice";
    5 YAML_UNSUPPORTED "yaml-unsupported"  "YAML that a Kubernetes object cannot contain";
    6 TEMPLATE         "template"          "the file is a template that was not rendered";
    7 YAML_LIMIT       "yaml-limit"        "the document is too large or too deep";
    8 NO_POLICY        "no-policy"         "a file contains no TracingPolicy";
    9 SKIPPED          "skipped"           "a document of another kind was skipped";
    10 UNKNOWN_KIND     "unknown-kind"      "the document names an unknown kind or version";
    11 UNKNOWN_FIELD    "unknown-field"     "a field does not exist";
    12 WRONG_TYPE       "wrong-type"        "a value has the wrong YAML type";
    13 MISSING_FIELD    "missing-field"     "a required field is missing";
    14 UNKNOWN_WORD     "unknown-word"      "a value is not one of the words its field allows";
    15 OUT_OF_RANGE     "out-of-range"      "a number does not fit its field";
    16 BAD_METADATA     "bad-metadata"      "the name, namespace or labels of the object are invalid";
    17 SAME_NAME        "same-name"         "two policies have the same name";
    18 NOT_WRITTEN      "not-written"       "an output file cannot be written";
    19 BAD_CONFIG       "bad-config"        "the configuration file is wrong";
    // 1xxx: the meaning of a policy.
    1001 NOT_SUPPORTED   "not-supported"     "a part of the language that tpc does not compile yet";
    1002 BAD_CALL        "bad-call"          "the hooked function cannot be one";
    1003 BAD_ARGUMENT    "bad-argument"      "an argument's declaration does not make sense";
    1004 NO_SUCH_ARG     "no-such-argument"  "a filter refers to an argument that is not declared";
    1005 BAD_OPERATOR    "bad-operator"      "an operator does not fit the type of its argument";
    1006 BAD_VALUE       "bad-value"         "a filter's value is not one of its kind";
    1007 NO_VALUES       "no-values"         "a filter has nothing to compare with";
    1008 BAD_ACTION      "bad-action"        "an action's parameters do not make sense";
    1009 NO_EFFECT       "no-effect"         "a setting that would silently do nothing";
    1010 NO_HOOKS        "no-hooks"          "a policy hooks nothing";
    1011 NEVER_MATCHES   "never-matches"     "a value that nothing can match";
    1012 BAD_OPTION      "bad-option"        "an option of the policy does not exist or has a bad value";
    1013 MIXED_SECTIONS  "mixed-sections"    "a policy has hooks of more than one kind";
    1014 BAD_SCOPE       "bad-scope"         "a policy applies to processes that its kind or hooks do not allow";
    1015 BAD_LIST        "bad-list"          "a list does not exist or makes no sense where it is used";
    1016 BAD_MACRO       "bad-macro"         "a macro does not exist or cannot be used where it is";
    1017 BAD_ENFORCER    "bad-enforcer"      "the calls of an enforcer cannot be enforced, or there is no enforcer";
    1018 BAD_PLACE       "bad-place"         "the place that a hook names in a program or among the kernel's cannot be one";
    1019 BAD_RESOLVE     "bad-resolve"       "the way to a member, or the register, of a value cannot be one";
    1020 BAD_EXPRESSION  "bad-expression"    "a condition of `CelExpr` has an error";
    // 3xxx: code generation and its limits.
    3001 SET_TOO_LARGE   "set-too-large"     "a filter needs more code than the kernel accepts";
    3002 TOO_COMPLEX     "too-complex"       "a hook needs more code or memory than a BPF program has";
    // 4xxx: bundles and the loader.
    4001 BAD_BUNDLE      "bad-bundle"        "a bundle is damaged, changed or not one";
    4002 BAD_OBJECT      "bad-object"        "a bundle's object is not what its manifest says";
    4003 NODE_LACKS      "node-lacks"        "the node lacks something that a policy needs";
    4004 VERIFIER        "verifier"          "the kernel refused a program";
    4005 ALREADY_LOADED  "already-loaded"    "a policy of this name is loaded";
    4006 NOT_LOADED      "not-loaded"        "no policy of this name is loaded";
    4007 UNTRUSTED       "untrusted-pins"    "something on bpffs was not made by the loader, or others can change it";
    4008 KERNEL_CALL     "kernel-call"       "a call to the kernel failed";
    4009 BUSY            "events-busy"       "another process reads the events";
    // 5xxx: tests of policies.
    5001 NO_TEST           "no-test"           "there is nothing to test";
    5002 NO_TESTED_POLICY  "no-tested-policy"  "the policy of a test file cannot be found or compiled";
    5003 BAD_TEST          "bad-test"          "a case does not fit its policy";
    5004 BAD_TEST_VALUE    "bad-test-value"    "a value of a case is not one of its kind";
    5005 TEST_FAILED       "test-failed"       "a policy does something else than its test expects";
    5006 NOT_COVERED       "not-covered"       "no case exercises a part of the policy";
    5007 MACHINES_DISAGREE "machines-disagree" "a compiled program does not do what its policy means";
    5008 NO_GUEST          "no-guest"          "a kernel to test on cannot be had, or does not run";
}

/// A rule of the linter whose findings come from decoding, which must refuse the policy whatever the level of the rule.
pub const MISCASED_FIELD: Code = Code(2128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_unique_and_described() {
        for pair in TABLE.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        let mut names: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for entry in TABLE {
            let first = entry.title.chars().next().expect("a title");
            assert!(
                !entry.title.ends_with('.') && !first.is_uppercase()
                    || entry.title.starts_with("YAML")
            );
        }
    }

    #[test]
    fn shown_with_four_digits() {
        assert_eq!(UNKNOWN_FIELD.to_string(), "TPC0011");
        assert_eq!(UNKNOWN_FIELD.name(), "unknown-field");
        assert_eq!(Code(9999).title(), "");
    }
}
