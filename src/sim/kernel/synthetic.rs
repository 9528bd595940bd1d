//! Kernels made up for tests: C structures as text, laid out as a C compiler would.
//!
//! In: structures, one after the other: members are `type name;`, `type *name;`, `type name[4];` or unnamed `struct { … };` and
//! `union { … };`. `u8` to `i64` are integers, everything else names a structure; `#` starts a comment. Out: BTF.

use std::collections::BTreeMap;

use crate::btf::{Btf, Builder, Kind, Member, TypeId, encoding};

/// A member's type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Named(String),
    Pointer(String),
    Array(String, u32),
    /// Unnamed.
    Group {
        union: bool,
        members: Vec<Field>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    /// Empty for unnamed structures and unions.
    name: String,
    shape: Shape,
}

/// The types of a kernel that is described by a text; the error says what cannot be read.
pub fn parse(text: &str) -> Result<Btf, String> {
    let words = words(text);
    let mut rest = words.as_slice();
    let mut structs: Vec<(String, Vec<Field>)> = Vec::new();
    while let Some((word, after)) = rest.split_first() {
        let [name, brace, ..] = after else {
            return Err(format!("`{word}` ends the text"));
        };
        if *word != "struct" || *brace != "{" {
            return Err(format!(
                "expected `struct NAME {{`, found `{word} {name} {brace}`"
            ));
        }
        rest = &after[2..];
        structs.push(((*name).to_owned(), fields(&mut rest)?));
        expect(&mut rest, ";")?;
    }
    Layout::new(structs).finish()
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut line = line.split('#').next().unwrap_or("").trim_start();
        while !line.is_empty() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let len = match line.find(|c| !is_word(c)) {
                Some(0) => line.chars().next().map_or(1, char::len_utf8),
                Some(len) => len,
                None => line.len(),
            };
            let (word, rest) = line.split_at(len);
            words.push(word);
            line = rest.trim_start();
        }
    }
    words
}

fn next<'a>(rest: &mut &[&'a str]) -> Result<&'a str, String> {
    let (word, after) = rest
        .split_first()
        .ok_or("the text ends within a structure")?;
    *rest = after;
    Ok(word)
}

fn expect(rest: &mut &[&str], wanted: &str) -> Result<(), String> {
    match next(rest)? {
        word if word == wanted => Ok(()),
        word => Err(format!("expected `{wanted}`, found `{word}`")),
    }
}

/// Members up to the brace that ends them.
fn fields(rest: &mut &[&str]) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    loop {
        match next(rest)? {
            "}" => return Ok(fields),
            word @ ("struct" | "union") => {
                expect(rest, "{")?;
                let shape = Shape::Group {
                    union: word == "union",
                    members: self::fields(rest)?,
                };
                expect(rest, ";")?;
                fields.push(Field {
                    name: String::new(),
                    shape,
                });
            }
            ty => fields.push(field(ty, rest)?),
        }
    }
}

fn field(ty: &str, rest: &mut &[&str]) -> Result<Field, String> {
    let ty = ty.to_owned();
    let first = next(rest)?;
    let (name, mut shape) = match first {
        "*" => (next(rest)?, Shape::Pointer(ty)),
        name => (name, Shape::Named(ty)),
    };
    match (next(rest)?, &shape) {
        (";", _) => {}
        ("[", Shape::Named(ty)) => {
            let count = next(rest)?;
            shape = Shape::Array(
                ty.clone(),
                count
                    .parse()
                    .map_err(|_| format!("`{count}` is no number"))?,
            );
            expect(rest, "]")?;
            expect(rest, ";")?;
        }
        (word, _) => return Err(format!("expected `;` behind `{name}`, found `{word}`")),
    }
    Ok(Field {
        name: name.to_owned(),
        shape,
    })
}

/// Types under construction.
struct Layout {
    builder: Builder,
    structs: Vec<(String, Vec<Field>)>,
    ids: BTreeMap<String, TypeId>,
    /// Size and alignment of structures that are defined.
    known: BTreeMap<String, (u32, u32)>,
}

impl Layout {
    fn new(structs: Vec<(String, Vec<Field>)>) -> Self {
        let mut builder = Builder::new();
        let ids = structs
            .iter()
            .map(|(name, _)| (name.clone(), builder.declare(name, false)))
            .collect();
        Self {
            builder,
            structs,
            ids,
            known: BTreeMap::new(),
        }
    }

    fn finish(mut self) -> Result<Btf, String> {
        for (name, members) in std::mem::take(&mut self.structs) {
            let (kind, size, align) = self.group(false, &members)?;
            self.builder.define(self.ids[&name], kind);
            self.known.insert(name, (size, align));
        }
        Ok(self.builder.finish())
    }

    /// A structure or union with its size and alignment.
    fn group(&mut self, union: bool, fields: &[Field]) -> Result<(Kind, u32, u32), String> {
        let (mut members, mut end, mut widest) = (Vec::new(), 0u32, 1);
        for field in fields {
            let (ty, size, align) = self.shape(&field.shape)?;
            let offset = if union {
                0
            } else {
                end.next_multiple_of(align)
            };
            members.push(Member {
                name: self.builder.string(&field.name),
                ty,
                bit_offset: 8 * offset,
                bits: 0,
            });
            end = end.max(offset + size);
            widest = widest.max(align);
        }
        let size = end.next_multiple_of(widest);
        let kind = match union {
            true => Kind::Union { size, members },
            false => Kind::Struct { size, members },
        };
        Ok((kind, size, widest))
    }

    /// Type, size, alignment.
    fn shape(&mut self, shape: &Shape) -> Result<(TypeId, u32, u32), String> {
        match shape {
            Shape::Named(name) => self.named(name),
            Shape::Pointer(name) => {
                let to = match name.as_str() {
                    "void" => TypeId::VOID,
                    _ => *self
                        .ids
                        .get(name)
                        .ok_or_else(|| format!("no structure `{name}`"))?,
                };
                Ok((self.builder.add("", Kind::Ptr(to)), 8, 8))
            }
            Shape::Array(name, len) => {
                let ((elem, size, align), (index, ..)) = (self.named(name)?, self.named("u32")?);
                let kind = Kind::Array {
                    elem,
                    index,
                    len: *len,
                };
                Ok((self.builder.add("", kind), size * len, align))
            }
            Shape::Group { union, members } => {
                let (kind, size, align) = self.group(*union, members)?;
                Ok((self.builder.add("", kind), size, align))
            }
        }
    }

    /// A number, or a structure that is already defined.
    fn named(&mut self, name: &str) -> Result<(TypeId, u32, u32), String> {
        if let (Some(id), Some((size, align))) = (self.ids.get(name), self.known.get(name)) {
            return Ok((*id, *size, *align));
        }
        let unknown = || format!("no type `{name}` above its use");
        let (sign, bits) = name.split_at_checked(1).ok_or_else(unknown)?;
        let size = match bits {
            "8" => 1,
            "16" => 2,
            "32" => 4,
            "64" => 8,
            _ => return Err(unknown()),
        };
        let encoding = match sign {
            "u" => 0,
            "i" => encoding::SIGNED,
            _ => return Err(unknown()),
        };
        let kind = Kind::Int {
            size,
            encoding,
            offset: 0,
            bits: 8 * size as u8,
        };
        Ok((self.builder.add(name, kind), size, size))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kernel;
    use super::*;

    #[test]
    fn members_lie_where_a_c_compiler_puts_them() {
        let text = "struct in { u8 a; u32 b; };
            struct out { u16 x; union { u64 whole; struct { u32 low; u32 high; }; }; in inner; in *to; u8 tail[3]; };";
        let kernel = Kernel::new(parse(text).expect("a good text"));
        let place = |path| {
            kernel
                .field("out", path)
                .map(|field| (field.offset, field.size))
        };
        assert_eq!(place("x"), Some((0, 2)));
        assert_eq!(place("high"), Some((12, 4)));
        assert_eq!(place("inner.b"), Some((20, 4)));
        assert_eq!(place("tail"), Some((32, 3)));
        assert_eq!(kernel.size("out"), Some(40));
        assert!(kernel.field("out", "to").is_some_and(|field| field.pointer));
        assert_eq!(place("nothing"), None);
    }

    #[test]
    fn texts_that_make_no_sense_are_errors() {
        for text in [
            "struct a { b c; };",
            "struct a { u8 x }",
            "struct a { u8 x[n]; };",
            "union a { u8 x; };",
            "struct a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
