//! Runs the targets for a time: `cargo xtask fuzz` builds and calls this.
//!
//! Each target runs in a process of its own, which keeps its current input in a file: a panic, an abort for
//! memory or a hang of ten seconds leaves that input behind, and it becomes a regression.
#![expect(clippy::print_stdout, reason = "a command line tool talks there")]
#![expect(
    clippy::disallowed_methods,
    reason = "the time that a target gets is measured here"
)]

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use thalweg_fuzz::{ALL, Dice, Target, input, run, unbind};

const USAGE: &str = "usage: thalweg-fuzz [--seconds N] [--seed N] [target]...";

/// Longest time for one input.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);

struct Args {
    seconds: u64,
    seed: u64,
    targets: Vec<&'static Target>,
    /// Where the input under way is kept: this is the process of one target.
    current: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(args) = parse(std::env::args().skip(1)) else {
        let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
        println!("{USAGE}\ntargets: {}", names.join(" "));
        return ExitCode::from(2);
    };
    if let (Some(current), [target]) = (&args.current, &args.targets[..]) {
        return alone(target, &args, current);
    }
    let failed = args.targets.iter().filter(|target| !watched(target, &args));
    if failed.count() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Args> {
    let mut args = Args {
        seconds: 60,
        seed: 1,
        targets: Vec::new(),
        current: None,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => args.seconds = words.next()?.parse().ok()?,
            "--seed" => args.seed = words.next()?.parse().ok()?,
            "--current" => args.current = Some(words.next()?.into()),
            name => args
                .targets
                .push(ALL.iter().find(|target| target.name == name)?),
        }
    }
    if args.targets.is_empty() {
        args.targets = ALL.iter().collect();
    }
    Some(args)
}

/// Runs a target in a process of its own; false if it left a finding.
fn watched(target: &Target, args: &Args) -> bool {
    let current = std::env::temp_dir().join(format!("fuzz-{}-{}", std::process::id(), target.name));
    let own = std::env::current_exe().expect("a process knows its program");
    let status = Command::new(own)
        .args(["--seconds", &args.seconds.to_string()])
        .args(["--seed", &args.seed.to_string()])
        .arg("--current")
        .arg(&current)
        .arg(target.name)
        .status();
    let is_good = status.is_ok_and(|status| status.success());
    if !is_good {
        match keep(target, &current) {
            Ok(path) => println!("{}: a finding, kept as {}", target.name, path.display()),
            Err(error) => println!("{}: a finding that is not kept: {error}", target.name),
        }
    }
    // It is gone where the process could not even begin.
    let _gone = fs::remove_file(&current);
    is_good
}

fn keep(target: &Target, current: &Path) -> std::io::Result<PathBuf> {
    let found = fs::read(current)?;
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &found);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("regressions")
        .join(target.name);
    fs::create_dir_all(&dir)?;
    let path = dir.join(format!("{sum:016x}"));
    fs::write(&path, found)?;
    Ok(path)
}

fn alone(target: &Target, args: &Args, current: &Path) -> ExitCode {
    let mut file = match fs::File::create(current) {
        Ok(file) => file,
        Err(error) => {
            println!("{}: {error}", current.display());
            return ExitCode::FAILURE;
        }
    };
    let done = Arc::new(AtomicU64::new(0));
    let watched = Arc::clone(&done);
    thread::spawn(move || abort_a_hang(&watched));
    let mut dice = Dice(args.seed);
    let started = Instant::now();
    let (mut count, mut bytes) = (0, 0);
    while started.elapsed() < Duration::from_secs(args.seconds) {
        let input = input(target, &mut dice);
        if rewrite(&mut file, &input).is_err() {
            println!("{}: the input cannot be kept", current.display());
            return ExitCode::FAILURE;
        }
        if catch_unwind(AssertUnwindSafe(|| run(target, &input))).is_err() {
            unbind();
            return ExitCode::FAILURE;
        }
        count += 1;
        bytes += input.len();
        done.store(count, Ordering::Relaxed);
    }
    let took = started.elapsed().as_secs_f64();
    println!(
        "{:<20} {count:>10} inputs, {bytes:>12} bytes, {took:.0} s",
        target.name
    );
    ExitCode::SUCCESS
}

fn rewrite(file: &mut fs::File, input: &[u8]) -> std::io::Result<()> {
    use std::io::Seek;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(input)
}

fn abort_a_hang(done: &AtomicU64) {
    let mut before = u64::MAX;
    loop {
        let now = done.load(Ordering::Relaxed);
        if now == before {
            println!("an input takes longer than {} s", INPUT_TIME_MAX.as_secs());
            std::process::abort();
        }
        before = now;
        thread::sleep(INPUT_TIME_MAX);
    }
}
