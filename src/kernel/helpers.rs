//! BPF helper functions: number, name, first kernel version
//! (include/uapi/linux/bpf.h, `__BPF_FUNC_MAPPER`, Linux 6.12).

/// One helper function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Helper {
    pub id: u32,
    /// Without the prefix `bpf_`.
    pub name: &'static str,
    /// First version that has it.
    pub since: (u8, u8),
}

macro_rules! helpers {
    ($($constant:ident $id:literal $name:literal $major:literal.$minor:literal)*) => {
        $(pub const $constant: u32 = $id;)*
        /// All helpers that generated code may call, by number.
        pub const HELPERS: &[Helper] =
            &[$(Helper { id: $id, name: $name, since: ($major, $minor) }),*];
    };
}

helpers! {
    MAP_LOOKUP_ELEM 1 "map_lookup_elem" 3 . 19
    MAP_UPDATE_ELEM 2 "map_update_elem" 3 . 19
    MAP_DELETE_ELEM 3 "map_delete_elem" 3 . 19
    PROBE_READ 4 "probe_read" 4 . 1
    KTIME_GET_NS 5 "ktime_get_ns" 4 . 1
    GET_PRANDOM_U32 7 "get_prandom_u32" 4 . 1
    GET_SMP_PROCESSOR_ID 8 "get_smp_processor_id" 4 . 1
    GET_CURRENT_PID_TGID 14 "get_current_pid_tgid" 4 . 2
    GET_CURRENT_UID_GID 15 "get_current_uid_gid" 4 . 2
    GET_CURRENT_COMM 16 "get_current_comm" 4 . 2
    GET_CURRENT_TASK 35 "get_current_task" 4 . 8
    GET_SOCKET_COOKIE 46 "get_socket_cookie" 4 . 12
    OVERRIDE_RETURN 58 "override_return" 4 . 16
    GET_CURRENT_CGROUP_ID 80 "get_current_cgroup_id" 4 . 18
    SEND_SIGNAL 109 "send_signal" 5 . 3
    PROBE_READ_USER 112 "probe_read_user" 5 . 5
    PROBE_READ_KERNEL 113 "probe_read_kernel" 5 . 5
    PROBE_READ_USER_STR 114 "probe_read_user_str" 5 . 5
    PROBE_READ_KERNEL_STR 115 "probe_read_kernel_str" 5 . 5
    SEND_SIGNAL_THREAD 117 "send_signal_thread" 5 . 6
    KTIME_GET_BOOT_NS 125 "ktime_get_boot_ns" 5 . 8
    RINGBUF_OUTPUT 130 "ringbuf_output" 5 . 8
    RINGBUF_RESERVE 131 "ringbuf_reserve" 5 . 8
    RINGBUF_SUBMIT 132 "ringbuf_submit" 5 . 8
    RINGBUF_DISCARD 133 "ringbuf_discard" 5 . 8
    D_PATH 147 "d_path" 5 . 10
    TASK_STORAGE_GET 156 "task_storage_get" 5 . 11
    TASK_STORAGE_DELETE 157 "task_storage_delete" 5 . 11
    GET_CURRENT_TASK_BTF 158 "get_current_task_btf" 5 . 11
    FOR_EACH_MAP_ELEM 164 "for_each_map_elem" 5 . 13
    SNPRINTF 165 "snprintf" 5 . 13
    GET_FUNC_IP 173 "get_func_ip" 5 . 15
    GET_ATTACH_COOKIE 174 "get_attach_cookie" 5 . 15
    TASK_PT_REGS 175 "task_pt_regs" 5 . 15
    LOOP 181 "loop" 5 . 17
    STRNCMP 182 "strncmp" 5 . 17
    GET_FUNC_ARG 183 "get_func_arg" 5 . 17
    GET_FUNC_RET 184 "get_func_ret" 5 . 17
}

/// The helper with a number.
pub fn by_id(id: u32) -> Option<&'static Helper> {
    HELPERS.iter().find(|helper| helper.id == id)
}

/// The helper with a name (without `bpf_`).
pub fn by_name(name: &str) -> Option<&'static Helper> {
    HELPERS.iter().find(|helper| helper.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_can_be_searched_both_ways() {
        assert!(HELPERS.windows(2).all(|pair| pair[0].id < pair[1].id));
        for helper in HELPERS {
            assert_eq!(by_id(helper.id), by_name(helper.name));
        }
    }
}
