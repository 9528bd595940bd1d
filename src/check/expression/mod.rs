//! Conditions of `CelExpr`: the part of the Common Expression Language that Tetragon translates.
//!
//! A condition compares arguments of the hook, `arg0`, `arg1`, …, named by their position in `args`. Values are
//! truth values and integers of four types that do not mix: `int` and `uint` of 64 bits, which literals have
//! (`5`, `5u`), and their halves, which only `int32(5)` and `uint32(5u)` make. There are comparisons, `+`, `-`, `&&`,
//! `||`, `!`, and the functions `and`, `or`, `xor`, `not` for bits. Nothing else of CEL is there.
//!
//! In: the text, and the types of the arguments. Out: an [`Expression`] that is a condition.
//! Source: `pkg/celbpf`; the grammar is that of cel-go v0.26.

mod parse;

use crate::policy::{ArgType, nearest};

/// A condition without errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub root: Node,
}

/// A value or what is made of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// Position in `args`.
    Arg(usize),
    Call(Function, Vec<Node>),
}

/// Operators and functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Equals,
    NotEquals,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
    Add,
    Subtract,
    LogicalAnd,
    LogicalOr,
    LogicalNot,
    And,
    Or,
    Xor,
    Not,
    Int32,
    Uint32,
}

impl Function {
    /// As it is written.
    const NAMES: &'static [(&'static str, Self)] = &[
        ("==", Self::Equals),
        ("!=", Self::NotEquals),
        ("<", Self::Less),
        ("<=", Self::LessEquals),
        (">", Self::Greater),
        (">=", Self::GreaterEquals),
        ("+", Self::Add),
        ("-", Self::Subtract),
        ("&&", Self::LogicalAnd),
        ("||", Self::LogicalOr),
        ("!", Self::LogicalNot),
        ("and", Self::And),
        ("or", Self::Or),
        ("xor", Self::Xor),
        ("not", Self::Not),
        ("int32", Self::Int32),
        ("uint32", Self::Uint32),
    ];

    fn by_name(name: &str) -> Option<Self> {
        let row = Self::NAMES.iter().find(|(known, _)| *known == name);
        row.map(|&(_, function)| function)
    }

    fn name(self) -> &'static str {
        let row = Self::NAMES.iter().find(|(_, known)| *known == self);
        row.map_or("", |&(name, _)| name)
    }

    /// Those that are written as a call.
    fn calls() -> impl Iterator<Item = &'static str> {
        let names = Self::NAMES.iter().map(|(name, _)| *name);
        names.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    fn parameters(self) -> usize {
        match self {
            Self::LogicalNot | Self::Not | Self::Int32 | Self::Uint32 => 1,
            _ => 2,
        }
    }
}

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Uint,
    S32,
    U32,
    /// Only a node knows.
    Any,
}

impl Type {
    /// The type that an argument has in expressions.
    pub(super) fn of(ty: ArgType) -> Option<Self> {
        match ty {
            ArgType::Int | ArgType::Int32 => Some(Self::S32),
            ArgType::Uint32 => Some(Self::U32),
            ArgType::Int64 => Some(Self::Int),
            ArgType::Uint64 => Some(Self::Uint),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int (64 bits)",
            Self::Uint => "uint (64 bits)",
            Self::S32 => "int32",
            Self::U32 => "uint32",
            Self::Any => "any type",
        }
    }

    fn fits(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

/// What is wrong with an expression, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) help: String,
}

impl Fault {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

/// What an expression can name: the type of each argument.
pub(super) type Arguments<'a> = &'a [Argument];

/// An argument of the hook, as expressions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Of(Type),
    /// Of a type that expressions do not have.
    Other(ArgType),
}

/// Parses a text and checks that it is a condition.
pub(super) fn condition(text: &str, arguments: Arguments<'_>) -> Result<Expression, Fault> {
    let root = parse::parse(text, arguments.len())?;
    let ty = root.ty(arguments)?;
    if !ty.fits(Type::Bool) {
        let what = "it is a number";
        let help = format!("compare it, for example `{} == {}`", root, zero(ty));
        return Err(Fault::new(what, help));
    }
    Ok(Expression { root })
}

fn zero(ty: Type) -> &'static str {
    match ty {
        Type::S32 => "int32(0)",
        Type::U32 => "uint32(0u)",
        Type::Uint => "0u",
        Type::Bool | Type::Int | Type::Any => "0",
    }
}

impl Expression {
    /// Positions of the arguments that it names, each once.
    pub fn arguments(&self) -> Vec<usize> {
        let mut positions = Vec::new();
        self.root.arguments(&mut positions);
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

impl Node {
    fn arguments(&self, positions: &mut Vec<usize>) {
        match self {
            Self::Arg(position) => positions.push(*position),
            Self::Call(_, operands) => {
                for operand in operands {
                    operand.arguments(positions);
                }
            }
            Self::Bool(_) | Self::Int(_) | Self::Uint(_) => {}
        }
    }

    fn ty(&self, arguments: Arguments<'_>) -> Result<Type, Fault> {
        match self {
            Self::Bool(_) => Ok(Type::Bool),
            Self::Int(_) => Ok(Type::Int),
            Self::Uint(_) => Ok(Type::Uint),
            Self::Arg(position) => match arguments.get(*position) {
                Some(Argument::Of(ty)) => Ok(*ty),
                Some(Argument::Other(ty)) => Err(Fault::new(
                    format!(
                        "it names `arg{position}` of type `{ty}`, which expressions do not compare"
                    ),
                    "use arguments of type int, uint32, int64 or uint64 only, and filters of their own for the others",
                )),
                None => Err(no_argument(&format!("arg{position}"), arguments.len())),
            },
            Self::Call(function, operands) => {
                let types: Result<Vec<Type>, Fault> =
                    operands.iter().map(|node| node.ty(arguments)).collect();
                result(*function, operands, &types?)
            }
        }
    }

    fn literal(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(i128::from(*value)),
            Self::Uint(value) => Some(i128::from(*value)),
            Self::Call(Function::Int32 | Function::Uint32, operands) => {
                operands.first().and_then(Self::literal)
            }
            _ => None,
        }
    }

    /// How to write a literal of another type.
    fn rewritten(&self, wanted: Type) -> String {
        let value = self.literal().unwrap_or_default();
        match wanted {
            Type::S32 => format!("write `int32({value})`"),
            Type::U32 => format!("write `uint32({value}u)`"),
            Type::Uint => format!("write `{value}u`"),
            Type::Int => format!("write `{value}`"),
            Type::Bool | Type::Any => "combine conditions with `&&`, `||` and `!`".to_owned(),
        }
    }
}

/// The type of what a function makes of its operands.
fn result(function: Function, operands: &[Node], types: &[Type]) -> Result<Type, Fault> {
    use Function as F;
    let all = |wanted: Type| types.iter().all(|ty| ty.fits(wanted));
    let one = match types {
        [one] => Some(*one),
        [one, other] if one.fits(*other) => Some(if *one == Type::Any { *other } else { *one }),
        _ => None,
    };
    let number = one.filter(|ty| *ty != Type::Bool);
    let result = match function {
        F::Equals | F::NotEquals => one.map(|_| Type::Bool),
        F::Less | F::LessEquals | F::Greater | F::GreaterEquals => number.map(|_| Type::Bool),
        F::Add | F::Subtract | F::And | F::Or | F::Xor | F::Not => number,
        F::LogicalAnd | F::LogicalOr | F::LogicalNot => all(Type::Bool).then_some(Type::Bool),
        F::Int32 => all(Type::Int).then_some(Type::S32),
        F::Uint32 => all(Type::Uint).then_some(Type::U32),
    };
    result.ok_or_else(|| mismatch(function, operands, types))
}

/// Of operands whose types the function does not take.
fn mismatch(function: Function, operands: &[Node], types: &[Type]) -> Fault {
    let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
    let what = format!(
        "`{}` does not take {}",
        function.name(),
        names.join(" and ")
    );
    let help = match (function, operands, types) {
        (Function::Int32, ..) => "write a literal: `int32(5)`".to_owned(),
        (Function::Uint32, ..) => "write a literal: `uint32(5u)`".to_owned(),
        (_, [_, literal], [wanted, _]) if literal.literal().is_some() => literal.rewritten(*wanted),
        (_, [literal, _], [_, wanted]) if literal.literal().is_some() => literal.rewritten(*wanted),
        (_, _, [Type::Bool, _] | [_, Type::Bool] | [Type::Bool]) => {
            "combine conditions with `&&`, `||` and `!`".to_owned()
        }
        (Function::LogicalAnd | Function::LogicalOr | Function::LogicalNot, ..) => {
            "combine comparisons, or use `and`, `or` and `not` for bits".to_owned()
        }
        _ => "declare both arguments with the same type".to_owned(),
    };
    Fault::new(what, help)
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}u"),
            Self::Arg(position) => write!(f, "arg{position}"),
            Self::Call(function, operands) => match operands.as_slice() {
                [one] if *function == Function::LogicalNot => write!(f, "!{one}"),
                [one] => write!(f, "{}({one})", function.name()),
                [one, other] if Function::calls().any(|name| name == function.name()) => {
                    write!(f, "{}({one}, {other})", function.name())
                }
                [one, other] => write!(f, "({one} {} {other})", function.name()),
                _ => f.write_str(function.name()),
            },
        }
    }
}

/// Of a name that is no argument.
fn no_argument(name: &str, declared: usize) -> Fault {
    let what = format!("it names `{name}`, which is not there");
    let known: Vec<String> = (0..declared)
        .map(|position| format!("arg{position}"))
        .collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = match (nearest(name, &known), known.as_slice()) {
        (_, []) => "declare the argument under `args` of the hook".to_owned(),
        (Some(near), _) if !name.starts_with("arg") => format!("did you mean `{near}`?"),
        (_, [only]) => format!("write `{only}`: arguments are named by their position in `args`"),
        (_, [first, .., last]) => {
            format!("write `{first}` to `{last}`: arguments are named by their position in `args`")
        }
    };
    Fault::new(what, help)
}

/// Of a function that is not there.
fn no_function(name: &str) -> Fault {
    let known: Vec<&str> = Function::calls().collect();
    let help = match (name, nearest(name, &known)) {
        ("int" | "uint" | "int64" | "uint64" | "double", _) => {
            "declare the argument with a type of 64 bits, or write the literal as `int32(5)`"
                .to_owned()
        }
        (_, Some(near)) => format!("did you mean `{near}`?"),
        _ => format!("the functions are {}", known.join(", ")),
    };
    Fault::new(format!("it calls `{name}`, which is not there"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `arg0` is an int, `arg1` a uint32, `arg2` an int64, `arg3` a file.
    const ARGUMENTS: &[Argument] = &[
        Argument::Of(Type::S32),
        Argument::Of(Type::U32),
        Argument::Of(Type::Int),
        Argument::Other(ArgType::File),
    ];

    #[test]
    fn conditions() {
        for good in [
            "true",
            "arg0 == int32(1)",
            "arg0 != int32(-1) || arg1 == uint32(5u)",
            "!(arg0 == int32(0x10))",
            "arg0 + int32(1) < int32(2) == true",
            "and(arg2, 2) == 0 && not(1) == 1",
            "--1 == 1 && !!true",
            " arg2 - 1\n== 0 // a comment",
            "9223372036854775807 == -9223372036854775808",
            ".arg2 == 1",
        ] {
            assert!(condition(good, ARGUMENTS).is_ok(), "{good}");
        }
    }

    #[test]
    fn faults_say_what_to_write() {
        let cases = [
            ("arg0 == 1", "write `int32(1)`"),
            ("arg1 == uint32(1)", "write a literal: `uint32(5u)`"),
            ("arg1 == 5", "write `uint32(5u)`"),
            ("5 == arg2 + 5u", "write `5`"),
            ("arg0 == arg1", "declare both arguments with the same type"),
            ("arg0", "compare it, for example `arg0 == int32(0)`"),
            (
                "arg9 == 1",
                "write `arg0` to `arg3`: arguments are named by their position in `args`",
            ),
            ("aarg0 == 1", "did you mean `arg0`?"),
            ("xro(1, 2) == 3", "did you mean `xor`?"),
            ("arg0 && true", "combine conditions with `&&`, `||` and `!`"),
            (
                "and(true, false)",
                "combine conditions with `&&`, `||` and `!`",
            ),
        ];
        for (text, help) in cases {
            let fault = condition(text, ARGUMENTS).map_err(|fault| fault.help);
            assert_eq!(fault.err().as_deref(), Some(help), "{text}");
        }
        assert!(condition("arg3 == 1", ARGUMENTS).is_err());
    }

    #[test]
    fn a_type_that_a_node_knows_fits_all() {
        let arguments = [Argument::Of(Type::Any)];
        for text in ["arg0 == 1", "arg0 == uint32(1u)", "arg0 + 1 > 2"] {
            assert!(condition(text, &arguments).is_ok(), "{text}");
        }
    }
}
