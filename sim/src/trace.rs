//! What happened, line by line: the same seed gives the same lines.

use std::fmt::Write as _;

use thalweg_model::Tick;

/// Lines of a run. Nothing is formatted unless somebody wants them.
#[derive(Debug, Default)]
pub struct Trace {
    wanted: bool,
    text: String,
}

impl Trace {
    /// A trace that keeps its lines, or one that costs nothing.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            text: String::new(),
        }
    }

    /// Adds a line.
    pub(crate) fn note(&mut self, at: Tick, line: impl FnOnce() -> String) {
        if self.wanted {
            let (seconds, micros) = (at.0 / 1_000_000, at.0 % 1_000_000);
            writeln!(self.text, "{seconds:>4}.{micros:06} {}", line())
                .expect("a string takes all that is written");
        }
    }

    /// All lines.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
