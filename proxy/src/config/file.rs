//! Reads a configuration file: its sections in turn, then what holds between them.

use std::io::Read;
use std::path::Path;

use super::backends::{self, Declared};
use super::effective::{Effective, default_backend};
use super::listen::ListenAddress;
use super::problem::{Position, Problem, Problems};
use super::section::Section;
use super::tree::{Content, Node};
use super::{check, cores, limits, log, namespaces, tree};

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The file's text; what is wrong is reported.
pub(crate) fn text(path: &Path, problems: &Problems) -> Option<String> {
    let whole = Position::default();
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long from one that just fits.
    let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        problems.at(whole, format!("cannot be read: {error}"));
        return None;
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        problems.at(whole, format!("is longer than {}", super::bytes::format(FILE_BYTES_MAX)));
        return None;
    }
    String::from_utf8(bytes)
        .map_err(|error| {
            let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let line = valid.matches('\n').count() as u64 + 1;
            let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u64 + 1;
            problems.at(Position { line, column }, "is not UTF-8 text");
        })
        .ok()
}

/// Where the cores were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoresFrom {
    /// Nowhere: all that are allowed.
    Default,
    /// In the file.
    File(Position),
}

/// Reads `text` over the defaults. The cores are checked by the caller, who knows whether a flag replaces them.
pub(crate) fn read(text: &str, allowed: &[usize], problems: &Problems) -> (Effective, CoresFrom) {
    let mut effective = Effective::default_on(allowed.to_vec());
    let mut cores_from = CoresFrom::Default;
    let root = match tree::parse(text) {
        Ok(root) => root,
        Err((position, message)) => {
            problems.at(position, message);
            return (effective, cores_from);
        }
    };
    let Some(mut section) = Section::open(&root, "", problems) else { return (effective, cores_from) };
    if let Some(listen) = read_listen(&mut section, problems) {
        effective.listen = listen;
    }
    if let Some(node) = section.node("cores")
        && let Some(cores) = read_cores(node, problems)
    {
        effective.cores = cores;
        cores_from = CoresFrom::File(node.position);
    }
    if let Some(mut shard) = section.section("shard") {
        effective.spin_us = shard.integer("spin_us", 0..=super::SPIN_US_MAX).unwrap_or(effective.spin_us);
        shard.finish();
    }
    if let Some(section) = section.section("limits") {
        effective.limits = limits::read(section);
    }
    if let Some(section) = section.section("log") {
        effective.log = log::read(section);
    }
    read_namespaces(&mut section, &mut effective, problems);
    section.finish();
    (effective, cores_from)
}

fn read_listen(section: &mut Section<'_>, problems: &Problems) -> Option<Vec<ListenAddress>> {
    let listed = section.list::<ListenAddress>("listen")?;
    for (later, (address, position)) in listed.iter().enumerate() {
        if listed[..later].iter().any(|(earlier, _)| earlier.is_same_socket(address)) {
            problems.at(*position, format!("listen: {address} is named twice"));
        }
    }
    Some(listed.into_iter().map(|(address, _)| address).collect())
}

fn read_cores(node: &Node, problems: &Problems) -> Option<Vec<usize>> {
    let part = |node: &Node| match &node.content {
        Content::Text(text) => Ok(text.clone()),
        Content::Integer(number) => Ok(number.to_string()),
        other => Err(format!("expected {}, found {}", cores::FORM, other.describe())),
    };
    let text = match &node.content {
        Content::List(nodes) => nodes.iter().map(part).collect::<Result<Vec<_>, _>>().map(|parts| parts.join(",")),
        _ => part(node),
    };
    let cores = text.and_then(|text| cores::parse(&text));
    cores.map_err(|message| problems.at(node.position, format!("cores: {message}"))).ok()
}

/// Reads both sections: what one leaves out is chosen by the other.
fn read_namespaces(section: &mut Section<'_>, effective: &mut Effective, problems: &Problems) {
    let declared = section.section("backends").map(|section| backends::read(&section, problems)).unwrap_or_default();
    let declared = if declared.is_empty() { vec![implied_backend()] } else { declared };
    let namespaces = match section.section("namespaces").filter(|section| !section.entries().is_empty()) {
        Some(section) => namespaces::read(&section, problems),
        None => {
            let chosen = match declared.as_slice() {
                [only] => Some(only),
                several => several.iter().find(|backend| backend.name == default_backend().name),
            };
            let Some(chosen) = chosen else {
                let position = section.position("backends");
                let message = "namespaces: needed when there are several backends and none of them is called `memory`";
                problems.at(position, message);
                return;
            };
            vec![namespaces::implied(&chosen.name, chosen.type_position)]
        }
    };
    (effective.backends, effective.namespaces) = check::resolve(declared, namespaces, problems);
}

fn implied_backend() -> Declared {
    let nowhere = Position::default();
    let backend = default_backend();
    Declared { name: backend.name, type_position: nowhere, prefix_position: nowhere, kind: Some(backend.kind) }
}

/// What the operator should know of a configuration that is valid.
pub(crate) fn warnings(effective: &Effective, file: &Problems) {
    if !effective.namespaces.iter().any(|namespace| namespace.name == "default") {
        let message = "there is no namespace `default`: calls that name none are answered NOT_FOUND";
        file.at(Position::default(), message);
    }
}

/// What is wrong, when anything is.
pub(crate) fn outcome(problems: Problems) -> Result<(), Vec<Problem>> {
    if problems.is_empty() { Ok(()) } else { Err(problems.into_sorted()) }
}
