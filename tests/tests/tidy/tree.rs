//! The files of the project, as a clone would have them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no source: build output, caches, history.
const SKIPPED: &[&str] = &["target", ".git", ".cache", ".venv", "node_modules"];

/// One text file of the tree.
pub(crate) struct File {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Whether the file was written by a program: it lies in a `generated` folder or says so in its first line.
    pub(crate) fn is_generated(&self) -> bool {
        let in_folder = self.path.split('/').any(|part| part == "generated");
        in_folder || self.text.lines().next().is_some_and(|line| line.contains("@generated"))
    }

    /// The folder at the top, which is the crate's.
    pub(crate) fn folder(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a folder of the root").to_path_buf()
}

/// Every file whose name ends in one of `endings` and that is UTF-8, in the order of their paths.
pub(crate) fn files(endings: &[&str]) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !SKIPPED.contains(&name) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending))
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(&root).expect("it was found under the root");
                found.push(File { path: path.to_string_lossy().into_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no file ends in {endings:?}: the search is broken");
    found
}

/// Every Rust file that a person wrote.
pub(crate) fn written_rust() -> Vec<File> {
    files(&[".rs"]).into_iter().filter(|file| !file.is_generated()).collect()
}
