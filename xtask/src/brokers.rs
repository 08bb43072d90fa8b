//! The systems that are compared, and how each is started.

use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::kafka::{KafkaNode, NodeOptions};
use crate::process::Pid;
use crate::ready;
use crate::stopwatch::Stopwatch;

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const KAFKA_HEAP: &str = "1g";

/// What both nodes are told, so that neither differs by chance.
const ALIKE: &[(&str, &str)] = &[
    ("node.id", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
];

/// The properties of two nodes whose answers are compared.
pub(crate) fn alike() -> Vec<(String, String)> {
    let pairs = ALIKE.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A broker in one of the set-ups that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Apache Kafka as it comes: an acknowledged record may be in memory only.
    Kafka,
    /// Apache Kafka with a sync before every acknowledgement.
    KafkaSync,
    /// Thalweg as it comes: an acknowledged record is on stable storage.
    Thalweg,
}

impl FromStr for System {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "kafka" => Ok(Self::Kafka),
            "kafka-sync" => Ok(Self::KafkaSync),
            "thalweg" => Ok(Self::Thalweg),
            other => Err(anyhow!("no system {other}: kafka, kafka-sync or thalweg")),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kafka => "Kafka",
            Self::KafkaSync => "Kafka, synced",
            Self::Thalweg => "Thalweg",
        })
    }
}

/// Where a system is to run.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) home: PathBuf,
    pub(crate) port: u16,
    pub(crate) thalweg: Option<PathBuf>,
    /// Server properties beside the defaults of each system.
    pub(crate) overrides: Vec<(String, String)>,
}

/// A broker that runs; it ends with this value.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) pid: Pid,
    pub(crate) address: SocketAddr,
    /// Since the spawn.
    pub(crate) started: Stopwatch,
    /// From spawn to the first answer.
    pub(crate) ready_after: Duration,
}

impl System {
    /// Starts the broker on the data that `place` holds and waits until it answers.
    pub(crate) fn start(self, place: &Place) -> Result<Running> {
        fs::create_dir_all(&place.home)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        match self {
            Self::Kafka => kafka(place, address, &[]),
            Self::KafkaSync => kafka(place, address, &[("log.flush.interval.messages", "1")]),
            Self::Thalweg => thalweg(place, address),
        }
    }
}

fn kafka(place: &Place, address: SocketAddr, extra: &[(&str, &str)]) -> Result<Running> {
    let mut overrides = place.overrides.clone();
    overrides.extend(
        extra
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    let node = KafkaNode::start(&NodeOptions {
        port: place.port,
        controller_port: place.port + 1,
        home: place.home.clone(),
        overrides,
        heap: KAFKA_HEAP.to_owned(),
        detached: false,
    })?;
    let (pid, started, ready_after) = (node.pid, node.started, node.ready_after);
    Ok(Running {
        child: node.into_child(),
        pid,
        address,
        started,
        ready_after,
    })
}

fn thalweg(place: &Place, address: SocketAddr) -> Result<Running> {
    let binary: &Path = place.thalweg.as_deref().context("no binary of Thalweg")?;
    let log = File::create(place.home.join("server.log"))?;
    let started = Stopwatch::start();
    let child = Command::new(binary)
        .arg("start")
        .arg("--data")
        .arg(place.home.join("data"))
        .arg("--override")
        .arg(format!("listeners=PLAINTEXT://{address}"))
        .args(
            place
                .overrides
                .iter()
                .flat_map(|(key, value)| ["--override".to_owned(), format!("{key}={value}")]),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let pid = Pid::of(&child)?;
    let mut running = Running {
        child,
        pid,
        address,
        started,
        ready_after: Duration::ZERO,
    };
    running.ready_after = ready::wait_until_ready(address, pid, started, READY_MAX)
        .with_context(|| format!("see {}", place.home.join("server.log").display()))?;
    Ok(running)
}

impl Running {
    /// Ends the broker and waits for it.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.end()
    }

    /// Ends the broker without a warning.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.pid.end(STOP_PATIENCE)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("cannot end process {}: {error:#}", self.pid.raw());
        }
    }
}
