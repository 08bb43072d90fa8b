//! Client processes: run to their end within a time limit, or driven line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::clock::Deadline;
use crate::toolchain::Program;

/// How often a running process is asked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A process of our own in a process group of its own, killed with its children when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts a client with the contract's arguments.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) fn start(program: &Program, arguments: &[String]) -> Result<Self> {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).args(arguments);
        command.envs(program.environment.iter().cloned());
        Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// Starts any command; its standard error is collected.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        command.stderr(Stdio::piped()).process_group(0);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stream = child
            .stderr
            .take()
            .context("standard error was asked for")?;
        let stderr = std::thread::spawn(move || text_of(stream));
        Ok(Self {
            child,
            stderr: Some(stderr),
        })
    }

    /// Standard input, once.
    pub(crate) fn take_input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Calls `each` with every line of standard output, on a thread of its own.
    pub(crate) fn each_line(&mut self, mut each: impl FnMut(String) + Send + 'static) {
        if let Some(stdout) = self.child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    each(line);
                }
            });
        }
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// When the system does not know the process.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for the end; past the deadline the process is killed.
    ///
    /// # Errors
    /// When it does not end in time.
    pub(crate) fn wait(&mut self, deadline: Deadline) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if deadline.passed() {
                self.kill();
                bail!("it did not end in time and was killed");
            }
            std::thread::park_timeout(POLL_INTERVAL);
        }
    }

    /// Waits for a successful end.
    ///
    /// # Errors
    /// When it does not end in time, or ends badly: with what it said.
    pub(crate) fn wait_success(&mut self, deadline: Deadline) -> Result<()> {
        let status = self.wait(deadline);
        let said = self.said();
        let status = status.with_context(|| tail(&said))?;
        ensure!(status.success(), "{status}: {}", tail(&said));
        Ok(())
    }

    /// Asks the process to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Kills the process and its children at once.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        // The signal cannot be refused: this only collects the exit status.
        drop(self.child.wait());
    }

    /// Standard error until its end; call it once the process has ended.
    pub(crate) fn said(&mut self) -> String {
        let reader = self.stderr.take();
        reader
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, as `-STOP`, to the process and its children.
    pub(crate) fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let sent = Command::new("kill")
            .args([signal, "--", &group])
            .stderr(Stdio::null())
            .status();
        // A group that has already ended cannot be signalled, and need not be.
        drop(sent);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.kill();
        }
    }
}

/// Runs a client to its end and answers its standard output.
///
/// # Errors
/// When it fails or takes longer than `limit`; what it said last is in the error.
pub(crate) fn run(
    program: &Program,
    arguments: &[String],
    input: Vec<u8>,
    limit: Duration,
) -> Result<String> {
    let mut running = Running::start(program, arguments)?;
    if let Some(mut stdin) = running.take_input() {
        std::thread::spawn(move || {
            // A client that ended early says why by its exit code.
            drop(stdin.write_all(&input));
        });
    }
    let stdout = running
        .child
        .stdout
        .take()
        .context("standard output was asked for")?;
    let reader = std::thread::spawn(move || text_of(stdout));
    running.wait_success(Deadline::after(limit))?;
    Ok(reader.join().unwrap_or_default())
}

fn text_of(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // A stream that breaks ends like one that is closed.
    drop(stream.read_to_end(&mut bytes));
    // Without a copy where it is text, as it should be: it may be a gigabyte.
    String::from_utf8(bytes)
        .unwrap_or_else(|mixed| String::from_utf8_lossy(mixed.as_bytes()).into_owned())
}

/// The last lines of what a client said: the cause is usually there.
pub(crate) fn tail(text: &str) -> String {
    const LINES_MAX: usize = 6;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}
