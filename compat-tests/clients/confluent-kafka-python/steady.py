"""Writing and following without an end, whatever happens: the commands that the faults use."""

import logging
import re
import threading

import contract
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

# Records that may wait for their acknowledgement.
WAITING_MAX = 2000

# A request that is not answered is given up before a broker that stands still goes on.
TIMEOUT_MS = 4000


def names_by_text():
    """The library logs an error's text; its name is shorter."""
    errors = (KafkaError(code) for code in range(-200, 140))
    return {error.str(): error.name() for error in errors}


class Watch(logging.Handler):
    """Reports the errors that the library deals with by itself: they are in its log only."""

    PATTERN = re.compile(r"encountered error: (.*?) \(actions")

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.names = names_by_text()

    def emit(self, record):
        for text in self.PATTERN.findall(record.getMessage()):
            contract.say("saw", self.names.get(text, text))

    def logger(self):
        logger = logging.Logger("librdkafka", logging.DEBUG)
        logger.addHandler(self)
        return logger


def saw(error):
    contract.say("saw", error.name())


class Writer:
    def __init__(self, options):
        settings = {
            "bootstrap.servers": options["bootstrap"],
            "acks": "all",
            "enable.idempotence": True,
            "request.timeout.ms": TIMEOUT_MS,
            "socket.timeout.ms": TIMEOUT_MS,
            "error_cb": saw,
            "debug": "msg",
        }
        self.producer = Producer(settings, logger=Watch().logger())
        self.topic = options["topic"]
        self.partitions = int(options["partitions"])
        self.waiting = 0

    def send(self, number):
        def told(error, message):
            self.waiting -= 1
            if error is not None:
                contract.say("failed", number, error.name())
            else:
                contract.say("acknowledged", number, message.partition(), message.offset())

        self.waiting += 1
        self.producer.produce(
            self.topic,
            partition=number % self.partitions,
            key=str(number).encode(),
            value=contract.steady_value(number),
            on_delivery=told,
        )


def write(options):
    leaving = threading.Event()
    contract.on_leave(leaving.set)
    writer = Writer(options)
    number = 0
    while not leaving.wait(0.05):
        for _ in range(10 if writer.waiting < WAITING_MAX else 0):
            writer.send(number)
            number += 1
        writer.producer.poll(0)
    writer.producer.flush(60)
    contract.say("sent", number)


def follow(options, received):
    settings = {
        "bootstrap.servers": options["bootstrap"],
        "group.id": options["group"],
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "socket.timeout.ms": TIMEOUT_MS,
        "check.crcs": True,
        "error_cb": saw,
    }
    leaving = threading.Event()
    contract.on_leave(leaving.set)
    consumer = Consumer(settings)
    consumer.subscribe([options["topic"]])
    while not leaving.is_set():
        positions = {}
        for message in consumer.consume(200, timeout=0.1):
            if message.error() is not None:
                saw(message.error())
                continue
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
        saw(error.args[0])
        return
    for partition in committed:
        if partition.error is None:
            contract.say("committed", partition.partition, partition.offset)
        else:
            saw(partition.error)
