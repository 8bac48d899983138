//! Free-form values: what a plugin's `config` holds, and what `--print-config` writes.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::problem::Problems;
use super::tree::{Content, Entry, Node};

/// A value as JSON knows it; numbers are doubles, as `google.protobuf.Value` has them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping in the order of the file; no key is there twice.
    Map(Vec<(String, Value)>),
}

/// The whole numbers up to which every one has a double of its own: 2^53.
const EXACT_MAX: i128 = 1 << 53;

/// What stands in for a secret.
const MASK: &str = "***";

/// Parts of key names that mark their values as secrets.
const SECRET_WORDS: [&str; 7] = ["password", "passwd", "secret", "token", "credential", "api_key", "private_key"];

impl Value {
    /// Reads a node; `path` names it in what is reported.
    pub(crate) fn read(node: &Node, path: &str, problems: &Problems) -> Self {
        match &node.content {
            Content::Null => Self::Null,
            Content::Bool(value) => Self::Bool(*value),
            Content::Integer(value) => {
                if value.abs() > EXACT_MAX {
                    let message = format!("{path}: a number beyond 2^53 must be quoted: numbers are doubles here");
                    problems.at(node.position, message);
                }
                // Beyond the bound it was reported; below it the conversion is exact.
                Self::Number(*value as f64)
            }
            Content::Float(value) => Self::Number(*value),
            Content::Text(text) => Self::Text(text.clone()),
            Content::List(nodes) => Self::List(
                nodes.iter().enumerate().map(|(i, node)| Self::read(node, &format!("{path}[{i}]"), problems)).collect(),
            ),
            Content::Map(entries) => {
                super::section::report_duplicates(entries, path, problems);
                let read = |entry: &Entry| {
                    let path = format!("{path}.{}", entry.key);
                    (entry.key.clone(), Self::read(&entry.value, &path, problems))
                };
                Self::Map(entries.iter().map(read).collect())
            }
        }
    }

    /// The same with the values of keys that sound like secrets masked.
    pub(crate) fn masked(&self) -> Self {
        match self {
            Self::List(values) => Self::List(values.iter().map(Self::masked).collect()),
            Self::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let value = if is_secret(key) { Self::text(MASK) } else { value.masked() };
                        (key.clone(), value)
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number of the configuration; all of those are far below 2^53.
    pub(crate) fn number(number: impl TryInto<u32>) -> Self {
        Self::Number(number.try_into().map_or(f64::from(u32::MAX), f64::from))
    }

    pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    // A file that holds a secret is named openly.
    !key.ends_with("_file") && SECRET_WORDS.iter().any(|word| key.contains(word))
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) if value.fract() == 0.0 && value.abs() <= EXACT_MAX as f64 => {
                serializer.serialize_i64(*value as i64)
            }
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| list.serialize_element(value))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}
