//! The play: two members start, a third joins late, one leaves, one is killed, a new one takes over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ChildStdin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::event::Event;
use super::history::{History, Member};
use crate::child::{self, Running};
use crate::clock::{self, Deadline};
use crate::lack::Lack;
use crate::readback;
use crate::toolchain::Program;
use crate::workload::Workload;

/// Partitions of the topic: three members, two each.
pub(crate) const PARTITIONS: usize = 6;

/// Records that flow in each interval while the play runs, ten for each partition.
const FEED_RECORDS: usize = 60;
const FEED_INTERVAL: Duration = Duration::from_millis(100);

/// Records that may wait: on a slow machine the feed keeps to the members' pace. More than a feeder's batch.
const BACKLOG_MAX: usize = 20 * FEED_RECORDS;

/// How old a commit must be to count against a library that commits late: a rebalance of two healthy members.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

/// A rebalance may wait for a session (6 s) and a poll to end; busy machines take longer.
const STEP_LIMIT: Duration = Duration::from_secs(45);

/// The programs and names of one play.
#[derive(Debug)]
pub(crate) struct Cast<'a> {
    /// The library whose group is tested.
    pub(crate) member: &'a Program,
    /// The library that feeds the topic.
    pub(crate) feeder: &'a Program,
    pub(crate) bootstrap: &'a str,
    pub(crate) group: String,
    /// The topic, without an end: `count` is set to what was fed.
    pub(crate) workload: Workload,
    /// Whether a takeover may miss the commits of the last moment.
    pub(crate) commits_late: bool,
    /// Whether records pause while a member leaves.
    pub(crate) quiet_leave: bool,
    /// What the members cannot tell apart.
    pub(crate) reader_lacks: BTreeSet<Lack>,
}

/// Plays all of it and checks every step.
///
/// # Errors
/// The first thing that did not hold, with the state of the group at that moment.
pub(crate) fn play(cast: Cast<'_>) -> Result<String> {
    let mut stage = Stage::open(cast)?;
    let outcome = stage.acts();
    outcome.with_context(|| {
        let words = stage.last_words();
        format!("{}{words}", stage.history.summary())
    })?;
    Ok(format!(
        "{} records, {} of them read twice; {}",
        stage.fed,
        stage.history.repeated,
        stage.acts_played.join(", ")
    ))
}

struct Actor {
    process: Running,
    /// Closing it asks the member to leave.
    input: Option<ChildStdin>,
}

struct Stage<'a> {
    cast: Cast<'a>,
    history: History,
    actors: BTreeMap<Member, Actor>,
    reports: Receiver<(Member, String)>,
    reporter: Sender<(Member, String)>,
    feeder: Running,
    feed: Option<ChildStdin>,
    fed: usize,
    fed_at: Instant,
    paused: bool,
    /// How long each act took.
    acts_played: Vec<String>,
    /// Members whose `left` has come.
    left: BTreeSet<Member>,
}

impl<'a> Stage<'a> {
    fn open(cast: Cast<'a>) -> Result<Self> {
        let (reporter, reports) = mpsc::channel();
        let (feeder, feed) = start_feeder(&cast)?;
        let grace = if cast.commits_late {
            COMMIT_GRACE
        } else {
            Duration::ZERO
        };
        Ok(Self {
            cast,
            history: History::new(PARTITIONS, grace),
            actors: BTreeMap::new(),
            reports,
            reporter,
            feeder,
            feed,
            fed: 0,
            fed_at: clock::now(),
            paused: false,
            acts_played: Vec::new(),
            left: BTreeSet::new(),
        })
    }

    fn acts(&mut self) -> Result<()> {
        self.enter("first")?;
        self.enter("second")?;
        self.until_shared_by("two start", &["first", "second"])?;
        self.enter("late")?;
        self.until_shared_by("a third joins", &["first", "second", "late"])?;
        self.leave("second")?;
        self.until_shared_by("one leaves", &["first", "late"])?;
        self.kill("late")?;
        self.until_shared_by("one is killed", &["first"])?;
        self.end_feed()?;
        self.until_read().context("the rest of the records")?;
        self.leave("first")?;
        self.successor().context("a new member took the group up")
    }

    /// Somebody new goes on where the group stopped: at the commits, not at the beginning.
    fn successor(&mut self) -> Result<()> {
        self.enter("successor")?;
        let (feeder, feed) = start_feeder(&self.cast)?;
        (self.feeder, self.feed) = (feeder, feed);
        let repeated = self.history.repeated;
        self.feed_more()?;
        self.end_feed()?;
        self.until_read()?;
        let again = self.history.repeated - repeated;
        ensure!(
            again == 0,
            "{again} records were read again after a clean stop"
        );
        self.leave("successor")
    }

    fn enter(&mut self, name: Member) -> Result<()> {
        let arguments = ["member", "--bootstrap", self.cast.bootstrap, "--group"];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        arguments.extend([
            self.cast.group.clone(),
            "--topic".to_owned(),
            self.cast.workload.topic.clone(),
        ]);
        let mut process = Running::start(self.cast.member, &arguments)?;
        let reporter = self.reporter.clone();
        process.each_line(move |line| {
            // The play may be over: then nobody listens, and nobody needs to.
            drop(reporter.send((name, line)));
        });
        let input = process.take_input();
        self.actors.insert(name, Actor { process, input });
        Ok(())
    }

    fn leave(&mut self, name: Member) -> Result<()> {
        if self.cast.quiet_leave {
            self.paused = true;
            self.until_read().context("the records before the leave")?;
        }
        let actor = self
            .actors
            .get_mut(name)
            .context("only members can leave")?;
        actor.input = None;
        self.until(|stage| stage.left.contains(name))
            .with_context(|| format!("{name} shall leave"))?;
        self.paused = false;
        let mut actor = self.actors.remove(name).context("only members can leave")?;
        let ended = actor.process.wait_success(Deadline::after(STEP_LIMIT));
        ended.with_context(|| format!("{name} leaving"))
    }

    fn kill(&mut self, name: Member) -> Result<()> {
        let mut actor = self.actors.remove(name).context("only members can die")?;
        actor.process.kill();
        // What it said before its end still counts; its next words, if any, would be a new start.
        self.listen(FEED_INTERVAL)?;
        self.history.forget(name);
        Ok(())
    }

    /// Ends an act: all partitions are read, by these members and nobody else.
    fn until_shared_by(&mut self, act: &str, members: &[Member]) -> Result<()> {
        let members: BTreeSet<Member> = members.iter().copied().collect();
        let since = clock::now();
        self.until(|stage| stage.history.is_shared_by(&members, since))
            .with_context(|| act.to_owned())?;
        let seconds = since.elapsed().as_secs_f32();
        self.acts_played.push(format!("{act}: {seconds:.1} s"));
        Ok(())
    }

    fn until_read(&mut self) -> Result<()> {
        let workload = &self.cast.workload;
        let ends: Vec<usize> = (0..PARTITIONS)
            .map(|p| workload.partition_count(p))
            .collect();
        self.until(|stage| stage.history.reached(&ends))
    }

    /// Feeds and listens until `done` holds.
    fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Deadline::after(STEP_LIMIT);
        while !done(self) {
            let due = !self.paused && self.fed_at.elapsed() >= FEED_INTERVAL;
            if due && self.feed.is_some() && self.fed < self.history.read_count() + BACKLOG_MAX {
                self.feed_more()?;
            }
            self.listen(FEED_INTERVAL)?;
            self.check_alive()?;
            ensure!(
                !deadline.passed(),
                "it did not happen within {STEP_LIMIT:?}"
            );
        }
        Ok(())
    }

    fn listen(&mut self, limit: Duration) -> Result<()> {
        let deadline = Deadline::after(limit);
        while let Ok((member, line)) = self.reports.recv_timeout(deadline.left()) {
            let event = Event::parse(&line)?;
            if let Event::Record(record) = &event {
                let lacks = &self.cast.reader_lacks;
                readback::check_record(record, &self.cast.workload, lacks)?;
            }
            if event == Event::Left {
                self.left.insert(member);
            }
            self.history.add(member, &event, clock::now())?;
        }
        Ok(())
    }

    /// A member that ends by itself is a failure: nobody waits for it in vain.
    fn check_alive(&mut self) -> Result<()> {
        for (name, actor) in &mut self.actors {
            if actor.input.is_some() && actor.process.has_ended()? {
                let said = actor.process.wait_success(Deadline::after(STEP_LIMIT));
                let said = said
                    .err()
                    .unwrap_or_else(|| anyhow!("without being asked to"));
                return Err(said.context(format!("{name} ended")));
            }
        }
        Ok(())
    }

    /// What the members said on standard error, for the reader of a failure: it ends the play.
    fn last_words(&mut self) -> String {
        let mut words = String::new();
        for (name, actor) in &mut self.actors {
            actor.process.kill();
            let said = actor.process.said();
            if !said.trim().is_empty() {
                words.push_str(&format!("\n{name} said: {}\n", child::tail(&said)));
            }
        }
        words
    }

    fn feed_more(&mut self) -> Result<()> {
        let feed = self
            .feed
            .as_mut()
            .context("the feed is open while the play runs")?;
        let numbers = self.fed..self.fed + FEED_RECORDS;
        // First the count: a record may be read before this thread goes on.
        self.cast.workload.count = numbers.end;
        if let Err(broken) = feed.write_all(&self.cast.workload.input(numbers)) {
            let said = self.feeder.wait_success(Deadline::after(STEP_LIMIT)).err();
            let said = said.unwrap_or_else(|| broken.into());
            return Err(said.context("the feeding client ended"));
        }
        self.fed += FEED_RECORDS;
        self.fed_at = clock::now();
        Ok(())
    }

    fn end_feed(&mut self) -> Result<()> {
        self.feed = None;
        self.feeder
            .wait_success(Deadline::after(STEP_LIMIT))
            .context("the feeding client")
    }
}

fn start_feeder(cast: &Cast<'_>) -> Result<(Running, Option<ChildStdin>)> {
    let arguments = [
        "produce",
        "--bootstrap",
        cast.bootstrap,
        "--topic",
        &cast.workload.topic,
        "--codec",
        "none",
        "--idempotent",
        "false",
    ];
    let mut feeder = Running::start(cast.feeder, &arguments.map(str::to_owned))?;
    // Acknowledgements are checked elsewhere; here somebody only has to read them.
    feeder.each_line(drop);
    let feed = feeder.take_input();
    Ok((feeder, feed))
}
