//! What came of each part of the matrix.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::manifest::Manifest;

/// One cell.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It held; with a figure where there is one.
    Passed(String),
    /// It did not, and why.
    Failed(String),
    /// The library cannot do it.
    Absent(String),
}

impl Outcome {
    /// The outcome of a step.
    pub(crate) fn of(result: Result<String>) -> Self {
        match result {
            Ok(detail) => Self::Passed(detail),
            Err(error) => Self::Failed(format!("{error:#}")),
        }
    }

    /// Whether it failed.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(why) => Some(why),
            Self::Passed(_) | Self::Absent(_) => None,
        }
    }
}

/// One topic that a client wrote.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) codec: String,
    pub(crate) idempotent: bool,
    pub(crate) outcome: Outcome,
}

/// Everything about one client.
#[derive(Debug)]
pub(crate) struct ClientOutcome {
    pub(crate) manifest: Manifest,
    /// What the library says its version is.
    pub(crate) version: String,
    pub(crate) created: Outcome,
    pub(crate) written: Vec<Written>,
    /// What it read, by writer.
    pub(crate) read: BTreeMap<String, Outcome>,
    pub(crate) group: Outcome,
}

impl ClientOutcome {
    /// Every failure with the part it belongs to.
    pub(crate) fn failures(&self) -> Vec<(String, &str)> {
        let mut all = vec![("creating topics".to_owned(), &self.created)];
        for written in &self.written {
            all.push((format!("writing {}", written.title()), &written.outcome));
        }
        for (writer, outcome) in &self.read {
            all.push((format!("reading what {writer} wrote"), outcome));
        }
        all.push(("a group of three".to_owned(), &self.group));
        all.into_iter()
            .filter_map(|(part, outcome)| Some((part, outcome.failure()?)))
            .collect()
    }
}

impl Written {
    /// How the report names the topic.
    pub(crate) fn title(&self) -> String {
        let idempotent = if self.idempotent { ", idempotent" } else { "" };
        format!("{}{idempotent}", self.codec)
    }
}
