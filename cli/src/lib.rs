//! The command line, over the public protocols.
//!
//! The binary calls [`run`] with its arguments and with the function that starts a node; every other command is a
//! Kafka client of its own and works against any broker that speaks the protocol.

mod args;
mod key_value;
mod start;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

pub use start::StartOptions;

/// Everything went as asked.
const EXIT_OK: u8 = 0;
/// The command was understood and failed.
const EXIT_FAILED: u8 = 1;

/// Runs what the arguments (the program's name first) ask for; `start` runs a node until it ends.
///
/// Exit codes: 0 done, 1 failed, 2 the command line was not understood.
pub fn run<A>(args: A, start: impl FnOnce(StartOptions) -> ExitCode) -> ExitCode
where
    A: IntoIterator,
    A::Item: Into<OsString> + Clone,
{
    let cli = match args::Cli::try_parse_from(args).and_then(args::Cli::checked) {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match cli.command {
        None => start(cli.start.into()),
        Some(args::Command::Start(own)) => start(own.into()),
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
    let code = match written {
        Ok(()) => u8::try_from(error.exit_code()).unwrap_or(EXIT_FAILED),
        Err(_) => EXIT_FAILED,
    };
    ExitCode::from(if code == EXIT_OK { EXIT_OK } else { code })
}
