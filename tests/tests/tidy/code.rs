//! Words that only some places may use: `unsafe`, and the names of the runtime and the ring.

use crate::assert_none;
use crate::tree::{File, written_rust};

/// Files outside shard/ that need `unsafe`, each because a counting allocator cannot be written without it.
const UNSAFE_ALLOWED: &[&str] = &[
    "proto/tests/h2_allocations.rs",
    "proto/tests/h2_idle.rs",
    "proto/tests/h2_idle.rs",
    "tests/tests/allocations.rs",
];

#[test]
fn only_shard_has_unsafe_code() {
    let mut offences = Vec::new();
    for file in written_rust() {
        if file.folder() != "shard" && !UNSAFE_ALLOWED.contains(&file.path.as_str()) {
            offences.extend(offending(&file, &["unsafe"]));
        }
    }
    assert_none("unsafe code belongs in shard/", &offences);
}

#[test]
fn only_shard_names_the_runtime_and_the_ring() {
    let mut offences = Vec::new();
    for file in written_rust() {
        if file.folder() != "shard" {
            offences.extend(offending(&file, &["glommio", "io_uring"]));
        }
    }
    assert_none("the runtime and the ring are shard/'s alone", &offences);
}

fn offending(file: &File, wanted: &[&str]) -> Vec<String> {
    words(&file.text, wanted).iter().map(|(line, word)| format!("{}:{line}: {word}", file.path)).collect()
}

/// Where one of `wanted` stands as a whole word of code (not in a comment, string or character literal).
fn words<'a>(text: &str, wanted: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for (index, line) in code_only(text).lines().enumerate() {
        for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            found.extend(wanted.iter().filter(|&&one| one == word).map(|&one| (index + 1, one)));
        }
    }
    found
}

/// The text with comments and literals blanked; line breaks stay, so that line numbers hold.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = literal_or_comment_bytes(rest, out.chars().next_back());
        if taken == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push(' ');
            out.extend(rest[..taken].chars().filter(|&c| c == '\n'));
            rest = &rest[taken..];
        }
    }
    out
}

/// How many bytes at the start of `rest` are one comment or literal; 0 when it is code.
fn literal_or_comment_bytes(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let until = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return until(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return block_comment_bytes(rest);
    }
    if !in_word {
        let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r');
        if let Some(after) = raw {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if after[hashes..].starts_with('"') {
                let end = format!("\"{}", "#".repeat(hashes));
                let body = rest.len() - after.len() + hashes + 1;
                return until(rest[body..].find(&end).map(|at| body + at + end.len()));
            }
        }
    }
    if rest.starts_with('"') {
        return until(unescaped(rest, '"'));
    }
    if rest.starts_with('\'') {
        // 'a' and '\n' are characters, 'a without a closing quote is a lifetime.
        let mut chars = rest.char_indices().skip(1);
        return match (chars.next(), chars.next()) {
            (Some((_, '\\')), _) => until(unescaped(rest, '\'')),
            (Some(_), Some((at, '\''))) => at + 1,
            _ => 0,
        };
    }
    0
}

/// The end of a literal that starts with its quote.
fn unescaped(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Block comments nest.
fn block_comment_bytes(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[test]
fn words_are_found_in_code_only() {
    let text = concat!(
        "// unsafe\n/* a /* nested */ unsafe */ let a = \"unsafe \\\" unsafe\";\n",
        "let b = r#\"unsafe \" unsafe\"#; let c: &'static str = '\"'; unsafe_code(); for_unsafe(\"x\");\n",
        "unsafe { 'x' }\nlet d = b'\\''; unsafe fn e<'a>() {}\n",
    );
    assert_eq!(words(text, &["unsafe"]), [(4, "unsafe"), (5, "unsafe")], "{}", code_only(text));
}
