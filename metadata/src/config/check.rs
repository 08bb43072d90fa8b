//! What values a key allows beyond their type.

use super::error::ConfigError;
use super::value::ConfigValue;

/// What values a key allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Any value of the type.
    Any,
    /// A number between bounds that are allowed themselves; bounds as Kafka writes them.
    Range {
        /// The least, if there is one.
        min: Option<&'static str>,
        /// The most, if there is one.
        max: Option<&'static str>,
    },
    /// One of some words.
    OneOf(Vec<&'static str>),
    /// One of some words, in capitals or not.
    OneOfAnyCase(Vec<&'static str>),
    /// A list without empty elements.
    List {
        /// Whether the empty list is refused.
        required: bool,
        /// Allowed elements; none given means any.
        elements: Vec<&'static str>,
    },
    /// Text that is not empty.
    NonEmpty,
    /// 1 to 9, or -1 for the codec's own default.
    GzipLevel,
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
    /// `id@host:port` entries.
    QuorumVoters,
    /// `host:port` entries.
    BootstrapServers,
    /// `latest`, `earliest` or `by_duration:` with an ISO 8601 duration.
    ShareOffsetReset,
}

impl Check {
    /// Applies the check to a value of the key `name`.
    ///
    /// # Errors
    /// The value is not allowed.
    pub fn apply(&self, name: &str, value: &ConfigValue) -> Result<(), ConfigError> {
        match (self, value) {
            (Self::Range { min, max }, value) => range(name, value, *min, *max),
            (Self::OneOf(words), ConfigValue::Text(text)) => one_of(name, text, words),
            (Self::OneOfAnyCase(words), ConfigValue::Text(text)) => {
                let known = words.iter().any(|word| word.eq_ignore_ascii_case(text));
                let reason = || {
                    let words = words.join(", ");
                    format!("String must be one of (case insensitive): {words}")
                };
                require(known, || ConfigError::value(name, &text, reason()))
            }
            (Self::List { required, elements }, ConfigValue::List(list)) => {
                list_elements(name, list, *required, elements)
            }
            (Self::NonEmpty, ConfigValue::Text(text)) => require(!text.trim().is_empty(), || {
                ConfigError::value(name, &text, "String must be non-empty")
            }),
            (Self::GzipLevel, ConfigValue::Integer(level)) => {
                require(*level == -1 || (1..=9).contains(level), || {
                    let reason = "Value must be between 1 and 9 or equal to -1";
                    ConfigError::value(name, &level, reason)
                })
            }
            (Self::ThrottledReplicas, ConfigValue::List(list)) => throttled(name, list),
            (Self::QuorumVoters, ConfigValue::List(list)) => {
                list.iter().try_for_each(|entry| voter(name, entry))
            }
            (Self::BootstrapServers, ConfigValue::List(list)) => list
                .iter()
                .try_for_each(|entry| require(has_port(entry), || server_error(name, entry))),
            (Self::ShareOffsetReset, ConfigValue::Text(text)) => {
                require(offset_reset(text), || {
                    let reason = format!(
                        "Invalid value `{text}` for configuration {name}. The value must be either 'earliest', \
                         'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
                    );
                    ConfigError::value(name, &text, reason)
                })
            }
            (
                Self::Any
                | Self::OneOf(_)
                | Self::OneOfAnyCase(_)
                | Self::List { .. }
                | Self::NonEmpty
                | Self::GzipLevel
                | Self::ThrottledReplicas
                | Self::QuorumVoters
                | Self::BootstrapServers
                | Self::ShareOffsetReset,
                ConfigValue::Boolean(_)
                | ConfigValue::Integer(_)
                | ConfigValue::Double(_)
                | ConfigValue::List(_)
                | ConfigValue::Text(_),
            ) => Ok(()),
        }
    }
}

fn require(holds: bool, error: impl FnOnce() -> ConfigError) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(error()) }
}

fn range(
    name: &str,
    value: &ConfigValue,
    min: Option<&str>,
    max: Option<&str>,
) -> Result<(), ConfigError> {
    if let Some(min) = min {
        require(!is_less(value, min), || {
            ConfigError::value(name, &value, format!("Value must be at least {min}"))
        })?;
    }
    if let Some(max) = max {
        require(!is_more(value, max), || {
            ConfigError::value(name, &value, format!("Value must be no more than {max}"))
        })?;
    }
    Ok(())
}

fn is_less(value: &ConfigValue, bound: &str) -> bool {
    match value {
        ConfigValue::Integer(number) => bound.parse().is_ok_and(|bound: i64| *number < bound),
        ConfigValue::Double(number) => bound.parse().is_ok_and(|bound: f64| *number < bound),
        ConfigValue::Boolean(_) | ConfigValue::List(_) | ConfigValue::Text(_) => false,
    }
}

fn is_more(value: &ConfigValue, bound: &str) -> bool {
    match value {
        ConfigValue::Integer(number) => bound.parse().is_ok_and(|bound: i64| *number > bound),
        ConfigValue::Double(number) => bound.parse().is_ok_and(|bound: f64| *number > bound),
        ConfigValue::Boolean(_) | ConfigValue::List(_) | ConfigValue::Text(_) => false,
    }
}

fn one_of(name: &str, text: &str, words: &[&str]) -> Result<(), ConfigError> {
    require(words.contains(&text), || {
        let reason = format!("String must be one of: {}", words.join(", "));
        ConfigError::value(name, &text, reason)
    })
}

fn list_elements(
    name: &str,
    list: &[String],
    required: bool,
    allowed: &[&str],
) -> Result<(), ConfigError> {
    let whole = |reason: String| ConfigError::List {
        name: name.to_owned(),
        reason,
    };
    if required && list.is_empty() {
        let valid = if allowed.is_empty() {
            "any non-empty value".to_owned()
        } else {
            format!("[{}]", allowed.join(", "))
        };
        return Err(whole(format!(
            "must not be empty. Valid values include: {valid}"
        )));
    }
    for element in list {
        require(!element.is_empty(), || {
            whole("values must not be empty.".to_owned())
        })?;
        if !allowed.is_empty() {
            one_of(name, element, allowed)?;
        }
    }
    Ok(())
}

fn throttled(name: &str, list: &[String]) -> Result<(), ConfigError> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let pair = |element: &String| {
        element
            .split_once(':')
            .is_some_and(|(partition, broker)| number(partition) && number(broker))
    };
    let is_all = list.len() == 1 && list[0] == "*";
    require(is_all || list.iter().all(pair), || {
        let reason = format!(
            "{name} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],..."
        );
        ConfigError::value(name, &format!("[{}]", list.join(", ")), reason)
    })
}

fn voter(name: &str, entry: &str) -> Result<(), ConfigError> {
    const FORM: &str = "Each entry should be in the form `{id}@{host}:{port}`.";
    let Some((id, address)) = entry.split_once('@') else {
        return Err(ConfigError::Rule(format!(
            "Invalid configuration value for {name}. {FORM}"
        )));
    };
    require(id.parse::<i32>().is_ok(), || {
        ConfigError::Rule(format!(
            "Failed to parse voter ID as integer from {entry} for the configuration {name}. {FORM}"
        ))
    })?;
    require(has_port(address), || {
        ConfigError::Rule(format!(
            "Failed to parse host name from entry {entry} for the configuration {name}. {FORM}"
        ))
    })
}

fn server_error(name: &str, entry: &str) -> ConfigError {
    ConfigError::Rule(format!(
        "Failed to parse host name from {entry} for the configuration {name}. Each entry should be \
         in the form \"{{host}}:{{port}}\""
    ))
}

fn has_port(address: &str) -> bool {
    address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn offset_reset(text: &str) -> bool {
    match text.to_ascii_lowercase().strip_prefix("by_duration:") {
        Some(duration) => is_duration(duration),
        None => matches!(text.to_ascii_lowercase().as_str(), "latest" | "earliest"),
    }
}

/// `PnDTnHnMn.nS`, at least one part, not negative.
fn is_duration(text: &str) -> bool {
    let Some(parts) = text.strip_prefix('p') else {
        return false;
    };
    let (days, time) = parts.split_once('t').unwrap_or((parts, ""));
    let units = days
        .chars()
        .map(|c| ('d', c))
        .chain(time.chars().map(|c| ('t', c)));
    let mut digits = false;
    let mut any = false;
    for (part, c) in units {
        match (part, c) {
            (_, '0'..='9') | ('t', '.') => digits = true,
            ('d', 'd') | ('t', 'h' | 'm' | 's') if digits => (digits, any) = (false, true),
            _ => return false,
        }
    }
    any && !digits
}

#[cfg(test)]
mod tests {
    use super::super::table::{broker_keys, group_keys, topic_keys};

    fn refused(key: &str, value: &str) -> String {
        let known = topic_keys().get(key).or_else(|| broker_keys().get(key));
        known.unwrap().parse(value).unwrap_err().to_string()
    }

    #[test]
    fn refusals_have_kafkas_words() {
        for (key, value, message) in [
            (
                "retention.ms",
                "-2",
                "Invalid value -2 for configuration retention.ms: Value must be at least -1",
            ),
            (
                "min.cleanable.dirty.ratio",
                "1.5",
                "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
            ),
            (
                "compression.type",
                "GZIP",
                "Invalid value GZIP for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
            ),
            (
                "record.validation",
                "none",
                "Invalid value none for configuration record.validation: String must be one of: full, header",
            ),
            (
                "cleanup.policy",
                "compact,foo",
                "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
            ),
            (
                "cleanup.policy",
                "delete,",
                "Configuration 'cleanup.policy' values must not be empty.",
            ),
            (
                "process.roles",
                "",
                "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]",
            ),
            (
                "compression.gzip.level",
                "0",
                "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
            ),
            (
                "leader.replication.throttled.replicas",
                "x",
                "Invalid value [x] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
            ),
            (
                "group.consumer.migration.policy",
                "x",
                "Invalid value x for configuration group.consumer.migration.policy: String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL",
            ),
            (
                "remote.log.storage.manager.class.name",
                "",
                "Invalid value  for configuration remote.log.storage.manager.class.name: String must be non-empty",
            ),
            (
                "controller.quorum.voters",
                "1@localhost",
                "Failed to parse host name from entry 1@localhost for the configuration controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`.",
            ),
            (
                "controller.quorum.voters",
                "x",
                "Invalid configuration value for controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`.",
            ),
        ] {
            assert_eq!(refused(key, value), message);
        }
    }

    #[test]
    fn allowed_values_are_kept_in_their_normal_form() {
        for (key, value, normal) in [
            ("cleanup.policy", " compact , delete", "compact,delete"),
            ("cleanup.policy", "compact,compact", "compact"),
            ("cleanup.policy", "", ""),
            (
                "leader.replication.throttled.replicas",
                "0:1,1:2",
                "0:1,1:2",
            ),
            ("leader.replication.throttled.replicas", "*", "*"),
            ("compression.gzip.level", "-1", "-1"),
            ("preallocate", " TRUE ", "true"),
        ] {
            assert_eq!(topic_keys().get(key).unwrap().normal_form(value), normal);
        }
    }

    #[test]
    fn share_groups_start_at_a_word_or_a_duration() {
        let key = group_keys().get("share.auto.offset.reset").unwrap();
        for good in [
            "latest",
            "EARLIEST",
            "by_duration:P1DT2H3M4.5S",
            "by_duration:PT1S",
        ] {
            assert!(key.parse(good).is_ok(), "{good}");
        }
        for bad in [
            "none",
            "by_duration:",
            "by_duration:P",
            "by_duration:1S",
            "by_duration:-PT1S",
        ] {
            assert!(key.parse(bad).is_err(), "{bad}");
        }
    }
}
