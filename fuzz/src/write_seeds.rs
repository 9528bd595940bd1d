//! Writes the first inputs of the fuzz targets to `fuzz/corpus`.

use std::{fs, io};

use tpc_fuzz::bundles::root;
use tpc_fuzz::seeds;

fn main() -> io::Result<()> {
    let corpus = root().join("fuzz/corpus");
    for seed in seeds::all() {
        let directory = corpus.join(seed.target);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
