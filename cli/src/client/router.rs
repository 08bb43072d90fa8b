//! Who leads what, and the connections to them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use thalweg_model::{ErrorCode, Uuid};
use thalweg_wire::messages::metadata_request::MetadataRequestTopic;
use thalweg_wire::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use thalweg_wire::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};
use thalweg_wire::{ApiKey, Request, Str};

use super::{Address, ClientError, Connection, Retry, check, check_text};
use crate::limits::CREATION_TIMEOUT;

/// Groups, as FindCoordinator calls them.
const KEY_TYPE_GROUP: i8 = 0;

/// A topic as the brokers know it.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// Its id; nil with old brokers.
    pub(crate) id: Uuid,
    /// Whether it belongs to the brokers.
    pub(crate) internal: bool,
    /// Its partitions by number.
    pub(crate) partitions: Vec<Partition>,
}

/// A partition as the brokers know it.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// Its number.
    pub(crate) index: i32,
    /// The leading broker, if there is one.
    pub(crate) leader: Option<i32>,
    /// The leader's epoch.
    pub(crate) epoch: i32,
    /// Brokers that hold it.
    pub(crate) replicas: Vec<i32>,
    /// Brokers that are in sync.
    pub(crate) isr: Vec<i32>,
    /// Brokers that hold it and are not there.
    pub(crate) offline: Vec<i32>,
}

/// A client of one cluster.
pub(crate) struct Client {
    bootstrap: Vec<Address>,
    timeout: Duration,
    first: RefCell<Option<Rc<Connection>>>,
    brokers: RefCell<BTreeMap<i32, Rc<Connection>>>,
    addresses: RefCell<BTreeMap<i32, Address>>,
    topics: RefCell<BTreeMap<String, Rc<Topic>>>,
    /// Whether any broker has answered yet.
    answered: Cell<bool>,
}

impl Client {
    /// A client that will first ask one of these brokers.
    pub(crate) fn new(bootstrap: Vec<Address>, timeout: Duration) -> Self {
        Self {
            bootstrap,
            timeout,
            first: RefCell::default(),
            brokers: RefCell::default(),
            addresses: RefCell::default(),
            topics: RefCell::default(),
            answered: Cell::new(false),
        }
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long brokers are told to try, in the protocol's unit.
    pub(crate) fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// A connection to any broker.
    pub(crate) async fn any(&self) -> Result<Rc<Connection>, ClientError> {
        if let Some(connection) = usable(self.first.borrow().as_ref()) {
            return Ok(connection);
        }
        let mut failed = None;
        for address in &self.bootstrap {
            match self.open(address.clone()).await {
                Ok(connection) => {
                    let connection = Rc::new(connection);
                    self.first.replace(Some(Rc::clone(&connection)));
                    return Ok(connection);
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.expect("the list of brokers to ask first is not empty"))
    }

    /// Asks any broker; the question may be repeated.
    pub(crate) async fn ask<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        let mut retry = Retry::within(self.timeout);
        loop {
            let asked = match self.any().await {
                Ok(connection) => connection.send(request).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(answer) => return Ok(answer),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    /// The connection to one broker.
    pub(crate) async fn broker(&self, id: i32) -> Result<Rc<Connection>, ClientError> {
        if let Some(connection) = usable(self.brokers.borrow().get(&id)) {
            return Ok(connection);
        }
        let connection = Rc::new(self.separate(id).await?);
        let mut brokers = self.brokers.borrow_mut();
        brokers.insert(id, Rc::clone(&connection));
        Ok(connection)
    }

    /// A connection of its own to one broker, for requests that the broker answers late.
    pub(crate) async fn separate(&self, id: i32) -> Result<Connection, ClientError> {
        let known = self.addresses.borrow().get(&id).cloned();
        let address = match known {
            Some(address) => address,
            None => {
                self.metadata(Some(&[]), false).await?;
                let now = self.addresses.borrow().get(&id).cloned();
                now.ok_or_else(|| unknown_broker(id))?
            }
        };
        self.open(address).await
    }

    async fn open(&self, address: Address) -> Result<Connection, ClientError> {
        match Connection::open(address, self.timeout).await {
            Ok(connection) => {
                self.answered.set(true);
                Ok(connection)
            }
            Err(ClientError::Connect { address, cause, .. }) => Err(ClientError::Connect {
                address,
                cause,
                known: self.answered.get(),
            }),
            Err(error) => Err(error),
        }
    }

    /// Asks about the cluster and some topics, or all.
    pub(crate) async fn metadata(
        &self,
        topics: Option<&[&str]>,
        create: bool,
    ) -> Result<MetadataResponse, ClientError> {
        let by_name = |name: &&str| MetadataRequestTopic {
            name: Some((*name).into()),
            ..MetadataRequestTopic::default()
        };
        let request = MetadataRequest {
            topics: topics.map(|names| names.iter().map(by_name).collect()),
            allow_auto_topic_creation: create,
            ..MetadataRequest::default()
        };
        let answer = self.ask(&request).await?;
        let mut addresses = self.addresses.borrow_mut();
        for broker in &answer.brokers {
            let port = u16::try_from(broker.port).unwrap_or(0);
            let host = broker.host.as_str().to_owned();
            addresses.insert(broker.node_id, Address { host, port });
        }
        drop(addresses);
        Ok(answer)
    }

    /// All topics, by name; those with an error are left out.
    pub(crate) async fn all_topics(&self) -> Result<Vec<Topic>, ClientError> {
        let answer = self.metadata(None, false).await?;
        let mut topics: Vec<Topic> = answer
            .topics
            .into_iter()
            .filter(|topic| topic.error_code == ErrorCode::None.code())
            .map(topic_of)
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// One topic, from memory if it was asked for before.
    pub(crate) async fn topic(&self, name: &str) -> Result<Rc<Topic>, ClientError> {
        let known = self.topics.borrow().get(name).cloned();
        match known {
            Some(topic) => Ok(topic),
            None => self.refreshed(name, false).await,
        }
    }

    /// One topic as it is now; with `create`, the broker may create it, and leaders are waited for.
    pub(crate) async fn refreshed(
        &self,
        name: &str,
        create: bool,
    ) -> Result<Rc<Topic>, ClientError> {
        let mut retry = Retry::within(self.timeout);
        let mut creation = Retry::within(self.timeout.min(CREATION_TIMEOUT));
        loop {
            let error = match self.refresh_once(name, create).await {
                Ok(topic) => return Ok(topic),
                Err(error) => error,
            };
            // A topic that is being created is unknown for a moment, if the broker creates topics at all.
            if create && error.code() == Some(ErrorCode::UnknownTopicOrPartition) {
                creation.after_if(error, true).await?;
            } else {
                retry.after(error).await?;
            }
        }
    }

    async fn refresh_once(&self, name: &str, create: bool) -> Result<Rc<Topic>, ClientError> {
        let answer = self.metadata(Some(&[name]), create).await?;
        let described = answer.topics.into_iter().next();
        let described = described.ok_or_else(|| ClientError::Kafka {
            subject: format!("topic '{name}'"),
            code: ErrorCode::UnknownTopicOrPartition,
            message: None,
        })?;
        check(described.error_code, &format!("topic '{name}'"))?;
        let topic = Rc::new(topic_of(described));
        if create && let Some(partition) = topic.partitions.iter().find(|p| p.leader.is_none()) {
            return Err(ClientError::NoLeader {
                topic: name.to_owned(),
                partition: partition.index,
            });
        }
        let mut topics = self.topics.borrow_mut();
        topics.insert(name.to_owned(), Rc::clone(&topic));
        Ok(topic)
    }

    /// Forgets what is known about a topic, because a broker said that it is wrong.
    pub(crate) fn forget(&self, topic: &str) {
        self.topics.borrow_mut().remove(topic);
    }

    /// The broker that coordinates a group.
    pub(crate) async fn coordinator(&self, group: &str) -> Result<i32, ClientError> {
        let mut retry = Retry::within(self.timeout);
        loop {
            match self.coordinator_once(group).await {
                Ok(id) => return Ok(id),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn coordinator_once(&self, group: &str) -> Result<i32, ClientError> {
        let request = FindCoordinatorRequest {
            key: group.into(),
            key_type: KEY_TYPE_GROUP,
            coordinator_keys: vec![group.into()],
        };
        let connection = self.any().await?;
        let batched = connection.version_of(ApiKey::FindCoordinator)? >= 4;
        let answer = connection.send(&request).await?;
        let found = if batched {
            answer.coordinators.into_iter().next().unwrap_or_default()
        } else {
            one_coordinator(answer)
        };
        let subject = format!("coordinator of group '{group}'");
        check_text(found.error_code, found.error_message.as_ref(), &subject)?;
        let port = u16::try_from(found.port).unwrap_or(0);
        let host = found.host.as_str().to_owned();
        let address = Address { host, port };
        self.addresses.borrow_mut().insert(found.node_id, address);
        Ok(found.node_id)
    }
}

fn one_coordinator(
    answer: FindCoordinatorResponse,
) -> thalweg_wire::messages::find_coordinator_response::Coordinator {
    thalweg_wire::messages::find_coordinator_response::Coordinator {
        key: Str::default(),
        node_id: answer.node_id,
        host: answer.host,
        port: answer.port,
        error_code: answer.error_code,
        error_message: answer.error_message,
    }
}

fn usable(connection: Option<&Rc<Connection>>) -> Option<Rc<Connection>> {
    connection.filter(|known| !known.has_ended()).cloned()
}

fn unknown_broker(id: i32) -> ClientError {
    ClientError::Kafka {
        subject: format!("broker {id}"),
        code: ErrorCode::BrokerNotAvailable,
        message: None,
    }
}

fn topic_of(described: MetadataResponseTopic) -> Topic {
    let mut partitions: Vec<Partition> =
        described.partitions.into_iter().map(partition_of).collect();
    partitions.sort_by_key(|partition| partition.index);
    Topic {
        name: described.name.map(String::from).unwrap_or_default(),
        id: described.topic_id,
        internal: described.is_internal,
        partitions,
    }
}

fn partition_of(described: MetadataResponsePartition) -> Partition {
    Partition {
        index: described.partition_index,
        leader: (described.leader_id >= 0).then_some(described.leader_id),
        epoch: described.leader_epoch,
        replicas: described.replica_nodes,
        isr: described.isr_nodes,
        offline: described.offline_replicas,
    }
}
