//! `docs/compatibility-faults.md`, from the outcomes of a run.

use std::fmt::Write;

use super::fault::{FaultOutcome, Reaction};
use crate::outcome::Outcome;

const INTRODUCTION: &str = "\
# Clients and faults

Written by `cargo run -p thalweg-compat-tests -- --faults --broker <binary> --report`; do not edit.

Every library below is used unmodified, in the version given. While something is done to the broker, each one writes numbered
records to a topic of its own, idempotent and with `acks=all`, and a consumer group of each reads along and commits. The fault ends, or
the broker is started again where it had to end; the same client processes have to go on by themselves. Then the broker is killed and
started once more, and each library reads its topic from the beginning: every record that was sent is there exactly once, in the order of
the numbers, with its bytes, at the offset that was acknowledged; no record was given up by a library; what a group read before is what
is there, it skipped nothing and never went back behind its commits.

*Saw* are the errors that the library reported or logged, in its own words; *wait* is the longest time without an
acknowledgement.
";

/// The whole page.
pub(crate) fn render(broker: &str, outcomes: &[FaultOutcome]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let failures: usize = outcomes.iter().map(FaultOutcome::failures).sum();
    let verdict = match failures {
        0 => "Everything held.".to_owned(),
        _ => format!("{failures} things did not hold."),
    };
    page.push_str(&format!("\nBroker: {broker}. {verdict}\n"));
    for outcome in outcomes {
        let heading = format!("\n## {}\n\n{}.\n\n", outcome.name, outcome.title);
        page.push_str(&heading);
        page.push_str("| library | version | saw | wait | outcome |\n|---|---|---|---|---|\n");
        for client in &outcome.clients {
            page.push_str(&row(client));
        }
        if !outcome.quotes.is_empty() {
            let quotes = outcome.quotes.join("\n");
            page.push_str(&format!("\nThe broker said:\n\n```text\n{quotes}\n```\n"));
        }
        if let Some(why) = outcome.played.failure() {
            page.push_str(&format!("\n**Failed**:\n\n```text\n{why}\n```\n"));
        }
    }
    page
}

fn row(client: &Reaction) -> String {
    let saw = match client.saw.is_empty() {
        true => "nothing".to_owned(),
        false => client.saw.join(", "),
    };
    let outcome = match &client.outcome {
        Outcome::Passed(detail) => detail.clone(),
        Outcome::Failed(why) => format!("**failed**: {why}"),
        Outcome::Absent(why) => why.clone(),
    };
    let mut text = String::new();
    writeln!(
        text,
        "| {} | {} | {saw} | {:.1} s | {outcome} |",
        client.title,
        client.version,
        client.longest_wait.as_secs_f32()
    )
    .expect("writing to a string cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(client: Outcome, played: Outcome) -> FaultOutcome {
        FaultOutcome {
            name: "flood",
            title: "Water comes in",
            quotes: vec!["it is wet".to_owned()],
            played,
            clients: vec![Reaction {
                title: "a library".to_owned(),
                version: "1".to_owned(),
                saw: Vec::new(),
                longest_wait: Duration::from_millis(1234),
                outcome: client,
            }],
        }
    }

    #[test]
    fn a_clean_run_says_so() {
        let yes = || Outcome::Passed("all there".to_owned());
        let page = render("a broker", &[outcome(yes(), yes())]);
        assert!(page.contains("Everything held."), "{page}");
        assert!(
            page.contains("| a library | 1 | nothing | 1.2 s | all there |"),
            "{page}"
        );
    }

    #[test]
    fn whatever_failed_shows() {
        let yes = || Outcome::Passed(String::new());
        let no = || Outcome::Failed("5 is gone".to_owned());
        for (client, played) in [(no(), yes()), (yes(), no())] {
            let page = render("a broker", &[outcome(client, played)]);
            assert!(page.contains("1 things did not hold."), "{page}");
            assert!(page.contains("5 is gone"), "{page}");
        }
    }
}
