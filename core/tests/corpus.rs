//! Runs the properties of `fuzz/` on the inputs in `fuzz/corpus`, natively and on stable Rust.

#![allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
#![allow(
    clippy::disallowed_types,
    reason = "the properties keep a constant configuration in a static"
)]

#[cfg(test)]
#[path = "../../fuzz/src/lib.rs"]
pub mod properties;

use std::{fs, path::Path};

#[test]
fn every_property_holds_for_every_input_in_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, property) in properties::PROPERTIES {
        let folder = corpus.join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{folder:?} is empty");
        for file in files {
            // A property that panics does not name its input.
            println!("{}", file.display());
            property(&fs::read(&file).unwrap());
        }
    }
}
