//! Files of kernel facts: what reads as facts answers every question of the examples, and is written as it was read.

use std::sync::{Arc, LazyLock};

use super::super::bundles::{Example, bundles};
use tpc::diag::Sources;
use tpc::facts::Facts;
use tpc::lint::{self, Node, Settings};

static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(bundles);

/// Facts answer the questions of all examples, and are written as they were read.
pub fn run(bytes: &[u8]) {
    let Ok(facts) = Facts::read(bytes) else {
        return;
    };
    assert_eq!(Facts::read(&facts.to_json()).ok().as_ref(), Some(&facts));
    let mut settings = Settings::default();
    let name = "fuzzed".to_owned();
    settings.nodes.push(Arc::new(Node { name, facts }));
    for example in EXAMPLES.iter() {
        let mut sources = Sources::new();
        let text = String::from_utf8_lossy(&example.source);
        let file = sources.add(example.name.as_str(), text.as_ref());
        lint::lint(file, &sources, &settings);
    }
}
