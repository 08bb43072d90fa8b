//! A record as the contract's lines carry it: fields in hexadecimal, `-` for null, tabs between them.

use std::fmt;

use anyhow::{Context, Result, ensure};

/// Bytes of a key, a value or a header value; `None` is Kafka's null.
pub(crate) type Field = Option<Vec<u8>>;

/// One record without its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Milliseconds since the epoch; `None` where the client cannot choose it.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Field,
    pub(crate) value: Field,
    /// Names and values in order, repeated names included.
    pub(crate) headers: Vec<(String, Field)>,
}

/// A record as a consumer reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consumed {
    pub(crate) topic: String,
    pub(crate) partition: usize,
    pub(crate) offset: usize,
    pub(crate) record: Record,
}

impl Record {
    /// The line that a producing client reads.
    pub(crate) fn to_input(&self, partition: usize) -> String {
        let timestamp = self.timestamp.unwrap_or_default();
        let (key, value) = (hex(self.key.as_deref()), hex(self.value.as_deref()));
        format!(
            "{partition}\t{timestamp}\t{key}\t{value}\t{}",
            self.header_field()
        )
    }

    fn header_field(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| {
            format!("{}:{}", hex(Some(name.as_bytes())), hex(value.as_deref()))
        });
        headers.collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Record {
    /// What a person reads in a failure: long fields are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = self
            .timestamp
            .map_or_else(|| "any".to_owned(), |ms| ms.to_string());
        let key = cut(&hex(self.key.as_deref()));
        let value = cut(&hex(self.value.as_deref()));
        let headers = cut(&self.header_field());
        write!(
            f,
            "timestamp={timestamp} key=[{key}] value=[{value}] headers=[{headers}]"
        )
    }
}

impl Consumed {
    /// Reads the line of a consuming client.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [topic, partition, offset, timestamp, key, value, headers] = fields[..] else {
            anyhow::bail!("a consumed record has seven fields: {}", cut(line));
        };
        let mut record = Record {
            timestamp: Some(
                timestamp
                    .parse()
                    .with_context(|| format!("timestamp {timestamp}"))?,
            ),
            key: unhex(key)?,
            value: unhex(value)?,
            headers: Vec::new(),
        };
        for header in headers.split(',').filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(':').context("a header is name:value")?;
            let name =
                String::from_utf8(unhex(name)?.unwrap_or_default()).context("header name")?;
            record.headers.push((name, unhex(value)?));
        }
        Ok(Self {
            topic: topic.to_owned(),
            partition: partition
                .parse()
                .with_context(|| format!("partition {partition}"))?,
            offset: offset.parse().with_context(|| format!("offset {offset}"))?,
            record,
        })
    }
}

fn hex(bytes: Option<&[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(bytes) = bytes else {
        return "-".to_owned();
    };
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn unhex(field: &str) -> Result<Field> {
    if field == "-" {
        return Ok(None);
    }
    ensure!(
        field.len().is_multiple_of(2),
        "odd number of digits: {}",
        cut(field)
    );
    let pairs = field.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| {
        let digits = std::str::from_utf8(pair)?;
        u8::from_str_radix(digits, 16).with_context(|| format!("not hexadecimal: {digits}"))
    });
    bytes.collect::<Result<Vec<u8>>>().map(Some)
}

/// Keeps a message readable when a field is long.
pub(crate) fn cut(text: &str) -> String {
    const LENGTH_MAX: usize = 120;
    match text.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumed_line_keeps_nulls_and_empties_apart() {
        let line = "t\t2\t7\t1700000000000\t-\t\t6868:-,6868:,7a:00ff";
        let consumed = Consumed::parse(line).unwrap();
        assert_eq!((consumed.partition, consumed.offset), (2, 7));
        let record = consumed.record;
        assert_eq!((&record.key, &record.value), (&None, &Some(Vec::new())));
        let headers = [
            ("hh".to_owned(), None),
            ("hh".to_owned(), Some(Vec::new())),
            ("z".to_owned(), Some(vec![0, 255])),
        ];
        assert_eq!(record.headers, headers);
        assert_eq!(
            record.to_input(2),
            "2\t1700000000000\t-\t\t6868:-,6868:,7a:00ff"
        );
    }

    #[test]
    fn malformed_lines_are_errors() {
        for line in [
            "",
            "t\t0\t0\t0\t-\t-",
            "t\tx\t0\t0\t-\t-\t",
            "t\t0\t0\t0\tabc\t-\t",
            "t\t0\t0\t0\tzz\t-\t",
        ] {
            assert!(Consumed::parse(line).is_err(), "{line:?}");
        }
    }
}
