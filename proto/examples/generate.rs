//! Writes `proto/src/generated/` anew: `cargo run -p prism-proto --example generate`.

use std::error::Error;
use std::fs;

#[path = "../codegen/mod.rs"]
mod codegen;

fn main() -> Result<(), Box<dyn Error>> {
    let files = codegen::generate()?;
    let directory = codegen::generated_directory();
    fs::create_dir_all(&directory)?;
    for stale in codegen::read(&directory)?.into_keys().filter(|name| !files.contains_key(name)) {
        fs::remove_file(directory.join(stale))?;
    }
    for (name, contents) in files {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, contents)?;
    }
    Ok(())
}
