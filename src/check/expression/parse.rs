//! Texts to expressions.
//!
//! In: a text. Out: its tree, or the first thing in it that is not in the language. The lexer knows all tokens of CEL,
//! so that what is not translated (texts, lists, members, `*`) is named as what it is.

use super::{Fault, Function, Node, no_argument, no_function};

/// Nested parentheses and calls, as many as cel-go takes.
const MAX_DEPTH: usize = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    /// Digits with their base prefix.
    Int(&'a str),
    Uint(&'a str),
    Float(&'a str),
    Text,
    Sign(&'a str),
}

/// Longer signs first.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", "(", ")",
    "[", "]", "{", "}", ",", ".",
];

/// Binary operators from the loosest to the tightest.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["==", "!=", "<", "<=", ">", ">="],
    &["+", "-"],
];

pub(super) fn parse(text: &str, arguments: usize) -> Result<Node, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        arguments,
    };
    let node = parser.binary(LEVELS)?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => Err(unexpected(Some(token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (token, length) = token(rest, first)?;
        tokens.push(token);
        rest = rest.get(length..).unwrap_or("");
    }
}

/// The token that a text starts with, and its length.
fn token(rest: &str, first: char) -> Result<(Token<'_>, usize), Fault> {
    let second = rest[first.len_utf8()..].chars().next();
    if let Some(length) = quoted(rest) {
        return Ok((Token::Text, length));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let name = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let length = rest.find(name).unwrap_or(rest.len());
        return Ok((Token::Name(&rest[..length]), length));
    }
    let fraction = first == '.' && second.is_some_and(|c| c.is_ascii_digit());
    if first.is_ascii_digit() || fraction {
        return Ok(number(rest));
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None => Err(stray(first)),
    }
}

/// Of a character that begins nothing.
fn stray(char: char) -> Fault {
    let what = format!(
        "it has `{}`, which is no part of an expression",
        char.escape_default()
    );
    let help = match char {
        '=' => "write `==` to compare",
        '&' => "write `&&` between conditions, or `and(…)` for bits",
        '|' => "write `||` between conditions, or `or(…)` for bits",
        '^' => "write `xor(…)`",
        '~' => "write `not(…)`",
        _ => "remove it",
    };
    Fault::new(what, help)
}

fn number(rest: &str) -> (Token<'_>, usize) {
    let digits = |text: &str, hex: bool| {
        let digit = |c: char| {
            if hex {
                c.is_ascii_hexdigit()
            } else {
                c.is_ascii_digit()
            }
        };
        text.find(|c| !digit(c)).unwrap_or(text.len())
    };
    let hex = rest.strip_prefix("0x").map(|rest| digits(rest, true));
    let mut length = match hex {
        Some(hex) if hex > 0 => 2 + hex,
        _ => digits(rest, false),
    };
    let fraction = rest[length..]
        .strip_prefix('.')
        .map_or(0, |rest| digits(rest, false));
    if hex.is_none() && fraction > 0 {
        length += 1 + fraction;
    }
    let exponent = rest[length..]
        .strip_prefix(['e', 'E'])
        .filter(|_| hex.is_none());
    let exponent = exponent.and_then(|rest| {
        let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let digits = digits(unsigned, false);
        (digits > 0).then_some(1 + rest.len() - unsigned.len() + digits)
    });
    length += exponent.unwrap_or(0);
    let text = &rest[..length];
    if exponent.is_some() || hex.is_none() && fraction > 0 {
        return (Token::Float(text), length);
    }
    match rest[length..].starts_with(['u', 'U']) {
        true => (Token::Uint(text), length + 1),
        false => (Token::Int(text), length),
    }
}

/// Length of a quoted text, up to its end or the end of all.
fn quoted(rest: &str) -> Option<usize> {
    let bare = rest.trim_start_matches(['r', 'R', 'b', 'B']);
    let prefix = rest.len() - bare.len();
    let quote = bare.chars().next().filter(|c| ['"', '\''].contains(c))?;
    if prefix > 2 {
        return None;
    }
    let end = bare[1..].find(quote).map_or(bare.len(), |at| at + 2);
    Some(prefix + end)
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    /// Arguments that the hook declares.
    arguments: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// Takes a sign if it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        let is_next = self.peek() == Some(Token::Sign(sign));
        self.next += usize::from(is_next);
        is_next
    }

    /// Operators of the first level and of those that bind tighter.
    fn binary(&mut self, levels: &[&[&'static str]]) -> Result<Node, Fault> {
        let Some((level, tighter)) = levels.split_first() else {
            return self.unary();
        };
        let mut left = self.binary(tighter)?;
        while let Some(Token::Sign(sign)) = self.peek() {
            let Some(function) = Function::by_name(sign).filter(|_| level.contains(&sign)) else {
                break;
            };
            self.next += 1;
            left = Node::Call(function, vec![left, self.binary(tighter)?]);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        let mut negations = 0;
        while self.takes("!") {
            negations += 1;
        }
        if negations > 0 {
            let operand = self.primary()?;
            return Ok(match negations % 2 {
                1 => Node::Call(Function::LogicalNot, vec![operand]),
                _ => operand,
            });
        }
        let mut minuses = 0;
        while self.takes("-") {
            minuses += 1;
        }
        match self.peek() {
            Some(Token::Int(digits)) if minuses == 1 => {
                self.next += 1;
                int(digits, true)
            }
            _ if minuses % 2 == 1 => {
                let operand = self.primary()?;
                Err(Fault::new(
                    format!("it has `-{operand}`, but only literals have a sign"),
                    format!("subtract: `0 - {operand}`, with a zero of its type"),
                ))
            }
            _ => self.primary(),
        }
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        let dotted = self.takes(".");
        let token = self.take();
        let node = match token {
            Some(Token::Name(name)) => self.named(name, dotted)?,
            _ if dotted => return Err(unexpected(token)),
            Some(Token::Int(digits)) => int(digits, false)?,
            Some(Token::Uint(digits)) => uint(digits)?,
            Some(Token::Sign("(")) => self.nested(|parser| {
                let node = parser.binary(LEVELS)?;
                parser.close(")")?;
                Ok(node)
            })?,
            other => return Err(unexpected(other)),
        };
        match self.peek() {
            Some(token @ Token::Sign("." | "[" | "{")) => Err(unexpected(Some(token))),
            _ => Ok(node),
        }
    }

    fn named(&mut self, name: &str, dotted: bool) -> Result<Node, Fault> {
        if self.takes("(") {
            return self.call(name);
        }
        match name {
            "true" | "false" if !dotted => return Ok(Node::Bool(name == "true")),
            "null" | "in" => return Err(unexpected(Some(Token::Name(name)))),
            _ => {}
        }
        let digits = name.strip_prefix("arg").filter(|digits| canonical(digits));
        let position = digits.and_then(|digits| digits.parse().ok());
        match position.filter(|position| *position < self.arguments) {
            Some(position) => Ok(Node::Arg(position)),
            None => Err(no_argument(name, self.arguments)),
        }
    }

    fn call(&mut self, name: &str) -> Result<Node, Fault> {
        let is_call = |name: &str| Function::calls().any(|known| known == name);
        let function = Function::by_name(name).filter(|_| is_call(name));
        let function = function.ok_or_else(|| no_function(name))?;
        let operands = self.nested(Self::operands)?;
        let wanted = function.parameters();
        if operands.len() != wanted {
            let what = format!("it gives `{name}` {} values", operands.len());
            let help = match wanted {
                1 => format!("write `{name}(VALUE)`"),
                _ => format!("write `{name}(VALUE, VALUE)`"),
            };
            return Err(Fault::new(what, help));
        }
        Ok(Node::Call(function, operands))
    }

    fn operands(&mut self) -> Result<Vec<Node>, Fault> {
        let mut operands = Vec::new();
        if self.takes(")") {
            return Ok(operands);
        }
        loop {
            operands.push(self.binary(LEVELS)?);
            if !self.takes(",") {
                self.close(")")?;
                return Ok(operands);
            }
        }
    }

    fn close(&mut self, sign: &str) -> Result<(), Fault> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(unexpected(self.peek())),
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("it is nested more than {MAX_DEPTH} deep");
            return Err(Fault::new(what, "write it with fewer parentheses"));
        }
        let node = inner(self);
        self.depth -= 1;
        node
    }
}

/// Whether digits are how a position is written.
fn canonical(digits: &str) -> bool {
    digits == "0" || !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn int(digits: &str, negative: bool) -> Result<Node, Fault> {
    let sign = if negative { "-" } else { "" };
    let (hex, digits) = match digits.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    i64::from_str_radix(&format!("{sign}{digits}"), hex)
        .map(Node::Int)
        .map_err(|_| too_large(&format!("{sign}{digits}")))
}

fn uint(digits: &str) -> Result<Node, Fault> {
    let parsed = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    parsed.map(Node::Uint).map_err(|_| too_large(digits))
}

fn too_large(digits: &str) -> Fault {
    let what = format!("it has `{digits}`, which does not fit 64 bits");
    Fault::new(what, "write a smaller number")
}

/// Of something that the grammar does not have at this place, or that is not translated at all.
fn unexpected(token: Option<Token<'_>>) -> Fault {
    let filter = "write a filter of its own with `Equal` or `InMap`";
    match token {
        None => Fault::new("it ends too early", "complete it"),
        Some(Token::Text) => Fault::new("it has a text, which expressions do not compare", filter),
        Some(Token::Float(text)) => Fault::new(
            format!("it has `{text}`, which is no whole number"),
            "round it",
        ),
        Some(Token::Name("null")) => Fault::new("it has `null`, which nothing is", "remove it"),
        Some(Token::Name("in") | Token::Sign("[" | "]" | "{" | "}")) => {
            Fault::new("it has a list, which expressions do not have", filter)
        }
        Some(Token::Sign(".")) => Fault::new(
            "it looks into a value, which has no members here",
            "declare the member as an argument of its own with `resolve`",
        ),
        Some(Token::Sign(sign @ ("*" | "/" | "%"))) => Fault::new(
            format!("it has `{sign}`, which is not translated"),
            "there are `+`, `-`, and the functions and, or, xor, not for bits",
        ),
        Some(Token::Sign("?" | ":")) => Fault::new(
            "it has `? :`, which is not translated",
            "combine conditions with `&&`, `||` and `!`",
        ),
        Some(Token::Sign(text) | Token::Name(text) | Token::Int(text) | Token::Uint(text)) => {
            Fault::new(
                format!("it has `{text}` where nothing like it can be"),
                "write comparisons, combined with `&&`, `||` and `!`",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_and_how_tight_operators_bind() {
        let cases = [
            (
                "1+2-3 == 4 && true || false",
                "(((((1 + 2) - 3) == 4) && true) || false)",
            ),
            ("!!!true", "!true"),
            ("-0x10 < 5U", "(-16 < 5u)"),
            ("int32(and(1, 2))", "int32(and(1, 2))"),
            ("arg1==arg0", "(arg1 == arg0)"),
        ];
        for (text, tree) in cases {
            assert_eq!(
                parse(text, 2).map(|node| node.to_string()),
                Ok(tree.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_translated_is_named() {
        let cases = [
            ("arg0 * 2 == 4", "it has `*`, which is not translated"),
            (
                "arg0 in [1]",
                "it has a list, which expressions do not have",
            ),
            (
                "arg0.x == 1",
                "it looks into a value, which has no members here",
            ),
            (
                "arg0 == r'a",
                "it has a text, which expressions do not compare",
            ),
            ("1.5 > 1.0", "it has `1.5`, which is no whole number"),
            ("1e3 > 1", "it has `1e3`, which is no whole number"),
            (
                "true ? true : false",
                "it has `? :`, which is not translated",
            ),
            ("arg0 ==", "it ends too early"),
            ("// c", "it ends too early"),
            ("(arg0", "it ends too early"),
            ("arg0 == null", "it has `null`, which nothing is"),
            ("arg0 arg0", "it has `arg0` where nothing like it can be"),
            ("arg00 == 1", "it names `arg00`, which is not there"),
            (
                "9223372036854775808 == 1",
                "it has `9223372036854775808`, which does not fit 64 bits",
            ),
            ("arg0 = 1", "it has `=`, which is no part of an expression"),
            ("not(1, 2) == 3", "it gives `not` 2 values"),
            (
                "-arg0 == 1",
                "it has `-arg0`, but only literals have a sign",
            ),
        ];
        for (text, what) in cases {
            let fault = parse(text, 1).map_err(|fault| fault.what);
            assert_eq!(fault.err().as_deref(), Some(what), "{text}");
        }
        let deep = format!("{}true{}", "(".repeat(300), ")".repeat(300));
        assert!(parse(&deep, 0).is_err_and(|fault| fault.what.contains("nested")));
    }
}
