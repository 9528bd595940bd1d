//! Examples in the documentation of rules, with the places that a finding marks.

use std::ops::Range;

/// The text of an example without its marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub text: String,
    /// What stood between `«` and `»`, in bytes of the text.
    pub marks: Vec<Range<usize>>,
}

/// What an example begins with that shows a spec only.
const HEAD: &str = "apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: example
spec:
";

impl Example {
    /// Reads an example: a whole file, or what stands below `spec`.
    pub fn new(marked: &str) -> Self {
        let mut example = Self {
            text: String::with_capacity(marked.len()),
            marks: Vec::new(),
        };
        if marked.starts_with("  ") {
            example.text.push_str(HEAD);
        }
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
