//! Replays the corpora of the fuzz targets: what has been found stays found, on any toolchain.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

use std::fs;
use std::path::{Path, PathBuf};

use prism_tests::fuzz::TARGETS;

/// What a corpus may have: it lies in the tree, and every run of the tests replays it.
const FILES_MAX: usize = 200;
const BYTES_MAX: usize = 200 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target, each with its path.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder().join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the target exists");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "the corpus of {name} is empty");
    for (path, input) in &corpus {
        let shown = Shown(path);
        (target.run)(input);
        std::mem::forget(shown);
    }
    let bytes: usize = corpus.iter().map(|(_, input)| input.len()).sum();
    assert!(corpus.len() <= FILES_MAX && bytes <= BYTES_MAX, "{name}: {} files, {bytes} bytes", corpus.len());
    // The bounds of what a target takes: nothing, and one choice after the other at its end.
    (target.run)(&[]);
    (target.run)(&[0xff; 64]);
}

/// Tells which input was under way when its thread panics.
struct Shown<'p>(&'p Path);

impl Drop for Shown<'_> {
    #[expect(clippy::print_stdout, reason = "it belongs in the output of a failed test")]
    fn drop(&mut self) {
        println!("the input was {}", self.0.display());
    }
}

/// One test for each target, and one that none is forgotten.
macro_rules! replayed {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )+

        #[test]
        fn every_target_is_replayed_and_built() {
            let replayed = [$(stringify!($name)),+];
            let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
            for target in TARGETS {
                assert!(replayed.contains(&target.name), "{} has no test here", target.name);
                assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{} is not built", target.name);
            }
        }
    };
}

replayed!(frames, grpc_framing, hpack_decode, hpack_roundtrip, percent, server_connection);
