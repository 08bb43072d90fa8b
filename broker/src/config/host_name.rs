//! The name under which this machine can be reached.

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};

/// Stands for this machine in every client on it, and in no other.
pub(super) const HERE: &str = "localhost";

/// This machine's name, if clients on it can connect to it.
pub(super) fn of_this_machine() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_str().ok()?;
    leads_here(name).then(|| name.to_owned())
}

/// Whether the name has an address, and all that it has are of this machine.
pub(super) fn leads_here(name: &str) -> bool {
    let Ok(found) = (name, 0).to_socket_addrs() else {
        return false;
    };
    let mut addresses = found.map(|address| address.ip()).peekable();
    addresses.peek().is_some() && addresses.all(is_own)
}

/// Only an address of this machine can be bound.
fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
