//! Manifests, alone and as part of a bundle whose other files are as they should be.

use tpc::bundle::{Bundle, Files, MANIFEST, Manifest, OBJECT, SOURCE};

/// A manifest is written as it was read; a bundle with it is verified or refused.
pub fn run(bytes: &[u8]) {
    let Ok(manifest) = Manifest::parse(bytes) else {
        return;
    };
    let written = manifest.to_json();
    assert_eq!(Manifest::parse(&written).expect("a manifest"), manifest);
    let _ = Bundle::verify(Files::from([
        (MANIFEST.to_owned(), bytes.to_vec()),
        (OBJECT.to_owned(), Vec::new()),
        (SOURCE.to_owned(), Vec::new()),
    ]));
}
