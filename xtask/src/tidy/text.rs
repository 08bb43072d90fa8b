//! Tracked text and blobs: sizes, paths of one machine, hosts in lock files.

use super::Finding;
use super::tracked::{BLOB_BYTES_MAX, TextFile, Tracked};

/// First folders of absolute paths that exist on one machine only.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home"];

/// Lock files by the end of their name.
const LOCK_FILES: &[&str] = &[".lock", "package-lock.json", "go.sum", "pnpm-lock.yaml"];

/// The one host a lock file may name: cargo writes it for the default registry.
const CARGO_SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .sizes
        .iter()
        .filter(|(_, bytes)| *bytes > BLOB_BYTES_MAX)
        .map(|(path, bytes)| Finding::new(path, format!("{bytes} bytes, at most 1 MiB")))
        .collect();
    for file in &files.texts {
        let is_lock = LOCK_FILES.iter().any(|end| file.name().ends_with(end));
        findings.extend(if is_lock {
            hosts(file)
        } else {
            machine_paths(file)
        });
    }
    findings
}

fn hosts(file: &TextFile) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, text)| text.contains("://") && text.trim() != CARGO_SOURCE)
        // Where to give money to an author, not where the package came from.
        .filter(|(_, text)| !text.trim().starts_with("\"url\":"))
        .map(|(line, _)| Finding::at(&file.path, line, "a lock file names a host"))
        .collect()
}

fn machine_paths(file: &TextFile) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, text)| MACHINE_FOLDERS.iter().any(|folder| has_path(text, folder)))
        .map(|(line, _)| Finding::at(&file.path, line, "an absolute path of one machine"))
        .collect()
}

/// Whether `/folder/` stands at the start of a path.
fn has_path(text: &str, folder: &str) -> bool {
    let needle = format!("/{folder}/");
    text.match_indices(&needle).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '}' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tracked::of(&[(path, text)])).len()
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let path = ["", "home", "me", "x"].join("/");
        assert_eq!(found("README.md", &format!("cd {path}\n")), 1);
        assert_eq!(found("README.md", &format!("cd target{path}\n")), 0);
        assert_eq!(found("README.md", "docs/home/x and homework\n"), 0);
    }

    #[test]
    fn a_lock_file_names_no_host_but_the_default_registry() {
        assert_eq!(found("Cargo.lock", &format!("{CARGO_SOURCE}\n")), 0);
        assert_eq!(
            found("Cargo.lock", "source = \"git+https://example.org/x\"\n"),
            1
        );
        assert_eq!(
            found(
                "a/package-lock.json",
                "\"resolved\": \"https://example.org/x\",\n"
            ),
            1
        );
    }

    #[test]
    fn a_large_blob_is_found() {
        let sizes = vec![
            ("a.bin".to_owned(), BLOB_BYTES_MAX),
            ("b.bin".to_owned(), 1 << 21),
        ];
        let findings = check(&Tracked {
            texts: Vec::new(),
            sizes,
        });
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "b.bin");
    }
}
