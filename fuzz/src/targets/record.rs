//! Records of ring buffers, shown as the events of every hook of a policy.
//!
//! In: the first byte chooses a manifest, the rest are records, each behind its length (`u16`).

use std::sync::LazyLock;

use super::super::bundles::bundles;
use tpc::bundle::Manifest;
use tpc::loader::fuzzing;

static MANIFESTS: LazyLock<Vec<Manifest>> = LazyLock::new(|| {
    bundles()
        .into_iter()
        .map(|bundle| bundle.manifest)
        .collect()
});

/// Every event is a line of JSON.
pub fn run(bytes: &[u8]) {
    let Some((choice, mut rest)) = bytes.split_first() else {
        return;
    };
    let manifest = &MANIFESTS[usize::from(*choice) % MANIFESTS.len()];
    let mut records = Vec::new();
    while let Some((len, more)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*len)).min(more.len());
        let (record, more) = more.split_at(len);
        records.push(record);
        rest = more;
    }
    let lines = fuzzing::events(manifest, &records);
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("every event is a line of JSON");
    }
}
