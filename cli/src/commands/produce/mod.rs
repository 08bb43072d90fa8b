//! `thalweg produce`.

mod input;
mod partitioner;
mod rounds;
mod sender;

use clap::{Args, ValueEnum};
use serde::Serialize;
use thalweg_model::compression::Compression;

use crate::client::Retry;
use crate::failure::Failure;
use crate::key_value::key_value;
use crate::output::{Output, Progress};
use crate::record::{Draft, LinePattern};
use crate::session::Session;

use input::Input;
use sender::{Sender, Sent};

/// Arguments of `thalweg produce`.
#[derive(Args, Debug)]
#[command(after_help = "\
Every line of standard input becomes a record.
Without --partition, records with a key go where the Java client would send them; the others are spread.

Examples:
  echo hello | thalweg produce greetings
  thalweg produce greetings --key user-1 --value hello --header lang=en
  thalweg produce users --key-separator : < users.txt
  thalweg consume a --from-beginning -o json | thalweg produce b --json")]
pub(crate) struct ProduceArgs {
    /// Name of the topic; created if the broker creates topics by itself
    topic: String,
    /// The value of one record, instead of lines
    #[arg(short, long, conflicts_with_all = ["key_separator", "json", "format"])]
    value: Option<String>,
    /// The key of every record that brings none
    #[arg(short, long)]
    key: Option<String>,
    /// What stands between key and value in a line
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["json", "format"])]
    key_separator: Option<String>,
    /// Lines are JSON objects with key, value, headers and timestamp, as `consume -o json` writes them
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How a line is taken apart: %k key, %v value, %d timestamp in ms, \t tab, %% percent
    #[arg(short, long, value_name = "PATTERN")]
    format: Option<LinePattern>,
    /// A header of every record; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = key_value)]
    headers: Vec<(String, String)>,
    /// The partition of every record
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Codec of the batches
    #[arg(short = 'z', long, value_enum, default_value_t = Codec::None)]
    compression: Codec,
    /// Who has a record before it counts: all in-sync replicas, the leader (1), nobody (0)
    #[arg(long, value_enum, default_value_t = Acks::All)]
    acks: Acks,
    /// Take empty lines as tombstones: a key without a value
    #[arg(long)]
    tombstones: bool,
    /// What to write: a summary to standard error, or one JSON object for each record with its offset
    #[arg(short, long, value_enum, default_value_t = Report::Summary)]
    output: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    fn compression(self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Gzip => Compression::Gzip,
            Self::Snappy => Compression::Snappy,
            Self::Lz4 => Compression::Lz4,
            Self::Zstd => Compression::Zstd,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Acks {
    All,
    #[value(name = "1")]
    Leader,
    #[value(name = "0")]
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Report {
    Summary,
    Json,
    None,
}

/// Where one record went.
#[derive(Serialize)]
struct Stored<'a> {
    topic: &'a str,
    partition: i32,
    offset: Option<i64>,
    timestamp: i64,
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: ProduceArgs) -> Result<(), Failure> {
    thalweg_model::check_topic_name(&args.topic)
        .map_err(|wrong| Failure::new("this is no name of a topic").why(wrong.to_string()))?;
    let Session { client, out } = session;
    let mut sender = Sender::open(client, &args.topic, options(&args)).await?;
    let interactive = args.value.is_none() && input::is_interactive();
    if interactive {
        out.notice("Each line becomes a record; Ctrl-D ends.");
    }
    let quiet = interactive || args.value.is_some() || args.output == Report::Json;
    let progress = Progress::start(out, "produced", quiet);
    let mut input = input(&args);
    let mut totals = Totals::default();
    let outcome = loop {
        let drafts = match input.next_round().await {
            Ok(Some(drafts)) => drafts,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        let retry = Retry::within(client.timeout());
        let sent = match sender.send(drafts, retry).await {
            Ok(sent) => sent,
            Err(failure) => break Err(failure),
        };
        for sent in sent {
            progress.add(sent.timestamps.len());
            totals.add(&sent);
            report(out, &args, &sent)?;
        }
        out.flush()?;
    };
    drop(progress);
    if args.output == Report::Summary {
        out.notice(totals.text(&args.topic));
    }
    outcome
}

fn options(args: &ProduceArgs) -> sender::Options {
    sender::Options {
        compression: args.compression.compression(),
        acks: match args.acks {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::None => 0,
        },
        partition: args.partition,
    }
}

fn input(args: &ProduceArgs) -> Input {
    let shape = input::Shape {
        key: args.key.clone().map(String::into_bytes),
        headers: args.headers.clone(),
        tombstones: args.tombstones,
    };
    match (&args.value, args.json) {
        (Some(value), _) => Input::one(shape.finish(Draft {
            value: Some(value.clone().into_bytes()),
            ..Draft::default()
        })),
        (None, true) => Input::json_lines(shape),
        (None, false) => Input::lines(shape, line_pattern(args)),
    }
}

fn line_pattern(args: &ProduceArgs) -> LinePattern {
    match (&args.format, &args.key_separator) {
        (Some(pattern), _) => pattern.clone(),
        (None, Some(separator)) => LinePattern::key_then_value(separator),
        (None, None) => LinePattern::value(),
    }
}

fn report(out: &mut Output, args: &ProduceArgs, sent: &Sent) -> Result<(), Failure> {
    if args.output != Report::Json {
        return Ok(());
    }
    for (offset, &timestamp) in (0_i64..).zip(&sent.timestamps) {
        out.json_line(&Stored {
            topic: &args.topic,
            partition: sent.partition,
            offset: sent.base_offset.map(|base| base + offset),
            timestamp: sent.append_time.unwrap_or(timestamp),
        })?;
    }
    Ok(())
}

/// What was sent so far.
#[derive(Default)]
struct Totals {
    records: usize,
    /// The last offset of each partition, where it is known.
    ends: std::collections::BTreeMap<i32, Option<i64>>,
}

impl Totals {
    fn add(&mut self, sent: &Sent) {
        self.records += sent.timestamps.len();
        let last = i64::try_from(sent.timestamps.len()).unwrap_or(0) - 1;
        let end = sent.base_offset.map(|base| base + last);
        self.ends.insert(sent.partition, end);
    }

    fn text(&self, topic: &str) -> String {
        let plural = if self.records == 1 { "" } else { "s" };
        let ends = self.ends.iter().map(|(partition, end)| match end {
            Some(end) => format!("partition {partition} up to offset {end}"),
            None => format!("partition {partition}"),
        });
        let ends: Vec<String> = ends.collect();
        let whereto = if ends.is_empty() || ends.len() > 4 {
            String::new()
        } else {
            format!(": {}", ends.join(", "))
        };
        format!(
            "{} record{plural} to topic '{topic}'{whereto}",
            self.records
        )
    }
}
