//! What a person sees while the matrix runs: one line for each finished part.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;

use crate::clock;
use crate::outcome::{ClientOutcome, Outcome};

/// Lines on standard output, each with the seconds since the start.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self {
            started: clock::now(),
        }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody reads the output any more.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        let seconds = self.started.elapsed().as_secs();
        writeln!(io::stdout().lock(), "{seconds:4} s  {line}")?;
        Ok(())
    }

    /// Prints the outcome of one part.
    ///
    /// # Errors
    /// When nobody reads the output any more.
    pub(crate) fn report(&mut self, client: &str, part: &str, outcome: &Outcome) -> Result<()> {
        let text = match outcome {
            Outcome::Passed(detail) => format!("ok      {client} {part}: {detail}"),
            Outcome::Failed(why) => format!("FAILED  {client} {part}: {why}"),
            Outcome::Absent(why) => format!("-       {client} {part}: {why}"),
        };
        self.say(&text)
    }

    /// Prints what a client wrote.
    ///
    /// # Errors
    /// When nobody reads the output any more.
    pub(crate) fn report_written(&mut self, client: &ClientOutcome) -> Result<()> {
        let name = &client.manifest.name;
        self.report(name, "creates", &client.created)?;
        for written in &client.written {
            let part = format!("writes {}", written.title());
            self.report(name, &part, &written.outcome)?;
        }
        Ok(())
    }
}
