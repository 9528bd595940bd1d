//! Filters on strings and paths.

use super::frame::{Frame, Target, Value};
use super::matchers::{Exits, text};
use super::mir::{Cond, Reg};
use crate::ir::{IntSet, IntType, Subject, TextMatch, TextValue};

/// Paths of unlinked files end in " (deleted)".
const DELETED_END: &[u8] = b")";

/// Longest name of a directory entry, NAME_MAX (include/uapi/linux/limits.h).
const NAME_MAX: i128 = 255;

/// Lengths that the last component of a matching path can have; `None` when that says nothing.
fn leaf_lengths(values: &[TextValue], how: TextMatch) -> Option<IntSet> {
    let ranges = values.iter().map(|value| {
        let slash = value.bytes.iter().rposition(|byte| *byte == b'/');
        let leaf = value.bytes.len() - slash.map_or(0, |slash| slash + 1);
        match (how, slash) {
            (TextMatch::Prefix, _) => None,
            (_, Some(_)) if leaf == 0 => None,
            (_, Some(_)) => Some((leaf as i128, leaf as i128)),
            // An ending without a slash lies within the last component.
            (TextMatch::Postfix, None) => Some((leaf as i128, NAME_MAX)),
            // A path starts with a slash: this value never matches one.
            (TextMatch::Equal, None) => Some((1, 0)),
        }
    });
    ranges.collect::<Option<Vec<_>>>().map(IntSet::from_ranges)
}

impl Frame<'_> {
    pub(super) fn text_filter(
        &mut self,
        of: Subject,
        how: TextMatch,
        values: &[TextValue],
        negate: bool,
        next: &mut Target,
    ) {
        if !negate && self.is_path(of) && self.known(Value::TextLen(of)).is_none() {
            self.leaf_filter(of, how, values, next);
        }
        let found = self.text(of, next);
        self.decide(negate, next, |frame, exits| {
            text::emit(&mut frame.b, &found, how, values, exits);
        });
    }

    /// Rejects most paths by the length of their last component, before any walk.
    ///
    /// Sound because a path ends in its dentry's name, except for the root of a mount (its name is that of
    /// the mount point) and for unlinked files, whose text no value may then match.
    fn leaf_filter(
        &mut self,
        of: Subject,
        how: TextMatch,
        values: &[TextValue],
        next: &mut Target,
    ) {
        if values
            .iter()
            .any(|value| value.bytes.ends_with(DELETED_END))
        {
            return;
        }
        let Some(lengths) = leaf_lengths(values, how) else {
            return;
        };
        let (dentry, mount, typed) = self.path_parts(of, next);
        let len = self.leaf_field(typed, dentry, "dentry", "d_name.len");
        let (possible, root) = (self.b.label(), self.b.label());
        self.ints(
            len,
            IntType::U32,
            &lengths,
            Exits {
                hit: possible,
                miss: root,
            },
        );
        self.b.bind(root);
        let fails = self.to(next);
        self.b.branch(Cond::Eq, mount, 0, fails);
        let top = self.leaf_field(typed, mount, "vfsmount", "mnt_root");
        self.b.branch(Cond::Ne, top, dentry, fails);
        self.b.bind(possible);
    }

    fn leaf_field(
        &mut self,
        typed: bool,
        base: Reg,
        root: &'static str,
        path: &'static str,
    ) -> Reg {
        if typed {
            self.typed_field(base, root, path)
        } else {
            self.probed_field(base, root, path)
        }
    }
}
