//! Objects: read, linked and relocated against kernels with their own types and with none.

use tpc::object::{Object, relocate};
use tpc::sim::kernel::Kernel;

thread_local! {
    static KERNEL: Kernel = Kernel::recent();
}

/// Every program links and relocates, or is refused.
pub fn run(bytes: &[u8]) {
    let Ok(object) = Object::read(bytes) else {
        return;
    };
    for program in object.programs() {
        let Ok(linked) = object.link(&program.name) else {
            continue;
        };
        KERNEL.with(|kernel| {
            let _ = relocate(&mut linked.clone(), &object.btf, &kernel.btf);
        });
        let _ = relocate(&mut linked.clone(), &object.btf, &object.btf);
    }
    object.btf.encode();
}
