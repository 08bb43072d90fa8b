//! Kafka's jars, resolved once by Maven into the cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::paths;

/// The folder with the pinned versions and the logging set-up.
pub(crate) fn reference_dir() -> PathBuf {
    paths::workspace_root().join("xtask/reference-kafka")
}

/// The folder of all jars; Maven is asked only when the pom has changed.
pub(crate) fn jar_dir() -> Result<PathBuf> {
    let pom = reference_dir().join("pom.xml");
    let home = paths::cache_dir()?.join("reference-kafka");
    let (jars, stamp) = (home.join("jars"), home.join("pom.xml"));
    let wanted = fs::read(&pom).with_context(|| format!("no {}", pom.display()))?;
    if fs::read(&stamp).is_ok_and(|resolved| resolved == wanted) {
        return Ok(jars);
    }
    resolve(&pom, &home, &jars)?;
    fs::write(&stamp, wanted)?;
    Ok(jars)
}

/// The class path of every Kafka command.
pub(crate) fn class_path() -> Result<String> {
    Ok(format!("{}/*", jar_dir()?.display()))
}

/// Copies into a fresh folder first, so that an interrupted download leaves nothing half done.
fn resolve(pom: &Path, home: &Path, jars: &Path) -> Result<()> {
    fs::create_dir_all(home)?;
    let fresh = home.join(format!("jars-{}", std::process::id()));
    let status = Command::new("mvn")
        .args(["-q", "-B", "-Dstyle.color=never", "-f"])
        .arg(pom)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", fresh.display()))
        .status()
        .context("cannot run mvn (Debian: apt-get install maven)")?;
    ensure!(status.success(), "mvn could not resolve {}", pom.display());
    if jars.exists() {
        fs::remove_dir_all(jars)?;
    }
    fs::rename(&fresh, jars)?;
    Ok(())
}
