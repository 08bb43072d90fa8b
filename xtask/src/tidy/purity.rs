//! What a pure crate may not touch, tests aside: hash order, threads, clocks, sockets.

use super::Finding;
use super::tracked::Tracked;
use crate::layers::PURE;

/// What must not be named, and what to use instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("HashMap", "iteration order is random: use BTreeMap"),
    ("HashSet", "iteration order is random: use BTreeSet"),
    ("Instant::now", "time is an input"),
    ("SystemTime::now", "time is an input"),
    ("thread::sleep", "time is an input"),
    ("thread::spawn", "threads live in the broker"),
    ("std::net", "sockets live in the broker"),
];

pub(super) fn check(files: &Tracked) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, _) in files.rust().filter(|(file, _)| PURE.contains(&file.top())) {
        let Some(code) = file.product_code() else {
            continue;
        };
        for (line, text) in code.lines().enumerate() {
            for (name, reason) in FORBIDDEN.iter().filter(|(name, _)| text.contains(name)) {
                let message = format!("{name} in a pure crate; {reason}");
                findings.push(Finding::at(&file.path, line, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_order_is_kept_out_of_pure_crates_only() {
        let text = "use std::collections::HashMap; // why\n";
        let test = "#[cfg(test)]\nmod tests {\n    use std::collections::HashMap;\n}\n";
        let files = Tracked::of(&[
            ("replica/src/append.rs", text),
            ("broker/src/net/listener.rs", text),
            ("log/src/segment.rs", "// a HashMap would do\n"),
            ("log/src/reader.rs", test),
        ]);
        let findings = check(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place, "replica/src/append.rs:1");
    }
}
