//! Header compression of HTTP/2 (RFC 7541): blocks of bytes to header fields and back.
//!
//! It keeps the two tables and knows the coding; which fields a request must have, and in which order, is not its
//! concern.
mod decoder;
mod dynamic_table;
mod encoder;
mod error;
mod huffman;
mod integer;
mod note;
mod static_table;
mod template;

pub use decoder::Decoder;
pub use encoder::{Encoder, Indexing};
pub use error::Error;
pub use note::{Note, Reader, Vary};
#[cfg(test)]
pub(crate) use static_table::ENTRIES as STATIC_FIELDS;
pub(crate) use template::Template;

/// What a field costs beside its name and value, in tables and in header lists (RFC 7541 §4.1, RFC 9113 §6.5.2).
pub const FIELD_OVERHEAD_BYTES: usize = 32;
/// The size of a dynamic table until SETTINGS_HEADER_TABLE_SIZE says otherwise (RFC 9113 §6.5.2).
pub const TABLE_BYTES_INITIAL: usize = 4_096;

#[cfg(test)]
mod tests;
