//! Service-level objectives such as `p99<1ms`, `errors<0.1%` and `rps>=10000`, held against a report.

use std::fmt;
use std::str::FromStr;

use super::report::Figures;
use super::units::duration_ns;

/// What an objective looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// A time of the response clock, by the name of its field.
    Time(&'static str),
    /// Calls that failed, timed out or were dropped, as a part of those intended.
    Errors,
    /// Calls a second that were ok.
    Rps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    text: String,
    subject: Subject,
    relation: Relation,
    /// Microseconds, a share, or calls a second.
    bound: f64,
}

const TIMES: [&str; 7] = ["p50", "p90", "p99", "p999", "p9999", "max", "mean"];

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no objective such as p99<1ms, errors<0.1% or rps>=10000");
        let at = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let relations =
            [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];
        let found = relations.iter().find_map(|(sign, relation)| Some((rest.strip_prefix(sign)?.trim(), *relation)));
        let (value, relation) = found.ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let (subject, bound) = match name {
            "errors" => {
                let percent = value.strip_suffix('%').map(|percent| number(percent).map(|percent| percent / 100.0));
                (Subject::Errors, percent.unwrap_or_else(|| number(value)).filter(|share| *share <= 1.0))
            }
            "rps" => (Subject::Rps, number(value)),
            _ => {
                let known = TIMES.into_iter().find(|time| *time == name);
                let name = known.ok_or_else(|| {
                    format!("`{name}` is nothing that an objective looks at: {}, errors, rps", TIMES.join(", "))
                })?;
                (Subject::Time(name), Some(duration_ns(value)? as f64 / 1e3))
            }
        };
        Ok(Self { text: text.to_owned(), subject, relation, bound: bound.ok_or_else(wrong)? })
    }
}

impl Objective {
    /// Whether the figures meet it.
    pub fn is_met(&self, figures: &Figures) -> bool {
        let found = match self.subject {
            Subject::Time(name) => figures.response.time(name),
            Subject::Errors => {
                let failed = figures.intended - figures.ok;
                failed as f64 / figures.intended.max(1) as f64
            }
            Subject::Rps => figures.rps,
        };
        match self.relation {
            Relation::Below => found < self.bound,
            Relation::AtMost => found <= self.bound,
            Relation::Above => found > self.bound,
            Relation::AtLeast => found >= self.bound,
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(text: &str) -> bool {
        let mut figures = Figures { intended: 1_000, ok: 999, rps: 100.0, ..Figures::default() };
        figures.response.p99 = 1_000.0;
        text.parse::<Objective>().expect("it is an objective").is_met(&figures)
    }

    #[test]
    fn objectives_are_held_against_figures() {
        for text in ["p99<=1ms", "p99 < 1.001ms", "errors<=0.1%", "errors<0.0011", "rps>=100", "p99>0.9ms"] {
            assert!(is_met(text), "{text}");
        }
        for text in ["p99<1ms", "errors<0.1%", "rps>100", "rps<100", "p99<999us"] {
            assert!(!is_met(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_objective_is_refused() {
        for text in ["", "p99", "p99=1ms", "p98<1ms", "p99<1", "errors<200%", "errors<x", "rps>=-1", "<1ms"] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
