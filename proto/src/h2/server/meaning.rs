//! What the fields mean that clients send with every call, in a number that HPACK keeps beside them.
//!
//! A field that is not among them, or has anything wrong with it, means nothing here and is looked at each time. So a
//! number stands for what [`RequestHead::take`] would do with the field, and nothing else does: the tests hold both
//! against each other.

use super::head::{RequestHead, pseudo};
use crate::grpc;
use crate::h2::field::{is_value, name_fault};
use crate::hpack::{Note, Reader, Vary};
use crate::method::{self, MethodId};

/// The low bits of a note.
mod kind {
    /// A field that says nothing.
    pub(super) const PLAIN: u64 = 1;
    pub(super) const GRPC: u64 = 2;
    /// Above it the nanoseconds.
    pub(super) const TIMEOUT: u64 = 3;
    pub(super) const POST: u64 = 4;
    pub(super) const SCHEME: u64 = 5;
    pub(super) const AUTHORITY: u64 = 6;
    /// Above it the method.
    pub(super) const PATH: u64 = 7;
    /// Names the encodings that the client takes.
    pub(super) const ENCODINGS: u64 = 8;
    /// A field that says nothing because of its name, whatever its value.
    pub(super) const METADATA: u64 = 9;
    pub(super) const BITS: u32 = 4;
}

/// The longest time-out that a note holds.
const TIMEOUT_NS_MAX: u64 = u64::MAX >> kind::BITS;

/// What a field means, if it is one of those that calls have.
fn meaning(name: &[u8], value: &[u8]) -> Note {
    if !is_value(value) {
        return Note::NONE;
    }
    Note(match name {
        b":method" if value == b"POST" => kind::POST,
        b":scheme" => kind::SCHEME,
        b":authority" => kind::AUTHORITY,
        b":path" => match method::lookup(value) {
            Some(MethodId(number)) => kind::PATH | u64::from(number) << kind::BITS,
            None => return Note::NONE,
        },
        b"content-type" if grpc::is_grpc(value) => kind::GRPC,
        b"te" if value == b"trailers" => kind::PLAIN,
        b"user-agent" | b"accept-encoding" => kind::METADATA,
        b"grpc-accept-encoding" => kind::ENCODINGS,
        b"grpc-timeout" => return timeout(value).unwrap_or(Note::NONE),
        b"content-type" | b"te" | b"grpc-encoding" | b"content-length" => return Note::NONE,
        _ if name_fault(name).is_some() => return Note::NONE,
        _ if name.ends_with(b"-bin") => {
            if !grpc::binary::is_valid(value) {
                return Note::NONE;
            }
            kind::PLAIN
        }
        _ => kind::METADATA,
    })
}

/// The time-out that a field is of which this was noted.
#[inline(always)]
pub(super) fn timeout_ns(note: Note) -> Option<u64> {
    (kind_of(note) == kind::TIMEOUT).then_some(note.0 >> kind::BITS)
}

#[inline(always)]
fn kind_of(note: Note) -> u64 {
    note.0 & ((1 << kind::BITS) - 1)
}

/// Any two of these have the same part in a request, but for the time that one of them says.
impl Vary for RequestHead {
    fn of(name: &[u8], value: &[u8]) -> Note {
        meaning(name, value)
    }

    #[inline]
    fn with_value(note: Note, value: &[u8]) -> Option<Note> {
        match kind_of(note) {
            kind::METADATA => is_value(value).then_some(note),
            kind::TIMEOUT => timeout(value),
            _ => None,
        }
    }

    #[inline(always)]
    fn may_vary(note: Note) -> bool {
        matches!(kind_of(note), kind::PLAIN | kind::METADATA | kind::TIMEOUT)
    }

    #[inline(always)]
    fn is_fickle(note: Note) -> bool {
        kind_of(note) == kind::TIMEOUT
    }
}

/// What a `grpc-timeout` of this value means.
#[inline]
fn timeout(value: &[u8]) -> Option<Note> {
    // Digits and a unit are a value.
    let timeout_ns = grpc::parse_timeout(value).ok()?;
    (timeout_ns <= TIMEOUT_NS_MAX).then_some(Note(kind::TIMEOUT | timeout_ns << kind::BITS))
}

impl Reader for RequestHead {
    /// `:method: POST`, and the two schemes (RFC 7541 Appendix A).
    #[inline]
    fn fixed(&mut self, index: usize) -> bool {
        match index {
            3 => self.noted(Note(kind::POST)),
            6 | 7 => self.noted(Note(kind::SCHEME)),
            _ => false,
        }
    }

    #[inline]
    fn noted(&mut self, note: Note) -> bool {
        let above = note.0 >> kind::BITS;
        match kind_of(note) {
            kind::PLAIN | kind::METADATA => self.has_regular = true,
            kind::ENCODINGS => {
                self.has_regular = true;
                self.encoding.is_named = true;
            }
            kind::GRPC => {
                self.has_regular = true;
                self.is_grpc = true;
            }
            kind::TIMEOUT => {
                self.has_regular = true;
                self.take_timeout(Some(above));
            }
            kind::POST => {
                self.is_post = true;
                self.is_connect = false;
                self.see(pseudo::METHOD);
            }
            kind::SCHEME => self.see(pseudo::SCHEME),
            kind::AUTHORITY => self.see(pseudo::AUTHORITY),
            kind::PATH => {
                self.method = Some(MethodId(above as u16));
                self.see(pseudo::PATH);
            }
            _ => return false,
        }
        true
    }

    #[inline(never)]
    fn field(&mut self, name: &[u8], value: &[u8]) -> Note {
        let note = meaning(name, value);
        if !self.noted(note) {
            self.take(name, value);
        }
        note
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 17] = [
        ":method",
        ":scheme",
        ":authority",
        ":path",
        ":other",
        "content-type",
        "te",
        "user-agent",
        "grpc-timeout",
        "grpc-encoding",
        "content-length",
        "grpc-accept-encoding",
        "x-own",
        "x-own-bin",
        "X-Own",
        "x:own",
        "connection",
    ];
    const VALUES: [&str; 19] = [
        "POST",
        "GET",
        "CONNECT",
        "http",
        "https",
        "localhost",
        "/no/Method",
        "",
        " x",
        "x\n",
        "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get",
        "/grpc.health.v1.Health/Check",
        "application/grpc",
        "application/json",
        "trailers",
        "5S",
        "99999999H",
        "7",
        "gzip",
    ];

    /// Mostly what goes together.
    fn fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
        let usual = prop_oneof![
            Just((":method", "POST")),
            Just((":scheme", "http")),
            Just((":path", VALUES[10])),
            Just((":path", VALUES[11])),
            Just(("content-type", "application/grpc")),
            Just(("te", "trailers")),
            Just(("grpc-timeout", "5S")),
            Just(("grpc-timeout", "3m")),
            Just(("user-agent", "x")),
        ];
        let any = (prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..]));
        prop::collection::vec(prop_oneof![4 => usual, 1 => any], 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_note_does_what_the_field_does(fields in fields()) {
            let (mut taken, mut seen, mut noted) = (RequestHead::new(), RequestHead::new(), RequestHead::new());
            for (name, value) in fields {
                taken.take(name.as_bytes(), value.as_bytes());
                let note = seen.field(name.as_bytes(), value.as_bytes());
                if !noted.noted(note) {
                    noted.take(name.as_bytes(), value.as_bytes());
                }
                prop_assert_eq!(&seen, &taken, "{} {}", name, value);
                prop_assert_eq!(&noted, &taken, "{} {}", name, value);
            }
            prop_assert_eq!(noted.verdict(), taken.verdict());
        }
    }

    #[test]
    fn fixed_fields_are_those_of_the_static_table() {
        for index in 1..=crate::hpack::STATIC_FIELDS.len() {
            let (name, value) = crate::hpack::STATIC_FIELDS[index - 1];
            let (mut fixed, mut taken) = (RequestHead::new(), RequestHead::new());
            if fixed.fixed(index) {
                taken.take(name, value);
                assert_eq!(fixed, taken, "{index}");
            }
        }
    }
}
