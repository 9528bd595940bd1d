//! One file per rule, with its documentation and examples. `docs/add-a-rule.md` says how to add one: a file here, its
//! line among the modules and its row in [`ALL`].

use super::rule::Rule;

mod action_parameters;
mod buffers;
mod contradictions;
mod dead_security_hook;
mod declarations;
mod duplicate_list_name;
mod egress_without_loopback;
mod fifth_pid;
mod filter_without_values;
mod impossible_override;
mod kill_of_essential_process;
mod kill_without_override;
mod later_document;
mod lists;
mod lonely_rate_limit_scope;
mod miscased_field;
mod missing_function;
mod missing_kernel_feature;
mod missing_member;
mod missing_system_call;
mod missing_tracepoint;
mod names;
mod networks;
mod numbers;
mod operator_on_other_type;
mod override_without_error;
mod overrides;
mod places;
mod readability;
mod releases;
mod returns;
mod second_pid_filter;
mod shared_maps;
mod signal_without_number;
mod subsumed_value;
mod symlink_path;
mod tetragon_limits;
mod texts;
mod toctou_argument;
pub(super) mod unexplained_suppression;
mod unfiltered_hot_function;
mod unknown_option;
pub(super) mod unknown_suppression;
mod unknown_to_kernels;
mod unlimited_events;
mod unreachable_function;
mod unreachable_selector;
pub(super) mod unreadable_suppression;
pub(super) mod unused_suppression;
mod validated_generated_list;
mod whole_policy;
mod wrong_api_version;
mod wrong_parameter;

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
    &unknown_option::RULE,
    &lists::EMPTY,
    &filter_without_values::RULE,
    &returns::UNSEEN,
    &places::ACTION,
    &action_parameters::FOREIGN,
    &buffers::LENGTH,
    &buffers::SIZE,
    &declarations::IDLE,
    &buffers::COPY,
    &operator_on_other_type::RULE,
    &texts::PATH,
    &texts::BROAD,
    &texts::TEXT,
    &numbers::BEYOND,
    &numbers::RANGE,
    &texts::EMPTY,
    &contradictions::NEVER,
    &contradictions::CONSTANT,
    &whole_policy::WORKLOADS,
    &places::TRACE,
    &whole_policy::HOOKLESS,
    &whole_policy::ENFORCER,
    &declarations::REGISTER,
    &action_parameters::JUMP,
    &places::HASH,
    &action_parameters::CONTRADICTION,
    &returns::EARLY,
    &returns::LONG,
    &names::CALL,
    &names::SCRIPT,
    &lists::CALLS,
    // 21xx: Tetragon.
    &later_document::RULE,
    &second_pid_filter::RULE,
    &fifth_pid::RULE,
    &tetragon_limits::REFUSED,
    &tetragon_limits::CRASHES,
    &tetragon_limits::IGNORED,
    &tetragon_limits::MULTI,
    &releases::RELEASE,
    &whole_policy::MONITOR,
    &places::RATE,
    &returns::TRACE,
    &buffers::LATE,
    &numbers::NEGATIVE,
    &networks::MAPPED,
    &shared_maps::SUBSTRINGS,
    &shared_maps::EXPRESSION,
    &shared_maps::SHARED,
    &readability::BEHIND,
    &declarations::FIELD,
    &declarations::RAW,
    &lists::ORDER,
    &whole_policy::SCOPE,
    &releases::KERNEL,
    &overrides::LSM,
    &returns::STALE,
    &texts::ROOT,
    &miscased_field::RULE,
    // 22xx: security.
    &toctou_argument::RULE,
    &kill_without_override::RULE,
    &symlink_path::RULE,
    &readability::DEFEATED,
    &networks::FAMILY,
    &networks::ESCAPE,
    &overrides::CALL,
    &readability::NAMELESS,
    // 23xx: availability.
    &kill_of_essential_process::RULE,
    &egress_without_loopback::RULE,
    &networks::BRIDGE,
    &networks::METADATA,
    // 24xx: cost.
    &unfiltered_hot_function::RULE,
    &unlimited_events::RULE,
    &numbers::HUGE,
    // 25xx: redundancy.
    &subsumed_value::RULE,
    &lists::UNUSED,
    &contradictions::IMPLIED,
    // 26xx: kernels.
    &missing_function::RULE,
    &missing_system_call::RULE,
    &unreachable_function::RULE,
    &wrong_parameter::RULE,
    &impossible_override::RULE,
    &dead_security_hook::RULE,
    &missing_tracepoint::RULE,
    &missing_member::RULE,
    &missing_kernel_feature::RULE,
    &unknown_to_kernels::NAME,
    &unknown_to_kernels::SYMBOL,
    // 29xx: suppressions.
    &unused_suppression::RULE,
    &unknown_suppression::RULE,
    &unexplained_suppression::RULE,
    &unreadable_suppression::RULE,
];
