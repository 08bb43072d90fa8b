//! What differs between two answers, field by field.

use serde_json::Value;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Names and indexes, with `/` between them.
    pub(crate) path: String,
    pub(crate) kafka: String,
    pub(crate) thalweg: String,
}

const ABSENT: &str = "(absent)";

/// All differences, in the order of the fields' names.
pub(crate) fn differences(kafka: &Value, thalweg: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("", Some(kafka), Some(thalweg), &mut found);
    found
}

fn walk(path: &str, kafka: Option<&Value>, thalweg: Option<&Value>, found: &mut Vec<Difference>) {
    if kafka == thalweg {
        return;
    }
    let below = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}/{name}"),
    };
    match (kafka, thalweg) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let only_right = right.keys().filter(|name| !left.contains_key(*name));
            for name in left.keys().chain(only_right) {
                walk(&below(name), left.get(name), right.get(name), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                walk(
                    &below(&index.to_string()),
                    left.get(index),
                    right.get(index),
                    found,
                );
            }
        }
        _ => found.push(Difference {
            path: path.to_owned(),
            kafka: kafka.map_or_else(|| ABSENT.to_owned(), Value::to_string),
            thalweg: thalweg.map_or_else(|| ABSENT.to_owned(), Value::to_string),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_that_differs_is_found() {
        let kafka = json!({"A": [{"B": 1}, {"B": 2}], "C": null});
        let thalweg = json!({"A": [{"B": 1}, {"B": 3}, {"B": 4}], "D": 5});
        let paths: Vec<_> = differences(&kafka, &thalweg)
            .into_iter()
            .map(|one| (one.path, one.kafka, one.thalweg))
            .collect();
        let due = [
            ("A/1/B", "2", "3"),
            ("A/2", "(absent)", "{\"B\":4}"),
            ("C", "null", "(absent)"),
            ("D", "(absent)", "5"),
        ];
        let due =
            due.map(|(path, left, right)| (path.to_owned(), left.to_owned(), right.to_owned()));
        assert_eq!(paths, due);
    }
}
