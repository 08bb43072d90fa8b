//! One broker's side: plays the script and keeps what the tools print.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::mask;
use super::script::{Run, Step};
use crate::kafka;
use crate::process::Pid;
use crate::stopwatch::Stopwatch;

/// A tool that takes longer hangs.
const TOOL_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// What a tool printed.
#[derive(Debug, Clone)]
pub(super) struct Printed {
    pub(super) label: String,
    /// As printed, for people.
    pub(super) text: String,
    /// Masked, with the exit code as the last line.
    pub(super) lines: Vec<String>,
}

/// The state of a side.
#[derive(Debug)]
pub(super) struct Session {
    address: SocketAddr,
    home: PathBuf,
    started: BTreeMap<String, Child>,
}

impl Session {
    /// A side whose files lie in `home`.
    pub(super) fn new(address: SocketAddr, home: PathBuf) -> Self {
        Self {
            address,
            home,
            started: BTreeMap::new(),
        }
    }

    /// Plays all steps.
    pub(super) fn play(mut self, steps: &[Step]) -> Result<Vec<Printed>> {
        let mut printed = Vec::new();
        for step in steps {
            match step {
                Step::Run(run) => {
                    let one = self.run(run).with_context(|| run.label.clone())?;
                    printed.push(one);
                }
                Step::Start { run, lines } => {
                    self.start(run, *lines).with_context(|| run.label.clone())?;
                }
                Step::Stop(label) => self.stop(label)?,
                Step::File { name, content } => fs::write(self.home.join(name), content)?,
            }
        }
        Ok(printed)
    }

    fn command(&self, run: &Run, output: &Path) -> Result<Command> {
        let mut args = vec!["--bootstrap-server".to_owned(), self.address.to_string()];
        for word in &run.args {
            args.push(match word.strip_prefix('@') {
                Some(name) => self.home.join(name).display().to_string(),
                None => word.clone(),
            });
        }
        let file = File::create(output)?;
        let mut command = kafka::tool(run.main_class, &args)?;
        command
            .stdout(file.try_clone()?)
            .stderr(file)
            .stdin(Stdio::piped());
        Ok(command)
    }

    fn run(&self, run: &Run) -> Result<Printed> {
        let output = self.home.join("output.txt");
        let mut child = self
            .command(run, &output)?
            .spawn()
            .context("cannot run java")?;
        let mut input = child.stdin.take().context("no input")?;
        // A tool that fails at once does not read its input.
        let written = input.write_all(run.input.as_bytes());
        drop(input);
        let outcome = wait(&mut child)?;
        let text = fs::read_to_string(&output)?;
        let mut lines = mask::lines(&text, &self.home);
        if let Err(error) = written
            && outcome == "exit code 0"
        {
            lines.push(format!("input was not read: {error}"));
        }
        if !run.ordered {
            lines.sort();
        }
        lines.push(outcome);
        Ok(Printed {
            label: run.label.clone(),
            text,
            lines,
        })
    }

    /// A tool in the background is up when it has printed what it must.
    fn start(&mut self, run: &Run, lines: usize) -> Result<()> {
        let output = self.home.join("background.txt");
        let child = self
            .command(run, &output)?
            .spawn()
            .context("cannot run java")?;
        let started = Stopwatch::start();
        self.started.insert(run.label.clone(), child);
        while fs::read_to_string(&output)?.lines().count() < lines {
            if started.elapsed() > TOOL_MAX {
                eprintln!("{} has printed too little on {}", run.label, self.address);
                break;
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn stop(&mut self, label: &str) -> Result<()> {
        let mut child = self
            .started
            .remove(label)
            .with_context(|| format!("no {label} runs"))?;
        Pid::of(&child)?.end(TOOL_MAX)?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in self.started.values_mut() {
            if let Err(error) = child.kill().and_then(|()| child.wait().map(drop)) {
                eprintln!("cannot end a tool: {error}");
            }
        }
    }
}

/// The exit code as a line.
fn wait(child: &mut Child) -> Result<String> {
    let started = Stopwatch::start();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(match status.code() {
                Some(code) => format!("exit code {code}"),
                None => format!("{status}"),
            });
        }
        if started.elapsed() > TOOL_MAX {
            child.kill()?;
            child.wait()?;
            return Ok("did not end".to_owned());
        }
        std::thread::sleep(POLL);
    }
}
