//! Why a setting is refused, in Kafka's words.

/// Why a setting is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The value is of another type, or outside what the key allows.
    #[error("Invalid value {value} for configuration {name}: {reason}")]
    Value {
        /// The key.
        name: String,
        /// The value as it was given, or as it was read.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A list as a whole is not allowed.
    #[error("Configuration '{name}' {reason}")]
    List {
        /// The key.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such key for this kind of resource.
    #[error("Unknown {resource} config name: {name}")]
    UnknownKey {
        /// `topic` or `group`.
        resource: &'static str,
        /// The key.
        name: String,
    },
    /// A value that Kafka calls a bad request rather than a bad setting.
    #[error("{0}")]
    Request(String),
    /// What a running broker refuses.
    #[error("Invalid value {0} for configuration Invalid dynamic configuration")]
    Dynamic(String),
    /// Values that are fine alone but not together, or that need something that is not there.
    #[error("{0}")]
    Rule(String),
}

impl ConfigError {
    pub(super) fn value(name: &str, value: &dyn ToString, reason: impl Into<String>) -> Self {
        Self::Value {
            name: name.to_owned(),
            value: value.to_string(),
            reason: reason.into(),
        }
    }
}
