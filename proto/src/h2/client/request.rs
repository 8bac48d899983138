//! A request's head: what the caller says, and how its block is written from memory.
//!
//! A caller that calls a method again sends the same bytes, indices into the table, as long as the table stays. So the
//! block is kept, under the encoder's generation; only a time-out that differs from the one before is written anew.

use super::metadata::with_sent_value;
use super::{Config, metadata};
use crate::grpc::write_timeout;
use crate::hpack::{Encoder, FIELD_OVERHEAD_BYTES, Indexing};
use crate::limits::{TEMPLATE_BYTES_MAX, TEMPLATES_MAX, TIMEOUTS_INDEXED_MAX};
use crate::method::MethodId;

/// Which method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'r> {
    /// One of the method table; the quick way.
    Method(MethodId),
    /// Any other.
    Path {
        /// `/package.Service/Name`.
        path: &'r str,
        /// Whether the reply is a stream of messages rather than one.
        server_streaming: bool,
    },
}

/// What a caller says of a call before its first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'r> {
    /// The method.
    pub target: Target<'r>,
    /// How long the caller waits.
    pub timeout_ns: Option<u64>,
    /// More names, in lower case, with their values; those of names that end in `-bin` are any bytes.
    pub metadata: &'r [(&'r str, &'r [u8])],
    /// Whether the caller wants to hear of the response headers.
    pub wants_headers: bool,
}

impl From<MethodId> for Request<'_> {
    fn from(method: MethodId) -> Self {
        Self { target: Target::Method(method), timeout_ns: None, metadata: &[], wants_headers: false }
    }
}

impl<'r> Request<'r> {
    /// A call of a method that is not in the table.
    pub const fn path(path: &'r str, server_streaming: bool) -> Self {
        let target = Target::Path { path, server_streaming };
        Self { target, timeout_ns: None, metadata: &[], wants_headers: false }
    }

    /// The same with a time-out.
    #[must_use]
    pub const fn within(self, timeout_ns: u64) -> Self {
        Self { timeout_ns: Some(timeout_ns), ..self }
    }

    /// Whether the reply is one message.
    pub(super) fn is_single(&self) -> bool {
        match self.target {
            Target::Method(method) => !method.method().server_streaming,
            Target::Path { server_streaming, .. } => !server_streaming,
        }
    }

    fn path_text(&self) -> &'r str {
        match self.target {
            Target::Method(method) => method.method().path,
            Target::Path { path, .. } => path,
        }
    }

    /// Why it cannot be sent.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if let Target::Path { path, .. } = self.target
            && !(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Some("a path begins with '/' and is of visible ASCII characters");
        }
        self.metadata.iter().find_map(|(name, value)| metadata::fault(name, value))
    }

    /// Bytes of the header list as RFC 9113 §6.5.2 counts them.
    pub(super) fn list_bytes(&self, fixed: &Fixed) -> usize {
        /// `:method`, `:scheme`, `:path`, `te`, `content-type` and the longest `grpc-timeout`, the path apart.
        const CONSTANT_BYTES: usize = 11 + 11 + 5 + 10 + 28 + 21 + 6 * FIELD_OVERHEAD_BYTES;
        let size = |name: usize, value: usize| name + value + FIELD_OVERHEAD_BYTES;
        let sent =
            |name: &str, value: &[u8]| if name.ends_with("-bin") { value.len().div_ceil(3) * 4 } else { value.len() };
        let own: usize = self.metadata.iter().map(|(name, value)| size(name.len(), sent(name, value))).sum();
        let fixed: usize = fixed.fields.iter().map(|(name, value)| size(name.len(), value.len())).sum();
        CONSTANT_BYTES + self.path_text().len() + fixed + own
    }
}

/// A name and its value as it is sent.
type Field = (Box<[u8]>, Box<[u8]>);

/// The fields that every request of a connection has.
#[derive(Debug)]
pub(super) struct Fixed {
    fields: Box<[Field]>,
}

impl Fixed {
    /// Those of a configuration, which may say something that cannot be sent.
    pub(super) fn new(config: &Config) -> Result<Self, &'static str> {
        let mut fields: Vec<Field> = Vec::new();
        let is_text = |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_text(&config.authority) || config.authority.contains(' ') {
            return Err("the authority is not of visible ASCII characters");
        }
        fields.push((b":authority"[..].into(), config.authority.as_bytes().into()));
        if !is_text(&config.user_agent) || config.user_agent.trim() != config.user_agent {
            return Err("the user agent is not of printable ASCII characters");
        }
        fields.push((b"user-agent"[..].into(), config.user_agent.as_bytes().into()));
        for (name, value) in &config.metadata {
            if let Some(fault) = metadata::fault(name, value) {
                return Err(fault);
            }
            fields.push((name.as_bytes().into(), with_sent_value(name, value, |sent| sent.into())));
        }
        Ok(Self { fields: fields.into() })
    }

    /// The block of a method's request without time-out and metadata.
    fn encode(&self, path: &str, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let mut field = |name: &[u8], value: &[u8]| encoder.encode(name, value, Indexing::Incremental, out);
        field(b":method", b"POST");
        field(b":scheme", b"http");
        field(b":path", path.as_bytes());
        // The authority first: no pseudo-header may follow a regular one (RFC 9113 §8.3).
        let (authority, rest) = self.fields.split_first().expect("the authority is always there");
        field(&authority.0, &authority.1);
        field(b"te", b"trailers");
        field(b"content-type", b"application/grpc");
        for (name, value) in rest {
            field(name, value);
        }
    }
}

/// A block as it was written last.
#[derive(Debug, Clone, Copy)]
struct Template {
    method: MethodId,
    timeout_ns: Option<u64>,
    length: u8,
    bytes: [u8; TEMPLATE_BYTES_MAX],
}

/// The blocks that were written last, of one generation of the encoder.
#[derive(Debug, Default)]
pub(super) struct Templates {
    known: Vec<Template>,
    /// Whose turn it is to be replaced.
    next: usize,
    generation: u64,
    /// The time-out of the call before, and the number of those that stand in the table.
    timeout_ns: Option<u64>,
    timeouts_indexed: usize,
}

impl Templates {
    /// Writes the block of a request.
    #[inline]
    pub(super) fn write(&mut self, request: &Request<'_>, fixed: &Fixed, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let Target::Method(method) = request.target else {
            fixed.encode(request.path_text(), encoder, out);
            write_timeout_field(request.timeout_ns, Indexing::Without, encoder, out);
            return write_metadata(request.metadata, encoder, out);
        };
        let is_steady = self.timeout_ns == request.timeout_ns;
        self.timeout_ns = request.timeout_ns;
        if !self.copy(method, request.timeout_ns.filter(|_| is_steady), encoder, out) {
            self.write_anew(method, request, is_steady, fixed, encoder, out);
        } else if !is_steady {
            write_timeout_field(request.timeout_ns, Indexing::Without, encoder, out);
        }
        write_metadata(request.metadata, encoder, out);
    }

    #[inline]
    fn copy(&self, method: MethodId, timeout_ns: Option<u64>, encoder: &Encoder, out: &mut Vec<u8>) -> bool {
        if encoder.generation() != self.generation {
            return false;
        }
        let known = self.known.iter().find(|known| known.method == method && known.timeout_ns == timeout_ns);
        known.inspect(|known| out.extend_from_slice(&known.bytes[..usize::from(known.length)])).is_some()
    }

    /// Encodes a block and remembers it, when that has changed nothing in the encoder. A time-out that comes a second
    /// time goes into the table, as long as there are few.
    #[inline(never)]
    fn write_anew(
        &mut self,
        method: MethodId,
        request: &Request<'_>,
        is_steady: bool,
        fixed: &Fixed,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) {
        let (start, generation) = (out.len(), encoder.generation());
        fixed.encode(request.path_text(), encoder, out);
        if encoder.generation() == generation {
            self.learn(method, None, generation, &out[start..]);
        }
        let Some(_) = request.timeout_ns else { return };
        let may_index = is_steady && self.timeouts_indexed < TIMEOUTS_INDEXED_MAX;
        let before = encoder.generation();
        let indexing = if may_index { Indexing::Incremental } else { Indexing::Without };
        write_timeout_field(request.timeout_ns, indexing, encoder, out);
        if encoder.generation() != before {
            self.timeouts_indexed += 1;
        } else if is_steady && before == generation {
            self.learn(method, request.timeout_ns, generation, &out[start..]);
        }
    }

    fn learn(&mut self, method: MethodId, timeout_ns: Option<u64>, generation: u64, block: &[u8]) {
        if block.len() > TEMPLATE_BYTES_MAX {
            return;
        }
        if generation != self.generation {
            self.known.clear();
            self.generation = generation;
        }
        let mut template = Template { method, timeout_ns, length: block.len() as u8, bytes: [0; TEMPLATE_BYTES_MAX] };
        template.bytes[..block.len()].copy_from_slice(block);
        let same = self.known.iter().position(|known| known.method == method && known.timeout_ns == timeout_ns);
        if let Some(same) = same {
            self.known[same] = template;
        } else if self.known.len() < TEMPLATES_MAX {
            self.known.push(template);
        } else {
            self.known[self.next % TEMPLATES_MAX] = template;
            self.next = (self.next + 1) % TEMPLATES_MAX;
        }
    }
}

fn write_timeout_field(timeout_ns: Option<u64>, indexing: Indexing, encoder: &mut Encoder, out: &mut Vec<u8>) {
    let Some(timeout_ns) = timeout_ns else { return };
    // Written behind the output's end first, where it needs no buffer of its own.
    let start = out.len();
    write_timeout(timeout_ns, out);
    let mut value = [0; 9];
    let length = (out.len() - start).min(value.len());
    value[..length].copy_from_slice(&out[start..start + length]);
    out.truncate(start);
    encoder.encode(b"grpc-timeout", &value[..length], indexing, out);
}

fn write_metadata(metadata: &[(&str, &[u8])], encoder: &mut Encoder, out: &mut Vec<u8>) {
    for (name, value) in metadata {
        // What a caller adds to one call will hardly come again, and credentials belong in no table (RFC 7541 §7.1.3).
        let indexing = if *name == "authorization" { Indexing::Never } else { Indexing::Without };
        with_sent_value(name, value, |sent| encoder.encode(name.as_bytes(), sent, indexing, out));
    }
}
