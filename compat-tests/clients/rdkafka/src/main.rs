//! The compatibility contract (compat-tests/README.md) for the crate `rdkafka`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::{Options, Record, Result, input, on_leave, say};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

/// Records that a group member reads between two commits.
const COMMIT_RECORDS: usize = 50;

fn main() -> Result<()> {
    let options = Options::from_command_line()?;
    match options.command() {
        "version" => version(),
        "create" => create(&options),
        "produce" => produce(&options),
        "consume" => consume(&options),
        "member" => member(&options),
        other => Err(format!("unknown command {other}").into()),
    }
}

fn version() -> Result<()> {
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    say(format_args!("0.39.0 (librdkafka {librdkafka})"))
}

fn connection(options: &Options) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", options.get("bootstrap")?);
    Ok(config)
}

/// The library's admin client needs an async runtime; this is the future it returns, waited for by hand.
fn create(options: &Options) -> Result<()> {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    let admin: AdminClient<_> = connection(options)?.create()?;
    let shapes = options.topics()?;
    let topics: Vec<NewTopic<'_>> = shapes
        .iter()
        .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(1)))
        .collect();
    let created = futures_executor::block_on(admin.create_topics(&topics, &AdminOptions::new()))?;
    for result in created {
        result.map_err(|(topic, code)| format!("create {topic}: {code}"))?;
    }
    Ok(())
}

/// Where each record went, by its number; a refused record is an error instead.
#[derive(Default)]
struct Deliveries(Mutex<BTreeMap<usize, std::result::Result<(i32, i64), KafkaError>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        let place = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().expect("no holder panics").insert(*number, place);
    }
}

fn produce(options: &Options) -> Result<()> {
    let producer: BaseProducer<Deliveries> = connection(options)?
        .set("acks", "all")
        .set("compression.type", options.get("codec")?)
        .set("enable.idempotence", options.get("idempotent")?)
        .set("message.timeout.ms", "30000")
        .create_with_context(Deliveries::default())?;
    for (number, record) in input(options.get("topic")?).enumerate() {
        let record = record?;
        let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref() })
        });
        let mut message: BaseRecord<'_, Vec<u8>, Vec<u8>, Box<usize>> =
            BaseRecord::with_opaque_to(&record.topic, Box::new(number))
                .partition(record.partition)
                .timestamp(record.timestamp)
                .headers(headers);
        message.key = record.key.as_ref();
        message.payload = record.value.as_ref();
        send(&producer, message)?;
    }
    producer.flush(Duration::from_secs(40))?;
    let deliveries = std::mem::take(&mut *producer.context().0.lock().expect("no holder panics"));
    for place in deliveries.into_values() {
        let (partition, offset) = place?;
        say(format_args!("{partition}\t{offset}"))?;
    }
    Ok(())
}

/// Sends one record; a full queue is drained first.
fn send(
    producer: &BaseProducer<Deliveries>,
    mut message: BaseRecord<'_, Vec<u8>, Vec<u8>, Box<usize>>,
) -> Result<()> {
    loop {
        match producer.send(message) {
            Ok(()) => {
                producer.poll(Duration::ZERO);
                return Ok(());
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                message = refused;
                producer.poll(Duration::from_millis(50));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

fn consume(options: &Options) -> Result<()> {
    let consumer: BaseConsumer = connection(options)?
        .set("group.id", "unused")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for (topic, count) in options.topics()? {
        for partition in 0..count {
            partitions.add_partition_offset(&topic, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&partitions)?;
    let mut progress = options.progress()?;
    loop {
        let polled = consumer.poll(Duration::from_millis(500)).transpose()?;
        if let Some(message) = &polled {
            say(received(message))?;
        }
        if progress.finished(usize::from(polled.is_some()))? {
            return Ok(());
        }
    }
}

struct AssignmentLog;

impl ClientContext for AssignmentLog {}

impl ConsumerContext for AssignmentLog {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (event, partitions) = match rebalance {
            Rebalance::Assign(partitions) => ("assigned", partitions),
            Rebalance::Revoke(partitions) => ("revoked", partitions),
            Rebalance::Error(error) => {
                eprintln!("rebalance failed: {error}");
                return;
            }
        };
        let numbers: Vec<String> =
            partitions.elements().iter().map(|element| element.partition().to_string()).collect();
        if let Err(closed) = say(format_args!("{event}\t{}", numbers.join(","))) {
            eprintln!("nobody listens: {closed}");
        }
    }
}

fn member(options: &Options) -> Result<()> {
    let consumer: BaseConsumer<AssignmentLog> = connection(options)?
        .set("group.id", options.get("group")?)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("enable.auto.offset.store", "false")
        .create_with_context(AssignmentLog)?;
    let leaving = Arc::new(AtomicBool::new(false));
    let leave = Arc::clone(&leaving);
    on_leave(move || leave.store(true, Ordering::Relaxed));
    consumer.subscribe(&[options.get("topic")?])?;
    let mut uncommitted = 0;
    while !leaving.load(Ordering::Relaxed) {
        let message = consumer.poll(Duration::from_millis(100)).transpose()?;
        if let Some(message) = &message {
            say(format_args!("record\t{}", received(message)))?;
            consumer.store_offset_from_message(message)?;
            uncommitted += 1;
        }
        if uncommitted == COMMIT_RECORDS || (message.is_none() && uncommitted > 0) {
            commit(&consumer)?;
            uncommitted = 0;
        }
    }
    drop(consumer);
    say("left")
}

/// Commits what was stored, which is what was printed.
fn commit(consumer: &BaseConsumer<AssignmentLog>) -> Result<()> {
    if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
        // The partitions moved on: whoever owns them now reads these records again.
        eprintln!("commit refused: {error}");
        return Ok(());
    }
    for element in consumer.position()?.elements() {
        if let Offset::Offset(offset) = element.offset() {
            say(format_args!("committed\t{}\t{offset}", element.partition()))?;
        }
    }
    Ok(())
}

fn received(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let pairs = headers.iter();
        pairs.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    Record {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}
