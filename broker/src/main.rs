//! The `thalweg` binary: a broker, and the command line for any.

mod api;
mod broker;
mod clock;
mod cluster;
mod config;
mod coordinators;
mod debug;
mod errors;
mod limits;
mod net;
mod node;
mod observe;
mod partition;
mod storage;

use std::process::ExitCode;

const _: () = assert!(
    !thalweg_model::defect::COMPILED_IN,
    "a broker is never built with the switches of the bug bank"
);

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    thalweg_cli::run(
        std::env::args_os(),
        |options| broker::start(&options),
        debug::look,
    )
}
