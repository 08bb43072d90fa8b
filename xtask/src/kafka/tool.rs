//! Kafka's command line tools, run from the jars by their main class.

use std::process::Command;

use anyhow::Result;

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

/// A tool, ready to be run: `main_class` is Kafka's own, `args` go to it unchanged.
pub(crate) fn tool(main_class: &str, args: &[String]) -> Result<Command> {
    let mut command = java()?;
    command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg(main_class).args(args);
    Ok(command)
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
