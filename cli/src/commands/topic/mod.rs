//! `thalweg topic`.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::output::FormatArgs;
use crate::session::Session;

/// Arguments of `thalweg topic`.
#[derive(Args, Debug)]
pub(crate) struct TopicArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create topics
    Create(create::CreateArgs),
    /// List topics
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show partitions, offsets and settings of topics
    Describe(describe::DescribeArgs),
    /// Change settings of a topic
    Alter(alter::AlterArgs),
    /// Delete topics and their records
    #[command(visible_alias = "rm")]
    Delete(delete::DeleteArgs),
    /// Give a topic more partitions
    AddPartitions(alter::AddPartitionsArgs),
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: TopicArgs) -> Result<(), Failure> {
    session.out.choose(args.format);
    match args.action {
        Action::Create(args) => create::execute(session, &args).await,
        Action::List(args) => list::execute(session, &args).await,
        Action::Describe(args) => describe::execute(session, &args).await,
        Action::Alter(args) => alter::execute(session, args).await,
        Action::Delete(args) => delete::execute(session, &args).await,
        Action::AddPartitions(args) => alter::add_partitions(session, &args).await,
    }
}
