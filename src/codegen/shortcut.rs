//! Single components of a path that rule out all values of a filter, before any walk that copies.
//!
//! Each shortcut either jumps to where the filter misses, or falls through: then the whole path decides. Holds: it misses only if the
//! whole path would. Names that do not tell (the root of a mount, unlinked and anonymous files, names that cannot be read) fall through.

use super::filter_text::TextTest;
use super::frame::{Frame, Target};
use super::layout::STATE;
use super::matchers::Exits;
use super::matchers::text::{Place, Text};
use super::mir::{AluOp, Cond, Field, Reg, Size};
use super::routine::Routine;
use super::values::PathParts;
use crate::diag::Span;
use crate::ir::{IntSet, IntType, Subject, TextMatch, TextValue};
use crate::kernel::helpers;

/// Longest name of a directory entry, NAME_MAX (include/uapi/linux/limits.h).
const NAME_MAX: i32 = 255;
/// Components that the walk for the topmost one looks at in the first mount.
const MAX_CLIMB: i32 = 64;
/// Paths of unlinked files end in " (deleted)".
const DELETED_END: &[u8] = b")";

/// A directory entry's name with a slash in front or behind, in the text buffer of the filter.
struct Name {
    /// Its first byte in the scratch value.
    at: u32,
    len: Reg,
}

impl Frame<'_> {
    /// Misses if the path's last component is not the end of any value.
    ///
    /// A path ends in its dentry's name, except for the root of a mount (the name is that of the mount point) and for unlinked files.
    pub(super) fn shortcut_leaf(&mut self, test: &mut TextTest<'_>) {
        let Some(leaves) = leaves(test.how, test.values) else {
            return;
        };
        self.overwrite(test.of);
        let parts = self.path_parts(test.of, test.next);
        let (mut possible, mut other) = (self.target(), self.target());
        let (len, name) = self.name_of(parts.dentry, parts.typed);
        let lengths = leaf_lengths(test.how, &leaves);
        let readable = self.b.label();
        let miss = self.to(&mut other);
        self.ints(
            len,
            IntType::U32,
            &lengths,
            Exits {
                hit: readable,
                miss,
            },
        );
        self.b.bind(readable);
        let name = self.begin_name(test.of, (len, name), &mut possible);
        let exits = Exits {
            hit: self.to(&mut possible),
            miss: self.to(&mut other),
        };
        self.match_name(&name, test.how, &leaves, exits);
        self.bind(other);
        self.name_tells(parts, &mut possible);
        let exits = self.text_exits(test);
        self.b.jump(exits.miss);
        self.bind(possible);
    }

    /// Goes on where the path's last component is the dentry's name; else to `possible`.
    fn name_tells(&mut self, parts: PathParts, possible: &mut Target) {
        let PathParts {
            dentry,
            mount,
            typed,
        } = parts;
        // A root, or an anonymous file, which has no path.
        let parent = self.leaf_field(typed, dentry, "dentry", "d_parent");
        let label = self.to(possible);
        self.b.branch(Cond::Eq, parent, dentry, label);
        match mount {
            Some(mount) => {
                let top = self.leaf_field(typed, mount, "vfsmount", "mnt_root");
                self.b.branch(Cond::Eq, top, dentry, label);
            }
            // Functions return errors as pointers to dentries, whose names cannot be read.
            None => self.b.branch(Cond::Eq, parent, 0, label),
        }
    }

    /// Misses if no value begins with the path's first component.
    pub(super) fn shortcut_top(&mut self, test: &mut TextTest<'_>) {
        let Some(tops) = tops(test.values) else {
            return;
        };
        let parts = self.path_parts(test.of, test.next);
        let Some(mount) = parts.mount else {
            return;
        };
        self.overwrite(test.of);
        let (mut possible, len) = (self.target(), self.b.reg());
        if parts.typed {
            self.climb(test.of, parts.dentry, mount, (&mut possible, len));
        } else {
            let top = self.leaf_field(false, mount, "vfsmount", "mnt_root");
            let zero = self.b.mov(0);
            self.climb_on(
                test.of,
                [parts.dentry, mount, top, zero],
                (&mut possible, len),
            );
        }
        let name = self.end_name(test.of, len);
        let exits = Exits {
            hit: self.to(&mut possible),
            miss: self.text_exits(test).miss,
        };
        self.match_name(&name, TextMatch::Prefix, &tops, exits);
        self.bind(possible);
    }

    /// Walks parents in the path's own mount by typed loads, then on from mount to mount. `len` gets the length of the topmost
    /// component's name, which is then in the buffer; where it is not known the way leads to `possible`.
    fn climb(&mut self, of: Subject, dentry: Reg, mount: Reg, (possible, len): (&mut Target, Reg)) {
        let top = self.typed_field(mount, "vfsmount", "mnt_root");
        let (at, last, rounds) = (self.b.reg(), self.b.reg(), self.b.reg());
        self.b.assign(at, dentry);
        self.b.assign(last, 0);
        self.b.assign(rounds, 0);
        let mut cross = self.target();
        let (round, unknown) = (self.b.label(), self.to(possible));
        self.b.bind(round);
        let label = self.to(&mut cross);
        self.b.branch(Cond::Eq, at, top, label);
        let parent = self.typed_field(at, "dentry", "d_parent");
        self.b.branch(Cond::Eq, parent, at, unknown);
        self.b.assign(last, at);
        self.b.assign(at, parent);
        self.b.alu(AluOp::Add, rounds, 1);
        self.b.branch(Cond::Lt, rounds, MAX_CLIMB, round);
        self.b.jump(unknown);
        self.bind(cross);
        self.climb_on(of, [top, mount, top, last], (possible, len));
    }

    /// The same by probes, from a dentry and a mount on.
    fn climb_on(&mut self, of: Subject, state: [Reg; 4], (possible, len): (&mut Target, Reg)) {
        let at = self.buffer(of);
        self.place(at, state);
        let at = self.b.mov(at as i32);
        let found = self.routine(Routine::PathTop, &[at]);
        let unknown = self.to(possible);
        self.b.branch(Cond::Eq, found, 0, unknown);
        self.b.branch(Cond::Gt, found, NAME_MAX, unknown);
        self.b.assign(len, found);
    }

    /// Length and address of a dentry's name.
    fn name_of(&mut self, dentry: Reg, typed: bool) -> (Reg, Reg) {
        if typed {
            let len = self.typed_field(dentry, "dentry", "d_name.len");
            let name = self.typed_field(dentry, "dentry", "d_name.name");
            return (len, name);
        }
        let field = Field {
            root: "dentry",
            path: "d_name",
        };
        let address = self.b.field_addr(dentry, field);
        let members = [("len", Size::B4), ("name", Size::B8)];
        let [len, name] = self.probed_members(address, "qstr", members);
        (len, name)
    }

    /// Reads a name to byte `to` of the scratch value.
    fn read_name(&mut self, to: u32, (len, name): (Reg, Reg), unreadable: &mut Target) {
        let scratch = self.scratch();
        let label = self.to(unreadable);
        self.b.branch(Cond::Gt, len, NAME_MAX, label);
        let to = self.plus(scratch, to as i32);
        let failed = self.b.call(helpers::PROBE_READ_KERNEL, &[to, len, name]);
        self.b.branch(Cond::Ne, failed, 0, label);
    }

    /// Reads a name into the buffer of a subject, behind a slash.
    fn begin_name(
        &mut self,
        of: Subject,
        (len, name): (Reg, Reg),
        unreadable: &mut Target,
    ) -> Name {
        let at = self.buffer(of) + STATE;
        self.read_name(at + 1, (len, name), unreadable);
        let scratch = self.scratch();
        self.b.store(Size::B1, scratch, at as i16, i32::from(b'/'));
        let len = self.plus(len, 1);
        Name { at, len }
    }

    /// A name at the start of the buffer's text gets a slash at its end.
    fn end_name(&mut self, of: Subject, len: Reg) -> Name {
        let at = self.buffer(of) + STATE;
        let end = self.scratch();
        let end = self.b.mov(end);
        self.b.alu(AluOp::Add, end, len);
        self.b.store(Size::B1, end, at as i16, i32::from(b'/'));
        let len = self.plus(len, 1);
        Name { at, len }
    }

    fn match_name(&mut self, name: &Name, how: TextMatch, values: &[TextValue], exits: Exits) {
        let text = Text {
            base: self.scratch(),
            place: Place::Start(name.at),
            len: name.len,
        };
        let values: Vec<&[u8]> = values.iter().map(|value| value.bytes.as_slice()).collect();
        self.match_text(&text, how, &values, exits);
    }
}

fn value(bytes: &[u8]) -> TextValue {
    TextValue {
        bytes: bytes.to_vec(),
        span: Span::default(),
    }
}

/// The ends of values from their last slash on, or all of an ending without one; `None` if last components do not tell.
fn leaves(how: TextMatch, values: &[TextValue]) -> Option<Vec<TextValue>> {
    let mut leaves = Vec::new();
    for one in values {
        let slash = one.bytes.iter().rposition(|byte| *byte == b'/');
        let leaf = &one.bytes[slash.unwrap_or(0)..];
        // The root has no name, and an unlinked file's name is not the end of its path.
        if leaf == b"/" || leaf.ends_with(DELETED_END) {
            return None;
        }
        // A path starts with a slash: a string without one is never equal to it.
        if how == TextMatch::Postfix || slash.is_some() {
            leaves.push(value(leaf));
        }
    }
    Some(how.reduce(leaves))
}

/// Lengths of names that can end in one of these.
fn leaf_lengths(how: TextMatch, leaves: &[TextValue]) -> IntSet {
    let ranges = leaves.iter().map(|leaf| {
        let len = leaf.bytes.len() as i128;
        match (how, leaf.bytes.first()) {
            (_, Some(b'/')) => (len - 1, len - 1),
            _ => (len, NAME_MAX.into()),
        }
    });
    IntSet::from_ranges(ranges)
}

/// First components of beginnings, with a slash behind those that go on; `None` if they do not tell.
fn tops(values: &[TextValue]) -> Option<Vec<TextValue>> {
    let mut tops = Vec::new();
    for one in values {
        // Without a slash in front it never begins a path.
        let Some(rest) = one.bytes.strip_prefix(b"/") else {
            continue;
        };
        let slash = rest.iter().position(|byte| *byte == b'/');
        let top = &rest[..slash.map_or(rest.len(), |slash| slash + 1)];
        // All paths, or one that can go on with " (deleted)".
        if rest.is_empty() || top == b"/" || (slash.is_none() && top.contains(&b' ')) {
            return None;
        }
        tops.push(value(top));
    }
    Some(TextMatch::Prefix.reduce(tops))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&str]) -> Vec<TextValue> {
        texts.iter().map(|text| value(text.as_bytes())).collect()
    }

    fn texts(values: Option<Vec<TextValue>>) -> Option<Vec<String>> {
        let text = |value: TextValue| String::from_utf8_lossy(&value.bytes).into_owned();
        Some(values?.into_iter().map(text).collect())
    }

    #[test]
    fn leaves_are_what_last_components_end_in() {
        let found = texts(leaves(
            TextMatch::Equal,
            &values(&["/bin/apt", "/sbin/apt", "apk", "/x"]),
        ));
        assert_eq!(
            found.as_deref(),
            Some(&["/apt".to_owned(), "/x".to_owned()][..])
        );
        let found = texts(leaves(
            TextMatch::Postfix,
            &values(&["etc/passwd", ".so", "y.so"]),
        ));
        assert_eq!(
            found.as_deref(),
            Some(&["/passwd".to_owned(), ".so".to_owned()][..])
        );
        assert!(leaves(TextMatch::Equal, &values(&["/a/"])).is_none());
        assert!(leaves(TextMatch::Equal, &values(&["/a (deleted)"])).is_none());
    }

    #[test]
    fn lengths_are_those_of_the_names() {
        let leaves = values(&["/apt", ".so"]);
        assert_eq!(
            leaf_lengths(TextMatch::Equal, &leaves[..1]).ranges(),
            [(3, 3)]
        );
        assert_eq!(
            leaf_lengths(TextMatch::Postfix, &leaves).ranges(),
            [(3, 255)]
        );
    }

    #[test]
    fn tops_are_what_first_components_begin_with() {
        let found = texts(tops(&values(&[
            "/etc/ssh",
            "/etc/ssl/x",
            "/boot",
            "relative",
        ])));
        assert_eq!(
            found.as_deref(),
            Some(&["boot".to_owned(), "etc/".to_owned()][..])
        );
        assert!(tops(&values(&["/"])).is_none());
        assert!(tops(&values(&["/a b"])).is_none());
        assert_eq!(
            texts(tops(&values(&["/a b/c"]))).as_deref(),
            Some(&["a b/".to_owned()][..])
        );
    }
}
