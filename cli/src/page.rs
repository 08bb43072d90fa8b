//! The page `docs/cli.md`, written from the command tree; the test fails when it is out of date.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// With this variable set, the test writes the page instead of comparing it.
const UPDATE_VARIABLE: &str = "THALWEG_UPDATE_DOCS";

const OPENING: &str = "\
# Command line

One program is both: `thalweg` (or `thalweg start`) runs a broker, every other command is a Kafka client and works against
any broker that speaks the protocol. This page is written from the program's own help; `THALWEG_UPDATE_DOCS=1 cargo test -p
thalweg-cli` renews it.

## Conventions

- **Which broker**: `-b HOST:PORT`, else the variable `THALWEG_BOOTSTRAP`, else `127.0.0.1:9092`.
- **Where output goes**: results to standard output, everything else (notices, progress, errors) to standard error.
- **Form of results** (`-o`): `table` for people, the default on a terminal; `plain`, the default elsewhere, has one row a
  line, columns separated by tabs and no headings; `json` has one document whose field names stay as they are.
- **Exit codes**: 0 done, 1 failed, 2 the command line was not understood. A reader that goes away
  (`thalweg consume … | head`) is no failure.
- **Errors** say what went wrong, why, and what to try.
- **Records as JSON** (`consume -o json`, `produce --json`): one object a line with `topic`, `partition`, `offset`,
  `timestamp` (milliseconds since 1970), `key`, `value`, `headers` (a list of objects with `name` and `value`; names may
  repeat). Bytes that are not UTF-8 stand in `key_base64` and `value_base64`, with `key` and `value` null. `produce --json`
  takes key, value, headers and timestamp, and leaves the rest aside.
";

fn page() -> String {
    let mut page = OPENING.to_owned();
    let mut root = Cli::command();
    root.build();
    section(&mut page, &root, "thalweg");
    page
}

fn section(page: &mut String, command: &Command, path: &str) {
    let help = command
        .clone()
        .bin_name(path)
        .render_long_help()
        .to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    writeln!(page, "\n## `{path}`\n\n```text\n{}\n```", lines.join("\n"))
        .expect("a string takes everything");
    for inner in command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        section(page, inner, &format!("{path} {}", inner.get_name()));
    }
}

#[test]
fn the_page_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let expected = page();
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/cli.md is out of date: renew it with {UPDATE_VARIABLE}=1"
    );
}
