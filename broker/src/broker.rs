//! Wiring: what is started in which order, and stopped in the reverse. No logic.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context;
use thalweg_cli::StartOptions;
use thalweg_log::disk::RealDisk;
use thalweg_log::journal::JournalOptions;
use thalweg_log::limits::MANIFEST_BYTES_MIN;
use thalweg_model::Uuid;
use thalweg_replica::{Shard, ShardConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::boot::{boot, random_bytes};
use crate::config::BrokerConfig;
use crate::coordinators::groups;
use crate::limits::COLD_READERS_MAX;
use crate::net::listener;
use crate::node::Node;
use crate::observe::door;
use crate::partition::io_threads::IoThreads;
use crate::partition::{housekeeping, worker};
use crate::storage::data_dir::DataDir;

/// Runs a node until it is told to stop or its storage fails.
pub(crate) fn start(options: &StartOptions) -> ExitCode {
    let clock = Clock::start();
    start_log();
    keep_small_pages();
    match run(options, clock) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut io::stderr(), &format!("thalweg: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Where the system puts all memory into huge pages, a 64 KiB buffer is resident as 2 MiB, but memory has to
/// follow what clients send (docs/NON_OBVIOUS.md). Where it gives them to those who ask, the buffers of
/// direct writes do.
fn keep_small_pages() {
    let policy = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    if policy.is_ok_and(|policy| policy.contains("[madvise]")) {
        return;
    }
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay on");
    }
}

/// The process's variables; one that is no text cannot be a setting.
fn variables() -> impl Iterator<Item = (String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text)
}

fn start_log() {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::fmt::format::FmtSpan;
    let filter = EnvFilter::try_from_env("THALWEG_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(io::stderr)
        .init();
}

fn run(options: &StartOptions, clock: Clock) -> anyhow::Result<()> {
    let config = BrokerConfig::load(options, variables())?;
    for notice in &config.report().notices {
        tracing::warn!("{notice}");
    }
    let fresh_id = Uuid::from_random(random_bytes()?);
    let data = DataDir::open(
        config.data(),
        config.node_id(),
        config.cluster_id(),
        fresh_id,
    )?;
    let shard_config = ShardConfig {
        dir: data.path.clone(),
        directory: data.id,
        seed: u64::from_be_bytes(*random_bytes()?.first_chunk().expect("16 bytes hold 8")),
        journal: JournalOptions::default(),
        manifest_bytes_min: MANIFEST_BYTES_MIN,
    };
    let shard = Shard::open(RealDisk, shard_config, clock.now())
        .with_context(|| format!("the data in {} cannot be opened", data.path.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(COLD_READERS_MAX)
        .build()?;
    LocalSet::new().block_on(&runtime, serve(config, data, shard, clock))
}

async fn serve(
    config: BrokerConfig,
    data: DataDir,
    shard: Shard<RealDisk>,
    clock: Clock,
) -> anyhow::Result<()> {
    let mut stop = StopSignals::install()?;
    let (done, finished) = mpsc::unbounded_channel();
    let io = IoThreads::start(&done)
        .context("a thread cannot be started: there is too little memory, or too many processes")?;
    let config = Rc::new(config);
    let cluster = Cluster::new(config.node_id(), config.static_configs().clone());
    let node = Rc::new(Node::new(clock, Rc::clone(&config), cluster, shard, io));
    worker::spawn(&node, finished);
    boot(&node, config.listeners(), data.cluster_id.as_deref()).await?;
    tokio::task::spawn_local(groups::keep_deadlines(Rc::clone(&node)));
    let data = Rc::new(data);
    tokio::task::spawn_local(housekeeping::watch(Rc::clone(&node), Rc::clone(&data)));
    tokio::task::spawn_local(housekeeping::retain(Rc::clone(&node)));
    tokio::task::spawn_local(housekeeping::give_back_space(Rc::clone(&node)));
    let sockets = bind(&config)?;
    let mut accepting = Vec::new();
    for (name, socket) in sockets {
        let task = listener::accept(Rc::clone(&node), socket, name);
        accepting.push(tokio::task::spawn_local(task));
    }
    let mut metrics = None;
    if let Some(wanted) = node.config.metrics()
        && let Some(socket) = door::open(wanted).await?
    {
        metrics = Some(socket.local_addr()?);
        let task = door::serve(Rc::clone(&node), socket);
        accepting.push(tokio::task::spawn_local(task));
    }
    announce(&node, &data, metrics);
    let failure = tokio::select! {
        () = stop.wait() => None,
        why = node.stop.failed() => Some(why),
    };
    for task in accepting {
        task.abort();
    }
    match failure {
        Some(why) => anyhow::bail!("{why}; nothing was acknowledged that is not on disk"),
        None => {
            tracing::info!("stopping: the log is brought to its files");
            housekeeping::settle(&node).await;
            tracing::info!("stopped");
            Ok(())
        }
    }
}

fn bind(config: &BrokerConfig) -> anyhow::Result<Vec<(Rc<str>, TcpListener)>> {
    let mut sockets = Vec::new();
    for listener in config.listeners() {
        let name: Rc<str> = Rc::from(listener.bound.name.as_str());
        for choice in listener.addresses()? {
            let mut tried = choice
                .into_iter()
                .map(|address| (address, listener::bind(address)));
            let (address, socket) = tried.next().context("a listener has an address")?;
            let socket = match socket {
                Ok(socket) => Ok(socket),
                Err(error) => tried.find_map(|(_, socket)| socket.ok()).ok_or(error),
            };
            let socket = socket.with_context(|| {
                format!(
                    "listener {name} cannot listen on {address}: is another broker running? \
                     choose another port with --override listeners=PLAINTEXT://:PORT"
                )
            })?;
            sockets.push((Rc::clone(&name), socket));
        }
    }
    Ok(sockets)
}

/// Tells a person what runs where, and scripts that the node is ready. Health checks, test containers and clients' own
/// test suites wait for one of Kafka's lines.
fn announce(node: &Node, data: &DataDir, metrics: Option<SocketAddr>) {
    let image = node.cluster.image();
    let id = node.cluster.broker;
    tracing::info!(
        "[BrokerLifecycleManager id={id}] The broker has been unfenced. Transitioning from RECOVERY to RUNNING."
    );
    tracing::info!("[KafkaRaftServer nodeId={id}] Kafka Server started");
    let mut text = format!(
        "thalweg {}, node {}, cluster {}\n  data  {}\n",
        env!("CARGO_PKG_VERSION"),
        node.cluster.broker,
        image.cluster_id().unwrap_or("-"),
        data.path.display(),
    );
    for listener in node.config.listeners() {
        text.push_str(&format!(
            "  kafka {}:{} ({})\n",
            listener.advertised_host, listener.advertised_port, listener.bound.name
        ));
    }
    if let Some(address) = metrics {
        text.push_str(&format!("  metrics http://{address}/metrics\n"));
    }
    text.push_str(&format!("  {} topics\n", image.topics().len()));
    let ready = node.clock.tick().0 / 1000;
    text.push_str(&format!(
        "[KafkaServer id={}] started, ready in {ready} ms",
        node.cluster.broker
    ));
    say(&mut io::stdout(), &text);
}

fn say(out: &mut impl Write, text: &str) {
    // A reader that is gone must not keep the node from running or ending.
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The signals that ask for a clean end. They are taken over before the node says that it is ready:
/// whoever waits for that may ask at once.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
