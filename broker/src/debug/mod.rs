//! `thalweg debug`: reads what a data directory holds. Files are opened for reading only and no lock is
//! taken, so that a node may be running on them.

mod groups;
mod journal;
mod manifest;
mod segment;

use std::path::Path;

use thalweg_cli::{Inspect, Listing};

/// Reads what was asked for.
pub(crate) fn look(inspect: &Inspect) -> Result<Listing, String> {
    match inspect {
        Inspect::Log {
            path,
            records,
            from,
        } => segment::look(path, *records, *from),
        Inspect::Journal { data, entries } => journal::look(data, *entries),
        Inspect::Groups { data, members } => groups::look(data, *members),
        Inspect::Manifest { data } => manifest::look(data),
    }
}

/// Says which file the system refused.
fn failed(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
