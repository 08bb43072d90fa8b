//! Kafka's command line tools, run from the jars by their main class.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::jars;

/// A JVM with Kafka's class path and quiet logging; the caller adds flags, main class, arguments.
pub(super) fn java() -> Result<Command> {
    let mut command = Command::new("java");
    let logging = jars::reference_dir().join("log4j2.properties");
    command
        .arg(format!("-Dlog4j2.configurationFile={}", logging.display()))
        .args(["-cp", &jars::class_path()?]);
    Ok(command)
}

/// Flags of short runs: little compiling, little memory.
const SHORT_RUN: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A tool, ready to be run: `main_class` is Kafka's own, `args` go to it unchanged.
pub(crate) fn tool(main_class: &str, args: &[String]) -> Result<Command> {
    let mut command = java()?;
    command.args(SHORT_RUN);
    let archive = class_archive()?;
    if archive.exists() {
        // An archive of another JDK is skipped; that must not show in what the tool prints.
        command.args(["-Xlog:disable", "-Xlog:all=error:stderr"]);
        command.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
    }
    command.arg(main_class).args(args);
    Ok(command)
}

/// Loaded classes kept in a file: tools start in half the time.
fn class_archive() -> Result<PathBuf> {
    Ok(jars::jar_dir()?.join("tools.jsa"))
}

/// Writes the class archive once, from a tool that talks to a running broker.
pub(crate) fn speed_up_tools(address: SocketAddr) -> Result<()> {
    let archive = class_archive()?;
    if archive.exists() {
        return Ok(());
    }
    let output = java()?
        .args(SHORT_RUN)
        .arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()))
        .args([
            "org.apache.kafka.tools.TopicCommand",
            "--list",
            "--bootstrap-server",
        ])
        .arg(address.to_string())
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A load generator: compiled fully, with the collector and the heap of Kafka's own scripts.
pub(crate) fn load_tool(main_class: &str) -> Result<Command> {
    let mut command = java()?;
    command.args([
        "-Xmx512m",
        "-server",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
    ]);
    command.arg(main_class);
    Ok(command)
}
