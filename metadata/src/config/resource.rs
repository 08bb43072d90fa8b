//! What a setting belongs to.

use std::fmt;

use thalweg_model::BrokerId;

use crate::record::Text;

/// What a setting belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// One topic.
    Topic(Text),
    /// One broker.
    Broker(BrokerId),
    /// Every broker that has no setting of its own.
    AllBrokers,
    /// A client metrics subscription.
    ClientMetrics(Text),
    /// One group.
    Group(Text),
}

/// Why a resource of a request is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Neither topic, broker, client metrics nor group.
    #[error("Unknown resource type {0}")]
    Type(i8),
    /// A broker has a number for a name.
    #[error("Node id must be an integer, but it is: {0}")]
    BrokerName(String),
}

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

impl ConfigResource {
    /// Reads the wire form: a type and a name; the empty name of a broker means all brokers.
    ///
    /// # Errors
    /// No such type, or a broker's name that is no number.
    pub fn from_wire(kind: i8, name: &str) -> Result<Self, ResourceError> {
        match kind {
            TOPIC => Ok(Self::Topic(name.into())),
            BROKER if name.is_empty() => Ok(Self::AllBrokers),
            BROKER => match name.parse() {
                Ok(id) => Ok(Self::Broker(BrokerId(id))),
                Err(_) => Err(ResourceError::BrokerName(name.to_owned())),
            },
            CLIENT_METRICS => Ok(Self::ClientMetrics(name.into())),
            GROUP => Ok(Self::Group(name.into())),
            _ => Err(ResourceError::Type(kind)),
        }
    }

    /// Kafka's number of the type.
    #[must_use]
    pub const fn wire_type(&self) -> i8 {
        match self {
            Self::Topic(_) => TOPIC,
            Self::Broker(_) | Self::AllBrokers => BROKER,
            Self::ClientMetrics(_) => CLIENT_METRICS,
            Self::Group(_) => GROUP,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn wire_name(&self) -> String {
        match self {
            Self::Topic(name) | Self::ClientMetrics(name) | Self::Group(name) => {
                (**name).to_owned()
            }
            Self::Broker(id) => id.to_string(),
            Self::AllBrokers => String::new(),
        }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::AllBrokers => f.write_str("all brokers"),
            Self::ClientMetrics(name) => write!(f, "client metrics subscription {name}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}
