//! Numbers that have names, in both directions.
//!
//! The names are those of Tetragon's language, which are the kernel's with few exceptions.

macro_rules! names {
    ($($(#[$meta:meta])* $module:ident { $($number:literal $name:literal)* })*) => {$(
        $(#[$meta])*
        pub mod $module {
            /// Number and name, by number.
            pub const NAMES: &[(u32, &str)] = &[$(($number, $name)),*];

            /// The number of an exact name.
            pub fn by_name(name: &str) -> Option<u32> {
                NAMES.iter().find(|(_, known)| *known == name).map(|&(number, _)| number)
            }

            /// The name of a number.
            pub fn by_number(number: u32) -> Option<&'static str> {
                NAMES.iter().find(|&&(known, _)| known == number).map(|&(_, name)| name)
            }
        }
    )*};
}

names! {
    /// Capabilities (include/uapi/linux/capability.h, 6.12). Tetragon writes number 1 without its prefix.
    capabilities {
        0 "CAP_CHOWN"
        1 "DAC_OVERRIDE"
        2 "CAP_DAC_READ_SEARCH"
        3 "CAP_FOWNER"
        4 "CAP_FSETID"
        5 "CAP_KILL"
        6 "CAP_SETGID"
        7 "CAP_SETUID"
        8 "CAP_SETPCAP"
        9 "CAP_LINUX_IMMUTABLE"
        10 "CAP_NET_BIND_SERVICE"
        11 "CAP_NET_BROADCAST"
        12 "CAP_NET_ADMIN"
        13 "CAP_NET_RAW"
        14 "CAP_IPC_LOCK"
        15 "CAP_IPC_OWNER"
        16 "CAP_SYS_MODULE"
        17 "CAP_SYS_RAWIO"
        18 "CAP_SYS_CHROOT"
        19 "CAP_SYS_PTRACE"
        20 "CAP_SYS_PACCT"
        21 "CAP_SYS_ADMIN"
        22 "CAP_SYS_BOOT"
        23 "CAP_SYS_NICE"
        24 "CAP_SYS_RESOURCE"
        25 "CAP_SYS_TIME"
        26 "CAP_SYS_TTY_CONFIG"
        27 "CAP_MKNOD"
        28 "CAP_LEASE"
        29 "CAP_AUDIT_WRITE"
        30 "CAP_AUDIT_CONTROL"
        31 "CAP_SETFCAP"
        32 "CAP_MAC_OVERRIDE"
        33 "CAP_MAC_ADMIN"
        34 "CAP_SYSLOG"
        35 "CAP_WAKE_ALARM"
        36 "CAP_BLOCK_SUSPEND"
        37 "CAP_AUDIT_READ"
        38 "CAP_PERFMON"
        39 "CAP_BPF"
        40 "CAP_CHECKPOINT_RESTORE"
    }

    /// Address families (include/linux/socket.h, 6.12).
    families {
        0 "AF_UNSPEC"
        1 "AF_UNIX"
        2 "AF_INET"
        3 "AF_AX25"
        4 "AF_IPX"
        5 "AF_APPLETALK"
        6 "AF_NETROM"
        7 "AF_BRIDGE"
        8 "AF_ATMPVC"
        9 "AF_X25"
        10 "AF_INET6"
        11 "AF_ROSE"
        12 "AF_DECnet"
        13 "AF_NETBEUI"
        14 "AF_SECURITY"
        15 "AF_KEY"
        16 "AF_NETLINK"
        17 "AF_PACKET"
        18 "AF_ASH"
        19 "AF_ECONET"
        20 "AF_ATMSVC"
        21 "AF_RDS"
        23 "AF_IRDA"
        24 "AF_PPPOX"
        25 "AF_WANPIPE"
        26 "AF_LLC"
        27 "AF_IB"
        28 "AF_MPLS"
        29 "AF_CAN"
        30 "AF_TIPC"
        31 "AF_BLUETOOTH"
        32 "AF_IUCV"
        33 "AF_RXRPC"
        34 "AF_ISDN"
        35 "AF_PHONET"
        36 "AF_IEEE802154"
        37 "AF_CAIF"
        38 "AF_ALG"
        39 "AF_NFC"
        40 "AF_VSOCK"
        41 "AF_KCM"
        42 "AF_QIPCRTR"
        43 "AF_SMC"
        44 "AF_XDP"
        45 "AF_MCTP"
    }

    /// Transport protocols (include/uapi/linux/in.h, 6.12).
    protocols {
        0 "IPPROTO_IP"
        1 "IPPROTO_ICMP"
        2 "IPPROTO_IGMP"
        4 "IPPROTO_IPIP"
        6 "IPPROTO_TCP"
        8 "IPPROTO_EGP"
        12 "IPPROTO_PUP"
        17 "IPPROTO_UDP"
        22 "IPPROTO_IDP"
        29 "IPPROTO_TP"
        33 "IPPROTO_DCCP"
        41 "IPPROTO_IPV6"
        46 "IPPROTO_RSVP"
        47 "IPPROTO_GRE"
        50 "IPPROTO_ESP"
        51 "IPPROTO_AH"
        92 "IPPROTO_MTP"
        94 "IPPROTO_BEETPH"
        98 "IPPROTO_ENCAP"
        103 "IPPROTO_PIM"
        108 "IPPROTO_COMP"
        132 "IPPROTO_SCTP"
        136 "IPPROTO_UDPLITE"
        137 "IPPROTO_MPLS"
        143 "IPPROTO_ETHERNET"
        255 "IPPROTO_RAW"
        262 "IPPROTO_MPTCP"
    }

    /// States of a TCP socket (include/net/tcp_states.h, 6.12).
    tcp_states {
        1 "TCP_ESTABLISHED"
        2 "TCP_SYN_SENT"
        3 "TCP_SYN_RECV"
        4 "TCP_FIN_WAIT1"
        5 "TCP_FIN_WAIT2"
        6 "TCP_TIME_WAIT"
        7 "TCP_CLOSE"
        8 "TCP_CLOSE_WAIT"
        9 "TCP_LAST_ACK"
        10 "TCP_LISTEN"
        11 "TCP_CLOSING"
        12 "TCP_NEW_SYN_RECV"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_searched_both_ways() {
        for table in [
            capabilities::NAMES,
            families::NAMES,
            protocols::NAMES,
            tcp_states::NAMES,
        ] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        assert_eq!(capabilities::by_name("CAP_SYS_ADMIN"), Some(21));
        assert_eq!(families::by_number(10), Some("AF_INET6"));
        assert_eq!(protocols::by_name("IPPROTO_ICMPV6"), None);
    }
}
