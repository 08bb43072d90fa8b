//! Unmodified Kafka clients against a running broker.
