//! A shard as a deterministic machine: many partition replicas over one journal.
