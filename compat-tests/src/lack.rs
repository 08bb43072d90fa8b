//! What a library cannot write or tell apart, and what its records look like then.

use serde::Deserialize;

use crate::record::{Field, Record};

/// A thing that Kafka's records can say and some library cannot. The order is the order of application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lack {
    /// A timestamp of the application's choice.
    Timestamps,
    /// Headers that differ from record to record.
    VariedHeaders,
    /// The same header name twice in a record.
    RepeatedHeaderNames,
    /// The order of headers with different names.
    HeaderOrder,
    /// A null as header value.
    NullHeaderValues,
    /// Header values that are not text.
    BinaryHeaderValues,
    /// The difference between an empty field and a null.
    EmptyFields,
    /// A record whose key and value are both null.
    NullKeyWithNullValue,
}

impl Lack {
    /// How the report names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "explicit timestamps",
            Self::VariedHeaders => "headers that differ between records",
            Self::RepeatedHeaderNames => "repeated header names",
            Self::HeaderOrder => "header order across names",
            Self::NullHeaderValues => "null header values",
            Self::BinaryHeaderValues => "binary header values",
            Self::EmptyFields => "empty fields as opposed to nulls",
            Self::NullKeyWithNullValue => "records with neither key nor value",
        }
    }

    /// Rewrites a record into the nearest one that a library with this lack can express.
    pub(crate) fn apply(self, record: &mut Record) {
        match self {
            Self::Timestamps => record.timestamp = None,
            Self::VariedHeaders => {
                let twice = ["first", "second"].map(|value| ("tag".to_owned(), text(value)));
                record.headers = twice.to_vec();
            }
            Self::RepeatedHeaderNames => keep_last_of_each_name(&mut record.headers),
            Self::HeaderOrder => record.headers.sort_by(|(a, _), (b, _)| a.cmp(b)),
            Self::NullHeaderValues => fill_headers(record),
            Self::BinaryHeaderValues => {
                for (_, value) in &mut record.headers {
                    if value
                        .as_ref()
                        .is_some_and(|bytes| std::str::from_utf8(bytes).is_err())
                    {
                        *value = text("text instead");
                    }
                }
            }
            Self::EmptyFields => {
                for field in [&mut record.key, &mut record.value] {
                    field.take_if(|bytes| bytes.is_empty());
                }
                fill_headers(record);
            }
            Self::NullKeyWithNullValue => {
                if record.key.is_none() && record.value.is_none() {
                    record.key = text("key instead");
                }
            }
        }
    }
}

fn text(value: &str) -> Field {
    Some(value.as_bytes().to_vec())
}

fn fill_headers(record: &mut Record) {
    for (_, value) in &mut record.headers {
        value.get_or_insert_default();
    }
}

fn keep_last_of_each_name(headers: &mut Vec<(String, Field)>) {
    let all = std::mem::take(headers);
    for (index, header) in all.iter().enumerate() {
        if all[index + 1..].iter().all(|(name, _)| *name != header.0) {
            headers.push(header.clone());
        }
    }
}
