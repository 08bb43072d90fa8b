//! Generated files: formatted in a scratch folder, then saved or compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::BANNER;
use crate::paths;

/// Sources by their path within the crate.
#[derive(Debug, Default)]
pub(super) struct Output {
    files: BTreeMap<PathBuf, String>,
}

impl Output {
    pub(super) fn add(&mut self, path: PathBuf, source: String) {
        self.files.insert(path, source);
    }

    /// Runs rustfmt over all files at once.
    pub(super) fn format(&mut self) -> Result<()> {
        let scratch = std::env::temp_dir().join(format!("thalweg-codegen-{}", std::process::id()));
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args(["--edition", "2024", "--config", "max_width=100"]);
        for (path, source) in &self.files {
            let path = scratch.join(path);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(&path, source)?;
            rustfmt.arg(path);
        }
        let status = rustfmt.status().context("cannot run rustfmt")?;
        ensure!(status.success(), "rustfmt refused the generated sources");
        for (path, source) in &mut self.files {
            *source = fs::read_to_string(scratch.join(path))?;
        }
        fs::remove_dir_all(&scratch)?;
        Ok(())
    }

    /// Writes what changed and removes generated files that are no longer made.
    pub(super) fn save(&self) -> Result<()> {
        let mut changed = 0;
        for path in self.stale()? {
            match self.files.get(&path) {
                Some(source) => {
                    let path = root().join(&path);
                    fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
                    fs::write(path, source)?;
                }
                None => fs::remove_file(root().join(&path))?,
            }
            changed += 1;
        }
        println!("{} generated files, {changed} changed", self.files.len());
        Ok(())
    }

    /// Fails when a generated file differs from what would be written.
    pub(super) fn check(&self) -> Result<()> {
        let stale = self.stale()?;
        if let Some(first) = stale.first() {
            bail!(
                "{} generated files are stale (first: wire/{}): run `cargo xtask codegen`",
                stale.len(),
                first.display()
            );
        }
        println!("{} generated files are up to date", self.files.len());
        Ok(())
    }

    fn stale(&self) -> Result<Vec<PathBuf>> {
        let mut stale: Vec<PathBuf> = self
            .files
            .iter()
            .filter(|(path, source)| {
                !fs::read_to_string(root().join(path)).is_ok_and(|found| found == **source)
            })
            .map(|(path, _)| path.clone())
            .collect();
        for entry in fs::read_dir(root().join("src/messages"))
            .into_iter()
            .flatten()
        {
            let path = entry?.path();
            let within = path.strip_prefix(root()).unwrap_or(&path).to_path_buf();
            let generated = fs::read_to_string(&path)?.starts_with(BANNER);
            if generated && !self.files.contains_key(&within) {
                stale.push(within);
            }
        }
        Ok(stale)
    }
}

fn root() -> PathBuf {
    paths::workspace_root().join("wire")
}
