//! The folder `wire/schema`: one file per API, one per stored record.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::message::{Kind, Message};
use super::text;
use crate::paths;

const EXTENSION: &str = "schema";

/// Messages that share a file: a request and its response, or a single record.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    pub(super) messages: Vec<Message>,
}

impl Group {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            messages: Vec::new(),
        }
    }

    /// Where a message is kept, relative to the schema folder.
    pub(super) fn path_of(message: &Message, origin: &str) -> PathBuf {
        let name = message.name.as_str();
        match (message.kind, message.key) {
            (Kind::Request | Kind::Response, Some(key)) => {
                let api = name
                    .trim_end_matches("Request")
                    .trim_end_matches("Response");
                format!("api/{key:03}-{api}.{EXTENSION}").into()
            }
            (Kind::CoordinatorKey | Kind::CoordinatorValue, Some(key)) => {
                let record = name.trim_end_matches("Key").trim_end_matches("Value");
                format!("record/{origin}-{key:02}-{record}.{EXTENSION}").into()
            }
            _ => format!("data/{name}.{EXTENSION}").into(),
        }
    }
}

fn folder() -> PathBuf {
    paths::workspace_root().join("wire/schema")
}

/// Writes the groups, removes files of messages that are gone; returns how many files changed.
pub(super) fn save(groups: &[Group]) -> Result<usize> {
    let folder = folder();
    let mut changed = 0;
    for path in files(&folder)? {
        let kept = groups.iter().any(|group| folder.join(&group.path) == path);
        if !kept {
            fs::remove_file(&path)?;
            changed += 1;
        }
    }
    for group in groups {
        let path = folder.join(&group.path);
        let text = text::print(&group.messages);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        let parent = path.parent().context("a schema file is in a folder")?;
        fs::create_dir_all(parent)?;
        fs::write(&path, text)?;
        changed += 1;
    }
    Ok(changed)
}

/// Every message of the folder, in the order of the files' names.
pub(super) fn load() -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for path in files(&folder())? {
        let text = fs::read_to_string(&path)?;
        let found = text::parse(&text).with_context(|| path.display().to_string())?;
        messages.extend(found);
    }
    Ok(messages)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == EXTENSION) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
