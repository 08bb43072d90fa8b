//! Text becomes a typed value, by the rules of Java's parsers.

use std::fmt;

use super::definition::ConfigType;
use super::error::ConfigError;
use super::list;

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// A boolean.
    Boolean(bool),
    /// An int, short or long.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A list.
    List(Vec<String>),
    /// A string, a class or a password.
    Text(String),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => f.write_str(&java_double(*value)),
            Self::List(elements) => f.write_str(&elements.join(",")),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Reads `text` as a value of type `kind`.
pub(super) fn parse(name: &str, kind: ConfigType, text: &str) -> Result<ConfigValue, ConfigError> {
    let trimmed = text.trim();
    let not_a_number =
        || ConfigError::value(name, &text, format!("Not a number of type {}", kind.name()));
    let integer = |min: i64, max: i64| match trimmed.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(ConfigValue::Integer(number)),
        Ok(_) | Err(_) => Err(not_a_number()),
    };
    match kind {
        ConfigType::Boolean if trimmed.eq_ignore_ascii_case("true") => {
            Ok(ConfigValue::Boolean(true))
        }
        ConfigType::Boolean if trimmed.eq_ignore_ascii_case("false") => {
            Ok(ConfigValue::Boolean(false))
        }
        ConfigType::Boolean => Err(ConfigError::value(
            name,
            &text,
            "Expected value to be either true or false",
        )),
        ConfigType::Int => integer(i64::from(i32::MIN), i64::from(i32::MAX)),
        ConfigType::Short => integer(i64::from(i16::MIN), i64::from(i16::MAX)),
        ConfigType::Long => integer(i64::MIN, i64::MAX),
        ConfigType::Double => parse_double(trimmed)
            .map(ConfigValue::Double)
            .ok_or_else(not_a_number),
        ConfigType::List => Ok(ConfigValue::List(list::split(trimmed))),
        ConfigType::String | ConfigType::Class | ConfigType::Password => {
            Ok(ConfigValue::Text(text.to_owned()))
        }
    }
}

/// Java's `Double.parseDouble` without hexadecimal: a type suffix is allowed, words are exact.
fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    digits.chars().all(numeric).then(|| digits.parse().ok())?
}

/// Java's `Double.toString`: scientific from 10^7 up and below 10^-3, always with a fraction.
fn java_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:E}");
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        Some(_) | None => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_java_shows_them() {
        for (text, shown) in [
            ("0.5", "0.5"),
            ("1", "1.0"),
            ("1e-1", "0.1"),
            ("1000000000", "1.0E9"),
            ("12345678.9", "1.23456789E7"),
            ("9990000", "9990000.0"),
            ("0.001", "0.001"),
            ("0.0001", "1.0E-4"),
            ("1.7976931348623157E308", "1.7976931348623157E308"),
            ("1.5d", "1.5"),
            ("Infinity", "Infinity"),
        ] {
            let value = parse("k", ConfigType::Double, text).unwrap();
            assert_eq!(value.to_string(), shown, "{text}");
        }
        assert!(parse("k", ConfigType::Double, "inf").is_err());
        assert!(parse("k", ConfigType::Double, "x").is_err());
    }

    #[test]
    fn a_wrong_type_is_named_with_the_value_as_given() {
        for (kind, text, message) in [
            (
                ConfigType::Long,
                "abc",
                "Invalid value abc for configuration k: Not a number of type LONG",
            ),
            (
                ConfigType::Int,
                "99999999999",
                "Invalid value 99999999999 for configuration k: Not a number of type INT",
            ),
            (
                ConfigType::Short,
                "70000",
                "Invalid value 70000 for configuration k: Not a number of type SHORT",
            ),
            (
                ConfigType::Boolean,
                "yes",
                "Invalid value yes for configuration k: Expected value to be either true or false",
            ),
        ] {
            let error = parse("k", kind, text).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(
            parse("k", ConfigType::Int, " +5 "),
            Ok(ConfigValue::Integer(5))
        );
        assert_eq!(
            parse("k", ConfigType::Boolean, " TRUE "),
            Ok(ConfigValue::Boolean(true))
        );
    }
}
