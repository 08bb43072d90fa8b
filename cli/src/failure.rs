//! What went wrong, why, and what to do about it.

use std::fmt;
use std::io;

use thalweg_model::ErrorCode;

use crate::client::ClientError;

/// A command that ends without having done what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    why: Option<String>,
    fix: Option<String>,
    /// Whoever read the output has gone: nothing is left to say, and to nobody.
    output_closed: bool,
}

impl Failure {
    /// Says what went wrong.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: None,
            fix: None,
            output_closed: false,
        }
    }

    /// Adds the reason.
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what to do.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Whether the command ended because nobody reads its output any more, as in `thalweg … | head -1`.
    pub(crate) fn is_output_closed(&self) -> bool {
        self.output_closed
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.what)?;
        if let Some(why) = &self.why {
            writeln!(f, "  why: {why}")?;
        }
        if let Some(fix) = &self.fix {
            writeln!(f, "  try: {fix}")?;
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    /// Output is the only thing that commands write to.
    fn from(cause: io::Error) -> Self {
        let output_closed = cause.kind() == io::ErrorKind::BrokenPipe;
        Self {
            output_closed,
            ..Self::new("cannot write the output").why(cause.to_string())
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let what = error.to_string();
        match error {
            ClientError::Connect { address, cause, .. } => {
                unreachable_broker(&address.to_string(), &cause)
            }
            ClientError::Disconnected { .. } => Self::new(what)
                .why("the broker stopped, or the port speaks TLS or another protocol than Kafka's")
                .fix("check with `thalweg cluster info` that the broker is there"),
            ClientError::Timeout { .. } => Self::new(what)
                .why("the broker is overloaded, or the port does not speak the Kafka protocol")
                .fix("wait longer with --timeout SECONDS"),
            ClientError::Unsupported { .. } => Self::new(what)
                .why("the broker is older or newer than this command, or lacks the feature")
                .fix("use the command line of the broker's own version"),
            ClientError::Decode { .. } => {
                Self::new(what).why("the port may not speak the Kafka protocol")
            }
            ClientError::Encode(_) => Self::new(what),
            ClientError::NoLeader { .. } => Self::new(what)
                .why("the brokers that hold it are down, or an election is under way")
                .fix("look at the brokers with `thalweg cluster brokers`"),
            ClientError::Kafka { code, .. } => advised(Self::new(what), code),
        }
    }
}

fn unreachable_broker(address: &str, cause: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot reach a broker at {address}"));
    if cause.kind() == io::ErrorKind::ConnectionRefused {
        failure
            .why("connection refused: nothing listens there")
            .fix("start a broker with `thalweg start`, or name another with -b HOST:PORT or THALWEG_BOOTSTRAP")
    } else {
        failure
            .why(cause.to_string())
            .fix("check host and port given with -b HOST:PORT or THALWEG_BOOTSTRAP")
    }
}

/// Reasons and remedies of the error codes people meet most.
const ADVICE: &[(ErrorCode, &str, &str)] = &[
    (
        ErrorCode::TopicAlreadyExists,
        "a topic of this name is there already",
        "choose another name, or pass --if-not-exists",
    ),
    (
        ErrorCode::UnknownTopicOrPartition,
        "the broker knows no such topic or partition",
        "list the topics with `thalweg topic list`, or create it with `thalweg topic create NAME`",
    ),
    (
        ErrorCode::InvalidTopicException,
        "a topic's name has 1 to 249 characters out of letters, digits, '.', '_' and '-'",
        "choose another name",
    ),
    (
        ErrorCode::InvalidReplicationFactor,
        "there are fewer brokers than replicas asked for",
        "ask for fewer with --replicas, or leave it to the broker",
    ),
    (
        ErrorCode::InvalidPartitions,
        "the number of partitions can only grow",
        "ask for more partitions than the topic has",
    ),
    (
        ErrorCode::InvalidConfig,
        "the broker refused a setting",
        "see names and values with `thalweg config get`",
    ),
    (
        ErrorCode::MessageTooLarge,
        "a batch is larger than the topic's max.message.bytes",
        "raise it with `thalweg topic alter NAME --set max.message.bytes=…`, or compress with --compression",
    ),
    (
        ErrorCode::NotEnoughReplicas,
        "fewer replicas are in sync than min.insync.replicas asks for",
        "look at the brokers with `thalweg cluster brokers`, or pass --acks 1",
    ),
    (
        ErrorCode::NonEmptyGroup,
        "the group has members",
        "stop its consumers first; `thalweg group describe GROUP --members` names them",
    ),
    (
        ErrorCode::UnknownMemberId,
        "the group has members, and its offsets are theirs to commit",
        "stop its consumers first; `thalweg group describe GROUP --members` names them",
    ),
    (
        ErrorCode::GroupIdNotFound,
        "no group has this name",
        "list the groups with `thalweg group list`",
    ),
    (
        ErrorCode::InvalidGroupId,
        "the broker refuses the group's name",
        "choose another name",
    ),
    (
        ErrorCode::CoordinatorNotAvailable,
        "the broker is starting, or cannot create __consumer_offsets",
        "try again in a moment; the broker's log says more",
    ),
    (
        ErrorCode::OffsetOutOfRange,
        "no record of that offset is kept",
        "see first and last offsets with `thalweg topic describe NAME`",
    ),
    (
        ErrorCode::TopicAuthorizationFailed,
        "this user may not do that with the topic",
        "ask whoever administers the cluster for access",
    ),
    (
        ErrorCode::GroupAuthorizationFailed,
        "this user may not do that with the group",
        "ask whoever administers the cluster for access",
    ),
    (
        ErrorCode::ClusterAuthorizationFailed,
        "this user may not do that with the cluster",
        "ask whoever administers the cluster for access",
    ),
    (
        ErrorCode::PolicyViolation,
        "the broker's policy forbids it",
        "ask whoever administers the cluster",
    ),
];

fn advised(failure: Failure, code: ErrorCode) -> Failure {
    match ADVICE.iter().find(|(known, _, _)| *known == code) {
        Some((_, why, fix)) => failure.why(*why).fix(*fix),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Address, check};

    #[test]
    fn a_refused_connection_says_how_to_start_a_broker() {
        let error = ClientError::Connect {
            address: Address {
                host: "localhost".to_owned(),
                port: 9092,
            },
            cause: io::Error::from(io::ErrorKind::ConnectionRefused),
            known: false,
        };
        let text = Failure::from(error).to_string();
        assert_eq!(
            text,
            "error: cannot reach a broker at localhost:9092\n  \
             why: connection refused: nothing listens there\n  \
             try: start a broker with `thalweg start`, or name another with -b HOST:PORT or THALWEG_BOOTSTRAP\n"
        );
    }

    #[test]
    fn known_codes_come_with_advice() {
        let error = check(ErrorCode::NonEmptyGroup.code(), "group 'g'").unwrap_err();
        let text = Failure::from(error).to_string();
        assert!(
            text.starts_with("error: group 'g': NON_EMPTY_GROUP\n  why: "),
            "{text}"
        );
        assert!(text.contains("\n  try: "), "{text}");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_of_ours() {
        let gone = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(gone.is_output_closed());
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(!full.is_output_closed());
    }
}
