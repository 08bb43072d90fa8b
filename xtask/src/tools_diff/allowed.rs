//! Differences that are meant, each with its reason.

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;

use super::compare::{Comparison, Side};

/// A block of `allowed.txt`: `why`, `in` (a pattern of labels), then `kafka` or `thalweg` patterns of
/// lines that only this side prints.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) why: String,
    label: Regex,
    lines: Vec<(Side, Regex)>,
}

/// All rules.
#[derive(Debug, Default)]
pub(super) struct Allowed(Vec<Rule>);

impl Allowed {
    /// Reads blocks separated by empty lines; `#` starts a line for people.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut rules = Vec::new();
        for block in text.split("\n\n") {
            let lines: Vec<&str> = block
                .lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .collect();
            if !lines.is_empty() {
                rules.push(rule(&lines).with_context(|| block.to_owned())?);
            }
        }
        Ok(Self(rules))
    }

    /// The rule that allows a line, by its place.
    pub(super) fn rule_for(&self, label: &str, side: Side, line: &str) -> Option<usize> {
        self.0.iter().position(|rule| {
            rule.label.is_match(label)
                && rule
                    .lines
                    .iter()
                    .any(|(of, pattern)| *of == side && pattern.is_match(line))
        })
    }

    /// Reasons that excused nothing: they must go.
    pub(super) fn unused(&self, comparisons: &[Comparison]) -> Vec<String> {
        let used = |index: &usize| comparisons.iter().any(|one| one.rules.contains(index));
        let rules = self.0.iter().enumerate();
        rules
            .filter(|(index, _)| !used(index))
            .map(|(_, rule)| rule.why.clone())
            .collect()
    }
}

fn rule(lines: &[&str]) -> Result<Rule> {
    let (mut why, mut label, mut patterns) = (None, None, Vec::new());
    for line in lines {
        let (key, value) = line.split_once(' ').context("a key and a value")?;
        let value = value.trim();
        match key {
            "why" => why = Some(value.to_owned()),
            "in" => label = Some(Regex::new(value)?),
            "kafka" => patterns.push((Side::Kafka, Regex::new(value)?)),
            "thalweg" => patterns.push((Side::Thalweg, Regex::new(value)?)),
            other => bail!("{other} is none of why, in, kafka, thalweg"),
        }
    }
    ensure!(!patterns.is_empty(), "a rule allows lines");
    Ok(Rule {
        why: why.context("a rule has a reason")?,
        label: label.context("a rule is for some commands")?,
        lines: patterns,
    })
}
