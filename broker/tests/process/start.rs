//! Starting and ending: what stands in the way is named, and a clean end leaves nothing to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::faults::files;
use crate::harness::{Broker, batch, setting};

/// What a broker says that cannot start.
fn refusal(data: &Path, port: u16, overrides: &[&str]) -> String {
    Broker::start_on(data, port, overrides)
        .err()
        .expect("it does not start")
}

/// Ports on which nothing is ever opened: the process ends before.
const UNUSED_PORT: u16 = 26_999;

#[test]
fn a_second_broker_on_one_data_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Broker::start(dir.path());
    let said = refusal(dir.path(), UNUSED_PORT, &[]);
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(said.contains(&dir.path().display().to_string()), "{said}");
    first.connect().create("t").unwrap();
}

#[test]
fn a_directory_of_another_node_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path());
    assert!(broker.terminate().success());
    let said = refusal(dir.path(), UNUSED_PORT, &["node.id=7"]);
    assert!(said.contains("this is node 7"), "{said}");
    assert!(said.contains("set node.id to 1"), "{said}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let data = file.join("data");
    let said = refusal(&data, UNUSED_PORT, &[]);
    assert!(said.contains(&data.display().to_string()), "{said}");
    assert!(said.contains("choose another with --data"), "{said}");
    // A place where even a superuser cannot make a directory.
    let said = refusal(Path::new("/proc/thalweg-data"), UNUSED_PORT, &[]);
    assert!(said.contains("/proc/thalweg-data cannot be used"), "{said}");
}

#[test]
fn a_port_in_use_is_named() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Broker::start(dir.path());
    let said = refusal(other.path(), first.port, &[]);
    let address = format!("cannot listen on 127.0.0.1:{}", first.port);
    assert!(said.contains(&address), "{said}");
    assert!(said.contains("is another broker running?"), "{said}");
}

/// What test containers and the fixtures of client libraries look for in a broker's log.
#[test]
fn those_who_wait_for_kafkas_lines_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start_with(dir.path(), &["node.id=3"]);
    assert!(broker.terminate().success());
    let said = broker.said();
    assert!(
        said.contains("Transitioning from RECOVERY to RUNNING"),
        "{said}"
    );
    assert!(
        said.contains("[KafkaRaftServer nodeId=3] Kafka Server started"),
        "{said}"
    );
}

#[test]
fn an_unknown_setting_is_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start_with(dir.path(), &["num.partitons=3"]);
    assert!(broker.terminate().success());
    let said = broker.said();
    assert_eq!(said.matches("num.partitons").count(), 1, "{said}");
    assert!(said.contains("did you mean num.partitions?"), "{said}");
}

#[test]
fn all_wrong_settings_are_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = [
        "num.partitions=none",
        "log.segment.bytes=-5",
        "compression.type=rar",
    ];
    let said = refusal(dir.path(), UNUSED_PORT, &wrong);
    assert!(said.contains("several settings are wrong"), "{said}");
    for key in ["num.partitions", "log.segment.bytes", "compression.type"] {
        assert_eq!(
            said.matches(&format!("\n  {key} ")).count(),
            1,
            "{key}: {said}"
        );
    }
}

#[test]
fn connections_that_are_never_idle_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &["connections.max.idle.ms=-1"]);
    let mut client = broker.connect();
    client.create("t").unwrap();
    assert_eq!(
        client
            .produce("t", 0, batch(&[b"x".to_vec()], None))
            .unwrap(),
        (0, 0)
    );
}

/// The only segment of a topic's only partition.
fn segment(data: &Path, topic: &str) -> PathBuf {
    let mut dirs = fs::read_dir(data).unwrap().map(|dir| dir.unwrap().path());
    let dir = dirs.find(|dir| dir.display().to_string().contains(topic));
    let mut files = fs::read_dir(dir.unwrap()).unwrap();
    let log = files.find_map(|file| {
        let path = file.unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "log")
            .then_some(path)
    });
    log.unwrap()
}

/// Whether a start brings back from the journal what its segment lost.
fn is_replayed(end: impl FnOnce(Broker)) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("replayed").unwrap();
    client
        .produce("replayed", 0, batch(&[b"x".to_vec()], None))
        .unwrap();
    end(broker);
    let path = segment(dir.path(), "replayed");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    let again = Broker::start(dir.path());
    let found = again.connect().read_all("replayed", 0);
    found.is_ok_and(|records| records == [(0, b"x".to_vec())])
}

#[test]
fn a_clean_end_leaves_nothing_to_replay() {
    let replayed = is_replayed(|broker| {
        broker.kill();
    });
    assert!(replayed, "the journal brings back what a kill left");
    let replayed = is_replayed(|mut broker| {
        assert_eq!(broker.terminate().code(), Some(0));
        let said = broker.said();
        assert!(!said.contains("ERROR"), "{said}");
    });
    assert!(
        !replayed,
        "the segment was durable and is not written again"
    );
}

/// Where the load goes: `THALWEG_LOAD_DIR`, else memory where that is to be had, so that not the
/// machine's disk is measured.
fn load_dir() -> tempfile::TempDir {
    let chosen = std::env::var_os("THALWEG_LOAD_DIR").unwrap_or_else(|| "/dev/shm".into());
    tempfile::tempdir_in(chosen)
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// `THALWEG_LOAD_MB` sets the megabytes to load before the kill (256 unless set).
#[test]
fn a_restart_does_not_take_time_by_the_data() {
    let load_mb = usize::try_from(setting("THALWEG_LOAD_MB", 256)).unwrap();
    let dir = load_dir();
    let broker = Broker::start_with(dir.path(), &["num.partitions=4"]);
    let mut client = broker.connect();
    client.create("loaded").unwrap();
    let records = batch(&vec![vec![b'x'; 8 << 10]; 110], None);
    let batches = load_mb * (1 << 20) / records.len() + 1;
    let start = Instant::now();
    for n in 0..batches {
        let partition = i32::try_from(n % 4).unwrap();
        let (code, _) = client
            .produce("loaded", partition, records.clone())
            .unwrap();
        assert_eq!(code, 0);
    }
    let loaded = start.elapsed();
    let (data, port) = broker.kill();
    let broker = Broker::start_on(&data, port, &[]).unwrap();
    println!(
        "{load_mb} MB in {} ms, ready {} ms after kill -9",
        loaded.as_millis(),
        broker.ready_ms
    );
    // The bound is for unoptimised code on a busy machine.
    assert!(broker.ready_ms < 1000, "ready after {} ms", broker.ready_ms);
    let last = i64::try_from((batches / 4) * 110).unwrap();
    let mut client = broker.connect();
    let (code, base) = client.produce("loaded", 3, records).unwrap();
    assert_eq!((code, base), (0, last), "nothing acknowledged is missing");
}

/// Puts the command line of a shell's `exec "$@"` under a user who owns nothing.
const AS_NOBODY: &str = r#"set -- setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@""#;

#[test]
fn a_directory_of_another_owner_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    open(dir.path(), 0o755).unwrap();
    let data = dir.path().join("data");
    let mut broker = Broker::start(&data);
    broker.connect().create("t").unwrap();
    assert!(broker.terminate().success());
    open(&data, 0o755).unwrap();
    let before = files(&data);
    let start = || Broker::start_limited(&data, UNUSED_PORT, AS_NOBODY);
    let said = start().err().expect("it is not this user's");
    if !said.contains("thalweg: ") {
        println!("not checked: only a superuser can become somebody else: {said}");
        return;
    }
    assert!(said.contains(&data.display().to_string()), "{said}");
    assert!(said.contains("make it writable for this user"), "{said}");
    // The directory would do, but what is in it is another user's.
    open(&data, 0o777).unwrap();
    open(&data.join(".lock"), 0o666).unwrap();
    open(&data.join("meta.properties"), 0o644).unwrap();
    let said = start().err().expect("it is not this user's");
    assert!(said.contains(&data.display().to_string()), "{said}");
    assert!(said.contains("denied"), "{said}");
    assert!(before == files(&data), "nothing is changed");
    let broker = Broker::start(&data);
    assert!(broker.connect().read_all("t", 0).unwrap().is_empty());
}
