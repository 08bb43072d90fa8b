//! What a node is started with: Kafka's settings from a file, the environment and the command line, over defaults
//! with which one node works by itself.
//!
//! The result is a flat map with the origin of each value. Settings that change while the node runs are the controller's:
//! they lie over these, see `thalweg_metadata::config::ConfigLayers`.

mod effects;
mod error;
mod host_name;
mod listeners;
mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thalweg_cli::StartOptions;
use thalweg_coordinator::GroupConfig;
use thalweg_metadata::MetadataImage;
use thalweg_metadata::config::{ConfigLayers, StaticConfigs};
use thalweg_metadata::start::{
    DATA_DEFAULT, MetricsListener, Origin, Settings, across, metrics_listener,
};
use thalweg_model::BrokerId;

pub(crate) use error::ConfigError;
pub(crate) use listeners::Listener;
pub(crate) use report::ConfigReport;

/// The settings of a node.
#[derive(Debug)]
pub(crate) struct BrokerConfig {
    id: BrokerId,
    start: StaticConfigs,
    listeners: Vec<Listener>,
    metrics: Option<MetricsListener>,
    data: PathBuf,
    cluster_id: Option<String>,
    report: ConfigReport,
}

impl BrokerConfig {
    /// Collects the settings. `environment` is the process's variables.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first thing.
    pub(crate) fn load(
        options: &StartOptions,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Settings::with_defaults();
        if let Some(path) = &options.properties {
            let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
                path: path.clone(),
                cause,
            })?;
            let added = settings.add_file(path, &text);
            added.map_err(|cause| ConfigError::Malformed {
                path: path.clone(),
                cause,
            })?;
        }
        let cluster_id = settings.add_environment(environment);
        for (key, value) in &options.overrides {
            settings.set(key, value, Origin::CommandLine("--override"));
        }
        if let Some(data) = &options.data {
            let data = data.display().to_string();
            settings.set("log.dirs", &data, Origin::CommandLine("--data"));
        }
        Self::of(settings, cluster_id)
    }

    fn of(mut settings: Settings, cluster_id: Option<String>) -> Result<Self, ConfigError> {
        let mut problems = settings.check_values();
        problems.extend(across(&settings));
        let listeners = match listeners::all(&settings) {
            Ok(listeners) => listeners,
            Err(found) => {
                problems.extend(found);
                Vec::new()
            }
        };
        let metrics = metrics_listener(&settings).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        if !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        let report = ConfigReport::of(&mut settings, &listeners);
        let directories = settings.list("log.dirs");
        let data = directories.first().map_or_else(default_data, PathBuf::from);
        let id = settings.integer("node.id");
        Ok(Self {
            id: BrokerId(i32::try_from(id).expect("the value was checked as an int")),
            start: settings.into_static(),
            listeners,
            metrics,
            data,
            cluster_id,
            report,
        })
    }

    /// `node.id`.
    pub(crate) fn node_id(&self) -> BrokerId {
        self.id
    }

    /// The settings as they were given, for the layers of dynamic ones.
    pub(crate) fn static_configs(&self) -> &StaticConfigs {
        &self.start
    }

    /// Where clients come in.
    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where metrics are fetched; none if they are not.
    pub(crate) fn metrics(&self) -> Option<&MetricsListener> {
        self.metrics.as_ref()
    }

    /// The folder of the data.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The id that a new cluster takes; `None` to draw one.
    pub(crate) fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// What a person should know about the settings.
    pub(crate) fn report(&self) -> &ConfigReport {
        &self.report
    }

    /// `broker.rack`.
    pub(crate) fn rack(&self) -> Option<&str> {
        self.start
            .get("broker.rack")
            .filter(|rack| !rack.is_empty())
    }

    /// `auto.create.topics.enable`.
    pub(crate) fn auto_create_topics_enable(&self) -> bool {
        self.flag("auto.create.topics.enable")
    }

    /// `socket.request.max.bytes`: the largest request that is read.
    pub(crate) fn socket_request_max_bytes(&self) -> usize {
        self.unsigned("socket.request.max.bytes")
    }

    /// `fetch.max.bytes`: the most that one fetch is answered with.
    pub(crate) fn fetch_max_bytes(&self) -> usize {
        self.unsigned("fetch.max.bytes")
    }

    /// `connections.max.idle.ms`; a negative value never closes.
    pub(crate) fn connections_max_idle(&self) -> Duration {
        let ms = self.integer("connections.max.idle.ms");
        u64::try_from(ms).map_or(Duration::MAX, Duration::from_millis)
    }

    /// `max.incremental.fetch.session.cache.slots`.
    pub(crate) fn fetch_sessions_max(&self) -> usize {
        self.unsigned("max.incremental.fetch.session.cache.slots")
    }

    /// `log.retention.check.interval.ms`.
    pub(crate) fn retention_check_interval(&self) -> Duration {
        self.millis("log.retention.check.interval.ms")
    }

    /// `producer.id.expiration.ms` as it is now.
    pub(crate) fn producer_id_expiration_ms(&self, image: &MetadataImage) -> u64 {
        let ms = self
            .layers(image)
            .broker_integer("producer.id.expiration.ms");
        u64::try_from(ms).unwrap_or(0)
    }

    /// What group coordinators take from the settings, as they are now.
    pub(crate) fn groups(&self, image: &MetadataImage) -> GroupConfig {
        let layers = self.layers(image);
        let int = |key| {
            let value = layers.broker_integer(key);
            i32::try_from(value).expect("the value was checked as an int")
        };
        let unsigned = |key| u64::try_from(layers.broker_integer(key)).unwrap_or(0);
        let size = |key| usize::try_from(layers.broker_integer(key)).unwrap_or(0);
        GroupConfig {
            session_timeout_ms_min: int("group.min.session.timeout.ms"),
            session_timeout_ms_max: int("group.max.session.timeout.ms"),
            initial_rebalance_delay_ms: unsigned("group.initial.rebalance.delay.ms"),
            members_max: size("group.max.size"),
            offsets_retention_ms: layers.broker_integer("offsets.retention.minutes") * 60_000,
            offsets_retention_check_interval_ms: unsigned("offsets.retention.check.interval.ms"),
            offsets_commit_timeout_ms: unsigned("offsets.commit.timeout.ms"),
            offset_metadata_max: size("offset.metadata.max.bytes"),
        }
    }

    fn layers<'a>(&'a self, image: &'a MetadataImage) -> ConfigLayers<'a> {
        ConfigLayers::new(image, self.id, &self.start)
    }

    /// A setting that only a restart changes.
    fn integer(&self, key: &str) -> i64 {
        self.layers(&MetadataImage::default()).broker_integer(key)
    }

    fn unsigned(&self, key: &str) -> usize {
        usize::try_from(self.integer(key)).unwrap_or(0)
    }

    fn millis(&self, key: &str) -> Duration {
        Duration::from_millis(u64::try_from(self.integer(key)).unwrap_or(0))
    }

    fn flag(&self, key: &str) -> bool {
        self.layers(&MetadataImage::default()).broker_flag(key)
    }
}

fn default_data() -> PathBuf {
    PathBuf::from(DATA_DEFAULT)
}
