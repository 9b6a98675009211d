#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman: `podman container checkpoint` and `restore`, with the CRIU of tests/criu. Needs root.

source "${BATS_TEST_DIRNAME}/podman.bash"

setup_file() {
    podman_open python3
    engine_opened || return 0
    podman load -q -i "$(image_busybox)" >/dev/null
    CRIU_PATH=$("$BATS_TEST_DIRNAME/../criu" make 2>/dev/null) || true
    export CRIU_PATH
}

teardown_file() {
    podman_close
}

setup() {
    engine_test
    [ -n "$CRIU_PATH" ] || skip "no criu"
    PATH=$CRIU_PATH:$PATH
    criu check >/dev/null 2>&1 || skip "criu cannot work here"
}

teardown() {
    engine_opened || return 0
    podman_clear
    audit_end
}

# counter [OPTION...]: a container named box that counts in its memory, one more for each USR1, and says so.
counter() {
    prun -d --name box "$@" busybox:test sh -c \
        'count=0; trap "count=\$((count + 1)); echo \$count" USR1; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
}

# counts N: the next is N.
counts() {
    podman kill -s USR1 box >/dev/null
    wait_until 10 logged box "$1"
}

@test "podman container checkpoint and restore: it counts on" {
    counter
    counts 1
    counts 2
    run -0 podman container checkpoint box
    state_is box Status exited
    state_is box Checkpointed true
    run -0 podman container restore box
    state_is box Status running
    counts 3
    run -0 podman exec box true
}

@test "podman container checkpoint --leave-running" {
    counter
    counts 1
    run -0 podman container checkpoint --leave-running box
    state_is box Status running
    counts 2
}

@test "podman container checkpoint --export, restore --import under another name" {
    counter
    counts 1
    run -0 podman container checkpoint --export "$BATS_TEST_TMPDIR/box.tar.gz" box
    run -0 podman rm box
    run -0 podman container restore --import "$BATS_TEST_TMPDIR/box.tar.gz" --name box
    state_is box Status running
    counts 2
}
