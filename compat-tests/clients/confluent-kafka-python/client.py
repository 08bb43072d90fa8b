"""The compatibility contract (compat-tests/README.md) for confluent-kafka-python."""

import sys
import threading
import time

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def unhex(field):
    return None if field == "-" else bytes.fromhex(field)


def tohex(data):
    return "-" if data is None else data.hex()


def parse(line):
    partition, timestamp, key, value, headers = line.rstrip("\n").split("\t")
    pairs = [header.split(":") for header in filter(None, headers.split(","))]
    return {
        "partition": int(partition),
        "timestamp": int(timestamp),
        "key": unhex(key),
        "value": unhex(value),
        "headers": [(bytes.fromhex(name).decode(), unhex(data)) for name, data in pairs],
    }


def render(message):
    pairs = message.headers() or []
    headers = ",".join(f"{name.encode().hex()}:{tohex(data)}" for name, data in pairs)
    place = [message.topic(), str(message.partition()), str(message.offset())]
    body = [tohex(message.key()), tohex(message.value()), headers]
    return "\t".join([*place, str(message.timestamp()[1]), *body])


def shapes(options):
    pairs = [topic.split(":") for topic in options["topics"].split(",")]
    return [(name, int(partitions)) for name, partitions in pairs]


def version(_options):
    print(f"{confluent_kafka.version()} (librdkafka {confluent_kafka.libversion()[0]})")


def create(options):
    admin = AdminClient({"bootstrap.servers": options["bootstrap"]})
    topics = [NewTopic(name, partitions, 1) for name, partitions in shapes(options)]
    for created in admin.create_topics(topics, operation_timeout=10).values():
        created.result()


def produce(options):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "acks": "all",
        "compression.type": options["codec"],
        "enable.idempotence": options["idempotent"] == "true",
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

    for line in sys.stdin:
        reports.append(None)
        producer.produce(options["topic"], on_delivery=report_into(len(reports) - 1), **parse(line))
        producer.poll(0)
    if producer.flush(40) > 0:
        sys.exit("records were not delivered")
    for partition, offset in reports:
        print(f"{partition}\t{offset}")


def consume(options):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "group.id": "unused",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "check.crcs": True,
    }
    consumer = Consumer(settings)
    consumer.assign(
        [
            TopicPartition(name, partition, OFFSET_BEGINNING)
            for name, partitions in shapes(options)
            for partition in range(partitions)
        ]
    )
    expected = int(options["count"])
    deadline = time.monotonic() + int(options["timeout-s"])
    seen = 0
    while True:
        messages = consumer.consume(1000, timeout=0.3)
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            print(render(message))
        seen += len(messages)
        if seen >= expected and not messages:
            break
        if time.monotonic() > deadline:
            sys.exit(f"timed out with {seen} of {expected} records")
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
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()
    consumer = Consumer(settings)

    def log(event):
        def logged(_consumer, partitions):
            print(f"{event}\t{','.join(str(p.partition) for p in partitions)}", flush=True)

        return logged

    consumer.subscribe([options["topic"]], on_assign=log("assigned"), on_revoke=log("revoked"))
    while not leaving.is_set():
        positions = {}
        for message in consumer.consume(50, timeout=0.1):
            if message.error() is not None:
                raise KafkaException(message.error())
            print(f"record\t{render(message)}")
            positions[message.partition()] = message.offset() + 1
        sys.stdout.flush()
        commit(consumer, options["topic"], positions)
    consumer.close()
    print("left", flush=True)


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
            print(f"committed\t{partition.partition}\t{partition.offset}", flush=True)


if __name__ == "__main__":
    pairs = sys.argv[2:]
    arguments = {name[2:]: value for name, value in zip(pairs[::2], pairs[1::2])}
    commands = {
        "version": version,
        "create": create,
        "produce": produce,
        "consume": consume,
        "member": member,
    }
    commands[sys.argv[1]](arguments)
