//! `docs/ARCHITECTURE.md`: short, and every invariant names the test that holds it.

use super::Finding;
use super::tracked::Tracked;

const PATH: &str = "docs/ARCHITECTURE.md";
const LINES_MAX: usize = 300;

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let Some(file) = files.texts.iter().find(|file| file.path == PATH) else {
        return vec![Finding::new(PATH, "is missing")];
    };
    let mut findings = Vec::new();
    let length = file.text.lines().count();
    if length > LINES_MAX {
        findings.push(Finding::new(
            PATH,
            format!("{length} lines, at most {LINES_MAX}"),
        ));
    }
    let items = invariants(&file.text);
    if items.is_empty() {
        findings.push(Finding::new(
            PATH,
            "no numbered list under \"## Invariants\"",
        ));
    }
    for (line, item) in items {
        let tests = named_tests(&item);
        if tests.is_empty() {
            findings.push(Finding::at(
                PATH,
                line,
                "an invariant must end with (test: …)",
            ));
        }
        for test in tests.iter().filter(|test| !exists(files, test)) {
            findings.push(Finding::at(PATH, line, format!("there is no test {test}")));
        }
    }
    findings
}

/// The items of the list with their first line; an item may run over several lines.
fn invariants(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (line, text) in text.lines().enumerate() {
        if text.starts_with("## ") {
            inside = text.trim() == "## Invariants";
        } else if inside && is_numbered(text) {
            items.push((line, text.to_owned()));
        } else if inside
            && text.starts_with(' ')
            && let Some((_, item)) = items.last_mut()
        {
            item.push(' ');
            item.push_str(text.trim());
        }
    }
    items
}

fn is_numbered(text: &str) -> bool {
    text.split_once(". ")
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

/// `(test: a::b, c::d)`; code marks are ignored.
fn named_tests(item: &str) -> Vec<String> {
    let Some((_, rest)) = item.rsplit_once("(test: ") else {
        return Vec::new();
    };
    let Some((list, _)) = rest.split_once(')') else {
        return Vec::new();
    };
    list.split(',')
        .map(|test| test.trim().trim_matches('`').to_owned())
        .collect()
}

/// `<crate path or file>::<test name>`: the file, or any file of the crate, must hold the function.
fn exists(files: &Tracked, test: &str) -> bool {
    let Some((place, name)) = test.rsplit_once("::") else {
        return false;
    };
    let head = place.split("::").next().unwrap_or(place);
    let folder = head
        .trim_start_matches("thalweg")
        .trim_start_matches(['-', '_']);
    let signature = format!("fn {name}(");
    files.rust().any(|(file, lexed)| {
        let here = file.path == place || file.top() == folder || file.top() == head;
        here && lexed.code.contains(&signature)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: (&str, &str) = ("replica/src/append.rs", "fn acked_is_durable() {}\n");

    fn messages(list: &str) -> Vec<String> {
        let text = format!("# A\n\n## Invariants\n\n{list}\n## Next\n\n1. Not one.\n");
        let findings = check(&Tracked::of(&[(PATH, &text), SOURCE]));
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn an_invariant_may_name_a_crate_or_a_file() {
        let list = "1. Acked means\n   durable. (test: replica::append::acked_is_durable)\n\
                    2. Twice. (test: `replica/src/append.rs::acked_is_durable`,\n   \
                    thalweg_replica::acked_is_durable)\n";
        assert_eq!(messages(list), Vec::<String>::new());
    }

    #[test]
    fn an_invariant_without_an_existing_test_is_found() {
        assert_eq!(
            messages("1. Acked.\n"),
            ["an invariant must end with (test: …)"]
        );
        assert_eq!(
            messages("1. Acked. (test: log::acked_is_durable)\n"),
            ["there is no test log::acked_is_durable"]
        );
    }

    #[test]
    fn a_page_without_invariants_is_found() {
        assert_eq!(messages("Prose.\n").len(), 1);
        assert_eq!(check(&Tracked::default()).len(), 1);
    }
}
