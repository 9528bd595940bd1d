//! Types: those of a kernel, with everything that is asked of them.

use tpc::btf::{Btf, Kind};

/// Types answer every question, and are written as they were read.
pub fn run(bytes: &[u8]) {
    let Ok(btf) = Btf::decode(bytes) else {
        return;
    };
    for (id, ty) in btf.types() {
        btf.resolve(id);
        btf.size_of(id);
        btf.function(btf.str(ty.name));
        if let Some((returns, params)) = btf.signature(id) {
            btf.resolve(returns);
            params.iter().for_each(|param| {
                btf.size_of(param.ty);
            });
        }
    }
    // Kinds of later kernels are skipped by what their header says of them, which is not kept.
    if btf
        .types()
        .any(|(_, ty)| matches!(ty.kind, Kind::Unknown { .. }))
    {
        return;
    }
    // What was read can be written, and reads as the same.
    let again = Btf::decode(&btf.encode()).expect("types are written as they are read");
    assert_eq!(again.encode(), btf.encode());
}
