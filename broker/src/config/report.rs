//! What a person should know about the settings, said once at the start.

use thalweg_metadata::config::broker_keys;
use thalweg_metadata::start::{Origin, Settings, controller_names, own_default};

use super::effects::has_effect;
use super::listeners::Listener;

/// What a person should know about the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfigReport {
    /// One line each.
    pub(crate) notices: Vec<String>,
}

impl ConfigReport {
    pub(super) fn of(settings: &mut Settings, listeners: &[Listener]) -> Self {
        let mut report = Self::default();
        let mut given = 0;
        let mut without_effect = Vec::new();
        for (key, setting) in settings.given_by_people() {
            given += 1;
            if broker_keys().get(key).is_some() {
                if !has_effect(key) {
                    without_effect.push(key);
                }
            } else if own_default(key).is_none() && !belongs_elsewhere(key) {
                report.notices.push(unknown(key, &setting.origin));
            }
        }
        if !without_effect.is_empty() {
            report.notices.push(format!(
                "{} of {given} settings change nothing here: {}",
                without_effect.len(),
                without_effect.join(", ")
            ));
        }
        report.directories(settings);
        report.listeners(settings, listeners);
        report
    }

    fn directories(&mut self, settings: &mut Settings) {
        let directories = settings.list("log.dirs");
        if let [first, others @ ..] = directories.as_slice()
            && !others.is_empty()
        {
            let (first, others) = (first.clone(), others.join(", "));
            self.notices.push(format!(
                "log.dirs: all data goes to {first}; {others} is not used"
            ));
            let origin = settings
                .origin("log.dirs")
                .cloned()
                .unwrap_or(Origin::Default);
            settings.set("log.dirs", &first, origin);
        }
    }

    fn listeners(&mut self, settings: &Settings, listeners: &[Listener]) {
        let controllers = controller_names(settings);
        if !controllers.is_empty() {
            let names: Vec<String> = controllers.into_iter().collect();
            self.notices.push(format!(
                "listener {} is not opened: the controller runs inside this process",
                names.join(", ")
            ));
        }
        let silent = settings.given("advertised.listeners").is_none();
        for listener in listeners
            .iter()
            .filter(|listener| silent && listener.bound.is_any())
        {
            self.notices.push(format!(
                "listener {} tells clients to connect to {}:{}; for clients elsewhere set advertised.listeners",
                listener.bound.name, listener.advertised_host, listener.advertised_port
            ));
        }
    }
}

/// Settings of plug-ins and of Kafka's past, which are no mistakes.
fn belongs_elsewhere(key: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "listener.name.",
        "rsm.config.",
        "rlmm.config.",
        "zookeeper.",
        "metrics.",
        "confluent.",
        "inter.broker.protocol.version",
        "log.message.format.version",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn unknown(key: &str, origin: &Origin) -> String {
    let closest = broker_keys()
        .iter()
        .map(|known| (distance(known.name, key), known.name))
        .min();
    match closest {
        Some((distance, name)) if distance <= key.len() / 5 + 1 => {
            format!("{key} ({origin}) is no setting and is ignored; did you mean {name}?")
        }
        Some(_) | None => format!("{key} ({origin}) is no setting and is ignored"),
    }
}

/// How many letters must be changed, added or removed.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let cost = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
