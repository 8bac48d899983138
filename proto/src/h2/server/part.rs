//! DATA that is taken before all of its frame has come, so that a large message is copied once and not twice.
//!
//! Only what could not fail goes this way: the content of a frame that lies within the one message of its call, a
//! message that there is room for. Everything else waits until its frame is whole.

use super::Connection;
use super::receive::Step;
use crate::frame::{Error, HEAD_BYTES, Head, flag, kind};
use crate::h2::event::StreamRef;
use crate::h2::inbound::Admission;
use crate::h2::input::Input;
use crate::limits::FRAGMENT_BYTES_LOW;

/// The rest of a DATA frame whose beginning has been taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataRest {
    stream: StreamRef,
    bytes: usize,
    end_stream: bool,
}

impl Connection {
    /// Bytes at the input's position that belong to a frame which has begun.
    pub(super) fn rest_bytes(&self) -> usize {
        self.data_rest.map_or(0, |rest| rest.bytes)
    }

    /// A frame, or a part of one, from its head on.
    pub(super) fn receive_part<'i>(&mut self, input: &'i Input<'_>) -> Result<Step<'i>, Error> {
        let Some((head, content)) = input.remaining().split_first_chunk::<HEAD_BYTES>() else {
            return Ok(Step::Incomplete);
        };
        let head = Head::parse(head);
        if content.is_empty() || !self.takes_parts(&head) {
            return Ok(Step::Incomplete);
        }
        let (bytes, end_stream) = (head.length as usize, head.has(flag::END_STREAM));
        let Some(stream) = self.account_data(&head, bytes, end_stream)? else { return Ok(Step::Incomplete) };
        self.data_rest = Some(DataRest { stream, bytes, end_stream });
        input.advance(HEAD_BYTES);
        self.receive_rest(input)
    }

    /// Whether a frame with this head breaks no rule, and holds nothing but a part of a message that is admitted.
    fn takes_parts(&mut self, head: &Head) -> bool {
        let (length, bytes) = (i64::from(head.length), head.length as usize);
        if head.kind != kind::DATA || head.has(flag::PADDED) || bytes < FRAGMENT_BYTES_LOW {
            return false;
        }
        if self.pending_block.is_some() || self.data.is_some() || !self.receive_window.is_silent(head.length) {
            return false;
        }
        let Some(slot) = self.streams.find(head.stream) else { return false };
        let stream = &self.streams[slot];
        let is_as_long_as_said = stream
            .content_bytes_left
            .is_none_or(|left| bytes as u64 == left || (bytes as u64 <= left && !head.has(flag::END_STREAM)));
        !stream.is_client_streaming
            && !stream.is_answered
            && stream.state.is_receiving()
            && stream.inbound.admission == Admission::Admitted
            && stream.inbound.missing_bytes() >= bytes
            && stream.receive_window.available() >= length
            && is_as_long_as_said
    }

    /// Takes what belongs to messages that were let in although the effort of this turn is spent: keeping it for the
    /// next one would be a copy as well. Nobody is told of anything, and nothing else is dealt with.
    #[cold]
    pub(super) fn take_more(&mut self, input: &Input<'_>) {
        loop {
            let step = if self.data_rest.is_some() { self.receive_rest(input) } else { self.receive_part(input) };
            match step {
                Ok(Step::Continue) => {}
                Ok(Step::Event(_) | Step::Incomplete) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    /// What has come of the rest of a frame.
    pub(super) fn receive_rest<'i>(&mut self, input: &'i Input<'_>) -> Result<Step<'i>, Error> {
        let Some(rest) = self.data_rest else { return Ok(Step::Continue) };
        let bytes = input.remaining();
        let part = &bytes[..bytes.len().min(rest.bytes)];
        if part.is_empty() {
            return Ok(Step::Incomplete);
        }
        input.advance(part.len());
        let left = rest.bytes - part.len();
        self.data_rest = (left > 0).then_some(DataRest { bytes: left, ..rest });
        let is_last = left == 0 && rest.end_stream;
        // The call may have ended since the frame began.
        let Some(slot) = self.streams.resolve(rest.stream) else { return Ok(Step::Continue) };
        if !self.streams[slot].is_answered
            && let Err(status) = self.absorb(slot, part)
        {
            self.fail_call(slot, is_last, status);
            return Ok(Step::Continue);
        }
        if is_last {
            self.streams[slot].state.end_received();
            return Ok(self.end_request(slot).map_or(Step::Continue, Step::Event));
        }
        if left == 0 {
            self.grant(slot);
        }
        Ok(Step::Continue)
    }
}
