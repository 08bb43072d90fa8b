//! Times as people write them, and as they are shown.

use thalweg_model::Timestamp;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A time on the command line: absolute, or so long before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeSpec {
    /// Milliseconds since 1970.
    At(Timestamp),
    /// Milliseconds before now.
    Ago(i64),
}

impl TimeSpec {
    /// The time that is meant, if it is now `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(millis) => Timestamp(now.0.saturating_sub(millis).max(0)),
        }
    }
}

/// Reads `2026-11-22[T10:30[:05[.123]]][Z|+02:00]`, seconds or milliseconds since 1970, or `1h30m` before now.
pub(crate) fn parse_time(text: &str) -> Result<TimeSpec, String> {
    let text = text.trim();
    let expected = || {
        format!(
            "'{text}' is no time: write 2026-11-22T10:30:00Z, milliseconds since 1970, or 90m for 90 minutes ago"
        )
    };
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let number: i64 = text.parse().ok().ok_or_else(expected)?;
        // Seconds have 10 digits until the year 2286, milliseconds 13 since 2001.
        let millis = if text.len() <= 11 {
            number * SECOND_MS
        } else {
            number
        };
        return Ok(TimeSpec::At(Timestamp(millis)));
    }
    let ago = text.strip_prefix('-').unwrap_or(text);
    if let Some(millis) = parse_duration(ago) {
        return Ok(TimeSpec::Ago(millis));
    }
    let millis = parse_date_time(text).ok_or_else(expected)?;
    Ok(TimeSpec::At(Timestamp(millis)))
}

/// `1d2h3m4s5ms` in any selection.
fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ms" => 1,
            "s" => SECOND_MS,
            "m" | "min" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            _ => return None,
        };
        let number: i64 = number.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = after;
    }
    Some(total)
}

fn parse_date_time(text: &str) -> Option<i64> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let days = parse_date(date)?;
    let (time, zone_ms) = split_zone(time)?;
    let time_ms = if time.is_empty() {
        0
    } else {
        parse_clock(time)?
    };
    days.checked_mul(DAY_MS)?
        .checked_add(time_ms)?
        .checked_sub(zone_ms)
}

fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year: i64 = parts.next().filter(|part| part.len() == 4)?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    let days = days_from_civil(year, month, day);
    // A date that does not exist comes back as another one.
    let exists = parts.next().is_none() && civil_from_days(days) == (year, month, day);
    exists.then_some(days)
}

/// Takes `Z` or `+02:00` off the end; without one it is UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (time, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let zone = &zone[1..];
    let (hours, minutes) = match zone.split_once(':') {
        Some(parts) => parts,
        None if zone.len() == 4 => zone.split_at_checked(2)?,
        None => (zone, "0"),
    };
    let hours: i64 = hours.parse().ok().filter(|h| (0..24).contains(h))?;
    let minutes: i64 = minutes.parse().ok().filter(|m| (0..60).contains(m))?;
    Some((time, sign * (hours * HOUR_MS + minutes * MINUTE_MS)))
}

fn parse_clock(text: &str) -> Option<i64> {
    let (text, millis) = match text.split_once('.') {
        Some((text, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => {
            let padded = format!("{fraction:0<3}");
            (text, padded.get(..3)?.parse::<i64>().ok()?)
        }
        Some(_) => return None,
        None => (text, 0),
    };
    let mut parts = text.split(':').map(|part| part.parse::<i64>().ok());
    let hour = parts.next()??;
    let minute = parts.next()??;
    let second = parts.next().unwrap_or(Some(0))?;
    let valid = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..61).contains(&second)
        && parts.next().is_none();
    valid.then_some(hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + millis)
}

/// `2026-11-22T10:30:05.123Z`, or `-` where there is no time.
#[must_use]
pub fn show_time(time: Timestamp) -> String {
    if time.0 < 0 {
        return "-".to_owned();
    }
    let (year, month, day) = civil_from_days(time.0.div_euclid(DAY_MS));
    let of_day = time.0.rem_euclid(DAY_MS);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / HOUR_MS,
        of_day % HOUR_MS / MINUTE_MS,
        of_day % MINUTE_MS / SECOND_MS,
        of_day % SECOND_MS
    )
}

/// Days since 1970 of a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        match parse_time(text) {
            Ok(TimeSpec::At(time)) => time.0,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn absolute_times_are_read() {
        assert_eq!(at("1970-01-01"), 0);
        assert_eq!(at("2026-11-22T10:30:05.123Z"), 1_795_343_405_123);
        assert_eq!(at("2026-11-22 10:30:05"), 1_795_343_405_000);
        assert_eq!(at("2026-11-22T12:30:05+02:00"), 1_795_343_405_000);
        assert_eq!(at("2026-11-22T05:00:05-0530"), 1_795_343_405_000);
        assert_eq!(at("2024-02-29T00:00"), 1_709_164_800_000);
        assert_eq!(at("1795343405"), 1_795_343_405_000);
        assert_eq!(at("1795343405123"), 1_795_343_405_123);
    }

    #[test]
    fn times_before_now_are_read() {
        let ago = |text| parse_time(text).unwrap();
        assert_eq!(ago("90m"), TimeSpec::Ago(5_400_000));
        assert_eq!(ago("-1h30m"), TimeSpec::Ago(5_400_000));
        assert_eq!(ago("1d1s5ms"), TimeSpec::Ago(86_401_005));
        assert_eq!(ago("1s").resolve(Timestamp(5000)), Timestamp(4000));
        assert_eq!(ago("1d").resolve(Timestamp(5000)), Timestamp(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "-",
            "x",
            "5x",
            "h",
            "2026-13-01",
            "2025-02-29",
            "26-1-1",
            "2026-01-01T25:00",
            "2026-01-01T1",
            "2026-01-01T10:00+99",
            "2026-01-01-01",
            "2026-01-01T10:00:00.x",
        ] {
            assert!(parse_time(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn shown_times_are_read_back() {
        for millis in [
            0,
            1,
            951_782_400_000,
            1_709_164_800_000,
            1_795_343_405_123,
            4_102_444_799_999,
        ] {
            assert_eq!(at(&show_time(Timestamp(millis))), millis);
        }
        assert_eq!(show_time(Timestamp::NONE), "-");
    }
}
