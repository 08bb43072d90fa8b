//! A fault: how it is played, and what came of it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::machine::Machine;
use super::node::Node;
use super::stage::Stage;
use super::tamper::SmallDisk;
use crate::outcome::Outcome;
use crate::toolchain::Program;

/// A library that goes through the faults.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) program: Program,
}

/// How often a fault is played on a machine that keeps standing still.
const ATTEMPTS_MAX: usize = 3;

/// Where the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// In a directory of the disk.
    Disk,
    /// On a small file system in memory.
    SmallDisk,
}

/// Something that is done to a broker.
pub(crate) struct Fault {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What is done, for the page.
    pub(crate) title: &'static str,
    pub(crate) ground: Ground,
    /// Settings of the broker beside those of every one.
    pub(crate) settings: &'static [&'static str],
    /// Does it, ends it, and waits until everybody goes on.
    pub(crate) play: fn(&mut Stage) -> Result<()>,
}

/// What came of a fault.
#[derive(Debug)]
pub(crate) struct FaultOutcome {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the broker said.
    pub(crate) quotes: Vec<String>,
    /// The play itself.
    pub(crate) played: Outcome,
    pub(crate) clients: Vec<Reaction>,
}

/// What a library made of a fault.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) title: String,
    pub(crate) version: String,
    /// Errors in the library's words.
    pub(crate) saw: Vec<String>,
    pub(crate) longest_wait: Duration,
    pub(crate) outcome: Outcome,
}

impl Fault {
    /// Plays it with these clients; `folder` is for its files.
    pub(crate) fn play(&self, broker: &Path, clients: &[Client], folder: &Path) -> FaultOutcome {
        // A machine that is stopped for a while by whoever it belongs to makes clients run into timeouts: that is no fault of this list.
        let attempts = (0..ATTEMPTS_MAX)
            .map(|attempt| self.play_once(broker, clients, &folder.join(attempt.to_string())));
        let mut last = None;
        for (outcome, stood_still) in attempts {
            let counts = !stood_still || outcome.failures() == 0;
            last = Some(outcome);
            if counts {
                break;
            }
        }
        last.expect("there is an attempt")
    }

    fn play_once(&self, broker: &Path, clients: &[Client], folder: &Path) -> (FaultOutcome, bool) {
        let mut outcome = FaultOutcome {
            name: self.name,
            title: self.title,
            quotes: Vec::new(),
            played: Outcome::Absent("not played".to_owned()),
            clients: Vec::new(),
        };
        let machine = Machine::watch();
        let played = self.play_into(&mut outcome, broker, clients, folder);
        outcome.played = Outcome::of(played.map(|()| String::new()));
        (outcome, machine.stood_still())
    }

    fn play_into(
        &self,
        outcome: &mut FaultOutcome,
        broker: &Path,
        clients: &[Client],
        folder: &Path,
    ) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let disk = match self.ground {
            Ground::Disk => None,
            Ground::SmallDisk => Some(SmallDisk::mount(&folder.join("disk"))?),
        };
        let data = disk.as_ref().map_or(folder, SmallDisk::path).join("data");
        let node = Node::new(broker, data, folder.join("broker.log"), self.settings)?;
        let mut stage = Stage::open(node, clients, folder)?;
        let played = (self.play)(&mut stage).and_then(|()| stage.end_clients());
        let quotes = stage.quotes.iter();
        outcome.quotes = quotes.map(|quote| untimed(quote, folder)).collect();
        // Read after a crash: what was acknowledged is on the disk and not only in memory.
        let restarted = played.and_then(|()| {
            stage.node.kill();
            stage.node.start()
        });
        let address = stage.node.address();
        for steady in &mut stage.steadies {
            let judged = match restarted {
                Ok(()) => Outcome::of(steady.judge(&address)),
                Err(_) => Outcome::Absent("not judged".to_owned()),
            };
            outcome.clients.push(Reaction {
                title: steady.client.title.clone(),
                version: steady.client.version.clone(),
                saw: steady.saw.keys().cloned().collect(),
                longest_wait: steady.longest_wait,
                outcome: judged,
            });
        }
        restarted
    }
}

/// What is said without the time, and without the folder of this run.
fn untimed(quote: &str, folder: &Path) -> String {
    let said = match quote.split_once(' ') {
        Some((time, said)) if time.ends_with('Z') => said.trim_start(),
        Some(_) | None => quote,
    };
    said.replace(&folder.display().to_string(), "…")
}

impl FaultOutcome {
    /// How many things failed.
    pub(crate) fn failures(&self) -> usize {
        let clients = self.clients.iter().map(|client| &client.outcome);
        let all = clients.chain([&self.played]);
        all.filter(|outcome| outcome.failure().is_some()).count()
    }

    /// What a person sees on the terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for client in &self.clients {
            lines.push(format!(
                "{}: saw {:?}, longest wait {} ms: {:?}",
                client.title,
                client.saw,
                client.longest_wait.as_millis(),
                client.outcome
            ));
        }
        lines.extend(self.quotes.iter().map(|quote| format!("broker: {quote}")));
        lines.push(match self.played.failure() {
            Some(why) => format!("FAILED  {}: {why}", self.name),
            None => format!(
                "{} {}",
                if self.failures() == 0 {
                    "ok     "
                } else {
                    "FAILED "
                },
                self.name
            ),
        });
        lines
    }
}
