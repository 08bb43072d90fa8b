//! Runs every client against the broker: each writes, each reads what each wrote, each forms a group.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child;
use crate::clock;
use crate::group::rehearsal::{self, Cast};
use crate::lack::Lack;
use crate::manifest::Manifest;
use crate::outcome::{ClientOutcome, Outcome, Written};
use crate::progress::Progress;
use crate::readback;
use crate::stored;
use crate::toolchain::{self, Program};
use crate::workload::Workload;

/// Partitions of a topic whose creator may choose.
const PARTITIONS: usize = 3;

/// Small commands: a JVM on a busy machine starts within this.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// Records per second below which a client counts as stuck.
const RATE_MIN: u64 = 500;

/// What to run and against what.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) bootstrap: &'a str,
    /// Records that each library writes, over all its topics.
    pub(crate) count: usize,
    pub(crate) cache: &'a Path,
    pub(crate) groups: bool,
}

/// A client that is ready to run, and what it wrote so far.
struct Ready {
    program: Program,
    outcome: ClientOutcome,
    /// Topics that were written without a failure.
    topics: Vec<Workload>,
}

/// Runs the whole matrix.
///
/// # Errors
/// When a client cannot be built: the machine is at fault then, not the broker.
pub(crate) fn run(
    plan: &Plan<'_>,
    manifests: Vec<Manifest>,
    progress: &mut Progress,
) -> Result<Vec<ClientOutcome>> {
    let mut clients = Vec::new();
    for manifest in manifests {
        progress.say(&format!("{}: preparing", manifest.name))?;
        clients.push(prepare(plan, manifest)?);
    }
    // Names differ from run to run, so that a broker that runs already can be tested again.
    let run = clock::epoch_ms() / 1000;
    for client in &mut clients {
        write(plan, client, run);
        progress.report_written(&client.outcome)?;
    }
    for reader in 0..clients.len() {
        let outcomes = read_all(plan, &clients[reader], &clients);
        let client = &mut clients[reader].outcome;
        for (writer, outcome) in &outcomes {
            progress.report(&client.manifest.name, &format!("reads {writer}"), outcome)?;
        }
        client.read = outcomes;
    }
    for index in 0..clients.len() {
        let outcome = group(plan, &clients, index, run);
        progress.report(&clients[index].outcome.manifest.name, "group", &outcome)?;
        clients[index].outcome.group = outcome;
    }
    Ok(clients.into_iter().map(|client| client.outcome).collect())
}

fn prepare(plan: &Plan<'_>, manifest: Manifest) -> Result<Ready> {
    let program =
        toolchain::prepare(&manifest, plan.cache).with_context(|| manifest.name.clone())?;
    let version = child::run(&program, &["version".to_owned()], Vec::new(), COMMAND_LIMIT)
        .with_context(|| format!("{}: version", manifest.name))?;
    let untried = || Outcome::Absent("not run".to_owned());
    let outcome = ClientOutcome {
        manifest,
        version: version.trim().to_owned(),
        created: untried(),
        written: Vec::new(),
        read: BTreeMap::new(),
        group: untried(),
    };
    Ok(Ready {
        program,
        outcome,
        topics: Vec::new(),
    })
}

/// Creates the client's topics and fills them: one for each codec, and one without idempotence.
fn write(plan: &Plan<'_>, client: &mut Ready, run: i64) {
    let manifest = client.outcome.manifest.clone();
    let mut variants: Vec<(String, bool)> = manifest
        .codecs
        .iter()
        .map(|codec| (codec.clone(), manifest.idempotence))
        .collect();
    if manifest.idempotence {
        variants.push(("none".to_owned(), false));
    }
    let count = plan.count.div_ceil(variants.len());
    let workloads: Vec<Workload> = variants
        .iter()
        .map(|(codec, idempotent)| workload(&manifest, codec, *idempotent, count, run))
        .collect();
    client.outcome.created = if manifest.creates_topics {
        let topics: Vec<&Workload> = workloads.iter().collect();
        Outcome::of(create(plan, &client.program, &topics))
    } else {
        Outcome::Absent("writing to a topic creates it".to_owned())
    };
    if client.outcome.created.failure().is_some() {
        return;
    }
    for ((codec, idempotent), workload) in variants.into_iter().zip(workloads) {
        let result = produce(plan, client, &workload, &codec, idempotent);
        if result.is_ok() {
            client.topics.push(workload);
        }
        let outcome = Outcome::of(result);
        client.outcome.written.push(Written {
            codec,
            idempotent,
            outcome,
        });
    }
}

fn workload(
    manifest: &Manifest,
    codec: &str,
    idempotent: bool,
    count: usize,
    run: i64,
) -> Workload {
    let mut lacks: BTreeSet<Lack> = manifest.cannot_write.keys().copied().collect();
    if codec == "none" && idempotent == manifest.idempotence {
        // One topic of every library can be read even by those that refuse null header values.
        lacks.insert(Lack::NullHeaderValues);
    }
    let kind = if idempotent { "idempotent" } else { "plain" };
    Workload {
        topic: format!("compat-{run}-{}-{codec}-{kind}", manifest.name),
        // A topic that is created by writing to it has the broker's default, one.
        partitions: if manifest.creates_topics {
            PARTITIONS
        } else {
            1
        },
        count,
        // An hour ago: late enough for retention, early enough for the bound on future timestamps.
        timestamp_base_ms: (run - 3600) * 1000,
        lacks,
    }
}

fn create(plan: &Plan<'_>, program: &Program, topics: &[&Workload]) -> Result<String> {
    let arguments = [
        "create",
        "--bootstrap",
        plan.bootstrap,
        "--topics",
        &shapes(topics),
    ];
    child::run(
        program,
        &arguments.map(str::to_owned),
        Vec::new(),
        COMMAND_LIMIT,
    )?;
    Ok(format!("{} topics", topics.len()))
}

fn produce(
    plan: &Plan<'_>,
    client: &Ready,
    workload: &Workload,
    codec: &str,
    idempotent: bool,
) -> Result<String> {
    let idempotent_text = idempotent.to_string();
    let arguments = [
        "produce",
        "--bootstrap",
        plan.bootstrap,
        "--topic",
        &workload.topic,
        "--codec",
        codec,
        "--idempotent",
        &idempotent_text,
    ];
    let input = workload.input(0..workload.count);
    let limit = limit(workload.count);
    let output = child::run(&client.program, &arguments.map(str::to_owned), input, limit)?;
    if client.outcome.manifest.tells_offsets {
        readback::check_acknowledged(&output, workload, 0)?;
    }
    stored::check(plan.bootstrap, workload, codec, idempotent).context("what the broker stored")?;
    Ok(format!("{} records", workload.count))
}

/// Reads everything at once; when that fails, every writer's topics apart, so that the failure finds its place.
fn read_all(plan: &Plan<'_>, reader: &Ready, writers: &[Ready]) -> BTreeMap<String, Outcome> {
    let readable = |writer| (readable(reader, writer), writer);
    let by_writer: Vec<(Vec<&Workload>, &Ready)> = writers.iter().map(readable).collect();
    let all: Vec<&Workload> = by_writer
        .iter()
        .flat_map(|(topics, _)| topics.clone())
        .collect();
    let together = if all.is_empty() {
        Ok(String::new())
    } else {
        consume(plan, reader, &all)
    };
    let outcome = |(topics, writer): (Vec<&Workload>, &Ready)| {
        let name = writer.outcome.manifest.name.clone();
        if topics.is_empty() {
            let why = "nothing that it can read was written".to_owned();
            return (name, Outcome::Absent(why));
        }
        let count: usize = topics.iter().map(|topic| topic.count).sum();
        let outcome = match &together {
            Ok(_) => Outcome::Passed(format!("{count} records")),
            // Said even where each one passes alone, so that nothing goes unnoticed.
            Err(why) => Outcome::of(
                consume(plan, reader, &topics)
                    .map(|records| format!("{records} alone, after: {why:#}")),
            ),
        };
        (name, outcome)
    };
    by_writer.into_iter().map(outcome).collect()
}

/// The writer's topics without those that the reader refuses.
fn readable<'a>(reader: &Ready, writer: &'a Ready) -> Vec<&'a Workload> {
    let refuses = &reader.outcome.manifest.refuses_to_read;
    let topics = writer.topics.iter();
    topics
        .filter(|topic| refuses.keys().all(|lack| topic.lacks.contains(lack)))
        .collect()
}

fn consume(plan: &Plan<'_>, reader: &Ready, topics: &[&Workload]) -> Result<String> {
    let count: usize = topics.iter().map(|topic| topic.count).sum();
    let limit = limit(count);
    let (count_text, seconds) = (count.to_string(), limit.as_secs().to_string());
    let topics_text = shapes(topics);
    let arguments = [
        "consume",
        "--bootstrap",
        plan.bootstrap,
        "--topics",
        &topics_text,
        "--count",
        &count_text,
        "--timeout-s",
        &seconds,
    ];
    // The client gives up first, and says how far it came.
    let limit = limit + COMMAND_LIMIT;
    let output = child::run(
        &reader.program,
        &arguments.map(str::to_owned),
        Vec::new(),
        limit,
    )?;
    let lacks = reader
        .outcome
        .manifest
        .cannot_tell
        .keys()
        .copied()
        .collect();
    readback::check_consumed(&output, topics, &lacks)?;
    Ok(format!("{count} records"))
}

fn group(plan: &Plan<'_>, clients: &[Ready], index: usize, run: i64) -> Outcome {
    let client = &clients[index];
    let manifest = &client.outcome.manifest;
    if !manifest.groups {
        return Outcome::Absent("the library has no groups".to_owned());
    }
    if !plan.groups {
        return Outcome::Absent("not run".to_owned());
    }
    // A library that cannot create the topic gets one that another library creates and feeds.
    let host = std::iter::once(client).chain(clients).find(|candidate| {
        candidate.outcome.manifest.creates_topics && candidate.outcome.created.failure().is_none()
    });
    let Some(host) = host else {
        return Outcome::Failed("no client could create a topic with six partitions".to_owned());
    };
    let mut workload = workload(&host.outcome.manifest, "none", false, 0, run);
    workload.topic = format!("compat-{run}-{}-group", manifest.name);
    workload.partitions = rehearsal::PARTITIONS;
    let result = create(plan, &host.program, &[&workload]).and_then(|_| {
        rehearsal::play(Cast {
            member: &client.program,
            feeder: &host.program,
            bootstrap: plan.bootstrap,
            group: workload.topic.clone(),
            commits_late: manifest.commits_late.is_some(),
            quiet_leave: manifest.drops_on_leaving.is_some(),
            reader_lacks: manifest.cannot_tell.keys().copied().collect(),
            workload,
        })
    });
    Outcome::of(result)
}

/// Topics and partition counts as the contract's `--topics` wants them.
fn shapes(topics: &[&Workload]) -> String {
    let shapes = topics
        .iter()
        .map(|topic| format!("{}:{}", topic.topic, topic.partitions));
    shapes.collect::<Vec<_>>().join(",")
}

fn limit(count: usize) -> Duration {
    let seconds = u64::try_from(count).unwrap_or(u64::MAX) / RATE_MIN;
    COMMAND_LIMIT + Duration::from_secs(seconds)
}
