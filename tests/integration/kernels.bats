#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kernels: every command on a kernel that lacks a system call (ENOSYS), or below an outer filter that forbids it (EPERM).
load helpers

prepare() {
    needs root
    make_bundle
}

@test "without close_range no number is closed that is not open" {
    needs program:strace
    local error
    payload true
    for error in ENOSYS EPERM; do
        # With its reader strace ends: a failure is no flood.
        succeeds env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -e status=failed \
            -o "|head -n 1000 >'$T/failed'" -e trace=close,close_range -e inject="close_range:error=$error" -- \
            "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        grep -q 'close_range.*INJECTED' "$T/failed" || fail "close_range was not denied: $(head "$T/failed")"
        (($(grep -c 'close(.*EBADF' "$T/failed") < 100)) || fail "closed though not open: $(head "$T/failed")"
    done
}
