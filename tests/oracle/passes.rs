//! What is done to a policy before code is generated keeps its meaning.

use std::collections::BTreeSet;

use tpc::ir::interp::{Interpreter, Outcome};
use tpc::ir::{Abi, Action, ArgType, IntSet, Predicate, Program, Test};
use tpc::sim::scene::Scene;

use super::oracle::dice::Dice;
use super::oracle::policies;
use super::oracle::scenes::{Calls, host};

/// What the policy does to the calls, one after the other.
fn outcomes(program: &Program, calls: &[(usize, Scene)]) -> Vec<Outcome> {
    let mut interpreter = Interpreter::new(program, host());
    let judge = |(hook, scene): &(usize, Scene)| {
        interpreter.judge(*hook, &scene.event(&program.hooks[*hook]))
    };
    calls.iter().map(judge).collect()
}

#[test]
fn superfluous_texts_change_nothing() {
    let mut smaller = 0;
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let before = policies::written(&mut dice);
        let after = policies::reduced(before.clone());
        smaller += u32::from(before != after);
        let mut source = Calls::new(&before);
        let calls: Vec<_> = (0..40).map(|_| source.next(&mut dice)).collect();
        assert_eq!(
            outcomes(&before, &calls),
            outcomes(&after, &calls),
            "seed {seed}"
        );
    }
    assert!(smaller > 50, "{smaller} policies get smaller");
}

#[test]
fn sets_hold_what_their_ranges_do() {
    for seed in 0..2000 {
        let mut dice = Dice::new(seed);
        let mut number = || i128::from(dice.within(0, 40)) - 20;
        let ranges: Vec<(i128, i128)> = (0..6).map(|_| (number(), number())).collect();
        let set = IntSet::from_ranges(ranges.clone());
        for value in -25..25 {
            let held = ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&value));
            assert_eq!(set.contains(value), held, "{ranges:?} and {value}");
        }
        let gaps = set.ranges().windows(2).all(|two| two[0].1 + 1 < two[1].0);
        assert!(gaps, "{:?}", set.ranges());
    }
}

/// Everything in a policy that programs are generated for.
fn words(program: &Program) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for hook in &program.hooks {
        words.insert(format!("{:?}", hook.abi));
        let plain = |ty| match ty {
            ArgType::CharBuf { .. } => "CharBuf".to_owned(),
            ty => format!("{ty:?}"),
        };
        words.extend(hook.args.iter().map(|arg| plain(arg.ty)));
        let returned = hook.ret.iter();
        words.extend(returned.map(|arg| format!("return {:?} {}", hook.abi, plain(arg.ty))));
        for rule in &hook.rules {
            words.extend(rule.tests.iter().map(test));
            let return_tests = rule.return_tests.iter();
            words.extend(return_tests.map(|of| format!("return {}", test(of))));
            words.extend(rule.actions.iter().map(|action| match action {
                Action::Signal { .. } => "signal".to_owned(),
                Action::Override { .. } => format!("override {:?}", hook.abi),
            }));
            words.insert(format!("{:?}", rule.shown));
            words.insert(match rule.post.map(|post| post.rate) {
                None => "silent".to_owned(),
                Some(None) => "always".to_owned(),
                Some(Some(rate)) => format!("once {:?}", rate.scope),
            });
        }
    }
    words
}

fn test(test: &Test) -> String {
    let not = if test.negate { "not " } else { "" };
    let word = match &test.predicate {
        Predicate::Int { .. } => "int".to_owned(),
        Predicate::Mask { .. } => "mask".to_owned(),
        Predicate::Text { of, how, .. } if *of == tpc::ir::Subject::Exe => format!("exe {how:?}"),
        Predicate::Text { how, .. } => format!("{how:?}"),
        Predicate::Addr { end, .. } => format!("address {end:?}"),
        Predicate::Port { end, .. } => format!("port {end:?}"),
        Predicate::Protocol { .. } => "protocol".to_owned(),
        Predicate::Family { .. } => "family".to_owned(),
        Predicate::State { .. } => "state".to_owned(),
        Predicate::Pid {
            namespaced,
            follow_forks,
            ..
        } => format!("pid {namespaced} {follow_forks}"),
        Predicate::Namespace { kind, host, .. } => format!("{kind:?} {host}"),
        Predicate::Capability {
            set, namespaced, ..
        } => format!("{set:?} {namespaced}"),
    };
    format!("{not}{word}")
}

/// Types and actions that are generated, beside the filters.
const WORDS: &str = "Function Syscall Int(I8) Int(I16) Int(I32) Int(I64) Int(U8) Int(U16) Int(U32) Int(U64) String CharBuf Filename File Path \
    Dentry Fd LinuxBinprm Sock Sockaddr Cred Nop signal silent always Post Sigkill Override NoPost Signal";

#[test]
fn the_generator_makes_all_that_is_compiled() {
    let all: BTreeSet<String> = (0..8000)
        .flat_map(|seed| words(&policies::program(&mut Dice::new(seed))))
        .collect();
    let mut wanted: BTreeSet<String> = WORDS.split_whitespace().map(str::to_owned).collect();
    for abi in [Abi::Function, Abi::Syscall] {
        wanted.insert(format!("override {abi:?}"));
        wanted.insert(format!("return {abi:?} Int(I64)"));
        wanted.insert(format!("return {abi:?} Fd"));
    }
    for ty in "String Filename File Path Dentry LinuxBinprm Sock Sockaddr Cred".split(' ') {
        wanted.insert(format!("return Function {ty}"));
    }
    for scope in ["Thread", "Process", "Global"] {
        wanted.insert(format!("once {scope}"));
    }
    // Filters on values, also on those that are returned.
    for filter in "int,mask,Equal,Prefix,Postfix,address Source,address Destination,port Source,port Destination,protocol,family,state".split(',') {
        for place in ["", "not ", "return ", "return not "] {
            wanted.insert(format!("{place}{filter}"));
        }
    }
    for filter in "exe Equal,exe Prefix,exe Postfix,pid false false,pid false true,pid true false,pid true true".split(',') {
        wanted.extend([filter.to_owned(), format!("not {filter}")]);
    }
    for kind in policies::NAMESPACES {
        wanted.extend([format!("{kind:?} true"), format!("not {kind:?} false")]);
    }
    for set in ["Effective", "Inheritable", "Permitted"] {
        wanted.extend([format!("{set} true"), format!("not {set} false")]);
    }
    let missing: Vec<&String> = wanted.difference(&all).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
