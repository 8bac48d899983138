//! How files read: their length, and words that have no place in them.

use crate::assert_none;
use crate::tree::{files, written_rust};

const FILE_LINES_MAX: usize = 500;
const LINE_CHARS_MAX: usize = 120;

/// What people read or run; lock files and recorded results are written by programs.
const TEXT: &[&str] =
    &[".rs", ".md", ".toml", ".proto", ".sh", ".py", ".yaml", ".yml", "Makefile", "Dockerfile", "run", ".gitignore"];

/// Spelled in two parts, so that this file does not offend.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Paths of one machine, and hosts that a mirror may stand in for.
const MACHINE_BOUND: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("npmjs", ".org"),
    concat!("maven", ".org"),
];

#[test]
fn files_are_short() {
    let files = written_rust();
    let long = files.iter().filter(|file| file.text.lines().count() > FILE_LINES_MAX);
    let offences: Vec<_> = long.map(|file| format!("{}: {} lines", file.path, file.text.lines().count())).collect();
    assert_none(&format!("a file has one idea and at most {FILE_LINES_MAX} lines"), &offences);
}

#[test]
fn lines_are_short() {
    let offences = lines_where(&written_rust(), |line| line.chars().count() > LINE_CHARS_MAX);
    assert_none(&format!("a line of code has at most {LINE_CHARS_MAX} characters"), &offences);
}

#[test]
fn nothing_is_left_unfinished() {
    let unfinished = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| UNFINISHED.contains(&word));
    assert_none("finish it, or open an issue", &lines_where(&written(), unfinished));
}

#[test]
fn nothing_is_bound_to_one_machine() {
    let bound = |line: &str| MACHINE_BOUND.iter().any(|part| line.contains(part));
    assert_none("no path of one machine and no registry's host", &lines_where(&written(), bound));
}

#[test]
fn modules_say_what_they_are_for() {
    let files = written_rust();
    let bare = files.iter().filter(|file| !file.text.lines().any(|line| line.starts_with("//!")));
    let offences: Vec<_> = bare.map(|file| file.path.clone()).collect();
    assert_none("a module's documentation says in one sentence what it is for", &offences);
}

fn written() -> Vec<crate::tree::File> {
    files(TEXT).into_iter().filter(|file| !file.is_generated()).collect()
}

fn lines_where(files: &[crate::tree::File], offends: impl Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for file in files {
        let lines = file.text.lines().enumerate().filter(|(_, line)| offends(line));
        offences.extend(lines.map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim())));
    }
    offences
}
