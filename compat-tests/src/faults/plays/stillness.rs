//! A broker that is gone or stands still for a while.

use std::time::Duration;

use anyhow::Result;

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;

/// Longer than a request may take and than a group waits for a member.
const STOPPED_FOR: Duration = Duration::from_secs(15);

pub(crate) const KILLED: Fault = Fault {
    name: "killed",
    title: "The broker is killed with SIGKILL, three times, and started again",
    ground: Ground::Disk,
    settings: &[],
    play: killed,
};

pub(crate) const STOPPED: Fault = Fault {
    name: "stopped",
    title: "The broker is stopped with SIGSTOP for 15 s: requests run into their timeouts and are sent again, and sessions of groups are over",
    ground: Ground::Disk,
    settings: &[],
    play: stopped,
};

fn killed(stage: &mut Stage) -> Result<()> {
    for _ in 0..3 {
        stage.node.kill();
        stage.until_all_saw_something()?;
        stage.node.start()?;
        stage.settle("it is started again")?;
    }
    Ok(())
}

fn stopped(stage: &mut Stage) -> Result<()> {
    stage.node.signal("-STOP")?;
    stage.listen(STOPPED_FOR)?;
    stage.until_all_saw_something()?;
    stage.node.signal("-CONT")?;
    stage.settle("it goes on")
}
