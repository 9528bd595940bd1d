use super::*;
use crate::diag::Span;
use crate::ir::{
    Abi, Arg, IntSet, IntType, Post, Predicate, Rate, RateScope, Shown, Subject, Test,
};

const TIME: u64 = 77;

/// A function with a number, whose return is observed, and one rule that reports always.
pub(in crate::sim) fn hook() -> Hook {
    let arg = Arg {
        index: 0,
        ty: ArgType::Int(IntType::U32),
        label: None,
        span: Span::default(),
    };
    Hook {
        symbol: "f".to_owned(),
        abi: Abi::Function,
        optional: false,
        message: None,
        tags: Vec::new(),
        args: vec![arg.clone()],
        ret: Some(arg),
        rules: vec![Rule {
            tests: Vec::new(),
            return_tests: Vec::new(),
            actions: Vec::new(),
            post: Some(Post { rate: None }),
            shown: Shown::Post,
            span: Span::default(),
        }],
        span: Span::default(),
    }
}

/// A record in words of eight bytes, and its sections: length, status, a number.
#[derive(Clone)]
struct Parts {
    head: [u64; 12],
    sections: Vec<(u32, u32, u64)>,
}

impl Parts {
    /// First words of the header as `emit` writes them: hook, rule, kind, action, number of sections; times; ids.
    fn new(kind: u64, sections: &[(u32, u32, u64)]) -> Self {
        let mut head = [0; 12];
        let action = u64::from(Shown::Post as u8) * (1 - kind);
        head[0] = kind << 32 | action << 40 | (sections.len() as u64) << 48;
        (head[1], head[2], head[3]) = (TIME, TIME, 1 << 32 | 2);
        Self {
            head,
            sections: sections.to_vec(),
        }
    }

    fn effect(&self) -> Effect {
        let mut bytes: Vec<u8> = self
            .head
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        for (len, status, number) in &self.sections {
            let padded = (*len as usize).next_multiple_of(8);
            bytes.extend(len.to_le_bytes());
            bytes.extend(status.to_le_bytes());
            bytes.extend(&number.to_le_bytes()[..padded]);
        }
        Effect::Record(bytes)
    }
}

/// A call that is reported, with the records that shall say so; tests change one thing.
struct Reported {
    hook: Hook,
    outcome: Outcome,
    entry: Parts,
    returned: Parts,
    run: Run,
    counted: u64,
    ring_is_full: bool,
}

impl Reported {
    fn new() -> Self {
        let unreadable = [(0, 1, 0); PROCESS_SECTIONS];
        let sections = [&[(8, 0, 5)][..], &unreadable].concat();
        let report = Report {
            hook: 0,
            rule: 0,
            shown: Shown::Post,
            args: vec![Value::Int(5)],
            ret: Some(Value::Int(3)),
            key: None,
        };
        Self {
            hook: hook(),
            outcome: Outcome {
                rule: Some(0),
                report: Some(report),
                ..Outcome::default()
            },
            entry: Parts::new(0, &sections),
            returned: Parts::new(1, &[(8, 0, 3)]),
            run: Run::default(),
            counted: 0,
            ring_is_full: false,
        }
    }

    /// The policy with filters on the return value that have not held, and the record of the entry alone.
    fn awaited(rate: Option<Rate>) -> Self {
        let mut reported = Self::new();
        let set = IntSet::from_ranges([(9, 9)]);
        let of = Subject::Return;
        reported.hook.rules[0].return_tests = vec![Test {
            negate: false,
            predicate: Predicate::Int { of, set },
            span: Span::default(),
        }];
        reported.hook.rules[0].post = Some(Post { rate });
        reported.outcome.report = None;
        reported.run.effects = vec![reported.entry.effect()];
        reported
    }

    fn both_heads(&mut self, bits: u64) {
        self.entry.head[0] |= bits;
        self.returned.head[0] |= bits;
    }

    fn both(mut self) -> Self {
        self.run.effects = vec![self.entry.effect(), self.returned.effect()];
        self
    }

    fn check(self) -> Result<(), String> {
        let program = Program {
            policy: "p".to_owned(),
            hooks: vec![self.hook],
        };
        let event = Event {
            time: TIME,
            args: vec![Value::Int(5)],
            ret: Some(Value::Int(3)),
            process: Process {
                pid: 1,
                tid: 2,
                ..Process::default()
            },
        };
        let expected = Expected {
            program: &program,
            hook: 0,
            event: &event,
            outcome: &self.outcome,
            has_audit: true,
            ring_is_full: self.ring_is_full,
        };
        expected.check(&self.run, self.counted)
    }
}

const LIMITED: Option<Rate> = Some(Rate {
    interval_ms: 1,
    scope: RateScope::Global,
});

/// What is changed in the records, and the first difference.
#[test]
fn records_are_compared_whole() {
    type Change = fn(&mut Reported);
    let changes: &[(Change, &str)] = &[
        (|of| of.entry.head[0] |= 1, "hook of the return"),
        (|of| of.both_heads(1), "hook:"),
        (|of| of.both_heads(1 << 16), "selector:"),
        (|of| of.entry.head[0] |= 1 << 16, "selector of the return"),
        (|of| of.entry.head[0] ^= 1 << 40, "action"),
        (|of| of.entry.head[1] += 1, "time"),
        (|of| of.entry.head[3] += 1, "thread of the return"),
        (|of| of.entry.head[4] += 1, "process"),
        (|of| of.entry.head[7] += 1, "parent"),
        (|of| of.entry.head[6] |= 1 << 32, "login user"),
        (
            |of| of.entry.sections[0].0 = 7,
            "argument 0: bytes of a number",
        ),
        (
            |of| of.entry.sections[0].1 = 1,
            "argument 0: unreadable number",
        ),
        (
            |of| of.entry.sections[0].1 = 2,
            "argument 0: incomplete value",
        ),
        (|of| of.entry.sections[0].2 = 6, "argument 0: value"),
        (|of| of.entry.sections[1].1 = 0, "executable: value"),
        (|of| of.returned.head[0] |= 1 << 40, "action of the return"),
        (
            |of| of.returned.head[0] += 1 << 48,
            "sections of the return",
        ),
        (|of| of.returned.head[1] += 1, "time of the return"),
        (|of| of.returned.head[2] += 1, "time of the return"),
        (
            |of| of.returned.sections[0].1 = 1,
            "return value: unreadable number",
        ),
        (|of| of.returned.sections[0].2 = 4, "return value: value"),
        (|of| of.returned.head[0] ^= 1 << 32, "2 records"),
    ];
    assert_eq!(Reported::new().both().check(), Ok(()));
    for (change, why) in changes {
        let mut reported = Reported::new();
        change(&mut reported);
        let error = reported.both().check().expect_err(why);
        assert!(error.starts_with(why), "`{error}` instead of `{why}`");
    }
}

/// Whether a rule reports, waits for the return, has a rate limit; which numbers of records are right.
#[test]
fn as_many_records_are_sent_as_are_due() {
    let silent = || {
        let mut reported = Reported::new();
        reported.outcome.report = None;
        reported
    };
    let nobody = || {
        let mut reported = Reported::awaited(None);
        reported.outcome.rule = None;
        reported
    };
    let due: [(&dyn Fn() -> Reported, &[usize]); 5] = [
        (&Reported::new, &[2]),
        (&silent, &[0]),
        (&nobody, &[0]),
        (&|| Reported::awaited(None), &[1]),
        (&|| Reported::awaited(LIMITED), &[0, 1]),
    ];
    for (number, (reported, right)) in due.iter().enumerate() {
        for count in 0..4 {
            let wanted = right.contains(&count);
            let mut full = reported();
            full.ring_is_full = true;
            full.counted = count as u64;
            full.run.effects = vec![Effect::Lost; count];
            let full = full.check();
            assert_eq!(full.is_ok(), wanted, "{number}: {count} lost: {full:?}");
            let mut room = reported().both();
            room.run.effects.truncate(count);
            let sent = room.run.effects.len();
            let room = room.check();
            let wanted = right.contains(&sent);
            assert_eq!(room.is_ok(), wanted, "{number}: {sent} sent: {room:?}");
        }
    }
}

#[test]
fn an_awaited_entry_is_that_of_the_rule_that_decided() {
    assert_eq!(Reported::awaited(None).check(), Ok(()));
    let mut other = Reported::awaited(None);
    other.hook.rules.push(other.hook.rules[0].clone());
    other.outcome.rule = Some(1);
    let error = other.check().expect_err("another rule");
    assert!(error.starts_with("selector"), "{error}");
}

/// Effects, how many reports are counted as lost, and the first difference.
#[test]
fn what_happens_beside_records_is_compared() {
    let signal = Effect::Signal(9);
    let record = Reported::new().entry.effect();
    for (effects, counted, signals, why) in [
        (vec![Effect::Lost], 0, vec![], "lost reports"),
        (
            vec![Effect::Lost],
            1,
            vec![],
            "records where they do not belong",
        ),
        (vec![signal.clone()], 0, vec![], "signals"),
        (
            vec![record, signal],
            0,
            vec![9],
            "signals in front of reports",
        ),
        (
            vec![Effect::Record(vec![0; 9])],
            0,
            vec![],
            "a record cannot",
        ),
    ] {
        let mut reported = Reported::new();
        (reported.run.effects, reported.counted) = (effects, counted);
        reported.outcome.signals = signals;
        let error = reported.check().expect_err(why);
        assert!(error.starts_with(why), "`{error}` instead of `{why}`");
    }
    let mut overridden = Reported::new().both();
    overridden.run.result = Some(-1);
    let error = overridden.check().expect_err("a result");
    assert!(error.starts_with("result"), "{error}");
}
