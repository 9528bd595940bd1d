//! Failing cases get smaller as long as they fail, and are shown as tests.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::rust::Rust;
use super::smaller::Case;
use super::{Failure, Kernels, check};

/// Time to make a case smaller.
const PATIENCE: Duration = Duration::from_secs(90);

/// The smallest case found that fails.
pub(crate) fn shrink(failure: Failure, kernels: &Kernels) -> Failure {
    let end = Instant::now() + PATIENCE;
    let mut best = failure;
    loop {
        let smaller = best.case.smaller();
        let found = smaller
            .take_while(|_| Instant::now() < end)
            .find_map(|case| check(&case, kernels).err());
        match found {
            Some(failure) => best = failure,
            None => return best,
        }
    }
}

impl Failure {
    /// All that is needed to understand the failure, and to repeat it.
    pub(crate) fn report(&self) -> String {
        let Case { program, calls } = &self.case;
        let mut out = format!("{}\n\n{program}\n", self.error);
        for (hook, scene) in calls {
            let event = scene.event(&program.hooks[*hook]);
            let _ = writeln!(out, "call of hook {hook}: {event:?}\n");
        }
        let _ = writeln!(out, "    let calls = vec![");
        for (hook, scene) in calls {
            let json = serde_json::to_string(scene).unwrap_or_default();
            let _ = writeln!(out, "        ({hook}, scene(r#\"{json}\"#)),");
        }
        let _ = writeln!(out, "    ];\n    agree({}, calls);", Rust(program));
        out
    }
}
