//! A data directory that goes away, cannot be written, is another user's, or is wanted twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;
use crate::faults::tamper;

/// Puts the command line of a shell's `exec "$@"` under a user who owns nothing.
const AS_NOBODY: &str = r#"set -- setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@""#;

pub(crate) const REMOVED: Fault = Fault {
    name: "directory-removed",
    title: "The data directory is removed under the broker, which has to end; the files, of which there are other hard links, are put back, and it is started again",
    ground: Ground::Disk,
    settings: &[],
    play: removed,
};

pub(crate) const READ_ONLY: Fault = Fault {
    name: "read-only",
    title: "The broker is killed and its disk mounted read-only: it does not start, until the disk can be written again",
    ground: Ground::SmallDisk,
    settings: &[],
    play: read_only,
};

pub(crate) const ANOTHER_OWNER: Fault = Fault {
    name: "another-owner",
    title: "The broker is ended and started as a user whom the data does not belong to: it does not start, and does as the owner",
    ground: Ground::Disk,
    settings: &[],
    play: another_owner,
};

pub(crate) const TWO_BROKERS: Fault = Fault {
    name: "two-brokers",
    title: "A second broker is started on the directory of the one that runs: it does not start, and the first goes on",
    ground: Ground::Disk,
    settings: &[],
    play: two_brokers,
};

fn removed(stage: &mut Stage) -> Result<()> {
    let data = stage.node.data.clone();
    let copy = data.with_file_name("copy");
    // No file is made while the links are: then none is missing among them.
    stage.node.signal("-STOP")?;
    link_all(&data, &copy)?;
    fs::remove_dir_all(&data)?;
    stage.node.signal("-CONT")?;
    stage.ends_loudly("stable storage failed")?;
    stage.until_all_saw_something()?;
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::rename(&copy, &data)?;
    stage.node.start()?;
    stage.settle("the directory is back")
}

/// Gives every file of a directory another name in another directory.
fn link_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}

fn read_only(stage: &mut Stage) -> Result<()> {
    stage.node.kill();
    stage.until_all_saw_something()?;
    let disk = stage.folder.join("disk");
    tamper::remount(&disk, "ro")?;
    let said = stage.node.refusal("true");
    tamper::remount(&disk, "rw")?;
    names(stage, &said?, &["cannot be used"])?;
    stage.node.start()?;
    stage.settle("it can be written again")
}

fn another_owner(stage: &mut Stage) -> Result<()> {
    stage.node.terminate()?;
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755));
    open(&stage.folder)?;
    open(&stage.node.data)?;
    let said = stage.node.refusal(AS_NOBODY)?;
    names(
        stage,
        &said,
        &["cannot be used", "make it writable for this user"],
    )?;
    stage.until_all_saw_something()?;
    stage.node.start()?;
    stage.settle("its owner starts it")
}

fn two_brokers(stage: &mut Stage) -> Result<()> {
    let said = stage.node.refusal("true")?;
    names(stage, &said, &["is in use by another process"])?;
    stage.settle("the first goes on")?;
    stage.nobody_noticed()
}

/// The refusal names the directory and says why; it is quoted.
fn names(stage: &mut Stage, said: &str, why: &[&str]) -> Result<()> {
    let data = stage.node.data.display().to_string();
    for text in why.iter().chain([&&*data]) {
        ensure!(said.contains(text), "\"{text}\" is not said: {said}");
    }
    stage.quotes.push(said.trim().to_owned());
    Ok(())
}
