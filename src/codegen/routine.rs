//! The shared functions of an object, instantiated from `bpf-templates/`.
//!
//! They are BPF global functions: the kernel verifies each once, by itself, so they take and
//! return plain numbers and find the program's scratch value through its index.

use super::layout::{BIT, KEY, PART};
use super::mir::{Builder, Function};
use super::module::{Module, Purpose};
use super::template::{Env, Template, Value};

/// A function that programs and other routines call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Routine {
    PathStep,
    Path,
    PathTop,
    ReadString,
    ReadBuffer,
    PutText,
    PutPath,
    PutWord,
    PutBuffer,
    PutSock,
    PutSockaddr,
    PutCred,
    Process,
    RateKey,
    Rate,
    Emit,
}

/// Something that a template's `$NAME` stands for.
enum Hole {
    Map(Purpose),
    Call(Routine),
    Number(fn(&Module) -> u32),
}

use Hole::{Call, Map, Number};

/// Name, text, holes.
type Row = (&'static str, &'static str, &'static [(&'static str, Hole)]);

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../bpf-templates/", $name, ".bpft"))
    };
}

const SCRATCH: (&str, Hole) = ("SCRATCH", Map(Purpose::Scratch));
const AT_MAX: (&str, Hole) = ("AT_MAX", Number(|module| module.layout.last_buffer()));
const RECORD: (&str, Hole) = ("RECORD", Number(|module| module.layout.record()));
const OFF_MAX: (&str, Hole) = ("OFF_MAX", Number(|module| module.layout.last_section()));
const OFF_ROOM: (&str, Hole) = ("OFF_ROOM", Number(|module| module.layout.last_text()));
const OFF_PART: (&str, Hole) = ("OFF_PART", Number(|module| module.layout.last_part()));
const OFF_BIT: (&str, Hole) = ("OFF_BIT", Number(|module| module.layout.last_bit()));
const SOURCE_MAX: (&str, Hole) = ("SOURCE_MAX", Number(|module| module.layout.last_source()));
const RECORD_BYTES: (&str, Hole) = (
    "RECORD_BYTES",
    Number(|module| module.layout.record_bytes()),
);
const PATH: (&str, Hole) = ("PATH", Call(Routine::Path));
const PUT_TEXT: (&str, Hole) = ("PUT_TEXT", Call(Routine::PutText));

impl Routine {
    fn row(self) -> Row {
        match self {
            Self::PathStep => ("path_step", template!("path_step"), &[SCRATCH, AT_MAX]),
            Self::Path => (
                "path",
                template!("path"),
                &[SCRATCH, AT_MAX, ("PATH_STEP", Call(Self::PathStep))],
            ),
            Self::PathTop => ("path_top", template!("path_top"), &[SCRATCH, AT_MAX]),
            Self::ReadString => ("read_string", template!("read_string"), &[SCRATCH, AT_MAX]),
            Self::ReadBuffer => ("read_buffer", template!("read_buffer"), &[SCRATCH, AT_MAX]),
            Self::PutText => (
                "put_text",
                template!("put_text"),
                &[
                    SCRATCH,
                    RECORD,
                    OFF_MAX,
                    OFF_ROOM,
                    OFF_PART,
                    OFF_BIT,
                    SOURCE_MAX,
                    ("PART", Number(|_| PART)),
                    ("BIT", Number(|_| BIT)),
                ],
            ),
            Self::PutPath => (
                "put_path",
                template!("put_path"),
                &[SCRATCH, AT_MAX, PATH, PUT_TEXT],
            ),
            Self::PutWord => (
                "put_word",
                template!("put_word"),
                &[SCRATCH, RECORD, OFF_MAX],
            ),
            Self::PutBuffer => (
                "put_buffer",
                template!("put_buffer"),
                &[SCRATCH, AT_MAX, PUT_TEXT],
            ),
            Self::PutSock => (
                "put_sock",
                template!("put_sock"),
                &[SCRATCH, RECORD, OFF_MAX],
            ),
            Self::PutSockaddr => (
                "put_sockaddr",
                template!("put_sockaddr"),
                &[SCRATCH, RECORD, OFF_MAX],
            ),
            Self::PutCred => (
                "put_cred",
                template!("put_cred"),
                &[SCRATCH, RECORD, OFF_MAX],
            ),
            Self::Process => (
                "process",
                template!("process"),
                &[
                    SCRATCH,
                    RECORD,
                    PATH,
                    PUT_TEXT,
                    ("WALK", Number(|module| module.layout.buffer(0))),
                ],
            ),
            Self::RateKey => (
                "rate_key",
                template!("rate_key"),
                &[SCRATCH, RECORD, OFF_MAX, AT_MAX],
            ),
            Self::Rate => (
                "rate",
                template!("rate"),
                &[
                    SCRATCH,
                    ("RATE", Map(Purpose::Rate)),
                    ("KEY", Number(|_| KEY)),
                ],
            ),
            Self::Emit => (
                "emit",
                template!("emit"),
                &[
                    SCRATCH,
                    RECORD,
                    RECORD_BYTES,
                    ("EVENTS", Map(Purpose::Events)),
                    ("LOST", Map(Purpose::Lost)),
                ],
            ),
        }
    }

    /// The function's code and its number of parameters.
    pub(super) fn instantiate(self, module: &mut Module) -> (Function, u8) {
        let (name, text, holes) = self.row();
        let mut env = Env::default();
        for (hole, filling) in holes {
            let value = match filling {
                Map(purpose) => Value::Map(module.map(*purpose)),
                Call(routine) => Value::Function(module.routine(*routine)),
                Number(number) => Value::Int(i64::from(number(module))),
            };
            env.set(hole, value);
        }
        let template = Template::parse(text).expect("a test parses every template");
        let mut b = Builder::new(format!("tpc_{name}"));
        template
            .instantiate(&mut b, &env)
            .expect("a test instantiates every template");
        (b.finish(), template.params())
    }
}
