//! The part of the command line contract (compat-tests/README.md) that no Rust library has a say in.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::time::{Duration, Instant};

/// What a command answers: any error is a line on standard error and exit code 1.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A header: its name, and its value or Kafka's null.
pub type Header = (String, Option<Vec<u8>>);

/// One record line; `None` is Kafka's null.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{}:{}", hex(Some(name.as_bytes())), hex(value.as_deref())))
            .collect();
        let (key, value) = (hex(self.key.as_deref()), hex(self.value.as_deref()));
        let place = format!("{}\t{}\t{}", self.topic, self.partition, self.offset);
        write!(f, "{place}\t{}\t{key}\t{value}\t{}", self.timestamp, headers.join(","))
    }
}

/// The command with its `--name value` pairs.
#[derive(Debug)]
pub struct Options {
    command: String,
    pairs: BTreeMap<String, String>,
}

impl Options {
    /// Reads the command line.
    pub fn from_command_line() -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let command = arguments.next().ok_or("a command is missing")?;
        let mut pairs = BTreeMap::new();
        while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
            pairs.insert(name.trim_start_matches("--").to_owned(), value);
        }
        Ok(Self { command, pairs })
    }

    /// The command's name.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The value of an option that the contract requires.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.pairs.get(name).map(String::as_str).ok_or_else(|| format!("--{name} is missing").into())
    }

    /// Topics of `--topics` with their partition counts.
    pub fn topics(&self) -> Result<Vec<(String, i32)>> {
        let mut topics = Vec::new();
        for topic in self.get("topics")?.split(',') {
            let (name, partitions) = topic.split_once(':').ok_or("--topics takes name:partitions")?;
            topics.push((name.to_owned(), partitions.parse()?));
        }
        Ok(topics)
    }

    /// When a consumer may stop.
    pub fn progress(&self) -> Result<Progress> {
        let timeout = Duration::from_secs(self.get("timeout-s")?.parse()?);
        Ok(Progress { expected: self.get("count")?.parse()?, seen: 0, deadline: Instant::now() + timeout })
    }
}

/// Counts what a consumer read and tells when it may stop.
#[derive(Debug)]
pub struct Progress {
    expected: usize,
    seen: usize,
    deadline: Instant,
}

impl Progress {
    /// Whether a poll that brought `count` records was the last one needed.
    pub fn finished(&mut self, count: usize) -> Result<bool> {
        self.seen += count;
        if self.seen >= self.expected && count == 0 {
            return Ok(true);
        }
        if Instant::now() > self.deadline {
            return Err(format!("timed out with {} of {} records", self.seen, self.expected).into());
        }
        Ok(false)
    }
}

/// The record lines of standard input.
pub fn input(topic: &str) -> impl Iterator<Item = Result<Record>> + '_ {
    io::stdin().lock().lines().map(move |line| parse(topic, &line?))
}

/// Calls `leave` when the orchestrator closes standard input.
pub fn on_leave(leave: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _closed = io::stdin().read_to_end(&mut rest);
        leave();
    });
}

/// Prints one event line at once: the orchestrator waits for it.
pub fn say(line: impl fmt::Display) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn parse(topic: &str, line: &str) -> Result<Record> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [partition, timestamp, key, value, headers] = fields[..] else {
        return Err(format!("a record line has five fields: {line}").into());
    };
    let mut record = Record {
        topic: topic.to_owned(),
        partition: partition.parse()?,
        timestamp: timestamp.parse()?,
        key: unhex(key)?,
        value: unhex(value)?,
        ..Record::default()
    };
    for header in headers.split(',').filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once(':').ok_or("a header is name:value")?;
        let name = String::from_utf8(unhex(name)?.unwrap_or_default())?;
        record.headers.push((name, unhex(value)?));
    }
    Ok(record)
}

fn unhex(field: &str) -> Result<Option<Vec<u8>>> {
    if field == "-" {
        return Ok(None);
    }
    let digits = field.as_bytes().chunks(2);
    let bytes = digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
    bytes.collect::<Result<Vec<u8>>>().map(Some)
}

fn hex(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
