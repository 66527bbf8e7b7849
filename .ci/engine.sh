# shellcheck shell=bash disable=SC2034
# A Docker engine for .ci/containers.sh: the one that answers, or one of our own that is gone afterwards.
#
# Our own keeps its images in the user's cache, so that a second run is fast; everything else (socket, process ids, run
# time state) is in a directory that the caller removes. It says in ENGINE what it is: `found` or `own`.

ENGINE=""
DOCKERD_PID=""
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/acd"
APT=(apt-get -qq -y -o DPkg::Lock::Timeout=60 -o Dpkg::Use-Pty=0)

engine_answers() { timeout 10 docker info --format '{{.ServerVersion}}' >/dev/null 2>&1; }

# packages NAME...: Debian's packages, when we may install any.
packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    timeout 120 "${APT[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    timeout 60 "${APT[@]}" update >/dev/null 2>&1 || true
    timeout 120 "${APT[@]}" install --no-install-recommends "$@" >/dev/null 2>&1
}

# Compose v2 when docker has it, else docker-compose; in COMPOSE.
compose_present() {
    if docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose)
    elif command -v docker-compose >/dev/null; then
        COMPOSE=(docker-compose)
    else
        return 1
    fi
}

# engine_up DIRECTORY: make `docker` and "${COMPOSE[@]}" work; 1 when that cannot be, with the reason in ENGINE_PROBLEM.
engine_up() {
    ENGINE_PROBLEM="no Docker engine answers, and only root can start one"
    if engine_answers; then
        ENGINE=found
    else
        [ "$(id -u)" = 0 ] || return 1
        ENGINE_PROBLEM="docker.io cannot be installed"
        command -v dockerd >/dev/null || packages docker.io docker-compose || return 1
        # Installing it may have started it.
        if engine_answers; then ENGINE=found; else _engine_own "$1" || return 1; fi
    fi
    ENGINE_PROBLEM="docker-compose cannot be installed"
    compose_present || { packages docker-compose && compose_present; } || return 1
}

_engine_own() {
    local storage
    _note_network
    mkdir -p "$CACHE" "$1"
    ENGINE_ROOT="$CACHE/docker"
    exec 9>"$CACHE/docker.lock"
    # Somebody else is using the cache: do without.
    flock --nonblock 9 || ENGINE_ROOT="$1/data"
    for storage in overlay2 vfs; do
        _engine_start "$1" "$storage" && return 0
    done
    ENGINE_PROBLEM="dockerd does not start: $(grep -iE 'level=(fatal|error)|failed' "$1/dockerd.log" | tail -1 | cut -c1-300)"
    return 1
}

# The bridge of one's own networks is all that is needed; images are built in the machine's network.
_engine_start() {
    export DOCKER_HOST="unix://$1/docker.sock"
    setsid dockerd --host "$DOCKER_HOST" --data-root "$ENGINE_ROOT" --exec-root "$1/exec" --pidfile "$1/docker.pid" \
        --storage-driver "$2" --bridge none --userland-proxy=false >"$1/dockerd.log" 2>&1 9>&- &
    DOCKERD_PID=$!
    ENGINE=own
    for _ in $(seq 100); do
        engine_answers && return 0
        kill -0 "$DOCKERD_PID" 2>/dev/null || break
        sleep 0.2
    done
    engine_down
    return 1
}

# engine_down: end our own engine, and take back what it did to the machine's network.
engine_down() {
    [ "$ENGINE" = own ] || return 0
    ENGINE=""
    kill "$DOCKERD_PID" 2>/dev/null || true
    for _ in $(seq 75); do
        kill -0 "$DOCKERD_PID" 2>/dev/null || break
        sleep 0.2
    done
    kill -KILL "$DOCKERD_PID" 2>/dev/null || true
    wait "$DOCKERD_PID" 2>/dev/null || true
    _restore_network
}

_note_network() {
    FORWARDING="$(cat /proc/sys/net/ipv4/ip_forward 2>/dev/null || true)"
    RULES="$(iptables-save 2>/dev/null || true)"
    RULES6="$(ip6tables-save 2>/dev/null || true)"
}

_restore_network() {
    _restore_rules iptables "$RULES"
    _restore_rules ip6tables "$RULES6"
    [ -z "$FORWARDING" ] || echo "$FORWARDING" >/proc/sys/net/ipv4/ip_forward 2>/dev/null || true
    rmdir /sys/fs/cgroup/*/docker /sys/fs/cgroup/docker 2>/dev/null || true
}

# _restore_rules COMMAND RULES: no rules at all cannot be restored from a file of none, so they are flushed.
_restore_rules() {
    local table
    command -v "$1" >/dev/null || return 0
    if [ -n "$2" ]; then
        printf '%s\n' "$2" | "$1-restore" 2>/dev/null || true
        return 0
    fi
    for table in $("$1-save" 2>/dev/null | sed -n 's/^\*//p'); do
        "$1" -t "$table" -F || true
        "$1" -t "$table" -X || true
        [ "$table" != filter ] || "$1" -P FORWARD ACCEPT || true
    done
}
