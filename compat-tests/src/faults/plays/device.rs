//! A device that fails or takes its time, by `strace`: what failed is never acknowledged and ends the node, what is slow only takes time.

use std::time::Duration;

use anyhow::Result;

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;
use crate::faults::tamper::Tampering;

/// Has segments and manifest synced all the time.
const MANY_SYNCS: &[&str] = &["log.retention.check.interval.ms=200"];

/// How long the device is slow.
const SLOW_FOR: Duration = Duration::from_secs(6);

pub(crate) const FAILED_WRITE: Fault = Fault {
    name: "failed-write",
    title: "Writes to the journal fail with EIO; the broker has to end and is started again on a device that works",
    ground: Ground::Disk,
    settings: &[],
    play: |stage| fail(stage, "pwritev2"),
};

pub(crate) const FAILED_SYNC: Fault = Fault {
    name: "failed-sync",
    title: "Syncs of segments fail with EIO; the broker has to end and is started again on a device that works",
    ground: Ground::Disk,
    settings: MANY_SYNCS,
    play: |stage| fail(stage, "fdatasync"),
};

pub(crate) const SLOW_WRITES: Fault = Fault {
    name: "slow-writes",
    title: "Every write to the journal takes 0.2 s more for some seconds",
    ground: Ground::Disk,
    settings: &[],
    play: |stage| delay(stage, "pwritev2", "delay_enter=200000"),
};

pub(crate) const SLOW_SYNCS: Fault = Fault {
    name: "slow-syncs",
    title: "Every sync of a segment takes 1 s more for some seconds",
    ground: Ground::Disk,
    settings: MANY_SYNCS,
    play: |stage| delay(stage, "fdatasync", "delay_enter=1000000"),
};

fn fail(stage: &mut Stage, call: &str) -> Result<()> {
    let tampering = Tampering::begin(
        stage.node.pid()?,
        call,
        "error=EIO",
        stage.folder.join("trace"),
    )?;
    stage.ends_loudly("stable storage failed")?;
    tampering.end()?;
    stage.until_all_saw_something()?;
    stage.node.start()?;
    stage.settle("it is started again")
}

fn delay(stage: &mut Stage, call: &str, how: &str) -> Result<()> {
    let tampering = Tampering::begin(stage.node.pid()?, call, how, stage.folder.join("trace"))?;
    stage.listen(SLOW_FOR)?;
    stage.settle("while the device is slow")?;
    tampering.end()?;
    stage.settle("the device is as before")?;
    stage.nobody_noticed()
}
