//! The broker under test: one that runs already, one that is started from a binary, or Apache Kafka.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::child::Running;
use crate::clock::Deadline;

/// A broker that answers at `address` until this is dropped.
#[derive(Debug)]
pub(crate) struct Broker {
    /// Bootstrap address.
    pub(crate) address: String,
    /// What the report calls it.
    pub(crate) title: String,
    kind: Kind,
    data: PathBuf,
}

#[derive(Debug)]
enum Kind {
    /// Somebody else's: never ended here.
    Foreign,
    Thalweg(Running),
    Kafka,
}

impl Broker {
    /// Finds or starts the broker that `--broker` names; its data and output are kept in `work`.
    ///
    /// # Errors
    /// When it cannot be started or does not answer in time.
    pub(crate) fn open(name: &str, work: &Path, port: Option<u16>) -> Result<Self> {
        let data = work.join("broker");
        let port = port.map_or_else(free_port, Ok)?;
        if name == "kafka" {
            return Self::start_kafka(data, port);
        }
        if Path::new(name).is_file() {
            return Self::start_thalweg(Path::new(name), data, port);
        }
        let address: SocketAddr = name.parse().with_context(|| {
            format!("--broker takes \"kafka\", the path of a binary or an address, not {name}")
        })?;
        await_port(address, Duration::from_secs(5))?;
        Ok(Self {
            address: address.to_string(),
            title: format!("the broker at {address}"),
            kind: Kind::Foreign,
            data,
        })
    }

    fn start_thalweg(binary: &Path, data: PathBuf, port: u16) -> Result<Self> {
        std::fs::create_dir_all(&data)?;
        let version = Command::new(binary).arg("--version").output()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = std::fs::File::create(data.with_extension("log"))?;
        let mut command = Command::new(binary);
        command.arg("start").arg("--data").arg(data.join("data"));
        command.args(["--override", &format!("listeners=PLAINTEXT://{address}")]);
        let running = Running::spawn(command.stdin(Stdio::null()).stdout(log))?;
        let broker = Self {
            address: address.to_string(),
            title: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            kind: Kind::Thalweg(running),
            data,
        };
        await_port(address, Duration::from_secs(20))?;
        Ok(broker)
    }

    fn start_kafka(data: PathBuf, port: u16) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let broker = Self {
            address: address.to_string(),
            title: "Apache Kafka 4.3.1".to_owned(),
            kind: Kind::Kafka,
            data,
        };
        let mut start = broker.xtask_kafka("start");
        start.args(["--port", &port.to_string()]);
        let output = start.output()?;
        ensure!(
            output.status.success(),
            "cargo xtask kafka start: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        await_port(address, Duration::from_secs(60))?;
        Ok(broker)
    }

    fn xtask_kafka(&self, action: &str) -> Command {
        let mut command = Command::new("cargo");
        command
            .current_dir(crate::package::folder())
            .args(["xtask", "kafka", action, "--data"])
            .arg(&self.data);
        command
    }

    /// Ends a broker that was started here and checks that it went in good order.
    ///
    /// # Errors
    /// When it does not end in time or ends with an error.
    pub(crate) fn close(mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Foreign | Kind::Kafka => Ok(()),
            Kind::Thalweg(running) => {
                running.terminate();
                running
                    .wait_success(Deadline::after(Duration::from_secs(20)))
                    .context("the broker after SIGTERM")
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if matches!(self.kind, Kind::Kafka) {
            // Nothing more can be done about a node that does not stop.
            drop(self.xtask_kafka("stop").output());
        }
    }
}

/// A port on loopback that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

fn await_port(address: SocketAddr, limit: Duration) -> Result<()> {
    let deadline = Deadline::after(limit);
    while TcpStream::connect(address).is_err() {
        ensure!(!deadline.passed(), "nothing answers at {address}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}
