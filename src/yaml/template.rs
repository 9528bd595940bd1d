//! Recognises files of templating tools that were not rendered.

use std::ops::Range;

/// Byte range of the first placeholder in a text: `{{ … }}` (Helm, Jinja, Go
/// templates) or `${NAME}` (envsubst, Terraform).
pub fn placeholder(text: &str) -> Option<Range<usize>> {
    let braces = text.find("{{").and_then(|start| {
        let end = text.get(start..)?.find("}}")? + start + 2;
        Some(start..end)
    });
    let dollar = text.match_indices("${").find_map(|(start, _)| {
        let name = text.get(start + 2..)?;
        let end = name.find('}')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        let named = end > 0 && name.get(..end)?.chars().all(is_name);
        named.then_some(start..start + 2 + end + 1)
    });
    match (braces, dollar) {
        (Some(braces), Some(dollar)) => Some(if braces.start < dollar.start {
            braces
        } else {
            dollar
        }),
        (braces, dollar) => braces.or(dollar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        let found = |text: &'static str| placeholder(text).map(|range| &text[range]);
        assert_eq!(
            found("name: {{ .Values.name }}"),
            Some("{{ .Values.name }}")
        );
        assert_eq!(found("a: ${POD_CIDR}/8 {{x}}"), Some("${POD_CIDR}"));
        assert_eq!(found("$ {a} ${} {{ open"), None);
        assert_eq!(found("{a: {b: c}}"), None);
        assert_eq!(found("${a b} ${c}"), Some("${c}"));
    }
}
