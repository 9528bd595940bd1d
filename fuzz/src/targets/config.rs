//! `tpc.toml`: settings, or a diagnostic inside the file.

use tpc::config;
use tpc::diag::Sources;

/// Settings can be used; a diagnostic lies inside the file.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut sources = Sources::new();
    let file = sources.add(config::NAME, text);
    match config::read(file, &sources) {
        Ok(config) => {
            config.settings();
            config.files.takes("policies/a.yaml", true);
        }
        Err(diagnostic) => {
            if let Some(span) = diagnostic.span {
                let part = text.get(span.start as usize..span.end as usize);
                assert!(part.is_some(), "{span:?} is not a part of the file");
            }
        }
    }
}
