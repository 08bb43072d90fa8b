//! Settings that Kafka does not have.

use super::problem::Problem;
use super::settings::{Origin, Settings};

/// A setting of our own.
struct OwnSetting {
    name: &'static str,
    default: &'static str,
    /// For the page of the settings, which is made from this source.
    #[expect(dead_code, reason = "people read it")]
    meaning: &'static str,
}

/// Where metrics are fetched.
const METRICS_LISTENER: &str = "thalweg.metrics.listener";

/// All settings of our own.
const OWN: &[OwnSetting] = &[OwnSetting {
    name: METRICS_LISTENER,
    default: "127.0.0.1:9644",
    meaning: "Address of the HTTP door of `/metrics`, as `HOST:PORT`. Empty or `0`: there is none. A door that was asked for and cannot be opened stops the start; the default gives way with a notice, so that two nodes fit on one machine.",
}];

/// The default of a setting of our own; `None` if it is not one.
#[must_use]
pub fn own_default(key: &str) -> Option<&'static str> {
    let own = OWN.iter().find(|own| own.name == key);
    own.map(|own| own.default)
}

/// The door of `/metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsListener {
    /// A host or an address.
    pub host: String,
    /// A port; 0 lets the system choose.
    pub port: u16,
    /// Somebody asked for it: a node that cannot open it does not start.
    pub required: bool,
}

/// Where metrics are fetched; `None` if they are not.
///
/// # Errors
/// It is no address.
pub fn metrics_listener(settings: &Settings) -> Result<Option<MetricsListener>, Problem> {
    let text = settings.get(METRICS_LISTENER).unwrap_or_default().trim();
    if matches!(text, "" | "0") {
        return Ok(None);
    }
    let origin = settings.origin(METRICS_LISTENER);
    let parts = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts else {
        return Err(Problem::new(
            METRICS_LISTENER,
            origin.unwrap_or(&Origin::Default),
            format!("{text} is no HOST:PORT"),
            "write an address such as 0.0.0.0:9644, or nothing for no metrics",
        ));
    };
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" => "0.0.0.0",
        host => host,
    };
    Ok(Some(MetricsListener {
        host: host.to_owned(),
        port,
        required: origin.is_some(),
    }))
}
