//! How answers are written to standard output, in each form.
//!
//! JSON is one object on one line. A value that is UTF-8 stands in `value`, any other in base64 in `value_base64`.

use std::io::{self, IsTerminal as _, Write as _};

use prism_proto::grpc::base64;
use serde_json::{Map, Value, json};

use super::args::Form;
use super::failure::{Failure, OneLine};

/// Exactly these bytes.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::output)
}

/// One line.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// One line of JSON.
pub(super) fn object(fields: &Value) -> Result<(), Failure> {
    line(&fields.to_string())
}

/// The value of a key, or that it is missing.
pub(super) fn value(form: Form, key: &str, value: Option<&[u8]>) -> Result<(), Failure> {
    match (form, value) {
        (Form::Json, value) => object(&json_value(key, value)),
        (Form::Human | Form::Raw, None) => Ok(()),
        (Form::Raw, Some(value)) => bytes(value),
        (Form::Human, Some(value)) => bytes(&for_people(value, io::stdout().is_terminal())),
    }
}

fn json_value(key: &str, value: Option<&[u8]>) -> Value {
    let mut fields = Map::new();
    fields.insert("key".to_owned(), key.into());
    fields.insert("found".to_owned(), value.is_some().into());
    if let Some(value) = value {
        insert_bytes(&mut fields, "value", value);
    }
    fields.into()
}

/// Bytes as a field: text under this name, anything else in base64 under a longer one.
fn insert_bytes(fields: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        fields.insert(name.to_owned(), text.into());
        return;
    }
    let mut text = Vec::new();
    base64::encode(bytes, &mut text);
    text.resize(text.len().next_multiple_of(4), b'=');
    fields.insert(format!("{name}_base64"), String::from_utf8_lossy(&text).into());
}

/// One of many values: what it is called, the field of its bytes, these, and what else JSON says of it.
pub(super) fn entry(form: Form, name: &str, field: &str, value: &[u8], fields: Value) -> Result<(), Failure> {
    match form {
        Form::Json => {
            let mut fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
            insert_bytes(&mut fields, field, value);
            object(&fields.into())
        }
        Form::Raw => bytes(&[value, b"\n"].concat()),
        Form::Human => {
            let mut text = for_people(value, io::stdout().is_terminal());
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
            bytes(&[OneLine(name).to_string().as_bytes(), b"\t", &text].concat())
        }
    }
}

/// The one thing that a call answers: as words, and as JSON.
pub(super) fn answer(form: Form, words: &str, fields: &Value) -> Result<(), Failure> {
    match form {
        Form::Json => object(fields),
        Form::Raw | Form::Human => line(words),
    }
}

/// A value as people read it. A terminal is spared what would steer it; a file or a program gets the bytes.
fn for_people(value: &[u8], is_terminal: bool) -> Vec<u8> {
    match str::from_utf8(value) {
        Ok(text) if is_terminal => {
            let lines: Vec<String> = text.split('\n').map(|line| OneLine(line).to_string()).collect();
            (lines.join("\n") + "\n").into_bytes()
        }
        Ok(text) => format!("{text}\n").into_bytes(),
        Err(_) if is_terminal => {
            format!("({} bytes that are not text; -o raw or -o json writes them)\n", value.len()).into_bytes()
        }
        Err(_) => value.to_vec(),
    }
}

/// That a value is stored.
pub(super) fn stored(form: Form, key: &str, value_bytes: usize, ttl_seconds: Option<i64>) -> Result<(), Failure> {
    match form {
        Form::Json => object(&json!({ "key": key, "value_bytes": value_bytes, "ttl_seconds": ttl_seconds })),
        Form::Raw => Ok(()),
        Form::Human => {
            let expiry = ttl_seconds.map(|seconds| format!(", for {seconds} s")).unwrap_or_default();
            line(&format!("stored {value_bytes} bytes{expiry}"))
        }
    }
}

/// Whether a key was removed.
pub(super) fn deleted(form: Form, key: &str, found: bool) -> Result<(), Failure> {
    match form {
        Form::Json => object(&json!({ "key": key, "found": found })),
        Form::Raw => Ok(()),
        Form::Human => line(if found { "deleted" } else { "it was not there" }),
    }
}

/// Whether a key is there.
pub(super) fn exists(form: Form, key: &str, exists: bool) -> Result<(), Failure> {
    match form {
        Form::Json => object(&json!({ "key": key, "exists": exists })),
        Form::Raw | Form::Human => line(if exists { "true" } else { "false" }),
    }
}

/// What a service says of itself.
pub(super) fn health(form: Form, service: &str, status: &str) -> Result<(), Failure> {
    match form {
        Form::Json => object(&json!({ "service": service, "status": status })),
        Form::Raw | Form::Human => line(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_value() {
        for (value, text) in [
            (None, r#"{"found":false,"key":"k"}"#),
            (Some(&b""[..]), r#"{"found":true,"key":"k","value":""}"#),
            (Some(b"a\"\n\0"), r#"{"found":true,"key":"k","value":"a\"\n\u0000"}"#),
            (Some("é".as_bytes()), r#"{"found":true,"key":"k","value":"é"}"#),
            (Some(b"\xff"), r#"{"found":true,"key":"k","value_base64":"/w=="}"#),
        ] {
            assert_eq!(json_value("k", value).to_string(), text);
        }
    }

    #[test]
    fn a_terminal_is_not_steered() {
        assert_eq!(for_people(b"a\nb\x1b[2J", true), b"a\nb\\u{1b}[2J\n");
        assert_eq!(for_people(b"a\nb\x1b[2J", false), b"a\nb\x1b[2J\n");
        assert!(for_people(b"\xff\x00", true).starts_with(b"(2 bytes"));
        assert_eq!(for_people(b"\xff\x00", false), b"\xff\x00");
    }
}
