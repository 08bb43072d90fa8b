#!/usr/bin/env bash
# Installs what the tests need and runs all of them, as CI does.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
exec cargo xtask check "$@"
