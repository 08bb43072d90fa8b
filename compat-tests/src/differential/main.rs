//! The same requests to Apache Kafka and to Thalweg, and their decoded answers compared field by field.
//!
//! `cargo run -p thalweg-compat-tests --bin differential -- --kafka HOST:PORT --thalweg HOST:PORT`

mod allowed;
mod clean;
mod compare;
mod connection;
mod corpus;
mod decode;
mod encode;
#[path = "../package.rs"]
mod package;
mod pattern;
mod records;
mod rules;
mod schema;
mod session;

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Parser;
use serde_json::Value;

use crate::allowed::Allowed;
use crate::corpus::Step;
use crate::rules::{Normal, Rules};
use crate::schema::Schema;
use crate::session::Session;

/// Sends the corpus to both brokers, which must be fresh, and compares what they answer.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address of Apache Kafka.
    #[arg(long)]
    kafka: String,
    /// Address of Thalweg.
    #[arg(long)]
    thalweg: String,
    /// Only the files of the corpus whose names begin so.
    #[arg(long)]
    only: Option<String>,
    /// Delete every topic and group of both brokers first.
    #[arg(long)]
    clean: bool,
    /// Print each request before it is sent.
    #[arg(long)]
    verbose: bool,
    /// Folder for the decoded answers of both, to look at.
    #[arg(long)]
    answers: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let home = package::folder().join("src/differential");
    let schema = Schema::load(&home.join("../../../wire/schema/api"))?;
    let rules = Rules::load(&home.join("rules.txt"))?;
    let mut allowed = Allowed::load(&home.join("allowed.txt"))?;
    let mut steps = corpus::load(&home.join("corpus"), &schema)?;
    if let Some(only) = &arguments.only {
        steps.retain(|step| step.id.starts_with(only));
    }
    let now = epoch_ms()?;
    let side = |address: &str| {
        let mut session = Session::new(address, &schema, &[("now", now.into())]);
        if arguments.clean {
            clean::clean(&mut session)?;
        }
        let trace = arguments.verbose.then_some(address);
        play(&steps, session, &rules, trace)
    };
    let (kafka, thalweg) = thread::scope(|scope| {
        let kafka = scope.spawn(|| side(&arguments.kafka));
        let thalweg = side(&arguments.thalweg);
        let kafka = kafka.join().map_err(|_panic| anyhow!("a side panicked"))?;
        anyhow::Ok((kafka.context("Apache Kafka")?, thalweg.context("Thalweg")?))
    })?;
    if let Some(folder) = &arguments.answers {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("kafka.txt"), transcript(&steps, &kafka)?)?;
        std::fs::write(folder.join("thalweg.txt"), transcript(&steps, &thalweg)?)?;
    }
    let mut found = 0;
    let mut covered = 0;
    for (step, (kafka, thalweg)) in steps.iter().zip(kafka.iter().zip(&thalweg)) {
        for difference in compare::differences(kafka, thalweg) {
            if allowed.covers(&step.id, &difference) {
                covered += 1;
                continue;
            }
            found += 1;
            let (id, path) = (&step.id, &difference.path);
            let (left, right) = (&difference.kafka, &difference.thalweg);
            writeln!(stdout(), "{id} | {path} | {left} | {right}")?;
        }
    }
    let mut unneeded = 0;
    if arguments.only.is_none() {
        for line in allowed.unneeded() {
            unneeded += 1;
            writeln!(stdout(), "no longer occurs: {line}")?;
        }
    }
    let count = steps.len();
    writeln!(
        stdout(),
        "{count} requests, {found} differences, {covered} allowed, {unneeded} no longer occur"
    )?;
    ensure!(
        found == 0 && unneeded == 0,
        "the answers differ from what is listed"
    );
    Ok(())
}

/// The normalised answers of one broker, one for each step; null where none is due.
fn play(
    steps: &[Step],
    mut session: Session<'_>,
    rules: &Rules,
    trace: Option<&str>,
) -> Result<Vec<Value>> {
    let mut normal = Normal::new(rules);
    let mut sent = std::collections::BTreeMap::new();
    let mut answers = Vec::new();
    for step in steps {
        if let Some(address) = trace {
            writeln!(stdout(), "{address} {}", step.id)?;
        }
        let answer = session.play(step).with_context(|| step.id.clone())?;
        let api = match step.mode {
            corpus::Mode::Await => sent.get(&step.connection).copied().unwrap_or_default(),
            corpus::Mode::Ask | corpus::Mode::Send | corpus::Mode::Silent => step.api.as_str(),
        };
        sent.insert(&step.connection, api);
        answers.push(answer.map_or(Value::Null, |answer| normal.answer(&step.id, api, answer)));
    }
    Ok(answers)
}

fn transcript(steps: &[Step], answers: &[Value]) -> Result<String> {
    let mut text = String::new();
    for (step, answer) in steps.iter().zip(answers) {
        writeln!(
            text,
            "{}\n{}\n",
            step.id,
            serde_json::to_string_pretty(answer)?
        )?;
    }
    Ok(text)
}

#[expect(
    clippy::disallowed_methods,
    reason = "record timestamps must be recent for retention"
)]
fn epoch_ms() -> Result<i64> {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(elapsed.as_millis())?)
}
