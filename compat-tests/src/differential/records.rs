//! Record batches: built from JSON for Produce, and taken apart to be compared byte by byte after Fetch.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::decode::hex;
use crate::encode::bytes_of;

/// Bytes from a batch's start to its first record.
const HEADER_BYTES: usize = 61;

/// Where the checksummed part begins.
const CRC_COVERS_FROM: usize = 21;

/// Bytes before the part that a batch's length counts.
const LENGTH_COUNTS_FROM: usize = 12;

/// The bytes of a request's records: null, bytes as text, or `{"Batches": […]}`.
pub(crate) fn build(value: &Value) -> Result<Option<Vec<u8>>> {
    if let Some(text) = value.as_str() {
        return Ok(Some(bytes_of(text)?));
    }
    let Some(batches) = value.get("Batches").and_then(Value::as_array) else {
        return Ok(None);
    };
    let mut out = Vec::new();
    for batch in batches {
        out.extend(build_batch(batch)?);
    }
    Ok(Some(out))
}

fn integer(value: &Value, name: &str, default: i64) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or(default)
}

/// A batch; whatever is given replaces what would be right, so that wrong batches can be made.
fn build_batch(batch: &Value) -> Result<Vec<u8>> {
    let records = batch.get("Records").and_then(Value::as_array);
    let records = records.map(Vec::as_slice).unwrap_or_default();
    let count = i64::try_from(records.len())?;
    let deltas = |record: &Value| integer(record, "TimestampDelta", 0);
    let base_timestamp = integer(batch, "Timestamp", 0);
    let max_timestamp = base_timestamp + records.iter().map(deltas).max().unwrap_or(0);
    let mut checked = Vec::new();
    let i16_of = |name, default| i16::try_from(integer(batch, name, default));
    let i32_of = |name, default| i32::try_from(integer(batch, name, default));
    checked.extend(i16_of("Attributes", 0)?.to_be_bytes());
    checked.extend(i32_of("LastOffsetDelta", count - 1)?.to_be_bytes());
    checked.extend(base_timestamp.to_be_bytes());
    checked.extend(integer(batch, "MaxTimestamp", max_timestamp).to_be_bytes());
    checked.extend(integer(batch, "ProducerId", -1).to_be_bytes());
    checked.extend(i16_of("ProducerEpoch", -1)?.to_be_bytes());
    checked.extend(i32_of("BaseSequence", -1)?.to_be_bytes());
    checked.extend(i32_of("Count", count)?.to_be_bytes());
    match batch.get("Payload").and_then(Value::as_str) {
        Some(payload) => checked.extend(bytes_of(payload)?),
        None => {
            for (index, record) in records.iter().enumerate() {
                checked.extend(build_record(index, record)?);
            }
        }
    }
    let length = i64::try_from(checked.len() + CRC_COVERS_FROM - LENGTH_COUNTS_FROM)?;
    let crc = match batch.get("Crc").and_then(Value::as_u64) {
        Some(crc) => u32::try_from(crc)?,
        None => crc32c(&checked),
    };
    let mut out = Vec::new();
    out.extend(integer(batch, "BaseOffset", 0).to_be_bytes());
    out.extend(i32_of("Length", length)?.to_be_bytes());
    out.extend(i32_of("LeaderEpoch", -1)?.to_be_bytes());
    out.extend(i8::try_from(integer(batch, "Magic", 2))?.to_be_bytes());
    out.extend(crc.to_be_bytes());
    out.extend(checked);
    Ok(out)
}

fn build_record(index: usize, record: &Value) -> Result<Vec<u8>> {
    let offset_delta = integer(record, "OffsetDelta", i64::try_from(index)?);
    let mut body = vec![0];
    signed_varint(integer(record, "TimestampDelta", 0), &mut body);
    signed_varint(offset_delta, &mut body);
    nullable(record.get("Key"), &mut body)?;
    nullable(record.get("Value"), &mut body)?;
    let headers = record.get("Headers").and_then(Value::as_array);
    let headers = headers.map(Vec::as_slice).unwrap_or_default();
    signed_varint(i64::try_from(headers.len())?, &mut body);
    for header in headers {
        nullable(header.get(0), &mut body)?;
        nullable(header.get(1), &mut body)?;
    }
    let mut out = Vec::new();
    signed_varint(i64::try_from(body.len())?, &mut out);
    out.extend(body);
    Ok(out)
}

fn nullable(value: Option<&Value>, out: &mut Vec<u8>) -> Result<()> {
    match value.and_then(Value::as_str) {
        None => signed_varint(-1, out),
        Some(text) => {
            let bytes = bytes_of(text)?;
            signed_varint(i64::try_from(bytes.len())?, out);
            out.extend(bytes);
        }
    }
    Ok(())
}

fn signed_varint(value: i64, out: &mut Vec<u8>) {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    crate::encode::varint(zigzag, out);
}

/// CRC-32C, bit by bit: the corpus is small and this is easily seen to be right.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            (crc >> 1) ^ carry
        })
    })
}

/// Batches as objects whose fields hold every byte; what is no whole batch stays bytes.
pub(crate) fn show(bytes: &[u8]) -> Value {
    let mut shown = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok((batch, after)) = show_batch(rest) else {
            shown.push(Value::String(hex(rest)));
            break;
        };
        shown.push(batch);
        rest = after;
    }
    Value::Array(shown)
}

fn show_batch(bytes: &[u8]) -> Result<(Value, &[u8])> {
    let at = |from: usize, to: usize| bytes.get(from..to).context("cut off");
    let i16_at = |from| anyhow::Ok(i16::from_be_bytes(at(from, from + 2)?.try_into()?));
    let i32_at = |from| anyhow::Ok(i32::from_be_bytes(at(from, from + 4)?.try_into()?));
    let i64_at = |from| anyhow::Ok(i64::from_be_bytes(at(from, from + 8)?.try_into()?));
    let size = usize::try_from(i32_at(8)?)? + LENGTH_COUNTS_FROM;
    let batch = json!({
        "BaseOffset": i64_at(0)?,
        "Length": i32_at(8)?,
        "LeaderEpoch": i32_at(12)?,
        "Magic": at(16, 17)?.first(),
        "Crc": i32_at(17)?,
        "Attributes": i16_at(21)?,
        "LastOffsetDelta": i32_at(23)?,
        "BaseTimestamp": i64_at(27)?,
        "MaxTimestamp": i64_at(35)?,
        "ProducerId": i64_at(43)?,
        "ProducerEpoch": i16_at(51)?,
        "BaseSequence": i32_at(53)?,
        "Count": i32_at(57)?,
        "Payload": hex(at(HEADER_BYTES, size)?),
    });
    let fields = batch.as_object().map_or(0, Map::len);
    debug_assert_eq!(fields, 14, "every byte of the header has its field");
    Ok((batch, &bytes[size..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_standard_text() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_built_is_shown_again() {
        let value = json!({"Batches": [
            {"ProducerId": 7, "Records": [{"Key": "k", "Value": null, "Headers": [["h", "v"]]}]},
            {"BaseOffset": 4, "Records": [{"Value": "x", "TimestampDelta": 9}]},
        ]});
        let bytes = build(&value).unwrap().unwrap();
        let shown = show(&bytes);
        assert_eq!(shown[0]["ProducerId"], 7);
        assert_eq!(shown[1]["BaseOffset"], 4);
        assert_eq!(shown[1]["MaxTimestamp"], 9);
        let cut = show(&bytes[..bytes.len() - 1]);
        assert!(cut[1].is_string(), "a batch that is cut off stays bytes");
    }
}
