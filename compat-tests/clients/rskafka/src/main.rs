//! The compatibility contract (compat-tests/README.md) for the crate `rskafka`, which knows no groups.

use std::collections::BTreeMap;

use chrono::DateTime;
use contract::{Options, Record, Result, input, say};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record as Produced, RecordAndOffset};

/// Records of one request: the library leaves batching to its caller.
const BATCH_RECORDS: usize = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::from_command_line()?;
    match options.command() {
        "version" => say("0.6.0"),
        "create" => create(&options).await,
        "produce" => produce(&options).await,
        "consume" => consume(&options).await,
        other => Err(format!("unknown command {other}").into()),
    }
}

async fn connection(options: &Options) -> Result<Client> {
    Ok(ClientBuilder::new(vec![options.get("bootstrap")?.to_owned()]).build().await?)
}

async fn partition(client: &Client, topic: &str, number: i32) -> Result<PartitionClient> {
    Ok(client.partition_client(topic, number, UnknownTopicHandling::Error).await?)
}

async fn create(options: &Options) -> Result<()> {
    let controller = connection(options).await?.controller_client()?;
    for (topic, partitions) in options.topics()? {
        controller.create_topic(topic, partitions, 1, 10_000).await?;
    }
    Ok(())
}

async fn produce(options: &Options) -> Result<()> {
    let codec = match options.get("codec")? {
        "none" => Compression::NoCompression,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        other => return Err(format!("unknown codec {other}").into()),
    };
    let client = connection(options).await?;
    let topic = options.get("topic")?;
    let mut producer = Producer { client, codec, clients: BTreeMap::new() };
    let mut batch = Vec::new();
    for record in input(topic) {
        batch.push(record?);
        if batch.len() == BATCH_RECORDS {
            producer.send(&std::mem::take(&mut batch)).await?;
        }
    }
    producer.send(&batch).await
}

struct Producer {
    client: Client,
    codec: Compression,
    clients: BTreeMap<i32, PartitionClient>,
}

impl Producer {
    /// Sends a batch as one request for each partition and prints where its records went.
    async fn send(&mut self, batch: &[Record]) -> Result<()> {
        let mut by_partition: BTreeMap<i32, Vec<Produced>> = BTreeMap::new();
        for record in batch {
            by_partition.entry(record.partition).or_default().push(outgoing(record)?);
        }
        let mut offsets = BTreeMap::new();
        for (number, records) in by_partition {
            if !self.clients.contains_key(&number) {
                let client = partition(&self.client, &batch[0].topic, number).await?;
                self.clients.insert(number, client);
            }
            let assigned = self.clients[&number].produce(records, self.codec).await?;
            offsets.insert(number, assigned.into_iter());
        }
        for record in batch {
            let assigned = offsets.get_mut(&record.partition).and_then(Iterator::next);
            let offset = assigned.ok_or("fewer offsets than records were answered")?;
            say(format_args!("{}\t{offset}", record.partition))?;
        }
        Ok(())
    }
}

fn outgoing(record: &Record) -> Result<Produced> {
    let headers = record.headers.iter();
    Ok(Produced {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: headers.map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect(),
        timestamp: DateTime::from_timestamp_millis(record.timestamp).ok_or("timestamp out of range")?,
    })
}

async fn consume(options: &Options) -> Result<()> {
    let client = connection(options).await?;
    let mut progress = options.progress()?;
    let mut readers = Vec::new();
    for (topic, partitions) in options.topics()? {
        for number in 0..partitions {
            let reader = partition(&client, &topic, number).await?;
            let offset = reader.get_offset(OffsetAt::Earliest).await?;
            readers.push((topic.clone(), number, reader, offset));
        }
    }
    loop {
        let mut round = 0;
        for (topic, number, reader, offset) in &mut readers {
            let (records, _high_watermark) = reader.fetch_records(*offset, 1..1_000_000, 50).await?;
            for fetched in &records {
                say(incoming(topic, *number, fetched))?;
                *offset = fetched.offset + 1;
            }
            round += records.len();
        }
        if progress.finished(round)? {
            return Ok(());
        }
    }
}

fn incoming(topic: &str, partition: i32, fetched: &RecordAndOffset) -> Record {
    let record = &fetched.record;
    Record {
        topic: topic.to_owned(),
        partition,
        offset: fetched.offset,
        timestamp: record.timestamp.timestamp_millis(),
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
    }
}
