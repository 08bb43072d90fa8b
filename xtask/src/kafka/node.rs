//! A single Kafka node in KRaft mode: broker and controller in one JVM.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::tool::{java, tool};
use crate::process::Pid;
use crate::ready;
use crate::stopwatch::Stopwatch;

/// A start of a cold JVM on a busy machine takes seconds, not minutes.
const READY_MAX: Duration = Duration::from_secs(300);

/// Kafka's controlled shutdown takes a few seconds.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Any fixed id: a data directory belongs to one node.
const CLUSTER_ID: &str = "dGhhbHdlZy1yZWZlcmVuYw";

/// How a node is started.
#[derive(Debug, Clone)]
pub(crate) struct NodeOptions {
    /// The client port, on loopback.
    pub(crate) port: u16,
    /// The controller's port, on loopback.
    pub(crate) controller_port: u16,
    /// Holds the logs, the properties, the pid and the output.
    pub(crate) home: PathBuf,
    /// Extra server properties, `key=value`; they win over the defaults.
    pub(crate) overrides: Vec<(String, String)>,
    /// The JVM's heap, as in `-Xmx`.
    pub(crate) heap: String,
    /// Whether it outlives this process and its terminal.
    pub(crate) detached: bool,
}

/// A running node.
#[derive(Debug)]
pub(crate) struct KafkaNode {
    child: Child,
    /// Its process.
    pub(crate) pid: Pid,
    /// Since the spawn.
    pub(crate) started: Stopwatch,
    /// From spawn to the first answer.
    pub(crate) ready_after: Duration,
}

impl KafkaNode {
    /// Formats the data directory when it is new, starts the node and waits until it answers.
    pub(crate) fn start(options: &NodeOptions) -> Result<Self> {
        fs::create_dir_all(&options.home)?;
        let properties = options.home.join("server.properties");
        fs::write(&properties, server_properties(options))?;
        if !options.home.join("logs/meta.properties").exists() {
            format(&options.home, &properties)?;
        }
        let started = Stopwatch::start();
        let child = server(options, &properties)?
            .spawn()
            .context("cannot run java")?;
        let pid = Pid::of(&child)?;
        fs::write(options.home.join("pid"), pid.raw().to_string())?;
        let mut node = Self {
            child,
            pid,
            started,
            ready_after: Duration::ZERO,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        match ready::wait_until_ready(address, pid, started, READY_MAX) {
            Ok(ready_after) => {
                node.ready_after = ready_after;
                Ok(node)
            }
            Err(error) => {
                node.stop()?;
                let log = options.home.join("server.log");
                Err(error.context(format!("see {}", log.display())))
            }
        }
    }

    /// Hands over the process; the caller ends it.
    pub(crate) fn into_child(self) -> Child {
        self.child
    }

    /// Ends the node and waits for it.
    fn stop(mut self) -> Result<()> {
        self.pid.end(STOP_PATIENCE)?;
        self.child.wait()?;
        Ok(())
    }
}

/// Ends the node that was started with `home`, when it still runs.
pub(crate) fn stop_by_home(home: &Path) -> Result<()> {
    let file = home.join("pid");
    let raw = fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
    let pid = Pid::new(raw.trim().parse()?)?;
    if pid.is_alive() {
        let line = pid.command_line()?;
        ensure!(
            line.contains("kafka.Kafka"),
            "process {} is not Kafka: {line}",
            pid.raw()
        );
        pid.end(STOP_PATIENCE)?;
    }
    fs::remove_file(file)?;
    Ok(())
}

/// The JVM flags are those of Kafka's own start script, but for the heap.
fn server(options: &NodeOptions, properties: &Path) -> Result<Command> {
    let log = File::create(options.home.join("server.log"))?;
    let mut command = java()?;
    command
        .arg(format!("-Xmx{0}", options.heap))
        .arg(format!("-Xms{0}", options.heap))
        .args(["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"])
        .args([
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
        ])
        .args(["-XX:MaxInlineLevel=15", "-Djava.awt.headless=true"])
        .arg("kafka.Kafka")
        .arg(properties)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if options.detached {
        command.process_group(0);
    }
    Ok(command)
}

fn format(home: &Path, properties: &Path) -> Result<()> {
    let args = ["format", "-t", CLUSTER_ID, "-c"]
        .map(str::to_owned)
        .to_vec();
    let output = tool("kafka.tools.StorageTool", &args)?
        .arg(properties)
        .output()?;
    fs::write(
        home.join("format.log"),
        [output.stdout, output.stderr].concat(),
    )?;
    ensure!(
        output.status.success(),
        "format failed, see {}",
        home.join("format.log").display()
    );
    Ok(())
}

/// One node cannot replicate, so the internal topics get one replica; all else is Kafka's default.
fn server_properties(options: &NodeOptions) -> String {
    let (port, controller) = (options.port, options.controller_port);
    let mut pairs = vec![
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        (
            "controller.quorum.voters",
            format!("1@127.0.0.1:{controller}"),
        ),
        (
            "listeners",
            format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://127.0.0.1:{port}"),
        ),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
        ),
        ("log.dirs", options.home.join("logs").display().to_string()),
        ("offsets.topic.replication.factor", "1".to_owned()),
        ("transaction.state.log.replication.factor", "1".to_owned()),
        ("transaction.state.log.min.isr", "1".to_owned()),
        (
            "share.coordinator.state.topic.replication.factor",
            "1".to_owned(),
        ),
        ("share.coordinator.state.topic.min.isr", "1".to_owned()),
    ];
    for (key, value) in &options.overrides {
        pairs.retain(|(known, _)| known != key);
        pairs.push((key, value.clone()));
    }
    pairs
        .into_iter()
        .fold(String::new(), |mut text, (key, value)| {
            writeln!(text, "{key}={value}").expect("writing to a String cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_replaces_the_default() {
        let text = server_properties(&NodeOptions {
            port: 22000,
            controller_port: 22001,
            home: PathBuf::from("x"),
            overrides: vec![
                ("node.id".into(), "5".into()),
                ("num.partitions".into(), "4".into()),
            ],
            heap: "512m".into(),
            detached: false,
        });
        assert!(text.contains("node.id=5\n") && text.contains("num.partitions=4\n"));
        assert!(!text.contains("node.id=1\n"));
        assert!(text.contains("listeners=PLAINTEXT://127.0.0.1:22000,CONTROLLER://"));
    }

    #[test]
    fn stop_refuses_a_process_that_is_not_kafka() {
        let home = std::env::temp_dir().join(format!("xtask-stop-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("pid"), std::process::id().to_string()).unwrap();
        let error = stop_by_home(&home).unwrap_err();
        assert!(error.to_string().contains("is not Kafka"), "{error}");
        fs::remove_dir_all(home).unwrap();
    }
}
