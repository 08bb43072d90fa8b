//! Where clients come in: `listeners`, `advertised.listeners` and what protocol they speak.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use super::host_name;
use super::problem::Problem;
use super::settings::{Origin, Settings};

/// A door for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: String,
    /// The host or address it is bound to; empty for every address of the machine.
    pub(crate) host: String,
    /// The port it is bound to; 0 lets the system choose.
    pub(crate) port: u16,
    /// What clients are told to connect to.
    pub(crate) advertised_host: String,
    /// What clients are told to connect to.
    pub(crate) advertised_port: u16,
}

impl Listener {
    /// Whether the listener takes every address of the machine.
    pub(crate) fn is_any(&self) -> bool {
        is_any(&self.host)
    }

    /// Addresses to be bound: of each inner list, the first that the system has.
    ///
    /// # Errors
    /// The host's name has no address.
    pub(crate) fn addresses(&self) -> io::Result<Vec<Vec<SocketAddr>>> {
        if self.is_any() {
            // An IPv6 socket takes IPv4 as well; a machine without IPv6 has only the other.
            let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, self.port));
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port));
            return Ok(vec![vec![v6, v4]]);
        }
        let found: BTreeSet<SocketAddr> =
            (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        Ok(found.into_iter().map(|address| vec![address]).collect())
    }
}

fn is_any(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "::")
}

/// Protocols by name. Only the first is served.
const PROTOCOLS: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// `NAME://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint {
    name: String,
    host: String,
    port: u16,
}

/// The listeners for clients; those of controllers are not opened, for the controller is in this process.
pub(super) fn all(settings: &Settings) -> Result<Vec<Listener>, Vec<Problem>> {
    let mut problems = Vec::new();
    let bound = endpoints(settings, "listeners", &mut problems);
    let advertised = endpoints(settings, "advertised.listeners", &mut problems);
    let controllers = controller_names(settings);
    check_names(settings, &bound, &advertised, &mut problems);
    let protocols = protocols(settings);
    let mut listeners = Vec::new();
    for endpoint in bound
        .iter()
        .filter(|endpoint| !controllers.contains(&endpoint.name))
    {
        check_protocol(settings, &endpoint.name, &protocols, &mut problems);
        let told = advertised.iter().find(|told| told.name == endpoint.name);
        let (advertised_host, advertised_port) = match told {
            Some(told) => (told.host.clone(), told.port),
            None if is_any(&endpoint.host) => (host_of_any(settings, endpoint), endpoint.port),
            None => (endpoint.host.clone(), endpoint.port),
        };
        listeners.push(Listener {
            name: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            advertised_host,
            advertised_port,
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

/// What clients are told of a listener on every address of the machine. As in Kafka that is the machine's name if the
/// listener was asked for without a host, and `localhost` if nobody asked: Kafka's own file of settings says so.
fn host_of_any(settings: &Settings, endpoint: &Endpoint) -> String {
    let asked = settings.origin("listeners").is_some() && endpoint.host.is_empty();
    let name = asked.then(host_name::of_this_machine).flatten();
    name.unwrap_or_else(|| host_name::HERE.to_owned())
}

fn complain(settings: &Settings, key: &str, why: impl Into<String>, remedy: &str) -> Problem {
    let origin = settings.origin(key).unwrap_or(&Origin::Default);
    Problem::new(key, origin, why, remedy)
}

pub(super) fn controller_names(settings: &Settings) -> BTreeSet<String> {
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
