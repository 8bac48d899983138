//! Generates `proto/src/generated/` from `proto/protos/`: messages, tonic's services, the method table, descriptors.
//!
//! Everything happens in memory and needs no protoc: the example `generate` writes the result, and a test compares
//! it with what is committed.

mod descriptors;
mod rust;
mod table;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Generated files: path below `proto/src/generated`, and contents.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Defined here and served by plugins, so neither in the method table nor in what reflection tells.
const NOT_SERVED: &[&str] = &["prism/interfaces/lifecycle.proto"];

/// Where the definitions are.
fn protos_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("protos")
}

/// Where the generated files go.
pub(crate) fn generated_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated")
}

/// Generates all files.
pub(crate) fn generate() -> Result<Files, Box<dyn Error>> {
    let root = protos_directory();
    let all = definitions(&root)?;
    let served: Vec<PathBuf> =
        all.iter().filter(|file| !NOT_SERVED.iter().any(|other| file.ends_with(other))).cloned().collect();

    let compiled = descriptors::compile(&root, &all)?;
    let compiled_served = descriptors::compile(&root, &served)?;
    let mut files = Files::new();
    rust::messages(&compiled, &mut files)?;
    rust::services(&compiled, &mut files)?;
    files.insert("table.rs".into(), table::write(&compiled_served)?.into_bytes());
    files.insert("descriptors.bin".into(), descriptors::encode(compiled_served));
    Ok(files)
}

/// Reads every file below `directory`.
pub(crate) fn read(directory: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for path in walk(directory)? {
        let name = path.strip_prefix(directory).expect("a walk stays below its root").to_path_buf();
        files.insert(name, fs::read(&path)?);
    }
    Ok(files)
}

/// The definitions below `root`, in a fixed order: the project's own before gRPC's.
fn definitions(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = walk(root)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "proto"));
    files.sort_by_key(|file| (file.starts_with(root.join("grpc")), file.clone()));
    Ok(files)
}

fn walk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(walk(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
