//! `cargo xtask fuzz`: builds the targets and runs them, all or some, each for so many seconds.
//!
//! Beside the targets of `fuzz/`, each of which is a function, `broker` is one: sequences of requests to a whole process.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// The target that is a test of the broker, and runs briefly with all others.
const BROKER: &str = "broker";
const BROKER_TEST: &str = "sequences::a_broker_answers_sequences_of_requests_as_its_model_does";

const SECONDS: u64 = 60;

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    seconds: u64,
    seed: u64,
    /// Targets of `fuzz/`; `None` if none of them is to run, empty for all.
    functions: Option<Vec<String>>,
    broker: bool,
}

impl Wanted {
    fn parse(words: &[String]) -> Result<Self> {
        let (mut seconds, mut seed, mut names) = (SECONDS, 1, Vec::new());
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words
                    .next()
                    .with_context(|| format!("{word} wants a number"))?;
                value.parse().with_context(|| format!("{word} {value}"))
            };
            match word.as_str() {
                "--seconds" => seconds = number()?,
                "--seed" => seed = number()?,
                option if option.starts_with('-') => {
                    bail!("usage: cargo xtask fuzz [--seconds N] [--seed N] [target]...")
                }
                name => names.push(name.to_owned()),
            }
        }
        let is_all = names.is_empty();
        let broker = is_all || names.iter().any(|name| name == BROKER);
        names.retain(|name| name != BROKER);
        Ok(Self {
            seconds,
            seed,
            functions: (is_all || !names.is_empty()).then_some(names),
            broker,
        })
    }
}

/// Entry point of the command.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let wanted = Wanted::parse(words)?;
    // Whatever the first find, the others run.
    let functions = wanted
        .functions
        .as_ref()
        .map(|names| functions(&wanted, names));
    let broker = wanted.broker.then(|| broker(&wanted));
    functions.unwrap_or(Ok(()))?;
    broker.unwrap_or(Ok(()))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::workspace_root());
    command
}

fn functions(wanted: &Wanted, names: &[String]) -> Result<()> {
    let status = cargo()
        .args(["run", "--quiet", "--profile", "sim"])
        .args(["--package", "thalweg-fuzz", "--"])
        .args(["--seconds", &wanted.seconds.to_string()])
        .args(["--seed", &wanted.seed.to_string()])
        .args(names)
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "a target found something, see fuzz/regressions"
    );
    Ok(())
}

fn broker(wanted: &Wanted) -> Result<()> {
    let status = cargo()
        .args(["test", "--quiet", "--package", "thalweg-broker"])
        .args(["--test", "process", "--", "--exact", BROKER_TEST])
        .arg("--nocapture")
        .env("THALWEG_SEQUENCE_SECONDS", wanted.seconds.to_string())
        .env("THALWEG_SEQUENCE_SEED", wanted.seed.to_string())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "a broker and its model differ; the seed is above"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Result<Wanted> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Wanted::parse(&words)
    }

    #[test]
    fn the_broker_is_a_target_like_the_others() {
        let all = parsed("--seconds 5").unwrap();
        assert_eq!((all.seconds, all.seed, all.broker), (5, 1, true));
        assert_eq!(all.functions, Some(Vec::new()));
        let broker = parsed("broker --seed 7").unwrap();
        assert_eq!((broker.seed, broker.broker), (7, true));
        assert_eq!(broker.functions, None);
        let some = parsed("frames broker").unwrap();
        assert_eq!(some.functions, Some(vec!["frames".to_owned()]));
        assert!(!parsed("frames").unwrap().broker);
        assert!(parsed("--seconds").is_err() && parsed("--what").is_err());
    }
}
