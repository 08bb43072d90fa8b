//! Where clients come in: what the settings say of listeners, on this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use thalweg_metadata::start::{ClientListener, Endpoint, Problem, Settings, client_listeners};

use super::host_name;

/// A door for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its name, and what it is bound to.
    pub(crate) bound: Endpoint,
    /// What clients are told to connect to.
    pub(crate) advertised_host: String,
    /// What clients are told to connect to.
    pub(crate) advertised_port: u16,
}

impl Listener {
    /// Addresses to be bound: of each inner list, the first that the system has.
    ///
    /// # Errors
    /// The host's name has no address.
    pub(crate) fn addresses(&self) -> io::Result<Vec<Vec<SocketAddr>>> {
        let Endpoint { host, port, .. } = &self.bound;
        if self.bound.is_any() {
            // An IPv6 socket takes IPv4 as well; a machine without IPv6 has only the other.
            let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port));
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port));
            return Ok(vec![vec![v6, v4]]);
        }
        let found: BTreeSet<SocketAddr> = (host.as_str(), *port).to_socket_addrs()?.collect();
        Ok(found.into_iter().map(|address| vec![address]).collect())
    }
}

/// The listeners for clients.
pub(super) fn all(settings: &Settings) -> Result<Vec<Listener>, Vec<Problem>> {
    let found = client_listeners(settings)?.into_iter();
    Ok(found.map(|listener| complete(settings, listener)).collect())
}

fn complete(settings: &Settings, listener: ClientListener) -> Listener {
    let ClientListener { bound, advertised } = listener;
    let (advertised_host, advertised_port) = match advertised {
        Some(told) => (told.host, told.port),
        None if bound.is_any() => (host_of_any(settings, &bound), bound.port),
        None => (bound.host.clone(), bound.port),
    };
    Listener {
        bound,
        advertised_host,
        advertised_port,
    }
}

/// What clients are told of a listener on every address of the machine. As in Kafka that is the machine's name if the
/// listener was asked for without a host, and `localhost` if nobody asked: Kafka's own file of settings says so.
fn host_of_any(settings: &Settings, bound: &Endpoint) -> String {
    let asked = settings.origin("listeners").is_some() && bound.host.is_empty();
    let name = asked.then(host_name::of_this_machine).flatten();
    name.unwrap_or_else(|| host_name::HERE.to_owned())
}
