//! What is wrong with a setting: what, where, why, and what to do.

use std::fmt;

use super::settings::Origin;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    key: String,
    /// Where its value comes from.
    origin: Origin,
    /// Why it cannot be.
    why: String,
    /// What to do about it.
    remedy: String,
}

impl Problem {
    pub(super) fn new(
        key: &str,
        origin: &Origin,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            key: key.to_owned(),
            origin: origin.clone(),
            why: why.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            origin,
            why,
            remedy,
        } = self;
        write!(f, "{key} ({origin}): {why}; {remedy}")
    }
}
