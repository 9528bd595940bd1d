//! Fenced blocks of Markdown.

/// A block: what stands behind the fence, and what is inside.
pub(crate) struct Block {
    pub(crate) info: String,
    pub(crate) text: String,
}

/// The blocks of a document, in order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(Block {
            info: info.to_owned(),
            text: inside.map(|line| format!("{line}\n")).collect(),
        });
    }
    blocks
}

/// Commands of a session and what each prints: a command follows the prompt.
pub(crate) fn session(text: &str, prompt: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix(prompt), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => output.push_str(&format!("{line}\n")),
            (None, None) => panic!("output before a command: {line}"),
        }
    }
    commands
}

/// Whether a text is what is shown, where `…` stands for any text.
pub(crate) fn agrees(shown: &str, text: &str) -> bool {
    let parts: Vec<&str> = shown.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return shown == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
