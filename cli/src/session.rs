//! One command against a cluster, from its arguments to its exit code.

use std::process::ExitCode;

use crate::args::{BOOTSTRAP_VARIABLE, ConnectArgs};
use crate::client::Client;
use crate::commands::{self, Remote};
use crate::failure::Failure;
use crate::output::Output;

/// What every command has: the cluster, and somewhere to write.
pub(crate) struct Session {
    /// The cluster.
    pub(crate) client: Client,
    /// Somewhere to write.
    pub(crate) out: Output,
}

/// Runs the command and says what went wrong.
pub(crate) fn run(connect: &ConnectArgs, command: Remote) -> ExitCode {
    let variable = std::env::var(BOOTSTRAP_VARIABLE).ok();
    let bootstrap = match connect.addresses(variable.as_deref()) {
        Ok(bootstrap) => bootstrap,
        Err(why) => {
            let failure = Failure::new("the brokers to ask first are not understood")
                .why(why)
                .fix(format!("write -b HOST:PORT, or set {BOOTSTRAP_VARIABLE}"));
            Output::stdio().notice(failure);
            return ExitCode::from(2);
        }
    };
    let mut session = Session {
        client: Client::new(bootstrap, connect.timeout()),
        out: Output::stdio(),
    };
    let outcome = block_on(commands::execute(&mut session, command));
    let flushed = session.out.flush().map_err(Failure::from);
    match outcome.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_output_closed() => ExitCode::SUCCESS,
        Err(failure) => {
            session.out.notice(failure.to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Failure::new("cannot start").why(cause.to_string()))?;
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, work);
    // A thread may still wait for a line of standard input; it has nothing to finish.
    runtime.shutdown_background();
    outcome
}
