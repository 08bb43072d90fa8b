//! `cargo xtask kafka`: start and stop a node, run a tool, print the class path.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

use super::tool::tool;
use super::{jars, node};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask kafka",
    about = "Apache Kafka, the reference broker"
)]
struct Kafka {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Starts a single node in the background and waits until it answers.
    Start {
        /// Client port on loopback.
        #[arg(long, default_value_t = 22092)]
        port: u16,
        /// Controller port on loopback [default: the client port + 1].
        #[arg(long)]
        controller_port: Option<u16>,
        /// Folder of the node: logs, properties, pid, output.
        #[arg(long)]
        data: PathBuf,
        /// JVM heap.
        #[arg(long, default_value = "512m")]
        heap: String,
        /// Server property, key=value; may be repeated.
        #[arg(long = "override", value_parser = key_value)]
        overrides: Vec<(String, String)>,
    },
    /// Ends the node that was started with the same folder.
    Stop {
        /// Folder of the node.
        #[arg(long)]
        data: PathBuf,
    },
    /// Runs one of Kafka's tools, such as org.apache.kafka.tools.TopicCommand.
    RunTool {
        /// Kafka's main class.
        main_class: String,
        /// The tool's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Prints the folder with all jars, resolving them when needed.
    Jars,
}

/// Entry point of the command.
pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let words = std::iter::once("cargo xtask kafka".to_owned()).chain(args);
    match Kafka::parse_from(words).action {
        Action::Start {
            port,
            controller_port,
            data,
            heap,
            overrides,
        } => {
            let controller_port = match controller_port {
                Some(chosen) => chosen,
                None => port
                    .checked_add(1)
                    .context("no port above 65535 for the controller")?,
            };
            let home = std::path::absolute(data)?;
            let options = node::NodeOptions {
                port,
                controller_port,
                home,
                overrides,
                heap,
                detached: true,
            };
            let node = node::KafkaNode::start(&options)?;
            println!(
                "Kafka answers on 127.0.0.1:{port} after {} ms, pid {}, {} MB resident",
                node.ready_after.as_millis(),
                node.pid.raw(),
                node.pid.usage()?.resident_bytes / 1_000_000
            );
            Ok(())
        }
        Action::Stop { data } => node::stop_by_home(&std::path::absolute(data)?),
        Action::RunTool { main_class, args } => {
            let status = tool(&main_class, &args)?
                .status()
                .context("cannot run java")?;
            ensure!(status.success(), "{main_class} ended with {status}");
            Ok(())
        }
        Action::Jars => {
            println!("{}", jars::jar_dir()?.display());
            Ok(())
        }
    }
}

fn key_value(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').context("expected key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
