"""The part of the command line contract (compat-tests/README.md) that no Python library has a say in."""

import sys
import threading
import time
from dataclasses import dataclass


def unhex(field):
    return None if field == "-" else bytes.fromhex(field)


def tohex(data):
    return "-" if data is None else bytes(data).hex()


@dataclass
class Record:
    """One record line; None is Kafka's null."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    def __str__(self):
        headers = ",".join(f"{name.encode().hex()}:{tohex(data)}" for name, data in self.headers)
        place = [self.topic, str(self.partition), str(self.offset), str(self.timestamp)]
        return "\t".join([*place, tohex(self.key), tohex(self.value), headers])


def parse(topic, line):
    partition, timestamp, key, value, headers = line.rstrip("\n").split("\t")
    pairs = [header.split(":") for header in filter(None, headers.split(","))]
    headers = [(bytes.fromhex(name).decode(), unhex(data)) for name, data in pairs]
    return Record(topic, int(partition), -1, int(timestamp), unhex(key), unhex(value), headers)


class Options(dict):
    """The `--name value` pairs of the command line."""

    @property
    def idempotent(self):
        return self["idempotent"] == "true"

    @property
    def topics(self):
        pairs = [topic.split(":") for topic in self["topics"].split(",")]
        return [(name, int(partitions)) for name, partitions in pairs]

    @property
    def partitions(self):
        return [(name, p) for name, partitions in self.topics for p in range(partitions)]

    def records(self):
        return (parse(self["topic"], line) for line in sys.stdin)


class Progress:
    """Counts what a consumer read and tells when it may stop."""

    def __init__(self, options):
        self.expected = int(options["count"])
        self.deadline = time.monotonic() + int(options["timeout-s"])
        self.seen = 0

    def finished(self, count):
        """Whether a poll that brought `count` records was the last one needed."""
        self.seen += count
        if self.seen >= self.expected and count == 0:
            return True
        if time.monotonic() > self.deadline:
            sys.exit(f"timed out with {self.seen} of {self.expected} records")
        return False


def say(*fields):
    """Prints one event line at once: the orchestrator waits for it."""
    print("\t".join(map(str, fields)), flush=True)


def say_partitions(event, partitions):
    say(event, ",".join(map(str, partitions)))


def on_leave(leave):
    """Calls `leave` when the orchestrator closes standard input."""

    def watch():
        sys.stdin.read()
        leave()

    threading.Thread(target=watch, daemon=True).start()


def steady_value(number):
    """The value of a record that `write` sends, a pure function of its number."""
    return f"{number}:".encode() + bytes(97 + (number + i) % 26 for i in range(number * 7919 % 1500))


def run(**commands):
    pairs = sys.argv[2:]
    options = Options((name[2:], value) for name, value in zip(pairs[::2], pairs[1::2]))
    commands[sys.argv[1]](options)
