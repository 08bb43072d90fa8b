//! Budgets of files and functions, with a ratchet: what is over is listed and may only shrink.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Finding;
use super::lexer;
use super::tracked::{TextFile, Tracked};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Lines `<path> <lines>` and `<path>::<function> <lines>`.
const RATCHET: &str = "xtask/ratchet.txt";

/// Languages with a budget.
const EXTENSIONS: &[&str] = &["rs", "go", "java", "py", "js", "mjs", "ts", "sh"];

pub(super) fn check(files: &Tracked) -> Result<Vec<Finding>> {
    let ratchet = files.texts.iter().find(|file| file.path == RATCHET);
    let exceptions = exceptions(ratchet.map_or("", |file| &file.text))?;
    let mut measured = BTreeMap::new();
    for file in files
        .texts
        .iter()
        .filter(|file| !file.is_test() && !file.is_generated())
    {
        measure(file, &mut measured);
    }
    Ok(compare(&exceptions, &measured))
}

fn exceptions(text: &str) -> Result<BTreeMap<String, usize>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (what, size) = line
                .split_once(' ')
                .with_context(|| format!("no size: {line}"))?;
            Ok((
                what.to_owned(),
                size.trim().parse().with_context(|| line.to_owned())?,
            ))
        })
        .collect()
}

/// Adds what is over its budget.
fn measure(file: &TextFile, over: &mut BTreeMap<String, usize>) {
    let extension = file
        .name()
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    if !EXTENSIONS.contains(&extension) {
        return;
    }
    let Some(code) = file.product_code() else {
        note(
            over,
            file.path.clone(),
            file.text.lines().count(),
            FILE_LINES_MAX,
        );
        return;
    };
    note(over, file.path.clone(), product_lines(file), FILE_LINES_MAX);
    for function in lexer::functions(&code) {
        let name = format!("{}::{}", file.path, function.name);
        note(over, name, function.code_lines, FUNCTION_LINES_MAX);
    }
}

/// All lines but those of test items: comments and blank lines are read too.
fn product_lines(file: &TextFile) -> usize {
    let code = file.rust.as_ref().map_or("", |lexed| &lexed.code);
    let tests = lexer::test_items(code).into_iter();
    let in_tests: usize = tests.map(|range| code[range].lines().count()).sum();
    file.text.lines().count().saturating_sub(in_tests)
}

fn note(over: &mut BTreeMap<String, usize>, what: String, lines: usize, budget: usize) {
    if lines > budget {
        let largest = over.entry(what).or_default();
        *largest = lines.max(*largest);
    }
}

fn compare(exceptions: &BTreeMap<String, usize>, over: &BTreeMap<String, usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (what, &lines) in over {
        match exceptions.get(what) {
            None => findings.push(Finding::new(
                what,
                format!("{lines} lines, over its budget"),
            )),
            Some(&listed) if lines > listed => {
                findings.push(Finding::new(
                    what,
                    format!("{lines} lines, grew from {listed}"),
                ));
            }
            Some(&listed) if lines < listed => {
                findings.push(Finding::new(
                    RATCHET,
                    format!("{what} shrank: write {lines}"),
                ));
            }
            Some(_) => {}
        }
    }
    for what in exceptions.keys().filter(|what| !over.contains_key(*what)) {
        findings.push(Finding::new(
            RATCHET,
            format!("{what} is within budget: remove the line"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines))
    }

    fn findings(ratchet: &str, lines: usize) -> Vec<Finding> {
        let source = function_of(lines);
        check(&Tracked::of(&[
            (RATCHET, ratchet),
            ("log/src/a.rs", &source),
        ]))
        .unwrap()
    }

    #[test]
    fn a_function_over_budget_is_found_unless_listed() {
        assert!(findings("", 70).is_empty());
        assert_eq!(findings("", 71).len(), 1);
        assert!(findings("log/src/a.rs::long 71\n", 71).is_empty());
    }

    #[test]
    fn an_exception_may_only_shrink_and_then_goes() {
        assert_eq!(findings("log/src/a.rs::long 71\n", 72).len(), 1);
        assert_eq!(findings("log/src/a.rs::long 80\n", 72).len(), 1);
        assert_eq!(findings("log/src/a.rs::long 80\n", 10).len(), 1);
    }

    #[test]
    fn a_long_test_module_is_free() {
        let tests = format!(
            "fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// x\n".repeat(700)
        );
        let code = format!("fn a() {{}}\n{}", "// x\n".repeat(600));
        assert!(
            check(&Tracked::of(&[("log/src/a.rs", &tests)]))
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            check(&Tracked::of(&[("log/src/a.rs", &code)]))
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn other_languages_have_the_file_budget() {
        let text = "x\n".repeat(601);
        assert_eq!(
            check(&Tracked::of(&[("xtask/bench-load/main.go", &text)]))
                .unwrap()
                .len(),
            1
        );
        assert!(
            check(&Tracked::of(&[("README.md", &text)]))
                .unwrap()
                .is_empty()
        );
    }
}
