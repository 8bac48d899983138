//! What is wrong with a configuration, and where.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// A place in a file; both numbers count from 1, columns in characters. Line 0 stands for the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A flag, or the environment variable that stands for it.
    Flag(&'static str),
    /// The configuration file, by the name it was given.
    File(Arc<str>, Position),
}

/// One thing that is wrong, or that the operator should know; shown as `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What it is, for a person.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Flag(flag) => write!(formatter, "{flag}: {}", self.message),
            Place::File(file, Position { line: 0, .. }) => write!(formatter, "{file}: {}", self.message),
            Place::File(file, Position { line, column }) => {
                write!(formatter, "{file}:{line}:{column}: {}", self.message)
            }
        }
    }
}

/// Collects what is wrong with one file, so that all of it is reported at once; shared by the parts that read it.
#[derive(Debug)]
pub(crate) struct Problems {
    file: Arc<str>,
    found: RefCell<Vec<Problem>>,
}

/// The most problems that are kept: a file that is wrong throughout must not flood the terminal.
const PROBLEMS_MAX: usize = 100;

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: Arc::from(file), found: RefCell::default() }
    }

    /// Reports a problem at a position of the file.
    pub(crate) fn at(&self, position: Position, message: impl Into<String>) {
        self.push(Place::File(Arc::clone(&self.file), position), message.into());
    }

    /// Reports a problem with a flag.
    pub(crate) fn flag(&self, flag: &'static str, message: impl Into<String>) {
        self.push(Place::Flag(flag), message.into());
    }

    fn push(&self, place: Place, message: String) {
        let mut found = self.found.borrow_mut();
        if found.len() < PROBLEMS_MAX {
            found.push(Problem { place, message });
        }
    }

    /// Whether nothing was reported so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The problems in the order of the file, flags first.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        found
    }
}
