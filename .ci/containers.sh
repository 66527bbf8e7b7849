#!/usr/bin/env bash
# Builds both images, runs docker-compose.yml with its simulated people until calls were answered and recorded, prints
# one line of figures, and leaves nothing behind but the cache (.ci/engine.sh).
#
# Exit 0 when it worked, and, with one loud line, when containers cannot be had here at all; 1 when they do not work.
# A registry out of reach is no obstacle on Debian: the base images are then made by mmdebstrap under the same names.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/engine.sh
. .ci/engine.sh

PREPARE_S=${ACD_CI_PREPARE_S:-200} # for all that is fetched and built
UP_S=90                            # until the daemon is ready
CALLS_S=60                         # until enough calls were answered and recorded
ANSWERED=3
RTP_PORTS=60
# service, its image's base, the Debian suite of that
IMAGES=("asterisk debian:forky-slim forky" "acd debian:bookworm-slim bookworm")
NO_BASE=3 # exit code

work="$(mktemp -d "${TMPDIR:-/tmp}/acd-ci.XXXXXX")"
project="acd-ci-$$"
tag="$project"
began=$SECONDS
up=""
imported=()

say() { printf 'containers: %s\n' "$*"; }

skip() {
    printf '\n*** CONTAINERS NOT TRIED: %s ***\n\n' "$*"
    exit 0
}

left_s() {
    local left=$((PREPARE_S - (SECONDS - began)))
    echo $((left > 1 ? left : 1))
}

# in_project SECONDS ARGUMENTS...
in_project() {
    local limit_s=$1
    shift
    timeout --kill-after=10 "$limit_s" "${COMPOSE[@]}" --project-name "$project" --project-directory "$work/tree" \
        --file "$work/tree/docker-compose.yml" --file "$work/override.yml" --profile demo "$@"
}

finish() {
    local code=$?
    trap - EXIT
    trap '' TERM INT HUP
    if [ -n "$up" ]; then
        [ "$code" = 0 ] || in_project 20 logs --tail=40 2>&1 | cut -c1-400 | tail -100 || true
        in_project 60 down --volumes --timeout 5 >/dev/null 2>&1 || true
    fi
    if [ "$ENGINE" = found ]; then
        docker image rm "acd:$tag" "acd-asterisk:$tag" "${imported[@]}" >/dev/null 2>&1 || true
    fi
    engine_down
    umount "$work"/engine/exec/netns/* 2>/dev/null || true
    rm -rf "$work"
    exit "$code"
}

# The host's answers to a mirror whose Release file is old.
apt_options() {
    local name value
    for name in Acquire::Check-Valid-Until Acquire::Check-Date; do
        value="$(apt-config dump --format '%v%n' "$name" 2>/dev/null || true)"
        [ -z "$value" ] || printf -- '-o %s=%s ' "$name" "$value"
    done
}

# base IMAGE SUITE: there already, from a registry, or made of Debian's packages.
base() {
    local suite=$2 name value options=()
    docker image inspect "$1" >/dev/null 2>&1 && return 0
    timeout 30 docker pull --quiet "$1" >/dev/null 2>&1 && return 0
    for name in Acquire::Check-Valid-Until Acquire::Check-Date Acquire::http::Proxy; do
        value="$(apt-config dump --format '%v%n' "$name" 2>/dev/null || true)"
        [ -z "$value" ] || options+=("--aptopt=$name \"$value\"")
    done
    timeout "$(left_s)" mmdebstrap --quiet --variant=apt "${options[@]}" --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$work/$suite.tar" ${ACD_DEBIAN_MIRROR:+"$ACD_DEBIAN_MIRROR"} \
        >"$work/base-$suite.log" 2>&1 || return 1
    docker import "$work/$suite.tar" "$1" >/dev/null && rm "$work/$suite.tar"
}

# What is built is a copy of the tree, so that nothing of this machine is left in it.
tree() {
    mkdir "$work/tree"
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null
    else
        tar -c --exclude=./.venv --exclude=./var .
    fi | tar -x -C "$work/tree"
    cp /usr/local/share/ca-certificates/*.crt "$work/tree/docker/ca/" 2>/dev/null || true
}

# A port (or COUNT in a row) that nobody has on loopback.
free_port() {
    python3 - "$1" "${2:-1}" <<'PYTHON'
import random, socket, sys

kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[1]]
count = int(sys.argv[2])
for _ in range(200):
    first = random.randrange(33_000, 60_000 - count, 2)
    held = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for offset, one in enumerate(held):
            one.bind(("127.0.0.1", first + offset))
    except OSError:
        continue
    finally:
        for one in held:
            one.close()
    print(first)
    break
PYTHON
}

settings() {
    local http sip rtp
    # The cache of our own engine holds one edition and the layers of the last days.
    [ "$ENGINE" = found ] || tag=ci
    token="$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')"
    http="$(free_port tcp)" sip="$(free_port udp)" rtp="$(free_port udp "$RTP_PORTS")"
    url="http://127.0.0.1:$http"
    export APT_OPTIONS PIP_INDEX_URL PIP_EXTRA_INDEX_URL
    APT_OPTIONS="$(apt_options)"
    # What pip finds in this machine's files it does not find in a container.
    [[ ${PIP_INDEX_URL:=$(python3 -m pip config get global.index-url 2>/dev/null || true)} == http* ]] || PIP_INDEX_URL=""
    [[ ${PIP_EXTRA_INDEX_URL:-} == http* ]] || PIP_EXTRA_INDEX_URL=""
    export ACD_TAG="$tag" ACD_PEOPLE_RATE_PER_S=0.5
    export ACD_HTTP_PUBLISH="127.0.0.1:$http" ACD_SIP_PUBLISH="127.0.0.1:$sip"
    export ACD_RTP_LAST=$((10000 + RTP_PORTS - 1)) ACD_RTP_PUBLISH="127.0.0.1:$rtp-$((rtp + RTP_PORTS - 1))"
    export ACD__TOKENS__0__NAME=ci ACD__TOKENS__0__ROLE=supervisor ACD__TOKENS__0__SHA256
    ACD__TOKENS__0__SHA256="$(printf %s "$token" | sha256sum | cut -d' ' -f1)"
    export COMPOSE_HTTP_TIMEOUT=120 DOCKER_CLIENT_TIMEOUT=120 DOCKER_BUILDKIT="${DOCKER_BUILDKIT:-0}"
    if [ "$ENGINE" = own ]; then
        printf 'services:\n  asterisk: {build: {network: host}}\n  acd: {build: {network: host}}\n'
    else
        printf 'services: {}\n'
    fi >"$work/override.yml"
}

# build SERVICE BASE SUITE
build() {
    base "$2" "$3" || return "$NO_BASE"
    in_project "$(left_s)" build "$1" >"$work/build-$1.log" 2>&1
}

# Both at once.
images() {
    local line name image suite builder code builders=() ended=()
    command -v mmdebstrap >/dev/null || packages mmdebstrap || true
    for line in "${IMAGES[@]}"; do
        read -r name image suite <<<"$line"
        docker image inspect "$image" >/dev/null 2>&1 || imported+=("$image")
        build "$name" "$image" "$suite" &
        builders+=("$name:$!")
    done
    # Wait for all before judging any: nothing may go on behind our back.
    for builder in "${builders[@]}"; do
        code=0
        wait "${builder#*:}" || code=$?
        ended+=("${builder%:*}:$code")
    done
    for builder in "${ended[@]}"; do
        case ${builder#*:} in
            0) ;;
            124) skip "the images could not be built within $PREPARE_S s" ;;
            "$NO_BASE") skip "a base image can neither be pulled nor made: $(tail -qn 1 "$work"/base-*.log | cut -c1-200)" ;;
            *)
                tail -30 "$work/build-${builder%:*}.log"
                say "the image ${builder%:*} cannot be built"
                exit 1
                ;;
        esac
    done
}

trap finish EXIT
trap 'exit 143' TERM INT HUP

engine_up "$work/engine" || skip "$ENGINE_PROBLEM"
tree
settings
images
built=$SECONDS
[ "$ENGINE" = found ] || docker image prune --force --filter until=72h >/dev/null 2>&1 || true
up=yes
in_project "$UP_S" up --detach >"$work/up.log" 2>&1 || { tail -20 "$work/up.log"; say "does not come up"; exit 1; }
if in_project 20 exec -T people python3 -c 'import socket; socket.create_connection(("asterisk-trunk", 5038), 3)' 2>/dev/null; then
    say "the manager port can be reached from the trunk's network"
    exit 1
fi
ready=$SECONDS
figures="$(timeout $((CALLS_S + 10)) python3 .ci/figures.py "$url" "$token" "$ANSWERED" "$CALLS_S")" || {
    say "calls were not answered and recorded: $figures"
    exit 1
}
say "$figures; engine $ENGINE, built in $((built - began)) s, ready in $((ready - built)) s, calls in $((SECONDS - ready)) s"
