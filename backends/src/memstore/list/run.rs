//! Elements in a row of bytes: each between two copies of its length, so that the row is read from both ends.
//!
//! The length is a base-128 varint before the element, and the same bytes in reverse behind it. The row lies somewhere
//! in an area, with room on either side.

use std::ops::Range;

use crate::Side;

/// Bytes of a length.
fn length_bytes(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes of an element with its lengths.
pub(super) fn element_bytes(value: &[u8]) -> usize {
    value.len() + 2 * length_bytes(value.len())
}

/// Writes an element into exactly [`element_bytes`].
pub(super) fn write_element(out: &mut [u8], value: &[u8]) {
    let bytes = length_bytes(value.len());
    let last = out.len() - 1;
    for at in 0..bytes {
        let more = if at + 1 < bytes { 0x80 } else { 0 };
        let byte = (value.len() >> (7 * at)) as u8 & 0x7f | more;
        out[at] = byte;
        out[last - at] = byte;
    }
    out[bytes..bytes + value.len()].copy_from_slice(value);
}

/// Where the element at one end of a row of elements lies, and where its value.
pub(super) fn element_at(row: &[u8], side: Side) -> (Range<usize>, Range<usize>) {
    let byte = |at: usize| match side {
        Side::Left => row[at],
        Side::Right => row[row.len() - 1 - at],
    };
    let (mut length, mut bytes) = (0, 0);
    loop {
        length |= usize::from(byte(bytes) & 0x7f) << (7 * bytes);
        bytes += 1;
        if byte(bytes - 1) < 0x80 {
            break;
        }
    }
    let start = match side {
        Side::Left => 0,
        Side::Right => row.len() - length - 2 * bytes,
    };
    (start..start + length + 2 * bytes, start + bytes..start + bytes + length)
}

/// The part of an area that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn bytes(self) -> usize {
        self.end - self.start
    }

    /// Takes room for `bytes` more at one end, moving what is there by at most `move_max` bytes to the other end of the
    /// area if need be.
    pub(super) fn extend(
        &mut self,
        area: &mut [u8],
        side: Side,
        bytes: usize,
        move_max: usize,
    ) -> Option<Range<usize>> {
        let free = match side {
            Side::Left => self.start,
            Side::Right => area.len() - self.end,
        };
        if free < bytes {
            if area.len() - self.bytes() < bytes || self.bytes() > move_max {
                return None;
            }
            let start = match side {
                Side::Left => area.len() - self.bytes(),
                Side::Right => 0,
            };
            area.copy_within(self.start..self.end, start);
            *self = Self { start, end: start + self.bytes() };
        }
        Some(match side {
            Side::Left => {
                self.start -= bytes;
                self.start..self.start + bytes
            }
            Side::Right => {
                self.end += bytes;
                self.end - bytes..self.end
            }
        })
    }

    /// Takes the element at one end out; where its value lies in the area.
    pub(super) fn take(&mut self, area: &[u8], side: Side) -> Range<usize> {
        let (element, value) = element_at(&area[self.start..self.end], side);
        let value = self.start + value.start..self.start + value.end;
        match side {
            Side::Left => self.start += element.len(),
            Side::Right => self.end -= element.len(),
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_are_read_from_both_ends() {
        for bytes in [0, 1, 127, 128, 16_383, 16_384, 1 << 21] {
            let value = vec![7; bytes];
            let mut row = vec![0; element_bytes(&value)];
            write_element(&mut row, &value);
            for side in [Side::Left, Side::Right] {
                let (element, at) = element_at(&row, side);
                assert_eq!((element, &row[at]), (0..row.len(), &value[..]), "{bytes} bytes");
            }
        }
    }

    #[test]
    fn a_row_moves_only_when_it_must_and_may() {
        let mut area = *b"..ab....";
        let mut span = Span { start: 2, end: 4 };
        assert_eq!(span.extend(&mut area, Side::Left, 2, 0), Some(0..2));
        assert_eq!(span.extend(&mut area, Side::Left, 1, 3), None, "four bytes would have to move");
        assert_eq!(span.extend(&mut area, Side::Left, 5, 9), None, "there is no room at all");
        assert_eq!(span.extend(&mut area, Side::Left, 1, 4), Some(3..4));
        assert_eq!((span, &area[4..]), (Span { start: 3, end: 8 }, &b"..ab"[..]));
        assert_eq!(span.extend(&mut area, Side::Right, 3, 5), Some(5..8));
        assert_eq!((span, &area[..5]), (Span { start: 0, end: 8 }, &b"b..ab"[..]));
    }
}
