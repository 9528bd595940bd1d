//! Filters on the process: pid, namespaces, capabilities.

use super::frame::{Frame, Target, Value};
use super::matchers::{Exits, ints};
use super::mir::{AluOp, Cond, Field, Reg, Size};
use crate::ir::{CapSet, IntSet, IntType, Namespace, Predicate, Test};
use crate::kernel::helpers;

/// Parents that `followForks` looks at. Deeper process trees do not occur; the bound is for the verifier.
const MAX_PARENTS: i32 = 64;
/// `sizeof(struct upid)`: an int, padding, a pointer (include/linux/pid.h).
const UPID_SHIFT: i32 = 4;

impl Frame<'_> {
    pub(super) fn process_filter(&mut self, test: &Test, next: &mut Target) {
        match &test.predicate {
            Predicate::Pid {
                set,
                namespaced,
                follow_forks: false,
            } => {
                let task = self.task();
                let pid = if *namespaced {
                    self.namespace_pid()
                } else {
                    self.typed_field(task, "task_struct", "tgid")
                };
                self.decide_int(pid, IntType::U32, set, test.negate, next);
            }
            Predicate::Pid {
                set,
                namespaced,
                follow_forks: true,
            } => {
                self.ancestry_filter(set, *namespaced, test.negate, next);
            }
            Predicate::Namespace { kind, inodes, host } => {
                self.namespace_filter(*kind, inodes, *host, test.negate, next);
            }
            Predicate::Capability {
                set,
                mask,
                namespaced,
            } => {
                self.capability_filter(*set, *mask, *namespaced, test.negate, next);
            }
            _ => unreachable!("only process filters come here"),
        }
    }

    /// The pid of the current process in its own pid namespace; 0 at host level.
    fn namespace_pid(&mut self) -> Reg {
        if let Some(known) = self.known(Value::NamespacePid) {
            return known;
        }
        let task = self.task();
        let leader = self.typed_field(task, "task_struct", "group_leader");
        let pid = self.pid_in_namespace(leader);
        self.learn(Value::NamespacePid, &[pid]);
        pid
    }

    /// `task->thread_pid->numbers[level].nr`; 0 at host level.
    fn pid_in_namespace(&mut self, task: Reg) -> Reg {
        let nr = self.b.mov(0);
        let done = self.b.label();
        let (upid, level) = self.innermost_upid(task);
        self.b.branch(Cond::Eq, level, 0, done);
        let address = self.b.field_addr(
            upid,
            Field {
                root: "upid",
                path: "nr",
            },
        );
        let (value, _) = self.probe(address, Size::B4);
        self.b.assign(nr, value);
        self.b.bind(done);
        nr
    }

    /// Address of the task's innermost `struct upid`, and its level. The array's index is not
    /// constant, so the verifier cannot track this pointer.
    fn innermost_upid(&mut self, task: Reg) -> (Reg, Reg) {
        let address = self.b.field_addr(
            task,
            Field {
                root: "task_struct",
                path: "thread_pid",
            },
        );
        let (pid, _) = self.probe(address, Size::B8);
        let address = self.b.field_addr(
            pid,
            Field {
                root: "pid",
                path: "level",
            },
        );
        let (level, _) = self.probe(address, Size::B4);
        let upid = self.b.field_addr(
            pid,
            Field {
                root: "pid",
                path: "numbers",
            },
        );
        let offset = self.b.mov(level);
        self.b.alu(AluOp::Lsh, offset, UPID_SHIFT);
        self.b.alu(AluOp::Add, upid, offset);
        (upid, level)
    }

    /// The pid of the process or of one of its parents.
    fn ancestry_filter(&mut self, set: &IntSet, namespaced: bool, negate: bool, next: &mut Target) {
        let current = self.task();
        let fails = self.to(next);
        let (again, higher, holds) = (self.b.label(), self.b.label(), self.b.label());
        let (hit, miss) = if negate {
            (fails, holds)
        } else {
            (holds, fails)
        };
        let leader = self.typed_field(current, "task_struct", "group_leader");
        let task = self.b.mov(leader);
        let count = self.b.mov(0);
        self.b.bind(again);
        self.b.branch(Cond::Eq, task, 0, miss);
        let host = self.typed_field(task, "task_struct", "tgid");
        let pid = if namespaced {
            // A parent is the thread that started the child, perhaps not the first of its process.
            let leader = self.typed_field(task, "task_struct", "group_leader");
            self.pid_in_namespace(leader)
        } else {
            host
        };
        self.ints(pid, IntType::U32, set, Exits { hit, miss: higher });
        self.b.bind(higher);
        // The idle task, pid 0, is its own parent.
        self.b.branch(Cond::Eq, host, 0, miss);
        let parent = self.typed_field(task, "task_struct", "real_parent");
        self.b.assign(task, parent);
        self.b.alu(AluOp::Add, count, 1);
        self.b.branch(Cond::Lt, count, MAX_PARENTS, again);
        self.b.jump(miss);
        self.b.bind(holds);
    }

    fn namespace_filter(
        &mut self,
        kind: Namespace,
        inodes: &IntSet,
        host: bool,
        negate: bool,
        next: &mut Target,
    ) {
        let inode = self.namespace_inode(kind, next);
        let fails = self.to(next);
        let holds = self.b.label();
        let (hit, miss) = if negate {
            (fails, holds)
        } else {
            (holds, fails)
        };
        if host {
            let offset = self.module.host_namespace(kind);
            let address = self.b.rodata(offset);
            let of_host = self.b.load(Size::B4, address, 0);
            self.b.branch(Cond::Eq, inode, of_host, hit);
        }
        self.ints(inode, IntType::U32, inodes, Exits { hit, miss });
        self.b.bind(holds);
    }

    /// Inode number of one of the current task's namespaces.
    fn namespace_inode(&mut self, kind: Namespace, next: &mut Target) -> Reg {
        let task = self.task();
        let (root, field) = match kind {
            Namespace::Uts => ("uts_namespace", "uts_ns"),
            Namespace::Ipc => ("ipc_namespace", "ipc_ns"),
            Namespace::Mnt => ("mnt_namespace", "mnt_ns"),
            Namespace::PidForChildren => ("pid_namespace", "pid_ns_for_children"),
            Namespace::Net => ("net", "net_ns"),
            Namespace::Time => ("time_namespace", "time_ns"),
            Namespace::TimeForChildren => ("time_namespace", "time_ns_for_children"),
            Namespace::Cgroup => ("cgroup_namespace", "cgroup_ns"),
            Namespace::Pid => return self.pid_namespace_inode(task),
            Namespace::User => {
                let cred = self.typed_pointer(task, "task_struct", "cred", next);
                let user = self.typed_pointer(cred, "cred", "user_ns", next);
                return self.typed_field(user, "user_namespace", "ns.inum");
            }
        };
        let proxy = self.typed_pointer(task, "task_struct", "nsproxy", next);
        let namespace = self.typed_pointer(proxy, "nsproxy", field, next);
        self.typed_field(namespace, root, "ns.inum")
    }

    fn pid_namespace_inode(&mut self, task: Reg) -> Reg {
        let (upid, _) = self.innermost_upid(task);
        let address = self.b.field_addr(
            upid,
            Field {
                root: "upid",
                path: "ns",
            },
        );
        let (namespace, _) = self.probe(address, Size::B8);
        let field = Field {
            root: "pid_namespace",
            path: "ns.inum",
        };
        let address = self.b.field_addr(namespace, field);
        self.probe(address, Size::B4).0
    }

    fn capability_filter(
        &mut self,
        set: CapSet,
        mask: u64,
        namespaced: bool,
        negate: bool,
        next: &mut Target,
    ) {
        let task = self.task();
        let cred = self.typed_pointer(task, "task_struct", "cred", next);
        if namespaced {
            let user = self.typed_pointer(cred, "cred", "user_ns", next);
            let level = self.typed_field(user, "user_namespace", "level");
            let fails = self.to(next);
            self.b.branch(Cond::Eq, level, 0, fails);
        }
        let path = match set {
            CapSet::Effective => "cap_effective",
            CapSet::Inheritable => "cap_inheritable",
            CapSet::Permitted => "cap_permitted",
        };
        // One 64-bit number since 6.3, two of 32 bits before: a plain read fits both.
        let address = self.b.field_addr(cred, Field { root: "cred", path });
        let slot = self.b.temp(8);
        let to = self.b.slot_addr(slot);
        let bytes = self.b.mov(8);
        let failed = self
            .b
            .call(helpers::PROBE_READ_KERNEL, &[to, bytes, address]);
        let fails = self.to(next);
        self.b.branch(Cond::Ne, failed, 0, fails);
        let value = self.b.load_slot(Size::B8, slot, 0);
        self.decide(negate, next, |frame, exits| {
            ints::emit_mask(&mut frame.b, value, mask, exits);
        });
    }
}
