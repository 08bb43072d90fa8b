//! Why a node does not start with its settings.

use std::io;
use std::path::PathBuf;

use thalweg_metadata::start::Problem;
use thalweg_metadata::start::properties::MalformedEscape;

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
    /// The properties file is none.
    #[error("cannot read the settings in {}: {cause}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: MalformedEscape,
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
