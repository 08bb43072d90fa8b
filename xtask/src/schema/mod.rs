//! Kafka's message schemas: from the reference broker's jars to `wire/schema`, and from there to Rust.

mod codegen;
mod extract;
mod message;
mod store;
mod text;
mod versions;

use anyhow::{Result, bail};

/// `cargo xtask schema`: rewrites `wire/schema` from the jars of the reference broker.
pub(crate) fn run_schema(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask schema");
    }
    let groups = extract::read_jars()?;
    let changed = store::save(&groups)?;
    println!("{} schema files, {changed} changed", groups.len());
    Ok(())
}

/// `cargo xtask codegen [--check]`: rewrites the generated sources, or fails when they are stale.
pub(crate) fn run_codegen(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask codegen [--check]"),
    };
    let messages = store::load()?;
    codegen::run(&messages, check)
}
