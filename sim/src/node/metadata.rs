//! The cluster's metadata on a node: the image that follows the log, and the controller while it leads.

use std::collections::VecDeque;

use thalweg_log::GroupId;
use thalweg_metadata::config::StaticConfigs;
use thalweg_metadata::controller::{
    Bootstrap, CreateTopics, NewTopic, Outcome, RegisterBroker, ReplicationFactor, TopicTarget,
};
use thalweg_metadata::{Controller, MetadataImage, MetadataRecord};
use thalweg_model::{BrokerId, ErrorCode, LeaderEpoch, Now, Offset, Uuid};
use thalweg_replica::{Acks, AppendError, Appended, Ticket};

use super::scan::Whose;
use super::{Output, Running, SimNode};
use crate::Random;
use crate::call::{AdminCall, CallId, ClientId, Reply};

/// What a command leads to: an answer for a client, if one waits.
type Answer = Option<((ClientId, CallId), Uuid)>;

/// What a node knows of the cluster, and what it is changing.
#[derive(Debug)]
pub(super) struct Metadata {
    group: GroupId,
    brokers: Vec<BrokerId>,
    image: MetadataImage,
    /// Everything before is in the image.
    applied: Offset,
    /// The epoch in which this node takes commands, the one under way, and those that wait for it.
    epoch: Option<LeaderEpoch>,
    under_way: Option<(Ticket, Answer)>,
    waiting: VecDeque<((ClientId, CallId), AdminCall)>,
}

impl Metadata {
    pub(super) fn new(group: GroupId, brokers: Vec<BrokerId>) -> Self {
        Self {
            group,
            brokers,
            image: MetadataImage::default(),
            applied: Offset::ZERO,
            epoch: None,
            under_way: None,
            waiting: VecDeque::new(),
        }
    }

    /// The records of a new cluster.
    fn found(&self, broker: BrokerId) -> Vec<MetadataRecord> {
        let start = StaticConfigs::default();
        let controller = Controller::new(&self.image, broker, &start);
        let bootstrap = Bootstrap {
            cluster_id: "simulated".to_owned(),
            features: Vec::new(),
        };
        let mut records = controller.bootstrap(&bootstrap).records;
        for &id in &self.brokers {
            let registration = RegisterBroker {
                id,
                incarnation: Uuid::from_bytes([1; 16]),
                endpoints: Vec::new(),
                rack: None,
                directories: vec![Uuid::from_bytes([9; 16])],
            };
            records.extend(controller.register_broker(registration).records);
        }
        records
    }

    /// What the controller says of a command: records and the topic's id, or a refusal.
    fn command(
        &self,
        broker: BrokerId,
        call: &AdminCall,
        random: &mut Random,
    ) -> Result<(Vec<MetadataRecord>, Uuid), ErrorCode> {
        let start = StaticConfigs::default();
        let controller = Controller::new(&self.image, broker, &start);
        match call {
            AdminCall::Create {
                name,
                partitions,
                replicas,
            } => {
                let topic = NewTopic {
                    name: name.clone(),
                    partitions: Some(*partitions),
                    replication: ReplicationFactor::Exactly(*replicas),
                    assignments: Vec::new(),
                    configs: Vec::new(),
                };
                let command = CreateTopics {
                    topics: vec![topic],
                    validate_only: false,
                };
                let draw = || random_uuid(random);
                let Outcome { records, mut reply } = controller.create_topics(&command, draw);
                let result = reply.pop().map(|topic| topic.result);
                match result {
                    Some(Ok(created)) => Ok((records, created.id)),
                    Some(Err(refusal)) => Err(refusal.code),
                    None => Err(ErrorCode::UnknownServerError),
                }
            }
            AdminCall::Delete { name } => {
                let target = TopicTarget {
                    name: Some(name.clone()),
                    id: None,
                };
                let Outcome { records, mut reply } = controller.delete_topics(&[target]);
                match reply.pop().map(|topic| (topic.id, topic.refusal)) {
                    Some((id, None)) => Ok((records, id)),
                    Some((_, Some(refusal))) => Err(refusal.code),
                    None => Err(ErrorCode::UnknownServerError),
                }
            }
        }
    }
}

impl SimNode {
    /// Lets the image follow the log, and the controller follow who leads.
    pub(super) fn tick_metadata(&mut self, now: Now) {
        if let Some(running) = &mut self.running {
            running.follow_metadata();
            running.match_controller(now);
        }
    }

    /// What this node knows of the cluster.
    pub(crate) fn image(&self) -> Option<&MetadataImage> {
        Some(&self.running.as_ref()?.metadata.as_ref()?.image)
    }
}

impl Running {
    /// Whether this node's image has the topic.
    pub(super) fn knows_topic(&self, topic: Uuid) -> bool {
        let image = self.metadata.as_ref().map(|metadata| &metadata.image);
        image.is_some_and(|image| image.topic_by_id(topic).is_some())
    }

    /// An administrator asks for something.
    pub(super) fn administer(&mut self, asked: (ClientId, CallId), call: AdminCall, now: Now) {
        self.match_controller(now);
        match &mut self.metadata {
            Some(metadata) if metadata.epoch.is_some() => {
                metadata.waiting.push_back((asked, call));
                self.next_command(now);
            }
            Some(_) | None => self.answer(asked, Reply::NotHere),
        }
    }

    /// Folds what this replica knows to be committed into the image, command by command: a topic that one
    /// made and a later one removed comes and goes, also when a node that starts reads of both.
    fn follow_metadata(&mut self) {
        let Some(Metadata {
            group,
            applied,
            image,
            ..
        }) = &self.metadata
        else {
            return;
        };
        let (group, from, mut image) = (*group, *applied, image.clone());
        let mut news = Vec::new();
        let read = self.scan(group, Whose::Anyone, from, |batch| {
            let records = MetadataRecord::from_batch(batch).map_err(|error| error.to_string())?;
            let applied = image.apply(&records);
            let (next, changes) = applied.map_err(|error| error.to_string())?;
            image = next;
            news.push(changes);
            Ok(())
        });
        match (read, &mut self.metadata) {
            (Ok(next), Some(metadata)) => (metadata.applied, metadata.image) = (next, image),
            (Ok(_), None) => {}
            (Err(why), _) => self.failed = Some(why),
        }
        for changes in news {
            self.outputs.push(Output::TopicsChanged {
                created: changes.topics_created,
                removed: changes.topics_removed,
            });
        }
    }

    /// A node that begins to lead the metadata log takes commands; one that ceases to sends away who waits.
    fn match_controller(&mut self, now: Now) {
        let Some(metadata) = &mut self.metadata else {
            return;
        };
        let serves = self.shard.leader_epoch(metadata.group);
        if metadata.epoch == serves {
            return;
        }
        metadata.epoch = serves;
        let under_way = metadata.under_way.take();
        let waiting = std::mem::take(&mut metadata.waiting);
        if let Some((_, Some((asked, _)))) = under_way {
            self.answer(asked, Reply::Unknown);
        }
        for (asked, _) in waiting {
            self.answer(asked, Reply::NotHere);
        }
        if serves.is_some() {
            // All that its predecessors had committed is committed now, and nothing else will be.
            self.follow_metadata();
            let metadata = self.metadata.as_ref().expect("it was just there");
            if metadata.image.cluster_id().is_none() {
                let records = metadata.found(self.id);
                self.commit_metadata(&records, None, now);
            }
        }
    }

    fn next_command(&mut self, now: Now) {
        while let Some(metadata) = &mut self.metadata
            && metadata.under_way.is_none()
            && let Some((asked, call)) = metadata.waiting.pop_front()
        {
            match metadata.command(self.id, &call, &mut self.random) {
                Ok((records, id)) => self.commit_metadata(&records, Some((asked, id)), now),
                Err(code) => self.answer(asked, Reply::Administered(Err(code))),
            }
        }
    }

    fn commit_metadata(&mut self, records: &[MetadataRecord], answer: Answer, now: Now) {
        let Some(metadata) = &mut self.metadata else {
            return;
        };
        self.next_ticket += 1;
        let ticket = Ticket {
            request: self.next_ticket,
            part: 0,
        };
        let batch = MetadataRecord::to_batch(records, now.wall);
        let batch = batch.expect("names of a simulation are short");
        match self.shard.append(metadata.group, batch, Acks::All, ticket) {
            Ok(()) => metadata.under_way = Some((ticket, answer)),
            Err(error) => {
                if let Some((asked, _)) = answer {
                    self.answer(asked, refusal(error));
                }
            }
        }
    }

    /// Whether the append was the metadata's, whose command has come to its end.
    pub(super) fn metadata_append_completed(
        &mut self,
        ticket: Ticket,
        result: &Result<Appended, AppendError>,
        now: Now,
    ) -> bool {
        let under_way = self
            .metadata
            .as_mut()
            .map(|metadata| &mut metadata.under_way);
        let ended = under_way.and_then(|of| of.take_if(|(of, _)| *of == ticket));
        let Some((_, answer)) = ended else {
            return false;
        };
        // Nobody is told, and no further command looks at the image, before it has the records.
        self.follow_metadata();
        if let Some((asked, id)) = answer {
            let reply = match result {
                Ok(_) => Reply::Administered(Ok(id)),
                Err(AppendError::NotLeader | AppendError::StorageFailed) => Reply::Unknown,
                Err(error) => refusal(error.clone()),
            };
            self.answer(asked, reply);
        }
        self.next_command(now);
        true
    }
}

fn refusal(error: AppendError) -> Reply {
    match error {
        AppendError::NotLeader | AppendError::UnknownPartition => Reply::NotHere,
        AppendError::StorageFailed => Reply::Unknown,
        AppendError::Overloaded
        | AppendError::NotEnoughReplicas
        | AppendError::Producer(_)
        | AppendError::Write(_) => Reply::Refused(error),
    }
}

fn random_uuid(random: &mut Random) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.roll().to_be_bytes());
    bytes[8..].copy_from_slice(&random.roll().to_be_bytes());
    Uuid::from_random(bytes)
}
