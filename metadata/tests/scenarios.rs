//! Commands and what Kafka answers, from `testdata/*.txt`. `REWRITE=1 cargo test` writes the answers down.

#![expect(
    clippy::unwrap_used,
    reason = "a scenario that cannot be read fails its test"
)]

mod cluster;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cluster::Cluster;
use thalweg_metadata::Controller;
use thalweg_metadata::config::{ConfigLayers, DescribedConfig, StaticConfigs};
use thalweg_metadata::controller::{
    AlterConfigs, Assignment, Bootstrap, ConfigChange, ConfigOp, ConfigUpdates, CreatePartitions,
    CreateTopics, MorePartitions, NewTopic, Outcome, Refusal, ReplicationFactor, ResourceUpdate,
    TopicTarget,
};
use thalweg_model::{BrokerId, PartitionIndex};

/// A scenario is blocks of a command, `----` and the answer, apart by an empty line; `#` begins a comment.
#[test]
fn scenarios_answer_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let actual = play(&expected);
        if std::env::var_os("REWRITE").is_some() {
            fs::write(&path, actual).unwrap();
        } else {
            assert_eq!(actual, expected, "{}", path.display());
        }
    }
}

fn play(scenario: &str) -> String {
    let mut cluster = Cluster::new();
    let mut blocks = Vec::new();
    for block in scenario.trim_end().split("\n\n") {
        if block.starts_with('#') {
            blocks.push(block.to_owned());
            continue;
        }
        let command = block.split("\n----").next().unwrap();
        let answer = command_answer(&mut cluster, command);
        blocks.push(
            format!("{command}\n----\n{}", answer.trim_end())
                .trim_end()
                .to_owned(),
        );
    }
    blocks.join("\n\n") + "\n"
}

fn command_answer(cluster: &mut Cluster, command: &str) -> String {
    let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
    match verb {
        "brokers" => {
            for word in rest.split(' ') {
                let (id, rack) = word
                    .split_once('@')
                    .map_or((word, None), |(id, rack)| (id, Some(rack)));
                cluster.register(id.parse().unwrap(), rack);
            }
            String::new()
        }
        "start" => {
            let (key, value) = rest.split_once('=').unwrap();
            cluster.start.insert(key.to_owned(), value.to_owned());
            String::new()
        }
        "bootstrap" => {
            let command = Bootstrap {
                cluster_id: rest.to_owned(),
                features: vec![("eligible.leader.replicas.version".to_owned(), 1)],
            };
            cluster.run(|controller, _| controller.bootstrap(&command));
            String::new()
        }
        "create" | "validate" => create(cluster, rest, verb == "validate"),
        "internal" => internal(cluster, rest),
        "delete" => delete(cluster, rest),
        "grow" | "validate-grow" => grow(cluster, rest, verb == "validate-grow"),
        "alter" | "replace" => alter(cluster, rest, verb == "replace"),
        "describe" => describe(cluster, rest),
        "place" => place(cluster, rest),
        other => panic!("no such command: {other}"),
    }
}

fn refusal(refusal: &Refusal) -> String {
    format!(
        "{} {}",
        refusal.code,
        refusal.message.as_deref().unwrap_or("(no text)")
    )
}

/// `0:1,2/1:2,1` is partition 0 on brokers 1 and 2, partition 1 on 2 and 1.
fn assignments(text: &str) -> Vec<Assignment> {
    text.split('/')
        .map(|one| {
            let (partition, brokers) = one.split_once(':').unwrap();
            Assignment {
                partition: PartitionIndex(partition.parse().unwrap()),
                brokers: brokers_of(brokers),
            }
        })
        .collect()
}

fn brokers_of(text: &str) -> Vec<BrokerId> {
    let words = text.split(',').filter(|word| !word.is_empty());
    words.map(|word| BrokerId(word.parse().unwrap())).collect()
}

fn new_topic(text: &str) -> NewTopic {
    let mut words = text.split(' ');
    let mut topic = NewTopic {
        name: words.next().unwrap().replace("''", ""),
        partitions: None,
        replication: ReplicationFactor::Default,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    for word in words {
        match word.split_once('=') {
            Some(("p", count)) => topic.partitions = Some(count.parse().unwrap()),
            Some(("rf", factor)) => {
                topic.replication = ReplicationFactor::Exactly(factor.parse().unwrap());
            }
            Some(("on", brokers)) => topic.assignments = assignments(brokers),
            Some((key, value)) => {
                let value = value.replace('~', " ");
                topic.configs.push((key.to_owned(), Some(value)));
            }
            None => topic.configs.push((word.to_owned(), None)),
        }
    }
    topic
}

fn create(cluster: &mut Cluster, rest: &str, validate_only: bool) -> String {
    let command = CreateTopics {
        topics: rest.split(" ; ").map(new_topic).collect(),
        validate_only,
    };
    created(cluster, &command)
}

fn internal(cluster: &mut Cluster, name: &str) -> String {
    let (_, topic) = cluster.run(|controller, _| Outcome {
        records: Vec::new(),
        reply: controller.automatic_topic(name),
    });
    let command = CreateTopics {
        topics: vec![topic],
        validate_only: false,
    };
    created(cluster, &command)
}

fn created(cluster: &mut Cluster, command: &CreateTopics) -> String {
    let (records, replies) =
        cluster.run(|controller, new_id| controller.create_topics(command, new_id));
    let mut text = format!("{records} records\n");
    for reply in replies {
        match reply.result {
            Ok(topic) => {
                let (partitions, factor) = (topic.partitions, topic.replication_factor);
                writeln!(text, "{}: {partitions} x {factor}", reply.name).unwrap();
                if let Some(notice) = topic.notice {
                    writeln!(text, "  notice: {notice}").unwrap();
                }
                for config in topic
                    .configs
                    .iter()
                    .filter(|config| config.source.wire() != 5)
                {
                    let value = config.value.as_deref().unwrap_or("(none)");
                    writeln!(text, "  {}={value} ({:?})", config.name, config.source).unwrap();
                }
            }
            Err(why) => writeln!(text, "{}: {}", reply.name, refusal(&why)).unwrap(),
        }
    }
    text
}

fn delete(cluster: &mut Cluster, rest: &str) -> String {
    let targets: Vec<TopicTarget> = rest
        .split(' ')
        .map(|word| match word.split_once('#') {
            None => TopicTarget {
                name: Some(word.to_owned()),
                id: None,
            },
            Some((name, of)) => TopicTarget {
                name: (!name.is_empty()).then(|| name.to_owned()),
                id: match of {
                    "" => None,
                    "unknown" => Some("AAAAAAAAAAAAAAAAAAAAAQ".parse().unwrap()),
                    topic => Some(cluster.image.topic(topic).unwrap().id),
                },
            },
        })
        .collect();
    let (records, replies) = cluster.run(|controller, _| controller.delete_topics(&targets));
    let mut text = format!("{records} records\n");
    for reply in replies {
        let name = reply.name.as_deref().unwrap_or("(no name)");
        let id = if reply.id.is_nil() {
            "without id"
        } else {
            "with id"
        };
        let outcome = reply
            .refusal
            .as_ref()
            .map_or_else(|| "deleted".to_owned(), refusal);
        writeln!(text, "{name} {id}: {outcome}").unwrap();
    }
    text
}

fn grow(cluster: &mut Cluster, rest: &str, validate_only: bool) -> String {
    let topics = rest.split(" ; ").map(|text| {
        let mut words = text.split(' ');
        let topic = words.next().unwrap().to_owned();
        let count = words.next().unwrap().parse().unwrap();
        let on = words.next().map(|word| word.strip_prefix("on=").unwrap());
        let assignments = on.map(|on| match on {
            "none" => Vec::new(),
            on => on.split('/').map(brokers_of).collect(),
        });
        MorePartitions {
            topic,
            count,
            assignments,
        }
    });
    let command = CreatePartitions {
        topics: topics.collect(),
        validate_only,
    };
    let (records, replies) = cluster.run(|controller, _| controller.create_partitions(&command));
    let mut text = format!("{records} records\n");
    for reply in replies {
        let outcome = reply
            .result
            .as_ref()
            .map_or_else(refusal, |()| "ok".to_owned());
        writeln!(text, "{}: {outcome}", reply.name).unwrap();
    }
    text
}

/// `topic t +key=value -key key=value !key`: append, subtract, set, delete.
fn change(word: &str) -> ConfigChange {
    let (op, rest) = match word.as_bytes()[0] {
        b'+' => (ConfigOp::Append, &word[1..]),
        b'-' => (ConfigOp::Subtract, &word[1..]),
        b'!' => (ConfigOp::Delete, &word[1..]),
        b'?' => (ConfigOp::Unknown(9), &word[1..]),
        _ => (ConfigOp::Set, word),
    };
    let (key, value) = match rest.split_once('=') {
        Some((key, value)) => (key, Some(value.replace('~', " "))),
        None => (rest, None),
    };
    ConfigChange {
        key: key.to_owned(),
        op,
        value,
    }
}

fn resource_update(text: &str, replace: bool) -> ResourceUpdate {
    let mut words = text.split(' ');
    let kind = match words.next().unwrap() {
        "topic" => 2,
        "broker" => 4,
        "metrics" => 16,
        "group" => 32,
        number => number.parse().unwrap(),
    };
    let name = words.next().unwrap().replace("''", "").replace('~', " ");
    let changes: Vec<ConfigChange> = words.map(change).collect();
    let updates = if replace {
        let values = changes.into_iter().map(|change| (change.key, change.value));
        ConfigUpdates::ReplaceAll(values.collect())
    } else {
        ConfigUpdates::Incremental(changes)
    };
    ResourceUpdate {
        kind,
        name,
        updates,
    }
}

fn alter(cluster: &mut Cluster, rest: &str, replace: bool) -> String {
    let resources = rest.split(" ; ").map(|text| resource_update(text, replace));
    let command = AlterConfigs {
        resources: resources.collect(),
        validate_only: false,
    };
    let (records, replies) =
        cluster.run(|controller: &Controller<'_>, _| controller.alter_configs(&command));
    let mut text = format!("{records} records\n");
    for reply in replies {
        let outcome = reply
            .result
            .as_ref()
            .map_or_else(refusal, |()| "ok".to_owned());
        writeln!(text, "{}: {outcome}", reply.name).unwrap();
    }
    text
}

fn describe(cluster: &mut Cluster, rest: &str) -> String {
    let mut words = rest.split(' ');
    let (kind, name) = (words.next().unwrap(), words.next().unwrap());
    let keys: Vec<&str> = words.collect();
    let start = StaticConfigs::new(cluster.start.clone());
    let layers = ConfigLayers::new(&cluster.image, BrokerId(1), &start);
    let described = match (kind, name) {
        ("topic", name) => layers.describe_topic(name),
        ("broker", "''") => layers.describe_all_brokers(),
        ("broker", _) => layers.describe_broker(),
        ("group", name) => layers.describe_group(name),
        ("metrics", name) => layers.describe_client_metrics(name),
        other => panic!("no such resource: {other:?}"),
    };
    let shown = |config: &&DescribedConfig| keys.is_empty() || keys.contains(&config.name.as_str());
    let mut text = format!("{} keys\n", described.len());
    for config in described.iter().filter(shown).take(12) {
        let value = config.value.as_deref().unwrap_or("(none)");
        let kind = config.kind.map_or("UNKNOWN", |kind| kind.name());
        let mut flags = String::new();
        for (flag, is_set) in [
            (" read-only", config.read_only),
            (" sensitive", config.sensitive),
        ] {
            flags.push_str(if is_set { flag } else { "" });
        }
        writeln!(
            text,
            "{}={value} {:?} {kind}{flags}",
            config.name, config.source
        )
        .unwrap();
        for synonym in &config.synonyms {
            let value = synonym.value.as_deref().unwrap_or("(none)");
            writeln!(text, "  {}={value} {:?}", synonym.name, synonym.source).unwrap();
        }
    }
    text
}

fn place(cluster: &mut Cluster, name: &str) -> String {
    let topic = cluster.image.topic(name).unwrap();
    let mut text = String::new();
    for (index, partition) in topic.indexed() {
        let brokers: Vec<String> = partition
            .brokers()
            .map(|broker| broker.to_string())
            .collect();
        writeln!(text, "{index}: {}", brokers.join(",")).unwrap();
    }
    text
}
