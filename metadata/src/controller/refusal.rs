//! Why a command, or one part of it, is refused.

use std::fmt;

use thalweg_model::{ErrorCode, TopicNameError};

use crate::config::ConfigError;

/// A refusal: definite, nothing happened. Code and text belong together, so they are made in one place, and the broker
/// passes both on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Kafka's code.
    pub code: ErrorCode,
    /// Kafka's text; a few codes come without one.
    pub message: Option<String>,
}

impl Refusal {
    /// A refusal with a text.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
        }
    }

    /// A refusal that is its code alone.
    #[must_use]
    pub fn bare(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
        }
    }

    pub(super) fn assignment(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidReplicaAssignment, message)
    }

    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub(super) fn too_many_partitions() -> Self {
        Self::new(
            ErrorCode::PolicyViolation,
            "Excessively large number of partitions per request.",
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code),
            None => self.code.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        let code = match &error {
            ConfigError::Request(_) => ErrorCode::InvalidRequest,
            ConfigError::Value { .. }
            | ConfigError::List { .. }
            | ConfigError::UnknownKey { .. }
            | ConfigError::Dynamic(_)
            | ConfigError::Rule(_) => ErrorCode::InvalidConfig,
        };
        Self::new(code, error.to_string())
    }
}

impl From<TopicNameError> for Refusal {
    fn from(error: TopicNameError) -> Self {
        let message = format!("Topic name is invalid: {error}");
        Self::new(ErrorCode::InvalidTopicException, message)
    }
}
