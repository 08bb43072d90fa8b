"""The compatibility contract (compat-tests/README.md) for confluent-kafka-python."""

import sys
import threading

import confluent_kafka
import contract
import steady
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def version(_options):
    print(f"{confluent_kafka.version()} (librdkafka {confluent_kafka.libversion()[0]})")


def create(options):
    admin = AdminClient({"bootstrap.servers": options["bootstrap"]})
    topics = [NewTopic(name, partitions, 1) for name, partitions in options.topics]
    for created in admin.create_topics(topics, operation_timeout=10).values():
        created.result()


def produce(options):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "acks": "all",
        "compression.type": options["codec"],
        "enable.idempotence": options.idempotent,
        "message.timeout.ms": 30000,
        "queue.buffering.max.messages": 200000,
    }
    producer = Producer(settings)
    reports = []

    def report_into(index):
        def report(error, message):
            if error is not None:
                raise KafkaException(error)
            reports[index] = (message.partition(), message.offset())

        return report

    for record in options.records():
        reports.append(None)
        producer.produce(
            record.topic,
            partition=record.partition,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
            on_delivery=report_into(len(reports) - 1),
        )
        producer.poll(0)
    if producer.flush(40) > 0:
        sys.exit("records were not delivered")
    for partition, offset in reports:
        print(f"{partition}\t{offset}")


def received(message):
    if message.error() is not None:
        raise KafkaException(message.error())
    return contract.Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or [],
    )


def consume(options):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "group.id": "unused",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "check.crcs": True,
    }
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(name, p, OFFSET_BEGINNING) for name, p in options.partitions])
    progress = contract.Progress(options)
    while True:
        messages = consumer.consume(1000, timeout=0.3)
        for message in messages:
            print(received(message))
        if progress.finished(len(messages)):
            break
    consumer.close()


def member(options):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "group.id": options["group"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    }
    leaving = threading.Event()
    contract.on_leave(leaving.set)
    consumer = Consumer(settings)

    def log(event):
        def logged(_consumer, partitions):
            contract.say_partitions(event, [p.partition for p in partitions])

        return logged

    consumer.subscribe([options["topic"]], on_assign=log("assigned"), on_revoke=log("revoked"))
    while not leaving.is_set():
        positions = {}
        for message in consumer.consume(50, timeout=0.1):
            contract.say("record", received(message))
            positions[message.partition()] = message.offset() + 1
        commit(consumer, options["topic"], positions)
    consumer.close()
    contract.say("left")


def commit(consumer, topic, positions):
    if not positions:
        return
    offsets = [TopicPartition(topic, partition, offset) for partition, offset in positions.items()]
    try:
        committed = consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        # The partitions moved on: whoever owns them now reads these records again.
        print(f"commit refused: {error}", file=sys.stderr)
        return
    for partition in committed:
        if partition.error is None:
            contract.say("committed", partition.partition, partition.offset)


def follow(options):
    steady.follow(options, received)


contract.run(
    version=version,
    create=create,
    produce=produce,
    consume=consume,
    member=member,
    write=steady.write,
    follow=follow,
)
