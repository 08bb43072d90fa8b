#!/usr/bin/env bash
# Writes a web shop's events with one client, reads them with another, compares the hashes.
#   round_trip.sh [--bytes N] [--seed N] [--broker HOST:PORT] [--write kcat|thalweg] [--read kcat|thalweg]
# The defaults: 1 GiB, seed 1, localhost:9092, written by kcat, read by thalweg.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

bytes=$((1 << 30)) seed=1 broker=localhost:9092 write=kcat read=thalweg
while [ "$#" -gt 1 ]; do
    case "$1" in
        --bytes) bytes="$2" ;;
        --seed) seed="$2" ;;
        --broker) broker="$2" ;;
        --write) write="$2" ;;
        --read) read="$2" ;;
        *) break ;;
    esac
    shift 2
done
if [ "$#" -ne 0 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi

thalweg="${THALWEG:-$(command -v thalweg || echo "${CARGO_TARGET_DIR:-$here/../../target}/release/thalweg")}"
topic="webshop-$seed-$$"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

send() {
    case "$write" in
        kcat) kcat -P -b "$broker" -t "$topic" -p 0 -z lz4 -X enable.idempotence=true -X linger.ms=20 -X batch.size=1000000 ;;
        thalweg) "$thalweg" produce "$topic" -b "$broker" -p 0 -z lz4 ;;
        *) echo "no writer $write" >&2 && return 2 ;;
    esac
}
receive() {
    case "$read" in
        kcat) kcat -C -q -b "$broker" -t "$topic" -p 0 -o beginning -e -X fetch.message.max.bytes=8000000 ;;
        thalweg) "$thalweg" consume "$topic" -b "$broker" -p 0 --from-beginning ;;
        *) echo "no reader $read" >&2 && return 2 ;;
    esac
}

"$thalweg" topic create "$topic" -b "$broker" -p 1 >"$work/topic"
seconds="$SECONDS"
python3 "$here/events.py" --bytes "$bytes" --seed "$seed" --hash "$work/sent" | send
sent_in=$((SECONDS - seconds))
seconds="$SECONDS"
read -r found _ < <(receive | sha256sum)
read_in=$((SECONDS - seconds))
read -r hash count size <"$work/sent"

echo "$count events, $size bytes, written by $write in $sent_in s, read by $read in $read_in s"
if [ "$hash" != "$found" ]; then
    echo "topic $topic: sent $hash, read $found" >&2
    exit 1
fi
echo "same SHA-256: $hash"
"$thalweg" topic delete "$topic" -b "$broker" >/dev/null
