//! The script: which tool is run with which arguments, in order.

use anyhow::{Context, Result, bail, ensure};

/// One line of the script with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// `<tool> <label>: <arguments>`, followed by `< <line of input>`. A label that ends with `~`:
    /// the order of the lines that are printed means nothing.
    Run(Run),
    /// `start <lines> <tool> <label>: <arguments>`: runs on; the next step waits for its lines.
    Start { run: Run, lines: usize },
    /// `stop <label>`: ends what was started.
    Stop(String),
    /// `file <name>: <content>`: `@<name>` in arguments is its path.
    File { name: String, content: String },
}

/// A run of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) main_class: &'static str,
    pub(super) label: String,
    pub(super) args: Vec<String>,
    pub(super) input: String,
    pub(super) ordered: bool,
}

/// The tools by the names of their scripts.
const TOOLS: &[(&str, &str)] = &[
    ("topics", "org.apache.kafka.tools.TopicCommand"),
    ("console-producer", "org.apache.kafka.tools.ConsoleProducer"),
    (
        "console-consumer",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    (
        "consumer-groups",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
    ("configs", "kafka.admin.ConfigCommand"),
    ("get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    ("log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    (
        "delete-records",
        "org.apache.kafka.tools.DeleteRecordsCommand",
    ),
    (
        "broker-api-versions",
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
    ),
];

/// Reads a script; empty lines and lines with `#` are for people.
pub(super) fn parse(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(input) = line.strip_prefix("< ") {
            let Some(Step::Run(run)) = steps.last_mut() else {
                bail!("input of no run: {line}")
            };
            run.input.push_str(input);
            run.input.push('\n');
            continue;
        }
        steps.push(step(line).with_context(|| line.to_owned())?);
    }
    Ok(steps)
}

fn step(line: &str) -> Result<Step> {
    let (head, rest) = line.split_once(' ').context("a tool and a label")?;
    match head {
        "start" => {
            let (lines, rest) = rest.split_once(' ').context("start <lines> <tool> …")?;
            Ok(Step::Start {
                run: run(rest)?,
                lines: lines.parse()?,
            })
        }
        "stop" => Ok(Step::Stop(rest.trim().to_owned())),
        "file" => {
            let (name, content) = rest.split_once(": ").context("file <name>: <content>")?;
            Ok(Step::File {
                name: name.to_owned(),
                content: content.to_owned(),
            })
        }
        _ => Ok(Step::Run(run(line)?)),
    }
}

fn run(text: &str) -> Result<Run> {
    let (head, args) = text
        .split_once(':')
        .context("<tool> <label>: <arguments>")?;
    let (tool, label) = head
        .split_once(' ')
        .context("<tool> <label>: <arguments>")?;
    let known = TOOLS.iter().find(|(name, _)| *name == tool);
    let (_, main_class) = known.with_context(|| format!("no tool {tool}"))?;
    Ok(Run {
        main_class,
        label: format!("{tool} {}", label.trim_end_matches('~')),
        args: words(args)?,
        input: String::new(),
        ordered: !label.ends_with('~'),
    })
}

/// Splits at blanks; double quotes hold a word together.
fn words(text: &str) -> Result<Vec<String>> {
    ensure!(text.matches('"').count().is_multiple_of(2), "an open quote");
    let mut words: Vec<String> = Vec::new();
    let (mut quoted, mut inside) = (false, false);
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        } else if c == ' ' && !quoted {
            inside = false;
            continue;
        }
        if !inside {
            words.push(String::new());
            inside = true;
        }
        if c != '"'
            && let Some(word) = words.last_mut()
        {
            word.push(c);
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_runs_with_input() {
        let text = "# why\n\ntopics create: --create --topic \"a b\"\n\
                    console-producer two: --topic a\n< one\n< two\nstart 1 console-consumer x: --topic a\nstop x\n";
        let steps = parse(text).unwrap();
        assert_eq!(steps.len(), 4);
        let Step::Run(create) = &steps[0] else {
            panic!("{steps:?}")
        };
        assert_eq!(create.args, ["--create", "--topic", "a b"]);
        let Step::Run(produce) = &steps[1] else {
            panic!("{steps:?}")
        };
        assert_eq!(produce.input, "one\ntwo\n");
        assert_eq!(steps[3], Step::Stop("x".to_owned()));
    }

    #[test]
    fn an_unknown_tool_is_refused() {
        assert!(parse("kafka-magic x: --y\n").is_err());
        assert!(parse("< lonely\n").is_err());
    }

    #[test]
    fn the_script_of_the_project_is_read() {
        let text = include_str!("../../tools-diff/script.txt");
        let steps = parse(text).unwrap();
        let mut labels: Vec<&str> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Run(run) => Some(run.label.as_str()),
                Step::Start { .. } | Step::Stop(_) | Step::File { .. } => None,
            })
            .collect();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all, "a label appears twice");
        assert!(all > 50);
    }
}
