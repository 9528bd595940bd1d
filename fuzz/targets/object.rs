//! Objects: read, linked and relocated against kernels with their own types and with none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tpc::object::{Object, relocate};
use tpc::sim::kernel::Kernel;

thread_local! {
    static KERNEL: Kernel = Kernel::recent();
}

fuzz_target!(|bytes: &[u8]| {
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
});
