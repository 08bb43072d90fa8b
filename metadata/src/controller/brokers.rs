//! Brokers that join the cluster.

use thalweg_model::{BrokerId, Uuid};

use super::{Controller, Outcome};
use crate::record::{BrokerRegistered, Endpoint, MetadataRecord, Text};

/// A broker says who it is and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBroker {
    /// Its id.
    pub id: BrokerId,
    /// Drawn anew at each start.
    pub incarnation: Uuid,
    /// Where clients reach it.
    pub endpoints: Vec<Endpoint>,
    /// Its rack.
    pub rack: Option<Text>,
    /// Ids of its data directories.
    pub directories: Vec<Uuid>,
}

impl Controller<'_> {
    /// Registers a broker, or takes over what has changed since it was here last.
    #[must_use]
    pub fn register_broker(&self, command: RegisterBroker) -> Outcome<()> {
        let record = BrokerRegistered {
            id: command.id,
            incarnation: command.incarnation,
            endpoints: command.endpoints,
            rack: command.rack,
            directories: command.directories,
        };
        Outcome {
            records: vec![MetadataRecord::BrokerRegistered(record)],
            reply: (),
        }
    }
}
