//! Settings of a group against the bounds that the broker sets.

use super::describe::ConfigSource;
use super::error::ConfigError;
use super::layers::ConfigLayers;
use super::table::group_keys;
use crate::image::ConfigMap;

/// Group keys that a broker key bounds, from below and above.
const BOUNDS: &[(&str, Option<&str>, Option<&str>)] = &[
    both(
        "consumer.heartbeat.interval.ms",
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms",
    ),
    both(
        "consumer.session.timeout.ms",
        "group.consumer.min.session.timeout.ms",
        "group.consumer.max.session.timeout.ms",
    ),
    both(
        "consumer.assignment.interval.ms",
        "group.consumer.min.assignment.interval.ms",
        "group.consumer.max.assignment.interval.ms",
    ),
    both(
        "share.heartbeat.interval.ms",
        "group.share.min.heartbeat.interval.ms",
        "group.share.max.heartbeat.interval.ms",
    ),
    both(
        "share.session.timeout.ms",
        "group.share.min.session.timeout.ms",
        "group.share.max.session.timeout.ms",
    ),
    both(
        "share.record.lock.duration.ms",
        "group.share.min.record.lock.duration.ms",
        "group.share.max.record.lock.duration.ms",
    ),
    both(
        "share.delivery.count.limit",
        "group.share.min.delivery.count.limit",
        "group.share.max.delivery.count.limit",
    ),
    both(
        "share.partition.max.record.locks",
        "group.share.min.partition.max.record.locks",
        "group.share.max.partition.max.record.locks",
    ),
    both(
        "share.assignment.interval.ms",
        "group.share.min.assignment.interval.ms",
        "group.share.max.assignment.interval.ms",
    ),
    both(
        "streams.heartbeat.interval.ms",
        "group.streams.min.heartbeat.interval.ms",
        "group.streams.max.heartbeat.interval.ms",
    ),
    both(
        "streams.session.timeout.ms",
        "group.streams.min.session.timeout.ms",
        "group.streams.max.session.timeout.ms",
    ),
    both(
        "streams.assignment.interval.ms",
        "group.streams.min.assignment.interval.ms",
        "group.streams.max.assignment.interval.ms",
    ),
    (
        "streams.num.standby.replicas",
        None,
        Some("group.streams.max.standby.replicas"),
    ),
];

/// A session must outlast the pause between two heartbeats.
const SESSIONS: &[(&str, &str)] = &[
    (
        "consumer.session.timeout.ms",
        "consumer.heartbeat.interval.ms",
    ),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    (
        "streams.session.timeout.ms",
        "streams.heartbeat.interval.ms",
    ),
];

type Bound = (&'static str, Option<&'static str>, Option<&'static str>);

const fn both(key: &'static str, min: &'static str, max: &'static str) -> Bound {
    (key, Some(min), Some(max))
}

/// Checks all settings of a group together, `own` being those it sets itself.
///
/// # Errors
/// The first key that is unknown, the first value that is refused or out of the broker's bounds.
pub fn check_group(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    if let Some(name) = own.keys().find(|name| group_keys().get(name).is_none()) {
        return Err(ConfigError::UnknownKey {
            resource: "group",
            name: (**name).to_owned(),
        });
    }
    for key in group_keys().iter() {
        if let Some(value) = own.get(key.name) {
            key.parse(value)?;
        }
    }
    let rule = |text: String| Err(ConfigError::Rule(text));
    for (key, min, max) in BOUNDS {
        let value = integer(key, own, layers);
        if let Some(min) = min.filter(|min| value < layers.broker_integer(min)) {
            return rule(format!("{key} must be greater than or equal to {min}"));
        }
        if let Some(max) = max.filter(|max| value > layers.broker_integer(max)) {
            return rule(format!("{key} must be less than or equal to {max}"));
        }
    }
    for (session, heartbeat) in SESSIONS {
        if integer(session, own, layers) <= integer(heartbeat, own, layers) {
            return rule(format!("{session} must be greater than {heartbeat}"));
        }
    }
    Ok(())
}

fn integer(name: &str, own: &ConfigMap, layers: &ConfigLayers<'_>) -> i64 {
    let key = group_keys()
        .get(name)
        .expect("the names here are group keys");
    let found = layers.resolve(key, own, ConfigSource::Group);
    let parsed = found.and_then(|found| found.value.trim().parse().ok());
    let default = || key.default.text().and_then(|text| text.parse().ok());
    parsed
        .or_else(default)
        .expect("the keys here are integers with defaults")
}
