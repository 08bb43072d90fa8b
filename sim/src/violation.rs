//! A promise that was broken.

use std::fmt;

/// What went wrong, in a sentence for a person who will replay the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the rule.
    pub rule: &'static str,
    /// What was seen.
    pub seen: String,
}

impl Violation {
    pub(crate) fn new(rule: &'static str, seen: String) -> Self {
        Self { rule, seen }
    }

    /// The same with the place where it was seen.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        let seen = format!("{place}: {}", self.seen);
        Self { seen, ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.seen)
    }
}
