# The Docker engine that the tests' containers run in: found or started, and left as it was. Sourced by ./dev, whose
# variables `state` and functions `say` and `die` it uses.

# One engine serves the whole machine. Whoever finds one uses it; one that was started here lives until the last
# ./dev that uses it ends: each holds a shared lock on engine_users (descriptor 9) meanwhile. Starting and stopping
# happen under engine_turn (descriptor 8).
engine_users=/run/twofold-dev-engine.users
engine_turn=/run/twofold-dev-engine.turn
engine_mark=/run/twofold-dev-engine.pid # written by whoever starts the engine
engine_held=

engine_answers() { timeout 10 docker info >/dev/null 2>&1; }

# Whether process id $1 lives and runs program $2: a stale pid file may name anybody.
runs_as() { [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# Takes away what a killed engine leaves, which would make the next one refuse to start.
engine_sweep() {
    local file
    for file in /var/run/docker.pid /var/run/docker/containerd/*.pid; do
        [ -e "$file" ] || continue
        runs_as "$(cat "$file")" dockerd || runs_as "$(cat "$file")" containerd || rm -f "$file"
    done
    # dockerd takes Debian's containerd for running when its socket exists, listened to or not.
    file=/run/containerd/containerd.sock
    [ ! -S $file ] || grep -q " $file\$" /proc/net/unix || rm -f $file
}

# For a second try: also mounts and the whole run-time folder.
engine_sweep_harder() {
    local mount
    awk '$2 ~ "^(/var)?/run/docker/|^/var/lib/docker/(overlay2|containers)/" { print $2 }' /proc/mounts | tac |
        while read -r mount; do umount -l "$mount" || true; done
    rm -rf /var/run/docker /var/run/docker.sock /var/run/docker.pid
}

engine_start() {
    [ "$(id -u)" -eq 0 ] ||
        die "no Docker engine answers; start one (sudo systemctl start docker) and join its group, or run ./dev as root"
    # No control groups, no containers. Init mounts them, where there is one.
    grep -q ' /sys/fs/cgroup' /proc/mounts || mount -t cgroup2 cgroup /sys/fs/cgroup
    say "starting a Docker engine (log: $state/dockerd.log)"
    engine_sweep
    # Deliberate: its own session, so that Ctrl-C reaches the containers through us and not the engine first.
    setsid dockerd --storage-driver overlay2 >>"$state/dockerd.log" 2>&1 8>&- 9>&- </dev/null &
    local pid=$! tries
    echo "$pid" >$engine_mark
    for tries in $(seq 150); do
        engine_answers && return 0
        runs_as "$pid" dockerd || [ "$tries" -lt 10 ] || break
        sleep 0.2
    done
    kill -TERM "$pid" 2>/dev/null && wait "$pid" || true
    rm -f $engine_mark
    return 1
}

need_engine() {
    [ -z "$engine_held" ] || return 0
    if [ "$(id -u)" -eq 0 ]; then
        exec 8>>$engine_turn 9>>$engine_users
        flock 8
        flock -s 9
    fi
    if ! engine_answers; then
        : >"$state/dockerd.log"
        engine_start || { engine_sweep_harder; engine_start; } || {
            tail -n 20 "$state/dockerd.log" >&2
            die "the Docker engine does not start; its whole log is in $state/dockerd.log"
        }
    fi
    [ "$(id -u)" -ne 0 ] || flock -u 8
    engine_held=1
    containers_sweep
}

# Removes containers of runs that have ended, and of this one when told so.
containers_sweep() {
    local id run
    docker ps --all --filter label=twofold.run --format '{{.ID}} {{.Label "twofold.run"}}' 2>/dev/null | while read -r id run; do
        if [ "$run" = "$$" ] && [ -n "${1:-}" ] || [ ! -d "/proc/$run" ]; then
            docker rm --force --volumes "$id" >/dev/null || true
        fi
    done || true # an engine that was ended meanwhile has no containers
}

engine_release() {
    [ -n "$engine_held" ] || return 0
    containers_sweep mine
    engine_held=
    [ "$(id -u)" -eq 0 ] || return 0
    flock 8
    [ -e $engine_mark ] && flock -n -x 9 || return 0
    local pid
    pid=$(cat $engine_mark)
    if runs_as "$pid" dockerd; then
        say "stopping the Docker engine"
        kill -TERM "$pid"
        while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.1; done
    fi
    rm -f $engine_mark
}
