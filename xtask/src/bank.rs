//! `cargo xtask sim --bank`: the simulator with one bug switched on after the other, and the table of what found them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::stopwatch::Stopwatch;

const TABLE: &str = "docs/bug-bank.md";
const HEAD: &str = "| defect | what is wrong | where | seed | runs | found after | what spoke |";
const RULE: &str = "|---|---|---|---|---|---|---|";

/// Entry point: words are names of defects, `--seeds N`, or `--known`, which begins with where the
/// table says that each was found and leaves the table alone.
pub(crate) fn run(words: &[String]) -> Result<()> {
    build()?;
    let started = Stopwatch::start();
    let mut child = Command::new(paths::target_dir().join("sim/thalweg-bank"))
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run the bank")?;
    let output = child.stdout.take().context("no output")?;
    let mut rows = BTreeMap::new();
    let mut one = Stopwatch::start();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let took = one.elapsed().as_secs_f64();
        one = Stopwatch::start();
        let cells: Vec<&str> = line.split('\t').collect();
        println!("{took:>6.1} s  {}", cells.join("  "));
        if let [name, about, place, seed, runs, spoke] = cells[..] {
            let spoke = spoke.replace('|', "/");
            let row = format!(
                "| `{name}` | {about} | {place} | {seed} | {runs} | {took:.1} s | {spoke} |"
            );
            rows.insert(name.to_owned(), row);
        }
    }
    let status = child.wait()?;
    println!("{:.1} s", started.elapsed().as_secs_f64());
    if !words.iter().any(|word| word == "--known") {
        write_table(rows)?;
    }
    ensure!(status.success(), "a defect was not found");
    Ok(())
}

fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--profile", "sim"])
        .args(["--package", "thalweg-sim", "--features", "defects"])
        .args(["--bin", "thalweg-bank"])
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(built.success(), "the bank was not built");
    Ok(())
}

/// Replaces the rows of the defects that were found; all else in the document stays.
fn write_table(mut rows: BTreeMap<String, String>) -> Result<()> {
    let path = paths::workspace_root().join(TABLE);
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {TABLE}"))?;
    let (before, table) = old
        .split_once(HEAD)
        .context("the table has lost its head")?;
    for line in table.lines() {
        if let Some(name) = line
            .strip_prefix("| `")
            .and_then(|row| row.split('`').next())
        {
            rows.entry(name.to_owned())
                .or_insert_with(|| line.to_owned());
        }
    }
    let rows: Vec<String> = rows.into_values().collect();
    let text = format!("{before}{HEAD}\n{RULE}\n{}\n", rows.join("\n"));
    fs::write(&path, text).with_context(|| format!("cannot write {TABLE}"))
}
