//! Everything that reads settings: a properties file, variables and options at the start, listeners, the values of all keys,
//! and what clients change while the broker runs.

use std::path::Path;

use thalweg_metadata::MetadataImage;
use thalweg_metadata::config::{
    Check, ConfigKey, ConfigLayers, ConfigResource, ConfigTable, ConfigType, StaticConfigs,
    broker_keys, client_metrics_keys, group_keys, topic_keys,
};
use thalweg_metadata::controller::{
    AlterConfigs, ConfigChange, ConfigOp, ConfigUpdates, Controller, ResourceUpdate,
};
use thalweg_metadata::record::{MetadataRecord, TopicCreated};
use thalweg_metadata::start::properties::{self, Entry};
use thalweg_metadata::start::{
    ClientListener, Endpoint, Origin, Settings, across, client_listeners, metrics_listener,
};
use thalweg_model::{BrokerId, Uuid};

use super::{Target, leave};
use crate::{Dice, bounded};

/// Memory for each byte of a properties text. An entry of two bytes becomes a struct of 56 with two texts, in a list that
/// doubles; a listener of two bytes that is none becomes a complaint of some 200.
const START_EXPANSION: usize = 256;

/// Memory for each byte of a value. A list's element of two bytes becomes a text of 24 and its letters, once more where
/// repeated ones are dropped, in lists that double.
const VALUE_EXPANSION: usize = 128;

/// Settings of everything, as they are shown: about 600 of them with their layers.
const DESCRIBED_BYTES: usize = 1 << 20;

/// Between the texts of one input.
const BETWEEN: char = '\u{1}';

const BROKER: BrokerId = BrokerId(1);
const TOPIC: &str = "topic";

pub(super) const PROPERTIES: Target = Target {
    name: "properties",
    make: |dice| file(dice).into_bytes(),
    repair: leave,
    take: |input| {
        let text = String::from_utf8_lossy(input);
        let Ok(entries) = bounded(START_EXPANSION * text.len(), || properties::parse(&text)) else {
            return;
        };
        let again = properties::parse(&written(&entries)).expect("what is written is well-formed");
        let pairs = |entries: Vec<Entry>| -> Vec<(String, String)> {
            let pairs = entries.into_iter();
            pairs.map(|entry| (entry.key, entry.value)).collect()
        };
        assert_eq!(pairs(again), pairs(entries), "entries keep their meaning");
    },
};

pub(super) const START: Target = Target {
    name: "start-settings",
    make: make_start,
    repair: leave,
    take: |input| take_start(&String::from_utf8_lossy(input)),
};

pub(super) const CHANGES: Target = Target {
    name: "changed-settings",
    make: make_changes,
    repair: leave,
    take: |input| take_changes(&String::from_utf8_lossy(input)),
};

/// A properties text as `Properties.store` of Java writes it.
fn written(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        escape(&mut text, &entry.key, true);
        text.push('=');
        escape(&mut text, &entry.value, false);
        text.push('\n');
    }
    text
}

fn escape(into: &mut String, text: &str, is_key: bool) {
    for (at, c) in text.chars().enumerate() {
        match c {
            ' ' if is_key || at == 0 => into.push_str("\\ "),
            '\t' => into.push_str("\\t"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\u{c}' => into.push_str("\\f"),
            '\\' | '=' | ':' | '#' | '!' => into.extend(['\\', c]),
            ' '..='~' => into.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    into.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}

/// One of several texts.
fn one<'t>(dice: &mut Dice, of: &[&'t str]) -> &'t str {
    let picked: &&str = dice.pick(of);
    picked
}

/// A value that may fit a key.
fn value(dice: &mut Dice, key: &ConfigKey) -> String {
    let words: Vec<&str> = match &key.check {
        Check::OneOf(words) | Check::OneOfAnyCase(words) => words.clone(),
        Check::List { elements, .. } => elements.clone(),
        Check::Range { min, max } => [*min, *max].into_iter().flatten().collect(),
        Check::QuorumVoters => vec!["1@localhost:9093", "1@[::1]:1"],
        Check::BootstrapServers => vec!["localhost:9092", "[::1]:1"],
        Check::ShareOffsetReset => vec!["latest", "by_duration:P1DT2H3M4.5S"],
        Check::ThrottledReplicas => vec!["*", "0:1", "1:1,2:1"],
        Check::GzipLevel => vec!["-1", "9"],
        Check::Any | Check::NonEmpty => Vec::new(),
    };
    if dice.below(2) == 0 && !words.is_empty() {
        return (*dice.pick(&words)).to_owned();
    }
    let common: &[&str] = match key.kind {
        ConfigType::Boolean => &["true", "FALSE", " true "],
        ConfigType::Int | ConfigType::Short => &["0", "1", "-1", "+5", "65535", "2147483647"],
        ConfigType::Long => &["0", "-1", "-2", "3600000", "9223372036854775807"],
        ConfigType::Double => &["0.5", "1e-7", "NaN", "1.5d", "-Infinity", "123456789"],
        ConfigType::List => &["a", "a, b ,c", "delete,compact", ",", "", "a,a,a"],
        ConfigType::String | ConfigType::Class | ConfigType::Password => &[
            "",
            "x",
            "org.example.Type",
            "A:PLAINTEXT,B:SSL",
            "\u{1f30a} ",
        ],
    };
    match (dice.below(3), key.default.text()) {
        (0, Some(default)) => default.to_owned(),
        _ => (*dice.pick(common)).to_owned(),
    }
}

const LISTENERS: &[&str] = &[
    "PLAINTEXT://:9092",
    "PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093",
    "A://[::1]:0,B://localhost:1",
    "SSL://h:65535",
    "PLAINTEXT://:1,PLAINTEXT://:1",
    "://",
];

/// A setting of the broker, often one about listeners.
fn setting(dice: &mut Dice) -> (String, String) {
    let pairs: &[(&str, &[&str])] = &[
        ("listeners", LISTENERS),
        ("advertised.listeners", LISTENERS),
        ("controller.listener.names", &["CONTROLLER", "a, B"]),
        (
            "listener.security.protocol.map",
            &["A:PLAINTEXT,B:plaintext", "A:SSL", "A"],
        ),
        (
            "thalweg.metrics.listener",
            &["0", ":9644", "[::1]:0", "h:99999"],
        ),
        ("log.dirs", &["a", "a, b ,c", ""]),
        ("node.id", &["1", "2", " 1 "]),
        ("broker.id", &["1", "-1"]),
        ("listener.name.a.ssl.key.password", &["secret"]),
    ];
    if dice.below(3) == 0 {
        let (key, values) = dice.pick(pairs);
        return ((*key).to_owned(), (*dice.pick(values)).to_owned());
    }
    let keys: Vec<&ConfigKey> = broker_keys().iter().collect();
    let key = dice.pick(&keys);
    (key.name.to_owned(), value(dice, key))
}

/// A properties text with all that its form allows.
fn file(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(12) {
        text.push_str(one(
            dice,
            &["", "", "", "# a comment \\\n", "! = x\n", "\n", " \t\u{c}"],
        ));
        let (key, value) = setting(dice);
        text.push_str(&key);
        text.push_str(one(dice, &["=", "=", ":", " ", " = ", "\t:\\\n  "]));
        if dice.below(3) == 0 {
            escape(&mut text, &value, false);
        } else {
            text.push_str(&value);
        }
        text.push_str(one(
            dice,
            &["\n", "\n", "\r\n", "\r", " \n", "\\\n  \n", "\\u00e4\\q\n"],
        ));
    }
    text
}

/// A file, variables and options, one on each line.
fn make_start(dice: &mut Dice) -> Vec<u8> {
    let mut text = file(dice);
    text.push(BETWEEN);
    for _ in 0..dice.below(4) {
        let (key, value) = setting(dice);
        let name = key.replace('_', "__").replace('-', "___").replace('.', "_");
        let prefix = one(
            dice,
            &[
                "KAFKA_",
                "KAFKA_",
                "KAFKA_CFG_",
                "kafka_",
                "KAFKA_CONFLUENT_",
            ],
        );
        text.push_str(&format!("{prefix}{}={value}\n", name.to_ascii_uppercase()));
    }
    text.push_str(one(
        dice,
        &["", "CLUSTER_ID=c\n", "KAFKA_HEAP_OPTS=-Xmx1g\n"],
    ));
    text.push(BETWEEN);
    for _ in 0..dice.below(4) {
        let (key, value) = setting(dice);
        text.push_str(&format!("{key}={value}\n"));
    }
    text.into_bytes()
}

/// Reads the settings as a broker that starts does.
fn take_start(text: &str) {
    let mut texts = text.splitn(3, BETWEEN).chain(["", ""]);
    let [file, variables, options] = [(); 3].map(|()| texts.next().unwrap_or_default());
    let pairs = |lines: &str| -> Vec<(String, String)> {
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        owned.collect()
    };
    let (variables, options) = (pairs(variables), pairs(options));
    let (settings, problems, listeners) = bounded(START_EXPANSION * text.len(), || {
        let mut settings = Settings::with_defaults();
        // One that is none adds nothing.
        let _malformed = settings.add_file(Path::new("f"), file);
        drop(settings.add_environment(variables));
        for (key, value) in &options {
            settings.set(key.trim(), value.trim(), Origin::CommandLine("--override"));
        }
        let mut problems = settings.check_values();
        problems.extend(across(&settings));
        problems.extend(metrics_listener(&settings).err());
        let listeners = client_listeners(&settings);
        problems.extend(listeners.clone().err().into_iter().flatten());
        (settings, problems, listeners)
    });
    assert!(
        problems
            .iter()
            .all(|problem| !problem.to_string().is_empty())
    );
    for (key, setting) in settings.given_by_people() {
        if let Some(key) = broker_keys().get(key) {
            keeps_its_meaning(key, &setting.value);
        }
    }
    if let Ok(listeners) = &listeners {
        assert_eq!(
            listeners,
            &bound_again(&settings, listeners),
            "listeners keep their meaning"
        );
    }
    if problems.is_empty() {
        let start = settings.into_static();
        let nothing = MetadataImage::default();
        let layers = ConfigLayers::new(&nothing, BROKER, &start);
        works(&layers, START_EXPANSION * text.len());
        let topic = layers.topic_config(TOPIC);
        let (least, most) = (topic.min_compaction_lag_ms, topic.max_compaction_lag_ms);
        assert!(most.is_none_or(|most| least <= most));
    }
}

/// The listeners of settings that say what was read of others.
fn bound_again(settings: &Settings, listeners: &[ClientListener]) -> Vec<ClientListener> {
    let text = |endpoint: &Endpoint| {
        let Endpoint { name, host, port } = endpoint;
        format!("{name}://[{host}]:{port}")
    };
    let mut again = Settings::with_defaults();
    let map = "listener.security.protocol.map";
    if let Some(protocols) = settings.given(map) {
        again.set(map, protocols, Origin::CommandLine("again"));
    }
    let bound: Vec<String> = listeners
        .iter()
        .map(|listener| text(&listener.bound))
        .collect();
    let told = listeners
        .iter()
        .filter_map(|listener| listener.advertised.as_ref());
    let told: Vec<String> = told.map(text).collect();
    again.set("listeners", &bound.join(","), Origin::CommandLine("again"));
    again.set(
        "advertised.listeners",
        &told.join(","),
        Origin::CommandLine("again"),
    );
    client_listeners(&again).unwrap_or_default()
}

/// What was read is shown so that it is read as the same again.
fn keeps_its_meaning(key: &ConfigKey, text: &str) {
    let Ok(value) = bounded(VALUE_EXPANSION * text.len(), || key.parse(text)) else {
        return;
    };
    let shown = value.to_string();
    let again = key.parse(&shown).map(|again| again.to_string());
    assert_eq!(again, Ok(shown), "{} from {text:?}", key.name);
}

/// Settings that were accepted have a meaning everywhere, and can be shown.
fn works(layers: &ConfigLayers<'_>, bytes: usize) {
    let numbers = broker_keys().iter().filter(|key| {
        let default = key.default.text().map(str::parse::<i32>);
        key.kind == ConfigType::Int && default.is_some_and(|default| default.is_ok())
    });
    for key in numbers {
        let number = layers.broker_integer(key.name);
        assert!(i32::try_from(number).is_ok(), "{} is {number}", key.name);
    }
    let bytes = DESCRIBED_BYTES + bytes;
    bounded(bytes, || drop(layers.describe_broker()));
    bounded(bytes, || drop(layers.describe_all_brokers()));
    bounded(bytes, || drop(layers.describe_topic(TOPIC)));
    bounded(bytes, || drop(layers.describe_group("g")));
    bounded(bytes, || drop(layers.describe_client_metrics("m")));
    bounded(bytes, || drop(layers.topic_config(TOPIC)));
}

/// Kinds of resources as requests have them: their tables and a name.
fn resources() -> [(u8, &'static ConfigTable, &'static str); 5] {
    [
        (2, topic_keys(), TOPIC),
        (4, broker_keys(), ""),
        (4, broker_keys(), "1"),
        (16, client_metrics_keys(), "m"),
        (32, group_keys(), "g"),
    ]
}

/// Changes, one on each line: kind and name of the resource, what is done, key and value.
fn make_changes(dice: &mut Dice) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..=dice.below(12) {
        let (kind, table, name) = *dice.pick(&resources());
        let keys: Vec<&ConfigKey> = table.iter().collect();
        let key = dice.pick(&keys);
        let op = dice.pick(&[0, 0, 0, 1, 2, 3, 9, 10, 77]);
        let value = value(dice, key);
        text.push_str(&format!("{kind} {name} {op} {} {value}\n", key.name));
    }
    text.into_bytes()
}

/// All settings of a resource at once, in place of an operation.
const REPLACE_ALL: i8 = 9;

fn change(line: &str) -> Option<ResourceUpdate> {
    let mut words = line.splitn(5, ' ');
    let kind = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let op = words.next()?.parse().ok()?;
    let key = words.next()?.to_owned();
    let value = words.next().map(str::to_owned);
    let updates = if op == REPLACE_ALL {
        ConfigUpdates::ReplaceAll(vec![(key, value)])
    } else {
        let op = ConfigOp::from_wire(op);
        ConfigUpdates::Incremental(vec![ConfigChange { key, op, value }])
    };
    Some(ResourceUpdate {
        kind,
        name,
        updates,
    })
}

/// Changes settings as clients do; the records of what was accepted are folded, and what comes of it is looked at.
fn take_changes(text: &str) {
    let start = StaticConfigs::default();
    let topic = MetadataRecord::TopicCreated(TopicCreated {
        name: TOPIC.into(),
        id: Uuid::from_bytes([7; 16]),
    });
    let empty = MetadataImage::default();
    let (mut image, _) = empty.apply([&topic]).expect("it is the first");
    for update in text.lines().filter_map(change) {
        for table in [
            topic_keys(),
            broker_keys(),
            client_metrics_keys(),
            group_keys(),
        ] {
            if let Some((key, value)) = named(&update, table) {
                keeps_its_meaning(key, value);
            }
        }
        let command = AlterConfigs {
            resources: vec![update.clone()],
            validate_only: false,
        };
        let controller = Controller::new(&image, BROKER, &start);
        // What is there counts as well: a change is checked with the other settings of its resource.
        let bytes = VALUE_EXPANSION * text.len();
        let outcome = bounded(bytes, || controller.alter_configs(&command));
        let is_accepted = outcome.reply.iter().all(|reply| reply.result.is_ok());
        assert!(is_accepted || outcome.records.is_empty());
        let (next, _) = image
            .apply(&outcome.records)
            .expect("they were made for it");
        image = next;
        if is_accepted {
            works(&ConfigLayers::new(&image, BROKER, &start), bytes);
            stays_accepted(&update, &image, &start);
        }
    }
}

/// The key and the value that a change names, if the table has the key.
fn named<'u>(
    update: &'u ResourceUpdate,
    table: &'static ConfigTable,
) -> Option<(&'static ConfigKey, &'u str)> {
    let (key, value) = match &update.updates {
        ConfigUpdates::Incremental(changes) => changes.first().map(|c| (&c.key, &c.value))?,
        ConfigUpdates::ReplaceAll(all) => all.first().map(|(key, value)| (key, value))?,
    };
    Some((table.get(key)?, value.as_deref()?))
}

/// The settings that a resource has now could be given to it once more, all at once, and nothing would change.
fn stays_accepted(update: &ResourceUpdate, image: &MetadataImage, start: &StaticConfigs) {
    let resource = ConfigResource::from_wire(update.kind, &update.name).expect("it was accepted");
    let own = image.configs(&resource).iter();
    let again = own.map(|(key, value)| ((**key).to_owned(), Some((**value).to_owned())));
    let command = AlterConfigs {
        resources: vec![ResourceUpdate {
            updates: ConfigUpdates::ReplaceAll(again.collect()),
            ..update.clone()
        }],
        validate_only: false,
    };
    let outcome = Controller::new(image, BROKER, start).alter_configs(&command);
    assert!(outcome.records.is_empty(), "nothing changes");
    let result = &outcome.reply[0].result;
    assert!(result.is_ok(), "{resource} is refused: {result:?}");
}
