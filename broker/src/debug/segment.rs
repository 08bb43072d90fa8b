//! `thalweg debug log`: batches and records of segment files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thalweg_cli::{Cell, Listing, show_time};
use thalweg_model::batch::{Attributes, BatchHeader, StoredBatch, StoredBatchError};

use super::failed;

const BATCHES: &[&str] = &[
    "SEGMENT", "POSITION", "BYTES", "FIRST", "LAST", "RECORDS", "EPOCH", "CODEC", "KIND",
    "MAX TIME", "PRODUCER", "SEQUENCE", "CRC",
];
const RECORDS: &[&str] = &["OFFSET", "TIME", "KEY", "VALUE", "HEADERS", "CRC"];

/// Bytes of a batch before its records.
const HEAD_BYTES: usize = 61;

/// Largest batch that is taken into memory; what claims to be larger is damage.
const BATCH_BYTES_MAX: usize = 1 << 30;

/// What stands at one place of a file.
#[derive(Debug)]
pub(super) enum Found {
    /// A batch whose checksum is right.
    Whole(StoredBatch),
    /// A batch whose checksum or fields are wrong, as far as its head can be believed.
    Damaged(BatchHeader, &'static str),
    /// No batch: the rest of the file is not read.
    End(String),
}

/// The batches of one file, with their positions.
pub(super) fn batches(path: &Path) -> Result<impl Iterator<Item = (u64, Found)>, String> {
    let file = File::open(path).map_err(failed(path))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut position = Some(0);
    Ok(std::iter::from_fn(move || {
        let at = position?;
        let found = next(&mut file).transpose()?;
        position = match &found {
            Ok(Found::Whole(batch)) => Some(at + u64::try_from(batch.bytes().len()).ok()?),
            Ok(Found::Damaged(header, _)) => Some(at + u64::try_from(header.batch_bytes).ok()?),
            Ok(Found::End(_)) | Err(_) => None,
        };
        Some((
            at,
            found.unwrap_or_else(|error| Found::End(error.to_string())),
        ))
    }))
}

/// The next batch; none at the end of the file.
fn next(file: &mut impl Read) -> std::io::Result<Option<Found>> {
    let mut bytes = Vec::new();
    file.take(u64::try_from(HEAD_BYTES).unwrap_or(0))
        .read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return Ok(Some(Found::End("zeros".to_owned())));
    }
    let header = BatchHeader::decode(&bytes).filter(|header| header.batch_bytes <= BATCH_BYTES_MAX);
    let Some(header) = header else {
        return Ok(Some(Found::End("this is no batch".to_owned())));
    };
    let rest = header.batch_bytes - HEAD_BYTES;
    file.take(u64::try_from(rest).unwrap_or(0))
        .read_to_end(&mut bytes)?;
    Ok(Some(
        match StoredBatch::split_first(&mut Bytes::from(bytes)) {
            Ok(batch) => Found::Whole(batch),
            Err(StoredBatchError::Damaged(what)) => Found::Damaged(header, what),
            Err(error @ StoredBatchError::Incomplete { .. }) => Found::End(error.to_string()),
        },
    ))
}

/// The segment files of a partition's folder, or the one file.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).map_err(failed(path))?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = files.collect::<Result<_, _>>().map_err(failed(path))?;
    files.retain(|file| file.extension().is_some_and(|end| end == "log"));
    files.sort();
    if files.is_empty() {
        return Err(format!("{} holds no segments", path.display()));
    }
    Ok(files)
}

pub(super) fn look(path: &Path, records: bool, from: i64) -> Result<Listing, String> {
    let mut listing = Listing {
        heads: if records { RECORDS } else { BATCHES },
        ..Listing::default()
    };
    for file in files(path)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        for (position, found) in batches(&file)? {
            match found {
                Found::End(why) => listing
                    .notices
                    .push(format!("{} ends at {position}: {why}", file.display())),
                Found::Whole(batch) if batch.header().last_offset().value() < from => {}
                Found::Whole(batch) if records => {
                    listing
                        .rows
                        .extend(record_rows(&batch, &mut listing.notices));
                }
                Found::Whole(batch) => {
                    let row = batch_row(&name, position, batch.header(), "ok");
                    listing.rows.push(row);
                }
                Found::Damaged(header, what) if records => {
                    let mut row = vec![Cell::number(header.base_offset)];
                    row.resize(RECORDS.len() - 1, Cell::None);
                    row.push(what.into());
                    listing.rows.push(row);
                }
                Found::Damaged(header, what) => {
                    listing.rows.push(batch_row(&name, position, &header, what));
                }
            }
        }
    }
    Ok(listing)
}

fn batch_row(segment: &str, position: u64, header: &BatchHeader, crc: &str) -> Vec<Cell> {
    let Attributes(bits) = header.attributes;
    let codec = header.attributes.compression();
    let codec = codec.map_or_else(
        || format!("codec {}", bits & 7),
        |codec| codec.name().to_owned(),
    );
    let kind = match (
        header.attributes.is_control(),
        header.attributes.is_transactional(),
    ) {
        (true, _) => "control",
        (false, true) => "transactional",
        (false, false) => "data",
    };
    let last = header
        .base_offset
        .saturating_add(header.last_offset_delta.into());
    let producer = header.producer();
    vec![
        segment.into(),
        Cell::number(position),
        Cell::count(header.batch_bytes),
        Cell::number(header.base_offset),
        Cell::number(last),
        Cell::number(header.record_count),
        Cell::number(header.leader_epoch),
        codec.into(),
        kind.into(),
        show_time(header.max_timestamp).into(),
        producer.map_or(Cell::None, |stamp| {
            format!("{}/{}", header.producer_id, stamp.epoch.0).into()
        }),
        producer.map(|stamp| stamp.base_sequence).into(),
        crc.into(),
    ]
}

fn record_rows(batch: &StoredBatch, notices: &mut Vec<String>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let base = batch.header().base_offset;
    let unpacked = match batch.unpack() {
        Ok(unpacked) => unpacked,
        Err(error) => {
            notices.push(format!("the batch at offset {base}: {error}"));
            return rows;
        }
    };
    for record in unpacked.records() {
        match record {
            Ok(record) => {
                let headers: Vec<String> = record
                    .headers
                    .map(|header| format!("{}={}", text(header.key), optional(header.value)))
                    .collect();
                rows.push(vec![
                    Cell::number(record.offset.value()),
                    show_time(record.timestamp).into(),
                    record.key.map_or(Cell::None, |key| text(key).into()),
                    record.value.map_or(Cell::None, |value| text(value).into()),
                    headers.join(" ").into(),
                    "ok".into(),
                ]);
            }
            Err(error) => notices.push(format!("the batch at offset {base}: {error}")),
        }
    }
    rows
}

/// Bytes as text; what is no text is escaped.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

fn optional(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}
