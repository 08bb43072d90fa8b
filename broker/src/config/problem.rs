//! What is wrong with the settings: what, where, why, and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::settings::Origin;

/// Why a node does not start with its settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The properties file cannot be read.
    #[error("cannot read the settings in {}: {cause}; check the path given with -f", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Some settings are wrong.
    #[error("{} wrong:{}", if .0.len() == 1 { "one setting is" } else { "several settings are" }, list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
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
