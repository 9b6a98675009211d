# SPDX-License-Identifier: Apache-2.0
#
# Shared by the containerd lists: a containerd with root, state and socket of this run. Needs root and Debian's
# containerd, or BERTH_ENGINES=sid (see newest.bash).

# shellcheck source=tests/engines/setup.bash
source "${BASH_SOURCE[0]%/*}/setup.bash"
# shellcheck source=tests/engines/newest.bash
source "${BASH_SOURCE[0]%/*}/newest.bash"

# ctr ARGS...: in the namespace of this run, which is also the cgroup parent. CTR_NAMESPACE: another one, for a call.
# No call may hang the run; ctr would read the standard input of the test run.
ctr() {
    timeout --foreground 60 "$CTR" --address "$ENGINE_WORK/sock" --namespace "${CTR_NAMESPACE:-$ENGINE_MARK}" "$@"
}

# crun_flags: the arguments that make `ctr run` use the runtime under test. crun ARGS...: `ctr run` with them.
crun_flags() {
    printf '%s\n' --runc-binary "$ENGINE_RUNTIME" --runc-root "$ENGINE_WORK/runtime" --fifo-dir "$ENGINE_WORK/fifo"
}

crun() {
    local flags
    mapfile -t flags < <(crun_flags)
    ctr run "${flags[@]}" "$@" </dev/null
}

audit_state_paths() {
    compgen -G "$ENGINE_WORK/runtime/*/*" || true
    compgen -G "/run/containerd/runc/$ENGINE_MARK/*" || true
    compgen -G "$ENGINE_WORK/state/io.containerd.runtime.v2.task/*/*" || true
}

# Programs that a list needs besides containerd's, and the words in front of containerd's own command.
CONTAINERD_NEEDS=()
CONTAINERD_WRAP=()

# containerd_open: begins a list's run. containerd_start TABLES [LINES]: its daemon, with what the list wants in
# config.toml: tables, and lines for the beginning of the file. containerd_close: teardown_file.
containerd_open() {
    export CTR=/usr/bin/ctr
    if [ "${BERTH_ENGINES:-host}" = sid ]; then
        engines_choose containerd
        CTR=$(type -P ctr)
    fi
    engine_open "$CTR" containerd containerd-shim-runc-v2 "${CONTAINERD_NEEDS[@]}"
}

containerd_start() {
    # With some options (--uidmap, --no-pivot) ctr 1.6 forgets what --runc-binary and --runc-root said, and the shim
    # looks for `runc`. What it finds must be the runtime under test as well.
    mkdir "$ENGINE_WORK/path"
    ln -s "$ENGINE_RUNTIME" "$ENGINE_WORK/path/runc"
    cat >"$ENGINE_WORK/config.toml" <<END
version = 2
root = "$ENGINE_WORK/root"
state = "$ENGINE_WORK/state"
$2
[grpc]
  address = "$ENGINE_WORK/sock"
[ttrpc]
  address = "$ENGINE_WORK/sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "$ENGINE_WORK/opt"
$1
END
    containerd_again "${CONTAINERD_WRAP[@]}"
}

# containerd_again [WRAPPER...]: starts the daemon, the first time or once more.
containerd_again() {
    daemon_start containerd "$@" env PATH="$ENGINE_WORK/path:$PATH" containerd --config "$ENGINE_WORK/config.toml"
    daemon_ready containerd ctr version
}

containerd_close() {
    engine_opened || return 0
    daemon_stop containerd
    rmdir "/run/containerd/runc/$ENGINE_MARK" 2>/dev/null
    engine_close
}
