//! `clients/<library>/client.json`: what a client library is, has and lacks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::lack::Lack;

/// A client library as its folder declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The folder's name, filled in on loading.
    #[serde(skip)]
    pub(crate) name: String,
    /// The folder, filled in on loading.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// What people call the library.
    pub(crate) title: String,
    /// How its program is built and started.
    pub(crate) toolchain: Toolchain,
    /// Compression codecs it can write.
    pub(crate) codecs: Vec<String>,
    /// Whether it can create topics; otherwise writing to one creates it.
    pub(crate) creates_topics: bool,
    /// Whether it has an idempotent producer.
    pub(crate) idempotence: bool,
    /// Whether it has consumer groups.
    pub(crate) groups: bool,
    /// Why no records may flow while a member leaves, for a library that loses one then.
    #[serde(default)]
    pub(crate) drops_on_leaving: Option<String>,
    /// Why it may take a partition up shortly before its last commit, for a library that does.
    #[serde(default)]
    pub(crate) commits_late: Option<String>,
    /// Whether it tells where each record went.
    pub(crate) tells_offsets: bool,
    /// Whether the short run for CI includes it.
    #[serde(default)]
    pub(crate) quick: bool,
    /// What it cannot write, with the reason.
    #[serde(default)]
    pub(crate) cannot_write: BTreeMap<Lack, String>,
    /// What it cannot tell apart when it reads, with the reason.
    #[serde(default)]
    pub(crate) cannot_tell: BTreeMap<Lack, String>,
    /// What makes a topic unreadable for it, with the reason.
    #[serde(default)]
    pub(crate) refuses_to_read: BTreeMap<Lack, String>,
}

/// How a client's program comes to be.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Toolchain {
    /// `pom.xml` names the jars, `source` the one Java file.
    Maven {
        /// Path of the source, relative to the client's folder.
        source: String,
    },
    /// `requirements.txt` and `client.py`, in a virtual environment.
    Pip,
    /// `package-lock.json` and `client.js`.
    Npm,
    /// `go.mod` and `main.go`.
    Go,
    /// `Cargo.lock` and the binary `compat-<folder>`.
    Cargo,
    /// Debian packages and `client.py`.
    Debian {
        /// Packages to install when `program` is missing.
        packages: Vec<String>,
        /// The program that the packages bring.
        program: String,
    },
}

impl Manifest {
    /// Reads every client of a folder, in the order of their names.
    ///
    /// # Errors
    /// When a manifest cannot be read or is not a manifest.
    pub(crate) fn load_all(folder: &Path) -> Result<Vec<Self>> {
        let mut manifests = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = entry.path().join("client.json");
            if path.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                manifests.push(Self::load(name, &path)?);
            }
        }
        manifests.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(manifests)
    }

    fn load(name: String, path: &Path) -> Result<Self> {
        let describe = || path.display().to_string();
        let text = std::fs::read(path).with_context(describe)?;
        let mut manifest: Self = serde_json::from_slice(&text).with_context(describe)?;
        ensure!(
            manifest.codecs.iter().any(|codec| codec == "none"),
            "{name}: every library can leave records uncompressed"
        );
        manifest.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        manifest.name = name;
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_of_this_folder_load() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let manifests = Manifest::load_all(&folder).unwrap();
        assert!(manifests.iter().any(|manifest| manifest.quick));
        assert!(manifests.iter().any(|manifest| manifest.creates_topics));
        // A library that chooses no timestamps or offsets still has to say why.
        for manifest in &manifests {
            for reason in manifest.cannot_write.values() {
                assert!(!reason.is_empty(), "{}", manifest.name);
            }
        }
    }
}
