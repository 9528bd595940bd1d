//! Archives of bundles: as they are, and as the content of a valid gzip stream, whose checksum hides everything else.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tpc::bundle::{Bundle, pack, unpack};

/// An archive of bundles is unpacked or refused; what is unpacked packs to the same.
pub fn run(bytes: &[u8]) {
    open(bytes);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).expect("memory can be written");
    open(&gzip.finish().expect("memory can be written"));
}

fn open(archive: &[u8]) {
    let Ok(bundles) = unpack(archive) else {
        return;
    };
    if let Ok(packed) = pack(&bundles) {
        let again = unpack(packed.as_slice()).expect("what was packed can be unpacked");
        assert_eq!(again, bundles);
    }
    for files in bundles.into_values() {
        let _ = Bundle::verify(files);
    }
}
