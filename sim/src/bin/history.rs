//! Checks histories: `cargo xtask history FILE…` builds and calls this.
#![expect(clippy::print_stdout, reason = "a command line tool talks there")]

use std::process::ExitCode;

use thalweg_sim::history::{check, text};

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        println!("usage: thalweg-history FILE...");
        return ExitCode::from(2);
    }
    let mut good = true;
    for file in &files {
        match look(file) {
            Ok(is_good) => good &= is_good,
            Err(error) => {
                println!("{file}: {error}");
                return ExitCode::from(2);
            }
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether the history keeps every promise; tells which it does not.
fn look(file: &str) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let history = text::parse(&text).map_err(|error| error.to_string())?;
    let broken = check(&history);
    for one in &broken {
        println!("{file}: {one}");
        for id in &one.operations {
            println!("  {}: {}", id.0, text::line(&history[id.0]));
        }
    }
    println!(
        "{file}: {} operations, {} broken promises",
        history.len(),
        broken.len()
    );
    Ok(broken.is_empty())
}
