//! One file per rule, with its documentation and examples. `docs/add-a-rule.md` says how to add one: a file here, its
//! line among the modules and its row in [`ALL`].

use super::rule::Rule;

mod duplicate_list_name;
mod egress_without_loopback;
mod fifth_pid;
mod kill_of_essential_process;
mod kill_without_override;
mod later_document;
mod lonely_rate_limit_scope;
mod override_without_error;
mod second_pid_filter;
mod signal_without_number;
mod subsumed_value;
mod symlink_path;
mod toctou_argument;
pub(super) mod unexplained_suppression;
mod unfiltered_hot_function;
pub(super) mod unknown_suppression;
mod unreachable_selector;
pub(super) mod unreadable_suppression;
pub(super) mod unused_suppression;
mod validated_generated_list;
mod wrong_api_version;

/// Every rule, sorted by code. A group has a hundred codes; those of rules that are gone are not used again.
pub(super) static ALL: &[&Rule] = &[
    // 20xx: correctness.
    &duplicate_list_name::RULE,
    &validated_generated_list::RULE,
    &wrong_api_version::RULE,
    &override_without_error::RULE,
    &signal_without_number::RULE,
    &lonely_rate_limit_scope::RULE,
    &unreachable_selector::RULE,
    // 21xx: Tetragon.
    &later_document::RULE,
    &second_pid_filter::RULE,
    &fifth_pid::RULE,
    // 22xx: security.
    &toctou_argument::RULE,
    &kill_without_override::RULE,
    &symlink_path::RULE,
    // 23xx: availability.
    &kill_of_essential_process::RULE,
    &egress_without_loopback::RULE,
    // 24xx: cost.
    &unfiltered_hot_function::RULE,
    // 25xx: redundancy.
    &subsumed_value::RULE,
    // 29xx: suppressions.
    &unused_suppression::RULE,
    &unknown_suppression::RULE,
    &unexplained_suppression::RULE,
    &unreadable_suppression::RULE,
];
