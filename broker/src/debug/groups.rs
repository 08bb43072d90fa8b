//! `thalweg debug groups`: what `__consumer_offsets` folds to.

use std::path::{Path, PathBuf};

use thalweg_cli::{Cell, Listing, show_time};
use thalweg_coordinator::stored::{DurableState, Record};

use super::failed;
use super::segment::{Found, batches, files, text};
use crate::coordinators::groups::OFFSETS_TOPIC;

const OFFSETS: &[&str] = &[
    "GROUP",
    "TOPIC",
    "PARTITION",
    "OFFSET",
    "EPOCH",
    "COMMITTED",
    "METADATA",
];
const MEMBERS: &[&str] = &[
    "GROUP",
    "GENERATION",
    "PROTOCOL",
    "LEADER",
    "MEMBER",
    "INSTANCE",
    "CLIENT",
    "HOST",
    "ASSIGNMENT BYTES",
];

pub(super) fn look(data: &Path, members: bool) -> Result<Listing, String> {
    let mut listing = Listing {
        heads: if members { MEMBERS } else { OFFSETS },
        ..Listing::default()
    };
    for partition in partitions(data)? {
        let state = fold(&partition, &mut listing.notices)?;
        if members {
            member_rows(&state, &mut listing.rows);
        } else {
            offset_rows(&state, &mut listing.rows);
        }
    }
    Ok(listing)
}

/// The folders of the topic's partitions, by number.
fn partitions(data: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data).map_err(failed(data))? {
        let path = entry.map_err(failed(data))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .strip_prefix(OFFSETS_TOPIC)
            .and_then(|rest| rest.strip_prefix('-'));
        if let Some(Ok(number)) = number.map(str::parse::<i32>) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn fold(partition: &Path, notices: &mut Vec<String>) -> Result<DurableState, String> {
    let mut state = DurableState::default();
    // A folder without segments belongs to a partition that was never written.
    for file in files(partition).unwrap_or_default() {
        for (position, found) in batches(&file)? {
            let mut complain =
                |why: &str| notices.push(format!("{} at {position}: {why}", file.display()));
            let batch = match found {
                Found::Whole(batch) => batch,
                Found::Damaged(_, what) => {
                    complain(what);
                    continue;
                }
                Found::End(why) => {
                    complain(&why);
                    break;
                }
            };
            Record::each_in_batch(&batch, |record| match record {
                Ok(record) => state.replay(record),
                Err(error) => complain(&error.to_string()),
            });
        }
    }
    Ok(state)
}

fn offset_rows(state: &DurableState, rows: &mut Vec<Vec<Cell>>) {
    for (group, offsets) in state.offset_groups() {
        rows.extend(offsets.iter().map(|((topic, partition), committed)| {
            vec![
                group.as_str().into(),
                topic.as_str().into(),
                Cell::number(partition.0),
                Cell::number(committed.offset),
                committed.leader_epoch.map(|epoch| epoch.value()).into(),
                show_time(committed.committed_at).into(),
                text(committed.metadata.as_bytes()).into(),
            ]
        }));
    }
}

fn member_rows(state: &DurableState, rows: &mut Vec<Vec<Cell>>) {
    for (id, group) in state.stored_groups() {
        let start = vec![
            Cell::from(id.as_str()),
            Cell::number(group.generation.0),
            group
                .protocol_name
                .as_deref()
                .map_or(Cell::None, Cell::from),
            group
                .leader
                .as_ref()
                .map_or(Cell::None, |leader| leader.as_str().into()),
        ];
        if group.members.is_empty() {
            let mut row = start.clone();
            row.resize(MEMBERS.len(), Cell::None);
            rows.push(row);
        }
        rows.extend(group.members.iter().map(|member| {
            let mut row = start.clone();
            row.extend([
                member.member.as_str().into(),
                member
                    .instance
                    .as_ref()
                    .map_or(Cell::None, |name| name.as_str().into()),
                Cell::from(&*member.client_id),
                Cell::from(&*member.client_host),
                Cell::count(member.assignment.len()),
            ]);
            row
        }));
    }
}
