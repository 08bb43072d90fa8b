//! One API, one file: each starts with what it serves, and says so truly.

use super::Finding;
use super::tracked::{TextFile, Tracked};

const FOLDER: &str = "broker/src/api/";

/// What the head of an API's file tells.
const PARTS: &[&str] = &["//! Versions: ", "//! Behaviour: ", "//! Not done: "];

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let sources = files
        .rust()
        .filter(|(file, _)| file.path.starts_with(FOLDER));
    let sources = sources.filter(|(file, _)| !file.is_test());
    sources
        .flat_map(|(file, lexed)| broken_parts(file, &lexed.code))
        .collect()
}

fn broken_parts(file: &TextFile, code: &str) -> Vec<Finding> {
    if !file.text.starts_with("//!") {
        return vec![Finding::new(
            &file.path,
            "must start with //! and say what it is",
        )];
    }
    let Some(row) = registry_row(code) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = PARTS
        .iter()
        .filter(|part| !file.text.lines().any(|line| line.starts_with(*part)))
        .map(|part| Finding::new(&file.path, format!("the head of an API has \"{part}\"")))
        .collect();
    let head = file
        .text
        .lines()
        .find_map(|line| line.strip_prefix(PARTS[0]));
    if let Some(versions) = head
        && versions.trim() != row
    {
        let message = format!("the head says versions {versions}, the registry row {row}");
        findings.push(Finding::new(&file.path, message));
    }
    findings
}

/// The versions in `const API: Api = … Api::new(ApiKey::Name, min, max, …)`.
fn registry_row(code: &str) -> Option<String> {
    let (_, rest) = code.split_once("const API: Api")?;
    let (_, arguments) = rest.split_once("Api::new(")?;
    let mut arguments = arguments.split(',').map(str::trim);
    let (_, min, max) = (arguments.next()?, arguments.next()?, arguments.next()?);
    Some(if min == max {
        min.to_owned()
    } else {
        format!("{min}-{max}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &str) -> Vec<String> {
        let row = "pub(super) const API: Api =\n    Api::new(ApiKey::Fetch, 4, 18, handle);\n";
        let text = format!("{head}\n{row}");
        let findings = check(&Tracked::of(&[("broker/src/api/fetch/mod.rs", &text)]));
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn the_head_of_an_api_matches_its_row() {
        let head = "//! Fetch.\n//!\n//! Versions: 4-18\n//! Behaviour: reads.\n//! Not done: x.\n";
        assert_eq!(found(head), Vec::<String>::new());
        let wrong = head.replace("4-18", "4-17");
        assert_eq!(
            found(&wrong),
            ["the head says versions 4-17, the registry row 4-18"]
        );
        assert_eq!(found("//! Fetch.\n").len(), 3);
        assert_eq!(found("").len(), 1);
    }

    #[test]
    fn a_part_of_an_api_needs_no_versions() {
        let files = Tracked::of(&[("broker/src/api/fetch/session.rs", "//! Sessions.\n")]);
        assert!(check(&files).is_empty());
    }
}
