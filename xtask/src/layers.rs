//! The layers: which crate may depend on which, and who may use what from outside.
//!
//! The whole list. A new edge needs a decision in `docs/adr/`.

/// The crates of the workspace by folder, and the folders each may depend on.
pub(crate) const ALLOWED_EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("log", &["model"]),
    ("consensus", &["model"]),
    ("smartmodule-host", &["model"]),
    ("replica", &["model", "log", "consensus"]),
    ("coordinator", &["model", "wire"]),
    ("metadata", &["model", "wire"]),
    ("dataflow", &["model", "smartmodule-host"]),
    ("cli", &["model", "wire"]),
    (
        "broker",
        &[
            "model",
            "wire",
            "log",
            "consensus",
            "smartmodule-host",
            "replica",
            "coordinator",
            "metadata",
            "dataflow",
            "cli",
        ],
    ),
    (
        "sim",
        &[
            "model",
            "log",
            "consensus",
            "replica",
            "coordinator",
            "metadata",
        ],
    ),
    (
        "fuzz",
        &["model", "wire", "log", "replica", "coordinator", "metadata"],
    ),
    ("compat-tests", &[]),
    ("examples", &[]),
    ("xtask", &[]),
];

/// Edges that tests alone may have: histories of real processes are checked as those of the simulator are.
pub(crate) const TEST_EDGES: &[(&str, &str)] = &[("broker", "sim")];

/// Crates from outside that only some of ours may depend on, tests included.
pub(crate) const RESTRICTED: &[(&str, &[&str])] = &[
    ("tokio", &["broker", "cli", "compat-tests"]),
    ("raft", &["consensus"]),
    ("rocksdb", &["broker"]),
    ("wasmtime", &["smartmodule-host"]),
    ("rand", &["sim", "compat-tests", "xtask"]),
];

/// Crates from outside that may appear under `dev-dependencies` only: oracles of tests.
pub(crate) const TEST_ONLY: &[&str] = &["kafka-protocol", "crc32c", "proptest"];

/// Crates without clock, randomness, threads or hash order: the same events give the same bytes.
pub(crate) const PURE: &[&str] = &[
    "model",
    "wire",
    "log",
    "consensus",
    "replica",
    "coordinator",
    "metadata",
    "dataflow",
    "sim",
];

/// Inside `broker/src`: a folder, and the modules it must not name. What is below never knows who
/// asked.
pub(crate) const BROKER_DIRECTION: &[(&str, &[&str])] = &[
    (
        "api",
        &["net::connection", "net::dispatch", "net::listener"],
    ),
    ("partition", &["api", "net", "coordinators"]),
    ("storage", &["api", "net", "partition", "coordinators"]),
    (
        "config",
        &[
            "api",
            "net",
            "partition",
            "storage",
            "cluster",
            "coordinators",
        ],
    ),
    ("coordinators", &["api", "net"]),
    ("cluster", &["api", "net"]),
    ("observe", &["api", "net"]),
    ("security", &["api", "net"]),
    ("quota", &["api", "net"]),
];
