//! Filters on strings and paths.
//!
//! A path costs a walk over its components. Where one component alone rules all values out, it is looked at first: the last one
//! (`shortcut_leaf`) for strings and endings, the first one (`shortcut_top`) for beginnings.

use super::frame::{Frame, Target, Value};
use super::matchers::{Exits, text};
use super::mir::Cond;
use super::values::{INCOMPLETE, Read};
use crate::ir::{Subject, TextMatch, TextValue};

/// A text filter under construction.
pub(super) struct TextTest<'a> {
    pub(super) of: Subject,
    pub(super) how: TextMatch,
    pub(super) values: &'a [TextValue],
    pub(super) negate: bool,
    /// Reached where the filter holds.
    pub(super) holds: Target,
    /// Reached where it does not.
    pub(super) next: &'a mut Target,
}

impl Frame<'_> {
    pub(super) fn text_filter(
        &mut self,
        of: Subject,
        (how, values): (TextMatch, &[TextValue]),
        negate: bool,
        next: &mut Target,
    ) {
        let holds = self.target();
        let mut test = TextTest {
            of,
            how,
            values,
            negate,
            holds,
            next,
        };
        if self.is_path(of) && self.known(Value::TextLen(of)).is_none() {
            match how {
                TextMatch::Equal | TextMatch::Postfix => self.shortcut_leaf(&mut test),
                TextMatch::Prefix => self.shortcut_top(&mut test),
            }
        }
        let Read { text, flags } = self.text(of, test.next);
        let exits = self.text_exits(&mut test);
        // Of an incomplete path the end is known, of everything else the beginning.
        let decides = match how {
            TextMatch::Equal => false,
            TextMatch::Prefix => !self.is_path(of),
            TextMatch::Postfix => self.is_path(of),
        };
        if !decides {
            self.b.branch(Cond::Set, flags, INCOMPLETE, exits.miss);
        }
        let values: Vec<&[u8]> = values.iter().map(|value| value.bytes.as_slice()).collect();
        self.match_text(&text, how, &values, exits);
        self.bind(test.holds);
    }

    /// Where a text filter goes from here.
    pub(super) fn text_exits(&mut self, test: &mut TextTest<'_>) -> Exits {
        let (holds, fails) = (self.to(&mut test.holds), self.to(test.next));
        let (hit, miss) = if test.negate {
            (fails, holds)
        } else {
            (holds, fails)
        };
        Exits { hit, miss }
    }

    /// Compares a text with values, none of which includes another.
    pub(super) fn match_text(
        &mut self,
        found: &text::Text,
        how: TextMatch,
        values: &[&[u8]],
        exits: Exits,
    ) {
        let place = self.scratch_place();
        let fits = text::emit(
            &mut self.b,
            self.module,
            (found, place),
            (how, values),
            exits,
        );
        self.note(fits);
    }
}
