//! A wall clock that is moved, by a library that is loaded into the broker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;

/// Moves the wall clock by as many seconds as a file says.
const SOURCE: &str = include_str!("../../../../broker/tests/process/moving_clock.c");

pub(crate) const STEPS: Fault = Fault {
    name: "clock-steps",
    title: "The broker's wall clock goes an hour on, two hours back, a day and an hour on, and back to what it was",
    ground: Ground::Disk,
    settings: &[],
    play: steps,
};

fn steps(stage: &mut Stage) -> Result<()> {
    let library = moving_clock(&stage.folder)?;
    let moved = stage.folder.join("moved");
    std::fs::write(&moved, "0")?;
    stage.node.terminate()?;
    let (library, file) = (library.display(), moved.display());
    let line = format!("export LD_PRELOAD={library} MOVED_SECONDS_FILE={file}");
    stage.node.start_after(&line)?;
    stage.settle("with a clock that can be moved")?;
    stage.mark();
    for seconds in ["3600", "-3600", "86400", "0"] {
        std::fs::write(&moved, seconds)?;
        stage.settle(seconds)?;
        stage.nobody_noticed()?;
    }
    Ok(())
}

fn moving_clock(folder: &Path) -> Result<PathBuf> {
    let (c, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&c, SOURCE)?;
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &c]);
    let status = cc.arg("-ldl").status().context("a compiler for C")?;
    ensure!(status.success(), "cc: {status}");
    Ok(library)
}
