//! `cargo xtask docs`: pages about facts that are in the code, written from there and checked for drift.

mod api_head;
mod api_versions;
mod configuration;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::paths;

/// Makes the text of a page.
type Page = fn() -> Result<String>;

/// The pages by their paths.
const PAGES: &[(&str, Page)] = &[
    ("docs/api-versions.md", api_versions::page),
    ("docs/configuration.md", configuration::page),
];

/// Below the title of every page.
const BANNER: &str = "<!-- Written by `cargo xtask docs`. Do not edit. -->\n";

/// Entry point of the command: writes the pages, or with `--check` fails when one is stale.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask docs [--check]"),
    };
    let mut stale = Vec::new();
    for (path, page) in PAGES {
        let text = page().with_context(|| (*path).to_owned())?;
        let file = paths::workspace_root().join(path);
        if fs::read_to_string(&file).is_ok_and(|found| found == text) {
            continue;
        }
        stale.push(*path);
        if !check {
            fs::write(&file, text).with_context(|| (*path).to_owned())?;
        }
    }
    if check && !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask docs`", stale.join(", "));
    }
    println!("{} pages, {} changed", PAGES.len(), stale.len());
    Ok(())
}

/// The Rust sources of a folder and those below it, in the order of their paths.
fn sources(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path)?;
                found.push((path, text));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(paths::workspace_root().join(path)).with_context(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_pages_are_up_to_date() {
        super::run(&["--check".to_owned()]).unwrap();
    }
}
