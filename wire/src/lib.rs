//! Kafka's wire protocol: bytes to typed requests and back, every length bounded.
