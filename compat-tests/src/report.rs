//! `docs/compatibility.md`, from the outcomes of a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::lack::Lack;
use crate::outcome::{ClientOutcome, Outcome};

const INTRODUCTION: &str = "\
# Compatibility with Kafka clients

Written by `cargo run -p thalweg-compat-tests -- --broker <binary> --report`; do not edit.

Every library below is used unmodified, in the version given. Each one creates its topics, writes records with
null, empty, binary and text keys and values, null, empty, repeated and non-ASCII headers, and timestamps that do
not ascend, once for each codec it has and with idempotence where it has it. The acknowledged offsets must be the
right ones, and the stored batches must carry the codec and the producer id that were asked for. Each library then
reads what each one wrote: same order, offsets, timestamps and bytes. Last, it plays a group of three on six
partitions while records flow: a member joins late, one leaves, one is killed, a new one takes over. No record may
be skipped, and every partition must be taken up at or after its last commit.
";

/// The whole page.
pub(crate) fn render(broker: &str, count: usize, clients: &[ClientOutcome]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let failures: usize = clients.iter().map(|client| client.failures().len()).sum();
    let verdict = match failures {
        0 => "Everything passed.".to_owned(),
        _ => format!("{failures} parts failed and are listed at the end."),
    };
    let count = grouped(count);
    let line = format!("\nBroker: {broker}. Records written by each library: {count}. {verdict}\n");
    page.push_str(&line);
    page.push_str(&libraries(clients));
    page.push_str(&readers(clients));
    page.push_str(&lacks(clients));
    page.push_str(&failed(clients));
    page
}

fn libraries(clients: &[ClientOutcome]) -> String {
    let mut text = "\n## Libraries\n\n\
        | library | version | creates topics | writes | idempotence | reads | group of three |\n\
        |---|---|---|---|---|---|---|\n"
        .to_owned();
    for client in clients {
        let cells = [
            client.manifest.title.clone(),
            client.version.clone(),
            mark(&client.created).to_owned(),
            writes(client),
            idempotence(client),
            reads(client),
            mark(&client.group).to_owned(),
        ];
        line(&mut text, &cells);
    }
    text
}

fn writes(client: &ClientOutcome) -> String {
    let mut codecs: BTreeMap<&str, bool> = BTreeMap::new();
    for written in &client.written {
        *codecs.entry(&written.codec).or_insert(true) &= written.outcome.failure().is_none();
    }
    let declared = client.manifest.codecs.iter();
    let cells = declared.map(|codec| match codecs.get(codec.as_str()) {
        Some(true) => codec.clone(),
        Some(false) | None => format!("{codec} **failed**"),
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn idempotence(client: &ClientOutcome) -> String {
    if !client.manifest.idempotence {
        return "–".to_owned();
    }
    let mut idempotent = client.written.iter().filter(|written| written.idempotent);
    let passed = idempotent.all(|written| written.outcome.failure().is_none());
    if passed { "yes" } else { "**failed**" }.to_owned()
}

fn reads(client: &ClientOutcome) -> String {
    let passed = client.read.values();
    let passed = passed
        .filter(|outcome| matches!(outcome, Outcome::Passed(_)))
        .count();
    format!("{passed} of {}", client.read.len())
}

fn readers(clients: &[ClientOutcome]) -> String {
    let mut text = "\n## Who read whom\n\nRows read, columns wrote.\n\n".to_owned();
    let mut header = vec![String::new()];
    header.extend(clients.iter().map(|client| client.manifest.name.clone()));
    line(&mut text, &header);
    line(&mut text, &vec!["---".to_owned(); header.len()]);
    for reader in clients {
        let mut cells = vec![reader.manifest.name.clone()];
        for writer in clients {
            let outcome = reader.read.get(&writer.manifest.name);
            cells.push(outcome.map_or("–", mark).to_owned());
        }
        line(&mut text, &cells);
    }
    text
}

fn lacks(clients: &[ClientOutcome]) -> String {
    let mut text = "\n## What libraries themselves cannot do\n\n\
        The matrix asks nothing of a library that the library does not have.\n\n\
        | library | what | why |\n|---|---|---|\n"
        .to_owned();
    for client in clients {
        let manifest = &client.manifest;
        let all = [
            ("writing", &manifest.cannot_write),
            ("telling apart", &manifest.cannot_tell),
            ("reading", &manifest.refuses_to_read),
        ];
        let mut rows: Vec<(String, String)> = Vec::new();
        for (verb, lacks) in all {
            let row =
                |(lack, why): (&Lack, &String)| (format!("{verb} {}", lack.name()), why.clone());
            rows.extend(lacks.iter().map(row));
        }
        if let Outcome::Absent(why) = &client.created {
            rows.push(("creating topics".to_owned(), why.clone()));
        }
        if !manifest.idempotence {
            rows.push((
                "idempotence".to_owned(),
                "it has no idempotent producer".to_owned(),
            ));
        }
        if !manifest.tells_offsets {
            rows.push((
                "telling offsets".to_owned(),
                "its producer does not report them".to_owned(),
            ));
        }
        if let Some(why) = &manifest.drops_on_leaving {
            rows.push(("leaving under load".to_owned(), why.clone()));
        }
        if let Some(why) = &manifest.commits_late {
            rows.push(("exact takeovers".to_owned(), why.clone()));
        }
        if let Outcome::Absent(why) = &client.group {
            rows.push(("groups".to_owned(), why.clone()));
        }
        for (what, why) in rows {
            line(&mut text, &[manifest.name.clone(), what, why]);
        }
    }
    text
}

fn failed(clients: &[ClientOutcome]) -> String {
    let mut text = String::new();
    for client in clients {
        for (part, why) in client.failures() {
            let why = why.replace('\n', "\n  ");
            let entry = format!(
                "\n- **{}**, {part}:\n\n  ```text\n  {why}\n  ```\n",
                client.manifest.name
            );
            text.push_str(&entry);
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\n## Failures\n{text}")
}

fn mark(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed(_) => "yes",
        Outcome::Failed(_) => "**failed**",
        Outcome::Absent(_) => "–",
    }
}

fn line(text: &mut String, cells: &[String]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string cannot fail");
}

/// 100000 as 100,000.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::Manifest;
    use crate::outcome::Written;

    /// Outcomes of every client of this folder, all passed.
    fn passed() -> Vec<ClientOutcome> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let manifests = Manifest::load_all(&folder).unwrap();
        let yes = || Outcome::Passed(String::new());
        let written = |codec: &String| Written {
            codec: codec.clone(),
            idempotent: true,
            outcome: yes(),
        };
        let outcomes = manifests.iter().map(|manifest| ClientOutcome {
            version: "1.2.3".to_owned(),
            created: yes(),
            written: manifest.codecs.iter().map(written).collect(),
            read: manifests
                .iter()
                .map(|writer| (writer.name.clone(), yes()))
                .collect(),
            group: yes(),
            manifest: manifest.clone(),
        });
        outcomes.collect()
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            ["7", "2,000", "100,000"],
            [7, 2000, 100_000].map(grouped)[..]
        );
    }

    #[test]
    fn a_clean_run_says_so_and_lists_no_failure() {
        let page = render("a broker", 100_000, &passed());
        assert!(page.contains("100,000. Everything passed."), "{page}");
        assert!(
            !page.contains("failed**") && !page.contains("## Failures"),
            "{page}"
        );
    }

    #[test]
    fn a_failure_shows_in_its_cell_and_with_its_cause() {
        let broken = || Outcome::Failed("offset 7 came where 6 was due".to_owned());
        let changes: [fn(&mut ClientOutcome, Outcome); 4] = [
            |client, outcome| client.created = outcome,
            |client, outcome| client.written[0].outcome = outcome,
            |client, outcome| {
                client.read.insert("franz-go".to_owned(), outcome);
            },
            |client, outcome| client.group = outcome,
        ];
        for change in changes {
            let mut clients = passed();
            change(&mut clients[0], broken());
            let page = render("a broker", 1000, &clients);
            assert!(page.contains("parts failed"), "{page}");
            assert!(page.contains("offset 7 came where 6 was due"), "{page}");
        }
    }
}
