//! The flat map of settings, each with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::environment;
use super::own;
use super::problem::Problem;
use super::properties::{self, MalformedEscape};
use crate::config::{ConfigType, StaticConfigs, broker_keys};

/// Where data goes if nobody says.
pub const DATA_DEFAULT: &str = "./thalweg-data";

/// What Kafka wants to be told and one node knows by itself.
const DEFAULTS: &[(&str, &str)] = &[
    ("node.id", "1"),
    ("process.roles", "broker,controller"),
    ("log.dirs", DATA_DEFAULT),
];

/// Where a value comes from, from weak to strong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave it.
    Default,
    /// A line of a properties file.
    File(PathBuf, usize),
    /// A variable.
    Environment(String),
    /// An option.
    CommandLine(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::CommandLine(option) => f.write_str(option),
        }
    }
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The value as it was given.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    given: BTreeMap<String, Setting>,
}

impl Settings {
    /// What one node needs to work by itself.
    #[must_use]
    pub fn with_defaults() -> Self {
        let mut settings = Self::default();
        for (key, value) in DEFAULTS {
            settings.set(key, value, Origin::Default);
        }
        settings
    }

    /// Gives a setting a value; one from a stronger source must come later.
    pub fn set(&mut self, key: &str, value: &str, origin: Origin) {
        // `broker.id` is the old name of `node.id`, and `log.dir` of `log.dirs`: a name that is given hides the
        // default of the other.
        for (one, other) in [("node.id", "broker.id"), ("log.dirs", "log.dir")] {
            if key == other && self.origin(one) == Some(&Origin::Default) {
                self.given.remove(one);
            }
        }
        let value = value.to_owned();
        self.given.insert(key.to_owned(), Setting { value, origin });
    }

    /// Adds the entries of a properties file.
    ///
    /// # Errors
    /// It is not such a file.
    pub fn add_file(&mut self, path: &Path, text: &str) -> Result<(), MalformedEscape> {
        for entry in properties::parse(text)? {
            let origin = Origin::File(path.to_owned(), entry.line);
            // Java keeps blanks at the end of a line; in numbers and names they are never meant.
            self.set(&entry.key, entry.value.trim_end(), origin);
        }
        Ok(())
    }

    /// Adds the settings among the variables; the id of a new cluster, if one of them is that.
    pub fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Option<String> {
        let mut cluster_id = None;
        for (variable, value) in variables {
            if environment::CLUSTER_ID.contains(&variable.as_str()) && !value.is_empty() {
                cluster_id = Some(value);
            } else if let Some(key) = environment::key(&variable)
                && !is_unset(&key, &value)
            {
                self.set(&key, &value, Origin::Environment(variable));
            }
        }
        cluster_id
    }

    /// A value, or Kafka's default.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.given.get(key) {
            Some(setting) => Some(&setting.value),
            None => match own::own_default(key) {
                Some(default) => Some(default),
                None => broker_keys().get(key)?.default.text(),
            },
        }
    }

    /// A value that somebody gave, a person or we.
    #[must_use]
    pub fn given(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(|setting| setting.value.as_str())
    }

    /// Where a value comes from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.given.get(key).map(|setting| &setting.origin)
    }

    /// The elements of a list.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        let text = self.get(key).unwrap_or_default();
        let elements = text.split(',').map(str::trim);
        elements
            .filter(|element| !element.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// An integer that passed its check; 0 for one that did not, which is reported anyway.
    #[must_use]
    pub fn integer(&self, key: &str) -> i64 {
        let value = self.get(key).and_then(|text| text.trim().parse().ok());
        value.unwrap_or(0)
    }

    /// Settings that a person gave, with their origins.
    pub fn given_by_people(&self) -> impl Iterator<Item = (&str, &Setting)> {
        let all = self
            .given
            .iter()
            .map(|(key, setting)| (key.as_str(), setting));
        all.filter(|(_, setting)| setting.origin != Origin::Default)
    }

    /// Settles what the old names say and reports every value that its key refuses.
    pub fn check_values(&mut self) -> Vec<Problem> {
        for (new, old) in [("node.id", "broker.id"), ("log.dirs", "log.dir")] {
            if !self.given.contains_key(new)
                && let Some(setting) = self.given.get(old).cloned()
            {
                self.given.insert(new.to_owned(), setting);
            }
        }
        let mut problems = Vec::new();
        for (key, setting) in &self.given {
            let known = broker_keys().get(key);
            if let Some(Err(error)) = known.map(|known| known.parse(&setting.value)) {
                let remedy = format!("correct the value or remove {key}");
                problems.push(Problem::new(
                    key,
                    &setting.origin,
                    error.to_string(),
                    remedy,
                ));
            }
        }
        problems
    }

    /// The values alone.
    #[must_use]
    pub fn into_static(self) -> StaticConfigs {
        let values = self
            .given
            .into_iter()
            .map(|(key, setting)| (key, setting.value));
        StaticConfigs::new(values.collect())
    }
}

/// Compose files pass variables on that nobody set: for what cannot be empty they say nothing.
fn is_unset(key: &str, value: &str) -> bool {
    let kind = broker_keys().get(key).map(|key| key.kind);
    value.is_empty() && !matches!(kind, None | Some(ConfigType::String | ConfigType::List))
}
