//! What a client is told it may do. Without an authorizer everyone may do everything.

/// The field of a response whose request did not ask.
pub(super) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// Kafka's numbers of operations, which are the bits of the field.
const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;
const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const CLUSTER_ACTION: i32 = 1 << 9;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;
const IDEMPOTENT_WRITE: i32 = 1 << 12;

/// All that can be done to a topic.
pub(super) const TOPIC_OPERATIONS: i32 =
    READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;

/// All that can be done to a group.
pub(super) const GROUP_OPERATIONS: i32 =
    READ | DELETE | DESCRIBE | DESCRIBE_CONFIGS | ALTER_CONFIGS;

/// All that can be done to a cluster.
pub(super) const CLUSTER_OPERATIONS: i32 = CREATE
    | ALTER
    | DESCRIBE
    | CLUSTER_ACTION
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS
    | IDEMPOTENT_WRITE;

const _: () = assert!(
    TOPIC_OPERATIONS == 3576,
    "what Apache Kafka answers for a topic"
);
const _: () = assert!(
    CLUSTER_OPERATIONS == 8096,
    "what Apache Kafka answers for a cluster"
);
const _: () = assert!(
    GROUP_OPERATIONS == 3400,
    "what Apache Kafka answers for a group"
);
