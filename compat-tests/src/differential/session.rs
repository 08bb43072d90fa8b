//! One broker's side: sends the corpus and keeps the decoded answers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::connection::{Answer, Connection};
use crate::corpus::{Mode, Step, Until};
use crate::schema::{Api, Schema};
use crate::{decode, encode};

/// How often, and how many times, a step with a condition is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_MAX: usize = 150;

const CLIENT_ID: &[u8] = b"differential";

/// ApiVersions is answered with the oldest header, because the client does not know yet what the broker speaks.
const API_VERSIONS_KEY: i16 = 18;

/// The state of a side.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    address: String,
    schema: &'a Schema,
    connections: BTreeMap<String, Connection>,
    pending: BTreeMap<String, Step>,
    variables: BTreeMap<String, Value>,
    correlation: i32,
}

impl<'a> Session<'a> {
    /// A side with the variables that both sides share.
    pub(crate) fn new(address: &str, schema: &'a Schema, shared: &[(&str, Value)]) -> Self {
        let shared = shared
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self {
            address: address.to_owned(),
            schema,
            connections: BTreeMap::new(),
            pending: BTreeMap::new(),
            variables: shared.collect(),
            correlation: 0,
        }
    }

    /// Plays a step; what is answered, unless no answer is due.
    pub(crate) fn play(&mut self, step: &Step) -> Result<Option<Value>> {
        match step.mode {
            Mode::Ask => {
                let mut answer = self.ask(step)?;
                if let Some(until) = &step.until {
                    for _ in 0..AGAIN_MAX {
                        if holds(until, &answer) {
                            break;
                        }
                        std::thread::sleep(AGAIN_AFTER);
                        answer = self.ask(step)?;
                    }
                }
                self.save(step, &answer);
                Ok(Some(answer))
            }
            Mode::Silent => self.send(step).map(|()| None),
            Mode::Send => {
                self.send(step)?;
                self.pending.insert(step.connection.clone(), step.clone());
                Ok(None)
            }
            Mode::Await => {
                let asked = self.pending.remove(&step.connection);
                let asked =
                    asked.with_context(|| format!("nothing sent on {}", step.connection))?;
                let answer = self.read(&asked)?;
                self.save(&asked, &answer);
                self.save(step, &answer);
                Ok(Some(answer))
            }
        }
    }

    fn ask(&mut self, step: &Step) -> Result<Value> {
        self.send(step)?;
        self.read(step)
    }

    fn send(&mut self, step: &Step) -> Result<()> {
        let api = self.schema.api(&step.api)?;
        self.variables
            .insert("version".to_owned(), step.version.into());
        let body = self.filled(&step.body)?;
        self.correlation += 1;
        let mut frame = Vec::new();
        frame.extend(api.request.key.to_be_bytes());
        frame.extend(step.version.to_be_bytes());
        frame.extend(self.correlation.to_be_bytes());
        frame.extend(u16::try_from(CLIENT_ID.len())?.to_be_bytes());
        frame.extend(CLIENT_ID);
        if api.request.flexible.has(step.version) {
            frame.push(0);
        }
        match body.as_str() {
            Some(raw) => frame.extend(encode::bytes_of(raw)?),
            None => frame.extend(encode::body(&api.request, step.version, &body)?),
        }
        if !self.connections.contains_key(&step.connection) {
            let opened = Connection::open(&self.address)?;
            self.connections.insert(step.connection.clone(), opened);
        }
        let connection = self.connections.get_mut(&step.connection);
        connection.context("just opened")?.send(&frame)
    }

    fn read(&mut self, step: &Step) -> Result<Value> {
        let api = self.schema.api(&step.api)?;
        let connection = self
            .connections
            .get_mut(&step.connection)
            .context("not open")?;
        match connection.read()? {
            Answer::Frame(frame) => decoded(api, step, &frame),
            Answer::Closed => {
                self.connections.remove(&step.connection);
                Ok(json!({"Connection": "closed"}))
            }
            Answer::Nothing => {
                self.connections.remove(&step.connection);
                Ok(json!({"Connection": "no answer"}))
            }
        }
    }

    /// A value that is missing is null: the answer is a difference, and what follows may go on.
    fn save(&mut self, step: &Step, answer: &Value) {
        for (name, path) in &step.saves {
            let value = at(answer, path).cloned().unwrap_or(Value::Null);
            self.variables.insert(name.clone(), value);
        }
    }

    /// The body with its variables filled in; a text that is one variable takes over its type.
    fn filled(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::String(text) => self.filled_text(text)?,
            Value::Array(elements) => elements
                .iter()
                .map(|element| self.filled(element))
                .collect::<Result<_>>()?,
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, field)| Ok((name.clone(), self.filled(field)?)))
                    .collect::<Result<_>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn filled_text(&self, text: &str) -> Result<Value> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("a variable does not end")?;
            let value = self
                .variables
                .get(name)
                .with_context(|| format!("no variable {name}"))?;
            if before.is_empty() && after.is_empty() && filled.is_empty() {
                return Ok(value.clone());
            }
            filled.push_str(before);
            filled.push_str(
                &value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            );
            rest = after;
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }
}

fn decoded(api: &Api, step: &Step, frame: &[u8]) -> Result<Value> {
    let version = step.reads.unwrap_or(step.version);
    let mut rest = frame.get(4..).context("an answer without a header")?;
    if api.response.flexible.has(version) && api.response.key != API_VERSIONS_KEY {
        let tags = decode::varint(&mut rest)?;
        ensure!(tags == 0, "{tags} tags in the header of an answer");
    }
    let body = decode::body(&api.response, version, rest);
    Ok(body.unwrap_or_else(
        |error| json!({"Undecodable": format!("{error:#}"), "Bytes": decode::hex(frame)}),
    ))
}

fn holds(until: &Until, answer: &Value) -> bool {
    at(answer, &until.path).is_some_and(|value| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text == until.value
    })
}

/// The value at a path such as `Topics.0.ErrorCode`.
fn at<'v>(answer: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(answer, |value, part| match value.as_array() {
            Some(elements) => elements.get(part.parse::<usize>().ok()?),
            None => value.get(part),
        })
}
