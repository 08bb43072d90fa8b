//! Apache Kafka, the reference broker: its jars, a single node, its tools.

mod command;
mod jars;
mod node;
mod tool;

pub(crate) use command::run;
