"""The compatibility contract (compat-tests/README.md) for kcat."""

import os
import re
import signal
import subprocess
import sys
import threading

KEY_END = b"\x1dkey\x1d"
RECORD_END = b"\x1eend\x1e"
FORMAT = r"%p %o %T %K %S\n%k%s%h\n"


def escaped(delimiter):
    return "".join(f"\\x{byte:02x}" for byte in delimiter)


def unhex(field):
    return None if field == "-" else bytes.fromhex(field)


def tohex(data):
    return "-" if data is None else data.hex()


def version(_options):
    text = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Version (\S+) .*librdkafka (\S+)", text)
    print(f"{found[1]} (librdkafka {found[2]})")


def header_arguments(field):
    for header in filter(None, field.split(",")):
        name, value = header.split(":")
        name = bytes.fromhex(name).decode()
        yield "-H"
        yield name if value == "-" else f"{name}={bytes.fromhex(value).decode()}"


def produce(options):
    """One kcat for each partition: its headers and its partition are arguments, not input."""
    lines = [line.rstrip("\n").split("\t") for line in sys.stdin]
    for partition in sorted({int(fields[0]) for fields in lines}):
        mine = [fields for fields in lines if int(fields[0]) == partition]
        body = bytearray()
        for _, _, key, value, _ in mine:
            if (key_bytes := unhex(key)) is not None:
                body += key_bytes + KEY_END
            body += (unhex(value) or b"") + RECORD_END
        command = [
            "kcat", "-P", "-b", options["bootstrap"], "-t", options["topic"], "-p", str(partition),
            "-z", options["codec"], "-K", escaped(KEY_END), "-D", escaped(RECORD_END), "-Z",
            "-X", "acks=all", "-X", f"enable.idempotence={options['idempotent']}",
            "-X", "message.timeout.ms=30000", *header_arguments(mine[0][4]),
        ]  # fmt: skip
        subprocess.run(command, input=bytes(body), check=True)


def parse_headers(text):
    parts = []
    for header in filter(None, text.split(b",")):
        name, value = header.split(b"=", 1)
        parts.append(f"{name.hex()}:{'-' if value == b'NULL' else value.hex()}")
    return ",".join(parts)


def records(stream, topic):
    while line := stream.readline():
        partition, offset, timestamp, key_length, value_length = map(int, line.split())
        key = stream.read(key_length) if key_length >= 0 else None
        value = stream.read(value_length) if value_length >= 0 else None
        headers = parse_headers(stream.readline().rstrip(b"\n"))
        yield "\t".join(
            [topic, str(partition), str(offset), str(timestamp), tohex(key), tohex(value), headers]
        )


def consume(options):
    """kcat ends by itself at the end of every partition: the orchestrator counts."""
    for topic in options["topics"].split(","):
        name = topic.split(":")[0]
        command = ["kcat", "-C", "-b", options["bootstrap"], "-t", name, "-o", "beginning"]
        command += ["-e", "-q", "-f", FORMAT]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as kcat:
            for record in records(kcat.stdout, name):
                print(record)
        if kcat.returncode != 0:
            sys.exit(f"kcat ended with {kcat.returncode}")


def member(options):
    settings = ["auto.offset.reset=earliest", "auto.commit.interval.ms=200"]
    settings += ["session.timeout.ms=6000", "heartbeat.interval.ms=500"]
    command = ["kcat", "-b", options["bootstrap"], "-u", "-f", FORMAT]
    for setting in settings:
        command += ["-X", setting]
    command += ["-G", options["group"], options["topic"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as kcat:

        def leave_at_end_of_input():
            sys.stdin.read()
            kcat.send_signal(signal.SIGTERM)

        threading.Thread(target=leave_at_end_of_input, daemon=True).start()
        for record in records(kcat.stdout, options["topic"]):
            print(f"record\t{record}", flush=True)
    print("left", flush=True)
    os._exit(0)


if __name__ == "__main__":
    pairs = sys.argv[2:]
    arguments = {name[2:]: value for name, value in zip(pairs[::2], pairs[1::2])}
    commands = {"version": version, "produce": produce, "consume": consume, "member": member}
    commands[sys.argv[1]](arguments)
