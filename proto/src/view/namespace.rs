//! The namespace of any request: every one carries it under the same number.

use super::{KEYED_FIELDS, NAMESPACE_FIELD};
use crate::decode_error::{DecodeError, Problem, Schema};
use crate::limits::MESSAGE_DEPTH_MAX;
use crate::text::Text;
use crate::wire::Reader;

/// The namespace that a request of any interface names; whatever else the message has must be well-formed protobuf
/// and is not looked at.
///
/// # Errors
/// When the bytes are no protobuf message, or the namespace is not UTF-8.
pub fn namespace(bytes: &[u8]) -> Result<Text<'_>, DecodeError> {
    static SCHEMA: Schema = Schema { message: "request", fields: KEYED_FIELDS };
    let mut reader = Reader::new(bytes);
    read(&mut reader).map_err(|problem| DecodeError::new(&SCHEMA, reader.number(), problem))
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Text<'a>, Problem> {
    let mut namespace = Text::default();
    while !reader.is_empty() {
        match reader.key()? {
            NAMESPACE_FIELD => namespace = reader.string()?,
            other => reader.skip(other, MESSAGE_DEPTH_MAX)?,
        }
    }
    Ok(namespace)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::namespace;
    use crate::messages::prism::interfaces::list::PushLeftRequest;

    #[test]
    fn is_found_among_other_fields() {
        let request = PushLeftRequest { list_key: "k".into(), value: vec![0xff; 300], namespace: "sessions".into() };
        let bytes = request.encode_to_vec();
        assert_eq!(namespace(&bytes).map(|name| name.as_str().to_owned()), Ok("sessions".to_owned()));
        assert_eq!(namespace(&[]).map(|name| name.len()), Ok(0));
        assert!(namespace(&bytes[..bytes.len() - 1]).is_err(), "a cut message is an error");
    }
}
