//! A cluster of nothing but metadata: commands are committed at once.

use std::collections::BTreeMap;

use thalweg_metadata::config::StaticConfigs;
use thalweg_metadata::controller::{Outcome, RegisterBroker};
use thalweg_metadata::{Controller, MetadataImage, MetadataRecord};
use thalweg_model::{BrokerId, Uuid};

pub(crate) struct Cluster {
    pub(crate) image: MetadataImage,
    pub(crate) start: BTreeMap<String, String>,
    pub(crate) log: Vec<MetadataRecord>,
    drawn: u8,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            image: MetadataImage::default(),
            start: BTreeMap::from([("node.id".to_owned(), "1".to_owned())]),
            log: Vec::new(),
            drawn: 0,
        }
    }

    /// Runs a command on broker 1, commits its records, and hands back how many there were and the reply.
    pub(crate) fn run<R>(
        &mut self,
        command: impl FnOnce(&Controller<'_>, &mut dyn FnMut() -> Uuid) -> Outcome<R>,
    ) -> (usize, R) {
        let start = StaticConfigs::new(self.start.clone());
        let drawn = &mut self.drawn;
        let mut new_id = || {
            *drawn += 1;
            Uuid::from_random([*drawn; 16])
        };
        let controller = Controller::new(&self.image, BrokerId(1), &start);
        let Outcome { records, reply } = command(&controller, &mut new_id);
        self.image = self
            .image
            .apply(&records)
            .expect("the controller's records fit its image")
            .0;
        let count = records.len();
        self.log.extend(records);
        (count, reply)
    }

    pub(crate) fn register(&mut self, id: i32, rack: Option<&str>) {
        let broker = RegisterBroker {
            id: BrokerId(id),
            incarnation: Uuid::from_random([200; 16]),
            endpoints: Vec::new(),
            rack: rack.map(Into::into),
            directories: vec![Uuid::from_random([100; 16])],
        };
        self.run(|controller, _| controller.register_broker(broker));
    }
}
