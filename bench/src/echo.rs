//! The exchange with a raw echo: the bytes of the same requests, answered by a number of bytes.
//!
//! Nothing is parsed on either side, so what it costs the server is the kernel's part of a call.

use std::rc::Rc;

use crate::exchange::{Exchange, Fault, Tally};
use crate::request::Request;

/// One connection to a server that answers each request's bytes with `reply_bytes` bytes, whatever they are.
#[derive(Debug)]
pub struct Echo {
    request: Rc<Request>,
    reply_bytes: u64,
    output: Vec<u8>,
    open: u32,
    /// Bytes of a reply that is not complete yet.
    partial_bytes: u64,
    tally: Tally,
}

impl Echo {
    /// An exchange in which each request is answered by `reply_bytes` bytes, at least one.
    pub fn new(request: Rc<Request>, reply_bytes: u64) -> Self {
        let reply_bytes = reply_bytes.max(1);
        Self { request, reply_bytes, output: Vec::new(), open: 0, partial_bytes: 0, tally: Tally::default() }
    }
}

impl Exchange for Echo {
    fn is_ready(&self) -> bool {
        true
    }

    fn request(&mut self) -> bool {
        self.request.append_next(1, &mut self.output);
        self.open += 1;
        true
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.tally.received_bytes += bytes.len() as u64;
        self.tally.message_bytes += bytes.len() as u64;
        self.partial_bytes += bytes.len() as u64;
        let replies = self.partial_bytes / self.reply_bytes;
        self.partial_bytes %= self.reply_bytes;
        self.tally.answered += replies;
        self.open =
            u32::try_from(replies).ok().and_then(|replies| self.open.checked_sub(replies)).ok_or_else(|| {
                Fault("the echo sent more than it was asked for: do both sides agree on the reply's bytes?".into())
            })?;
        Ok(())
    }

    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn open(&self) -> u32 {
        self.open
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{HeaderCoding, Operation};

    fn echo(reply_bytes: u64) -> Echo {
        let message = Operation::Get.message("key", b"", "");
        Echo::new(Rc::new(Request::new("/a/b", "host", &message, HeaderCoding::Indexed)), reply_bytes)
    }

    #[test]
    fn replies_are_counted_by_their_bytes_however_they_are_cut() {
        let mut echo = echo(10);
        assert!(echo.request() && echo.request() && echo.request());
        let wire_bytes = echo.request.wire_bytes();
        assert_eq!(echo.output().len(), 3 * wire_bytes);
        echo.receive(&[0; 9]).expect("part of a reply");
        assert_eq!((echo.open(), echo.tally().answered), (3, 0));
        echo.receive(&[0; 12]).expect("two replies and a byte");
        assert_eq!((echo.open(), echo.tally().answered), (1, 2));
        echo.receive(&[0; 9]).expect("the rest");
        assert_eq!((echo.open(), echo.tally().answered, echo.tally().received_bytes), (0, 3, 30));
    }

    #[test]
    fn a_reply_too_many_is_a_fault() {
        let mut echo = echo(10);
        assert!(echo.request());
        assert!(echo.receive(&[0; 20]).is_err());
    }
}
