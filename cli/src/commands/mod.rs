//! The commands that talk to brokers.

mod answers;
mod cluster;
mod config;
mod consume;
mod group;
mod produce;
mod settings;
mod topic;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::Session;

/// A command for brokers.
#[derive(Subcommand, Debug)]
pub(crate) enum Remote {
    /// Create, list, describe, alter and delete topics
    Topic(topic::TopicArgs),
    /// Write records: lines of standard input, or --value
    Produce(produce::ProduceArgs),
    /// Read records
    Consume(consume::ConsumeArgs),
    /// List, describe and delete consumer groups, and move their offsets
    Group(group::GroupArgs),
    /// Look at the brokers
    Cluster(cluster::ClusterArgs),
    /// Read and change settings of topics and brokers
    Config(config::ConfigArgs),
}

/// Runs a command.
pub(crate) async fn execute(session: &mut Session, command: Remote) -> Result<(), Failure> {
    match command {
        Remote::Topic(args) => Box::pin(topic::execute(session, args)).await,
        Remote::Produce(args) => Box::pin(produce::execute(session, args)).await,
        Remote::Consume(args) => Box::pin(consume::execute(session, args)).await,
        Remote::Group(args) => Box::pin(group::execute(session, args)).await,
        Remote::Cluster(args) => Box::pin(cluster::execute(session, args)).await,
        Remote::Config(args) => Box::pin(config::execute(session, args)).await,
    }
}
