//! A disk without room: produce gets a retriable error, readers do not notice, and all goes on when there is room.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;
use crate::faults::tamper;

/// How long the disk stays full once everybody has noticed.
const FULL_FOR: Duration = Duration::from_secs(5);

pub(crate) const FULL: Fault = Fault {
    name: "disk-full",
    title: "The disk (a tmpfs) is filled, and some seconds later there is room again",
    ground: Ground::SmallDisk,
    settings: &[],
    play: full,
};

fn full(stage: &mut Stage) -> Result<()> {
    let ballast = stage.node.data.with_file_name("ballast");
    tamper::fill(&ballast)?;
    stage.until_all_saw(&["KAFKA_STORAGE_ERROR", "REQUEST_TIMED_OUT"])?;
    // What gets room for a moment may be acknowledged; then nothing is.
    tamper::fill(&ballast)?;
    stage.listen(FULL_FOR)?;
    let before = stage.acknowledged();
    stage.listen(FULL_FOR)?;
    let after = stage.acknowledged();
    ensure!(
        before == after,
        "acknowledged on a full disk: {before:?}, then {after:?}"
    );
    ensure!(stage.node.is_running()?, "the broker has ended");
    std::fs::remove_file(&ballast)?;
    stage.settle("there is room again")?;
    stage.quote("the disk is full")
}
