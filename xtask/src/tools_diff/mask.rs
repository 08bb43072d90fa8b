//! What two brokers may always print differently: names, sizes, times, ids.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// Pattern and what stands for it, in order.
static MASKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let masks = [
        (r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\]", "[time]"),
        (r"127\.0\.0\.1:\d+", "<broker>"),
        (r"TopicId: [A-Za-z0-9_-]{22}", "TopicId: <id>"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<uuid>",
        ),
        (r"console-consumer-\d+", "console-consumer-<n>"),
        (r#""size":\d+"#, "\"size\":<n>"),
        (r#""(usableBytes|totalBytes)":\d+"#, "\"$1\":<n>"),
        (r#""logDir":"[^"]*""#, "\"logDir\":<path>"),
        (r"CreateTime:\d+", "CreateTime:<time>"),
        (r"LogAppendTime:\d+", "LogAppendTime:<time>"),
        (r"[ \t]+", " "),
    ];
    masks
        .into_iter()
        .map(|(pattern, mask)| {
            (
                Regex::new(pattern).expect("the patterns are constants"),
                mask,
            )
        })
        .collect()
});

/// The lines of an output that count, masked.
pub(super) fn lines(text: &str, home: &Path) -> Vec<String> {
    let home = home.display().to_string();
    text.lines()
        .filter(|line| !is_stack_frame(line))
        .map(|line| {
            let start = line.replace(&home, "<dir>");
            let masked = MASKS.iter().fold(start, |line, (pattern, mask)| {
                pattern.replace_all(&line, *mask).into_owned()
            });
            masked.trim_end().to_owned()
        })
        .filter(|line| !line.trim().is_empty())
        .collect()
}

/// Where in the tool an error came up depends on timing.
fn is_stack_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") && line.ends_with(')')
        || line.starts_with("... ") && line.ends_with(" more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_times_sizes_and_padding_are_masked() {
        let text = "Topic: a\tTopicId: Vr2MZBeUTKGZE1nnt3J6XA   PartitionCount: 3\n\
                    [2026-01-01 10:00:00,123] WARN x\n\tat org.apache.Kafka.main(Kafka.java:1)\n\
                    {\"size\":123,\"logDir\":\"/tmp/x\"}\n";
        assert_eq!(
            lines(text, Path::new("/nowhere")),
            [
                "Topic: a TopicId: <id> PartitionCount: 3",
                "[time] WARN x",
                "{\"size\":<n>,\"logDir\":<path>}"
            ]
        );
    }
}
