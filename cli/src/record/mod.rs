//! Records as people and programs write and read them.

mod base64;
mod json;
mod pattern;

use std::fmt::Display;

use serde::Serializer;

pub(crate) use json::{JsonRecord, parse_json};
pub(crate) use pattern::{LinePattern, PrintPattern};

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Its key.
    pub(crate) key: Option<Vec<u8>>,
    /// Its value; none makes a tombstone.
    pub(crate) value: Option<Vec<u8>>,
    /// Its headers in order; names may repeat.
    pub(crate) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Its timestamp, if it brings one.
    pub(crate) timestamp: Option<i64>,
}

impl Draft {
    /// About how many bytes it takes in a batch.
    pub(crate) fn byte_len(&self) -> usize {
        // Five lengths and deltas of at most five bytes each.
        const OVERHEAD: usize = 25;
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| 10 + name.len() + length(value.as_deref()));
        OVERHEAD
            + length(self.key.as_deref())
            + length(self.value.as_deref())
            + headers.sum::<usize>()
    }
}

fn length(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}

/// Where a record that was read stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Its topic.
    pub(crate) topic: &'a str,
    /// Its partition.
    pub(crate) partition: i32,
}

/// Serialises what has a text form, such as an id, as that text.
pub(crate) fn as_text<S: Serializer>(value: &impl Display, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}
