//! The page of the settings: which are known, and which change something.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;

use super::BANNER;
use super::settings::{Setting, own_settings, table, topic_settings_in_use, words_of_const};

const EFFECTS: &str = "broker/src/config/effects.rs";

const INTRODUCTION: &str = "\
Settings have the names, types, defaults and checks of Apache Kafka 4.3.1. A later source wins: a properties file (`-f`),
variables (`KAFKA_LISTENERS` for `listeners`; `_` stands for `.`, `__` for `_`, `___` for `-`), `--override KEY=VALUE`, and for what may
change at run time the settings that clients store. Where a table says *no*, the value is checked, kept and shown by
DescribeConfigs, and changes nothing else. Settings that ask for protection that is not there (an authorizer, a protocol other than
`PLAINTEXT`, other voters) stop the start.
";

const VALIDATION: &str = "
`record.validation`, which Kafka does not have, says how much of a compressed batch is looked at before it is accepted. `full`, as
Kafka: every record is, and the batch is decompressed for it. `header`: only what its header and its checksum tell, which saves about
half of the broker's processor time where all batches are compressed. A producer that is broken or means harm can then store a batch that nobody can read, or
that holds other records than it announces: no acknowledgement tells, and every consumer that reaches it stops there until it is told to go
on behind it. Records are looked at all the same where the batch is not compressed, the topic is compacted, `compression.type` asks for
another codec, or the header claims more records than the batch has bytes or a newest timestamp before its first. ListOffsets answers
for a batch that cannot be read with its first offset and its header's newest timestamp. Topics of the broker's own take no batches from clients.
";

pub(super) fn page() -> Result<String> {
    let topics = table("metadata/configs/topic.txt")?;
    let brokers = table("metadata/configs/broker.txt")?;
    let groups = table("metadata/configs/group.txt")?;
    let in_use = topic_settings_in_use()?;
    let effective = words_of_const(EFFECTS, "EFFECTIVE")?;
    let mut text = format!("# Settings\n\n{BANNER}\n{INTRODUCTION}");
    topic_section(&mut text, &topics, &in_use)?;
    broker_section(&mut text, &brokers, &effective)?;
    let topic_defaults = |topic: &Setting| in_use.contains(&topic.name);
    own_section(&mut text)?;
    default_section(
        &mut text,
        topics.iter().filter(|topic| topic_defaults(topic)),
    )?;
    text.push_str("\n## Groups\n\nKept and shown; the protocols that use them are not served.\n\n");
    for group in groups {
        writeln!(
            text,
            "- `{}` ({}, {})",
            group.name, group.kind, group.default
        )?;
    }
    let defaults: BTreeSet<&str> = topics
        .iter()
        .filter(|topic| topic_defaults(topic))
        .flat_map(synonyms)
        .map(|(name, _)| name)
        .collect();
    rest_section(&mut text, &brokers, |name| {
        effective.contains(name) || defaults.contains(name)
    })?;
    Ok(text)
}

fn topic_section(text: &mut String, topics: &[Setting], in_use: &BTreeSet<String>) -> Result<()> {
    text.push_str("\n## Topics\n\n| setting | type | default | values | has an effect |\n|---|---|---|---|---|\n");
    for topic in topics.iter().filter(|topic| !topic.internal) {
        let effect = if in_use.contains(&topic.name) {
            "yes"
        } else {
            "no"
        };
        let Setting { name, kind, .. } = topic;
        let (default, values) = (default(topic), values(&topic.check));
        writeln!(
            text,
            "| `{name}` | {kind} | {default} | {values} | {effect} |"
        )?;
    }
    text.push_str(
        "\n`flush.messages` and `flush.ms` change nothing because every batch is synced before it is acknowledged.\n\
         `cleanup.policy=compact` asks records for keys, but nothing is compacted.\n",
    );
    text.push_str(VALIDATION);
    Ok(())
}

fn broker_section(
    text: &mut String,
    brokers: &[Setting],
    effective: &BTreeSet<String>,
) -> Result<()> {
    text.push_str("\n## Broker\n\n| setting | type | default | values | update mode |\n|---|---|---|---|---|\n");
    let mut used: Vec<&Setting> = brokers
        .iter()
        .filter(|broker| effective.contains(&broker.name))
        .collect();
    used.sort_by(|one, other| one.name.cmp(&other.name));
    for broker in used {
        let Setting {
            name, kind, fifth, ..
        } = broker;
        let (default, values) = (default(broker), values(&broker.check));
        writeln!(
            text,
            "| `{name}` | {kind} | {default} | {values} | {fifth} |"
        )?;
    }
    text.push_str(
        "\nThe update mode is Kafka's: what DescribeConfigs shows and what decides whether a change is stored.\n\
         Where Kafka wants to be told, one node knows by itself: `node.id` is 1, `process.roles` is `broker,controller`,\n\
         `log.dirs` is `./thalweg-data`. `--data DIR` wins over `log.dirs`.\n",
    );
    Ok(())
}

fn own_section(text: &mut String) -> Result<()> {
    text.push_str("\n## Own settings\n\nWhat Kafka does not have.\n\n| setting | default | meaning |\n|---|---|---|\n");
    for own in own_settings()? {
        writeln!(
            text,
            "| `{}` | `{}` | {} |",
            own.name, own.default, own.meaning
        )?;
    }
    Ok(())
}

fn default_section<'a>(text: &mut String, topics: impl Iterator<Item = &'a Setting>) -> Result<()> {
    text.push_str("\n## Defaults of topics\n\nWhat a topic does not set itself it takes from the first of these that the broker has.\n\n| topic | broker |\n|---|---|\n");
    for topic in topics {
        let names: Vec<String> = synonyms(topic)
            .map(|(name, factor)| match factor {
                Some(factor) => format!("`{name}` (times {factor})"),
                None => format!("`{name}`"),
            })
            .collect();
        if !names.is_empty() {
            writeln!(text, "| `{}` | {} |", topic.name, names.join(", "))?;
        }
    }
    Ok(())
}

fn rest_section(
    text: &mut String,
    brokers: &[Setting],
    is_listed: impl Fn(&str) -> bool,
) -> Result<()> {
    text.push_str("\n## Known, without effect\n\nReported once at the start.\n\n");
    let rest = brokers
        .iter()
        .filter(|broker| !broker.internal && !is_listed(&broker.name));
    let mut names: Vec<&str> = rest.map(|broker| broker.name.as_str()).collect();
    names.sort_unstable();
    for name in names {
        writeln!(text, "- `{name}`")?;
    }
    Ok(())
}

/// What the broker calls the default of a topic's setting, and the factor between them.
fn synonyms(topic: &Setting) -> impl Iterator<Item = (&str, Option<&str>)> {
    let names = topic.fifth.split('|').filter(|name| *name != "-");
    names.map(|name| match name.split_once('*') {
        Some((name, factor)) => (name, Some(factor)),
        None => (name, None),
    })
}

fn default(setting: &Setting) -> String {
    match setting.default.as_str() {
        word @ ("none" | "empty") => word.to_owned(),
        text => format!("`{text}`"),
    }
}

/// The check as a reader understands it.
fn values(check: &str) -> String {
    if check == "-" {
        return String::new();
    }
    if let Some((min, max)) = check.split_once("..") {
        return match (min, max) {
            (min, "") => format!("{min} or more"),
            (min, max) => format!("{min} to {max}"),
        };
    }
    let listed = ["in:", "in-any-case:", "list:", "list!:"]
        .iter()
        .find_map(|prefix| check.strip_prefix(prefix));
    match listed {
        Some(words) => words.replace(',', ", "),
        None => check.replace("list!", "not empty").replace('-', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_readable() {
        assert_eq!(values("1.."), "1 or more");
        assert_eq!(values("-131072..22"), "-131072 to 22");
        assert_eq!(values("in:a,b"), "a, b");
        assert_eq!(values("-"), "");
        assert_eq!(values("gzip-level"), "gzip level");
    }
}
