//! The event lines of a group member.

use anyhow::{Context, Result};

use crate::record::Consumed;

/// What a member reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// It read a record.
    Record(Consumed),
    /// The broker agreed to its commit of `offset`, the next one to read.
    Committed { partition: usize, offset: usize },
    /// Its assignment changed: worth a line in a failure, not checked by itself.
    Assignment(String),
    /// It left the group in good order.
    Left,
}

impl Event {
    /// Reads an event line.
    ///
    /// # Errors
    /// When the line is none of the contract's.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let (name, rest) = line.split_once('\t').unwrap_or((line, ""));
        match name {
            "record" => Consumed::parse(rest).map(Self::Record),
            "committed" => {
                let (partition, offset) = rest.split_once('\t').context("committed: two fields")?;
                Ok(Self::Committed {
                    partition: partition.parse()?,
                    offset: offset.parse()?,
                })
            }
            "assigned" | "revoked" | "lost" => Ok(Self::Assignment(line.replace('\t', " "))),
            "left" => Ok(Self::Left),
            _ => anyhow::bail!("no event of the contract: {line}"),
        }
    }
}
