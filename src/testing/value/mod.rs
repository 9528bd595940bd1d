//! Values of arguments as tests write them.
//!
//! In: a node of the test file and the type that the policy declares. Out: a parameter of a [`Scene`](crate::sim::scene::Scene). An empty
//! value (`null`) is one that cannot be read: a descriptor that is not open, an address where nothing is.

mod address;
mod bytes;
mod credentials;
pub(super) mod namespaces;
mod number;

use serde_json::{Value as Json, json};

use super::files::{FILE, Files};
use super::format::Sets;
use super::shape::{Id, Shape, any_of, is_null, shape};
use super::terms::Place;
use crate::diag::{Diagnostic, Sink, Span, Spanned, code};
use crate::ir::{Abi, ArgType};
use crate::policy::{Decode, wrong_type};
use crate::sim::scene::{Area, Data, Param, Spot};
use crate::yaml::{Node, Resolved, Value};

pub(super) use credentials::cred_of;
pub(super) use number::limits;

shape! {
    /// A file with more than its path.
    FileForm "value of a file" {
        /// As the kernel resolves it.
        "path" path: Spanned<String>,
        /// Kind and permissions, such as `0o100644`.
        "mode" mode: Option<Number>,
    }

    /// Bytes that are no text, or many of them.
    BytesForm "value of a text" {
        "text" text: Option<Spanned<String>>,
        /// Two digits for each byte.
        "hex" hex: Option<Spanned<String>>,
        /// How often they follow each other.
        "repeat" repeat: Option<Spanned<u32>>,
    }

    /// A socket, field by field.
    SocketForm "value of a socket" {
        /// Local address.
        "saddr" saddr: Option<Spanned<String>>,
        "sport" sport: Option<Number>,
        /// Remote address.
        "daddr" daddr: Option<Spanned<String>>,
        "dport" dport: Option<Number>,
        "family" family: Option<NameOrNumber>,
        "protocol" protocol: Option<NameOrNumber>,
        /// `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_RAW`.
        "type" kind: Option<NameOrNumber>,
        "state" state: Option<NameOrNumber>,
        "mark" mark: Option<Number>,
        "priority" priority: Option<Number>,
    }

    /// An address of a socket, field by field.
    AddressForm "value of an address" {
        "addr" addr: Option<Spanned<String>>,
        "port" port: Option<Number>,
        "family" family: Option<NameOrNumber>,
    }

    /// Credentials, field by field.
    CredentialsForm "value of credentials" {
        /// Real, effective, saved and file system user [default: 0].
        "uid" uid: Option<Spanned<Id>>,
        "euid" euid: Option<Spanned<Id>>,
        "suid" suid: Option<Spanned<Id>>,
        "fsuid" fsuid: Option<Spanned<Id>>,
        /// Real, effective, saved and file system group [default: that of the user].
        "gid" gid: Option<Spanned<Id>>,
        "egid" egid: Option<Spanned<Id>>,
        "sgid" sgid: Option<Spanned<Id>>,
        "fsgid" fsgid: Option<Spanned<Id>>,
        "securebits" securebits: Option<Spanned<u32>>,
        "capabilities" capabilities: Option<Sets>,
        "userNamespace" user_namespace: Option<Place>,
    }
}

/// Schema of every value of every type.
pub(super) fn schema() -> Json {
    let scalar = json!({"type": ["string", "integer", "null"]});
    let forms = FORMS.iter().map(|(schema, _)| schema());
    let one = any_of(std::iter::once(scalar).chain(forms));
    any_of([one.clone(), json!({"type": "array", "items": one})])
}

/// A form of values: its schema, and whether a node has it.
type Form = (fn() -> Json, fn(&Node, &str, &mut Sink) -> bool);

const FORMS: [Form; 5] = [
    form::<FileForm>(),
    form::<BytesForm>(),
    form::<SocketForm>(),
    form::<AddressForm>(),
    form::<CredentialsForm>(),
];

const fn form<T: Shape>() -> Form {
    // An unknown field is reported, and the rest decoded.
    (T::schema, |node, name, sink| {
        let errors = sink.errors();
        T::decode(node, name, sink).is_some() && sink.errors() == errors
    })
}

/// Whether a mapping has one of the forms; if not, it is judged as the one that it comes closest to.
pub(super) fn has_a_form(node: &Node, name: &str, sink: &mut Sink) -> bool {
    let Value::Mapping(mapping) = &node.value else {
        return true;
    };
    if FORMS.iter().any(|(_, is)| is(node, name, &mut Sink::new())) {
        return true;
    }
    let known = |(schema, _): &&Form| {
        let schema = schema();
        let has = |key: &str| !schema["properties"][key].is_null();
        mapping
            .entries
            .iter()
            .filter(|entry| has(&entry.key.value))
            .count()
    };
    // Of equals the first.
    let nearest = FORMS.iter().rev().max_by_key(known);
    match (nearest, mapping.entries.first()) {
        (Some(form), Some(first)) if known(&form) == 0 => {
            sink.push(no_form(&first.key));
            false
        }
        (nearest, _) => nearest.is_some_and(|(_, is)| is(node, name, sink)),
    }
}

/// Refuses a mapping that has nothing of any form.
fn no_form(key: &Spanned<String>) -> Diagnostic {
    let message = format!("no value of an argument has a field `{}`", key.value);
    let help = "numbers and texts stand without braces; files have `path`, texts `text` or `hex`, sockets `daddr`, addresses `addr`, \
                credentials `uid`";
    Diagnostic::error(code::UNKNOWN_FIELD, message)
        .at(key.span)
        .help(help)
}

/// A number; its limits depend on where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) Spanned<i128>);

impl Decode for Number {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) => match scalar.resolved {
                Resolved::Int(number) => return Some(Self(Spanned::new(number, node.span))),
                _ => wrong_type(node, field, "a whole number", sink),
            },
            _ => wrong_type(node, field, "a whole number", sink),
        }
        None
    }
}

impl Shape for Number {
    fn schema() -> Json {
        json!({"type": "integer"})
    }
}

/// Something that has a name and a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NameOrNumber {
    Name(Spanned<String>),
    Number(Number),
}

impl Decode for NameOrNumber {
    fn decode(node: &Node, field: &str, sink: &mut Sink) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.resolved == Resolved::Text => {
                let name = Spanned::new(scalar.text.clone(), node.span);
                Some(Self::Name(name))
            }
            _ => Number::decode(node, field, sink).map(Self::Number),
        }
    }
}

impl Shape for NameOrNumber {
    fn schema() -> Json {
        json!({"type": ["string", "integer"]})
    }
}

/// What an argument is, for its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    pub(super) ty: ArgType,
    pub(super) abi: Abi,
    /// For messages: `argument 1`.
    pub(super) name: &'a str,
}

/// Where values get their files and descriptors.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) files: &'a mut Files,
    /// Open files of the process, by descriptor.
    pub(super) open: &'a mut Vec<Option<Spot>>,
}

/// An address where nothing is.
const NOWHERE: u64 = 0x10;
/// A descriptor that no process has open.
const NOT_OPEN: u64 = 0x7fff_ffff;

/// The parameter that a value stands for; `None` means reported.
pub(super) fn param(
    node: &Node,
    declared: Declared<'_>,
    ground: &mut Ground<'_>,
    sink: &mut Sink,
) -> Option<Param> {
    if is_null(node) {
        return unreadable(node, declared, sink);
    }
    match declared.ty {
        ArgType::Int(ty) => number::bits(node, ty, declared.name, sink).map(Param::Number),
        ArgType::Nop => {
            let message = format!("{} is `nop`: its value is never read", declared.name);
            sink.push(bad(node.span, message, "remove it"));
            None
        }
        ArgType::String => {
            let text = bytes::decode(node, declared.name, sink)?;
            Some(Param::Bytes(with_nul(text, declared.abi)))
        }
        ArgType::Filename => {
            let text = bytes::decode(node, declared.name, sink)?;
            Some(Param::Filename(with_nul(text, Abi::Function)))
        }
        ArgType::CharBuf { .. } => {
            let text = bytes::decode(node, declared.name, sink)?;
            Some(Param::Bytes(Data::In(area(declared.abi), text.into())))
        }
        ArgType::File => file(node, declared.name, ground, sink).map(Param::File),
        ArgType::Path => file(node, declared.name, ground, sink).map(Param::Path),
        ArgType::LinuxBinprm => {
            file(node, declared.name, ground, sink).map(|spot| Param::Binprm(Some(spot)))
        }
        ArgType::Dentry => {
            file(node, declared.name, ground, sink).map(|spot| Param::Dentry(spot.dentry))
        }
        ArgType::Fd => {
            let spot = file(node, declared.name, ground, sink)?;
            ground.open.push(Some(spot));
            Some(Param::Number(ground.open.len() as u64 - 1))
        }
        ArgType::Sock => address::socket(node, declared.name, sink).map(Param::Sock),
        ArgType::Sockaddr => {
            let bytes = address::sockaddr(node, declared.name, declared.abi, sink)?;
            Some(Param::Bytes(Data::In(area(declared.abi), bytes.into())))
        }
        ArgType::Cred => {
            let form = CredentialsForm::decode(node, declared.name, sink)?;
            Some(Param::Cred(credentials::cred(&form)))
        }
    }
}

/// The parameter of a value that is not given: one that no filter looks at.
pub(super) fn unspecified(ty: ArgType, ground: &mut Ground<'_>, abi: Abi) -> Param {
    match ty {
        ArgType::String => Param::Bytes(with_nul(Vec::new(), abi)),
        ArgType::Filename => Param::Filename(with_nul(Vec::new(), Abi::Function)),
        ArgType::File => Param::File(ground.files.root()),
        ArgType::Path => Param::Path(ground.files.root()),
        ArgType::Dentry => Param::Dentry(ground.files.root().dentry),
        ArgType::LinuxBinprm => Param::Binprm(Some(ground.files.root())),
        ArgType::Fd => Param::Number(NOT_OPEN),
        // Empty structures would be claims; addresses where nothing is are not readable.
        ArgType::CharBuf { .. } | ArgType::Sock | ArgType::Sockaddr | ArgType::Cred => {
            Param::Number(NOWHERE)
        }
        ArgType::Int(_) | ArgType::Nop => Param::Number(0),
    }
}

fn unreadable(node: &Node, declared: Declared<'_>, sink: &mut Sink) -> Option<Param> {
    match declared.ty {
        ArgType::Int(_) => {
            let message = format!("{} is a number, which can always be read", declared.name);
            sink.push(bad(node.span, message, "write a number"));
            None
        }
        ArgType::Fd => Some(Param::Number(NOT_OPEN)),
        ArgType::LinuxBinprm => Some(Param::Binprm(None)),
        ArgType::Filename => Some(Param::Filename(Data::At(NOWHERE))),
        _ => Some(Param::Number(NOWHERE)),
    }
}

/// Reports a value that is not one of its kind.
pub(super) fn bad(span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code::BAD_TEST_VALUE, message)
        .at(span)
        .help(help)
}

/// Where a call's texts lie.
fn area(abi: Abi) -> Area {
    match abi {
        Abi::Syscall => Area::User,
        Abi::Function => Area::Kernel,
    }
}

fn with_nul(mut text: Vec<u8>, abi: Abi) -> Data {
    text.push(0);
    Data::In(area(abi), text.into())
}

fn file(node: &Node, name: &str, ground: &mut Ground<'_>, sink: &mut Sink) -> Option<Spot> {
    let form = match &node.value {
        Value::Mapping(_) => FileForm::decode(node, name, sink)?,
        _ => FileForm {
            path: Spanned::<String>::decode(node, name, sink)?,
            mode: None,
        },
    };
    let mode = match form.mode {
        Some(Number(mode)) => match u16::try_from(mode.value) {
            Ok(mode) => mode,
            Err(_) => {
                let message = format!("`{}` is no mode: they have 16 bits", mode.value);
                sink.push(bad(
                    mode.span,
                    message,
                    "write kind and permissions, such as `0o100644`",
                ));
                return None;
            }
        },
        None => FILE,
    };
    file_at(&form.path, mode, ground.files, sink)
}

/// The file of a path; `None` means reported.
pub(super) fn file_at(
    path: &Spanned<String>,
    mode: u16,
    files: &mut Files,
    sink: &mut Sink,
) -> Option<Spot> {
    let found = files.at(&path.value, mode);
    found
        .map_err(|why| {
            let message = format!("no file has the path `{}`", path.value);
            let help = "write the path that the kernel resolves, such as `/usr/bin/cat`";
            sink.push(bad(path.span, message, help).label(why));
        })
        .ok()
}
