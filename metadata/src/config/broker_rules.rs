//! What may be set on a broker while it runs.

use super::definition::UpdateMode;
use super::describe::base_key;
use super::error::ConfigError;
use super::layers::ConfigLayers;
use super::table::broker_keys;
use crate::image::ConfigMap;

/// Checks all dynamic settings of one broker, or of all brokers, together.
///
/// # Errors
/// Keys that only a restart can change, that need a listener's prefix or a broker, the first value that is refused, or
/// values that do not fit what the broker runs with.
pub fn check_broker(
    own: &ConfigMap,
    all_brokers: bool,
    layers: &ConfigLayers<'_>,
) -> Result<(), ConfigError> {
    refuse(own, "Cannot update these configs dynamically", |name| {
        mode(name) == Some(UpdateMode::ReadOnly)
    })?;
    refuse(
        own,
        "These security configs can be dynamically updated only per-listener using the listener prefix",
        |name| PER_LISTENER.contains(&name),
    )?;
    for key in broker_keys().iter() {
        if let Some(value) = own.get(key.name) {
            key.parse(value)?;
        }
    }
    let prefixed = own
        .iter()
        .filter(|(name, _)| broker_keys().get(name).is_none());
    for (name, value) in prefixed {
        if let Some(key) = base_key(name) {
            key.parse(value)?;
        }
    }
    if all_brokers {
        refuse(
            own,
            "Cannot update these configs at default cluster level, broker id must be specified",
            |name| mode(name) == Some(UpdateMode::PerBroker),
        )?;
    }
    check_fixed(own, layers)?;
    check_threads(own, layers)?;
    check_local_retention(own, layers)?;
    check_requirements(own, layers)
}

/// Keys of certificates: a running listener takes new ones, the broker as a whole does not.
const PER_LISTENER: &[&str] = &[
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// Thread counts, which a running broker changes by at most a factor of two at a time.
const THREADS: &[&str] = &[
    "num.io.threads",
    "num.network.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "background.threads",
];

fn mode(name: &str) -> Option<UpdateMode> {
    broker_keys().get(name).map(|key| key.mode)
}

fn refuse(own: &ConfigMap, why: &str, refused: impl Fn(&str) -> bool) -> Result<(), ConfigError> {
    let names: Vec<&str> = own
        .keys()
        .map(|name| &**name)
        .filter(|name| refused(name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Rule(format!("{why}: [{}]", names.join(", "))))
}

fn number(own: &ConfigMap, layers: &ConfigLayers<'_>, name: &str) -> i64 {
    let own = own.get(name).and_then(|value| value.trim().parse().ok());
    own.unwrap_or_else(|| layers.broker_integer(name))
}

/// Kafka opens and closes listeners while it runs; here that would be said and not done.
fn check_fixed(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    for name in ["listeners", "listener.security.protocol.map"] {
        let wanted = own.get(name).map(|value| value.trim());
        if wanted.is_some_and(|wanted| layers.broker_value(name).map(str::trim) != Some(wanted)) {
            return Err(ConfigError::Rule(format!(
                "{name} cannot be changed while the broker runs: change it where the broker is started"
            )));
        }
    }
    Ok(())
}

/// What is kept locally is part of what is kept.
fn check_local_retention(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    for (local, all) in [
        ("log.local.retention.ms", "log.retention.ms"),
        ("log.local.retention.bytes", "log.retention.bytes"),
    ] {
        let Some(wanted) = own
            .get(local)
            .and_then(|value| value.trim().parse::<i64>().ok())
        else {
            continue;
        };
        let limit = match all {
            "log.retention.ms" => layers.retention_ms(own),
            _ => number(own, layers, all),
        };
        if wanted != -2 && limit != -1 && (wanted == -1 || wanted > limit) {
            return Err(dynamic(&format!(
                "Invalid value {wanted} for configuration {local}: Value must not be more than {all} property value: {limit}"
            )));
        }
    }
    Ok(())
}

fn check_threads(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    for name in THREADS.iter().filter(|name| own.contains_key(**name)) {
        let (wanted, current) = (number(own, layers, name), layers.broker_integer(name));
        let complaint = if wanted > current.saturating_mul(2) {
            "value should not be greater than double"
        } else if wanted < current / 2 {
            "value should be at least half"
        } else {
            continue;
        };
        return Err(dynamic(&format!(
            "Dynamic thread count update validation failed for {name}={wanted}, {complaint} the current value {current}"
        )));
    }
    let cleaners = "log.cleaner.threads";
    let (wanted, current) = (
        number(own, layers, cleaners),
        layers.broker_integer(cleaners),
    );
    if wanted > current.saturating_mul(2) {
        return Err(dynamic(&format!(
            "Log cleaner threads cannot be increased to more than double the current value {current}"
        )));
    }
    if wanted < current / 2 {
        return Err(dynamic(&format!(
            "Log cleaner threads cannot be reduced to less than half the current value {current}"
        )));
    }
    Ok(())
}

/// Kafka wraps what its components refuse.
fn dynamic(cause: &str) -> ConfigError {
    ConfigError::Dynamic(format!(
        "org.apache.kafka.common.config.ConfigException: {cause}"
    ))
}

fn check_requirements(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    const MIB: i64 = 1 << 20;
    let failed = |text: &str| Err(ConfigError::Rule(format!("requirement failed: {text}")));
    if number(own, layers, "log.cleaner.dedupe.buffer.size")
        / number(own, layers, "log.cleaner.threads").max(1)
        <= MIB
    {
        return failed("log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.");
    }
    if own.contains_key("log.roll.ms") && number(own, layers, "log.roll.ms") < 1 {
        return failed("log.roll.ms must be greater than or equal to 1");
    }
    Ok(())
}
