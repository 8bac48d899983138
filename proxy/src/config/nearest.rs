//! Finds the known word that a mistyped one was probably meant to be.

/// The known word nearest to `word`, if one is near enough to be worth suggesting.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // The distance costs the product of the lengths, and no key is this long.
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    let score = |candidate: &str| {
        let plain = strsim::jaro_winkler(&lower, candidate);
        // `password` for `password_file`, `timeout` for `request_timeout`: a part of the name counts as near.
        let part = lower.len() >= 3 && candidate.split('_').count() > 1 && candidate.contains(&lower);
        if part { plain.max(0.9) } else { plain }
    };
    known
        .into_iter()
        .map(|candidate| (score(candidate), candidate))
        .filter(|(score, _)| *score >= 0.75)
        // The first of equals wins, so that the suggestion does not depend on chance.
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, candidate)| candidate)
}

/// The end of an error message: the nearest known word, else all that is known.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match (nearest(word, known.iter().copied()), known) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => String::new(),
        (None, known) => format!("; known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["message_bytes_max", "key_bytes_max", "connections_max", "password_file", "listen"];

    #[test]
    fn a_slip_finds_its_key() {
        for (typed, meant) in [
            ("mesage_bytes_max", "message_bytes_max"),
            ("connection_max", "connections_max"),
            ("password", "password_file"),
            ("Listen", "listen"),
            ("lsiten", "listen"),
            ("key-bytes-max", "key_bytes_max"),
        ] {
            assert_eq!(nearest(typed, KEYS), Some(meant), "{typed}");
        }
    }

    #[test]
    fn a_strange_word_finds_none() {
        for typed in ["", "zzz", "qux", &"x".repeat(100_000)] {
            assert_eq!(nearest(typed, KEYS), None, "{typed}");
        }
    }

    #[test]
    fn the_suggestion_falls_back_to_all_that_is_known() {
        assert_eq!(suggestion("spinn", &["spin_us"]), "; did you mean `spin_us`?");
        assert_eq!(suggestion("zzz", &["keyvalue", "list"]), "; known: keyvalue, list");
        assert_eq!(suggestion("zzz", &[]), "");
    }
}
