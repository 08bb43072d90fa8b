//! `thalweg group`.

mod delete;
mod describe;
mod list;
pub(crate) mod offsets;
mod reset;
mod state;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::output::FormatArgs;
use crate::session::Session;

/// Arguments of `thalweg group`.
#[derive(Args, Debug)]
pub(crate) struct GroupArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List groups
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show state, offsets and lag of groups
    Describe(describe::DescribeArgs),
    /// Delete groups that have no members, and their offsets
    #[command(visible_alias = "rm")]
    Delete(delete::DeleteArgs),
    /// Move the offsets of a group that has no members; shows what would happen unless --execute is given
    ResetOffsets(reset::ResetArgs),
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: GroupArgs) -> Result<(), Failure> {
    session.out.choose(args.format);
    match args.action {
        Action::List(args) => list::execute(session, &args).await,
        Action::Describe(args) => describe::execute(session, &args).await,
        Action::Delete(args) => delete::execute(session, &args).await,
        Action::ResetOffsets(args) => reset::execute(session, &args).await,
    }
}
