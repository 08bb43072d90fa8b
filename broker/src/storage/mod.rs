//! The data directory: who owns it and what it is called.

pub(crate) mod data_dir;
