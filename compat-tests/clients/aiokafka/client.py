"""The compatibility contract (compat-tests/README.md) for aiokafka."""

import asyncio
import sys

import aiokafka
import contract
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError


def version(_options):
    print(aiokafka.__version__)


async def create(options):
    admin = AIOKafkaAdminClient(bootstrap_servers=options["bootstrap"])
    await admin.start()
    try:
        topics = [NewTopic(name, partitions, 1) for name, partitions in options.topics]
        response = await admin.create_topics(topics)
        for topic, code, *rest in response.topic_errors:
            if code != 0:
                sys.exit(f"create {topic}: error {code} {rest}")
    finally:
        await admin.close()


async def records(topic):
    """Reading blocks: it happens in a thread, so that the sender runs beside it."""
    rest = b""
    while chunk := await asyncio.to_thread(sys.stdin.buffer.read1, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield contract.parse(topic, line.decode())


async def produce(options):
    producer = AIOKafkaProducer(
        bootstrap_servers=options["bootstrap"],
        acks="all",
        compression_type=None if options["codec"] == "none" else options["codec"],
        enable_idempotence=options.idempotent,
        linger_ms=5,
    )
    await producer.start()
    try:
        sent = []
        async for record in records(options["topic"]):
            sent.append(
                await producer.send(
                    record.topic,
                    value=record.value,
                    key=record.key,
                    headers=record.headers,
                    partition=record.partition,
                    timestamp_ms=record.timestamp,
                )
            )
        for future in sent:
            metadata = await asyncio.wait_for(future, 40)
            print(f"{metadata.partition}\t{metadata.offset}")
    finally:
        await producer.stop()


def received(message):
    return contract.Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        list(message.headers),
    )


async def consume(options):
    consumer = AIOKafkaConsumer(bootstrap_servers=options["bootstrap"], enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(name, p) for name, p in options.partitions]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        progress = contract.Progress(options)
        while True:
            batches = await consumer.getmany(timeout_ms=300, max_records=1000)
            messages = [message for batch in batches.values() for message in batch]
            for message in messages:
                print(received(message))
            if progress.finished(len(messages)):
                break
    finally:
        await consumer.stop()


class AssignmentLog(ConsumerRebalanceListener):
    async def on_partitions_assigned(self, assigned):
        contract.say_partitions("assigned", [p.partition for p in assigned])

    async def on_partitions_revoked(self, revoked):
        contract.say_partitions("revoked", [p.partition for p in revoked])


async def member(options):
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    contract.on_leave(lambda: loop.call_soon_threadsafe(leaving.set))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=options["bootstrap"],
        group_id=options["group"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )
    consumer.subscribe([options["topic"]], listener=AssignmentLog())
    await consumer.start()
    try:
        while not leaving.is_set():
            positions = {}
            batches = await consumer.getmany(timeout_ms=100, max_records=50)
            for partition, messages in batches.items():
                for message in messages:
                    contract.say("record", received(message))
                positions[partition] = messages[-1].offset + 1
            await commit(consumer, positions)
    finally:
        await consumer.stop()
    contract.say("left")


async def commit(consumer, positions):
    if not positions:
        return
    try:
        await consumer.commit(positions)
    except KafkaError as error:
        # The partitions moved on: whoever owns them now reads these records again.
        print(f"commit refused: {error!r}", file=sys.stderr)
        return
    for partition, offset in positions.items():
        contract.say("committed", partition.partition, offset)


def running(command):
    return lambda options: asyncio.run(command(options))


contract.run(
    version=version,
    create=running(create),
    produce=running(produce),
    consume=running(consume),
    member=running(member),
)
