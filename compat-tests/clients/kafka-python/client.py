"""The compatibility contract (compat-tests/README.md) for kafka-python."""

import sys
import threading

import contract
import kafka
from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.admin import NewTopic
from kafka.errors import KafkaError


def version(_options):
    print(kafka.__version__)


def create(options):
    admin = KafkaAdminClient(bootstrap_servers=options["bootstrap"])
    admin.create_topics([NewTopic(name, partitions, 1) for name, partitions in options.topics])
    admin.close()


def produce(options):
    producer = KafkaProducer(
        bootstrap_servers=options["bootstrap"],
        acks="all",
        compression_type=None if options["codec"] == "none" else options["codec"],
        enable_idempotence=options.idempotent,
        linger_ms=5,
    )
    sent = [
        producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            headers=record.headers,
            partition=record.partition,
            timestamp_ms=record.timestamp,
        )
        for record in options.records()
    ]
    producer.flush(timeout=40)
    for future in sent:
        metadata = future.get(timeout=1)
        print(f"{metadata.partition}\t{metadata.offset}")
    producer.close()


def received(message):
    return contract.Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        message.headers or [],
    )


def consume(options):
    consumer = KafkaConsumer(bootstrap_servers=options["bootstrap"], enable_auto_commit=False)
    partitions = [TopicPartition(name, p) for name, p in options.partitions]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    progress = contract.Progress(options)
    while True:
        batches = consumer.poll(timeout_ms=300, max_records=1000)
        messages = [message for batch in batches.values() for message in batch]
        for message in messages:
            print(received(message))
        if progress.finished(len(messages)):
            break
    consumer.close()


class AssignmentLog(ConsumerRebalanceListener):
    def on_partitions_assigned(self, assigned):
        contract.say_partitions("assigned", [p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        contract.say_partitions("revoked", [p.partition for p in revoked])


def member(options):
    consumer = KafkaConsumer(
        bootstrap_servers=options["bootstrap"],
        group_id=options["group"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )
    leaving = threading.Event()
    contract.on_leave(leaving.set)
    consumer.subscribe([options["topic"]], listener=AssignmentLog())
    while not leaving.is_set():
        positions = {}
        for partition, messages in consumer.poll(timeout_ms=100, max_records=50).items():
            for message in messages:
                contract.say("record", received(message))
            positions[partition] = OffsetAndMetadata(messages[-1].offset + 1, "", -1)
        commit(consumer, positions)
    consumer.close()
    contract.say("left")


def commit(consumer, positions):
    if not positions:
        return
    try:
        consumer.commit(positions)
    except KafkaError as error:
        # The partitions moved on: whoever owns them now reads these records again.
        print(f"commit refused: {error!r}", file=sys.stderr)
        return
    for partition, position in positions.items():
        contract.say("committed", partition.partition, position.offset)


contract.run(version=version, create=create, produce=produce, consume=consume, member=member)
