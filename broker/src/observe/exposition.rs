//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

use super::families::{Family, Kind};
use super::histogram::Histogram;

/// What the bounds of a histogram count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Microseconds, shown as seconds.
    Micros,
    /// Bytes or things, shown as they are.
    Ones,
}

impl Scale {
    fn show(self, value: u64) -> String {
        match self {
            Self::Micros => seconds(value),
            Self::Ones => value.to_string(),
        }
    }
}

/// Microseconds as seconds, exactly and without trailing zeros.
pub(super) fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A page that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    families: Vec<Family>,
}

impl Exposition {
    /// Starts a family; its samples follow.
    pub(super) fn family(&mut self, family: Family) -> &mut Self {
        let (name, help) = (family.name, family.help);
        self.push(format_args!(
            "# HELP {name} {help}\n# TYPE {name} {}\n",
            family.kind.name()
        ));
        self.families.push(family);
        self
    }

    /// A family of one number.
    pub(super) fn one(&mut self, family: Family, value: impl Display) {
        self.family(family).sample(&[], value);
    }

    /// A number of the family that was started last; one value for each of its labels.
    pub(super) fn sample(&mut self, labels: &[&str], value: impl Display) {
        let family = self.current();
        assert_ne!(
            family.kind,
            Kind::Histogram,
            "a histogram is not one number"
        );
        let labels = braces(family, labels, None);
        self.push(format_args!("{}{labels} {value}\n", family.name));
    }

    /// A distribution of the family that was started last.
    pub(super) fn histogram(&mut self, labels: &[&str], scale: Scale, histogram: &Histogram) {
        let family = self.current();
        assert_eq!(
            family.kind,
            Kind::Histogram,
            "one number is no distribution"
        );
        let mut count = 0;
        for (bound, so_far) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| scale.show(bound));
            let labels = braces(family, labels, Some(&bound));
            self.push(format_args!("{}_bucket{labels} {so_far}\n", family.name));
            count = so_far;
        }
        let labels = braces(family, labels, None);
        let sum = scale.show(histogram.sum());
        self.push(format_args!(
            "{0}_sum{labels} {sum}\n{0}_count{labels} {count}\n",
            family.name
        ));
    }

    /// The families that were shown, in order.
    #[cfg(test)]
    pub(super) fn families(&self) -> &[Family] {
        &self.families
    }

    /// The page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn current(&self) -> Family {
        *self
            .families
            .last()
            .expect("samples follow their family's start")
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(text)
            .expect("a string takes all that is written");
    }
}

fn braces(family: Family, values: &[&str], bound: Option<&str>) -> String {
    assert_eq!(family.labels.len(), values.len(), "every label has a value");
    let pairs = family.labels.iter().copied().zip(values.iter().copied());
    let all: Vec<String> = pairs
        .chain(bound.map(|bound| ("le", bound)))
        .map(|(label, value)| format!("{label}=\"{}\"", escape(value)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("{{{}}}", all.join(","))
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: Family = Family {
        name: "a_total",
        kind: Kind::Counter,
        labels: &["x"],
        help: "Help.",
    };
    const TIMED: Family = Family {
        name: "t_seconds",
        kind: Kind::Histogram,
        labels: &[],
        help: "Time.",
    };

    #[test]
    fn samples_stand_under_their_family_and_labels_are_escaped() {
        let mut page = Exposition::default();
        page.family(COUNTED).sample(&["a\"b\\c\n"], 3);
        assert_eq!(
            page.into_text(),
            "# HELP a_total Help.\n# TYPE a_total counter\na_total{x=\"a\\\"b\\\\c\\n\"} 3\n"
        );
    }

    #[test]
    fn a_histogram_is_shown_in_seconds() {
        let histogram = Histogram::default();
        histogram.record(3);
        histogram.record(1_500_000);
        let mut page = Exposition::default();
        page.family(TIMED).histogram(&[], Scale::Micros, &histogram);
        let text = page.into_text();
        for line in [
            "t_seconds_bucket{le=\"0.000001\"} 0",
            "t_seconds_bucket{le=\"0.000003\"} 1",
            "t_seconds_bucket{le=\"1.048576\"} 1",
            "t_seconds_bucket{le=\"1.572864\"} 2",
            "t_seconds_bucket{le=\"+Inf\"} 2",
            "t_seconds_sum 1.500003",
            "t_seconds_count 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(seconds(0), "0");
        assert_eq!(seconds(10_000_000), "10");
        assert_eq!(seconds(1_000_500), "1.0005");
    }
}
