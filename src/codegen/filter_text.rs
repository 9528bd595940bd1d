//! Filters on strings and paths.

use super::frame::{Frame, Target, Value};
use super::matchers::{leaf, text};
use super::mir::{Cond, Reg};
use crate::ir::{IntType, Subject, TextMatch, TextValue};

/// Paths of unlinked files end in " (deleted)".
const DELETED_END: &[u8] = b")";

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
            text::emit(&mut frame.b, &found, how, values, exits.hit, exits.miss);
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
        let Some(lengths) = leaf::lengths(values, how) else {
            return;
        };
        let (dentry, mount, typed) = self.path_parts(of, next);
        let len = self.leaf_field(typed, dentry, "dentry", "d_name.len");
        let (possible, root) = (self.b.label(), self.b.label());
        super::matchers::ints::emit(&mut self.b, len, IntType::U32, &lengths, possible, root);
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
