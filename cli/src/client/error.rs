//! Why a request came to nothing.

use std::io;
use std::time::Duration;

use thalweg_model::ErrorCode;
use thalweg_wire::Str;
use thalweg_wire::codec::{DecodeError, EncodeError};

use super::Address;

/// What a caller can treat differently.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No TCP connection.
    #[error("cannot reach {address}: {cause}")]
    Connect {
        /// Who was called.
        address: Address,
        /// What the system said.
        cause: io::Error,
        /// Whether somebody of this cluster answered before, so that a broker may just be restarting.
        known: bool,
    },
    /// The connection ended before the answer.
    #[error("{address} closed the connection while {api} was waiting for its answer: {cause}")]
    Disconnected {
        /// Who was asked.
        address: Address,
        /// What was asked.
        api: &'static str,
        /// What ended it.
        cause: String,
    },
    /// No answer in time.
    #[error("{address} did not answer {api} within {within:?}")]
    Timeout {
        /// Who was asked.
        address: Address,
        /// What was asked.
        api: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// The broker does not have the API, or no version in common.
    #[error("{address} does not offer {api} in a version that is understood here")]
    Unsupported {
        /// Who was asked.
        address: Address,
        /// What is missing.
        api: &'static str,
    },
    /// The answer is not what the protocol says.
    #[error("the answer of {address} to {api} is not understood: {cause}")]
    Decode {
        /// Who answered.
        address: Address,
        /// What was asked.
        api: &'static str,
        /// What is wrong.
        cause: DecodeError,
    },
    /// The request is larger than the protocol's lengths.
    #[error("the request cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    /// A partition has no leader at the moment.
    #[error("partition {partition} of '{topic}' has no leader")]
    NoLeader {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: i32,
    },
    /// The broker answered with an error code.
    #[error("{subject}: {}", said(*code, message.as_deref()))]
    Kafka {
        /// What it is about, such as a topic.
        subject: String,
        /// The code.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
}

fn said(code: ErrorCode, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{message} ({code})"),
        _ => code.to_string(),
    }
}

/// Codes after which the same request may succeed: leadership or coordination moves, or something is still starting.
const RETRIABLE: &[ErrorCode] = &[
    ErrorCode::CorruptMessage,
    ErrorCode::LeaderNotAvailable,
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::RequestTimedOut,
    ErrorCode::ReplicaNotAvailable,
    ErrorCode::NetworkException,
    ErrorCode::CoordinatorLoadInProgress,
    ErrorCode::CoordinatorNotAvailable,
    ErrorCode::NotCoordinator,
    ErrorCode::NotEnoughReplicas,
    ErrorCode::NotEnoughReplicasAfterAppend,
    ErrorCode::NotController,
    ErrorCode::KafkaStorageError,
    ErrorCode::FetchSessionIdNotFound,
    ErrorCode::InvalidFetchSessionEpoch,
    ErrorCode::FencedLeaderEpoch,
    ErrorCode::UnknownLeaderEpoch,
    ErrorCode::OffsetNotAvailable,
    ErrorCode::UnstableOffsetCommit,
    ErrorCode::UnknownTopicId,
    ErrorCode::InconsistentTopicId,
];

impl ClientError {
    /// Whether trying again may help.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Disconnected { .. } | Self::NoLeader { .. } => true,
            Self::Kafka { code, .. } => RETRIABLE.contains(code),
            Self::Connect { known, .. } => *known,
            Self::Timeout { .. }
            | Self::Unsupported { .. }
            | Self::Decode { .. }
            | Self::Encode(_) => false,
        }
    }

    /// The broker's error code, if it is one.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Kafka { code, .. } => Some(*code),
            Self::Connect { .. }
            | Self::Disconnected { .. }
            | Self::Timeout { .. }
            | Self::Unsupported { .. }
            | Self::Decode { .. }
            | Self::Encode(_)
            | Self::NoLeader { .. } => None,
        }
    }
}

/// Turns an error code of an answer about `subject` into an error.
pub(crate) fn check(code: i16, subject: &str) -> Result<(), ClientError> {
    check_text(code, None, subject)
}

/// As [`check`], with the broker's own words.
pub(crate) fn check_text(
    code: i16,
    message: Option<&Str>,
    subject: &str,
) -> Result<(), ClientError> {
    if code == ErrorCode::None.code() {
        return Ok(());
    }
    let known = ErrorCode::from_code(code);
    let message = match (message, known) {
        (Some(message), _) => Some(message.as_str().to_owned()),
        (None, Some(_)) => None,
        (None, None) => Some(format!("error code {code}")),
    };
    Err(ClientError::Kafka {
        subject: subject.to_owned(),
        code: known.unwrap_or(ErrorCode::UnknownServerError),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_errors_with_the_brokers_words() {
        assert!(check(0, "t").is_ok());
        let error = check_text(36, Some(&"Topic 't' already exists.".into()), "t").unwrap_err();
        assert_eq!(
            error.to_string(),
            "t: Topic 't' already exists. (TOPIC_ALREADY_EXISTS)"
        );
        assert!(!error.is_retriable());
        assert!(check(6, "t").unwrap_err().is_retriable());
        let unknown = check(9999, "t").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "t: error code 9999 (UNKNOWN_SERVER_ERROR)"
        );
    }
}
