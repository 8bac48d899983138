//! What headers and trailers say beside what HTTP and gRPC need, and what a caller may add to a request.

use crate::grpc::base64;
use crate::h2::field::is_value;

/// Names and values in their order, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(Box<str>, Box<[u8]>)>);

impl Metadata {
    /// Every name, in lower case, with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The same as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.get(name)?).ok()
    }

    /// What the first value of a name that ends in `-bin` stands for, if it is base64.
    pub fn binary(&self, name: &str) -> Option<Vec<u8>> {
        base64::decode(self.get(name)?)
    }

    /// Adds a field that was received: its name has been checked.
    pub(super) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((String::from_utf8_lossy(name).into(), value.into()));
    }
}

/// Why a request may not have a field (gRPC over HTTP/2, "Custom-Metadata").
pub(super) fn fault(name: &str, value: &[u8]) -> Option<&'static str> {
    const RESERVED: [&str; 8] =
        ["te", "host", "content-type", "content-length", "user-agent", "connection", "upgrade", "transfer-encoding"];
    if name.is_empty() || !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.')) {
        return Some("a metadata name has other characters than a-z, 0-9, '_', '-' and '.'");
    }
    if name.starts_with("grpc-") || RESERVED.contains(&name) {
        return Some("a metadata name is one that HTTP or gRPC use themselves");
    }
    let is_text = is_value(value) && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_text && !name.ends_with("-bin") {
        return Some("a metadata value is not printable ASCII, and its name does not end in -bin");
    }
    None
}

/// The value as it is sent: in base64 when the name says that it is binary.
pub(super) fn with_sent_value<R>(name: &str, value: &[u8], send: impl FnOnce(&[u8]) -> R) -> R {
    if name.ends_with("-bin") {
        let mut text = Vec::with_capacity(value.len().div_ceil(3) * 4);
        base64::encode(value, &mut text);
        return send(&text);
    }
    send(value)
}
