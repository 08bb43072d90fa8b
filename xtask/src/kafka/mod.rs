//! Apache Kafka, the reference broker: its jars, a single node, its tools.

mod command;
mod jars;
mod node;
mod tool;

pub(crate) use command::run;
pub(crate) use jars::jar_dir;
pub(crate) use node::{KafkaNode, NodeOptions};
pub(crate) use tool::{load_tool, speed_up_tools, tool};
