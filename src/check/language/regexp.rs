//! Regular expressions of Go, as the `pattern` of a list has them: whether a text is one.
//!
//! In: the text. Out: nothing, or the first fault with what to write instead. Patterns select functions of the kernel
//! by name, on a node; here they are only read. Names of Unicode classes (`\p{Greek}`) are taken as they are.
//!
//! Source: `regexp/syntax/parse.go` of Go 1.25, with the flags of `regexp.Compile`.

/// Most repetitions, also of nested ones.
const MAX_REPEAT: u32 = 1000;
/// Most groups within groups.
const MAX_DEPTH: usize = 1000;
/// Longest number in a repetition.
const MAX_DIGITS: usize = 8;

/// What is wrong with a pattern, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) help: &'static str,
}

type Result<T> = std::result::Result<T, Fault>;

fn fault<T>(what: impl Into<String>, help: &'static str) -> Result<T> {
    let what = what.into();
    Err(Fault { what, help })
}

pub(super) fn check(pattern: &str) -> Result<()> {
    let mut parser = Parser {
        rest: pattern,
        groups: vec![Group::default()],
        names: Vec::new(),
    };
    while let Some(first) = parser.rest.chars().next() {
        parser.item(first)?;
    }
    match parser.groups.len() {
        1 => Ok(()),
        _ => fault(
            "has a `(` without its `)`",
            "add `)`, or write `\\(` for itself",
        ),
    }
}

/// A group that is open; the outermost stands for the whole pattern.
#[derive(Default)]
struct Group {
    /// What comes before, if it can be repeated.
    last: Option<Atom>,
    /// Most repetitions of anything within.
    repeats: u32,
}

/// Something that can be repeated.
#[derive(Clone, Copy)]
struct Atom {
    /// Repetitions of what is in it, one within the other.
    repeats: u32,
    /// It is a repetition itself.
    is_repeated: bool,
}

const PLAIN: Atom = Atom {
    repeats: 1,
    is_repeated: false,
};

struct Parser<'a> {
    rest: &'a str,
    groups: Vec<Group>,
    names: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    fn item(&mut self, first: char) -> Result<()> {
        match first {
            '(' => self.open(),
            ')' => self.close(),
            '|' => {
                self.skip(1);
                self.set_last(None);
                Ok(())
            }
            '[' => {
                self.skip(1);
                self.class()?;
                self.set_last(Some(PLAIN));
                Ok(())
            }
            '*' | '+' | '?' => {
                self.skip(1);
                self.repeat(None)
            }
            '{' => match counts(self.rest) {
                Some((most, length)) => {
                    self.skip(length);
                    self.repeat(Some(most?))
                }
                None => self.literal(first),
            },
            '\\' => self.escape(),
            _ => self.literal(first),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }

    fn group(&mut self) -> Option<&mut Group> {
        self.groups.last_mut()
    }

    fn set_last(&mut self, last: Option<Atom>) {
        if let Some(group) = self.group() {
            group.last = last;
            group.repeats = group.repeats.max(last.map_or(1, |atom| atom.repeats));
        }
    }

    fn literal(&mut self, first: char) -> Result<()> {
        self.skip(first.len_utf8());
        self.set_last(Some(PLAIN));
        Ok(())
    }

    /// Repeats what comes before; without a count any number of times.
    fn repeat(&mut self, count: Option<u32>) -> Result<()> {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        let Some(last) = self.group().and_then(|group| group.last) else {
            let help = "write `.*` for any text; patterns need not match the whole name";
            return fault("repeats nothing", help);
        };
        if last.is_repeated {
            return fault("repeats a repetition", "put the first one in `(?:…)`");
        }
        let repeats = last.repeats.saturating_mul(count.unwrap_or(1).max(1));
        if count.is_some() && repeats > MAX_REPEAT {
            return fault("repeats more than 1000 times", "write `*` or `+`");
        }
        self.set_last(Some(Atom {
            repeats,
            is_repeated: true,
        }));
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        if self.groups.len() > MAX_DEPTH {
            return fault("is nested too deep", "write it with fewer groups");
        }
        self.skip(1);
        if let Some(rest) = self.rest.strip_prefix('?') {
            let named = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<'));
            match named.filter(|named| !named.starts_with(['=', '!'])) {
                Some(named) => self.name(named)?,
                None if self.flags(rest)? => return Ok(()),
                None => {}
            }
        }
        self.groups.push(Group::default());
        Ok(())
    }

    fn name(&mut self, named: &'a str) -> Result<()> {
        let name = named.split_once('>').map(|(name, _)| name);
        let good = |name: &&str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let Some(name) = name.filter(good) else {
            return fault(
                "has a group whose name is none",
                "write `(…)` without a name",
            );
        };
        if self.names.contains(&name) {
            return fault(
                format!("has two groups `{name}`"),
                "write `(…)` without a name",
            );
        }
        self.names.push(name);
        self.rest = named.get(name.len() + 1..).unwrap_or("");
        Ok(())
    }

    /// Flags such as `(?i)` and `(?s-m:`; whether they stand for themselves, without a group.
    fn flags(&mut self, rest: &'a str) -> Result<bool> {
        let help = "write `(?:…)` for a group; there is no looking around and no reference back";
        let end = rest.find([')', ':']);
        let split = end.map(|end| rest.split_at(end));
        let Some((flags, alone)) = split.map(|(flags, after)| (flags, after.starts_with(')')))
        else {
            return fault("has a `(?` that is none of Go", help);
        };
        let (on, off) = flags.split_once('-').unwrap_or((flags, "i"));
        let known = |flags: &str| flags.chars().all(|flag| "imsU".contains(flag));
        if !known(on) || !known(off) || off.is_empty() || alone && flags.is_empty() {
            return fault(format!("has `(?{flags}`, which is none of Go"), help);
        }
        self.rest = rest.get(flags.len() + 1..).unwrap_or("");
        Ok(alone)
    }

    fn close(&mut self) -> Result<()> {
        self.skip(1);
        let closed = self.groups.pop().filter(|_| !self.groups.is_empty());
        let Some(closed) = closed else {
            return fault(
                "has a `)` without its `(`",
                "remove it, or write `\\)` for itself",
            );
        };
        self.set_last(Some(Atom {
            repeats: closed.repeats.max(1),
            is_repeated: false,
        }));
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        if let Some(quoted) = self.rest.strip_prefix("\\Q") {
            let (literal, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            self.rest = rest;
            if !literal.is_empty() {
                self.set_last(Some(PLAIN));
            }
            return Ok(());
        }
        let second = self.rest.chars().nth(1);
        match second {
            Some('A' | 'z' | 'b' | 'B') => self.skip(2),
            _ => self.rest = escaped(self.rest)?,
        }
        self.set_last(Some(PLAIN));
        Ok(())
    }

    /// The rest of a class, after its `[`.
    fn class(&mut self) -> Result<()> {
        let open = "add `]`, or write `\\[` for itself";
        let mut rest = self.rest.strip_prefix('^').unwrap_or(self.rest);
        let mut is_first = true;
        loop {
            if rest.is_empty() {
                return fault("has a `[` without its `]`", open);
            }
            if let Some(after) = rest.strip_prefix(']').filter(|_| !is_first) {
                self.rest = after;
                return Ok(());
            }
            is_first = false;
            rest = self::member(rest)?;
        }
    }
}

/// A member of a class; gives what follows.
fn member(rest: &str) -> Result<&str> {
    if let Some((name, after)) = rest
        .strip_prefix("[:")
        .and_then(|rest| rest.split_once(":]"))
    {
        let name = name.strip_prefix('^').unwrap_or(name);
        return match POSIX.contains(&name) {
            true => Ok(after),
            false => fault(
                format!("has `[:{name}:]`, which is no class"),
                "write `[:alnum:]`",
            ),
        };
    }
    if rest.starts_with("\\") && rest[1..].starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']) {
        return escaped(rest);
    }
    let (low, after) = class_char(rest)?;
    match after.strip_prefix('-') {
        Some(high) if !high.starts_with(']') && !high.is_empty() => {
            let (high, after) = class_char(high)?;
            match low <= high {
                true => Ok(after),
                false => fault("has a range that ends before it begins", "swap its ends"),
            }
        }
        _ => Ok(after),
    }
}

/// A character of a class, by its number, and what follows.
fn class_char(rest: &str) -> Result<(u32, &str)> {
    let Some(first) = rest.chars().next() else {
        return fault(
            "has a `[` without its `]`",
            "add `]`, or write `\\[` for itself",
        );
    };
    if first != '\\' {
        return Ok((u32::from(first), &rest[first.len_utf8()..]));
    }
    if rest[1..].starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']) {
        return fault(
            "has a range with a class at its end",
            "write `\\-` for itself",
        );
    }
    let after = escaped(rest)?;
    let text = &rest[1..rest.len() - after.len()];
    Ok((value(text), after))
}

/// The number of an escaped character.
fn value(text: &str) -> u32 {
    let hex = text
        .strip_prefix('x')
        .map(|hex| hex.trim_matches(['{', '}']));
    let octal = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = match hex {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if octal => u32::from_str_radix(text, 8).ok(),
        None => None,
    };
    let named = match text {
        "a" => 7,
        "t" => 9,
        "n" => 10,
        "v" => 11,
        "f" => 12,
        "r" => 13,
        _ => text.chars().next().map_or(0, u32::from),
    };
    number.unwrap_or(named)
}

const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// An escape, which starts with its `\`; gives what follows.
fn escaped(rest: &str) -> Result<&str> {
    let help = "write `\\` before punctuation only, or `\\\\` for itself";
    let after = &rest[1..];
    let Some(char) = after.chars().next() else {
        return fault("ends with `\\`", help);
    };
    let bad = || fault(format!("has `\\{char}`, which means nothing"), help);
    let behind = &after[char.len_utf8()..];
    match char {
        'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok(behind),
        'p' | 'P' => unicode(behind).map_or_else(bad, Ok),
        'x' => hex(behind).map_or_else(bad, Ok),
        '0' => Ok(octal(behind)),
        '1'..='7' if behind.starts_with(['0', '1', '2', '3', '4', '5', '6', '7']) => {
            Ok(octal(behind))
        }
        _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Ok(behind),
        _ => bad(),
    }
}

/// Up to two more octal digits.
fn octal(rest: &str) -> &str {
    let digits = rest
        .bytes()
        .take(2)
        .take_while(|byte| (b'0'..b'8').contains(byte));
    &rest[digits.count()..]
}

fn hex(rest: &str) -> Option<&str> {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(braced) = rest.strip_prefix('{') {
        let (digits, after) = braced.split_once('}')?;
        let number = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_hex(digits))?;
        return (number <= u32::from(char::MAX)).then_some(after);
    }
    let digits = rest.get(..2).filter(|digits| is_hex(digits))?;
    rest.get(digits.len()..)
}

/// The name of a Unicode class, after `\p`.
fn unicode(rest: &str) -> Option<&str> {
    let Some(braced) = rest.strip_prefix('{') else {
        let letter = rest.chars().next().filter(|c| "CLMNPSZ".contains(*c))?;
        return rest.get(letter.len_utf8()..);
    };
    let (name, after) = braced.split_once('}')?;
    let name = name.strip_prefix('^').unwrap_or(name);
    let good = |c: char| c.is_ascii_alphabetic() || c == '_';
    (name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(good)).then_some(after)
}

/// A repetition with counts: most repetitions, and the length. `None`: the brace stands for itself.
fn counts(rest: &str) -> Option<(Result<u32>, usize)> {
    let (text, _) = rest.strip_prefix('{')?.split_once('}')?;
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = text == "0" || !text.starts_with('0');
        let large = text.len() > MAX_DIGITS;
        (plain && canonical).then(|| {
            if large {
                u32::MAX
            } else {
                text.parse().unwrap_or(u32::MAX)
            }
        })
    };
    let (least, most) = match text.split_once(',') {
        None => (number(text)?, number(text)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    let highest = most.unwrap_or(least);
    let counts = match highest {
        _ if highest > MAX_REPEAT || least > MAX_REPEAT => {
            fault("repeats more than 1000 times", "write `*` or `+`")
        }
        _ if least > highest => fault("has counts that go down", "swap them"),
        _ => Ok(highest),
    };
    Some((counts, text.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_go() {
        const TEXTS: &str = r"
            ^ksys_ a|b| (a|b)*? (?:a) (?i)a (?i-s:a) (?P<n>a)(?<m>b) [^]a] [a-z\d_-] [[:alpha:]]
            []-a] [a-] \.\x41\x{10FFFF}\012\0 \pL\p{Greek} \Qa*\E+ a{2} a{2,} a{2,3}? a{,2} a{x}
            { a{01} (a{10}){100} \bx\B\A\z é a(?i)* ^*
        ";
        for good in TEXTS.split_whitespace() {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn not_patterns_of_go() {
        const TEXTS: &str = r"
            ( ) a) [ [a [] [z-a] [a-\d] [[:x:]] * a|* (*a) a** a+* a{2}{3} {2} a{1001} a{3,2}
            (a{100}){100} \ \q \8 \1 \C \x \x{110000} \p \pX (?=a) (?!a) (?<=a) (?<!a) (?>a)
            (?P=n) (?P<n>a)(?P<n>b) (?x) (? (?) (?i-) (?P<>a) (?i)* \E
        ";
        for bad in TEXTS.split_whitespace() {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
