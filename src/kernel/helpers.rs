//! Helper functions that programs call: number, name and first kernel.
//!
//! Numbers and names: `___BPF_FUNC_MAPPER` in `include/uapi/linux/bpf.h` (Linux 6.12); they never change. First kernel:
//! the release that contains the commit which added the number. A helper may come to further program types later.

/// A helper function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Helper {
    /// `imm` of the call instruction.
    pub id: u32,
    /// Name without the `bpf_` in front.
    pub name: &'static str,
    /// First kernel, as (major, minor).
    pub since: (u8, u8),
}

/// The helper with this number.
pub fn by_id(id: u32) -> Option<&'static Helper> {
    let i = HELPERS.binary_search_by_key(&id, |h| h.id).ok()?;
    HELPERS.get(i)
}

/// The helper with this name (without `bpf_`).
pub fn by_name(name: &str) -> Option<&'static Helper> {
    HELPERS.iter().find(|h| h.name == name)
}

const fn h(id: u32, name: &'static str, major: u8, minor: u8) -> Helper {
    Helper {
        id,
        name,
        since: (major, minor),
    }
}

/// Sorted by number.
#[rustfmt::skip]
static HELPERS: &[Helper] = &[
    h(1, "map_lookup_elem", 3, 19),
    h(2, "map_update_elem", 3, 19),
    h(3, "map_delete_elem", 3, 19),
    h(4, "probe_read", 4, 1),
    h(5, "ktime_get_ns", 4, 1),
    h(6, "trace_printk", 4, 1),
    h(7, "get_prandom_u32", 4, 1),
    h(8, "get_smp_processor_id", 4, 1),
    h(12, "tail_call", 4, 2),
    h(14, "get_current_pid_tgid", 4, 2),
    h(15, "get_current_uid_gid", 4, 2),
    h(16, "get_current_comm", 4, 2),
    h(25, "perf_event_output", 4, 4),
    h(35, "get_current_task", 4, 8),
    h(45, "probe_read_str", 4, 11),
    h(46, "get_socket_cookie", 4, 12),
    h(58, "override_return", 4, 16),
    h(80, "get_current_cgroup_id", 4, 18),
    h(109, "send_signal", 5, 3),
    h(112, "probe_read_user", 5, 5),
    h(113, "probe_read_kernel", 5, 5),
    h(114, "probe_read_user_str", 5, 5),
    h(115, "probe_read_kernel_str", 5, 5),
    h(117, "send_signal_thread", 5, 6),
    h(123, "get_current_ancestor_cgroup_id", 5, 7),
    h(125, "ktime_get_boot_ns", 5, 8),
    h(130, "ringbuf_output", 5, 8),
    h(131, "ringbuf_reserve", 5, 8),
    h(132, "ringbuf_submit", 5, 8),
    h(133, "ringbuf_discard", 5, 8),
    h(134, "ringbuf_query", 5, 8),
    h(147, "d_path", 5, 10),
    h(148, "copy_from_user", 5, 10),
    h(156, "task_storage_get", 5, 11),
    h(157, "task_storage_delete", 5, 11),
    h(158, "get_current_task_btf", 5, 11),
    h(162, "sock_from_file", 5, 11),
    h(164, "for_each_map_elem", 5, 13),
    h(165, "snprintf", 5, 13),
    h(173, "get_func_ip", 5, 15),
    h(174, "get_attach_cookie", 5, 15),
    h(175, "task_pt_regs", 5, 15),
    h(181, "loop", 5, 17),
    h(182, "strncmp", 5, 17),
    h(183, "get_func_arg", 5, 17),
    h(184, "get_func_ret", 5, 17),
    h(185, "get_func_arg_cnt", 5, 17),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_names_unique() {
        assert!(HELPERS.is_sorted_by(|a, b| a.id < b.id));
        for helper in HELPERS {
            assert_eq!(by_name(helper.name), Some(helper));
            assert_eq!(by_id(helper.id), Some(helper));
        }
    }

    #[test]
    fn unknown_helpers_are_none() {
        assert_eq!(by_id(0), None);
        assert_eq!(by_name("bpf_map_lookup_elem"), None);
    }
}
