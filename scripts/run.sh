#!/usr/bin/env bash
# Builds the broker and starts it; arguments go to `thalweg start`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
exec cargo run --release --quiet --package thalweg-broker --bin thalweg -- start "$@"
