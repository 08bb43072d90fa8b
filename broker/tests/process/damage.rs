//! Files of every kind, each with a flipped byte, cut, emptied and removed: what is read is what was written, or somebody names the
//! file. Nothing is served that is not right, and a log is never made shorter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::faults::{KAFKA_STORAGE_ERROR, by_kill, cleanly, files, numbered, restore};
use crate::harness::{Broker, batch, becomes, next_port};
use crate::member::Member;
use thalweg_model::batch::ProducerStamp;
use thalweg_model::{ProducerEpoch, ProducerId};
use thalweg_wire::Str;
use thalweg_wire::messages::OffsetFetchRequest;
use thalweg_wire::messages::offset_fetch_request::OffsetFetchRequestTopic;

const BATCHES: usize = 120;
const RECORDS: usize = 20;

/// Where the group is in the end.
const ALL: i64 = 2_400;

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A bit of the byte so many parts of a hundred into what is not empty.
    Flip(usize),
    Half,
    Empty,
    Gone,
}

const DAMAGES: [Damage; 6] = [
    Damage::Flip(0),
    Damage::Flip(45),
    Damage::Flip(99),
    Damage::Half,
    Damage::Empty,
    Damage::Gone,
];

impl Damage {
    fn apply(self, path: &Path, bytes: &[u8]) {
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
            Self::Gone => return fs::remove_file(path).unwrap(),
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Several segments, a producer with an id, and a group that has read them.
fn written(end: impl FnOnce(Broker)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        "num.partitions=1",
        "log.segment.bytes=1048576",
        "offsets.topic.num.partitions=1",
        "group.initial.rebalance.delay.ms=0",
    ];
    let broker = Broker::start_with(dir.path(), &settings);
    let mut client = broker.connect();
    client.create("t").unwrap();
    let id = client.new_producer().unwrap();
    for n in 0..BATCHES {
        let stamp = ProducerStamp {
            id: ProducerId(id),
            epoch: ProducerEpoch(0),
            base_sequence: i32::try_from(n * RECORDS).unwrap(),
        };
        let produced = client.produce("t", 0, batch(&numbered(n, RECORDS), Some(stamp)));
        assert_eq!(produced.unwrap().0, 0);
    }
    Member::new("g", "t", 1).take_part(broker.port, |member| {
        member.seen.acknowledged.get(&0) == Some(&ALL)
    });
    end(broker);
    dir
}

/// The kind of a file: its folder's kind and the end of its name.
fn kind(dir: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(dir).unwrap();
    let folder = inside.parent().unwrap().display().to_string();
    let folder = folder.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit());
    let name = inside.file_name().unwrap().to_string_lossy().into_owned();
    let end = name.rsplit_once('.').map_or(&*name, |(_, end)| end);
    format!("{folder}/{end}")
}

/// The first, which is not at the end of its log, and the last of each kind.
fn chosen(dir: &Path, all: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let mut kinds: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for path in all.keys() {
        kinds.entry(kind(dir, path)).or_default().push(path);
    }
    let mut chosen: Vec<PathBuf> = Vec::new();
    for paths in kinds.values() {
        chosen.push(paths[0].clone());
        if let [_, .., last] = paths[..] {
            chosen.push(last.clone());
        }
    }
    chosen
}

/// Reads from some places on; what is wrong, or who was refused.
fn look(broker: &Broker) -> Result<bool, String> {
    let mut client = broker.connect();
    let expected: Vec<_> = (0..BATCHES).flat_map(|n| numbered(n, RECORDS)).collect();
    let mut is_refused = false;
    for from in [0, 17, 900, 1_700, 2_399] {
        let at = usize::try_from(from).unwrap();
        match client.read_from("t", 0, from) {
            Ok(records) => {
                let values: Vec<_> = records.iter().map(|(_, value)| value).collect();
                if values != expected[at..].iter().collect::<Vec<_>>() {
                    return Err(format!("{} records from {from} on", values.len()));
                }
            }
            Err(error) if error.to_string() == format!("error {KAFKA_STORAGE_ERROR}") => {
                is_refused = true;
            }
            Err(error) => return Err(format!("{error} from {from} on")),
        }
    }
    Ok(is_refused)
}

/// Where the group is; none while nobody can tell.
fn position(broker: &Broker) -> Result<Option<i64>, String> {
    let request = OffsetFetchRequest {
        group_id: Str::from("g"),
        topics: Some(vec![OffsetFetchRequestTopic {
            name: Str::from("t"),
            partition_indexes: vec![0],
        }]),
        ..OffsetFetchRequest::default()
    };
    let mut found = None;
    let mut client = broker.connect();
    // Whoever is refused asks again and again.
    for _ in 0..20 {
        let answer = client.ask(&request, 5).map_err(|error| error.to_string())?;
        if answer.error_code == 0 {
            found = Some(answer.topics[0].partitions[0].committed_offset);
            break;
        }
    }
    Ok(found)
}

/// Starts a broker on a free port; what it said if it refused.
fn start_anywhere(dir: &Path) -> Result<Broker, String> {
    loop {
        match Broker::start_on(dir, next_port(), &["offsets.topic.num.partitions=1"]) {
            Err(said) if said.contains("Address already in use") => {}
            outcome => return outcome,
        }
    }
}

/// What is wrong with how a broker takes a damage.
fn judge(dir: &Path, path: &Path) -> Result<&'static str, String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let before = fs::metadata(path).map_or(0, |found| found.len());
    let outcome = match start_anywhere(dir) {
        Err(said) if said.contains("panicked") => Err(format!("a panic: {said}")),
        Err(said) if said.contains(&name) => Ok("named at the start"),
        Err(said) => Err(format!("not named: {said}")),
        Ok(broker) => match look(&broker)? {
            true if becomes(|| broker.said().contains(&name)) => Ok("named when it is read"),
            true => Err(format!("refused and not named: {}", broker.said())),
            false if broker.said().contains("panicked") => Err(broker.said()),
            false => match position(&broker)? {
                Some(place) if place == ALL => Ok("harmless"),
                _ if becomes(|| broker.said().contains(&name)) => {
                    Ok("named when the group is loaded")
                }
                place => Err(format!("the group is at {place:?}: {}", broker.said())),
            },
        },
    };
    let after = fs::metadata(path).map_or(0, |found| found.len());
    if name.ends_with(".log") && after < before {
        return Err(format!("it was cut from {before} to {after}"));
    }
    outcome
}

#[test]
fn every_kind_of_file_that_is_damaged_is_named_or_does_not_matter() {
    let mut wrong = Vec::new();
    for (how, end) in [("clean", cleanly as fn(Broker)), ("killed", by_kill)] {
        let dir = written(end);
        let all = files(dir.path());
        for path in chosen(dir.path(), &all) {
            let kind = kind(dir.path(), &path);
            for damage in DAMAGES {
                if all[&path].is_empty() && !matches!(damage, Damage::Gone) {
                    continue;
                }
                damage.apply(&path, &all[&path]);
                let judged = judge(dir.path(), &path);
                println!("{how} {kind} {damage:?}: {judged:?}");
                if let Err(what) = judged {
                    wrong.push(format!(
                        "{how} {kind} {damage:?} {}: {what}",
                        path.display()
                    ));
                }
                restore(dir.path(), &all);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
