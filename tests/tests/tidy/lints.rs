//! Every crate is held to the workspace's lints.

use crate::assert_none;
use crate::tree::files;

#[test]
fn every_crate_uses_the_lint_table() {
    let manifests = files(&["Cargo.toml"]);
    let root = manifests.iter().find(|file| file.path == "Cargo.toml").expect("the workspace has a manifest");
    let mut offences = Vec::new();
    // Those with a workspace of their own cannot inherit anything.
    for manifest in manifests.iter().filter(|file| !file.text.contains("\n[workspace]\n") && file.path != root.path) {
        if section(&manifest.text, "lints") == ["workspace = true"] {
            continue;
        }
        if manifest.folder() != "shard" {
            offences.push(format!("{}: [lints] is not `workspace = true`", manifest.path));
            continue;
        }
        // A table cannot be inherited in part: shard/ repeats it, but for the lint that forbids what it is for.
        for tool in ["rust", "clippy"] {
            let own = section(&manifest.text, &format!("lints.{tool}"));
            for line in section(&root.text, &format!("workspace.lints.{tool}")) {
                if line != "unsafe_code = \"deny\"" && !own.contains(&line) {
                    offences.push(format!("{}: [lints.{tool}] lacks `{line}`", manifest.path));
                }
            }
        }
    }
    assert_none("every crate is held to the same lints", &offences);
}

#[test]
fn the_pure_crate_forbids_unsafe_code() {
    let files = files(&[".rs"]);
    let root = files.iter().find(|file| file.path == "proto/src/lib.rs").expect("the crate has a root");
    assert!(root.text.contains("#![forbid(unsafe_code)]"), "proto/src/lib.rs must forbid unsafe code");
}

/// The lines of one table of a manifest, without comments and blank lines.
fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let header = format!("[{name}]");
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}
