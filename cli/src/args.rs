//! The command tree.

use clap::{CommandFactory, Parser, Subcommand};

use crate::start::StartArgs;

/// Kafka-compatible broker and its command line in one program.
#[derive(Parser, Debug)]
#[command(
    name = "thalweg",
    version,
    about = "Thalweg: a broker for Kafka clients, and its command line",
    after_help = "Without a command, a node is started. Exit codes: 0 done, 1 failed, 2 usage."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Starts a node; the same as no command at all.
    Start(StartArgs),
}

impl Cli {
    /// Refuses options of a start in front of a command, where they would be ignored.
    pub(crate) fn checked(self) -> Result<Self, clap::Error> {
        if self.command.is_some() && self.start != StartArgs::default() {
            return Err(Self::command().error(
                clap::error::ErrorKind::ArgumentConflict,
                "options of `start` belong behind the word start",
            ));
        }
        Ok(self)
    }
}
