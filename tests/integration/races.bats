#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# races: what a hostile image, volume or neighbour can do to a container while it is set up.
load helpers

prepare() {
    make_bundle
    config '.root.readonly = false'
}

# row DESTINATION TYPE SOURCE [OPTION...]: one more row of mounts[].
row() {
    config --arg d "$1" --arg t "$2" --arg s "$3" \
        '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' --args -- "${@:4}"
}

finish() {
    [ -z "${holder:-}" ] || kill "$holder"
}

# hold_lease FILE: a process that keeps others from opening it until the kernel takes the lease away (fcntl(2)).
hold_lease() {
    local line
    mkfifo "$T/leased"
    python3 - "$1" >"$T/leased" 3>&- 4>&- <<'PYTHON' &
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
signal.pause()
PYTHON
    holder=$!
    read -r line <"$T/leased"
    same "$line" leased
}

@test "an /etc/passwd that somebody has a lease on holds nobody up" {
    needs program:python3
    hold_lease "$B/rootfs/etc/passwd"
    # shellcheck disable=SC2016 # for the container
    shell 'echo $HOME'
    succeeds timeout 10 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" /
}

@test "renames that never stop do not keep a path from being resolved" {
    needs program:strace
    mkdir "$T/source"
    echo text >"$T/source/file"
    ln -s ../target "$B/rootfs/etc/link"
    row /etc/link bind "$T/source" bind
    payload cat /target/file
    inject openat2:error=EAGAIN # a rename while ".." is resolved (openat2(2))
    through=("${through[@]:0:${#through[@]}-1}" -P /etc/link --)
    succeeds timeout 10 "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" text
}
