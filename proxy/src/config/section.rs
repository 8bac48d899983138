//! Reads one mapping of the file key by key, and reports the keys that nobody asked for.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use super::nearest::suggestion;
use super::problem::{Position, Problems};
use super::tree::{Content, Entry, Node};
use super::value::Value;
use super::{bytes, duration};

/// A mapping being read. Every reader returns `None` when the key is absent or wrong; what is wrong was reported.
pub(crate) struct Section<'n> {
    path: String,
    position: Position,
    entries: &'n [Entry],
    known: Vec<&'static str>,
    problems: &'n Problems,
}

impl<'n> Section<'n> {
    /// Opens the mapping at `node`; `path` is its full key, empty for the file itself. Nothing counts as an empty
    /// mapping.
    pub(crate) fn open(node: &'n Node, path: impl Into<String>, problems: &'n Problems) -> Option<Self> {
        let path = path.into();
        let entries = match &node.content {
            Content::Map(entries) => entries.as_slice(),
            Content::Null => &[],
            other => {
                let subject = if path.is_empty() { "the file" } else { &path };
                problems
                    .at(node.position, format!("{subject}: expected a mapping of keys, found {}", other.describe()));
                return None;
            }
        };
        report_duplicates(entries, &path, problems);
        Some(Self { path, position: node.position, entries, known: Vec::new(), problems })
    }

    /// The full name of a key of this mapping.
    pub(crate) fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Where the key's value is, or where the mapping is when the key is absent.
    pub(crate) fn position(&self, key: &str) -> Position {
        self.find(key).map_or(self.position, |entry| entry.value.position)
    }

    /// Whether the file says something about the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Every entry, for mappings whose keys are names that the operator chose; of a name given twice the first.
    pub(crate) fn entries(&self) -> Vec<&'n Entry> {
        let mut seen = HashSet::new();
        self.entries.iter().filter(|entry| seen.insert(entry.key.as_str())).collect()
    }

    /// Reports a problem with the key's value.
    pub(crate) fn report(&self, key: &str, message: impl Display) {
        self.problems.at(self.position(key), format!("{}: {message}", self.path(key)));
    }

    /// Reports a problem at the key's value in the reporter's own words.
    pub(crate) fn complain(&self, key: &str, message: impl Display) {
        self.problems.at(self.position(key), message.to_string());
    }

    fn find(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key && entry.value.content != Content::Null)
    }

    /// The value, whatever it is. A key without a value counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.find(key).map(|entry| &entry.value)
    }

    /// A mapping below this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'n>> {
        let node = self.node(key)?;
        Section::open(node, self.path(key), self.problems)
    }

    /// What `read` makes of the value; `None` from it reports that `expected` was not found.
    fn read<T>(&mut self, key: &'static str, expected: &str, read: impl FnOnce(&Content) -> Option<T>) -> Option<T> {
        let node = self.node(key)?;
        let value = read(&node.content);
        if value.is_none() {
            self.report(key, format_args!("expected {expected}, found {}", node.content.describe()));
        }
        value
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |content| match content {
            Content::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// A text; a number must be quoted to be one.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "text (in quotes when it looks like something else)", |content| match content {
            Content::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.read(key, "a whole number", |content| match content {
            Content::Integer(value) => u64::try_from(*value).ok(),
            _ => None,
        })?;
        self.within(key, value, range, |value| value.to_string())
    }

    /// A whole number within `range`, which fits 32 bits, or else `default`.
    pub(crate) fn small(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u32) -> u32 {
        self.integer(key, range).and_then(|value| u32::try_from(value).ok()).unwrap_or(default)
    }

    /// The name of a file; an empty one counts as absent.
    pub(crate) fn path_of_file(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// A mapping of whatever the operator likes.
    pub(crate) fn free_form(&mut self, key: &'static str) -> Value {
        let Some(node) = self.node(key) else { return Value::Map(Vec::new()) };
        if !matches!(node.content, Content::Map(_)) {
            self.report(key, format_args!("expected a mapping of keys, found {}", node.content.describe()));
            return Value::Map(Vec::new());
        }
        Value::read(node, &self.path(key), self.problems)
    }

    /// A size in bytes within `range`.
    pub(crate) fn bytes(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.read(key, bytes::FORM, |content| match content {
            Content::Integer(value) => u64::try_from(*value).ok(),
            Content::Text(text) => bytes::parse(text),
            _ => None,
        })?;
        self.within(key, value, range, bytes::format)
    }

    /// A duration in nanoseconds within `range`.
    pub(crate) fn duration(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.read(key, duration::FORM, |content| match content {
            Content::Integer(0) => Some(0),
            Content::Text(text) => duration::parse(text),
            _ => None,
        })?;
        self.within(key, value, range, duration::format)
    }

    fn within(&self, key: &str, value: u64, range: RangeInclusive<u64>, format: impl Fn(u64) -> String) -> Option<u64> {
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = (format(*range.start()), format(*range.end()));
        self.report(key, format_args!("{} is out of range; it must be {least} to {most}", format(value)));
        None
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of {}", words.join(", "));
        self.read(key, &expected, |content| match content {
            Content::Text(text) => choices.iter().find(|(word, _)| word == text).map(|(_, value)| *value),
            _ => None,
        })
    }

    /// A text that parses into `T`; its error is reported.
    pub(crate) fn parsed<T: FromStr<Err = String>>(&mut self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        text.parse().map_err(|error| self.report(key, error)).ok()
    }

    /// One item or a list of at least one, each parsed into `T` and returned with its position.
    pub(crate) fn list<T: FromStr<Err = String>>(&mut self, key: &'static str) -> Option<Vec<(T, Position)>> {
        let node = self.node(key)?;
        let nodes = match &node.content {
            Content::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if nodes.is_empty() {
            self.report(key, "expected at least one, found an empty list");
            return None;
        }
        let path = self.path(key);
        let parse = |node: &Node| {
            let parsed = match &node.content {
                Content::Text(text) => text.parse::<T>(),
                // The parser's message names the form that it expects.
                Content::Integer(number) => number.to_string().parse::<T>(),
                other => Err(format!("expected text, found {}", other.describe())),
            };
            parsed
                .map_err(|error| self.problems.at(node.position, format!("{path}: {error}")))
                .map(|value| (value, node.position))
                .ok()
        };
        // All are parsed, so that all that is wrong is reported.
        let values: Vec<_> = nodes.iter().map(parse).collect();
        values.into_iter().collect()
    }

    /// Reports the keys that nobody asked for, with the nearest one known.
    pub(crate) fn finish(self) {
        for entry in self.entries {
            if !self.known.contains(&entry.key.as_str()) {
                let message = format!("unknown key `{}`{}", self.path(&entry.key), suggestion(&entry.key, &self.known));
                self.problems.at(entry.position, message);
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Reports keys that a mapping has twice.
pub(crate) fn report_duplicates(entries: &[Entry], path: &str, problems: &Problems) {
    let mut first = HashMap::new();
    for entry in entries {
        if let Some(earlier) = first.insert(entry.key.as_str(), entry.position) {
            let line = earlier.line;
            problems.at(entry.position, format!("{}: this key is already set in line {line}", join(path, &entry.key)));
        }
    }
}
