//! Files that are not what was written: what is damaged is named, with the place where it is found, and never served.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::faults::fault::{Fault, Ground};
use crate::faults::ledger::Stored;
use crate::faults::machine::Machine;
use crate::faults::stage::Stage;
use crate::faults::steady::{self, Steady};

pub(crate) const SEGMENT: Fault = Fault {
    name: "damaged-segments",
    title: "A bit of an old record of each library is flipped while the broker is down; then the writers go on, whoever reads from the beginning gets an error and no wrong record, and when the bit is put right all is there",
    ground: Ground::Disk,
    settings: &[],
    play: segments,
};

pub(crate) const FILES: Fault = Fault {
    name: "damaged-files",
    title: "Files of every kind get a flipped bit, are cut, emptied or removed, one at a time; each time the broker is started and a library reads everything: it gets what was written, or the broker names the file",
    ground: Ground::Disk,
    settings: &[],
    play: files,
};

/// The partition of each topic whose segment is damaged.
const DAMAGED: usize = 1;

fn segments(stage: &mut Stage) -> Result<()> {
    stage.node.terminate()?;
    let topics: Vec<_> = stage
        .steadies
        .iter()
        .map(|steady| steady.topic.clone())
        .collect();
    let mut places = Vec::new();
    for topic in &topics {
        let log = stage
            .node
            .data
            .join(format!("{topic}-{DAMAGED}/00000000000000000000.log"));
        let at = fs::metadata(&log)?.len() / 4;
        flip(&log, at)?;
        places.push((log, at));
    }
    stage.node.start()?;
    stage.settle("beside the damage")?;
    let address = stage.node.address();
    for steady in &stage.steadies {
        let count = steady.ledger.acknowledged();
        let (read, _is_all) =
            steady::attempt(&steady.client, &address, &[&steady.topic], count, 4)?;
        for (_, record) in &read {
            only_right(steady, record)?;
        }
        // Not by how many are read in all: the other partitions go on.
        let got = read
            .iter()
            .filter(|(_, record)| record.partition == DAMAGED);
        let known = steady
            .reads()
            .keys()
            .filter(|(partition, _)| *partition == DAMAGED);
        let (got, known) = (got.count(), known.count());
        ensure!(
            got < known,
            "{} read {got} of {known} past the damage",
            steady.client.name
        );
    }
    for (log, _) in &places {
        let name = log.strip_prefix(&stage.node.data)?.display();
        stage.quote(&format!("{name} is damaged at "))?;
    }
    stage.node.terminate()?;
    for (log, at) in &places {
        flip(log, *at)?;
    }
    stage.node.start()?;
    stage.settle("the bits are right again")
}

fn flip(path: &Path, at: u64) -> Result<()> {
    let file = fs::File::options().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 0x10], at)?;
    Ok(())
}

/// What was read is what the follower found there, as far as it has come.
fn only_right(steady: &Steady, record: &Stored) -> Result<()> {
    let known = steady.reads().get(&(record.partition, record.offset));
    ensure!(
        known.is_none_or(|number| *number == record.number),
        "{record:?} was read where {known:?} is"
    );
    Ok(())
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A bit of the byte so many parts of a hundred into what is not empty.
    Flip(usize),
    Half,
    Empty,
    Gone,
}

const DAMAGES: [Damage; 4] = [Damage::Flip(45), Damage::Half, Damage::Empty, Damage::Gone];

impl Damage {
    fn apply(self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Flip(percent) => {
                // Most of a journal is empty.
                let used = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
                if let Some(byte) = bytes.get_mut(used * percent / 100) {
                    *byte ^= 0x10;
                }
            }
            Self::Half => bytes.truncate(bytes.len() / 2),
            Self::Empty => bytes.clear(),
            Self::Gone => return fs::remove_file(path).context("removing"),
        }
        fs::write(path, bytes).context("damaging")
    }
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files of a directory but its lock.
fn contents(dir: &Path, found: &mut Files) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            contents(&path, found)?;
        } else if !path.ends_with(".lock") {
            found.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(())
}

/// One file of each kind: the end of its name, and whose folder it is in.
fn chosen(dir: &Path, all: &Files) -> Vec<(String, PathBuf)> {
    let mut kinds = BTreeMap::new();
    for (path, bytes) in all {
        let inside = path.strip_prefix(dir).unwrap_or(path);
        let folder = inside.parent().map(|folder| folder.display().to_string());
        let folder = folder.unwrap_or_default();
        let folder = match folder.split_once("steady-") {
            Some(_) => "a topic",
            None => folder.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit()),
        };
        let name = inside
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let end = name.rsplit_once('.').map_or(&*name, |(_, end)| end);
        if !bytes.is_empty() {
            kinds
                .entry(format!("{folder}/{end}"))
                .or_insert_with(|| path.clone());
        }
    }
    kinds.into_iter().collect()
}

fn files(stage: &mut Stage) -> Result<()> {
    stage.end_clients()?;
    let mut found = Vec::new();
    stage.node.kill();
    damage_each(
        stage,
        "killed",
        |kind| kind.starts_with("journal"),
        &mut found,
    )?;
    stage.node.start()?;
    stage.node.terminate()?;
    damage_each(stage, "ended", |_| true, &mut found)?;
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (what, judged) in &found {
        match judged {
            Ok(how) => *tally.entry(how).or_default() += 1,
            Err(why) => wrong.push(format!("{what}: {why}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let tally = tally.iter().map(|(how, count)| format!("{how}: {count}"));
    stage.quotes.push(tally.collect::<Vec<_>>().join("\n"));
    stage.node.start()
}

/// What was damaged and how, and how the broker took it or what was wrong.
type Found = Vec<(String, Result<&'static str, String>)>;

/// Damages one file of each kind that is wanted in each way.
fn damage_each(
    stage: &mut Stage,
    end: &str,
    is_wanted: fn(&str) -> bool,
    found: &mut Found,
) -> Result<()> {
    let data = stage.node.data.clone();
    let mut all = Files::new();
    contents(&data, &mut all)?;
    let mut kinds = chosen(&data, &all);
    kinds.retain(|(kind, _)| is_wanted(kind));
    for (kind, path) in kinds {
        for damage in DAMAGES {
            let judged = loop {
                let machine = Machine::watch();
                damage.apply(&path, &all[&path])?;
                stage.node.mark_log();
                let judged = judge(stage, &path, found.len());
                stage.node.kill();
                restore(&data, &all)?;
                if judged.is_ok() || !machine.stood_still() {
                    break judged.map_err(|why| format!("{why:#}"));
                }
            };
            found.push((format!("{end}, {kind} {damage:?}"), judged));
        }
    }
    let diary: Vec<_> = found
        .iter()
        .map(|(what, judged)| format!("{what}: {judged:?}"))
        .collect();
    fs::write(stage.folder.join("damages"), diary.join("\n"))?;
    Ok(())
}

/// Makes a directory's files what they were.
fn restore(dir: &Path, all: &Files) -> Result<()> {
    let mut now = Files::new();
    contents(dir, &mut now)?;
    for path in now.keys().filter(|path| !all.contains_key(*path)) {
        fs::remove_file(path)?;
    }
    for (path, bytes) in all {
        if now.get(path) != Some(bytes) {
            fs::write(path, bytes)?;
        }
    }
    Ok(())
}

/// How a broker takes a damage, with one library after the other to read.
fn judge(stage: &mut Stage, path: &Path, turn: usize) -> Result<&'static str> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let before = fs::metadata(path).map_or(0, |file| file.len());
    if let Err(refusal) = stage.node.start() {
        let said = format!("{refusal:#}");
        ensure!(
            said.contains(&name) && !said.contains("panicked"),
            "not named: {said}"
        );
        return Ok("named at the start");
    }
    let reader = stage.steadies[turn % stage.steadies.len()].client.clone();
    let topics: Vec<_> = stage.steadies.iter().map(|steady| &*steady.topic).collect();
    let count = stage.acknowledged().into_iter().sum();
    let address = stage.node.address();
    let mut is_whole = false;
    // A short time is enough where an error has to show; whoever got none may just be slow.
    for seconds in [4, 20] {
        let (read, is_all) = steady::attempt(&reader, &address, &topics, count, seconds)?;
        for (topic, record) in &read {
            let mut steadies = stage.steadies.iter();
            let steady = steadies.find(|steady| steady.topic == *topic);
            only_right(steady.context("a topic that was asked for")?, record)?;
        }
        is_whole = is_all && read.len() == count;
        if is_whole || stage.node.said().iter().any(|line| line.contains(&name)) {
            break;
        }
    }
    let after = fs::metadata(path).map_or(0, |file| file.len());
    ensure!(
        !name.ends_with(".log") || after >= before,
        "it was cut from {before} to {after}"
    );
    let said = stage.node.said().join("\n");
    ensure!(!said.contains("panicked"), "{said}");
    match (is_whole, said.contains(&name)) {
        (true, false) => Ok("read whole all the same"),
        (true, true) => Ok("read whole, and named"),
        (false, true) => Ok("named when it is read"),
        (false, false) => bail!(
            "not all is read with {}, and nothing is named: {said}",
            reader.name
        ),
    }
}
