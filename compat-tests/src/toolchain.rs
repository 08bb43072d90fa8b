//! Builds a client's program, with everything it needs outside the checkout, and tells how to start it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::manifest::{Manifest, Toolchain};

/// The start of a client's command line.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// Folder of virtual environments, jars and build results: `$XDG_CACHE_HOME/thalweg/clients`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(crate) fn cache_folder() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("thalweg/clients"))
}

/// Builds the client's program unless its inputs are those of the last build.
///
/// # Errors
/// When a tool is missing or fails; its own words are in the error.
pub(crate) fn prepare(client: &Manifest, cache: &Path) -> Result<Program> {
    let target = cache.join(&client.name);
    std::fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    let stamp_path = target.join("built-from");
    let stamp = fingerprint(client)?;
    if std::fs::read_to_string(&stamp_path).is_ok_and(|built| built == stamp) {
        return program(client, cache, &target);
    }
    match &client.toolchain {
        Toolchain::Maven { source } => build_maven(client, source, &target)?,
        Toolchain::Pip => build_pip(client, &target)?,
        Toolchain::Npm => build_npm(client, &target)?,
        Toolchain::Go => {
            provide("go", &["golang-go"])?;
            let output = target.join("client");
            let mut go = Command::new("go");
            go.args(["build", "-trimpath", "-mod=readonly", "-o"])
                .arg(output)
                .arg(".");
            run(go.current_dir(&client.folder))?;
        }
        Toolchain::Cargo => {
            let mut cargo = Command::new("cargo");
            cargo
                .args(["build", "--quiet", "--locked"])
                .env("CARGO_TARGET_DIR", cache.join("cargo"));
            run(cargo.current_dir(&client.folder))?;
        }
        Toolchain::Debian { packages, program } => {
            let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
            provide(program, &packages)?;
        }
    }
    std::fs::write(&stamp_path, stamp).context("stamp of the build")?;
    program(client, cache, &target)
}

fn program(client: &Manifest, cache: &Path, target: &Path) -> Result<Program> {
    let script = |name: &str| client.folder.join(name).display().to_string();
    let contract = client
        .folder
        .with_file_name("python-contract")
        .display()
        .to_string();
    let (path, arguments, environment) = match &client.toolchain {
        Toolchain::Maven { .. } => {
            let jars = std::fs::read_to_string(target.join("class-path"))?;
            let classes = target.join("classes").display().to_string();
            let flags = [
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "-cp",
            ];
            let mut arguments = flags.map(str::to_owned).to_vec();
            arguments.extend([format!("{classes}:{jars}"), "Client".to_owned()]);
            (PathBuf::from("java"), arguments, Vec::new())
        }
        Toolchain::Pip => (
            target.join("venv/bin/python"),
            vec!["-B".to_owned(), script("client.py")],
            vec![("PYTHONPATH".to_owned(), contract)],
        ),
        Toolchain::Npm => {
            let script = target.join("client.js").display().to_string();
            (PathBuf::from("node"), vec![script], Vec::new())
        }
        Toolchain::Go => (target.join("client"), Vec::new(), Vec::new()),
        Toolchain::Cargo => {
            let binary = format!("cargo/debug/compat-{}", client.name);
            (cache.join(binary), Vec::new(), Vec::new())
        }
        Toolchain::Debian { .. } => (
            PathBuf::from("python3"),
            vec!["-B".to_owned(), script("client.py")],
            vec![("PYTHONPATH".to_owned(), contract)],
        ),
    };
    Ok(Program {
        path,
        arguments,
        environment,
    })
}

fn build_maven(client: &Manifest, source: &str, target: &Path) -> Result<()> {
    provide("javac", &["openjdk-17-jdk-headless"])?;
    provide("mvn", &["maven"])?;
    let class_path = target.join("class-path");
    let mut maven = Command::new("mvn");
    maven
        .args(["-q", "-B", "dependency:build-classpath"])
        .arg(format!("-Dmdep.outputFile={}", class_path.display()))
        .arg("-DincludeScope=runtime");
    run(maven.current_dir(&client.folder))?;
    let jars = std::fs::read_to_string(&class_path).context("class path from Maven")?;
    let mut javac = Command::new("javac");
    javac
        .args(["-encoding", "UTF-8", "-cp", jars.trim(), "-sourcepath"])
        .arg(client.folder.join(source).with_file_name(""))
        .arg("-d")
        .arg(target.join("classes"))
        .arg(source);
    run(javac.current_dir(&client.folder))
}

fn build_pip(client: &Manifest, target: &Path) -> Result<()> {
    provide("python3", &["python3", "python3-venv"])?;
    let venv = target.join("venv");
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "-r"])
        .arg(client.folder.join("requirements.txt"));
    run(&mut pip)
}

fn build_npm(client: &Manifest, target: &Path) -> Result<()> {
    provide("npm", &["nodejs", "npm"])?;
    for file in ["package.json", "package-lock.json", "client.js"] {
        std::fs::copy(client.folder.join(file), target.join(file)).context(file)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.current_dir(target))
}

/// Installs Debian packages unless the program that they bring is there.
fn provide(program: &str, packages: &[&str]) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return Ok(());
    }
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    let mut install = Command::new("apt-get");
    install
        .args(["-qq", "install", "--assume-yes", "--no-install-recommends"])
        .args(packages);
    run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Runs a build tool to its end; its output is shown only when it fails.
fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Hash of the files that a client is built from: its folder, the shared source, the shared contracts.
fn fingerprint(client: &Manifest) -> Result<String> {
    let mut files = Vec::new();
    collect(&client.folder, &mut files)?;
    let shared = match &client.toolchain {
        Toolchain::Maven { .. } => Some("java"),
        Toolchain::Go => Some("go-contract"),
        Toolchain::Cargo => Some("rust-contract"),
        // Python reads its contract where it is.
        Toolchain::Pip | Toolchain::Npm | Toolchain::Debian { .. } => None,
    };
    if let Some(shared) = shared {
        collect(&client.folder.with_file_name(shared), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(&file)
            .with_context(|| file.display().to_string())?
            .hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let skipped = ["node_modules", "target", "__pycache__", "client.json"];
        if skipped.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
