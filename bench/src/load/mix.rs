//! What is called: one operation, or several in proportion.

use std::fmt;

use super::random::Random;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `Get`.
    Get,
    /// `Set`.
    Set,
    /// `Delete`.
    Delete,
    /// `Exists`.
    Exists,
    /// `Scan` of the first keys.
    Scan,
    /// `PushRight` and `PopLeft`, half and half.
    List,
    /// `Publish`.
    Publish,
    /// `Append`.
    Append,
}

impl Operation {
    const ALL: [Self; 8] =
        [Self::Get, Self::Set, Self::Delete, Self::Exists, Self::Scan, Self::List, Self::Publish, Self::Append];

    /// The word on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::Scan => "scan",
            Self::List => "list",
            Self::Publish => "publish",
            Self::Append => "append",
        }
    }

    /// Whether it is of the interface that nearly every server has.
    pub(super) const fn is_basic(self) -> bool {
        matches!(self, Self::Get | Self::Set | Self::Delete | Self::Exists)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == text)
    }
}

/// Operations with their weights; each operation once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    parts: Vec<(Operation, u32)>,
    total: u64,
}

impl Mix {
    /// Nothing but one operation.
    pub fn one(operation: Operation) -> Self {
        Self { parts: vec![(operation, 1)], total: 1 }
    }

    /// Reads `get:90,set:10`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts: Vec<(Operation, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once(':').ok_or_else(|| format!("`{part}` is not like get:90"))?;
            let operation = Operation::parse(name).ok_or_else(|| {
                let known = Operation::ALL.map(Operation::name).join(", ");
                format!("`{name}` is no operation: {known}")
            })?;
            let weight = weight.parse().map_err(|_| format!("`{weight}` is no weight: a whole number such as 90"))?;
            if parts.iter().any(|(known, _)| *known == operation) {
                return Err(format!("`{name}` is there twice"));
            }
            parts.push((operation, weight));
        }
        parts.retain(|(_, weight)| *weight > 0);
        let total = parts.iter().map(|(_, weight)| u64::from(*weight)).sum();
        if total == 0 {
            return Err("no operation has a weight above 0".to_owned());
        }
        Ok(Self { parts, total })
    }

    /// The operations, in their order; results are kept by it.
    pub fn operations(&self) -> impl ExactSizeIterator<Item = Operation> {
        self.parts.iter().map(|(operation, _)| *operation)
    }

    /// The operation of this place.
    #[inline]
    pub(super) fn operation(&self, place: u8) -> Operation {
        self.parts[usize::from(place)].0
    }

    /// The place of the next call's operation.
    #[inline]
    pub(super) fn draw(&self, random: &mut Random) -> u8 {
        if self.parts.len() == 1 {
            return 0;
        }
        let mut left = random.below(self.total);
        for (place, (_, weight)) in self.parts.iter().enumerate() {
            match left.checked_sub(u64::from(*weight)) {
                None => return place as u8,
                Some(rest) => left = rest,
            }
        }
        0
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(operation, _)] = self.parts[..] {
            return formatter.write_str(operation.name());
        }
        for (place, (operation, weight)) in self.parts.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(formatter, "{comma}{}:{weight}", operation.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_in_proportion() {
        let mix = Mix::parse("get:90,set:9,exists:1,delete:0").expect("it is a mix");
        assert_eq!(mix.to_string(), "get:90,set:9,exists:1");
        let mut random = Random::new(1);
        let mut seen = [0; 3];
        (0..100_000).for_each(|_| seen[usize::from(mix.draw(&mut random))] += 1);
        assert!((89_500..90_500).contains(&seen[0]) && (800..1_200).contains(&seen[2]), "{seen:?}");
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        for text in ["", "get", "get:x", "get:-1", "gte:1", "get:1,get:2", "get:0"] {
            assert!(Mix::parse(text).is_err(), "{text}");
        }
    }
}
