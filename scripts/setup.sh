#!/usr/bin/env bash
# Installs what is missing: `setup.sh build` what the broker needs, `setup.sh test` also what tests need.
set -euo pipefail

# command -> Debian package
build_needs=(cc:build-essential git:git)
test_needs=(python3:python3 java:openjdk-17-jre-headless mvn:maven kcat:kcat)

needs=("${build_needs[@]}")
case "${1:-test}" in
    build) ;;
    test) needs+=("${test_needs[@]}") ;;
    *)
        echo "usage: $0 [build|test]" >&2
        exit 2
        ;;
esac

if ! command -v cargo >/dev/null; then
    echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2
    exit 1
fi

missing=()
for need in "${needs[@]}"; do
    command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "Please install: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
