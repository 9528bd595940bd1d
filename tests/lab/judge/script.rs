//! Calls as lines of the driver's script, and its answers. Formats: `tests/lab/guest/driver.c`.

use super::call::{Call, Descriptor, Raw};

/// Bytes as a word.
pub(super) fn text(bytes: &[u8]) -> String {
    word('x', bytes)
}

fn word(letter: char, bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("{letter}{}", digits.collect::<String>())
}

pub(super) fn line(call: &Call) -> String {
    let caller = &call.caller;
    let mut words = vec![
        "C".to_owned(),
        call.id.to_string(),
        caller.parent.to_string(),
        text(caller.exe.as_bytes()),
        text(caller.cwd.as_bytes()),
        caller.uid.to_string(),
    ];
    words.extend(caller.capabilities.iter().map(u64::to_string));
    words.push(format!("-{}", caller.namespaces));
    words.push(u8::from(call.mess).to_string());
    words.push(call.descriptors.len().to_string());
    words.extend(call.descriptors.iter().map(descriptor));
    words.push(caller.argv.len().to_string());
    words.extend(caller.argv.iter().map(|word| text(word)));
    words.push(call.number.to_string());
    let padding = std::iter::repeat(&Raw::Null);
    words.extend(call.raw.iter().chain(padding).take(6).map(parameter));
    words.join(" ") + "\n"
}

fn descriptor(of: &Descriptor) -> String {
    match of {
        Descriptor::File { flags, node } => format!("f{flags}:{}", text(&node.path)),
        Descriptor::Socket {
            domain,
            kind,
            protocol,
            bound,
        } => {
            format!("s{domain},{kind},{protocol},{}", text(bound))
        }
    }
}

fn parameter(raw: &Raw) -> String {
    match raw {
        Raw::Number(number) => format!("n{number}"),
        Raw::Text(bytes) => text(bytes),
        Raw::Edge(bytes) => word('g', bytes),
        Raw::Null => "z".to_owned(),
        Raw::Unmapped => "u".to_owned(),
        Raw::Parent => "p".to_owned(),
        Raw::Own => "q".to_owned(),
        Raw::Arguments(words) => {
            let words: Vec<String> = words.iter().map(|one| text(one)).collect();
            format!("v{}", words.join(","))
        }
        Raw::Environment => "e".to_owned(),
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: usize,
    pub(super) driver: u32,
    pub(super) parent: u32,
    pub(super) caller: u32,
    /// As of wait(2).
    pub(super) status: u32,
    /// What the call returned: a value, or an error below 0.
    pub(super) returned: i64,
    /// A bit for each signal that the caller handled.
    pub(super) signals: u64,
    /// Inode numbers, in the order of the driver's table.
    pub(super) namespaces: Vec<u32>,
}

/// The answers in the driver's output.
pub(super) fn answers(output: &str) -> Result<Vec<Answer>, String> {
    output
        .lines()
        .map(|line| answer(line).ok_or_else(|| format!("not an answer: {line}")))
        .collect()
}

fn answer(line: &str) -> Option<Answer> {
    let words: Vec<&str> = line.strip_prefix("R ")?.split(' ').collect();
    let number = |at: usize| words.get(at)?.parse::<i64>().ok();
    let id = |at: usize| u32::try_from(number(at)?).ok();
    let (returned, error) = (number(6)?, number(7)?);
    if number(4)? != 1 {
        return None;
    }
    Some(Answer {
        id: id(0)? as usize,
        driver: id(1)?,
        parent: id(2)?,
        caller: id(3)?,
        status: id(5)?,
        returned: if error == 0 { returned } else { -error },
        signals: u64::from_str_radix(words.get(8)?.trim_start_matches("0x"), 16).ok()?,
        namespaces: words
            .get(9..)?
            .iter()
            .map(|word| word.parse().ok())
            .collect::<Option<_>>()?,
    })
}
