//! The page of the requests that are served, and of those that are not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::BANNER;
use super::api_head::ApiHead;
use crate::paths;

/// What a request of the broker's listener is in Apache Kafka.
struct Known {
    name: String,
    versions: String,
}

pub(super) fn page() -> Result<String> {
    let mut served: BTreeMap<String, ApiHead> = BTreeMap::new();
    for (_, text) in super::sources(&paths::workspace_root().join("broker/src/api"))? {
        if let Some(head) = ApiHead::of(&text) {
            served.insert(head.name.clone(), head);
        }
    }
    let known = known()?;
    let mut text = format!("# Requests\n\n{BANNER}\n");
    writeln!(
        text,
        "{} of the {} requests of the broker listener of Apache Kafka 4.3 are served. \"Kafka\" is the range that its\n\
         schemas have; what is not listed as served is not announced, and a client that sends it anyway is disconnected.\n",
        served.len(),
        known.len()
    )?;
    text.push_str("| key | request | served | Kafka | what it is for | not done |\n|---|---|---|---|---|---|\n");
    let mut missing = Vec::new();
    for (key, known) in &known {
        let Some(api) = served.remove(&known.name) else {
            missing.push((key, known));
            continue;
        };
        writeln!(
            text,
            "| {key} | {} | {} | {} | {} | {} |",
            api.name,
            range(&api),
            known.versions,
            cell(&api.about),
            cell(api.not_done.as_deref().unwrap_or_default()),
        )?;
    }
    ensure!(served.is_empty(), "no schema for {:?}", served.keys());
    text.push_str("\n## Not served\n\n| key | request | Kafka |\n|---|---|---|\n");
    for (key, known) in missing {
        writeln!(text, "| {key} | {} | {} |", known.name, known.versions)?;
    }
    Ok(text)
}

fn range(api: &ApiHead) -> String {
    let (min, max) = api.versions;
    let served = if min == max {
        min.to_string()
    } else {
        format!("{min}-{max}")
    };
    if api.announced_min == min {
        served
    } else {
        format!("{served} (announced from {})", api.announced_min)
    }
}

/// Text that is one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The requests of the broker's listener by key, from the first lines of `wire/schema/api`.
fn known() -> Result<BTreeMap<i16, Known>> {
    let folder = paths::workspace_root().join("wire/schema/api");
    let mut known = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let (key, api) = request(&text).with_context(|| path.display().to_string())?;
        known.insert(key, api);
    }
    Ok(known)
}

fn request(schema: &str) -> Result<(i16, Known)> {
    let line = schema
        .lines()
        .find(|line| line.starts_with("request "))
        .context("no request")?;
    let attribute = |name: &str| {
        line.split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .with_context(|| format!("no {name}"))
    };
    let name = line.split(' ').nth(1).context("no name")?;
    let known = Known {
        name: name.trim_end_matches("Request").to_owned(),
        versions: attribute("versions")?.to_owned(),
    };
    Ok((attribute("key")?.parse()?, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_names_its_request() {
        let line = "# c\nrequest FetchRequest key=1 versions=4-18 flexible=12+ listeners=broker\n";
        let (key, known) = request(line).unwrap();
        assert_eq!(
            (key, known.name.as_str(), known.versions.as_str()),
            (1, "Fetch", "4-18")
        );
        assert!(request("response X key=1\n").is_err());
    }
}
