//! Random policies, as their meaning: also those that nobody can write.

use std::collections::BTreeMap;

use tpc::diag::{FileId, Span};
use tpc::ir::{
    Abi, Action, Arg, ArgType, CapSet, End, Hook, IntSet, IntType, Namespace, Post, Predicate,
    Program, Rate, RateScope, Rule, Shown, Subject, Test, TextMatch, TextValue, V4Set, V6Set,
};

use super::dice::Dice;
use super::words;

/// A place in a policy that nobody wrote.
pub(crate) const SPAN: Span = Span {
    file: FileId(0),
    start: 0,
    end: 1,
};

pub(crate) const INTS: [IntType; 8] = [
    IntType::I32,
    IntType::U32,
    IntType::I64,
    IntType::U64,
    IntType::I8,
    IntType::U8,
    IntType::I16,
    IntType::U16,
];

/// Names of functions: of one that may be overridden, and of one that may not.
const SECURITY: &str = "security_f";
const PLAIN: &str = "f";
/// System calls: the second's parameter 1 and the third's parameter 2 are lengths of 32 bits.
const SYSCALLS: [&str; 3] = ["sys_f", "sys_sethostname", "sys_bpf"];

/// A policy as codegen takes it.
pub(crate) fn program(dice: &mut Dice) -> Program {
    reduced(written(dice))
}

/// The policy without values that others make superfluous.
pub(crate) fn reduced(mut program: Program) -> Program {
    for rule in program.hooks.iter_mut().flat_map(|hook| &mut hook.rules) {
        for test in rule.tests.iter_mut().chain(&mut rule.return_tests) {
            if let Predicate::Text { how, values, .. } = &mut test.predicate {
                *values = how.reduce(std::mem::take(values));
            }
        }
    }
    program
}

/// A policy with one to three hooks, its values as they come.
pub(crate) fn written(dice: &mut Dice) -> Program {
    let hooks = 1 + dice.one(&[0, 0, 0, 0, 1, 2]);
    Program {
        policy: "p".to_owned(),
        hooks: (0..hooks).map(|_| hook(dice)).collect(),
    }
}

/// A hook, now and then one with more texts than programs have buffers for.
fn hook(dice: &mut Dice) -> Hook {
    let abi = dice.one(&[Abi::Function, Abi::Syscall]);
    let texts = dice.once_in(12);
    let symbol = match abi {
        Abi::Function => dice.one(&[SECURITY, PLAIN]),
        Abi::Syscall => dice.one(&SYSCALLS),
    };
    let mut hook = Hook {
        symbol: symbol.to_owned(),
        abi,
        optional: false,
        message: None,
        tags: Vec::new(),
        args: match texts {
            true => arguments(dice, &TEXTS, 9),
            false => {
                let count = dice.one(&[1, 1, 2, 2, 3, 0, 4, 6, 9]);
                arguments(dice, types(abi), count)
            }
        },
        ret: dice.once_in(3).then(|| returned(dice, abi)),
        rules: Vec::new(),
        span: SPAN,
    };
    let rules = match texts {
        true => 2,
        false => 1 + dice.one(&[0, 0, 1, 1, 2, 3, 6]),
    };
    for _ in 0..rules {
        let mut rule = rule(dice, &hook);
        if texts {
            rule.tests = (0..9).filter_map(|_| lenient_test(dice, &hook)).collect();
        }
        hook.rules.push(rule);
    }
    hook
}

/// A test of some text that most calls pass, so that many in a row are looked at.
fn lenient_test(dice: &mut Dice, hook: &Hook) -> Option<Test> {
    let position = dice.index(hook.args.len());
    let predicate = of_value(dice, Subject::Arg(position), hook.args.get(position)?.ty)?;
    Some(Test {
        negate: !dice.once_in(8),
        predicate,
        span: SPAN,
    })
}

/// Types of hooks with many texts.
const TEXTS: [ArgType; 4] = [
    ArgType::String,
    ArgType::String,
    ArgType::Fd,
    ArgType::CharBuf { size_from: None },
];

/// Types of a hook's arguments.
fn types(abi: Abi) -> &'static [ArgType] {
    const BOTH: &[ArgType] = &[
        ArgType::Int(IntType::I32),
        ArgType::String,
        ArgType::Fd,
        ArgType::CharBuf { size_from: None },
        ArgType::Sockaddr,
        ArgType::Nop,
        ArgType::File,
        ArgType::Path,
        ArgType::Sock,
        ArgType::Dentry,
        ArgType::LinuxBinprm,
        ArgType::Filename,
        ArgType::Cred,
    ];
    match abi {
        Abi::Function => BOTH,
        Abi::Syscall => &BOTH[..6],
    }
}

/// At most `count` arguments of these types.
fn arguments(dice: &mut Dice, types: &[ArgType], count: usize) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    // What each register holds: a number, or something of one type.
    let mut registers: BTreeMap<u8, ArgType> = BTreeMap::new();
    for _ in 0..count {
        let free: Vec<u8> = (0..6)
            .filter(|index| !registers.contains_key(index))
            .collect();
        let again = free.is_empty() || (!registers.is_empty() && dice.once_in(8));
        let (index, ty) = if again {
            let known: Vec<(u8, ArgType)> =
                registers.iter().map(|(index, ty)| (*index, *ty)).collect();
            dice.one(&known)
        } else {
            (dice.one(&free), dice.one(types))
        };
        let ty = match ty {
            ArgType::Int(_) => ArgType::Int(dice.one(&INTS)),
            ArgType::CharBuf { size_from: None } => ArgType::CharBuf {
                size_from: size(dice, index, &mut registers),
            },
            other => other,
        };
        if matches!(ty, ArgType::CharBuf { size_from: None }) {
            continue;
        }
        registers.entry(index).or_insert(ty);
        args.push(Arg {
            index,
            ty,
            label: None,
            span: SPAN,
        });
    }
    args
}

/// A register for a buffer's length: one that holds a number, or nothing yet.
fn size(dice: &mut Dice, buffer: u8, registers: &mut BTreeMap<u8, ArgType>) -> Option<u8> {
    let fits = |index: &u8| {
        *index != buffer
            && matches!(
                registers.get(index),
                None | Some(ArgType::Int(_) | ArgType::Fd)
            )
    };
    let found: Vec<u8> = (0..6).filter(fits).collect();
    let index = (!found.is_empty()).then(|| dice.one(&found))?;
    registers.entry(index).or_insert(ArgType::Int(IntType::U64));
    Some(index)
}

fn returned(dice: &mut Dice, abi: Abi) -> Arg {
    let other: &[ArgType] = match abi {
        Abi::Function => &[
            ArgType::String,
            ArgType::Filename,
            ArgType::File,
            ArgType::Path,
            ArgType::Dentry,
            ArgType::Fd,
            ArgType::LinuxBinprm,
            ArgType::Sock,
            ArgType::Sockaddr,
            ArgType::Cred,
        ],
        Abi::Syscall => &[ArgType::Fd],
    };
    let ty = match dice.below(5) {
        0 | 1 => dice.one(other),
        _ => ArgType::Int(dice.one(&INTS)),
    };
    Arg {
        index: 0,
        ty,
        label: None,
        span: SPAN,
    }
}

/// A selector of a hook.
pub(crate) fn rule(dice: &mut Dice, hook: &Hook) -> Rule {
    let tests = dice.one(&[1, 1, 2, 0, 3, 5]);
    let return_tests = if hook.ret.is_some() {
        dice.one(&[0, 1, 2])
    } else {
        0
    };
    let actions = dice.one(&[0, 0, 1, 1, 2, 4]);
    let actions: Vec<Action> = (0..actions).map(|_| action(dice, hook)).collect();
    Rule {
        tests: (0..tests).map(|_| entry_test(dice, hook)).collect(),
        return_tests: (0..return_tests)
            .filter_map(|_| return_test(dice, hook))
            .collect(),
        actions,
        post: post(dice),
        shown: dice.one(&[
            Shown::Post,
            Shown::Sigkill,
            Shown::Override,
            Shown::Signal,
            Shown::NoPost,
        ]),
        span: SPAN,
    }
}

fn action(dice: &mut Dice, hook: &Hook) -> Action {
    if hook.symbol != PLAIN && dice.flip() {
        let value = dice.one(&[-1, -13, -4095, -2, 1, 0]);
        // Programs can make a security check fail, not succeed; and they open no files.
        let opens = hook.ret.as_ref().is_some_and(|ret| ret.ty == ArgType::Fd);
        let value = match value {
            0 if hook.symbol == SECURITY => -1,
            0 | 1 if opens => -1,
            value => value,
        };
        return Action::Override { value, span: SPAN };
    }
    Action::Signal {
        number: dice.one(&[9, 15, 1, 64]),
        span: SPAN,
    }
}

fn post(dice: &mut Dice) -> Option<Post> {
    let rate = match dice.below(8) {
        0..=4 => None,
        5 => return None,
        _ => Some(Rate {
            interval_ms: dice.one(&[1000, 1, 0, u32::MAX]),
            scope: dice.one(&[RateScope::Thread, RateScope::Process, RateScope::Global]),
        }),
    };
    Some(Post { rate })
}

fn test(dice: &mut Dice, predicate: Predicate) -> Test {
    Test {
        negate: dice.once_in(3),
        predicate,
        span: SPAN,
    }
}

fn entry_test(dice: &mut Dice, hook: &Hook) -> Test {
    let testable = |arg: &Arg| !matches!(arg.ty, ArgType::Nop | ArgType::Cred);
    let positions: Vec<usize> = (0..hook.args.len())
        .filter(|at| testable(&hook.args[*at]))
        .collect();
    let predicate = match dice.below(8) {
        0..=4 if !positions.is_empty() => {
            let position = dice.one(&positions);
            of_value(dice, Subject::Arg(position), hook.args[position].ty)
        }
        5 => Some(texts(dice, Subject::Exe, true)),
        _ => None,
    };
    let predicate = predicate.unwrap_or_else(|| of_process(dice));
    test(dice, predicate)
}

fn return_test(dice: &mut Dice, hook: &Hook) -> Option<Test> {
    let ty = hook.ret.as_ref()?.ty;
    let predicate = of_value(dice, Subject::Return, ty)?;
    Some(test(dice, predicate))
}

fn of_value(dice: &mut Dice, of: Subject, ty: ArgType) -> Option<Predicate> {
    Some(match ty {
        ArgType::Int(ty) if dice.once_in(4) => Predicate::Mask {
            of,
            mask: mask(dice, ty),
        },
        ArgType::Int(ty) => Predicate::Int {
            of,
            set: ints(dice, ty),
        },
        ArgType::String | ArgType::Filename | ArgType::CharBuf { .. } => texts(dice, of, false),
        ArgType::File | ArgType::Path | ArgType::Dentry | ArgType::Fd | ArgType::LinuxBinprm => {
            texts(dice, of, true)
        }
        ArgType::Sock => of_socket(dice, of),
        ArgType::Sockaddr => match dice.below(3) {
            0 => addresses(dice, of, End::Source),
            1 => Predicate::Port {
                of,
                end: End::Source,
                set: ints(dice, IntType::U16),
            },
            _ => Predicate::Family {
                of,
                set: families(dice),
            },
        },
        ArgType::Cred | ArgType::Nop => return None,
    })
}

fn of_socket(dice: &mut Dice, of: Subject) -> Predicate {
    let end = dice.one(&[End::Destination, End::Source]);
    match dice.below(7) {
        0..=2 => addresses(dice, of, end),
        3 => Predicate::Port {
            of,
            end,
            set: ints(dice, IntType::U16),
        },
        4 => Predicate::Protocol {
            of,
            set: ints(dice, IntType::U16),
        },
        5 => Predicate::State {
            of,
            set: ints(dice, IntType::U8),
        },
        _ => Predicate::Family {
            of,
            set: families(dice),
        },
    }
}

fn families(dice: &mut Dice) -> IntSet {
    let values = (0..=dice.below(3)).map(|_| dice.one(&[2, 10, 1, 0, 16, 45, 65535]));
    IntSet::from_values(values)
}

fn of_process(dice: &mut Dice) -> Predicate {
    match dice.below(3) {
        0 => Predicate::Pid {
            set: pids(dice),
            namespaced: dice.flip(),
            follow_forks: dice.flip(),
        },
        1 => Predicate::Namespace {
            kind: dice.one(&NAMESPACES),
            inodes: inodes(dice),
            host: dice.flip(),
        },
        _ => Predicate::Capability {
            set: dice.one(&[CapSet::Effective, CapSet::Inheritable, CapSet::Permitted]),
            mask: capabilities(dice),
            namespaced: dice.once_in(3),
        },
    }
}

pub(crate) const NAMESPACES: [Namespace; 10] = [
    Namespace::Net,
    Namespace::Uts,
    Namespace::Ipc,
    Namespace::Mnt,
    Namespace::Pid,
    Namespace::PidForChildren,
    Namespace::Time,
    Namespace::TimeForChildren,
    Namespace::Cgroup,
    Namespace::User,
];

fn pids(dice: &mut Dice) -> IntSet {
    let count = dice.one(&[1, 2, 4, 0, 60]);
    IntSet::from_values(
        (0..count).map(|_| i128::from(dice.below(if count > 4 { 5000 } else { 6 }))),
    )
}

fn inodes(dice: &mut Dice) -> IntSet {
    let count = dice.one(&[1, 0, 2, 5]);
    IntSet::from_values((0..count).map(|_| i128::from(inode(dice))))
}

/// Numbers of namespaces are large: the first is PROC_DYNAMIC_FIRST, 0xf0000000.
pub(crate) fn inode(dice: &mut Dice) -> u32 {
    0xf000_0000 + dice.below(6) as u32
}

pub(crate) fn capabilities(dice: &mut Dice) -> u64 {
    match dice.below(4) {
        0 => 1 << dice.below(41),
        1 => 1 << dice.below(41) | 1 << dice.below(41),
        2 => 0,
        _ => (1 << 41) - 1,
    }
}

fn mask(dice: &mut Dice, ty: IntType) -> u64 {
    let bits = 8 * u64::from(ty.bytes());
    match dice.below(5) {
        0 => 1 << dice.below(bits),
        1 => dice.bits(),
        2 => 0,
        3 => 1 << dice.below(64),
        _ => words::number(dice, ty) as u64,
    }
}

/// How many values a filter has: few, and now and then very many.
fn count(dice: &mut Dice) -> u64 {
    match dice.below(60) {
        0..=30 => 1,
        31..=50 => dice.within(2, 6),
        51..=57 => dice.within(7, 60),
        58 => dice.within(100, 400),
        _ => dice.one(&[700, 0, 1500, 3000]),
    }
}

fn ints(dice: &mut Dice, ty: IntType) -> IntSet {
    let count = count(dice);
    let style = dice.below(4);
    let base = words::number(dice, ty);
    let one = |_| match style {
        // Neighbours, with gaps.
        1 => (base + i128::from(dice.below(80)), 0),
        2 => (words::number(dice, ty), dice.below(1000).into()),
        3 => (base + i128::from(dice.below(1 << 20)), dice.below(3).into()),
        _ => (words::number(dice, ty), 0),
    };
    let values: Vec<(i128, i128)> = (0..count).map(one).collect();
    IntSet::from_ranges(values.into_iter().map(|(low, more)| (low, low + more)))
}

fn texts(dice: &mut Dice, of: Subject, is_path: bool) -> Predicate {
    let how = dice.one(&[TextMatch::Equal, TextMatch::Prefix, TextMatch::Postfix]);
    let count = count(dice);
    let base = if is_path {
        words::path(dice)
    } else {
        words::text(dice)
    };
    let values = (0..count)
        .map(|_| value(dice, how, is_path, &base))
        .filter(|bytes| !bytes.is_empty());
    let one = |bytes| TextValue { bytes, span: SPAN };
    let values = values.map(one).collect();
    Predicate::Text { of, how, values }
}

fn value(dice: &mut Dice, how: TextMatch, is_path: bool, base: &[u8]) -> Vec<u8> {
    let mut bytes = match dice.below(5) {
        0 | 1 if is_path => words::path(dice),
        0 | 1 => words::text(dice),
        2 => words::near(dice, base),
        3 => [base, &words::name(dice)].concat(),
        _ => [base, b"/", &words::name(dice)].concat(),
    };
    match (how, is_path) {
        (TextMatch::Postfix, true) if dice.flip() => bytes = words::name(dice),
        (TextMatch::Prefix, true) if dice.flip() => bytes.push(b'/'),
        _ => {}
    }
    if dice.once_in(100) {
        let long = dice.one(&[255, 256, 4086, 4094, 4095, 4096]);
        bytes = bytes
            .iter()
            .copied()
            .cycle()
            .take(if bytes.is_empty() { 0 } else { long })
            .collect();
    }
    bytes
}

fn addresses(dice: &mut Dice, of: Subject, end: End) -> Predicate {
    let (v4s, v6s) = (count(dice), count(dice));
    let (some4, some6) = dice.one(&[(true, false), (false, true), (true, true)]);
    let v4 = (0..if some4 { v4s } else { 0 }).map(|_| {
        let (address, bits) = (words::v4(dice), dice.one(&[0, 8, 16, 4, 24, 1, 31, 32]));
        let host = u32::MAX.checked_shr(32 - bits).unwrap_or(0);
        match dice.below(6) {
            0 => (address, address.saturating_add(dice.below(70) as u32)),
            _ => (address & !host, address | host),
        }
    });
    let v4 = V4Set::from_ranges(v4.collect::<Vec<_>>());
    let v6 = (0..if some6 { v6s } else { 0 }).map(|_| {
        let (address, bits) = (
            words::v6(dice),
            dice.one(&[0, 64, 32, 96, 8, 1, 80, 127, 128]),
        );
        let host = u128::MAX.checked_shr(128 - bits).unwrap_or(0);
        match dice.below(6) {
            0 => (address, address.saturating_add(dice.below(70).into())),
            _ => (address & !host, address | host),
        }
    });
    let v6 = V6Set::from_ranges(v6.collect::<Vec<_>>());
    Predicate::Addr { of, end, v4, v6 }
}
