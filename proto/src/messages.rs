//! The messages of every interface as owned prost types, and the descriptors of what is served.
//!
//! The hottest messages have borrowed views in [`crate::view`]. Maps are ordered, so that equal messages encode to
//! equal bytes.

include!("generated/messages.rs");

/// An encoded `google.protobuf.FileDescriptorSet` of everything served, imports first, with its comments: for
/// reflection.
pub static DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
