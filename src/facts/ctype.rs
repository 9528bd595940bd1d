//! Types as the file writes them: taken apart again.

/// A type: what it is based on, and what stands behind that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CType<'a> {
    /// `struct file`, `u32`, without `const`.
    pub(super) base: &'a str,
    /// Number of `*`.
    pub(super) pointers: usize,
    /// Number of `[n]`.
    pub(super) dimensions: usize,
}

impl<'a> CType<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (rest, dimensions) = match text.split_once('[') {
            Some((rest, _)) => (rest, text.matches('[').count()),
            None => (text, 0),
        };
        let pointers = rest.matches('*').count();
        let base = rest.trim_end_matches(['*', ' ']).trim();
        Self {
            base: base.strip_prefix("const ").unwrap_or(base),
            pointers,
            dimensions,
        }
    }
}

/// Return type and parameters (type and name each) of a prototype.
pub(super) fn prototype(text: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let (returns, rest) = text.split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    let parameters = inner.split(", ").filter(|one| !one.is_empty());
    Some((returns, parameters.map(declaration).collect()))
}

/// `struct file *file`: type and name.
pub(super) fn declaration(text: &str) -> (&str, &str) {
    let at = text.rfind([' ', '*']).map_or(0, |at| at + 1);
    let (ty, name) = text.split_at(at);
    (ty.trim_end(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_types() {
        let parts = |text| {
            let ty = CType::parse(text);
            (ty.base, ty.pointers, ty.dimensions)
        };
        assert_eq!(parts("struct file *"), ("struct file", 1, 0));
        assert_eq!(parts("const char **"), ("char", 2, 0));
        assert_eq!(parts("unsigned int"), ("unsigned int", 0, 0));
        assert_eq!(parts("char *[4][2]"), ("char", 1, 2));
        assert_eq!(parts(""), ("", 0, 0));
    }

    #[test]
    fn parts_of_prototypes() {
        let (returns, parameters) = prototype("int(struct file *file, int mask)").expect("one");
        assert_eq!(returns, "int");
        assert_eq!(parameters, [("struct file *", "file"), ("int", "mask")]);
        assert_eq!(prototype("void()"), Some(("void", Vec::new())));
        assert_eq!(prototype("void"), None);
        assert_eq!(prototype("void(int"), None);
    }
}
