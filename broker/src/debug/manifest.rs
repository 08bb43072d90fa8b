//! `thalweg debug manifest`: every partition at the last checkpoint.

use std::path::Path;

use thalweg_cli::{Cell, Listing};
use thalweg_log::disk::RealDisk;
use thalweg_log::manifest::inspect;

const HEADS: &[&str] = &[
    "GROUP",
    "TOPIC",
    "PARTITION",
    "TOPIC ID",
    "DIRECTORY",
    "TERM",
    "COMMIT",
    "LOG START",
    "LOG END",
    "SEGMENTS",
    "BYTES",
];

pub(super) fn look(data: &Path) -> Result<Listing, String> {
    let (state, commit) = inspect(&RealDisk, data).map_err(|error| error.to_string())?;
    let rows = state.groups.iter().map(|(id, group)| {
        let bytes: u64 = group.log.segments.iter().map(|segment| segment.bytes).sum();
        vec![
            Cell::number(id.0),
            group.topic_name.as_str().into(),
            Cell::number(group.partition.0),
            group.topic.to_string().into(),
            group.directory.as_str().into(),
            Cell::number(group.hard_state.term.0),
            Cell::number(group.hard_state.commit.0),
            Cell::number(group.log.log_start.value()),
            Cell::number(group.log.next_offset.value()),
            Cell::count(group.log.segments.len()),
            Cell::number(bytes),
        ]
    });
    let end = if state.clean_shutdown {
        "clean"
    } else {
        "in use, or not clean"
    };
    Ok(Listing {
        heads: HEADS,
        rows: rows.collect(),
        notices: vec![format!(
            "commit {commit}, journal up to block {}, end: {end}",
            state.checkpoint
        )],
    })
}
