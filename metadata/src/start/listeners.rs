//! Where clients come in: `listeners`, `advertised.listeners` and what protocol they speak.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::Problem;
use super::settings::{Origin, Settings};

/// Protocols by name. Only the first is served.
const PROTOCOLS: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// `NAME://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name, in capitals.
    pub name: String,
    /// A host or an address; it may be empty.
    pub host: String,
    /// A port; 0 lets the system choose.
    pub port: u16,
}

impl Endpoint {
    /// Whether the host stands for every address of the machine.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self.host.as_str(), "" | "0.0.0.0" | "::")
    }
}

/// A door for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientListener {
    /// What it is bound to.
    pub bound: Endpoint,
    /// What clients are told to connect to; `None` if nobody said.
    pub advertised: Option<Endpoint>,
}

/// The listeners for clients; those of controllers are not opened, for the controller is in this process.
///
/// # Errors
/// Everything that is wrong with them.
pub fn client_listeners(settings: &Settings) -> Result<Vec<ClientListener>, Vec<Problem>> {
    let mut problems = Vec::new();
    let bound = endpoints(settings, "listeners", &mut problems);
    let advertised = endpoints(settings, "advertised.listeners", &mut problems);
    let controllers = controller_names(settings);
    check_names(settings, &bound, &advertised, &mut problems);
    let protocols = protocols(settings);
    let mut listeners = Vec::new();
    for endpoint in bound
        .into_iter()
        .filter(|endpoint| !controllers.contains(&endpoint.name))
    {
        check_protocol(settings, &endpoint.name, &protocols, &mut problems);
        let told = advertised.iter().find(|told| told.name == endpoint.name);
        listeners.push(ClientListener {
            advertised: told.cloned(),
            bound: endpoint,
        });
    }
    if listeners.is_empty() && problems.is_empty() {
        problems.push(complain(
            settings,
            "listeners",
            "no listener is left for clients: all are named in controller.listener.names",
            "add one such as PLAINTEXT://:9092",
        ));
    }
    if problems.is_empty() {
        Ok(listeners)
    } else {
        Err(problems)
    }
}

fn complain(settings: &Settings, key: &str, why: impl Into<String>, remedy: &str) -> Problem {
    let origin = settings.origin(key).unwrap_or(&Origin::Default);
    Problem::new(key, origin, why, remedy)
}

/// Names of the listeners that are for controllers alone, in capitals.
#[must_use]
pub fn controller_names(settings: &Settings) -> BTreeSet<String> {
    let names = settings.list("controller.listener.names").into_iter();
    names.map(|name| name.to_ascii_uppercase()).collect()
}

fn endpoints(settings: &Settings, key: &str, problems: &mut Vec<Problem>) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for text in settings.list(key) {
        match endpoint(&text) {
            Some(endpoint) => endpoints.push(endpoint),
            None => problems.push(complain(
                settings,
                key,
                format!("{text} is no listener"),
                "write NAME://host:port, with [ ] around an IPv6 address",
            )),
        }
    }
    endpoints
}

fn endpoint(text: &str) -> Option<Endpoint> {
    let (name, address) = text.split_once("://")?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(good)).then_some(())?;
    Some(Endpoint {
        name: name.to_ascii_uppercase(),
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}

fn check_names(
    settings: &Settings,
    bound: &[Endpoint],
    advertised: &[Endpoint],
    problems: &mut Vec<Problem>,
) {
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for endpoint in bound {
        if !names.insert(&endpoint.name) {
            let why = format!(
                "Each listener must have a different name, {} occurs twice",
                endpoint.name
            );
            problems.push(complain(
                settings,
                "listeners",
                why,
                "rename one of the two",
            ));
        }
        if endpoint.port != 0 && !addresses.insert((&endpoint.host, endpoint.port)) {
            let why = format!(
                "Each listener must have a different port, {} occurs twice",
                endpoint.port
            );
            problems.push(complain(
                settings,
                "listeners",
                why,
                "give one of the two another port",
            ));
        }
    }
    for endpoint in advertised {
        if matches!(endpoint.host.as_str(), "0.0.0.0" | "::") {
            problems.push(complain(
                settings,
                "advertised.listeners",
                format!("clients cannot connect to {}", endpoint.host),
                "name the host or address under which clients reach this node",
            ));
        }
        if !names.contains(&endpoint.name) {
            problems.push(complain(
                settings,
                "advertised.listeners",
                format!("there is no listener {} to be advertised", endpoint.name),
                "add it to listeners, or remove it here",
            ));
        }
    }
}

/// Which protocol a listener of some name speaks; the names of the protocols stand for themselves.
fn protocols(settings: &Settings) -> BTreeMap<String, String> {
    let own = PROTOCOLS
        .iter()
        .map(|name| ((*name).to_owned(), (*name).to_owned()));
    let given = settings.given("listener.security.protocol.map");
    let pairs = given.unwrap_or_default().split(',').filter_map(|pair| {
        let (name, protocol) = pair.split_once(':')?;
        let upper = |text: &str| text.trim().to_ascii_uppercase();
        Some((upper(name), upper(protocol)))
    });
    if given.is_some() {
        pairs.collect()
    } else {
        own.collect()
    }
}

fn check_protocol(
    settings: &Settings,
    name: &str,
    protocols: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    match protocols.get(name).map(String::as_str) {
        Some("PLAINTEXT") => {}
        Some(protocol) if PROTOCOLS.contains(&protocol) => problems.push(complain(
            settings,
            "listeners",
            format!("listener {name} wants {protocol}, which is not served, and must not be left open without it"),
            "use a PLAINTEXT listener in a trusted network, or end TLS in front of this node",
        )),
        Some(protocol) => problems.push(complain(
            settings,
            "listener.security.protocol.map",
            format!("listener {name} has the unknown protocol {protocol}"),
            "use PLAINTEXT",
        )),
        None => problems.push(complain(
            settings,
            "listener.security.protocol.map",
            format!("No security protocol defined for listener {name}"),
            "add it to the map, as in PLAINTEXT",
        )),
    }
}
