//! The scenarios: what is loaded how, and why it is worth knowing.

/// One comparison.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) partitions: u32,
    /// What Thalweg's node is told besides: choices that Kafka does not have.
    pub(super) thalweg: &'static [(&'static str, &'static str)],
    pub(super) work: Work,
}

/// What a run does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// A command of `bench-load` with its flags, for the time of a run, on a fresh topic.
    Light {
        command: &'static str,
        flags: &'static [&'static str],
    },
    /// The same, on a topic that was filled once with this many records.
    LightRead {
        flags: &'static [&'static str],
        filled: u64,
    },
    /// Kafka's ProducerPerformance on a fresh topic.
    JavaProduce {
        records: u64,
        size: u32,
        properties: &'static [&'static str],
    },
    /// Kafka's ConsumerPerformance on a topic that was filled once.
    JavaConsume { records: u64 },
    /// Kafka's EndToEndLatency.
    JavaEndToEnd { records: u64 },
    /// The same, each time with nothing of it in the page cache.
    ColdRead { filled: u64 },
    /// Starts after `kill -9`, on a topic that was filled once, with so many records more before each.
    Recovery { filled: u64, between: u64 },
    /// A start on a fresh data directory, then rest.
    Start,
    /// Rest with a topic of `partitions` partitions.
    Idle,
}

const JAVA_DEFAULTS: &[&str] = &["acks=all"];
const BY_HEADER: &[(&str, &str)] = &[("log.record.validation", "header")];

/// In the order of the page.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "start",
        about: "ready and first acknowledged produce after start, memory and processor at rest",
        partitions: 0,
        thalweg: &[],
        work: Work::Start,
    },
    Scenario {
        name: "idle-1000",
        about: "memory and processor at rest with 1,000 partitions",
        partitions: 1000,
        thalweg: &[],
        work: Work::Idle,
    },
    Scenario {
        name: "idle-10000",
        about: "memory and processor at rest with 10,000 partitions",
        partitions: 10_000,
        thalweg: &[],
        work: Work::Idle,
    },
    Scenario {
        name: "produce-java-16",
        about: "Kafka's producer, acks=all, 1 KiB records, 16 partitions",
        partitions: 16,
        thalweg: &[],
        work: Work::JavaProduce {
            records: 1_000_000,
            size: 1024,
            properties: JAVA_DEFAULTS,
        },
    },
    Scenario {
        name: "produce-java-16-100b",
        about: "Kafka's producer, acks=all, 100 B records, 16 partitions",
        partitions: 16,
        thalweg: &[],
        work: Work::JavaProduce {
            records: 5_000_000,
            size: 100,
            properties: JAVA_DEFAULTS,
        },
    },
    Scenario {
        name: "produce-16",
        about: "franz-go, acks=all, 1 KiB records, 16 partitions, 16 KiB batches",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--batch=16384"],
        },
    },
    Scenario {
        name: "produce-1",
        about: "franz-go, acks=all, 1 KiB records, 1 partition, 64 KiB batches",
        partitions: 1,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--batch=65536"],
        },
    },
    Scenario {
        name: "produce-64",
        about: "franz-go, acks=all, 1 KiB records, 64 partitions, 16 KiB batches",
        partitions: 64,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--batch=16384"],
        },
    },
    Scenario {
        name: "produce-256",
        about: "franz-go, acks=all, 1 KiB records, 256 partitions, 16 KiB batches",
        partitions: 256,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--batch=16384"],
        },
    },
    Scenario {
        name: "produce-256-64k",
        about: "franz-go, acks=all, 1 KiB records, 256 partitions, 64 KiB batches as in produce-1",
        partitions: 256,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--batch=65536"],
        },
    },
    Scenario {
        name: "produce-16-100b",
        about: "franz-go, acks=all, 100 B records, 16 partitions, 16 KiB batches",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--size=100", "--batch=16384"],
        },
    },
    Scenario {
        name: "batches-16",
        about: "pre-encoded 16 KiB batches, acks=all, 16 partitions, all of them in each request",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "batches",
            flags: &["--spread=16"],
        },
    },
    Scenario {
        name: "batches-16-100b",
        about: "pre-encoded 16 KiB batches of 100 B records, acks=all, 16 partitions",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "batches",
            flags: &["--spread=16", "--size=100"],
        },
    },
    Scenario {
        name: "batches-256",
        about: "pre-encoded 16 KiB batches, acks=all, 256 partitions, 64 of them in each request",
        partitions: 256,
        thalweg: &[],
        work: Work::Light {
            command: "batches",
            flags: &["--spread=64"],
        },
    },
    Scenario {
        name: "produce-lz4",
        about: "franz-go, acks=all, 1 KiB records, 16 partitions, lz4 in 64 KiB batches",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--codec=lz4", "--batch=65536"],
        },
    },
    Scenario {
        name: "produce-lz4-header",
        about: "the same, where Thalweg looks at no record of a compressed batch: record.validation=header",
        partitions: 16,
        thalweg: BY_HEADER,
        work: Work::Light {
            command: "produce",
            flags: &["--codec=lz4", "--batch=65536"],
        },
    },
    Scenario {
        name: "produce-zstd",
        about: "franz-go, acks=all, 1 KiB records, 16 partitions, zstd in 64 KiB batches",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "produce",
            flags: &["--codec=zstd", "--batch=65536"],
        },
    },
    Scenario {
        name: "produce-zstd-header",
        about: "the same, where Thalweg looks at no record of a compressed batch: record.validation=header",
        partitions: 16,
        thalweg: BY_HEADER,
        work: Work::Light {
            command: "produce",
            flags: &["--codec=zstd", "--batch=65536"],
        },
    },
    Scenario {
        name: "consume-16",
        about: "a light consumer from the start of 16 partitions, 1 KiB records",
        partitions: 16,
        thalweg: &[],
        work: Work::LightRead {
            flags: &[],
            filled: 1_000_000,
        },
    },
    Scenario {
        name: "consume-cold",
        about: "a light consumer from the start of 4 partitions of 1 KiB records that are not in the page cache",
        partitions: 4,
        thalweg: &[],
        work: Work::ColdRead { filled: 3_000_000 },
    },
    Scenario {
        name: "consume-java-16",
        about: "Kafka's consumer in a group from the start of 16 partitions, 1 KiB records",
        partitions: 16,
        thalweg: &[],
        work: Work::JavaConsume { records: 1_000_000 },
    },
    Scenario {
        name: "tail-16",
        about: "50 MB/s open loop, 1 KiB records, 16 partitions, one consumer at the tail",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "latency",
            flags: &["--rate=50e6"],
        },
    },
    Scenario {
        name: "end-to-end-10",
        about: "10 MB/s open loop, 1 KiB records, 16 partitions: latency from the planned time",
        partitions: 16,
        thalweg: &[],
        work: Work::Light {
            command: "latency",
            flags: &["--rate=10e6"],
        },
    },
    Scenario {
        name: "sync-1",
        about: "one record at a time, acks=all: the latency of a single produce",
        partitions: 1,
        thalweg: &[],
        work: Work::Light {
            command: "sync",
            flags: &[],
        },
    },
    Scenario {
        name: "end-to-end-java",
        about: "Kafka's EndToEndLatency: one 100 B record at a time, to the consumer",
        partitions: 1,
        thalweg: &[],
        work: Work::JavaEndToEnd { records: 5_000 },
    },
    Scenario {
        name: "recovery-1g",
        about: "ready after kill -9, each time after 1 GiB of 1 KiB records in 16 partitions",
        partitions: 16,
        thalweg: &[],
        work: Work::Recovery {
            filled: 0,
            between: 1 << 20,
        },
    },
    Scenario {
        name: "recovery-10g",
        about: "ready after kill -9, with 10 GiB of 1 KiB records in 16 partitions and 1 GiB more before each",
        partitions: 16,
        thalweg: &[],
        work: Work::Recovery {
            filled: 9 << 20,
            between: 1 << 20,
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCENARIOS.len());
    }
}
