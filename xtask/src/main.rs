//! Checks, generators, benchmarks: everything a script would do.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks there"
)]

mod bank;
mod bench;
mod brokers;
mod check;
mod dist;
mod docs;
mod fuzz;
mod history;
mod kafka;
mod layers;
mod paths;
mod process;
mod ready;
mod schema;
mod sim;
mod soak;
mod stopwatch;
mod tidy;
mod tools_diff;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask <command>

  bench       compare with Apache Kafka under load, write docs/perf
  check       run everything CI runs
  codegen     rewrite the generated sources of wire; --check fails when they are stale
  dist        build the static binary that is shipped
  docs        rewrite the pages about requests and settings; --check fails when they are stale
  fuzz        feed hostile bytes to every decoder, and requests to a broker beside a model: --seconds N --seed N [target]...
  history     check histories of clients, files with one operation a line in JSON
  kafka       start, stop or use Apache Kafka, the reference broker
  schema      rewrite wire/schema from the jars of the reference broker
  sim         run seeds of the simulated cluster: --seeds N, --seed X --trace, --workload W, --power-loss, --bank
  soak        mixed load with kills and restarts on an optimised broker: --minutes N
  tidy        check layers, budgets, names, documents and tracked text
  tools-diff  run Kafka's tools against Kafka and Thalweg, print what differs";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    match command.as_str() {
        "bench" => bench::run(args),
        "check" => check::run(),
        "dist" => dist::run(),
        "docs" => docs::run(&args),
        "fuzz" => fuzz::run(&args),
        "history" => history::run(&args),
        "kafka" => kafka::run(args),
        "schema" => schema::run_schema(&args),
        "codegen" => schema::run_codegen(&args),
        "sim" => sim::run(&args),
        "soak" => soak::run(&args),
        "tidy" => tidy::run(),
        "tools-diff" => tools_diff::run(args),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no command {other}\n{USAGE}"),
    }
}
