//! Checks, generators, benchmarks: everything a script would do.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks there"
)]

mod bench;
mod check;
mod kafka;
mod layers;
mod paths;
mod process;
mod ready;
mod schema;
mod stopwatch;
mod tidy;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask <command>

  bench    compare with Apache Kafka under load, write docs/perf
  check    run everything CI runs
  codegen  rewrite the generated sources of wire; --check fails when they are stale
  kafka    start, stop or use Apache Kafka, the reference broker
  schema   rewrite wire/schema from the jars of the reference broker
  tidy     check layers, budgets, names, documents and tracked text";

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    match command.as_str() {
        "bench" => bench::run(args),
        "check" => check::run(),
        "kafka" => kafka::run(args),
        "tidy" => tidy::run(),
        "schema" => schema::run_schema(&args),
        "codegen" => schema::run_codegen(&args),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no command {other}\n{USAGE}"),
    }
}
