//! Direction of `use crate::…` inside `broker`: what is below never names who asked.

use super::Finding;
use super::tracked::Tracked;
use crate::layers::BROKER_DIRECTION;

const ROOT: &str = "broker/src/";

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, _) in files.rust() {
        let (Some(inside), Some(code)) = (file.path.strip_prefix(ROOT), file.product_code()) else {
            continue;
        };
        let area = inside.split(['/', '.']).next().unwrap_or(inside);
        let rules = BROKER_DIRECTION
            .iter()
            .filter(|(folder, _)| *folder == area);
        for forbidden in rules.flat_map(|(_, forbidden)| forbidden.iter()) {
            for (line, text) in code.lines().enumerate() {
                if names_module(text, forbidden) {
                    let message = format!("broker/{area} may not name crate::{forbidden}");
                    findings.push(Finding::at(&file.path, line, message));
                }
            }
        }
    }
    findings
}

fn names_module(text: &str, module: &str) -> bool {
    text.match_indices("crate::").any(|(at, prefix)| {
        let rest = &text[at + prefix.len()..];
        rest.strip_prefix(module)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_does_not_know_the_apis() {
        let files = Tracked::of(&[
            (
                "broker/src/partition/handle.rs",
                "use crate::api::produce;\n",
            ),
            (
                "broker/src/api/produce.rs",
                "use crate::partition::Handle;\n",
            ),
            (
                "broker/src/partition/worker.rs",
                "use crate::api_keys::X;\n",
            ),
        ]);
        let findings = check(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place, "broker/src/partition/handle.rs:1");
    }
}
