//! The cluster as this node knows it: the image, the routes that requests take, and the one way to
//! change either.

pub(crate) mod boot;
mod commands;
mod routes;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use thalweg_log::GroupId;
use thalweg_metadata::MetadataImage;
use thalweg_metadata::config::StaticConfigs;
use thalweg_model::{BrokerId, Uuid};
use tokio::sync::{Mutex, Notify};

pub(crate) use self::commands::CommandError;
use self::routes::Routes;
pub(crate) use self::routes::{TopicRoute, TopicRules};

/// What this node knows of the cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) broker: BrokerId,
    /// Settings that the broker was started with.
    pub(crate) start: StaticConfigs,
    image: RefCell<MetadataImage>,
    routes: RefCell<Routes>,
    metadata_group: Cell<GroupId>,
    /// Held by the one command that is under way.
    commanding: Arc<Mutex<()>>,
    /// A partition began or ceased to be served here.
    leaders_changed: Notify,
}

impl Cluster {
    pub(crate) fn new(broker: BrokerId, start: StaticConfigs) -> Self {
        Self {
            broker,
            start,
            image: RefCell::default(),
            routes: RefCell::default(),
            metadata_group: Cell::default(),
            commanding: Arc::default(),
            leaders_changed: Notify::new(),
        }
    }

    /// The newest image; cheap.
    pub(crate) fn image(&self) -> MetadataImage {
        self.image.borrow().clone()
    }

    /// Where requests for a topic go.
    pub(crate) fn route(&self, name: &str) -> Option<Rc<TopicRoute>> {
        self.routes.borrow().by_name(name)
    }

    /// Where requests for a topic go that is named by its id.
    pub(crate) fn route_by_id(&self, id: Uuid) -> Option<Rc<TopicRoute>> {
        self.routes.borrow().by_id(id)
    }

    pub(super) fn set_route(&self, route: TopicRoute) {
        self.routes.borrow_mut().insert(route);
    }

    pub(super) fn remove_route(&self, id: Uuid) -> Option<Rc<TopicRoute>> {
        self.routes.borrow_mut().remove(id)
    }

    /// The group of the metadata log.
    pub(crate) fn metadata_group(&self) -> GroupId {
        self.metadata_group.get()
    }

    pub(super) fn set_metadata_group(&self, group: GroupId) {
        self.metadata_group.set(group);
    }

    pub(crate) fn on_leader_changed(&self) {
        self.leaders_changed.notify_waiters();
    }
}
