//! A broker and the libraries that write and follow, and what a play can do with them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::fault::Client;
use super::node::Node;
use super::steady::{self, Steady, Voice};
use crate::child;
use crate::clock::Deadline;

/// Partitions of each library's topic.
pub(crate) const PARTITIONS: usize = 3;

/// Everything that is waited for comes within this on a busy machine.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(60);

/// Acknowledgements of each library that show that all is well.
const SETTLED: usize = 150;

/// How often is looked whether something has come.
const LOOK: Duration = Duration::from_millis(50);

/// The stage of one play.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) node: Node,
    pub(crate) steadies: Vec<Steady>,
    /// A folder for what a play needs beside the data.
    pub(crate) folder: PathBuf,
    /// What the broker said about the fault, for the page.
    pub(crate) quotes: Vec<String>,
    reports: Receiver<(Voice, Instant, String)>,
}

impl Stage {
    /// Starts a broker and everybody, and waits until records flow.
    ///
    /// # Errors
    /// When they do not.
    pub(crate) fn open(mut node: Node, clients: &[Client], folder: &Path) -> Result<Self> {
        node.start()?;
        let (reporter, reports) = mpsc::channel();
        let mut steadies = Vec::new();
        for (place, client) in clients.iter().enumerate() {
            let topics = format!("{}:{PARTITIONS}", steady::topic_of(client));
            let create = [
                "create",
                "--bootstrap",
                &node.address(),
                "--topics",
                &topics,
            ];
            let create = create.map(str::to_owned);
            child::run(&client.program, &create, Vec::new(), STEP_LIMIT)?;
            steadies.push(Steady::start(client, place, &node.address(), &reporter)?);
        }
        let mut stage = Self {
            node,
            steadies,
            folder: folder.to_owned(),
            quotes: Vec::new(),
            reports,
        };
        stage.settle("before the fault")?;
        stage.mark();
        Ok(stage)
    }

    /// Waits until every writer got on and every follower read what was there before.
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn settle(&mut self, when: &str) -> Result<()> {
        let known: Vec<usize> = self.acknowledged();
        self.until(when, |stage| {
            let mut pairs = stage.steadies.iter().zip(&known);
            pairs.all(|(steady, known)| {
                steady.ledger.acknowledged() >= known + SETTLED
                    && steady.history.read_count() > known + SETTLED / 2
            })
        })
    }

    /// How many records of each library are acknowledged.
    pub(crate) fn acknowledged(&self) -> Vec<usize> {
        let ledgers = self.steadies.iter().map(|steady| &steady.ledger);
        ledgers.map(super::ledger::Ledger::acknowledged).collect()
    }

    /// Waits until each library saw an error.
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn until_all_saw_something(&mut self) -> Result<()> {
        self.until("each library sees an error", |stage| {
            stage.steadies.iter().all(|steady| !steady.saw.is_empty())
        })
    }

    /// Waits until each library saw one of these errors.
    ///
    /// # Errors
    /// When one does not.
    pub(crate) fn until_all_saw(&mut self, names: &[&str]) -> Result<()> {
        let names: BTreeSet<&str> = names.iter().copied().collect();
        let what = format!("each library sees one of {names:?}");
        self.until(&what, |stage| {
            let mut steadies = stage.steadies.iter();
            steadies.all(|steady| steady.saw.keys().any(|saw| names.contains(saw.as_str())))
        })
    }

    /// Listens until it is so.
    ///
    /// # Errors
    /// When it does not become so in time: with where everybody stands.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        // Counted, not timed: the machine itself may stand still for a while.
        let mut looks = STEP_LIMIT.as_millis() / LOOK.as_millis();
        while !is_so(self) {
            self.listen(LOOK)?;
            looks -= 1;
            ensure!(
                looks > 0,
                "{what}: it does not come to it; {}",
                self.summary()
            );
        }
        Ok(())
    }

    /// Listens for a while.
    ///
    /// # Errors
    /// When a program says what must not be, or ends.
    pub(crate) fn listen(&mut self, limit: Duration) -> Result<()> {
        let deadline = Deadline::after(limit);
        while let Ok(((place, part), at, line)) = self.reports.recv_timeout(deadline.left()) {
            self.steadies[place].hear(part, at, &line)?;
        }
        for steady in &mut self.steadies {
            steady.check_alive()?;
        }
        Ok(())
    }

    /// From here on the broker's log, errors and waits are the fault's.
    pub(crate) fn mark(&mut self) {
        self.node.mark_log();
        for steady in &mut self.steadies {
            steady.mark();
        }
    }

    /// No library saw an error.
    ///
    /// # Errors
    /// When one did.
    pub(crate) fn nobody_noticed(&self) -> Result<()> {
        let unnoticed = self.steadies.iter().all(|steady| steady.saw.is_empty());
        ensure!(unnoticed, "a library saw an error: {}", self.summary());
        Ok(())
    }

    /// The broker ends by itself, with a failure, and says why.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn ends_loudly(&mut self, why: &str) -> Result<()> {
        let status = self.node.ended()?;
        ensure!(status.code() == Some(1), "the broker ended with {status}");
        self.quote(why)
    }

    /// Keeps what the broker said for the page: it has to be said, and once.
    ///
    /// # Errors
    /// When it was not.
    pub(crate) fn quote(&mut self, text: &str) -> Result<()> {
        let line = self.node.said_once(text)?;
        self.quotes.push(line);
        Ok(())
    }

    /// Where everybody stands.
    fn summary(&self) -> String {
        let steadies: Vec<_> = self.steadies.iter().map(Steady::summary).collect();
        let said = child::tail(&self.node.said().join("\n"));
        format!("{}; the broker said:\n{said}", steadies.join("; "))
    }

    /// Ends the writers, lets the followers read the rest, and ends them.
    ///
    /// # Errors
    /// When they do not come to their ends.
    pub(crate) fn end_clients(&mut self) -> Result<()> {
        for steady in &mut self.steadies {
            steady.end_writing();
        }
        self.until("the writers end", |stage| {
            stage.steadies.iter().all(Steady::has_written)
        })?;
        self.until("the followers read all", |stage| {
            stage.steadies.iter().all(Steady::has_read)
        })?;
        for steady in &mut self.steadies {
            steady.end_following();
        }
        self.until("the followers leave", |stage| {
            stage.steadies.iter().all(Steady::has_left)
        })
    }
}
