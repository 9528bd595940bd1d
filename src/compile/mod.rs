//! The pipeline: a policy to its bundle.

use crate::diag::{Sink, Sources};
use crate::policy::Policy;

/// Everything that comes out of a policy.
#[derive(Debug)]
pub struct Compiled {
    pub name: String,
    pub manifest: Vec<u8>,
    pub object: Vec<u8>,
    pub source: Vec<u8>,
    pub ir_text: String,
    pub asm_text: String,
}

/// Compiles a policy; `None` means that the sink has errors.
pub fn compile(policy: &Policy, sources: &Sources, _sink: &mut Sink) -> Option<Compiled> {
    (!policy.incomplete).then(|| Compiled {
        name: policy.name.value.clone(),
        manifest: b"{}\n".to_vec(),
        object: Vec::new(),
        source: sources.text(policy.file).into(),
        ir_text: String::new(),
        asm_text: String::new(),
    })
}
