//! Generates the messages and the service from the descriptors that are committed, so that no protoc is needed.

use std::fs;

use prost::Message as _;
use prost_types::FileDescriptorSet;

const DESCRIPTORS: &str = "../../proto/src/generated/descriptors.bin";
/// What pajamax serves, and what that needs.
const FILES: [&str; 2] = ["prism/interfaces/keyvalue/keyvalue_basic.proto", "prism/common/tags.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={DESCRIPTORS}");
    let mut descriptors = FileDescriptorSet::decode(fs::read(DESCRIPTORS)?.as_slice())?;
    descriptors.file.retain(|file| FILES.contains(&file.name()));
    if descriptors.file.len() != FILES.len() {
        return Err(format!("{DESCRIPTORS} lacks one of {FILES:?}").into());
    }
    let generator = Box::new(pajamax_build::PajamaxGen::Local);
    prost_build::Config::new().service_generator(generator).include_file("all.rs").compile_fds(descriptors)?;
    Ok(())
}
