#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Labels: AppArmor profiles, SELinux labels of processes, files and keyrings, by create and by exec. Where a module is
# off, what asks for it is refused: nothing would enforce it.

load helpers

# A profile of this test's own that takes everything but writing below /tmp/locked.
prepare() {
    PROFILE=$MARK-profile
    make_bundle
    mkdir -p "$B/rootfs/tmp/locked"
}

load_profile() {
    needs apparmor program:apparmor_parser
    cat >"$T/profile" <<EOF
profile $PROFILE flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  signal,
  unix,
  ptrace,
  umount,
  mount,
  deny /tmp/locked/** w,
}
EOF
    apparmor_parser --replace --skip-cache "$T/profile"
}

# The profile stays as long as processes run under it.
finish() {
    [ ! -e "$T/profile" ] || apparmor_parser --remove "$T/profile"
}

# ---- AppArmor -------------------------------------------------------------------------------------------------------

@test "AppArmor: the payload runs confined, and only as far as the profile says" {
    load_profile
    config --arg p "$PROFILE" '.process.apparmorProfile = $p'
    run_shell 'cat /proc/self/attr/current; touch /tmp/free && echo free; touch /tmp/locked/x || echo locked'
    same "$output" "$PROFILE (enforce)"$'\n'free$'\n'locked
}

@test "AppArmor: with and without no_new_privs, as root and as another user" {
    load_profile
    local nnp uid
    for nnp in true false; do
        for uid in 0 1234; do
            config --arg p "$PROFILE" --argjson n "$nnp" --argjson u "$uid" \
                '.process.apparmorProfile = $p | .process.noNewPrivileges = $n | .process.user.uid = $u'
            run_shell 'cat /proc/self/attr/current'
            same "$output" "$PROFILE (enforce)" "no_new_privs $nnp, user $uid"
        done
    done
}

@test "AppArmor: hooks of the container are confined, those of the host are not" {
    load_profile
    printf '#!/bin/sh\ncat /proc/self/attr/current >%s/host-label\n' "$T" >"$T/host-hook"
    printf '#!/bin/sh\ncat /proc/self/attr/current >/tmp/hook-label\n' >"$B/rootfs/hook"
    chmod 0755 "$T/host-hook" "$B/rootfs/hook"
    config --arg p "$PROFILE" --arg h "$T/host-hook" '.process.apparmorProfile = $p |
        .hooks = {createRuntime: [{path: $h}], startContainer: [{path: "/hook"}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(<"$B/rootfs/tmp/hook-label")" "$PROFILE (enforce)"
    same "$(<"$T/host-label")" "$(cat /proc/self/attr/current)"
}

@test "AppArmor: exec is confined as the container, or as it asks" {
    load_profile
    config --arg p "$PROFILE" '.process.apparmorProfile = $p'
    begin_running
    succeeds berth exec "$ID" cat /proc/self/attr/current
    same "$output" "$PROFILE (enforce)"
    succeeds berth exec --apparmor unconfined "$ID" cat /proc/self/attr/current
    same "$output" unconfined
    jq '.process | .args = ["cat", "/proc/self/attr/current"] | del(.apparmorProfile)' "$B/config.json" >"$T/process.json"
    succeeds berth exec --process "$T/process.json" "$ID"
    same "$output" "$PROFILE (enforce)" "what a process file leaves out"
}

@test "AppArmor: exec confines in a container that is not" {
    load_profile
    begin_running
    succeeds berth exec --apparmor "$PROFILE" "$ID" cat /proc/self/attr/current
    same "$output" "$PROFILE (enforce)"
    succeeds berth exec "$ID" cat /proc/self/attr/current
    same "$output" unconfined
}

@test "AppArmor: in a user namespace" {
    load_profile
    needs userns
    chown -R 100000:100000 "$B/rootfs"
    config --arg p "$PROFILE" '.process.apparmorProfile = $p | .linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    run_shell 'cat /proc/self/attr/current'
    same "$output" "$PROFILE (enforce)"
}

@test "AppArmor: a profile that is not loaded is an error, and nothing is left" {
    needs apparmor
    config '.process.apparmorProfile = "no-such-profile-at-all"'
    refuses 'no-such-profile-at-all|is it loaded|/process/apparmorProfile|`/proc/self/attr/apparmor/exec`' \
        berth create --bundle "$B" "$ID"
    absent
    config 'del(.process.apparmorProfile)'
    begin_running
    exits 255 berth exec --apparmor no-such-profile-at-all "$ID" true
    has "$errors" "is it loaded"
}

@test "AppArmor: where it is off, a profile is refused by create and exec; unconfined and an empty one are none" {
    needs no-apparmor
    config '.process.apparmorProfile = "some-profile"'
    refuses 'apparmor|some-profile|off|/process/apparmorProfile' berth create --bundle "$B" "$ID"
    absent
    local none
    for none in unconfined ""; do
        config --arg p "$none" '.process.apparmorProfile = $p'
        succeeds berth run --bundle "$B" "$ID"
    done
    begin_running
    exits 255 berth exec --apparmor some-profile "$ID" true
    has "$errors" "AppArmor is off"
    succeeds berth exec --apparmor unconfined "$ID" true
    jq '.process | .args = ["true"] | .apparmorProfile = "some-profile"' "$B/config.json" >"$T/process.json"
    exits 255 berth exec --process "$T/process.json" "$ID"
    has "$errors" "AppArmor is off"
}

# ---- SELinux --------------------------------------------------------------------------------------------------------

@test "SELinux: where it is off, a process label is refused by create and exec, a mount label has no meaning" {
    needs no-selinux
    config '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
    refuses 'SELinux is off|system_u:system_r:container_t:s0|/process/selinuxLabel' berth create --bundle "$B" "$ID"
    absent
    config '.process.selinuxLabel = "" | .linux.mountLabel = "system_u:object_r:container_file_t:s0"'
    begin_running
    exits 255 berth exec --process-label system_u:system_r:container_t:s0 "$ID" true
    has "$errors" "SELinux is off"
    jq '.process | .args = ["true"] | .selinuxLabel = "u:r:t:s0"' "$B/config.json" >"$T/process.json"
    exits 255 berth exec --process "$T/process.json" "$ID"
    has "$errors" "SELinux is off"
}
