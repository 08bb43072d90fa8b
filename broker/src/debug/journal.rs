//! `thalweg debug journal`: blocks and entries.

use std::path::Path;

use thalweg_cli::{Cell, Listing};
use thalweg_log::disk::RealDisk;
use thalweg_log::journal::{EntryKind, FoundBlock, ReplayedEntry, inspect};

const BLOCKS: &[&str] = &[
    "BLOCK",
    "FILE",
    "POSITION",
    "BYTES",
    "ENTRIES",
    "OPENING",
    "DURABLE TO",
    "CHECKSUM",
    "FOLLOWS",
    "PAYLOAD",
];
const ENTRIES: &[&str] = &[
    "BLOCK", "GROUP", "KIND", "INDEX", "TERM", "OFFSET", "BYTES", "CRC", "WHERE",
];

pub(super) fn look(data: &Path, entries: bool) -> Result<Listing, String> {
    let dir = data.join("journal");
    let blocks = inspect(&RealDisk, &dir).map_err(|error| error.to_string())?;
    let rows = if entries {
        blocks
            .iter()
            .flat_map(|block| &block.entries)
            .map(entry_row)
            .collect()
    } else {
        blocks.iter().map(block_row).collect()
    };
    Ok(Listing {
        heads: if entries { ENTRIES } else { BLOCKS },
        rows,
        notices: Vec::new(),
    })
}

fn block_row(block: &FoundBlock) -> Vec<Cell> {
    vec![
        Cell::number(block.sequence.0),
        block.file.as_str().into(),
        Cell::number(block.position),
        Cell::number(block.bytes),
        Cell::count(block.entries.len()),
        Cell::number(block.incarnation),
        Cell::number(block.complete.0),
        format!("{:016x}", block.checksum).into(),
        if block.follows { "yes" } else { "no" }.into(),
        if block.is_whole { "ok" } else { "damaged" }.into(),
    ]
}

fn entry_row(entry: &ReplayedEntry) -> Vec<Cell> {
    let (kind, offset) = match entry.kind {
        EntryKind::Append { base_offset } => {
            ("append", base_offset.map(|offset| offset.value().into()))
        }
        EntryKind::Truncate => ("truncate", None),
        EntryKind::Begin => ("begin", None),
        EntryKind::HardState { .. } => ("hard state", None),
        EntryKind::Membership => ("membership", None),
        EntryKind::Checkpoint { up_to } => ("checkpoint", Some(i128::from(up_to.0))),
    };
    vec![
        Cell::number(entry.sequence.0),
        Cell::number(entry.group.0),
        kind.into(),
        Cell::number(entry.index.0),
        Cell::number(entry.term.0),
        offset.into(),
        Cell::number(entry.payload_bytes),
        format!("{:08x}", entry.payload_crc).into(),
        if entry.location.is_some() {
            "journal"
        } else {
            "segment"
        }
        .into(),
    ]
}
