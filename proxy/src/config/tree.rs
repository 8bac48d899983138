//! The configuration file as a tree in which every value and key knows its position.
//!
//! Reading into a tree first, and only then into types, is what lets all errors of a file be reported at once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::problem::Position;

/// A value and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) content: Content,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, where it is, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) position: Position,
    pub(crate) value: Node,
}

/// Bounds on what a file may hold; far above any real configuration, and low enough that none exhausts the stack.
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 200_000;
const SCALAR_BYTES_MAX: usize = 8 << 20;

/// Parses YAML; the error is the first one and where it is.
pub(crate) fn parse(text: &str) -> Result<Node, (Position, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_total_scalar_bytes: SCALAR_BYTES_MAX,
        },
        // Reported from the tree, where the other problems are.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Content>>(text, options) {
        Ok(spanned) => Ok(node(spanned)),
        Err(error) => Err((error.location().map(position).unwrap_or_default(), message(&error))),
    }
}

/// The library's message on one line, without the position, which is reported apart, and in terms of a file.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    let end = line.find(" at line ").unwrap_or(line.len());
    let line = line[..end].trim_end_matches(':');
    // The library speaks of its own functions, types and settings here.
    let rules = [
        ("multiple YAML documents", "the file holds more than one YAML document".to_owned()),
        ("expected string scalar", "a key must be plain text".to_owned()),
        ("budget breached: Depth", format!("the file is nested more than {DEPTH_MAX} deep")),
        ("budget breached", "the file holds more than a configuration may".to_owned()),
    ];
    let replaced = rules.into_iter().find(|(start, _)| line.starts_with(start));
    replaced.map_or_else(|| line.to_owned(), |(_, replacement)| replacement)
}

fn position(location: Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

fn node(spanned: Spanned<Content>) -> Node {
    Node { position: position(spanned.referenced), content: spanned.value }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Integer(value))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Content, E> {
        i128::try_from(value).map(Content::Integer).map_err(|_| E::custom("this number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Content>>()? {
            items.push(node(item));
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let value = node(access.next_value::<Spanned<Content>>()?);
            entries.push(Entry { key: key.value, position: position(key.referenced), value });
        }
        Ok(Content::Map(entries))
    }
}

impl Content {
    /// What this is, for error messages that say what was found.
    pub(crate) fn describe(&self) -> String {
        const SHOWN_CHARACTERS_MAX: usize = 60;
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Integer(value) => format!("`{value}`"),
            Self::Float(value) => format!("`{value}`"),
            Self::Text(text) => {
                let shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
                format!("`{}`", shown.escape_debug())
            }
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a mapping".to_owned(),
        }
    }
}
