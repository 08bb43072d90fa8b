//! The corpus: requests in text files, one entry each, in the order in which they are sent.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::schema::{Api, Schema};

/// What happens on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Send and read the answer.
    Ask,
    /// Send only; an `Await` reads the answer.
    Send,
    /// Send only; no answer is due.
    Silent,
    /// Read the answer of the last `Send` on this connection.
    Await,
}

/// An answer is asked for again until the value at a path is as expected.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    pub(crate) path: String,
    pub(crate) value: String,
}

/// One request in one version.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// File, label, API and version: how the lists of rules name it.
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) connection: String,
    pub(crate) api: String,
    pub(crate) version: i16,
    /// Version in which the answer is read, where it is not the request's.
    pub(crate) reads: Option<i16>,
    pub(crate) until: Option<Until>,
    /// Variables that the answer sets, with their paths.
    pub(crate) saves: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// Reads all files of a folder in the order of their names.
pub(crate) fn load(folder: &Path, schema: &Schema) -> Result<Vec<Step>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let mut steps = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let file = path.file_stem().and_then(|name| name.to_str());
        let file = file.context("a file without a name")?;
        steps.extend(parse(file, &text, schema).with_context(|| path.display().to_string())?);
    }
    Ok(steps)
}

/// Entries have an empty line between them; lines that begin with `#` mean nothing.
fn parse(file: &str, text: &str, schema: &Schema) -> Result<Vec<Step>> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut steps = Vec::new();
    for entry in lines.split(|line| line.trim().is_empty()) {
        let Some((head, body)) = entry.split_first() else {
            continue;
        };
        steps.extend(
            parse_entry(file, head, &body.join("\n"), schema)
                .with_context(|| (*head).to_owned())?,
        );
    }
    Ok(steps)
}

/// `Api [versions] [option…] : label`, then the body's JSON.
fn parse_entry(file: &str, head: &str, body: &str, schema: &Schema) -> Result<Vec<Step>> {
    let (words, label) = head.split_once(" : ").context("no label")?;
    let mut words = words.split_whitespace();
    let api = words.next().context("no API")?.to_owned();
    let mut versions = vec!["low".to_owned(), "high".to_owned()];
    let mut step = Step {
        id: String::new(),
        mode: if api == "Await" {
            Mode::Await
        } else {
            Mode::Ask
        },
        connection: "main".to_owned(),
        api,
        version: 0,
        reads: None,
        until: None,
        saves: Vec::new(),
        body: match body.is_empty() {
            true => Value::Object(Map::new()),
            false => serde_json::from_str(body)?,
        },
    };
    for word in words {
        match word.split_once('=') {
            Some(("on", name)) => step.connection = name.to_owned(),
            Some(("reads", version)) => step.reads = Some(version.parse()?),
            Some(("until", condition)) => {
                let (path, value) = condition.split_once('=').context("until=path=value")?;
                step.until = Some(Until {
                    path: path.to_owned(),
                    value: value.to_owned(),
                });
            }
            Some(("save", save)) => {
                let (name, path) = save.split_once('=').context("save=name=path")?;
                step.saves.push((name.to_owned(), path.to_owned()));
            }
            Some(_) => bail!("an unknown option {word}"),
            None if word == "send" => step.mode = Mode::Send,
            None if word == "silent" => step.mode = Mode::Silent,
            None => versions = word.split(',').map(str::to_owned).collect(),
        }
    }
    if step.mode == Mode::Await {
        step.id = format!("{file}/{label} [answer]");
        return Ok(vec![step]);
    }
    let api = schema.api(&step.api)?;
    let mut numbers = Vec::new();
    for version in &versions {
        numbers.extend(version_numbers(version, api)?);
    }
    numbers.dedup();
    ensure!(!numbers.is_empty(), "no version");
    Ok(numbers
        .into_iter()
        .map(|version| Step {
            id: format!("{file}/{label} [{} {version}]", step.api),
            version,
            ..step.clone()
        })
        .collect())
}

fn version_numbers(text: &str, api: &Api) -> Result<Vec<i16>> {
    let versions = api.request.versions;
    let high = versions.high - i16::from(api.request.newest_unstable);
    Ok(match text {
        "low" => vec![versions.low],
        "high" => vec![high],
        "all" => (versions.low..=high).collect(),
        _ => match text.split_once('-') {
            Some((from, "high")) => (from.parse()?..=high).collect(),
            Some(("low", to)) => (versions.low..=to.parse()?).collect(),
            Some((from, to)) => (from.parse()?..=to.parse()?).collect(),
            None => vec![text.parse()?],
        },
    })
}
