#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# seccomp: filters by effect.
load helpers
load inside

prepare() {
    make_bundle
}

# seccomp JSON
seccomp() {
    config --argjson s "$1" '.linux.seccomp = $s'
}

# forbid ACTION NAME...: everything is allowed but these.
forbid() {
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
                              syscalls: [{names: $ARGS.positional[1:], action: $ARGS.positional[0]}]}' --args -- "$@"
}

# add_still: the program of still.c, as /bin/still.
add_still() {
    needs program:gcc
    gcc -O1 -Wall -Wextra -static -nostdlib -ffreestanding -fno-stack-protector -o "$B/rootfs/bin/still" \
        "$BATS_TEST_DIRNAME/still.c"
}

try_mkdir() {
    shell 'mkdir /made; echo status $?'
    succeeds berth run --bundle "$B" "$ID"
}

@test "errno: the default one, another one, none at all" {
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    try_mkdir
    same "$output" "status 1"
    has "$errors" "Operation not permitted"
    [ ! -e "$B/rootfs/made" ]
    config '.linux.seccomp.syscalls[0].errnoRet = 28'
    try_mkdir
    has "$errors" "No space left on device"
    config '.linux.seccomp.syscalls[0].errnoRet = 0'
    try_mkdir
    same "$output" "status 0"
    [ ! -e "$B/rootfs/made" ]
}

@test "kill, trap, log, trace, allow" {
    local action
    payload mkdir /made
    for action in SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD SCMP_ACT_TRAP; do
        forbid "$action" mkdir mkdirat
        # SIGSYS
        exits 159 berth run --bundle "$B" "$ID"
        [ ! -e "$B/rootfs/made" ]
    done
    forbid SCMP_ACT_TRACE mkdir mkdirat
    try_mkdir
    # No tracer: ENOSYS.
    has "$errors" "Function not implemented"
    forbid SCMP_ACT_LOG mkdir mkdirat
    try_mkdir
    same "$output" "status 0"
    [ -d "$B/rootfs/made" ]
}

@test "the status of the program: filter mode, one filter; none without the section" {
    forbid SCMP_ACT_ERRNO swapon
    payload cat /proc/self/status
    succeeds berth run --bundle "$B" "$ID"
    same "$(field Seccomp) $(field Seccomp_filters)" "2 1"
    config 'del(.linux.seccomp)'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field Seccomp)" 0
    # Nothing that it could filter: no difference which of the two it is.
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW"}'
    succeeds berth run --bundle "$B" "$ID"
}

@test "with and without noNewPrivileges, root and not: no capability is left over from loading it" {
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    local privileges uid
    for privileges in true false; do
        for uid in 0 1000; do
            config --argjson p "$privileges" --argjson uid "$uid" '.process.noNewPrivileges = $p | .process.user.uid = $uid'
            chmod 0777 "$B/rootfs/tmp"
            shell 'mkdir /tmp/made 2>/dev/null || echo refused; cat /proc/self/status'
            succeeds berth run --bundle "$B" "$ID"
            same "$(head -n 1 <<<"$output")" refused
            same "$(field NoNewPrivs)" "$([ "$privileges" = true ] && echo 1 || echo 0)"
            # audit_write, kill, net_bind_service
            same "$(field CapBnd)" 0000000020000420
            same "$(field CapPrm)$(field CapEff)" \
                "$([ "$uid" = 0 ] && echo 00000000200004200000000020000420 || echo 00000000000000000000000000000000)"
            same "$(field CapInh)$(field CapAmb)" 00000000000000000000000000000000
        done
    done
}

@test "an allow list by which only the program itself can live" {
    add_still
    payload /bin/still
    config '.process.noNewPrivileges = true'
    seccomp '{"defaultAction": "SCMP_ACT_KILL_PROCESS",
              "syscalls": [{"names": ["execve", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}'
    exits 42 berth run --bundle "$B" "$ID"
    same "$errors" ""
    # Created and started by two commands.
    begin
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    # With a user, groups, limits, a working directory, which all come before the filter.
    config '.process.user = {uid: 1000, gid: 1000, additionalGids: [5]} | .process.cwd = "/tmp"
            | .process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}]'
    exits 42 berth run --bundle "$B" "$ID"
    # The program's own calls are judged by it, too.
    # (What is newer than all that is listed is not there for it, see below: so list a newer one.)
    config '.linux.seccomp.syscalls[0].names = ["execve", "openat2"]'
    exits 159 berth run --bundle "$B" "$ID"
}

@test "without noNewPrivileges: what a runtime uses around the loading may be forbidden" {
    add_still
    payload /bin/still
    config '.process.noNewPrivileges = false'
    forbid SCMP_ACT_KILL_PROCESS getcwd close_range sendmsg recvmsg sendto recvfrom read write readv writev openat open \
        openat2 fcntl dup2 dup3 stat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents64 \
        setuid setgid setgroups setresuid setresgid setreuid setregid mount mount_setattr pivot_root umount2 unshare setns \
        clone clone3 fork vfork ioctl poll ppoll socket connect accept accept4 mmap munmap brk ptrace
    exits 42 berth run --bundle "$B" "$ID"
    same "$errors" ""
    begin
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
}

@test "calls that are newer than all that an allow list names are unknown to the program, not forbidden" {
    add_probe
    payload probe clone3 keyring
    succeeds berth run --bundle "$B" "$ID"
    same "$(field clone3)" "Invalid argument" "without a filter"
    # All that a static program uses; the newest of them is getrandom, of 2014.
    seccomp '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
        "arch_prctl", "brk", "execve", "exit", "exit_group", "fstat", "fstatat64", "futex", "getrandom", "ioctl", "mmap",
        "mprotect", "munmap", "newfstatat", "prlimit64", "readlink", "readlinkat", "rt_sigprocmask", "set_robust_list",
        "set_tid_address", "uname", "write"]}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field keyring)" "Operation not permitted" "an older one"
    same "$(field clone3)" "Function not implemented" "a newer one"
    # Where everything is allowed that is not listed, nothing is unknown.
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "names": ["read"], "args":
        [{"index": 0, "value": 999, "op": "SCMP_CMP_EQ"}]}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field clone3)" "Invalid argument"
}

@test "a filter that forbids the execve: start fails and says so, nothing is left" {
    forbid SCMP_ACT_ERRNO execve execveat
    exits 1 berth run --bundle "$B" "$ID"
    has "$errors" exec
    has "$errors" "peration not permitted"
    absent
    forbid SCMP_ACT_KILL_PROCESS execve execveat
    try berth run --bundle "$B" "$ID"
    [ "$status" -ne 0 ]
    absent
}

@test "a filter that forbids all, even exit_group: run fails at once, nothing is left" {
    seccomp '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["mkdir"]}]}'
    try timeout --foreground -s KILL 10 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    [ "$status" -ne 0 ] && [ "$status" -ne 137 ]
    absent
}

@test "names that are unknown are passed over" {
    forbid SCMP_ACT_ERRNO no_such_call mkdir mkdirat another_one
    try_mkdir
    same "$output" "status 1"
    forbid SCMP_ACT_ERRNO no_such_call
    try_mkdir
    same "$output" "status 0"
}

@test "calls of no machine but another are passed over" {
    # Of s390x, arm, mips; no x86-64 or arm64 has them.
    forbid SCMP_ACT_ERRNO s390_pci_mmio_read breakpoint sysmips mkdir mkdirat
    try_mkdir
    same "$output" "status 1"
}

@test "arguments: each comparison" {
    add_probe
    local op value two number expected answers
    while read -r op value two answers; do
        seccomp "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"personality\"],
                  \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 77,
                  \"args\": [{\"index\": 0, \"value\": $value, \"valueTwo\": $two, \"op\": \"SCMP_CMP_$op\"}]}]}"
        payload probe personality=4 personality=5 personality=6 personality=0x100000005
        # jq counts in doubles.
        sed -i 's/18446744073709552000/18446744073709551615/' "$B/config.json"
        succeeds berth run --bundle "$B" "$ID"
        local got=""
        for number in 4 5 6 0x100000005; do
            # 77 is EBADFD
            expected=$(field2 "personality $number")
            case $expected in
            done) got+=- ;;
            "File descriptor in bad state") got+=x ;;
            *) fail "personality $number: $expected" ;;
            esac
        done
        same "$got" "$answers" "$op $value $two for 4, 5, 6 and 2^32+5"
    done <<'TABLE'
EQ 5 0 -x--
NE 5 0 x-xx
LT 5 0 x---
LE 5 0 xx--
GE 5 0 -xxx
GT 5 0 --xx
MASKED_EQ 1 1 -x-x
MASKED_EQ 4294967295 5 -x-x
MASKED_EQ 18446744073709551615 5 -x--
EQ 4294967301 0 ---x
GT 4294967296 0 ---x
TABLE
}

# The value of a line "NAME: value" where NAME has a space.
field2() {
    sed -n "s/^$1: //p" <<<"$output"
}

@test "arguments: several indices must all match, several of one index any" {
    add_probe
    # The third argument is 1 and the second 2: both; of the fourth either 3 or 4.
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [
            {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 1, "op": "SCMP_CMP_EQ"}]},
        {"names": ["keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 78, "args": [
            {"index": 3, "value": 3, "op": "SCMP_CMP_EQ"}, {"index": 3, "value": 4, "op": "SCMP_CMP_EQ"}]}]}'
    payload probe arguments=0210 arguments=0220 arguments=0110 arguments=0003 arguments=0004 arguments=0005
    succeeds berth run --bundle "$B" "$ID"
    same "$(field2 "arguments 0210")" 77 "both match"
    same "$(field2 "arguments 0003")" 78 "the first of one index"
    same "$(field2 "arguments 0004")" 78 "the second of one index"
    local other
    for other in 0220 0110 0005; do
        [[ $(field2 "arguments $other") != 7[78] ]] || fail "arguments $other matched"
    done
}

@test "a call in several rules; a default action of errno with its number" {
    add_probe
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [{"index": 0, "value": 4, "op": "SCMP_CMP_EQ"}]},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}]},
        {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 6, "op": "SCMP_CMP_EQ"}]}]}'
    payload probe personality=4 personality=5 personality=6 personality=7
    succeeds berth run --bundle "$B" "$ID"
    same "$(field2 "personality 4")" "File descriptor in bad state"
    same "$(field2 "personality 5")" "No space left on device"
    same "$(field2 "personality 6")$(field2 "personality 7")" donedone
}

@test "the profile of an engine: hundreds of names, conditions; the shell works, the forbidden does not" {
    local profile=$BATS_TEST_DIRNAME/../bench/seccomp.json
    [ -r "$profile" ] || skip "no profile here"
    config --slurpfile p "$profile" '.linux.seccomp = ($p[0] | if .linux then .linux.seccomp else . end)'
    add_probe
    run_shell 'mkdir /made && ls -d /made; unshare true 2>&1; mount -t tmpfs t /tmp 2>&1; probe keyring; grep Seccomp: /proc/self/status'
    has "$output" /made
    same "$(field Seccomp)" 2
    has "$(field keyring)" "Operation not permitted"
}

@test "architectures, flags" {
    local machine other
    case $(uname -m) in
    x86_64) machine=SCMP_ARCH_X86_64 other=SCMP_ARCH_X86 ;;
    aarch64) machine=SCMP_ARCH_AARCH64 other=SCMP_ARCH_ARM ;;
    *) skip "the names of this machine's architectures are not known here" ;;
    esac
    local flags
    for flags in '[]' '["SECCOMP_FILTER_FLAG_LOG"]' '["SECCOMP_FILTER_FLAG_TSYNC"]' '["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]' \
        '["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]'; do
        forbid SCMP_ACT_ERRNO mkdir mkdirat
        config --arg m "$machine" --arg o "$other" --argjson f "$flags" \
            '.linux.seccomp.architectures = [$m, $o] | .linux.seccomp.flags = $f'
        try_mkdir
        same "$output" "status 1"
    done
    # Only a foreign one is listed: the machine's own is filtered all the same.
    config --arg o "$other" '.linux.seccomp.architectures = [$o] | del(.linux.seccomp.flags)'
    try_mkdir
    same "$output" "status 1"
}

@test "a program of 32 bits is filtered by the same names" {
    [ "$(uname -m)" = x86_64 ] || skip "needs x86-64"
    needs program:gcc
    # mkdir is 39 and exit 1 there.
    cat >"$T/small.c" <<'C'
void _start(void);
void _start(void) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(39), "b"("/made32"), "c"(0755) : "memory");
    __asm__ volatile("int $0x80" : : "a"(1), "b"(-result) : "memory");
}
C
    gcc -m32 -O1 -static -nostdlib -ffreestanding -fno-pic -fno-pie -no-pie -fno-stack-protector -o "$B/rootfs/bin/small" \
        "$T/small.c" 2>"$T/gcc.err" || skip "gcc cannot make programs of 32 bits: $(head -n 1 "$T/gcc.err")"
    payload /bin/small
    try berth run --bundle "$B" "$ID"
    [ -d "$B/rootfs/made32" ] || skip "the kernel does not run programs of 32 bits"
    rmdir "$B/rootfs/made32"
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]'
    exits 1 berth run --bundle "$B" "$ID"
    [ ! -e "$B/rootfs/made32" ]
    # Not listed: none of its calls is let through.
    config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
    try berth run --bundle "$B" "$ID"
    [ "$status" -ne 0 ]
    [ ! -e "$B/rootfs/made32" ]
}

@test "the cache: the second container has the same filter; a damaged entry does no harm" {
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    umask 0
    try_mkdir
    umask 022
    local first=$output$errors files
    files=$(find "$ROOT/.cache" -type f 2>/dev/null || true)
    [ -n "$files" ] || skip "filters are not cached"
    same "$(find "$ROOT/.cache" -perm /077)" "" "files of the cache that others may read or write"
    try_mkdir
    same "$output$errors" "$first"
    same "$(find "$ROOT/.cache" -type f)" "$files" "entries of the cache"
    # Another filter gets another entry and another effect.
    forbid SCMP_ACT_ERRNO rmdir unlinkat
    try_mkdir
    same "$output" "status 0"
    rmdir "$B/rootfs/made"
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    local file damage
    for damage in 'truncate -s 0' 'truncate -s 11' 'truncate -s 20' 'truncate -s 1M' 'dd status=none conv=notrunc if=/dev/zero bs=64 count=1 of=' \
        'dd status=none conv=notrunc if=/dev/urandom bs=64 count=1 seek=1 of=' 'chmod 0666' 'cp /etc/passwd' 'chown 1000'; do
        for file in $files; do
            case $damage in
            *of=) $damage"$file" ;;
            *) $damage "$file" ;;
            esac
        done
        try_mkdir
        same "$output$errors" "$first" "after $damage"
    done
    for file in $files; do
        rm "$file"
        ln -s /etc/passwd "$file"
    done
    try_mkdir
    same "$output$errors" "$first" "with links"
    has "$(cat /etc/passwd)" root:
}

@test "refused: NOTIFY, and all that means nothing, by name" {
    local word json
    while read -r word json; do
        seccomp "$json"
        refuses "/linux/seccomp|$word" berth create --bundle "$B" "$ID"
        absent
    done <<'TABLE'
NOTIFY {"defaultAction": "SCMP_ACT_NOTIFY"}
NOTIFY {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
defaultAction {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
defaultAction {"defaultAction": "SCMP_ACT_MAYBE"}
action {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"]}]}
action {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_MAYBE"}]}
names {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}
names {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}
architectures {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}
flags {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NO_SUCH"]}
defaultErrnoRet {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}
errnoRet {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 1}]}
op {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}]}]}
index {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
NOTIFY {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
listenerMetadata {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}
TABLE
}

# All that a static program uses, for allow lists.
bare='"arch_prctl", "brk", "execve", "exit", "exit_group", "fstat", "fstatat64", "futex", "getrandom", "ioctl", "mmap",
    "mprotect", "munmap", "newfstatat", "prlimit64", "readlink", "readlinkat", "rseq", "rt_sigprocmask",
    "set_robust_list", "set_tid_address", "uname", "write", "writev"'

# Since Linux 5.1 a new call has one number on all architectures (those of mips and x32 apart).
newest=(statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat
    removexattrat open_tree_attr file_getattr file_setattr listns rseq_slice_yield) # 457 to 471

# answered NUMBER: the errno value of the last run's `probe syscall=NUMBER`.
answered() {
    field2 "syscall $1"
}

@test "calls newer than the linked library: a rule that denies them denies" {
    add_probe
    local number
    forbid SCMP_ACT_ERRNO "${newest[@]}"
    config '.linux.seccomp.syscalls[0].errnoRet = 77'
    payload probe syscall={456..472}
    succeeds berth run --bundle "$B" "$ID"
    for number in {457..471}; do
        same "$(answered $number)" 77 "system call $number"
    done
    for number in 456 472; do
        [ "$(answered $number)" != 77 ] || fail "system call $number was not listed"
    done
    same "$errors" ""
    forbid SCMP_ACT_KILL_PROCESS mseal
    payload probe syscall=462
    exits 159 berth run --bundle "$B" "$ID"
}

@test "calls newer than the linked library: an allow list that names them allows, and ends with the newest" {
    add_probe
    seccomp "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 77, \"syscalls\": [
        {\"names\": [$bare, \"mseal\"], \"action\": \"SCMP_ACT_ALLOW\"}]}"
    payload probe syscall=462 syscall=461 syscall=463 syscall=100000
    succeeds berth run --bundle "$B" "$ID"
    [ "$(answered 462)" != 77 ] || fail "mseal is listed"
    same "$(answered 461)" 77 "older than the newest of the list"
    same "$(answered 463) $(answered 100000)" "38 38" "newer than the newest of the list"
    same "$errors" ""
}

@test "calls newer than the linked library: by argument" {
    add_probe
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mseal"], "action": "SCMP_ACT_ERRNO",
        "errnoRet": 77, "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}]}]}'
    payload probe syscall=462,5 syscall=462,6 syscall=462,0x100000005
    succeeds berth run --bundle "$B" "$ID"
    same "$(answered 462,5)" 77
    [ "$(answered 462,6)" != 77 ]
    [ "$(answered 462,0x100000005)" != 77 ]
}

@test "a name that nobody knows: one warning where it would restrict, each time; else a debug line" {
    forbid SCMP_ACT_ERRNO no_such_call mkdir mkdirat another_one
    local time
    for time in first second; do # the second filter comes from the cache
        try_mkdir
        same "$output" "status 1"
        same "$(grep -c warning <<<"$errors")" 1 "warnings, $time time"
        has "$errors" '/linux/seccomp/syscalls/0: "no_such_call", "another_one"'
    done
    # The rule does not restrict: said with --debug only.
    for time in first second; do
        seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["no_such_call"], "action": "SCMP_ACT_ALLOW"}, {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
        shell 'mkdir /made 2>/dev/null; echo status $?'
        succeeds berth run --bundle "$B" "$ID"
        same "$output" "status 1"
        same "$errors" ""
        succeeds berth --debug run --bundle "$B" "$ID"
        has "$errors" '/linux/seccomp/syscalls/0: "no_such_call"'
    done
}

@test "a name that nobody knows: refused where the annotation asks for it, also with a filter from the cache" {
    forbid SCMP_ACT_ERRNO no_such_call mkdir
    try_mkdir
    local value
    for value in 1 0 ""; do
        config --arg v "$value" '.annotations["run.oci.seccomp_fail_unknown_syscall"] = $v'
        refuses "no_such_call|/linux/seccomp/syscalls|run.oci.seccomp_fail_unknown_syscall" berth create --bundle "$B" "$ID"
        absent
    done
    config 'del(.linux.seccomp.syscalls[0].names[0])'
    try_mkdir
    same "$output" "status 1"
    forbid SCMP_ACT_ALLOW no_such_call
    config '.linux.seccomp.defaultAction = "SCMP_ACT_LOG"'
    refuses no_such_call berth create --bundle "$B" "$ID"
}

@test "the default profiles of engines, their newest names too: no warning" {
    local profile=$BATS_TEST_DIRNAME/../bench/seccomp.json
    [ -r "$profile" ] || skip "no profile here"
    config --slurpfile p "$profile" '.linux.seccomp = ($p[0] | if .linux then .linux.seccomp else . end)'
    # What the profiles of Docker, Podman and containerd (2025) name beyond that, for any architecture or capability.
    config '.linux.seccomp.syscalls += [{action: "SCMP_ACT_ALLOW", names: $ARGS.positional}]' --args -- \
        acct arm_fadvise64_64 arm_sync_file_range bdflush bpf breakpoint cacheflush cachestat clock_settime clock_settime64 \
        delete_module fanotify_init fchmodat2 finit_module fsconfig fsmount fsopen fspick futex_requeue futex_wait \
        futex_wake get_mempolicy getxattrat init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl listmount \
        listxattrat lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mbind \
        migrate_pages mount mount_setattr move_mount move_pages mseal name_to_handle_at nfsservctl nice oldfstat oldlstat \
        oldolduname oldstat olduname open_by_handle_at open_tree pciconfig_iobase pciconfig_read pciconfig_write \
        perf_event_open pidfd_getfd pivot_root pkey_alloc pkey_free pkey_mprotect process_madvise process_vm_readv \
        process_vm_writev query_module quotactl quotactl_fd reboot removexattrat riscv_flush_icache riscv_hwprobe \
        s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr set_mempolicy set_tls setdomainname sethostname setns \
        settimeofday setxattrat sgetmask signal ssetmask statmount stime swapcontext swapoff swapon sync_file_range2 \
        syscall sysfs syslog umount umount2 unshare uretprobe uselib userfaultfd ustat vhangup vm86 vm86old
    # Podman's has one call in two rules.
    config '.linux.seccomp.syscalls += [{action: "SCMP_ACT_ERRNO", errnoRet: 77, names: ["setns"]}]'
    local action
    for action in SCMP_ACT_ALLOW SCMP_ACT_KILL; do # as a list that forbids them, too
        config --arg a "$action" '.linux.seccomp.syscalls[-2].action = $a'
        run_shell 'echo well'
        same "$output $errors" "well "
    done
}

@test "rules with overlapping conditions: the strictest of those that hold decides, in any order" {
    add_probe
    seccomp '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["personality"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 4, "op": "SCMP_CMP_GE"}]},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}]},
        {"names": ["personality"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_GE"}]}]}'
    local order
    for order in 1 2; do
        payload probe personality=4 personality=5 personality=6
        succeeds berth run --bundle "$B" "$ID"
        same "$(field2 "personality 4")$(field2 "personality 5")$(field2 "personality 6")" \
            "doneFile descriptor in bad statedone"
        config '.linux.seccomp.syscalls |= reverse'
    done
}

@test "calls of x32 that is not listed: killed" {
    [ "$(uname -m)" = x86_64 ] || skip "needs x86-64"
    add_probe
    forbid SCMP_ACT_ERRNO mkdir
    config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
    payload probe syscall=0x40000027
    exits 159 berth run --bundle "$B" "$ID"
}

@test "many rules with conditions: answered at once, with the bound" {
    payload true
    rules() {
        config --argjson n "$1" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [range($n)
            | {names: ["swapon"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: (. * 3), op: "SCMP_CMP_EQ"}]}]}'
    }
    rules 20000
    refuses "8192|/linux/seccomp" timeout 5 "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    rules 8000
    refuses "4096|/linux/seccomp" timeout 5 "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    rules 3000
    succeeds timeout 5 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
}

@test "listenerPath without an action that notifies: of no use, and accepted" {
    forbid SCMP_ACT_ERRNO mkdir mkdirat
    config '.linux.seccomp.listenerPath = "/run/no-such-listener.sock" | .linux.seccomp.listenerMetadata = "x"'
    try_mkdir
    same "$output" "status 1"
    lacks "$errors" listenerPath
    succeeds berth --debug run --bundle "$B" "$ID"
    has "$errors" listenerPath
}
