//! Makes the answers of two brokers comparable: what differs from run to run is replaced, each kind by its rule.
//!
//! A rule is a line: verb, argument, pattern of `Api/Field/Field…`.
//!
//! - `symbol topic-id Metadata/*TopicId`: a value becomes `topic-id` and the place where it was first seen, so that
//!   the same value must come back at the same places on both sides. Empty values stay as they are.
//! - `text - *ErrorMessage`: a text becomes `<text>`; null and empty stay.
//! - `time - *Timestamp`: a positive number becomes `<time>`.
//! - `keyed Name DescribeConfigs/Results/Configs`: an array whose order means nothing becomes a map.
//! - `sorted - …`: an array whose order means nothing is sorted.
//! - `stamped - Fetch/*Records`: batches that bear the broker's time lose it, and the checksum over it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::pattern::fits;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verb {
    Symbol,
    Text,
    Time,
    Keyed,
    Sorted,
    Stamped,
}

#[derive(Debug, Clone)]
struct Rule {
    verb: Verb,
    argument: String,
    pattern: String,
}

/// All rules.
#[derive(Debug)]
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    /// Reads the file.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self(lines.map(parse).collect::<Result<_>>()?))
    }

    fn of<'r>(&'r self, path: &'r str) -> impl Iterator<Item = &'r Rule> {
        self.0.iter().filter(move |rule| fits(&rule.pattern, path))
    }
}

fn parse(line: &str) -> Result<Rule> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [verb, argument, pattern] = words[..] else {
        bail!("not a rule: {line}");
    };
    Ok(Rule {
        verb: match verb {
            "symbol" => Verb::Symbol,
            "text" => Verb::Text,
            "time" => Verb::Time,
            "keyed" => Verb::Keyed,
            "sorted" => Verb::Sorted,
            "stamped" => Verb::Stamped,
            other => bail!("no verb {other}"),
        },
        argument: argument.to_owned(),
        pattern: pattern.to_owned(),
    })
}

/// The symbols of one side.
#[derive(Debug)]
pub(crate) struct Normal<'a> {
    rules: &'a Rules,
    /// By class and raw value.
    symbols: BTreeMap<(String, String), String>,
    step: String,
    seen_in_step: usize,
}

impl<'a> Normal<'a> {
    /// No symbol yet.
    pub(crate) fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            symbols: BTreeMap::new(),
            step: String::new(),
            seen_in_step: 0,
        }
    }

    /// An answer without what is volatile.
    pub(crate) fn answer(&mut self, step: &str, api: &str, value: Value) -> Value {
        step.clone_into(&mut self.step);
        self.seen_in_step = 0;
        self.value(api, value)
    }

    fn value(&mut self, path: &str, value: Value) -> Value {
        let value = match value {
            Value::Object(fields) => Value::Object(self.fields(path, fields)),
            Value::Array(elements) => self.array(path, elements),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
        };
        let rules = self.rules;
        rules.of(path).fold(value, |value, rule| match rule.verb {
            Verb::Symbol => self.symbol(&rule.argument, value),
            Verb::Text if value.as_str().is_some_and(|text| !text.is_empty()) => "<text>".into(),
            Verb::Time if value.as_i64().is_some_and(|time| time > 0) => "<time>".into(),
            Verb::Stamped => stamped(value),
            Verb::Text | Verb::Time | Verb::Keyed | Verb::Sorted => value,
        })
    }

    fn fields(&mut self, path: &str, fields: Map<String, Value>) -> Map<String, Value> {
        let inner = |(name, field): (String, Value)| {
            let value = self.value(&format!("{path}/{name}"), field);
            (name, value)
        };
        fields.into_iter().map(inner).collect()
    }

    fn array(&mut self, path: &str, mut elements: Vec<Value>) -> Value {
        let rules = self.rules;
        let order = rules
            .of(path)
            .find(|rule| matches!(rule.verb, Verb::Keyed | Verb::Sorted));
        if let Some(rule) = order {
            elements.sort_by_key(|element| match element.get(&rule.argument) {
                Some(key) => key.to_string(),
                None => element.to_string(),
            });
        }
        let elements = elements
            .into_iter()
            .map(|element| self.value(path, element));
        if let Some(rule) = order.filter(|rule| rule.verb == Verb::Keyed) {
            let elements: Vec<Value> = elements.collect();
            return keyed(&rule.argument, elements);
        }
        elements.collect()
    }

    fn symbol(&mut self, class: &str, value: Value) -> Value {
        let raw = match &value {
            Value::String(text) if text.trim_matches('0').is_empty() => return value,
            Value::String(text) => text.clone(),
            Value::Number(number) if number.as_i64().is_none_or(|number| number < 0) => {
                return value;
            }
            Value::Number(number) if class.ends_with("-or-0") && number.as_i64() == Some(0) => {
                return value;
            }
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return value,
        };
        let key = (class.to_owned(), raw);
        if let Some(symbol) = self.symbols.get(&key) {
            return symbol.clone().into();
        }
        self.seen_in_step += 1;
        let symbol = format!("{class} {} of {}", self.seen_in_step, self.step);
        self.symbols.insert(key, symbol.clone());
        symbol.into()
    }
}

/// Bit of a batch's attributes: the broker's time.
const LOG_APPEND_TIME: i64 = 8;

fn stamped(mut batch: Value) -> Value {
    let attributes = batch.get("Attributes").and_then(Value::as_i64);
    if attributes.is_some_and(|attributes| attributes & LOG_APPEND_TIME != 0) {
        batch["MaxTimestamp"] = "<time>".into();
        batch["Crc"] = "<checksum>".into();
    }
    batch
}

/// A map of the elements; elements with the same key are numbered, so that none is lost.
fn keyed(name: &str, elements: Vec<Value>) -> Value {
    let mut map = Map::new();
    for element in elements {
        let field = &element[name];
        let key = field
            .as_str()
            .map_or_else(|| field.to_string(), str::to_owned);
        let mut unique = key.clone();
        let mut copies = 1;
        while map.contains_key(&unique) {
            copies += 1;
            unique = format!("{key} ({copies})");
        }
        map.insert(unique, element);
    }
    Value::Object(map)
}
