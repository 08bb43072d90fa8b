//! Settings in variables, as Kafka's container images have them.

/// Variables of those images that are no settings.
const NO_SETTINGS: &[&str] = &[
    "KAFKA_VERSION",
    "KAFKA_HOME",
    "KAFKA_HEAP_OPTS",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_OPTS",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_LOG4J_ROOT_LOGLEVEL",
    "KAFKA_LOG4J_LOGGERS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_CLUSTER_ID",
];

/// Variables that carry the id of a new cluster.
pub(super) const CLUSTER_ID: &[&str] = &["CLUSTER_ID", "KAFKA_CLUSTER_ID"];

/// The setting that a variable is: `KAFKA_LOG_DIRS` is `log.dirs`; `__` is `_` and `___` is `-`.
pub(super) fn key(variable: &str) -> Option<String> {
    // Settings of other products that share the prefix mean nothing here.
    if NO_SETTINGS.contains(&variable) || variable.starts_with("KAFKA_CONFLUENT_") {
        return None;
    }
    let name = variable.strip_prefix("KAFKA_")?;
    let name = name.strip_prefix("CFG_").unwrap_or(name);
    if name.is_empty() {
        return None;
    }
    let dotted = name.to_ascii_lowercase().replace('_', ".");
    Some(dotted.replace("...", "-").replace("..", "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_become_dots_underscores_and_dashes() {
        for (variable, setting) in [
            ("KAFKA_LOG_DIRS", Some("log.dirs")),
            ("KAFKA_CFG_NODE_ID", Some("node.id")),
            ("KAFKA_A__B___C_D", Some("a_b-c.d")),
            (
                "KAFKA_LISTENER_NAME_CLIENT_SSL_KEY_PASSWORD",
                Some("listener.name.client.ssl.key.password"),
            ),
            ("KAFKA_HEAP_OPTS", None),
            ("KAFKA_CONFLUENT_SUPPORT_METRICS_ENABLE", None),
            ("KAFKA_", None),
            ("PATH", None),
        ] {
            assert_eq!(key(variable).as_deref(), setting, "{variable}");
        }
    }
}
