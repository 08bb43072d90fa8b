//! Where brokers are.

use std::fmt;

const DEFAULT_PORT: u16 = 9092;

/// Host and port of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads `host[:port],…`; IPv6 addresses stand in brackets, a missing port is 9092.
pub(crate) fn parse_bootstrap(text: &str) -> Result<Vec<Address>, String> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let addresses = parts.map(parse_one).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() {
        return Err("expected HOST:PORT".to_owned());
    }
    Ok(addresses)
}

fn parse_one(text: &str) -> Result<Address, String> {
    // Listener notation (PLAINTEXT://host:port) is what people copy from server.properties.
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or_else(|| format!("'{text}' has no closing bracket"))?;
            (host, after.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(format!("'{text}' has no host"));
    }
    let port = match port {
        Some(port) => port
            .parse()
            .map_err(|wrong| format!("'{port}' is no port: {wrong}"))?,
        None => DEFAULT_PORT,
    };
    Ok(Address {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        parse_bootstrap(text).map(|all| all.iter().map(Address::to_string).collect())
    }

    #[test]
    fn hosts_ports_brackets_and_listener_notation_are_understood() {
        let all = shown("a:1, b,[::1]:3,[fe80::1],PLAINTEXT://c:4,").unwrap();
        assert_eq!(all, ["a:1", "b:9092", "[::1]:3", "[fe80::1]:9092", "c:4"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", ",", "a:x", "a:70000", ":9092", "[::1"] {
            assert!(shown(bad).is_err(), "{bad:?}");
        }
    }
}
