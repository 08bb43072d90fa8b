//! Shells of the coordinators: they load a shard from its partition, append its records and send its
//! answers.

pub(crate) mod groups;
