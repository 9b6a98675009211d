#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# first: what somebody meets who uses berth for the first time: help, typing errors, what the messages advise, the
# examples of README.md, the manual pages.
load helpers

SOURCE=$BATS_TEST_DIRNAME/../..

# ---- help -----------------------------------------------------------------------------------------------------------

@test "no argument, help: the same as --help" {
    local all
    succeeds "$BERTH" --help
    all=$output
    succeeds "$BERTH"
    same "$output$errors" "$all"
    succeeds berth
    same "$output$errors" "$all"
    succeeds berth help
    same "$output$errors" "$all"
    has "$all" "help "
    [ ! -e "$ROOT" ]
}

@test "help COMMAND: the same as COMMAND --help" {
    local command
    for command in $(commands) help; do
        succeeds berth "$command" --help
        same "$errors" ""
        same "$(berth help "$command")" "$output" "help $command"
    done
    refuses 'unknown command "craete"|did you mean "create"' berth help craete
    refuses 'unexpected argument "extra"' berth help run extra
}

# The commands that help lists, but for help itself.
commands() {
    "$BERTH" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help
}

# ---- typing errors --------------------------------------------------------------------------------------------------

@test "a misspelt command: the nearest one is named" {
    refuses 'unknown command "craete", did you mean "create"?' berth craete "$ID"
    refuses 'unknown command "Run", did you mean "run"?' berth Run "$ID"
    refuses 'unknown command "strat", did you mean "start"?' berth strat "$ID"
    refuses 'unknown command "del", did you mean "delete"?' berth del "$ID"
    refuses 'unknown command "frobnicate" (berth help lists them)' berth frobnicate
    lacks "$errors" "did you mean"
}

@test "a misspelt option: the nearest one is named, or where it belongs" {
    refuses 'unknown option --bundel, did you mean "--bundle"?' berth run --bundel "$T" "$ID"
    refuses 'unknown option --bundel=x, did you mean "--bundle"?' berth run --bundel=x "$ID"
    refuses 'unknown option -detahc, did you mean "--detach"?' berth run -detahc "$ID"
    refuses 'unknown option --rooot, did you mean "--root"?' "$BERTH" --rooot "$ROOT" list
    refuses 'unknown option --debug: it stands before the command' berth list --debug
    refuses 'unknown option --root=/x: it stands before the command' berth run --root=/x "$ID"
    refuses 'unknown option --frobnicate' berth list --frobnicate
    lacks "$errors" "did you mean"
}

@test "a misspelt word of the configuration: the nearest one is named" {
    make_bundle
    cp "$B/config.json" "$T/good"
    local filter word
    while read -r word filter; do
        cp "$T/good" "$B/config.json"
        config "$filter"
        refuses "unknown value|did you mean \"$word\"?" berth run --bundle "$B" "$ID"
    done <<'CASES'
SCMP_ACT_ERRNO .linux.seccomp = {defaultAction: "SCMP_ACT_ERRON"}
SCMP_ACT_ALLOW .linux.seccomp = {defaultAction: "ALLOW"}
SCMP_ARCH_X86_64 .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["x86_64"]}
SCMP_CMP_EQ .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_LOG", args: [{index: 0, value: 0, op: "EQ"}]}]}
network .linux.namespaces[0].type = "net"
mount .linux.namespaces[0].type = "mnt"
RLIMIT_NOFILE .process.rlimits = [{type: "NOFILE", soft: 1, hard: 1}]
rprivate .linux.rootfsPropagation = "rprvate"
LINUX32 .linux.personality = {domain: "linux32"}
CASES
    absent
}

@test "a misspelt capability, in the configuration and of exec, and a misspelt signal" {
    make_bundle
    config '.process.capabilities.bounding += ["NET_ADMIN", "CAP_SYS_ADMNI", "CAP_FROBNICATE"]'
    succeeds berth run --bundle "$B" "$ID"
    has "$errors" 'unknown capability "NET_ADMIN" ignored (config /process/capabilities/bounding/3), did you mean "CAP_NET_ADMIN"?'
    has "$errors" '"CAP_SYS_ADMNI" ignored (config /process/capabilities/bounding/4), did you mean "CAP_SYS_ADMIN"?'
    [[ $errors == *'"CAP_FROBNICATE" ignored (config /process/capabilities/bounding/5)' ]]
    config 'del(.process.capabilities)'
    begin_running
    exits 255 berth exec --cap CHOWN "$ID" true
    has "$errors" 'unknown capability "CHOWN", did you mean "CAP_CHOWN"?'
    refuses 'signal|"TREM"|did you mean "TERM"?' berth kill "$ID" TREM
}
