//! The command line, over the public protocols.
//!
//! The binary calls [`run`] with its arguments and with the function that starts a node; every other command is a
//! Kafka client of its own and works against any broker that speaks the protocol.

mod args;
mod client;
mod clock;
mod commands;
mod failure;
mod inspect;
mod key_value;
mod limits;
mod output;
#[cfg(test)]
mod page;
mod record;
mod session;
mod start;
mod suggest;
mod time_text;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

pub use inspect::{Cell, Inspect, Listing};
pub use start::StartOptions;
pub use time_text::show_time;

use args::{Cli, Command};

/// The command was understood and failed.
const EXIT_FAILED: u8 = 1;

/// Runs what the arguments (the program's name first) ask for; `start` runs a node until it ends, `look` reads
/// what a data directory holds.
///
/// Exit codes: 0 done, 1 failed, 2 the command line was not understood.
pub fn run<A>(
    args: A,
    start: impl FnOnce(StartOptions) -> ExitCode,
    look: impl FnOnce(&Inspect) -> Result<Listing, String>,
) -> ExitCode
where
    A: IntoIterator,
    A::Item: Into<OsString> + Clone,
{
    let cli = match Cli::try_parse_from(args).and_then(Cli::checked) {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match cli.command {
        None => start(cli.start.into()),
        Some(Command::Start(own)) => start(own.into()),
        Some(Command::Debug(debug)) => inspect::run(&debug, look),
        Some(Command::Remote(command)) => session::run(&cli.connect, command),
    }
}

/// Prints help or version where asked for, else what is wrong with the command line.
fn explain(error: &clap::Error) -> ExitCode {
    let text = error.render();
    let written = if error.use_stderr() {
        write!(std::io::stderr().lock(), "{text}")
    } else {
        write!(std::io::stdout().lock(), "{text}")
    };
    // Nobody is left to be told if even this cannot be written.
    drop(written);
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EXIT_FAILED))
}
