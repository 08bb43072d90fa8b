//! The broker under a fault: started again and again on one directory and one port, with all that it logs.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::child::{self, Running};
use crate::clock::Deadline;

/// A start replays at most a full journal.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A clean end syncs what is left.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Settings of every broker here: no other broker's port is taken, and groups are there at once.
const SETTINGS: [&str; 4] = [
    "thalweg.metrics.listener=",
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=1",
    "log.segment.bytes=1048576",
];

/// A broker that may be running.
#[derive(Debug)]
pub(crate) struct Node {
    binary: PathBuf,
    pub(crate) data: PathBuf,
    port: u16,
    log: PathBuf,
    settings: &'static [&'static str],
    running: Option<Running>,
    /// Where in the log the fault began.
    mark: usize,
}

impl Node {
    /// A node with its data in one folder and its log in another; it does not run yet.
    ///
    /// # Errors
    /// When there is no port for it.
    pub(crate) fn new(
        binary: &Path,
        data: PathBuf,
        log: PathBuf,
        settings: &'static [&'static str],
    ) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Ok(Self {
            binary: binary.to_owned(),
            data,
            port,
            log,
            settings,
            running: None,
            mark: 0,
        })
    }

    /// Where clients find it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead: with what it said.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.start_after("true")
    }

    /// Starts it after a line of the shell, as one that sets a limit.
    ///
    /// # Errors
    /// When it ends instead: with what it said.
    pub(crate) fn start_after(&mut self, line: &str) -> Result<()> {
        self.running = None;
        let (running, said) = self.spawn(line, self.port, &self.log)?;
        self.running = Some(running);
        if let Err(refusal) = said {
            self.running = None;
            bail!("the broker does not start: {refusal}");
        }
        Ok(())
    }

    /// Starts one that has to end unready, on a port of its own; what it said.
    ///
    /// # Errors
    /// When it gets ready.
    pub(crate) fn refusal(&self, line: &str) -> Result<String> {
        let other = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = self.log.with_extension("refused.log");
        let (_ended, said) = self.spawn(line, other, &log)?;
        match said {
            Err(said) => Ok(said),
            Ok(()) => bail!("a broker started that had to refuse"),
        }
    }

    /// A process and, when it is over before it is ready, what it said.
    fn spawn(&self, line: &str, port: u16, log: &Path) -> Result<(Running, Result<(), String>)> {
        let out = log.with_extension("out");
        drop(std::fs::remove_file(&out));
        let before = read(log).len();
        let script = format!(
            "{line}; exec \"$@\" >\"{}\" 2>>\"{}\"",
            out.display(),
            log.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(&self.binary);
        command.arg("start").arg("--data").arg(&self.data);
        let listener = format!("listeners=PLAINTEXT://127.0.0.1:{port}");
        let own = self.settings.iter().copied();
        for setting in SETTINGS.into_iter().chain(own).chain([&*listener]) {
            command.args(["--override", setting]);
        }
        let mut running = Running::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()))?;
        let deadline = Deadline::after(START_LIMIT);
        loop {
            if read(&out).contains("ready in ") {
                return Ok((running, Ok(())));
            }
            if running.has_ended()? {
                let mut said = read(log).split_off(before);
                said.push_str(&running.said());
                return Ok((running, Err(child::tail(&said))));
            }
            ensure!(!deadline.passed(), "the broker does not get ready");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().context("the broker is not running")
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn pid(&mut self) -> Result<u32> {
        Ok(self.running()?.id())
    }

    /// Sends it a signal, as `-STOP`.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn signal(&mut self, signal: &str) -> Result<()> {
        self.running()?.signal(signal);
        Ok(())
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When the system does not know the process.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        match &mut self.running {
            Some(running) => Ok(!running.has_ended()?),
            None => Ok(false),
        }
    }

    /// Ends it as the end of its machine would: nothing of it runs any more.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// When it does not end so.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        let mut running = self.running.take().context("the broker is not running")?;
        running.terminate();
        let status = running.wait(Deadline::after(END_LIMIT))?;
        ensure!(status.success(), "after SIGTERM: {status}");
        Ok(())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it goes on.
    pub(crate) fn ended(&mut self) -> Result<ExitStatus> {
        let mut running = self.running.take().context("the broker is not running")?;
        running
            .wait(Deadline::after(END_LIMIT))
            .context("the broker has to end")
    }

    /// From here on the log is the fault's.
    pub(crate) fn mark_log(&mut self) {
        self.mark = read(&self.log).len();
    }

    /// Lines that it logged since the mark.
    pub(crate) fn said(&self) -> Vec<String> {
        let said = read(&self.log).split_off(self.mark);
        said.lines().map(str::to_owned).collect()
    }

    /// The first line since the mark that has the text, which has to be there; no line that has it comes twice.
    ///
    /// # Errors
    /// When it is not so: with what was said.
    pub(crate) fn said_once(&self, text: &str) -> Result<String> {
        let said = self.said();
        once(&said, text).with_context(|| child::tail(&said.join("\n")))
    }
}

/// The first line that has the text, when there is one and none comes twice but for its time.
fn once(said: &[String], text: &str) -> Result<String> {
    let mut lines = said.iter().filter(|line| line.contains(text));
    let untimed = |line: &String| line.split_once(' ').map(|(_, rest)| rest.to_owned());
    let mut seen = BTreeSet::new();
    for line in lines.clone() {
        ensure!(seen.insert(untimed(line)), "the broker said twice: {line}");
    }
    let first = lines.next().cloned();
    first.with_context(|| format!("the broker does not say \"{text}\""))
}

/// A file that is being written.
fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_or_said_twice_is_found() {
        let said = ["1 full: a", "2 full: b", "3 room", "4 room"].map(str::to_owned);
        assert_eq!(once(&said, "full").unwrap(), "1 full: a");
        once(&said, "room").expect_err("twice");
        once(&said, "fire").expect_err("never");
    }
}
