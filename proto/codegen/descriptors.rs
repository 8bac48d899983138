//! Compiles definitions to descriptors, and encodes those that reflection serves.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;

/// Compiles `files` with everything that they import, imports first, comments included.
pub(super) fn compile(root: &Path, files: &[PathBuf]) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    Ok(compiler.file_descriptor_set())
}

/// Encodes the set, of whose source information only the comments stay: a client shows them, and nobody here needs
/// lines.
pub(super) fn encode(mut set: FileDescriptorSet) -> Vec<u8> {
    for file in &mut set.file {
        if let Some(info) = &mut file.source_code_info {
            info.location.retain(|location| location.leading_comments.is_some() && !location.path.is_empty());
            for location in &mut info.location {
                // A span is required to have three numbers; without a source file they mean nothing.
                location.span = vec![0, 0, 0];
                location.leading_detached_comments.clear();
            }
        }
    }
    set.encode_to_vec()
}
