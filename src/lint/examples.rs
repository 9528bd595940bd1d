//! Examples in the documentation of rules, with the places that a finding marks.

use std::ops::Range;

/// The text of an example without its marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub text: String,
    /// What stood between `«` and `»`, in bytes of the text.
    pub marks: Vec<Range<usize>>,
}

impl Example {
    pub fn new(marked: &str) -> Self {
        let mut example = Self {
            text: String::with_capacity(marked.len()),
            marks: Vec::new(),
        };
        let mut open = 0;
        for char in marked.chars() {
            match char {
                '«' => open = example.text.len(),
                '»' => example.marks.push(open..example.text.len()),
                _ => example.text.push(char),
            }
        }
        example
    }
}
