//! The bytes that fuzzing kept, against the properties that it is about (`fuzz/`): natively, on
//! stable Rust, in a moment.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails"
)]

#[cfg(test)]
#[path = "../../fuzz/src/lib.rs"]
pub mod properties;

use std::{fs, path::Path};

#[test]
fn the_properties_hold_for_all_that_fuzzing_kept() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, property) in properties::PROPERTIES {
        let folder = corpus.join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{folder:?} is empty");
        for file in files {
            // A broken property does not know which file it was.
            println!("{}", file.display());
            property(&fs::read(&file).unwrap());
        }
    }
}
