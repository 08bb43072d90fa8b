//! `thalweg debug`: what a data directory holds, as a person reads it. The binary does the reading; here is
//! what can be asked and how the answer is shown.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::failure::Failure;
use crate::output::{FormatArgs, Output};

/// Rows that are shown if nobody says how many.
const ROWS_MAX: usize = 10_000;

/// What to look at. Nothing is changed, and a node may be running on the directory.
#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
pub enum Inspect {
    /// Show the batches of a segment file, or of all segments of a partition's folder.
    Log {
        /// A `.log` file, or the folder of a partition.
        path: PathBuf,
        /// Show each record.
        #[arg(long)]
        records: bool,
        /// Leave out what ends before this offset.
        #[arg(long, value_name = "OFFSET", default_value_t = 0)]
        from: i64,
    },
    /// Show the blocks of the journal.
    Journal {
        /// The data directory.
        data: PathBuf,
        /// Show each entry.
        #[arg(long)]
        entries: bool,
    },
    /// Show the groups of consumers and their positions, from `__consumer_offsets`.
    Groups {
        /// The data directory.
        data: PathBuf,
        /// Show the members instead of the positions.
        #[arg(long)]
        members: bool,
    },
    /// Show what the manifest says of each partition.
    Manifest {
        /// The data directory.
        data: PathBuf,
    },
}

/// The arguments of `thalweg debug`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DebugArgs {
    #[command(flatten)]
    format: FormatArgs,
    /// Show at most so many rows.
    #[arg(long, value_name = "ROWS", global = true, default_value_t = ROWS_MAX)]
    max: usize,
    #[command(subcommand)]
    inspect: Inspect,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    None,
    /// A number.
    Number(i128),
    /// A text.
    Text(String),
}

/// The answer: named columns, rows, and what else should be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of the columns.
    pub heads: &'static [&'static str],
    /// The rows; each has a value for every column.
    pub rows: Vec<Vec<Cell>>,
    /// What else should be said, one line each.
    pub notices: Vec<String>,
}

/// Shows what was asked for.
pub(crate) fn run(
    args: &DebugArgs,
    look: impl FnOnce(&Inspect) -> Result<Listing, String>,
) -> ExitCode {
    let mut out = Output::stdio();
    out.choose(args.format);
    let mut listing = match look(&args.inspect) {
        Ok(listing) => listing,
        Err(why) => {
            out.notice(Failure::new("this cannot be shown").why(why));
            return ExitCode::FAILURE;
        }
    };
    let all = listing.rows.len();
    if all > args.max {
        listing.rows.truncate(args.max);
        let text = format!(
            "{} of {all} rows are shown: --max ROWS shows more",
            args.max
        );
        listing.notices.push(text);
    }
    let written = out.listing(&listing).and_then(|()| out.flush());
    for notice in &listing.notices {
        out.notice(notice);
    }
    match written.map_err(Failure::from) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_output_closed() => ExitCode::SUCCESS,
        Err(failure) => {
            out.notice(failure.to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}

impl Listing {
    /// A row as text.
    pub(crate) fn texts(row: &[Cell]) -> Vec<String> {
        let texts = row.iter().map(|cell| match cell {
            Cell::None => "-".to_owned(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
        });
        texts.collect()
    }

    /// The rows with the names of their columns.
    pub(crate) fn named(&self) -> Vec<impl Serialize> {
        let rows = self.rows.iter();
        rows.map(|row| Named(self.heads, row)).collect()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<N: Into<i128>> From<Option<N>> for Cell {
    fn from(number: Option<N>) -> Self {
        number.map_or(Self::None, |number| Self::Number(number.into()))
    }
}

impl Cell {
    /// A number.
    pub fn number(number: impl Into<i128>) -> Self {
        Self::Number(number.into())
    }

    /// How many there are.
    #[must_use]
    pub fn count(many: usize) -> Self {
        Self::Number(i128::try_from(many).unwrap_or(i128::MAX))
    }
}

/// A row with its columns' names.
struct Named<'a>(&'static [&'static str], &'a [Cell]);

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => s.serialize_none(),
            Self::Number(number) => s.serialize_i128(*number),
            Self::Text(text) => s.serialize_str(text),
        }
    }
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (head, cell) in self.0.iter().zip(self.1) {
            map.serialize_entry(&head.to_lowercase().replace(' ', "_"), cell)?;
        }
        map.end()
    }
}
