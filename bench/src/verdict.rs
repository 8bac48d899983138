//! Whether a call ended well, read from its header blocks.
//!
//! Decoding every block would cost the client more than the rest of its work, and a server answers equal calls with
//! equal blocks: what a block meant is remembered for as long as the header table does not change.

use prism_proto::grpc::percent;
use prism_proto::hpack::{Decoder, TABLE_BYTES_INITIAL};
use prism_proto::limits::Limits;

use crate::exchange::Fault;

/// Blocks remembered: response headers, good trailers, and one to spare.
const REMEMBERED_MAX: usize = 3;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// With `grpc-status: 0`.
    Ok,
    /// With another status, or none.
    Failed(String),
}

/// Judges the header blocks of one connection, each of which it is to be given in order.
#[derive(Debug)]
pub struct Verdicts {
    decoder: Decoder,
    /// Blocks without fault, while the decoder's table has this generation.
    remembered: Vec<(Vec<u8>, bool)>,
    generation: u64,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self::new()
    }
}

impl Verdicts {
    /// Of a new connection, whose header table has the protocol's initial size.
    pub fn new() -> Self {
        let decoder = Decoder::new(TABLE_BYTES_INITIAL);
        let generation = decoder.generation();
        Self { decoder, remembered: Vec::with_capacity(REMEMBERED_MAX), generation }
    }

    /// Judges a complete block: response headers are to say 200, a block that ends its stream `grpc-status: 0`.
    #[inline]
    pub fn judge(&mut self, block: &[u8], ends_stream: bool) -> Result<Verdict, Fault> {
        let is_known = |known: &(Vec<u8>, bool)| known.1 == ends_stream && known.0 == block;
        if self.remembered.iter().any(is_known) { Ok(Verdict::Ok) } else { self.decode(block, ends_stream) }
    }

    fn decode(&mut self, block: &[u8], ends_stream: bool) -> Result<Verdict, Fault> {
        let (mut status, mut message, mut http_status) = (None, String::new(), None);
        let decoded = self.decoder.decode(block, Limits::DEFAULT.header_list_bytes_max, |name, value| match name {
            b":status" => http_status = Some(String::from_utf8_lossy(value).into_owned()),
            b"grpc-status" => status = Some(String::from_utf8_lossy(value).into_owned()),
            b"grpc-message" => message = percent::decode(value).into_owned(),
            _ => {}
        });
        decoded.map_err(|error| Fault(error.to_string()))?;
        let verdict = match (ends_stream, http_status.as_deref(), status.as_deref()) {
            (false, Some("200"), _) | (true, None | Some("200"), Some("0")) => Verdict::Ok,
            (false, http_status, _) => return Err(Fault(format!("response headers with :status {http_status:?}"))),
            (true, None | Some("200"), Some(status)) => Verdict::Failed(format!("grpc-status {status}: {message}")),
            (true, Some(http_status), _) => Verdict::Failed(format!(":status {http_status}")),
            (true, None, None) => Verdict::Failed("trailers without grpc-status".into()),
        };
        if self.generation != self.decoder.generation() {
            self.generation = self.decoder.generation();
            self.remembered.clear();
        } else if verdict == Verdict::Ok && self.remembered.len() < REMEMBERED_MAX {
            self.remembered.push((block.to_vec(), ends_stream));
        }
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS_0: &[u8] = b"\x00\x0bgrpc-status\x010";

    #[test]
    fn a_block_that_changes_nothing_is_remembered() {
        let mut verdicts = Verdicts::new();
        assert_eq!(verdicts.judge(&[0x88], false), Ok(Verdict::Ok));
        assert_eq!(verdicts.judge(STATUS_0, true), Ok(Verdict::Ok));
        assert_eq!(verdicts.remembered.len(), 2);
        assert_eq!(verdicts.judge(STATUS_0, true), Ok(Verdict::Ok));
        assert_eq!(verdicts.remembered.len(), 2);
    }

    #[test]
    fn the_same_bytes_are_judged_anew_when_the_table_has_changed() {
        let mut verdicts = Verdicts::new();
        let (insert_0, insert_5) = (b"\x40\x0bgrpc-status\x010", b"\x40\x0bgrpc-status\x015");
        assert_eq!(verdicts.judge(insert_0, true), Ok(Verdict::Ok));
        assert_eq!(verdicts.judge(&[0x80 | 62], true), Ok(Verdict::Ok));
        assert_eq!(verdicts.judge(insert_5, true), Ok(Verdict::Failed("grpc-status 5: ".into())));
        assert_eq!(verdicts.judge(&[0x80 | 62], true), Ok(Verdict::Failed("grpc-status 5: ".into())));
        assert_eq!(verdicts.judge(&[0x80 | 63], true), Ok(Verdict::Ok));
    }

    #[test]
    fn trailers_want_a_status_and_response_headers_200() {
        let mut verdicts = Verdicts::new();
        assert!(matches!(verdicts.judge(&[], true), Ok(Verdict::Failed(_))));
        assert!(matches!(verdicts.judge(&[0x88], true), Ok(Verdict::Failed(_))), "200 without a grpc-status");
        assert!(verdicts.judge(&[0x8d], false).is_err(), "404");
    }
}
