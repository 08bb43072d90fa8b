//! What Kafka says about one key.

use super::check::Check;
use super::error::ConfigError;
use super::value::{self, ConfigValue};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// 32 bits.
    Int,
    /// 16 bits.
    Short,
    /// 64 bits.
    Long,
    /// Floating point.
    Double,
    /// Texts between commas.
    List,
    /// The name of a Java class.
    Class,
    /// Text that is never shown.
    Password,
}

impl ConfigType {
    /// The number in a `DescribeConfigs` response; 0 stands for a key that is not known.
    #[must_use]
    pub const fn wire(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }

    /// Kafka's name, as its messages show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [
            Self::Boolean,
            Self::String,
            Self::Int,
            Self::Short,
            Self::Long,
            Self::Double,
            Self::List,
            Self::Class,
            Self::Password,
        ]
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// How much a key matters, by Kafka's own ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Rarely touched.
    Low,
    /// Tuning.
    Medium,
    /// Decides how a cluster works.
    High,
}

/// Whether and where a broker key may change while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only by a restart.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker, or for all as a default.
    ClusterWide,
}

/// The value of a key that nobody set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// The key must be given.
    Required,
    /// No value.
    Null,
    /// A value.
    Text(&'static str),
}

impl DefaultValue {
    /// The value, if there is one.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Required | Self::Null => None,
            Self::Text(text) => Some(text),
        }
    }
}

/// A broker key that gives a topic or group key its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// The broker key.
    pub name: &'static str,
    /// What its value is multiplied by: hours and minutes become milliseconds.
    pub factor: i64,
}

impl Synonym {
    /// The broker's value in the unit of the key it stands for; negative values keep their meaning "no limit".
    #[must_use]
    pub fn convert(&self, value: &str) -> String {
        if self.factor == 1 {
            return value.to_owned();
        }
        match value.trim().parse::<i64>() {
            Ok(number) if number >= 0 => number.saturating_mul(self.factor).to_string(),
            Ok(_) => "-1".to_owned(),
            Err(_) => value.to_owned(),
        }
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigKey {
    /// Its name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ConfigType,
    /// The value when nobody set it.
    pub default: DefaultValue,
    /// How much it matters.
    pub importance: Importance,
    /// Whether it may change at run time; always [`UpdateMode::ClusterWide`] for what is not a broker key.
    pub mode: UpdateMode,
    /// Broker keys that give the default, the first that is set wins.
    pub synonyms: Vec<Synonym>,
    /// What values are allowed.
    pub check: Check,
    /// Not shown unless it is set: for tests of the broker.
    pub internal: bool,
    /// Exists only as a dynamic setting, never in a properties file.
    pub dynamic_only: bool,
}

impl ConfigKey {
    /// Whether values are never shown.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.kind == ConfigType::Password
    }

    /// Reads and checks a value.
    ///
    /// # Errors
    /// The text is not of the key's type, or its check refuses it.
    pub fn parse(&self, text: &str) -> Result<ConfigValue, ConfigError> {
        let mut value = value::parse(self.name, self.kind, text)?;
        if let (ConfigValue::List(elements), Check::List { .. }) = (&mut value, &self.check) {
            // KIP-1161: repeated elements are dropped, not refused.
            let mut seen = std::collections::BTreeSet::new();
            elements.retain(|element| seen.insert(element.clone()));
        }
        self.check.apply(self.name, &value)?;
        Ok(value)
    }

    /// The value as Kafka shows it once it has read it: without spaces, numbers in their usual form.
    #[must_use]
    pub fn normal_form(&self, text: &str) -> String {
        match self.parse(text) {
            Ok(value) => value.to_string(),
            Err(_) => text.to_owned(),
        }
    }
}
