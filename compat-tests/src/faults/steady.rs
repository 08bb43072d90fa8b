//! One library that writes and follows all the time, and what it reported.

use std::collections::BTreeMap;
use std::process::ChildStdin;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::fault::Client;
use super::ledger::{Ledger, Stored};
use super::stage::{PARTITIONS, STEP_LIMIT};
use crate::child::{self, Running};
use crate::clock::{self, Deadline};
use crate::group::event::Event;
use crate::group::history::History;
use crate::record::Consumed;

/// Name of the only member of a group.
const FOLLOWER: &str = "the follower";

/// Who says a line: the place of a library, and which of its two programs.
pub(crate) type Voice = (usize, Part);

/// A library's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Writer,
    Follower,
}

/// A program that goes on until its standard input is closed.
#[derive(Debug)]
struct Player {
    process: Running,
    input: Option<ChildStdin>,
}

/// A library on the stage.
#[derive(Debug)]
pub(crate) struct Steady {
    pub(crate) client: Client,
    pub(crate) topic: String,
    writer: Player,
    follower: Player,
    pub(crate) ledger: Ledger,
    pub(crate) history: History,
    /// What the follower found where.
    reads: BTreeMap<(usize, usize), usize>,
    has_left: bool,
    /// Errors since the fault began, in the library's words, with how often.
    pub(crate) saw: BTreeMap<String, usize>,
    acknowledged_at: Instant,
    /// The longest time without an acknowledgement since the fault began.
    pub(crate) longest_wait: Duration,
}

impl Steady {
    /// Starts a library's writer and follower on a topic that is there.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn start(
        client: &Client,
        place: usize,
        bootstrap: &str,
        reporter: &Sender<(Voice, Instant, String)>,
    ) -> Result<Self> {
        let topic = topic_of(client);
        let shared = ["--bootstrap", bootstrap, "--topic", &topic];
        let partitions = PARTITIONS.to_string();
        let start = |part, command: &str, own: [&str; 2]| {
            let arguments = [&[command], &shared[..], &own].concat();
            let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
            let mut process = Running::start(&client.program, &arguments)?;
            let reporter = reporter.clone();
            process.each_line(move |line| {
                // The play may be over: then nobody listens, and nobody needs to.
                drop(reporter.send(((place, part), clock::now(), line)));
            });
            let input = process.take_input();
            anyhow::Ok(Player { process, input })
        };
        Ok(Self {
            writer: start(Part::Writer, "write", ["--partitions", &partitions])?,
            follower: start(Part::Follower, "follow", ["--group", &topic])?,
            client: client.clone(),
            topic: topic.clone(),
            ledger: Ledger::new(PARTITIONS),
            history: History::new(PARTITIONS, Duration::ZERO),
            reads: BTreeMap::new(),
            has_left: false,
            saw: BTreeMap::new(),
            acknowledged_at: clock::now(),
            longest_wait: Duration::ZERO,
        })
    }

    /// From here on errors and waits are the fault's.
    pub(crate) fn mark(&mut self) {
        self.saw.clear();
        self.longest_wait = Duration::ZERO;
        self.acknowledged_at = clock::now();
    }

    /// Takes a line of one of its programs.
    ///
    /// # Errors
    /// When it is none of the contract's, or tells of something that must not be.
    pub(crate) fn hear(&mut self, part: Part, at: Instant, line: &str) -> Result<()> {
        if let Some(error) = line.strip_prefix("saw\t") {
            *self.saw.entry(error.to_owned()).or_default() += 1;
            return Ok(());
        }
        match part {
            Part::Writer => {
                if line.starts_with("acknowledged") {
                    let wait = at.saturating_duration_since(self.acknowledged_at);
                    self.longest_wait = self.longest_wait.max(wait);
                    self.acknowledged_at = at;
                }
                self.ledger.add(line)
            }
            Part::Follower => self.follow(&Event::parse(line)?, at),
        }
    }

    fn follow(&mut self, event: &Event, at: Instant) -> Result<()> {
        if let Event::Record(consumed) = event {
            let stored = Stored::of(consumed)?;
            let place = (stored.partition, stored.offset);
            let before = self.reads.insert(place, stored.number);
            ensure!(
                before.is_none_or(|number| number == stored.number),
                "the follower read another record at {place:?} before: {before:?}"
            );
        }
        self.has_left |= *event == Event::Left;
        self.history.add(FOLLOWER, event, at)
    }

    /// A program that ends by itself is a failure: nobody waits for it in vain.
    ///
    /// # Errors
    /// With what it said.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        for player in [&mut self.writer, &mut self.follower] {
            if player.input.is_some() && player.process.has_ended()? {
                let said = child::tail(&player.process.said());
                anyhow::bail!("a program of {} ended: {said}", self.client.name);
            }
        }
        Ok(())
    }

    /// Asks the writer to send no more.
    pub(crate) fn end_writing(&mut self) {
        self.writer.input = None;
    }

    /// Asks the follower to leave.
    pub(crate) fn end_following(&mut self) {
        self.follower.input = None;
    }

    /// Whether the writer has told all.
    pub(crate) fn has_written(&self) -> bool {
        self.ledger.sent.is_some()
    }

    /// Whether the follower has read all that was acknowledged.
    pub(crate) fn has_read(&self) -> bool {
        self.history.read_count() >= self.ledger.acknowledged()
    }

    /// What the follower found where.
    pub(crate) fn reads(&self) -> &BTreeMap<(usize, usize), usize> {
        &self.reads
    }

    /// Whether the follower has left.
    pub(crate) fn has_left(&self) -> bool {
        self.has_left
    }

    /// Where it stands, for the reader of a failure.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{}: {} acknowledged, given up {:?}, read {}, saw {:?}",
            self.client.name,
            self.ledger.acknowledged(),
            self.ledger.failures(),
            self.history.read_count(),
            self.saw
        )
    }

    /// Reads the whole topic with the library, and judges it; what the page says.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub(crate) fn judge(&mut self, bootstrap: &str) -> Result<String> {
        for player in [&mut self.writer, &mut self.follower] {
            player.process.wait_success(Deadline::after(STEP_LIMIT))?;
        }
        let acknowledged = self.ledger.acknowledged();
        let stored = consume(&self.client, bootstrap, &self.topic, acknowledged)?;
        self.ledger.judge(&stored)?;
        let places: BTreeMap<_, _> = stored
            .iter()
            .map(|record| ((record.partition, record.offset), record.number))
            .collect();
        for (place, number) in &self.reads {
            ensure!(
                places.get(place) == Some(number),
                "the follower read {number} at {place:?}, where {:?} is",
                places.get(place)
            );
        }
        ensure!(
            self.reads.len() == places.len(),
            "the follower read {} of {} records",
            self.reads.len(),
            places.len()
        );
        Ok(format!("{acknowledged} acknowledged and there"))
    }
}

/// The topic that a library has for itself.
pub(crate) fn topic_of(client: &Client) -> String {
    format!("steady-{}", client.name)
}

/// The words that have a library read topics from their beginning.
fn reading(bootstrap: &str, topics: &[&str], count: usize, seconds: u64) -> Vec<String> {
    let topics = topics.iter().map(|topic| format!("{topic}:{PARTITIONS}"));
    let topics = topics.collect::<Vec<_>>().join(",");
    let (count, seconds) = (count.to_string(), seconds.to_string());
    let place = ["consume", "--bootstrap", bootstrap, "--topics", &topics];
    let limits = ["--count", &count, "--timeout-s", &seconds];
    let words = place.iter().chain(&limits);
    words.map(|text| (*text).to_owned()).collect()
}

/// Reads what a library gets of topics within some seconds, and whether it says that this is all.
///
/// # Errors
/// When one of the records is not a numbered one.
pub(crate) fn attempt(
    client: &Client,
    bootstrap: &str,
    topics: &[&str],
    count: usize,
    seconds: u32,
) -> Result<(Vec<(String, Stored)>, bool)> {
    let arguments = reading(bootstrap, topics, count, seconds.into());
    let mut running = Running::start(&client.program, &arguments)?;
    let (said, lines) = std::sync::mpsc::channel();
    running.each_line(move |line| drop(said.send(line)));
    let status = running.wait(Deadline::after(STEP_LIMIT))?;
    let read = lines.iter().map(|line| {
        let consumed = Consumed::parse(&line)?;
        Ok((consumed.topic.clone(), Stored::of(&consumed)?))
    });
    Ok((read.collect::<Result<_>>()?, status.success()))
}

/// Reads a topic from its beginning.
///
/// # Errors
/// When the library does not get so many records, or one of them is not a numbered one.
pub(crate) fn consume(
    client: &Client,
    bootstrap: &str,
    topic: &str,
    count: usize,
) -> Result<Vec<Stored>> {
    let arguments = reading(bootstrap, &[topic], count, STEP_LIMIT.as_secs());
    let output = child::run(&client.program, &arguments, Vec::new(), 2 * STEP_LIMIT)
        .context("reading everything")?;
    output
        .lines()
        .map(|line| Stored::of(&Consumed::parse(line)?))
        .collect()
}
