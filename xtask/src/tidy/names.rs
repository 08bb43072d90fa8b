//! Names that hide a concept, heads that are missing, things left behind.

use super::Finding;
use super::tracked::{GENERATED, TextFile, Tracked};

/// A file is named for its concept; these name none.
const BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "types",
];

/// Left behind in code.
const LEFTOVERS: &[(&str, &str)] = &[
    ("dbg!(", "left behind"),
    ("todo!(", "left behind"),
    ("unimplemented!(", "left behind"),
    ("#[ignore", "a test that does not run is none"),
    ("#[allow(", "use #[expect(…, reason = \"…\")]"),
    ("#![allow(", "use #![expect(…, reason = \"…\")]"),
];

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, lexed) in files.rust() {
        findings.extend(banned_name(file));
        findings.extend(missing_head(file));
        for (line, text) in lexed.code.lines().enumerate() {
            for (what, why) in LEFTOVERS.iter().filter(|(what, _)| text.contains(what)) {
                findings.push(Finding::at(&file.path, line, format!("{what} {why}")));
            }
        }
        for (line, text) in lexed.comments.lines().enumerate() {
            if ["FIXME", "XXX"].iter().any(|mark| text.contains(mark)) {
                findings.push(Finding::at(&file.path, line, "an open end in a comment"));
            }
        }
    }
    findings
}

fn banned_name(file: &TextFile) -> Option<Finding> {
    let stem = file.name().split('.').next()?;
    let folder = file.path.rsplit('/').nth(1);
    let banned = [Some(stem), folder]
        .into_iter()
        .flatten()
        .find(|name| BANNED.contains(name))?;
    Some(Finding::new(
        &file.path,
        format!("\"{banned}\" names no concept"),
    ))
}

fn missing_head(file: &TextFile) -> Option<Finding> {
    let needs_head = matches!(file.name(), "mod.rs" | "lib.rs" | "main.rs");
    let generated = file
        .text
        .strip_prefix(GENERATED)
        .and_then(|rest| rest.split_once('\n'));
    let text = generated.map_or(file.text.as_str(), |(_, rest)| rest);
    (needs_head && !text.starts_with("//!"))
        .then(|| Finding::new(&file.path, "must start with //! and say what the module is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        check(&Tracked::of(&[(path, text)]))
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn a_file_is_named_for_its_concept() {
        assert_eq!(places("log/src/utils.rs", ""), ["log/src/utils.rs"]);
        assert_eq!(places("log/src/common/x.rs", ""), ["log/src/common/x.rs"]);
        assert!(places("log/src/leader_epochs.rs", "").is_empty());
    }

    #[test]
    fn a_module_says_what_it_is() {
        assert_eq!(places("log/src/lib.rs", "mod a;\n"), ["log/src/lib.rs"]);
        assert!(places("log/src/lib.rs", "//! Bytes.\nmod a;\n").is_empty());
        let generated = format!("{GENERATED} codegen`.\n//! Messages.\n");
        assert!(places("wire/src/messages/mod.rs", &generated).is_empty());
    }

    #[test]
    fn leftovers_are_found_in_code_and_open_ends_in_comments() {
        assert_eq!(
            places("a/src/b.rs", "\nfn f() { todo!() }\n"),
            ["a/src/b.rs:2"]
        );
        assert_eq!(places("a/src/b.rs", "// FIXME later\n"), ["a/src/b.rs:1"]);
        assert!(places("a/src/b.rs", "const A: &str = \"FIXME todo!()\";\n").is_empty());
    }
}
