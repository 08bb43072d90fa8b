//! Raft groups over the raft crate, without I/O.
