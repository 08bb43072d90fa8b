//! The tracked files of the checkout, read once.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::lexer::{self, Lexed};
use crate::paths;

/// Files beyond this are not read: they are a finding of their own.
pub(super) const BLOB_BYTES_MAX: u64 = 1024 * 1024;

/// A tracked text file.
#[derive(Debug)]
pub(super) struct TextFile {
    /// From the root of the checkout, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// For Rust sources.
    pub(super) rust: Option<Lexed>,
}

impl TextFile {
    /// A file as the checks see it.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let is_rust = path
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "rs");
        let rust = is_rust.then(|| lexer::lex(text));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            rust,
        }
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The first part of the path: the crate's folder.
    pub(super) fn top(&self) -> &str {
        self.path.split('/').next().unwrap_or(&self.path)
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        let test_folders = ["tests", "benches", "fuzz"];
        let mut folders = self.path.split('/');
        self.name() == "tests.rs"
            || self.top() == "compat-tests"
            || folders.any(|folder| test_folders.contains(&folder))
    }

    /// Whether a generator wrote the file.
    pub(super) fn is_generated(&self) -> bool {
        self.text
            .lines()
            .take(5)
            .any(|line| line.contains("@generated"))
    }

    /// Code outside tests, for Rust sources.
    pub(super) fn product_code(&self) -> Option<String> {
        let code = &self.rust.as_ref()?.code;
        (!self.is_test()).then(|| lexer::without_tests(code))
    }
}

/// All tracked files.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    pub(super) texts: Vec<TextFile>,
    /// Path and size of every file, text or not.
    pub(super) sizes: Vec<(String, u64)>,
}

impl Tracked {
    /// Reads the working tree's version of every tracked file.
    pub(super) fn load() -> Result<Self> {
        let root = paths::workspace_root();
        let output = Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "-z"])
            .current_dir(root)
            .output()
            .context("cannot run git")?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut tracked = Self::default();
        for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
            // A file that was deleted and not yet committed is gone.
            let Ok(metadata) = fs::symlink_metadata(root.join(path)) else {
                continue;
            };
            tracked.sizes.push((path.to_owned(), metadata.len()));
            if metadata.is_file()
                && metadata.len() <= BLOB_BYTES_MAX
                && let Ok(text) = fs::read_to_string(root.join(path))
            {
                tracked.texts.push(TextFile::new(path, &text));
            }
        }
        Ok(tracked)
    }

    /// Rust sources with their lexed form.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&TextFile, &Lexed)> {
        self.texts
            .iter()
            .filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let texts = files
            .iter()
            .map(|(path, text)| TextFile::new(path, text))
            .collect();
        Self {
            texts,
            sizes: Vec::new(),
        }
    }
}
