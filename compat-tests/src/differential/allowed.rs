//! The differences that are meant, each with its reason.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::compare::Difference;
use crate::pattern::fits;

/// A line: `step | path | Kafka's value | Thalweg's value | reason`, where `*` stands for any text. One that begins with
/// `? ` depends on timing and need not occur.
#[derive(Debug, Clone)]
struct Entry {
    line: String,
    patterns: [String; 4],
    occurred: bool,
}

/// The list, and what of it occurred.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<Entry>);

impl Allowed {
    /// Reads the file.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self(lines.map(parse).collect::<Result<_>>()?))
    }

    /// Whether the difference is on the list.
    pub(crate) fn covers(&mut self, step: &str, difference: &Difference) -> bool {
        let texts = [
            step,
            &difference.path,
            &difference.kafka,
            &difference.thalweg,
        ];
        let covers = |entry: &&mut Entry| {
            let mut pairs = entry.patterns.iter().zip(texts);
            pairs.all(|(pattern, text)| fits(pattern, text))
        };
        match self.0.iter_mut().find(covers) {
            Some(entry) => {
                entry.occurred = true;
                true
            }
            None => false,
        }
    }

    /// Lines that nothing needed.
    pub(crate) fn unneeded(&self) -> impl Iterator<Item = &str> {
        let unneeded = self
            .0
            .iter()
            .filter(|entry| !entry.occurred && !entry.line.starts_with('?'));
        unneeded.map(|entry| entry.line.as_str())
    }
}

fn parse(line: &str) -> Result<Entry> {
    let text = line.strip_prefix("? ").unwrap_or(line);
    let mut parts = text.splitn(5, " | ").map(str::trim);
    let mut next = || {
        parts
            .next()
            .map(str::to_owned)
            .with_context(|| line.to_owned())
    };
    let patterns = [next()?, next()?, next()?, next()?];
    ensure!(!next()?.is_empty(), "no reason: {line}");
    Ok(Entry {
        line: line.to_owned(),
        patterns,
        occurred: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_what_it_names_and_is_unneeded_until_then() {
        let mut allowed = Allowed(vec![parse("a* | Port | * | * | each has its own").unwrap()]);
        let difference = |path: &str| Difference {
            path: path.to_owned(),
            kafka: "1".to_owned(),
            thalweg: "2".to_owned(),
        };
        assert!(!allowed.covers("a", &difference("Host")));
        assert_eq!(allowed.unneeded().count(), 1);
        assert!(allowed.covers("ab", &difference("Port")));
        assert_eq!(allowed.unneeded().count(), 0);
        assert!(parse("a | b | c | d").is_err(), "a reason is due");
    }
}
