#!/usr/bin/env bash
# Builds the image, runs it in a real engine, writes and reads inside and outside, restarts it, stops it.
#   docker/test.sh [BINARY]    without a static binary, `cargo xtask dist` makes one
# Installs Debian's docker.io and docker-compose if they are missing. Without a running engine it starts one of its own,
# with its own socket and data, and ends it again.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
missing=()
for need in dockerd:docker.io docker-compose:docker-compose; do
    command -v "${need%%:*}" >/dev/null || [ -x "/usr/sbin/${need%%:*}" ] || missing+=("${need##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" iptables
fi

work="$(mktemp -d)"
engine=""
compose=(docker-compose -f docker/compose.yaml -p thalweg-test)
export THALWEG_IMAGE=thalweg:test THALWEG_PORT="${THALWEG_PORT:-29793}"

finish() {
    local status=$?
    if [ "$status" -ne 0 ]; then
        "${compose[@]}" logs --tail 50 2>/dev/null || true
        [ -z "$engine" ] || tail -n 20 "$work/dockerd.log"
    fi
    "${compose[@]}" down --volumes >/dev/null 2>&1 || true
    if [ -n "$engine" ]; then
        "${as_root[@]}" kill "$engine" 2>/dev/null || true
        wait "$engine" 2>/dev/null || true
    fi
    "${as_root[@]}" rm -rf "$work"
    exit "$status"
}
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
    export DOCKER_HOST="unix://$work/docker.sock"
    "${as_root[@]}" dockerd --host "$DOCKER_HOST" --group "$(id -gn)" --data-root "$work/data" --exec-root "$work/run" \
        --pidfile "$work/pid" ${DOCKERD_FLAGS:-} >"$work/dockerd.log" 2>&1 &
    engine=$!
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && break
        kill -0 "$engine" || exit 1
        sleep 0.5
    done
    docker info --format 'engine {{.ServerVersion}}, storage {{.Driver}}'
fi

binary="${1:-$(cargo xtask dist | tail -n 1)}"
mkdir -p "$work/image/data"
cp "$binary" "$work/image/thalweg"
docker build -q -f docker/Dockerfile -t "$THALWEG_IMAGE" "$work/image"
echo "image: $(docker image inspect --format '{{.Size}}' "$THALWEG_IMAGE") bytes"

healthy() {
    local id
    id="$("${compose[@]}" ps -q thalweg)"
    for _ in $(seq 60); do
        [ "$(docker inspect --format '{{.State.Health.Status}}' "$id")" = healthy ] && return
        sleep 0.5
    done
    echo "the container is not healthy" >&2
    return 1
}
inside() { "${compose[@]}" exec -T thalweg /thalweg "$@"; }
outside() { "$work/image/thalweg" --bootstrap "localhost:$THALWEG_PORT" "$@"; }
expect() {
    if [ "$1" != "$2" ]; then
        printf 'expected:\n%s\nfound:\n%s\n' "$1" "$2" >&2
        return 1
    fi
}

"${compose[@]}" up -d
healthy
echo "written inside" | inside produce greetings
echo "written outside" | outside produce greetings
both=$'written inside\nwritten outside'
expect "$both" "$(inside consume greetings --from-beginning)"
expect "$both" "$(outside consume greetings --from-beginning)"
echo "written and read inside and outside"

"${compose[@]}" stop
id="$("${compose[@]}" ps -aq thalweg 2>/dev/null || "${compose[@]}" ps -q thalweg)"
expect 0 "$(docker inspect --format '{{.State.ExitCode}}' "$id")"
"${compose[@]}" start
healthy
expect "$both" "$(outside consume greetings --from-beginning)"
echo "stopped cleanly, started again, nothing is missing"

docker kill --signal KILL "$id" >/dev/null
"${compose[@]}" start
healthy
expect "$both" "$(outside consume greetings --from-beginning)"
echo "killed, started again, nothing is missing"
