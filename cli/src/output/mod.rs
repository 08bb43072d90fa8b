//! The one way out: results to standard output, everything else to standard error.

mod progress;
mod rows;

use std::io::{self, BufWriter, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::inspect::Listing;

pub(crate) use progress::Progress;
pub(crate) use rows::{Row, list};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns under headings.
    Table,
    /// One JSON document; field names stay as they are.
    Json,
    /// One line for each row, columns separated by tabs, no headings.
    Plain,
}

/// The option of commands whose result is rows.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// Form of the result [default: table on a terminal, else plain].
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        global = true,
        display_order = 100
    )]
    output: Option<Format>,
}

/// Where commands write.
pub(crate) struct Output {
    results: Box<dyn Write>,
    notices: Box<dyn Write>,
    is_terminal: bool,
    notices_on_terminal: bool,
    format: Format,
}

impl Output {
    /// The process's own standard output and error.
    pub(crate) fn stdio() -> Self {
        let (results, notices) = (io::stdout(), io::stderr());
        let is_terminal = results.is_terminal();
        let notices_on_terminal = notices.is_terminal();
        Self {
            results: Box::new(BufWriter::with_capacity(64 << 10, results)),
            notices: Box::new(notices),
            is_terminal,
            notices_on_terminal,
            format: default_format(is_terminal),
        }
    }

    /// Takes the format that was asked for.
    pub(crate) fn choose(&mut self, args: FormatArgs) {
        self.format = args
            .output
            .unwrap_or_else(|| default_format(self.is_terminal));
    }

    /// The format of rows.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether a person reads the results.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether a person reads standard error.
    pub(crate) fn notices_on_terminal(&self) -> bool {
        self.notices_on_terminal
    }

    /// Writes rows in the chosen format.
    pub(crate) fn rows<R: Row>(&mut self, rows: &[R]) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(&rows),
            Format::Table => self.results.write_all(rows::table(rows).as_bytes()),
            Format::Plain => self.results.write_all(rows::plain(rows).as_bytes()),
        }
    }

    /// Writes rows whose columns are known only now.
    pub(crate) fn listing(&mut self, listing: &Listing) -> io::Result<()> {
        let cells = listing.rows.iter().map(|row| Listing::texts(row));
        match self.format {
            Format::Json => self.json(&listing.named()),
            Format::Table => {
                let text = rows::aligned(listing.heads, cells);
                self.results.write_all(text.as_bytes())
            }
            Format::Plain => self.results.write_all(rows::separated(cells).as_bytes()),
        }
    }

    /// Writes names and values: aligned for people, else separated by tabs.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in facts {
            if self.format == Format::Table {
                writeln!(self.results, "{name:width$}  {value}")?;
            } else {
                writeln!(self.results, "{name}\t{value}")?;
            }
        }
        Ok(())
    }

    /// Sets the next part off from the one before: an empty line.
    pub(crate) fn gap(&mut self) -> io::Result<()> {
        self.results.write_all(b"\n")
    }

    /// Writes one JSON document, indented.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.results, value)?;
        self.results.write_all(b"\n")
    }

    /// Writes one JSON document as a line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.results, value)?;
        self.results.write_all(b"\n")
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.results.write_all(bytes)
    }

    /// Says something that is no result; a closed standard error is nobody's loss.
    pub(crate) fn notice(&mut self, text: impl std::fmt::Display) {
        drop(writeln!(self.notices, "{text}"));
    }

    /// Makes what was written visible.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.results.flush()
    }
}

fn default_format(is_terminal: bool) -> Format {
    if is_terminal {
        Format::Table
    } else {
        Format::Plain
    }
}
