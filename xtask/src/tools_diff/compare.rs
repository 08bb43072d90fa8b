//! Line by line: what only one side printed.

use std::collections::BTreeSet;

use super::allowed::Allowed;
use super::session::Printed;

/// Who printed a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Kafka,
    Thalweg,
}

/// One command's outcome.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) label: String,
    /// Lines of one side only that no rule allows, with `-` (Kafka) or `+` (Thalweg) before them.
    pub(super) differences: Vec<String>,
    /// Lines that a rule allows.
    pub(super) allowed: usize,
    /// The rules that did, by place.
    pub(super) rules: BTreeSet<usize>,
}

impl Comparison {
    /// One word for the report.
    pub(super) fn verdict(&self) -> &'static str {
        match (self.differences.is_empty(), self.allowed) {
            (true, 0) => "same   ",
            (true, _) => "allowed",
            (false, _) => "DIFFERS",
        }
    }
}

/// Compares command by command.
pub(super) fn compare(
    kafka: &[Printed],
    thalweg: &[Printed],
    allowed: &Allowed,
) -> Vec<Comparison> {
    let pairs = kafka.iter().zip(thalweg);
    pairs
        .map(|(left, right)| one(&left.label, &left.lines, &right.lines, allowed))
        .collect()
}

fn one(label: &str, kafka: &[String], thalweg: &[String], allowed: &Allowed) -> Comparison {
    let mut comparison = Comparison {
        label: label.to_owned(),
        differences: Vec::new(),
        allowed: 0,
        rules: BTreeSet::new(),
    };
    for (side, line) in difference(kafka, thalweg) {
        match allowed.rule_for(label, side, line) {
            Some(rule) => {
                comparison.allowed += 1;
                comparison.rules.insert(rule);
            }
            None => {
                let sign = if side == Side::Kafka { '-' } else { '+' };
                comparison.differences.push(format!("{sign} {line}"));
            }
        }
    }
    comparison
}

/// Lines outside the longest common subsequence.
fn difference<'a>(left: &'a [String], right: &'a [String]) -> Vec<(Side, &'a str)> {
    let mut common = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            common[i][j] = if a == b {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || i < left.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push((Side::Kafka, left[i].as_str()));
            i += 1;
        } else {
            lines.push((Side::Thalweg, right[j].as_str()));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    const RULES: &str = "# one\nwhy  it has its own name\nin   ^topics\nkafka ^b$\nthalweg ^x$\n";

    #[test]
    fn only_what_differs_is_named() {
        let one = one(
            "topics list",
            &lines("a b c"),
            &lines("a c d"),
            &Allowed::default(),
        );
        assert_eq!(one.differences, ["- b", "+ d"]);
    }

    #[test]
    fn a_rule_allows_lines_of_its_commands_only() {
        let rules = Allowed::parse(RULES).unwrap();
        let here = one("topics list", &lines("a b c"), &lines("a x c"), &rules);
        assert!(here.differences.is_empty());
        assert_eq!(here.allowed, 2);
        let there = one("configs list", &lines("a b c"), &lines("a x c"), &rules);
        assert_eq!(there.differences.len(), 2);
        assert!(rules.unused(&[here]).is_empty());
        assert_eq!(rules.unused(&[there]), ["it has its own name"]);
    }
}
