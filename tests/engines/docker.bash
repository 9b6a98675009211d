# SPDX-License-Identifier: Apache-2.0
#
# Shared by the Docker lists: a dockerd (which brings a containerd of its own) with storage, state and socket of this
# run. Needs root and Debian's docker.io, or BERTH_ENGINES=sid (see newest.bash).

# shellcheck source=tests/engines/setup.bash
source "${BASH_SOURCE[0]%/*}/setup.bash"
# shellcheck source=tests/engines/newest.bash
source "${BASH_SOURCE[0]%/*}/newest.bash"

# No call may hang the run.
docker() {
    timeout --foreground 60 "$DOCKER" "$@"
}

# drun ARGS...: `docker run`, without network unless the arguments name one.
drun() {
    local flags=()
    [[ " $* " == *" --network "* ]] || flags+=(--network none)
    docker run "${flags[@]}" "$@"
}

# box ARGS...: a container named box that stays in the background until it is stopped; ready when this returns.
box() {
    drun -d --name box "$@" busybox:test \
        sh -c 'echo ready; trap "exit 0" TERM; while :; do sleep 60 & wait $!; done' >/dev/null
    wait_until 10 logged box ready
}

logged() {
    docker logs "$1" 2>&1 | grep -qx "$2"
}

# state_of CONTAINER FIELD
state_of() {
    docker inspect -f "{{.State.$2}}" "$1"
}

state_is() {
    [ "$(state_of "$1" "$2")" = "$3" ]
}

# all_caps: what --privileged gives: the host's capabilities as far as Docker has names for them. 20.10 has 38.
all_caps() {
    local mask=0x1ffffffffff
    [[ $(docker version -f '{{.Server.Version}}') != 20.* ]] || mask=0x3fffffffff
    echo $((0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status) & mask))
}

AUDIT_ENGINE_MOUNTS='/netns/default$' # the daemon's own network namespace; stays for as long as the daemon lives

# Docker gives every runtime this root, whatever the runtime's name.
audit_state_paths() {
    compgen -G "$ENGINE_WORK/docker*/exec/runtime-*/moby/*" || true
    compgen -G "$ENGINE_WORK/docker*/exec/containerd/daemon/io.containerd.runtime.v2.task/moby/*" || true
}

# dockerd_config: the lines that a person puts into /etc/docker/daemon.json to have Docker run everything with berth.
dockerd_config() {
    jq -n --arg path "$ENGINE_RUNTIME" '{ "runtimes": { "berth": { "path": $path } }, "default-runtime": "berth" }'
}

# dockerd_start NAME [WRAPPER... --] [OPTION...]: a daemon without network of its own, unless the options name a bridge.
# With DOCKER_SYSTEMD set, cgroups are made by systemd.
dockerd_start() {
    local name=$1 wrap=() cgroups=(--cgroup-parent "/$ENGINE_MARK")
    local network=(--bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false)
    shift
    if [[ " $* " == *" -- "* ]]; then
        while [ "$1" != -- ]; do wrap+=("$1"); shift; done
        shift
    fi
    [[ " $* " != *" --bip "* ]] || network=()
    [ -z "${DOCKER_SYSTEMD:-}" ] || cgroups=(--cgroup-parent "$ENGINE_MARK.slice" --exec-opt native.cgroupdriver=systemd)
    local dir=$ENGINE_WORK/$name
    mkdir -p "$dir"
    dockerd_config >"$dir.json"
    daemon_start "$name" "${wrap[@]}" dockerd --config-file "$dir.json" \
        --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" --host "unix://$dir/sock" \
        "${network[@]}" "${cgroups[@]}" "$@"
    daemon_ready "$name" docker --host "unix://$dir/sock" version
}

# Programs that a list needs besides Docker's.
DOCKER_NEEDS=()

# sid_only REASON: for what the host's Docker cannot do.
sid_only() {
    [ "${BERTH_ENGINES:-host}" = sid ] || skip "$1"
}

# docker_open [ARGS of dockerd_start...]: setup_file of a list. docker_close: its teardown_file.
docker_open() {
    # By path: on a host with Docker's own packages another client may come first.
    export DOCKER=/usr/bin/docker
    if [ "${BERTH_ENGINES:-host}" = sid ]; then
        engines_choose containerd docker.io docker-cli
        DOCKER=$(type -P docker)
    fi
    engine_open "$DOCKER" dockerd containerd containerd-shim-runc-v2 "${DOCKER_NEEDS[@]}"
    engine_opened || return 0
    export DOCKER_HOST="unix://$ENGINE_WORK/docker/sock" DOCKER_CONFIG="$ENGINE_WORK/client" DOCKER_BUILDKIT=0
    unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
    dockerd_start docker "$@"
    images_load docker load -q -i
}

docker_close() {
    engine_opened || return 0
    daemon_stop docker
    # The daemon leaves its network namespace mounted there.
    umount "$ENGINE_WORK"/docker*/exec/netns/default 2>/dev/null
    engine_close
}

remove_all() {
    docker ps -aq | xargs -r "$DOCKER" rm -f -v >/dev/null
}
