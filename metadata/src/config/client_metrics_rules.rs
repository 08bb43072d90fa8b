//! What a client metrics subscription may say (KIP-714).

use super::error::ConfigError;
use super::table::client_metrics_keys;
use super::value::ConfigValue;
use crate::image::ConfigMap;

/// What clients may be told apart by.
const MATCHES: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

const INTERVAL_MS_MIN: i64 = 100;
const INTERVAL_MS_MAX: i64 = 3_600_000;

/// Checks all settings of a subscription together.
///
/// # Errors
/// The first key that is unknown, or the first value that is refused.
pub fn check_client_metrics(own: &ConfigMap) -> Result<(), ConfigError> {
    if let Some(name) = own
        .keys()
        .find(|name| client_metrics_keys().get(name).is_none())
    {
        return Err(ConfigError::Request(format!(
            "Unknown client metrics configuration: {name}"
        )));
    }
    for key in client_metrics_keys().iter() {
        let Some(text) = own.get(key.name) else {
            continue;
        };
        match key.parse(text)? {
            ConfigValue::Integer(ms) if !(INTERVAL_MS_MIN..=INTERVAL_MS_MAX).contains(&ms) => {
                return Err(ConfigError::Request(format!(
                    "Invalid value {ms} for interval.ms, interval must be between \
                     {INTERVAL_MS_MIN} and {INTERVAL_MS_MAX} (1 hour)"
                )));
            }
            ConfigValue::List(patterns) if key.name == "match" => check_matches(&patterns)?,
            ConfigValue::Integer(_)
            | ConfigValue::List(_)
            | ConfigValue::Boolean(_)
            | ConfigValue::Double(_)
            | ConfigValue::Text(_) => {}
        }
    }
    Ok(())
}

fn check_matches(patterns: &[String]) -> Result<(), ConfigError> {
    for pattern in patterns {
        let name = pattern.split_once('=').map(|(name, _)| name.trim());
        if !name.is_some_and(|name| MATCHES.contains(&name)) {
            return Err(ConfigError::Rule(format!(
                "Illegal client matching pattern: {pattern}"
            )));
        }
    }
    Ok(())
}
