//! Facts of kernels of distributions, which are part of the program.
//!
//! They are captured in the kernel lab, from the running kernel and the configuration of its package:
//! `TPC_BLESS=1 cargo test --test lab facts` writes them anew.

use super::error::Error;
use super::file::Facts;

/// Name and file, sorted.
const TABLE: &[(&str, &[u8])] = &[
    ("debian-12", include_bytes!("../../facts/debian-12.facts")),
    (
        "debian-12-6.12",
        include_bytes!("../../facts/debian-12-6.12.facts"),
    ),
    ("debian-13", include_bytes!("../../facts/debian-13.facts")),
];

/// Names of the kernels whose facts are part of the program, sorted.
pub const NAMES: &[&str] = &["debian-12", "debian-12-6.12", "debian-13"];

/// The facts of a kernel by its name; `None` if they are not part of the program.
///
/// # Errors
/// None for a program that was built from these sources; the form of a file is checked as always.
pub fn shipped(name: &str) -> Option<Result<Facts, Error>> {
    let row = TABLE.iter().find(|(known, _)| *known == name);
    row.map(|(_, file)| Facts::read(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read() {
        assert!(NAMES.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(TABLE.len(), NAMES.len());
        for name in NAMES {
            let facts = shipped(name).expect("in the table").expect("facts");
            assert!(facts.names().count() > 40_000, "{name}");
            assert!(facts.gaps.is_empty(), "{name}: {:?}", facts.gaps);
        }
        assert!(shipped("debian-1").is_none());
    }
}
