//! `cargo xtask tidy`: the rules of the house that a compiler does not know.
//!
//! Each rule is a function from the tracked files to findings; `cargo test` runs all of them.

mod api_headers;
mod architecture;
mod budgets;
mod direction;
mod edges;
mod lexer;
mod names;
mod purity;
mod text;
mod tracked;

use std::fmt;

use anyhow::{Result, ensure};

use tracked::Tracked;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    place: String,
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }

    /// `line` counts from 0.
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{path}:{}", line + 1), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Entry point of the command.
pub(crate) fn run() -> Result<()> {
    let findings = findings()?;
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(())
}

fn findings() -> Result<Vec<Finding>> {
    let files = Tracked::load()?;
    let mut findings = edges::check()?;
    findings.extend(direction::check(&files));
    findings.extend(purity::check(&files));
    findings.extend(budgets::check(&files)?);
    findings.extend(names::check(&files));
    findings.extend(architecture::check(&files));
    findings.extend(api_headers::check(&files));
    findings.extend(text::check(&files));
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checkout_is_tidy() {
        let findings = super::findings().unwrap();
        let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(
            list.is_empty(),
            "{} findings:\n{}",
            list.len(),
            list.join("\n")
        );
    }
}
