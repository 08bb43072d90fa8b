//! Progress of long work, on standard error and only for people.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::Output;

/// A line that counts records while work goes on; silent where nobody watches.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins a line; `quiet` keeps it away, for output that shares the terminal.
    pub(crate) fn start(output: &Output, doing: &'static str, quiet: bool) -> Self {
        if quiet || !output.notices_on_terminal {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {msg} {human_pos} records, {rate}")
            .expect("the template is valid")
            .with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
                // A line that cannot be drawn is not worth a failure.
                write!(out, "{:.0}/s", state.per_sec()).unwrap_or_default();
            });
        let bar = ProgressBar::no_length()
            .with_style(style)
            .with_message(doing);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Counts records.
    pub(crate) fn add(&self, records: usize) {
        self.0.inc(u64::try_from(records).unwrap_or(u64::MAX));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
