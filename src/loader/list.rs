//! What is loaded.

use serde::Serialize;

use super::error::Error;
use super::meta::{Attached, Meta};
use super::pins::{self, Root};
use crate::bundle::{Attach, Effect, Hook};

/// A loaded policy.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    pub policy: String,
    pub generation: u64,
    /// The compiler that made it.
    pub compiler: String,
    pub hooks: Vec<ListedHook>,
}

/// A hook of a loaded policy.
#[derive(Clone, Debug, Serialize)]
pub struct ListedHook {
    pub call: String,
    /// `None` where the kernel lacks the function of an optional hook.
    pub attach: Option<Attach>,
    /// The strongest thing that one of its selectors does.
    pub effect: Effect,
}

/// All loaded policies, by name.
pub fn list() -> Result<Vec<Policy>, Error> {
    let Some(root) = Root::peek()? else {
        return Ok(Vec::new());
    };
    let mut policies = Vec::new();
    for generation in pins::all(&root)? {
        let Meta { manifest, attached } = Meta::read(&generation.path)?;
        policies.push(Policy {
            policy: manifest.policy,
            generation: generation.serial,
            compiler: manifest.compiler,
            hooks: manifest.hooks.iter().zip(attached).map(hook).collect(),
        });
    }
    policies.sort_by(|a, b| a.policy.cmp(&b.policy));
    Ok(policies)
}

fn hook((hook, attached): (&Hook, Attached)) -> ListedHook {
    let effects = hook.selectors.iter().map(|selector| selector.effect);
    ListedHook {
        call: hook.call.clone(),
        attach: attached.map(|attachment| attachment.attach),
        effect: effects.min().unwrap_or(Effect::Observes),
    }
}
