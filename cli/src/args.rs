//! The command tree.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::client::{Address, parse_bootstrap};
use crate::commands::Remote;
use crate::inspect::DebugArgs;
use crate::start::StartArgs;

/// Where brokers are expected unless something else is said.
const DEFAULT_BOOTSTRAP: &str = "127.0.0.1:9092";

/// The environment variable that says something else.
pub(crate) const BOOTSTRAP_VARIABLE: &str = "THALWEG_BOOTSTRAP";

/// The program's arguments.
#[derive(Parser, Debug)]
#[command(
    name = "thalweg",
    version,
    about = "Thalweg: a broker for Kafka clients, and its command line",
    after_help = "Without a command, a node is started.\n\
                  Results go to standard output, everything else to standard error.\n\
                  Exit codes: 0 done, 1 failed, 2 the command line was not understood."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start a node; the same as no command at all.
    Start(StartArgs),
    /// Show what a data directory holds; nothing is changed.
    Debug(DebugArgs),
    #[command(flatten)]
    Remote(Remote),
}

/// How brokers are reached.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// Brokers to ask first, with commas between [env: THALWEG_BOOTSTRAP] [default: 127.0.0.1:9092].
    #[arg(short = 'b', long, value_name = "HOST:PORT", global = true)]
    bootstrap: Option<String>,
    /// Longest wait for one answer.
    #[arg(long, value_name = "SECONDS", global = true, default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl ConnectArgs {
    /// The brokers to ask first: the option, else the variable's value, else the default.
    pub(crate) fn addresses(&self, variable: Option<&str>) -> Result<Vec<Address>, String> {
        let variable = variable.filter(|value| !value.is_empty());
        let chosen = self.bootstrap.as_deref().or(variable);
        parse_bootstrap(chosen.unwrap_or(DEFAULT_BOOTSTRAP))
    }

    /// Longest wait for one answer.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

impl Cli {
    /// Refuses options where they would be ignored.
    pub(crate) fn checked(self) -> Result<Self, clap::Error> {
        let conflict = |text: &str| Err(Self::command().error(ErrorKind::ArgumentConflict, text));
        let starts = matches!(self.command, None | Some(Command::Start(_)));
        if self.command.is_some() && self.start != StartArgs::default() {
            return conflict("options of a start belong behind the word start");
        }
        if starts && self.connect.bootstrap.is_some() {
            return conflict("a start contacts no broker: --bootstrap has no meaning there");
        }
        if matches!(self.command, Some(Command::Debug(_))) && self.connect.bootstrap.is_some() {
            return conflict("files are read, and no broker: --bootstrap has no meaning there");
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        let words = std::iter::once("thalweg").chain(words.iter().copied());
        Cli::try_parse_from(words).and_then(Cli::checked)
    }

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_start_needs_no_word_and_takes_no_bootstrap() {
        assert!(parse(&[]).unwrap().command.is_none());
        let bare = parse(&["--data", "d", "--override", "a=b"]).unwrap();
        assert_ne!(bare.start, StartArgs::default());
        let Some(Command::Start(start)) = parse(&["start", "--data", "d", "--override", "a=b"])
            .unwrap()
            .command
        else {
            panic!("start was asked for");
        };
        assert_eq!(start, bare.start);
        assert!(parse(&["-b", "x:1", "start"]).is_err());
        assert!(parse(&["--data", "d", "topic", "list"]).is_err());
        assert!(parse(&["start", "--override", "novalue"]).is_err());
    }

    #[test]
    fn brokers_come_from_the_option_then_the_variable_then_the_default() {
        let addresses = |words: &[&str], variable| {
            let connect = parse(words).unwrap().connect;
            connect.addresses(variable).unwrap()[0].to_string()
        };
        assert_eq!(addresses(&["topic", "list"], None), "127.0.0.1:9092");
        assert_eq!(addresses(&["topic", "list"], Some("")), "127.0.0.1:9092");
        assert_eq!(addresses(&["topic", "list"], Some("v:1")), "v:1");
        let anywhere = ["topic", "-b", "o:2", "list"];
        assert_eq!(addresses(&anywhere, Some("v:1")), "o:2");
        assert_eq!(addresses(&["-b", "o:2", "topic", "list"], None), "o:2");
    }
}
