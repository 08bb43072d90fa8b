//! Settings of a topic against each other.

use super::error::ConfigError;
use super::layers::ConfigLayers;
use super::table::topic_keys;
use crate::image::ConfigMap;

/// Checks all settings of a topic together, `own` being those it sets itself.
///
/// # Errors
/// The first key that is unknown, the first value that is refused, or two that contradict each other.
pub fn check_topic(own: &ConfigMap, layers: &ConfigLayers<'_>) -> Result<(), ConfigError> {
    if let Some(name) = own.keys().find(|name| topic_keys().get(name).is_none()) {
        return Err(ConfigError::UnknownKey {
            resource: "topic",
            name: (**name).to_owned(),
        });
    }
    for key in topic_keys().iter() {
        if let Some(value) = own.get(key.name) {
            key.parse(value)?;
        }
    }
    let config = layers.topic_config_of(own);
    let min = config.min_compaction_lag_ms;
    if let Some(max) = config.max_compaction_lag_ms.filter(|max| min > *max) {
        return Err(ConfigError::Rule(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        )));
    }
    let tiered = own.get("remote.storage.enable");
    if tiered.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return Err(ConfigError::Rule(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured \
             with remote log storage."
                .to_owned(),
        ));
    }
    Ok(())
}
