//! Kafka's JSON schemas, as the jars of the reference broker carry them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::message::{Field, Kind, Message, Shared};
use super::store::Group;
use super::versions::Versions;
use crate::kafka;

/// The jars that carry schemas a broker's clients and logs can meet.
const JARS: [&str; 4] = [
    "kafka-clients-",
    "kafka-group-coordinator-",
    "kafka-transaction-coordinator-",
    "kafka-share-coordinator-",
];

/// Messages of kind `data` that are wanted; the others belong to Kafka's own quorum.
const DATA: [&str; 4] = [
    "ConsumerProtocolAssignment",
    "ConsumerProtocolSubscription",
    "ControlRecordTypeSchema",
    "EndTxnMarker",
];

/// Reads every wanted message of the jars, grouped as the schema folder groups them.
pub(super) fn read_jars() -> Result<Vec<Group>> {
    let jars = kafka::jar_dir()?;
    let unpacked = jars.with_file_name(format!("schemas-{}", std::process::id()));
    let mut groups: BTreeMap<PathBuf, Group> = BTreeMap::new();
    for prefix in JARS {
        let folder = unpacked.join(prefix);
        unpack(&jars, prefix, &folder)?;
        let origin = prefix
            .trim_start_matches("kafka-")
            .trim_end_matches("-coordinator-");
        for message in read_folder(&folder.join("common/message"))? {
            let path = Group::path_of(&message, origin);
            groups
                .entry(path.clone())
                .or_insert_with(|| Group::new(path))
                .messages
                .push(message);
        }
    }
    fs::remove_dir_all(&unpacked)?;
    keep_broker_listener(&mut groups);
    Ok(groups.into_values().collect())
}

/// Which listeners serve an API is stated by its request only.
fn keep_broker_listener(groups: &mut BTreeMap<PathBuf, Group>) {
    groups.retain(|_, group| {
        // Requests before responses, keys before values, whatever order the folder was listed in.
        group
            .messages
            .sort_by_key(|message| matches!(message.kind, Kind::Response | Kind::CoordinatorValue));
        let first = &group.messages[0];
        first.kind != Kind::Request || first.listeners.iter().any(|name| name == "broker")
    });
}

fn unpack(jars: &Path, prefix: &str, folder: &Path) -> Result<()> {
    let mut found = None;
    for entry in fs::read_dir(jars)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let version = name.and_then(|name| name.strip_prefix(prefix));
        if version.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit())) {
            found = Some(path);
        }
    }
    let jar = found.with_context(|| format!("no {prefix}*.jar in {}", jars.display()))?;
    fs::create_dir_all(folder)?;
    let status = Command::new("jar")
        .current_dir(folder)
        .arg("xf")
        .arg(&jar)
        .arg("common/message")
        .status()
        .context("cannot run jar (it comes with a JDK)")?;
    ensure!(status.success(), "jar could not unpack {}", jar.display());
    Ok(())
}

fn read_folder(folder: &Path) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let found =
            read_message(&text).with_context(|| format!("{} is not a schema", path.display()))?;
        messages.extend(found);
    }
    Ok(messages)
}

/// One message, or none if it is not wanted: removed from the protocol, or Kafka's own affair.
fn read_message(text: &str) -> Result<Option<Message>> {
    let json: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let value: Value = serde_json::from_str(&json)?;
    let kind: Kind = match word(&value, "type")? {
        "metadata" => return Ok(None),
        kind => kind.parse()?,
    };
    let name = word(&value, "name")?.to_owned();
    let versions: Versions = word(&value, "validVersions")?.parse()?;
    if versions.is_none() || (kind == Kind::Data && !DATA.contains(&name.as_str())) {
        return Ok(None);
    }
    let shared = items(&value, "commonStructs")
        .iter()
        .map(|item| {
            Ok(Shared {
                name: word(item, "name")?.to_owned(),
                versions: word(item, "versions")?.parse()?,
                fields: fields(item)?,
            })
        })
        .collect::<Result<_>>()?;
    let key = value.get("apiKey").and_then(Value::as_i64);
    Ok(Some(Message {
        kind,
        name,
        key: key.map(i16::try_from).transpose()?,
        versions,
        flexible: word(&value, "flexibleVersions")?.parse()?,
        listeners: items(&value, "listeners")
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        newest_unstable: flag(&value, "latestVersionUnstable"),
        fields: fields(&value)?,
        shared,
    }))
}

fn fields(value: &Value) -> Result<Vec<Field>> {
    items(value, "fields").iter().map(field).collect()
}

fn field(value: &Value) -> Result<Field> {
    let name = word(value, "name")?.to_owned();
    let range = |key: &str| -> Result<Option<Versions>> {
        let text = value.get(key).and_then(Value::as_str);
        text.map(str::parse).transpose()
    };
    let tagged = range("taggedVersions")?;
    let versions = range("versions")?
        .or(tagged)
        .with_context(|| format!("field {name} has no versions"))?;
    if tagged.is_some_and(|tagged| tagged != versions) {
        bail!("field {name} is tagged in some of its versions only");
    }
    let tag = value.get("tag").and_then(Value::as_u64);
    let never_flexible = match range("flexibleVersions")? {
        None => false,
        Some(flexible) if flexible.is_none() => true,
        Some(flexible) => bail!("field {name} is flexible in {flexible}"),
    };
    Ok(Field {
        ty: word(value, "type")?.parse()?,
        versions,
        nullable: range("nullableVersions")?.unwrap_or(Versions::NONE),
        tag: tag.map(u32::try_from).transpose()?,
        default: default(value.get("default"))?,
        map_key: flag(value, "mapKey"),
        ignorable: flag(value, "ignorable"),
        never_flexible,
        fields: fields(value)?,
        name,
    })
}

/// Defaults come as strings, numbers or booleans, numbers sometimes in hexadecimal; "null" is a string.
fn default(value: Option<&Value>) -> Result<Option<String>> {
    let text = match value {
        // A null that is not a string states nothing, which Kafka's own generator shows: it leaves out empty arrays.
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(truth)) => truth.to_string(),
        Some(other) => bail!("a default of {other}"),
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return Ok(Some(i64::from_str_radix(digits, 16)?.to_string()));
    }
    Ok(Some(text))
}

fn word<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    let found = value.get(key).and_then(Value::as_str);
    found.with_context(|| format!("no `{key}`"))
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Flags are true, "true" or "True".
fn flag(value: &Value, key: &str) -> bool {
    match value.get(key) {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    }
}
