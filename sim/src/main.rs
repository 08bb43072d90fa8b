//! Runs seeds: `cargo xtask sim` builds and calls this.
#![expect(clippy::print_stdout, reason = "a command line tool talks there")]
#![expect(clippy::print_stderr, reason = "what is not the result goes there")]

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use thalweg_sim::{Outcome, Plan, PowerLoss, Progress, Workload, power_loss, run};

const USAGE: &str = "usage: thalweg-sim [--seeds N] [--from SEED] [--nodes N] [--seconds N] [--workload mixed|contest|moves|tight|lag|groups]
       thalweg-sim --seed SEED [--nodes N] [--workload W] [--trace]
       thalweg-sim --power-loss [--seed SEED] [--operations N] [--images N] [--threads N]";

/// Between two lines that say how far a long run has come.
const PROGRESS_SECONDS: u64 = 10;

/// What was asked for.
#[derive(Debug)]
struct Args {
    first: u64,
    count: u64,
    nodes: Option<u64>,
    workload: Workload,
    seconds_max: u64,
    traced: bool,
    power_loss: bool,
    operations: u64,
    images: u64,
    threads: u64,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Some(args) if args.power_loss => run_power_loss(&args),
        Some(args) => run_all(&args),
        None => {
            println!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Args> {
    let mut args = Args {
        first: 1,
        count: 100,
        nodes: None,
        workload: Workload::Mixed,
        seconds_max: u64::MAX / 1_000_000,
        traced: false,
        power_loss: false,
        operations: 10_000,
        images: 30,
        threads: processors(),
    };
    while let Some(word) = words.next() {
        if word == "--trace" {
            args.traced = true;
            continue;
        }
        if word == "--power-loss" {
            args.power_loss = true;
            continue;
        }
        if word == "--workload" {
            args.workload = Workload::named(&words.next()?)?;
            continue;
        }
        let number: u64 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--seeds" => args.count = number,
            "--from" => args.first = number,
            "--seed" => (args.first, args.count) = (number, 1),
            "--operations" => args.operations = number,
            "--images" => args.images = number,
            "--threads" if number > 0 => args.threads = number,
            "--seconds" => args.seconds_max = number,
            "--nodes" => args.nodes = Some(number),
            _ => return None,
        }
    }
    Some(args)
}

fn processors() -> u64 {
    let count = thread::available_parallelism().map_or(1, NonZero::get);
    u64::try_from(count).unwrap_or(1)
}

fn run_power_loss(args: &Args) -> ExitCode {
    let plan = PowerLoss {
        seed: args.first,
        operations: args.operations,
        images: args.images,
        threads: args.threads,
    };
    let progress = Progress::default();
    let outcome = thread::scope(|scope| {
        // Nothing is sent: the end of the run ends the channel.
        let (running, ended) = channel::<()>();
        let progress = &progress;
        scope.spawn(move || tell_progress(plan, progress, &ended));
        let outcome = power_loss(plan, progress);
        drop(running);
        outcome
    });
    match outcome {
        Ok(outcome) => {
            println!(
                "{} operations, {} changes of the disk, {} images recovered, {} batches read",
                args.operations, outcome.moments, outcome.images, outcome.batches
            );
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("seed {}: {violation}", args.first);
            ExitCode::FAILURE
        }
    }
}

/// Says how far a run has come, until it has ended.
fn tell_progress(plan: PowerLoss, progress: &Progress, ended: &Receiver<()>) {
    let pause = Duration::from_secs(PROGRESS_SECONDS);
    let mut seconds = 0;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        seconds += PROGRESS_SECONDS;
        eprintln!(
            "{} of {} operations, {} images, {seconds} s",
            progress.operations(),
            plan.operations,
            progress.images(),
        );
    }
}

/// Seeds take turns with the sizes of the cluster.
fn nodes_of(seed: u64) -> u64 {
    match seed % 4 {
        0 => 5,
        1 => 1,
        _ => 3,
    }
}

fn run_all(args: &Args) -> ExitCode {
    let (mut failed, mut simulated_us, mut acknowledged, mut crashes) = (0, 0, 0, 0);
    for seed in args.first..args.first + args.count {
        let nodes = args.nodes.unwrap_or_else(|| nodes_of(seed));
        let traced = args.traced;
        let plan = Plan {
            seed,
            nodes,
            workload: args.workload,
            seconds_max: args.seconds_max,
            traced,
        };
        match catch_unwind(AssertUnwindSafe(|| run(plan))) {
            Ok(outcome) => {
                simulated_us += outcome.simulated_us;
                acknowledged += outcome.acknowledged;
                crashes += outcome.crashes;
                failed += u64::from(!report(plan, &outcome));
            }
            Err(_) => {
                println!("seed {seed}: a machine's invariant is broken");
                println!("  replay: {}", replay(plan));
                failed += 1;
            }
        }
    }
    println!(
        "{} seeds, {failed} failed, {} simulated seconds, {crashes} crashes, {acknowledged} batches acknowledged",
        args.count,
        simulated_us / 1_000_000,
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Says what went wrong; whether nothing did.
fn report(plan: Plan, outcome: &Outcome) -> bool {
    let Plan { seed, nodes, .. } = plan;
    print!("{}", outcome.trace.text());
    let Some(violation) = &outcome.violation else {
        return true;
    };
    println!("seed {seed}, {nodes} nodes: {violation}");
    println!("  replay: {}", replay(plan));
    false
}

fn replay(plan: Plan) -> String {
    let Plan {
        seed,
        nodes,
        workload,
        ..
    } = plan;
    format!("cargo xtask sim --seed {seed} --nodes {nodes} --workload {workload} --trace")
}
