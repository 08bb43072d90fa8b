//! `thalweg debug` on the directory of a running and of an ended node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use thalweg_wire::Str;
use thalweg_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use thalweg_wire::messages::{FindCoordinatorRequest, OffsetCommitRequest};

use crate::harness::{Broker, Client, batch, becomes};

/// Rows of `thalweg debug`, and what it says beside.
fn debug(words: &[&str]) -> (Vec<Value>, String) {
    let binary = env!("CARGO_BIN_EXE_thalweg");
    let mut command = Command::new(binary);
    let out = command
        .arg("debug")
        .args(words)
        .args(["-o", "json"])
        .output();
    let out = out.unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{words:?}: {said}");
    (serde_json::from_slice(&out.stdout).unwrap(), said)
}

/// Every file of a directory with its length and time of change.
fn fingerprint(dir: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::metadata(&path).unwrap();
            if meta.is_dir() {
                left.push(path);
            } else {
                let is = (meta.len(), meta.modified().unwrap());
                files.insert(path.display().to_string(), is);
            }
        }
    }
    files
}

fn commit(client: &mut Client, offset: i64) -> i16 {
    let request = OffsetCommitRequest {
        group_id: Str::from("readers"),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: Str::from("t"),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: offset,
                committed_metadata: Some(Str::from("note")),
                ..OffsetCommitRequestPartition::default()
            }],
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let response = client.ask(&request, 8).unwrap();
    response.topics[0].partitions[0].error_code
}

/// What must be seen whether the node runs or not: all that was acknowledged is in the journal, and maybe not in its
/// segment yet.
fn look_at_journal(data: &str) {
    let (blocks, _) = debug(&["journal", data]);
    assert!(blocks.iter().all(|block| block["payload"] == "ok"));
    assert!(blocks.iter().skip(1).all(|block| block["follows"] == "yes"));
    let (entries, _) = debug(&["journal", data, "--entries"]);
    assert!(
        entries
            .iter()
            .any(|entry| entry["kind"] == "append" && entry["offset"] == 4)
    );
}

/// What must be seen when the node has ended.
fn look_at_segments(dir: &Path) {
    let data = dir.to_str().unwrap();
    let partition = dir.join("t-0");
    let partition = partition.to_str().unwrap();
    let (batches, _) = debug(&["log", partition]);
    assert_eq!(batches.len(), 3);
    assert_eq!(batches[2]["first"], 4);
    assert_eq!(batches[2]["last"], 5);
    assert_eq!(batches[2]["records"], 2);
    assert!(batches.iter().all(|batch| batch["crc"] == "ok"));
    let (later, _) = debug(&["log", partition, "--from", "3"]);
    assert_eq!(later.len(), 2, "a batch that holds the offset is shown");
    let (records, said) = debug(&["log", partition, "--records", "--max", "5"]);
    assert_eq!(records.len(), 5);
    assert_eq!(
        (&records[3]["offset"], &records[3]["value"]),
        (&3.into(), &"b1".into())
    );
    assert!(said.contains("5 of 6 rows"), "{said}");

    let (offsets, _) = debug(&["groups", data]);
    assert_eq!(offsets.len(), 1);
    assert_eq!(offsets[0]["group"], "readers");
    assert_eq!(
        (&offsets[0]["topic"], &offsets[0]["offset"]),
        (&"t".into(), &5.into())
    );
    assert_eq!(offsets[0]["metadata"], "note");
}

#[test]
fn what_a_directory_holds_is_shown_and_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    for name in ["a", "b", "c"] {
        let values: Vec<Vec<u8>> = (0..2).map(|i| format!("{name}{i}").into_bytes()).collect();
        assert_eq!(client.produce("t", 0, batch(&values, None)).unwrap().0, 0);
    }
    // The coordinator's topic appears with the first question for it.
    let find = FindCoordinatorRequest {
        key: Str::from("readers"),
        ..FindCoordinatorRequest::default()
    };
    client.ask(&find, 3).unwrap();
    assert!(becomes(|| commit(&mut client, 3) == 0));
    assert_eq!(commit(&mut client, 5), 0);
    let data = dir.path().to_str().unwrap();
    // The newest block is vouched for a moment after it was written.
    assert!(becomes(|| {
        let before = fingerprint(dir.path());
        std::thread::sleep(std::time::Duration::from_millis(200));
        before == fingerprint(dir.path())
    }));
    let before = fingerprint(dir.path());
    look_at_journal(data);
    debug(&["groups", data]);
    debug(&["manifest", data]);
    let after = fingerprint(dir.path());
    assert_eq!(after, before, "a live directory is as it was");
    drop(client);
    assert!(broker.terminate().success());
    let before = fingerprint(dir.path());
    look_at_journal(data);
    look_at_segments(dir.path());
    let (groups, said) = debug(&["manifest", dir.path().to_str().unwrap()]);
    let is_t = |group: &&Value| group["topic"] == "t";
    assert_eq!(groups.iter().find(is_t).unwrap()["log_end"], 6);
    assert!(said.contains("commit "), "{said}");
    assert_eq!(
        fingerprint(dir.path()),
        before,
        "an ended node's is as well"
    );
}

#[test]
fn damage_is_shown_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    for _ in 0..2 {
        client
            .produce("t", 0, batch(&[vec![1; 100]], None))
            .unwrap();
    }
    drop(client);
    assert!(broker.terminate().success());
    let file = dir.path().join("t-0/00000000000000000000.log");
    let mut bytes = fs::read(&file).unwrap();
    bytes[80] ^= 1;
    let cut = bytes.len() - 10;
    fs::write(&file, &bytes[..cut]).unwrap();
    let (batches, said) = debug(&["log", file.to_str().unwrap()]);
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["crc"], "its checksum is wrong");
    assert!(said.contains("the batch is cut off"), "{said}");
    let missing = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["debug", "journal", "/nowhere"])
        .output()
        .unwrap();
    assert!(!missing.status.success());
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.contains("/nowhere/journal"), "{said}");
}
