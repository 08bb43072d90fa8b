//! Scenarios of `testdata/`: commands to a shard, and everything it does about them.
//!
//! `REWRITE_SCENARIOS=1 cargo test -p thalweg-coordinator` writes the outputs anew; read the diff.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod scenario;

use std::fs;
use std::path::{Path, PathBuf};

use scenario::Harness;

const COMMANDS_END: &str = "----";

#[test]
fn every_scenario_ends_as_written() {
    let rewrite = std::env::var_os("REWRITE_SCENARIOS").is_some();
    let mut differing = Vec::new();
    let files = scenario_files();
    assert!(files.len() > 10, "the scenarios are there");
    for file in files {
        let written = fs::read_to_string(&file).unwrap();
        assert!(
            written.starts_with("# "),
            "{} says what it is about",
            file.display()
        );
        let played = play(&written);
        if played != written {
            if rewrite {
                fs::write(&file, &played).unwrap();
            }
            differing.push(format!(
                "{}\n{}",
                file.display(),
                difference(&written, &played)
            ));
        }
    }
    assert!(rewrite || differing.is_empty(), "{}", differing.join("\n"));
}

fn scenario_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The text with the outputs that the commands give now.
fn play(text: &str) -> String {
    let mut harness = Harness::new();
    let mut blocks = Vec::new();
    for block in text.trim_end().split("\n\n") {
        let mut lines = block.lines();
        let commands: Vec<&str> = lines.by_ref().take_while(|l| *l != COMMANDS_END).collect();
        if commands.iter().all(|line| line.starts_with('#')) {
            blocks.push(block.to_owned());
            continue;
        }
        let output: String = commands
            .iter()
            .filter(|line| !line.starts_with('#'))
            .map(|line| harness.run(line))
            .collect();
        let output = if output.is_empty() { "ok\n" } else { &output };
        blocks.push(format!(
            "{}\n{COMMANDS_END}\n{}",
            commands.join("\n"),
            output.trim_end()
        ));
    }
    blocks.join("\n\n") + "\n"
}

fn difference(written: &str, played: &str) -> String {
    let pairs = written.lines().zip(played.lines()).enumerate();
    let first = pairs.into_iter().find(|(_, (a, b))| a != b);
    first.map_or_else(
        || "one ends earlier".to_owned(),
        |(line, (a, b))| format!("line {}:\n  written {a}\n  played  {b}", line + 1),
    )
}
