//! Reads the stored batches without any library: a client decompresses silently, so only the batch's own
//! header shows that the codec and the idempotent producer were really used.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::workload::Workload;

/// Fetch in its lowest version of today: no tagged fields, no session, topics by name.
const FETCH_KEY: i16 = 1;
const FETCH_VERSION: i16 = 4;

/// A batch is at most about 1 MiB by default, so that each answer carries a whole one.
const FETCH_BYTES: i32 = 4 << 20;

/// No answer is longer: what one partition may bring, and its frame around it.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Bytes from a batch's start to its first record.
const BATCH_HEADER_BYTES: usize = 61;

/// What a batch's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Batch {
    base_offset: i64,
    last_offset: i64,
    codec: &'static str,
    producer_id: i64,
}

/// Checks that the topic's batches follow each other, use `codec` and carry a producer id if `idempotent`.
///
/// # Errors
/// The first batch that does not.
pub(crate) fn check(
    bootstrap: &str,
    workload: &Workload,
    codec: &str,
    idempotent: bool,
) -> Result<()> {
    let mut connection = TcpStream::connect(bootstrap).context(bootstrap.to_owned())?;
    connection.set_read_timeout(Some(Duration::from_secs(20)))?;
    for partition in 0..workload.partitions {
        let end = i64::try_from(workload.partition_count(partition))?;
        let mut batches = Vec::new();
        let mut next = 0;
        while next < end {
            let records = fetch(&mut connection, &workload.topic, partition, next)?;
            let fetched = headers(&records)?;
            let last = fetched
                .last()
                .with_context(|| format!("no batch at offset {next} of partition {partition}"))?;
            next = last.last_offset + 1;
            batches.extend(fetched);
        }
        check_batches(&batches, end, codec, idempotent)
            .with_context(|| format!("{}[{partition}]", workload.topic))?;
    }
    Ok(())
}

fn check_batches(batches: &[Batch], end: i64, codec: &str, idempotent: bool) -> Result<()> {
    let mut next = 0;
    for batch in batches {
        ensure!(
            batch.base_offset == next && batch.last_offset >= batch.base_offset,
            "offset {next} was due, not {batch:?}"
        );
        next = batch.last_offset + 1;
        // Libraries leave a batch uncompressed when compression would make it longer.
        ensure!(
            batch.codec == codec || batch.codec == "none",
            "{codec} was asked for: {batch:?}"
        );
        ensure!(
            (batch.producer_id >= 0) == idempotent,
            "idempotence was {idempotent}: {batch:?}"
        );
    }
    ensure!(next == end, "the batches end at {next}, not at {end}");
    ensure!(
        batches.iter().any(|batch| batch.codec == codec),
        "not one batch of {} is compressed with {codec}",
        batches.len()
    );
    Ok(())
}

fn fetch(
    connection: &mut TcpStream,
    topic: &str,
    partition: usize,
    offset: i64,
) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    request.extend(FETCH_KEY.to_be_bytes());
    request.extend(FETCH_VERSION.to_be_bytes());
    request.extend(7_i32.to_be_bytes()); // Correlation id: one request at a time, any will do.
    request.extend((-1_i16).to_be_bytes()); // No client id.
    request.extend((-1_i32).to_be_bytes()); // A consumer, not a replica.
    request.extend(1000_i32.to_be_bytes()); // Longest wait, ms.
    request.extend(1_i32.to_be_bytes()); // Fewest bytes.
    request.extend(FETCH_BYTES.to_be_bytes());
    request.push(0); // Read uncommitted.
    request.extend(1_i32.to_be_bytes()); // One topic.
    request.extend(i16::try_from(topic.len())?.to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes()); // One partition.
    request.extend(i32::try_from(partition)?.to_be_bytes());
    request.extend(offset.to_be_bytes());
    request.extend(FETCH_BYTES.to_be_bytes());
    connection.write_all(&i32::try_from(request.len())?.to_be_bytes())?;
    connection.write_all(&request)?;

    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).context("length of the answer")?;
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer)?;
    records_of(&mut Cursor(&answer))
}

/// The records field of a Fetch v4 answer with one topic and one partition.
fn records_of(answer: &mut Cursor<'_>) -> Result<Vec<u8>> {
    answer.i32()?; // Correlation id.
    answer.i32()?; // Throttle time.
    ensure!(answer.i32()? == 1, "one topic was asked for");
    let name = usize::try_from(answer.i16()?)?;
    answer.take(name)?;
    ensure!(answer.i32()? == 1, "one partition was asked for");
    answer.i32()?; // Partition.
    let error = answer.i16()?;
    ensure!(error == 0, "error code {error}");
    answer.i64()?; // High watermark.
    answer.i64()?; // Last stable offset.
    for _ in 0..answer.i32()?.max(0) {
        answer.take(16)?; // An aborted transaction: producer id and first offset.
    }
    let length = usize::try_from(answer.i32()?).unwrap_or(0);
    Ok(answer.take(length)?.to_vec())
}

/// Headers of the whole batches in `records`; the last one may be cut off.
fn headers(records: &[u8]) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let mut rest = records;
    while rest.len() >= BATCH_HEADER_BYTES {
        let mut cursor = Cursor(rest);
        let base_offset = cursor.i64()?;
        let length = 12 + usize::try_from(cursor.i32()?)?;
        if length > rest.len() {
            break;
        }
        cursor.i32()?; // Leader epoch.
        let magic = cursor.take(1)?[0];
        ensure!(magic == 2, "magic {magic}");
        cursor.i32()?; // Checksum.
        let codec = match cursor.i16()? & 7 {
            0 => "none",
            1 => "gzip",
            2 => "snappy",
            3 => "lz4",
            4 => "zstd",
            other => bail!("codec {other}"),
        };
        let last_offset = base_offset + i64::from(cursor.i32()?);
        cursor.take(16)?; // Base and maximum timestamp.
        let producer_id = cursor.i64()?;
        batches.push(Batch {
            base_offset,
            last_offset,
            codec,
            producer_id,
        });
        rest = &rest[length..];
    }
    Ok(batches)
}

/// Big-endian fields, in order.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .context("the answer is too short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base_offset: i64, last_offset: i64, codec: &'static str, producer_id: i64) -> Batch {
        Batch {
            base_offset,
            last_offset,
            codec,
            producer_id,
        }
    }

    #[test]
    fn good_batches_pass() {
        let batches = [batch(0, 4, "lz4", 9), batch(5, 5, "none", 9)];
        check_batches(&batches, 6, "lz4", true).unwrap();
    }

    #[test]
    fn bad_batches_are_found() {
        let bad: [&[Batch]; 6] = [
            &[batch(0, 4, "lz4", 9)],
            &[batch(0, 4, "lz4", 9), batch(6, 6, "lz4", 9)],
            &[batch(0, 4, "lz4", 9), batch(4, 5, "lz4", 9)],
            &[batch(0, 5, "none", 9)],
            &[batch(0, 4, "lz4", 9), batch(5, 5, "gzip", 9)],
            &[batch(0, 5, "lz4", -1)],
        ];
        for batches in bad {
            check_batches(batches, 6, "lz4", true).expect_err("a bad batch must be found");
        }
        check_batches(&[batch(0, 5, "lz4", 9)], 6, "lz4", false).expect_err("not idempotent");
    }

    #[test]
    fn a_batch_that_is_cut_off_is_left_for_the_next_fetch() {
        let mut bytes = vec![0; BATCH_HEADER_BYTES];
        bytes[7] = 5; // Base offset.
        bytes[11] = 49; // Length after this field.
        bytes[16] = 2; // Magic.
        bytes[22] = 3; // Attributes: lz4.
        bytes[26] = 1; // Last offset delta.
        let whole = headers(&bytes).unwrap();
        assert_eq!(whole, [batch(5, 6, "lz4", 0)]);
        let two = [bytes.clone(), bytes[..60].to_vec()].concat();
        assert_eq!(headers(&two).unwrap(), whole);
    }
}
