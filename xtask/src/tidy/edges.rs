//! Dependencies between crates, from `cargo metadata`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Finding;
use crate::layers::{ALLOWED_EDGES, RESTRICTED, TEST_EDGES, TEST_ONLY};
use crate::paths;

/// One line under `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
#[derive(Debug)]
struct Edge {
    from: String,
    /// Folder of one of our crates, or the name of a crate from outside.
    to: String,
    ours: bool,
    for_tests: bool,
}

pub(super) fn check() -> Result<Vec<Finding>> {
    Ok(edges(&metadata()?)?
        .iter()
        .filter_map(broken_rule)
        .collect())
}

fn metadata() -> Result<Value> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(paths::workspace_root())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn edges(metadata: &Value) -> Result<Vec<Edge>> {
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let manifest = package["manifest_path"]
            .as_str()
            .context("no manifest_path")?;
        let from = folder(
            Path::new(manifest)
                .parent()
                .context("a manifest has a folder")?,
        );
        for dependency in package["dependencies"]
            .as_array()
            .context("no dependencies")?
        {
            let path = dependency["path"].as_str();
            let name = dependency["name"]
                .as_str()
                .context("a dependency without name")?;
            edges.push(Edge {
                from: from.clone(),
                to: path.map_or_else(|| name.to_owned(), |path| folder(Path::new(path))),
                ours: path.is_some(),
                for_tests: dependency["kind"] == "dev",
            });
        }
    }
    Ok(edges)
}

/// The crate's place in the checkout: its first folder.
fn folder(path: &Path) -> String {
    let inside = path.strip_prefix(paths::workspace_root()).unwrap_or(path);
    inside
        .components()
        .next()
        .map_or_else(String::new, |first| {
            first.as_os_str().to_string_lossy().into_owned()
        })
}

fn broken_rule(edge: &Edge) -> Option<Finding> {
    let Edge {
        from,
        to,
        ours,
        for_tests,
    } = edge;
    let place = format!("{from}/Cargo.toml");
    if *ours {
        let Some((_, allowed)) = ALLOWED_EDGES.iter().find(|(name, _)| name == from) else {
            return Some(Finding::new(place, "is not in xtask/src/layers.rs"));
        };
        let is_for_tests = *for_tests && TEST_EDGES.contains(&(from, to));
        return (from != to && !allowed.contains(&to.as_str()) && !is_for_tests)
            .then(|| Finding::new(place, format!("{from} may not depend on {to}")));
    }
    if TEST_ONLY.contains(&to.as_str()) && !for_tests {
        return Some(Finding::new(
            place,
            format!("{to} belongs under dev-dependencies"),
        ));
    }
    let (_, allowed) = RESTRICTED.iter().find(|(name, _)| name == to)?;
    (!allowed.contains(&from.as_str()))
        .then(|| Finding::new(place, format!("{from} may not depend on {to}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, ours: bool, for_tests: bool) -> Edge {
        Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            ours,
            for_tests,
        }
    }

    #[test]
    fn an_edge_against_the_layers_is_found() {
        assert!(broken_rule(&edge("replica", "log", true, false)).is_none());
        assert!(broken_rule(&edge("log", "replica", true, false)).is_some());
        assert!(broken_rule(&edge("wire", "log", true, true)).is_some());
        assert!(broken_rule(&edge("broker", "sim", true, true)).is_none());
        assert!(broken_rule(&edge("broker", "sim", true, false)).is_some());
        assert!(broken_rule(&edge("new-crate", "model", true, false)).is_some());
    }

    #[test]
    fn tokio_stays_in_the_shells() {
        assert!(broken_rule(&edge("broker", "tokio", false, false)).is_none());
        assert!(broken_rule(&edge("replica", "tokio", false, false)).is_some());
        assert!(broken_rule(&edge("replica", "tokio", false, true)).is_some());
    }

    #[test]
    fn an_oracle_is_for_tests_only() {
        assert!(broken_rule(&edge("wire", "kafka-protocol", false, true)).is_none());
        assert!(broken_rule(&edge("wire", "kafka-protocol", false, false)).is_some());
    }

    #[test]
    fn every_workspace_edge_is_read() {
        let all = edges(&metadata().unwrap()).unwrap();
        assert!(
            all.iter()
                .any(|edge| edge.from == "broker" && edge.to == "wire" && edge.ours)
        );
        assert!(
            all.iter()
                .any(|edge| edge.from == "xtask" && edge.to == "anyhow")
        );
    }
}
