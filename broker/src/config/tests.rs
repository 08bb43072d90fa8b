use std::path::PathBuf;

use super::*;

fn load(
    file: &str,
    variables: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<BrokerConfig, String> {
    let folder = tempfile_folder();
    let path = folder.join("server.properties");
    std::fs::write(&path, file).unwrap();
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let options = StartOptions {
        data: None,
        properties: Some(path),
        overrides: owned(overrides),
    };
    let loaded = BrokerConfig::load(&options, owned(variables));
    std::fs::remove_dir_all(&folder).unwrap();
    let name = folder.display().to_string();
    loaded.map_err(|error| error.to_string().replace(&name, "F"))
}

/// A folder of this test's own.
fn tempfile_folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("thalweg-config-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn wrong(file: &str) -> String {
    load(file, &[], &[]).unwrap_err()
}

#[test]
fn a_node_needs_no_settings() {
    let config = BrokerConfig::load(&StartOptions::default(), Vec::new()).unwrap();
    assert_eq!(config.node_id(), BrokerId(1));
    assert_eq!(config.data(), Path::new("./thalweg-data"));
    let [listener] = config.listeners() else {
        panic!("one listener")
    };
    assert_eq!(
        (listener.bound.name.as_str(), listener.bound.port),
        ("PLAINTEXT", 9092)
    );
    assert_eq!(
        (listener.advertised_host.as_str(), listener.advertised_port),
        ("localhost", 9092)
    );
    assert!(listener.bound.is_any());
    assert_eq!(config.socket_request_max_bytes(), 104_857_600);
    assert_eq!(config.connections_max_idle(), Duration::from_secs(600));
    assert!(config.auto_create_topics_enable());
    assert_eq!(
        config.groups(&MetadataImage::default()),
        GroupConfig::default()
    );
    assert_eq!(
        config.report().notices,
        [
            "listener PLAINTEXT tells clients to connect to localhost:9092; for clients elsewhere set advertised.listeners"
        ]
    );
}

#[test]
fn the_command_line_wins_over_variables_and_those_over_the_file() {
    let file = "num.partitions=2\nbroker.rack=file\nfetch.max.bytes=5000\n";
    let variables = [
        ("KAFKA_NUM_PARTITIONS", "3"),
        ("KAFKA_BROKER_RACK", "env"),
        ("CLUSTER_ID", "c"),
    ];
    let config = load(file, &variables, &[("num.partitions", "4")]).unwrap();
    assert_eq!(config.static_configs().get("num.partitions"), Some("4"));
    assert_eq!(config.rack(), Some("env"));
    assert_eq!(config.fetch_max_bytes(), 5000);
    assert_eq!(config.cluster_id(), Some("c"));
    let options = StartOptions {
        data: Some(PathBuf::from("d")),
        properties: None,
        overrides: vec![("log.dirs".to_owned(), "e".to_owned())],
    };
    let config =
        BrokerConfig::load(&options, [("KAFKA_LOG_DIR".to_owned(), "f".to_owned())]).unwrap();
    assert_eq!(config.data(), Path::new("d"));
}

#[test]
fn old_names_and_lists_of_directories_are_understood() {
    let config = load("broker.id=7\nlog.dir=a\n", &[], &[]).unwrap();
    assert_eq!(config.node_id(), BrokerId(7));
    assert_eq!(config.data(), Path::new("a"));
    assert_eq!(config.static_configs().get("node.id"), Some("7"));
    let config = load("log.dirs=a, b ,c\n", &[], &[]).unwrap();
    assert_eq!(config.data(), Path::new("a"));
    assert_eq!(
        config.report().notices[0],
        "log.dirs: all data goes to a; b, c is not used"
    );
}

#[test]
fn an_empty_variable_says_nothing_about_a_number() {
    let config = load(
        "",
        &[("KAFKA_NUM_PARTITIONS", ""), ("KAFKA_BROKER_RACK", "")],
        &[],
    )
    .unwrap();
    assert_eq!(config.static_configs().get("num.partitions"), None);
    assert_eq!(config.rack(), None);
}

/// Containers of one network reach each other by the machine's name, which Kafka tells where it has no other.
#[test]
fn a_listener_without_a_host_has_the_name_of_the_machine() {
    let told = |listeners: &str| {
        let config = load(listeners, &[], &[]).unwrap();
        config.listeners()[0].advertised_host.clone()
    };
    let name = told("listeners=PLAINTEXT://:9092\n");
    let machine = rustix::system::uname();
    assert!(
        name == host_name::HERE || Ok(&*name) == machine.nodename().to_str(),
        "{name}"
    );
    assert!(host_name::leads_here(&name), "{name} is somewhere else");
    // Kafka does not start here; whoever writes an address is served on this machine.
    assert_eq!(told("listeners=PLAINTEXT://0.0.0.0:9092\n"), "localhost");
    assert_eq!(told("listeners=PLAINTEXT://127.0.0.1:9092\n"), "127.0.0.1");
}

#[test]
fn a_name_that_leads_elsewhere_is_not_told() {
    assert!(host_name::leads_here("127.0.0.1"));
    assert!(
        !host_name::leads_here("192.0.2.1"),
        "an address of no machine"
    );
    assert!(!host_name::leads_here("no such name"));
}

#[test]
fn listeners_of_a_kafka_file_are_taken_over() {
    let file = "process.roles=broker,controller\nnode.id=1\n\
        controller.quorum.voters=1@localhost:9093\n\
        listeners=INTERNAL://0.0.0.0:29092,EXTERNAL://127.0.0.1:9092,CONTROLLER://:9093\n\
        advertised.listeners=INTERNAL://kafka:29092,EXTERNAL://localhost:19092\n\
        controller.listener.names=CONTROLLER\n\
        listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
        inter.broker.listener.name=INTERNAL\n";
    let config = load(file, &[], &[]).unwrap();
    let [internal, external] = config.listeners() else {
        panic!("two listeners")
    };
    assert_eq!(
        (internal.advertised_host.as_str(), internal.advertised_port),
        ("kafka", 29092)
    );
    assert!(internal.bound.is_any() && !external.bound.is_any());
    assert_eq!(
        (
            external.bound.host.as_str(),
            external.bound.port,
            external.advertised_port
        ),
        ("127.0.0.1", 9092, 19092)
    );
    assert_eq!(external.addresses().unwrap().len(), 1);
    assert_eq!(
        config.report().notices,
        [
            "1 of 8 settings change nothing here: inter.broker.listener.name",
            "listener CONTROLLER is not opened: the controller runs inside this process"
        ]
    );
    let six = load("listeners=PLAINTEXT://[::1]:9092\n", &[], &[]).unwrap();
    assert_eq!(six.listeners()[0].bound.host, "::1");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let message = load(
        "num.partitions=abc\nnode.id=1\nbroker.id=2\n",
        &[("KAFKA_SOCKET_REQUEST_MAX_BYTES", "0")],
        &[],
    )
    .unwrap_err();
    assert_eq!(
        message,
        "several settings are wrong:\n  \
         num.partitions (F/server.properties line 1): Invalid value abc for configuration num.partitions: Not a number \
         of type INT; correct the value or remove num.partitions\n  \
         socket.request.max.bytes (KAFKA_SOCKET_REQUEST_MAX_BYTES): Invalid value 0 for configuration \
         socket.request.max.bytes: Value must be at least 1; correct the value or remove socket.request.max.bytes\n  \
         node.id (F/server.properties line 2): You must set `node.id` to the same value as `broker.id`, which is 2; \
         remove one of the two"
    );
}

#[test]
fn what_would_cost_safety_is_not_ignored() {
    for (file, part) in [
        (
            "listeners=SSL://:9092",
            "listener SSL wants SSL, which is not served",
        ),
        ("listeners=SASL_PLAINTEXT://:9092", "wants SASL_PLAINTEXT"),
        ("authorizer.class.name=x.Y", "access control is asked for"),
        (
            "controller.quorum.voters=1@a:1,2@b:1,3@c:1",
            "2@b:1 is another node",
        ),
        ("process.roles=controller", "only a controller"),
        (
            "advertised.listeners=PLAINTEXT://0.0.0.0:9092",
            "clients cannot connect to 0.0.0.0",
        ),
        ("advertised.listeners=OTHER://h:9092", "no listener OTHER"),
        (
            "listeners=A://:1",
            "No security protocol defined for listener A",
        ),
        (
            "listeners=PLAINTEXT://:1,PLAINTEXT://:2",
            "must have a different name",
        ),
        ("listeners=9092", "9092 is no listener"),
        (
            "log.retention.hours=0",
            "must be unlimited (-1) or, equal or greater than 1",
        ),
        (
            "log.cleaner.threads=1000",
            "at least 1MB per cleaner thread",
        ),
        (
            "group.consumer.session.timeout.ms=1",
            "must be greater than or equal to group.consumer.min.session.timeout.ms",
        ),
    ] {
        let message = wrong(file);
        assert!(message.contains(part), "{file}: {message}");
    }
}

#[test]
fn extremes_that_kafka_takes_are_taken() {
    let file = "group.min.session.timeout.ms=0\ntransaction.max.timeout.ms=2147483647\n\
        log.message.timestamp.after.max.ms=9223372036854775807\nlog.retention.ms=-1\ngroup.initial.rebalance.delay.ms=0\n";
    let config = load(file, &[], &[]).unwrap();
    let groups = config.groups(&MetadataImage::default());
    assert_eq!(
        (
            groups.session_timeout_ms_min,
            groups.initial_rebalance_delay_ms
        ),
        (0, 0)
    );
}

#[test]
fn a_mistyped_key_is_reported_and_others_are_counted() {
    let file = "log.retention.hour=5\nnum.io.threads=4\nlog.retention.ms=5\nzookeeper.connect=z\n";
    let config = load(file, &[("KAFKA_WHATEVER", "1")], &[]).unwrap();
    let report = config.report();
    assert!(
        report.notices[0]
            .ends_with("is no setting and is ignored; did you mean log.retention.hours?"),
        "{:?}",
        report.notices
    );
    assert_eq!(
        report.notices[1],
        "whatever (KAFKA_WHATEVER) is no setting and is ignored"
    );
    assert_eq!(
        report.notices[2],
        "1 of 5 settings change nothing here: num.io.threads"
    );
}

#[test]
fn a_file_that_java_would_refuse_is_refused_by_line() {
    let said = wrong("log.retention.hours=1\nlog.dirs=C:\\users\n");
    assert!(said.contains("server.properties: line 2 has"), "{said}");
}
