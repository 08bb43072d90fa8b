//! `cargo xtask dist`: the binary that is shipped, static and small.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// The promise of the README; the budget with everything that is planned is 37 MB.
const BYTES_MAX: usize = 20_000_000;

/// Entry point of the command. Prints the binary's path last, so that scripts can take it.
pub(crate) fn run() -> Result<()> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    rustup(&target)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--profile", "dist", "--target", &target])
        .args(["--package", "thalweg-broker", "--bin", "thalweg"])
        .current_dir(paths::workspace_root())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "the build ended with {status}; if it found no compiler for C, musl-gcc is in Debian's package musl-tools"
    );
    let built = paths::target_dir().join(&target).join("dist/thalweg");
    let binary = check(&built).with_context(|| built.display().to_string())?;
    println!("{} bytes of at most {BYTES_MAX}, static", binary.len());
    println!("{}", place(&built)?.display());
    Ok(())
}

/// Installs the standard library for the target. A cargo without rustup brings its own.
fn rustup(target: &str) -> Result<()> {
    match Command::new("rustup")
        .args(["target", "add", target])
        .status()
    {
        Ok(status) => {
            ensure!(
                status.success(),
                "rustup target add {target} ended with {status}"
            );
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).context("cannot run rustup"),
    }
}

fn check(path: &Path) -> Result<Vec<u8>> {
    let binary = fs::read(path)?;
    ensure!(
        binary.len() < BYTES_MAX,
        "{} bytes, less than {BYTES_MAX} were promised",
        binary.len()
    );
    ensure!(
        !asks_for_loader(&binary)?,
        "it asks for a dynamic loader: in an empty image it would not start"
    );
    Ok(binary)
}

/// Copies the binary to a folder of its own, which can be sent to an image builder as it is.
fn place(built: &Path) -> Result<PathBuf> {
    let folder = paths::target_dir().join("image");
    fs::create_dir_all(folder.join("data"))?;
    let placed = folder.join("thalweg");
    fs::copy(built, &placed)?;
    Ok(placed)
}

/// Whether a 64-bit little-endian ELF file has a program header of type `PT_INTERP`.
fn asks_for_loader(binary: &[u8]) -> Result<bool> {
    const PT_INTERP: u32 = 3;
    ensure!(
        binary.starts_with(b"\x7fELF\x02\x01"),
        "not a 64-bit little-endian ELF file"
    );
    let headers = usize::try_from(u64::from_le_bytes(field(binary, 32)?))?;
    let size = usize::from(u16::from_le_bytes(field(binary, 54)?));
    let count = usize::from(u16::from_le_bytes(field(binary, 56)?));
    for number in 0..count {
        if u32::from_le_bytes(field(binary, headers + number * size)?) == PT_INTERP {
            return Ok(true);
        }
    }
    Ok(false)
}

fn field<const BYTES: usize>(binary: &[u8], at: usize) -> Result<[u8; BYTES]> {
    match binary.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => Ok(*bytes),
        None => bail!("the ELF file ends before byte {at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header with two program headers of 56 bytes behind it.
    fn elf(types: [u32; 2]) -> Vec<u8> {
        let mut binary = vec![0; 64 + 2 * 56];
        binary[..6].copy_from_slice(b"\x7fELF\x02\x01");
        binary[32] = 64;
        binary[54] = 56;
        binary[56] = 2;
        for (number, kind) in types.into_iter().enumerate() {
            let at = 64 + number * 56;
            binary[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        }
        binary
    }

    #[test]
    fn a_dynamic_binary_is_told_from_a_static_one() {
        assert!(asks_for_loader(&elf([1, 3])).unwrap());
        assert!(!asks_for_loader(&elf([1, 1])).unwrap());
        assert!(asks_for_loader(&elf([1, 1])[..100]).is_err());
        assert!(asks_for_loader(b"#!/bin/sh").is_err());
    }
}
