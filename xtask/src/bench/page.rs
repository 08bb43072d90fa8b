//! The page: one table per scenario, figures with their spread.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::device::Device;
use super::environment::Environment;
use super::measure::Metric;
use super::plan::Plan;
use super::rounds::Outcome;
use super::statistics::{self, Estimate};

/// Writes all sections under a head that says how the figures were made.
pub(super) fn write(
    path: &Path,
    environment: &Environment,
    plan: &Plan,
    outcomes: &[Outcome],
) -> Result<()> {
    let mut text = head(environment, plan);
    for outcome in outcomes {
        text.push('\n');
        text.push_str(&section(outcome));
    }
    fs::create_dir_all(path.parent().context("a page lies in a folder")?)?;
    fs::write(path, text)?;
    Ok(())
}

fn head(environment: &Environment, plan: &Plan) -> String {
    let Environment {
        processor,
        cores,
        memory_gib,
        kernel,
        java,
        commit,
    } = environment;
    format!(
        "# One node beside Apache Kafka 4.3.1\n\n\
         Written by `cargo xtask bench`; the method is in [README.md](README.md).\n\n\
         - {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}; broker and generator \
         share the cores\n\
         - {java}, heap 1 GiB\n\
         - Thalweg at {commit}, release build\n\
         - {} rounds after one to warm up, {} s of load each; `low–high` beside a figure is the \
         range over the rounds, beside a ratio the 95 % bootstrap interval of its median\n\
         - Kafka acknowledges from memory, \"Kafka, synced\" has `log.flush.interval.messages=1`, \
         Thalweg always syncs before it acknowledges\n",
        plan.pairs, plan.seconds
    )
}

/// The table of one scenario.
pub(super) fn section(outcome: &Outcome) -> String {
    let mut text = format!("## {}\n\n{}.\n\n", outcome.name, outcome.about);
    let subject = outcome.systems.len() - 1;
    let mut header = vec![String::new()];
    header.extend(outcome.systems.iter().map(ToString::to_string));
    for baseline in &outcome.systems[..subject] {
        header.push(format!("{} / {baseline}", outcome.systems[subject]));
    }
    row(&mut text, &header);
    row(&mut text, &vec!["---".to_owned(); header.len()]);
    for metric in metrics(outcome) {
        let mut cells = vec![metric.label().to_owned()];
        for system in 0..=subject {
            cells.push(range(&column(outcome, system, metric)));
        }
        for baseline in 0..subject {
            cells.push(ratio(outcome, subject, baseline, metric));
        }
        row(&mut text, &cells);
    }
    let of_device = |figure: fn(&Device) -> f64| -> String {
        range(&outcome.devices.iter().map(figure).collect::<Vec<_>>())
    };
    writeln!(
        text,
        "\nDevice in the same minutes: 4 KiB append and sync {} ms, 256 MiB written at {} MB/s and read at {} MB/s.",
        of_device(|device| device.sync_ms),
        of_device(|device| device.stream_megabytes_per_second),
        of_device(|device| device.read_megabytes_per_second)
    )
    .expect("writing to a String cannot fail");
    text
}

fn metrics(outcome: &Outcome) -> BTreeSet<Metric> {
    outcome
        .rounds
        .iter()
        .flatten()
        .flat_map(|sample| sample.keys().copied())
        .collect()
}

fn column(outcome: &Outcome, system: usize, metric: Metric) -> Vec<f64> {
    outcome
        .rounds
        .iter()
        .filter_map(|round| round[system].get(&metric).copied())
        .collect()
}

fn row(text: &mut String, cells: &[String]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a String cannot fail");
}

fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!(
        "{} ({}–{})",
        figure(statistics::median(values)),
        figure(low),
        figure(high)
    )
}

/// Paired within rounds.
fn ratio(outcome: &Outcome, subject: usize, baseline: usize, metric: Metric) -> String {
    if !metric.is_result() {
        return String::new();
    }
    let ratios: Vec<f64> = column(outcome, subject, metric)
        .into_iter()
        .zip(column(outcome, baseline, metric))
        .filter(|(_, below)| *below > 0.0)
        .map(|(above, below)| above / below)
        .collect();
    if ratios.is_empty() {
        return "–".to_owned();
    }
    let Estimate { median, low, high } = statistics::estimate(&ratios);
    format!("**{}** ({}–{})", figure(median), figure(low), figure(high))
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Sample;
    use super::*;
    use crate::brokers::System;

    #[test]
    fn ratios_are_paired_within_rounds() {
        let sample = |rate: f64| Sample::from([(Metric::MegabytesPerSecond, rate)]);
        // The machine slows down by half each round; the pairs do not care.
        let outcome = Outcome {
            name: "x",
            about: "y",
            systems: vec![System::Kafka, System::Thalweg],
            rounds: vec![
                vec![sample(100.0), sample(200.0)],
                vec![sample(50.0), sample(100.0)],
                vec![sample(25.0), sample(50.0)],
            ],
            devices: Vec::new(),
        };
        let text = section(&outcome);
        let line = "| MB/s | 50.0 (25.0–100) | 100 (50.0–200) | **2.00** (2.00–2.00) |";
        assert!(text.contains(line), "{text}");
    }
}
