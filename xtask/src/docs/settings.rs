//! What the tables of settings and the code that uses them say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use regex::Regex;

use crate::paths;

/// Settings whose field is read and that change nothing all the same: the lz4 library has one level.
const WITHOUT_EFFECT: &[&str] = &["compression.lz4.level"];

/// A line of `metadata/configs`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) default: String,
    /// How it may be changed, or what the broker calls its default.
    pub(super) fifth: String,
    pub(super) check: String,
    pub(super) internal: bool,
}

/// Reads a table.
pub(super) fn table(path: &str) -> Result<Vec<Setting>> {
    let text = super::read(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| setting(line).with_context(|| line.to_owned()))
        .collect()
}

fn setting(line: &str) -> Option<Setting> {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, kind, default, _importance, fifth, check, ..] = words[..] else {
        return None;
    };
    let default = match default {
        "!" | "null" => "none",
        "\"\"" => "empty",
        text => text,
    };
    Some(Setting {
        name: name.to_owned(),
        kind: kind.to_owned(),
        default: default.to_owned(),
        fifth: fifth.to_owned(),
        check: check.to_owned(),
        internal: words.get(6) == Some(&"internal"),
    })
}

/// A setting that Kafka does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnSetting {
    pub(super) name: String,
    pub(super) default: String,
    pub(super) meaning: String,
}

/// The settings of `metadata/src/start/own.rs`.
pub(super) fn own_settings() -> Result<Vec<OwnSetting>> {
    let source = super::read("metadata/src/start/own.rs")?;
    let name = Regex::new(r#"const ([A-Z_]+): &str = "([^"]+)";"#)?;
    let names: BTreeMap<String, String> = name
        .captures_iter(&source)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect();
    let entry = Regex::new(r#"name: ([A-Z_]+),\s+default: "([^"]*)",\s+meaning: "([^"]+)""#)?;
    let found = entry.captures_iter(&source).map(|found| {
        Some(OwnSetting {
            name: names.get(&found[1])?.clone(),
            default: found[2].to_owned(),
            meaning: found[3].to_owned(),
        })
    });
    found
        .collect::<Option<_>>()
        .context("a setting has no name")
}

/// The texts in a `const NAME: &[&str] = &[…];` of a source file.
pub(super) fn words_of_const(path: &str, name: &str) -> Result<BTreeSet<String>> {
    let text = super::read(path)?;
    let rest = text.split_once(&format!("const {name}: &[&str] = &["));
    let (list, _) = rest
        .and_then(|(_, rest)| rest.split_once(']'))
        .with_context(|| format!("no list {name} in {path}"))?;
    Ok(list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect())
}

/// Settings of topics whose field of `TopicConfig` the broker reads.
pub(super) fn topic_settings_in_use() -> Result<BTreeSet<String>> {
    let config = super::read("metadata/src/config/topic.rs")?;
    let folder = paths::workspace_root().join("broker/src/cluster");
    let users: String = super::sources(&folder)?
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let mut used = BTreeSet::new();
    for (settings, field) in fields(&config)? {
        if Regex::new(&format!(r"config\s*\.{field}\b"))?.is_match(&users) {
            used.extend(settings);
        }
    }
    used.retain(|setting| !WITHOUT_EFFECT.contains(&setting.as_str()));
    Ok(used)
}

/// The public fields with the settings that the line above each names.
fn fields(source: &str) -> Result<Vec<(Vec<String>, String)>> {
    let field = Regex::new(r"(?m)^ +/// (.*)\n +pub (\w+):")?;
    let name = Regex::new(r"`([a-z0-9]+(?:\.[a-z0-9]+)+)`")?;
    Ok(field
        .captures_iter(source)
        .map(|found| {
            let names = name.captures_iter(&found[1]);
            (
                names.map(|name| name[1].to_owned()).collect(),
                found[2].to_owned(),
            )
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_table_is_a_setting() {
        let read = setting("a.b int null low read-only 1.. internal").unwrap();
        assert_eq!((read.default.as_str(), read.internal), ("none", true));
        assert_eq!(setting("a.b int 1 low"), None);
    }

    #[test]
    fn own_settings_are_read() {
        let own = own_settings().unwrap();
        let door = own
            .iter()
            .find(|own| own.name == "thalweg.metrics.listener");
        assert!(door.unwrap().meaning.contains("/metrics"));
    }

    #[test]
    fn fields_name_their_settings() {
        let source = "    /// The level: `a.b.level` or `c.d`.\n    pub level: Level,\n    /// None.\n    pub x: u8,\n";
        let found = fields(source).unwrap();
        assert_eq!(found[0].0, ["a.b.level", "c.d"]);
        assert_eq!(found[1], (Vec::new(), "x".to_owned()));
    }
}
