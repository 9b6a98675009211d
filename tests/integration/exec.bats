#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec: a second program in a running container: what it is given, where it lands, and what it must not bring along.
# Terminals, streams, signals and odd callers: exec_stdio.bats.
load helpers
load inside

KINDS='pid net ipc uts mnt cgroup user time pid_for_children time_for_children'

prepare() {
    make_bundle
}

exec_driver() {
    python3 "$BATS_TEST_DIRNAME/exec.py" "$@"
}

# The same in the background; $job is the process itself, not a shell.
exec_job() {
    python3 "$BATS_TEST_DIRNAME/exec.py" "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
}

# begin_with [FILTER]: a running container, its configuration changed by the filter.
begin_with() {
    [ $# -eq 0 ] || config "$@"
    begin_running
}

# inside WORD...: runs a program in the container, exit status 0; $output is what it has printed.
inside() {
    succeeds berth exec "$ID" "$@"
}

# one_error TEXT COMMAND: the last command has printed nothing but one line of the runtime that has TEXT.
one_error() {
    local text=$1 part parts
    shift
    [ ! -s "$T/stdout" ] || tell_last "expected no output of: $*" || return 1
    mapfile -t parts <"$T/stderr"
    [ "${#parts[@]}" -eq 1 ] || tell_last "expected exactly one line on standard error of: $*" || return 1
    [[ $errors == "berth: "* ]] || tell_last "the error does not begin with \"berth: \"" || return 1
    IFS='|' read -ra parts <<<"$text"
    for part in "${parts[@]}"; do
        [[ ${errors,,} == *"${part,,}"* ]] || tell_last "expected \"$part\" in the error of: $*" || return 1
    done
}

# exec_refuses TEXT COMMAND...: the runtime itself fails: exit status 255, no output, one line that has TEXT (substrings
# in capital or small letters, separated by '|').
exec_refuses() {
    exits 255 "${@:2}" || return 1
    one_error "$@"
}

# A command line that makes no sense: exit status 1 as of any command, or that of exec.
misuse() {
    try "${@:2}"
    [ "$status" -eq 1 ] || [ "$status" -eq 255 ] || tell_last "expected exit status 1 or 255 of: ${*:2}" || return 1
    one_error "$@"
}

# background NAME [OPTION...] -- WORD...: a detached program; sets $pid, its number on the host.
background() {
    local file=$T/$1.pid options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    succeeds berth exec --detach --pid-file "$file" "${options[@]}" "$ID" "$@" || return 1
    pid=$(cat "$file")
}

# host_status FIELD [PID]: of a process, as the host sees it.
host_status() {
    field "$1" "$(cat "/proc/${2:-$pid}/status")"
}

freezer_file() {
    if is_cgroup2; then
        echo "$(cgroup_dir freezer)/cgroup.freeze 1 0 cgroup.events"
    else
        echo "$(cgroup_dir freezer)/freezer.state FROZEN THAWED freezer.state"
    fi
}

is_frozen() {
    local file events
    read -r file _ _ events <<<"$(freezer_file)"
    grep -qxE 'FROZEN|frozen 1' "${file%/*}/$events"
}

freeze() {
    local file word
    read -r file word _ _ <<<"$(freezer_file)"
    echo "$word" >"$file"
    eventually is_frozen
}

thaw() {
    local file word
    read -r file _ word _ <<<"$(freezer_file)"
    echo "$word" >"$file"
}

init_pid() {
    state_of "$ID" pid
}

# ---- the command line -----------------------------------------------------------------------------------------------

@test "the program gets its arguments to the byte, its output and its exit status come back" {
    begin_with
    inside printf '<%s>\n' one '' 'two words' $'line\nline' '$HOME' '*' 'é"\' -n
    same "$output" $'<one>\n<>\n<two words>\n<line\nline>\n<$HOME>\n<*>\n<é"\\>\n<-n>'
    same "$errors" ""
    local code
    for code in 0 1 2 7 127 254 255; do
        exits "$code" berth exec "$ID" sh -c "exit $code"
        same "$output$errors" "" "what is printed with status $code"
    done
    for code in 1 9 11 15 34; do
        exits $((128 + code)) berth exec "$ID" sh -c "kill -$code \$\$"
        same "$output$errors" "" "what is printed at signal $code"
    done
    same "$(state_of)" running
}

@test "the first positional ends the options; -- ends them, too" {
    begin_with
    inside echo -d --tty -e A=1 --cwd /tmp --help
    same "$output" "-d --tty -e A=1 --cwd /tmp --help"
    succeeds berth exec -- "$ID" echo -- --
    same "$output" "-- --"
}

@test "misuse: no container, no program, unknown options, options without a value" {
    begin_with
    misuse "" berth exec
    misuse "" berth exec "$ID"
    misuse "frobnicate" berth exec --frobnicate "$ID" true
    misuse "cwd" berth exec --cwd
    misuse "" berth exec --process "$T/no-such-file"
    has "$(berth exec --help)" --ignore-paused
}

@test "--help names every option" {
    local option
    succeeds berth exec --help
    for option in process detach pid-file console-socket tty env cwd user cap process-label apparmor no-new-privs \
        preserve-fds cgroup ignore-paused pidfd-socket additional-gids; do
        has "$output" "--$option" help
    done
}

@test "an empty name of a program, and one that is not there: said, in words that engines look for" {
    begin_with
    exec_refuses "" berth exec "$ID" ""
    exec_refuses 'exec: "frobnicate"|executable file not found in $PATH' berth exec "$ID" frobnicate
    exec_refuses 'exec: "/no/such"|no such file or directory' berth exec "$ID" /no/such
    exec_refuses 'exec: "./true"|no such file or directory' berth exec "$ID" ./true
    exec_refuses 'exec: "/etc"|directory' berth exec "$ID" /etc
    exec_refuses 'exec: "/etc/passwd"|permission denied' berth exec "$ID" /etc/passwd
    exec_refuses 'exec: "/etc/passwd/x"|not a directory' berth exec "$ID" /etc/passwd/x
    # The container does not mind.
    inside true
    same "$(state_of)" running
}

@test "a missing interpreter, a DOS line end, and what is no program" {
    begin_with
    printf '#!/usr/bin/none\necho hi\n' >"$B/rootfs/bin/script"
    printf '#!/bin/sh\r\necho hi\r\n' >"$B/rootfs/bin/dos"
    printf 'just some text\n' >"$B/rootfs/bin/text"
    printf '\177ELF\2\1\1not really' >"$B/rootfs/bin/broken"
    : >"$B/rootfs/bin/empty"
    chmod 755 "$B/rootfs/bin/"{script,dos,text,broken,empty}
    local name
    for name in '' /bin/; do
        exec_refuses "exec: \"|script\"|interpreter|/usr/bin/none" berth exec "$ID" "${name}script"
        exec_refuses "exec: \"|dos\"|#!|carriage return" berth exec "$ID" "${name}dos"
        exec_refuses "exec: \"|text\"|exec format error" berth exec "$ID" "${name}text"
        exec_refuses "exec: \"|broken\"|exec format error" berth exec "$ID" "${name}broken"
        exec_refuses "exec: \"|empty\"|exec format error" berth exec "$ID" "${name}empty"
    done
}

@test "a failure is one line in the log, as JSON; success is none" {
    begin_with
    succeeds berth --log "$T/log" --log-format json exec "$ID" true
    [ ! -s "$T/log" ] || fail "the log: $(cat "$T/log")"
    exits 3 berth --log "$T/log" --log-format json exec "$ID" sh -c 'exit 3'
    [ ! -s "$T/log" ] || fail "the log: $(cat "$T/log")"
    local words
    while read -r words; do
        rm -f "$T/log"
        # shellcheck disable=SC2086
        exits 255 berth --log "$T/log" --log-format json exec $words
        same "$(wc -l <"$T/log")" 1 "lines in the log of: exec $words"
        same "$(jq -r 'select((.msg | length > 0) and (.time | length > 0)) | .level' "$T/log")" error
        date -d "$(jq -r .time "$T/log")" >/dev/null
    done <<TABLE
$ID frobnicate
$ID /etc
--cwd /nowhere $ID true
--user x $ID true
${MARK}none true
TABLE
}

# ---- states ---------------------------------------------------------------------------------------------------------

@test "a container that does not exist, or not any more, and names that are none" {
    exec_refuses "container does not exist|${MARK}none" berth exec "${MARK}none" true
    exec_refuses "container does not exist" berth exec --detach --pid-file "$T/pid" "${MARK}none" true
    [ ! -e "$T/pid" ]
    begin_with
    succeeds berth delete --force "$ID"
    exec_refuses "container does not exist" berth exec "$ID" true
    local name
    for name in .. . a/b ../state 'a b' $'a\nb'; do
        exits 255 berth exec "$name" true
    done
}

@test "a stopped container" {
    begin_stopped
    exec_refuses "cannot exec in a stopped container" berth exec "$ID" true
    exec_refuses "cannot exec in a stopped container" berth exec --ignore-paused "$ID" true
    same "$(state_of)" stopped
}

@test "a created container: the program runs, and start still starts what waits" {
    long_running
    begin
    inside sh -c 'readlink /proc/self/ns/mnt; echo from exec >/made'
    same "$output" "$(readlink "/proc/$(init_pid)/ns/mnt")"
    same "$(state_of)" created
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(cat "$B/rootfs/made")" "from exec"
}

@test "a paused container: refused, unless --ignore-paused" {
    begin_with
    freeze
    exec_refuses "cannot exec in a paused container (use --ignore-paused to override)" \
        timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec "$ID" touch /made
    exec_refuses "cannot exec in a paused container" \
        timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/pid" "$ID" touch /made
    [ ! -e "$T/pid" ]
    is_frozen
    thaw
    inside true
    [ ! -e "$B/rootfs/made" ]
    freeze
    in_background exec --ignore-paused "$ID" sh -c 'echo thawed; exit 5'
    # It is there, and frozen with the others: process 1, its sleep, and this one.
    eventually has_processes 3
    same "$(cat "$T/job")" ""
    thaw
    exits 5 wait "$job"
    same "$(cat "$T/job")" thawed
}

has_processes() {
    [ "$(wc -l <"$(cgroup_dir freezer)/cgroup.procs")" -ge "$1" ]
}

@test "right after start" {
    local n
    payload sleep 1000
    for n in 1 2 3 4 5 6 7 8 9 10; do
        begin
        succeeds berth start "$ID"
        inside echo there
        same "$output" there
        succeeds berth delete --force "$ID"
    done
}

@test "the program of exec outlives nothing: it ends with the container" {
    begin_with
    background one -- sleep 1000
    local first=$pid
    background two -- sleep 1000
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    eventually is_gone "$first"
    eventually is_gone "$pid"
}

is_gone() {
    ! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

# ---- environment ----------------------------------------------------------------------------------------------------

@test "env: the configuration's, what --env adds to it, and HOME; nothing of the caller's" {
    begin_with '.process.env += ["A=1", "B=1"]'
    export SECRET_OF_THE_CALLER=1
    inside env
    same "$(sort <<<"$output")" "$(sort <<<$'PATH=/bin\nBERTH_TEST='"$MARK"$'\nA=1\nB=1\nHOME=/root')"
    succeeds berth exec -e A=2 -e 'C=a b=c' -e D= -e $'E=x\ny' "$ID" env
    same "$(sort <<<"$output")" \
        "$(sort <<<$'PATH=/bin\nBERTH_TEST='"$MARK"$'\nA=2\nB=1\nC=a b=c\nD=\nE=x\ny\nHOME=/root')"
    succeeds berth exec --env A=2 --env=A=3 --env HOME=/given "$ID" sh -c 'echo $A $HOME'
    same "$output" "3 /given"
    # Of that program only.
    inside sh -c 'echo $A $C'
    same "$output" 1
}

@test "env: malformed entries are refused" {
    begin_with
    local entry
    for entry in NOVALUE =value =; do
        try berth exec --env "$entry" "$ID" true
        [ "$status" -ne 0 ] || tell_last "expected --env $entry to be refused"
        one_error env berth exec --env "$entry"
    done
    try berth exec --env "" "$ID" true
    [ "$status" -ne 0 ]
}

@test "PATH: the program is looked up in the container's, also in one that is given" {
    mkdir "$B/rootfs/one" "$B/rootfs/two"
    printf '#!/bin/sh\necho "$0"\n' | tee "$B/rootfs/one/tool" >"$B/rootfs/two/tool"
    chmod +x "$B/rootfs/two/tool"
    begin_with '.process.env[0] = "PATH=/bin:/nowhere:/etc/passwd:/one:/two"'
    inside tool
    same "$output" /two/tool "the one that may not be executed is passed over"
    chmod +x "$B/rootfs/one/tool"
    inside tool
    same "$output" /one/tool
    succeeds berth exec -e PATH=/two:/bin "$ID" tool
    same "$output" /two/tool
    exec_refuses 'executable file not found in $PATH' berth exec -e PATH=/etc "$ID" tool
    # The caller's has no say.
    succeeds env PATH=/two:/bin:/usr/bin "$BERTH" --root "$ROOT" exec "$ID" tool
    same "$output" /one/tool
    # A name with a slash is relative to the working directory.
    succeeds berth exec --cwd /one "$ID" ./tool
    same "$output" ./tool
    succeeds berth exec --cwd /one "$ID" ../two/tool
    same "$output" ../two/tool
}

@test "HOME: found by the number of the user, never by the name" {
    begin_with
    cat >"$B/rootfs/etc/passwd" <<'PASSWD'
1000:x:0:0:root:/evil:/bin/sh
again:x:1000:1000::/thousand:/bin/sh
PASSWD
    succeeds berth exec --user 1000 "$ID" sh -c 'echo $HOME'
    same "$output" /thousand
    succeeds berth exec --user 7 "$ID" sh -c 'echo $HOME'
    same "$output" /
    inside sh -c 'echo $HOME'
    same "$output" /evil
    succeeds berth exec --user 1000 --env HOME=/given "$ID" sh -c 'echo $HOME'
    same "$output" /given
}

# ---- working directory ----------------------------------------------------------------------------------------------

@test "cwd: the configuration's, and --cwd" {
    mkdir -p "$B/rootfs/srv/real" "$B/rootfs/work"
    ln -s /srv/real "$B/rootfs/link"
    ln -s ../../../../srv "$B/rootfs/up"
    begin_with '.process.cwd = "/work"'
    inside pwd -P
    same "$output" /work
    local cwd expected
    while read -r cwd expected; do
        succeeds berth exec --cwd "$cwd" "$ID" sh -c 'pwd -P'
        same "$output" "$expected" "cwd $cwd"
    done <<'TABLE'
/ /
/srv/real /srv/real
/srv/./real/../real/ /srv/real
/link /srv/real
/up/real /srv/real
/../../../srv /srv
/dev/shm /dev/shm
/proc /proc
TABLE
}

@test "cwd: missing, relative, a file, dangling: an error, and nothing is made" {
    ln -s /nowhere/at/all "$B/rootfs/dangling"
    ln -s loop "$B/rootfs/loop"
    begin_with
    local cwd
    for cwd in /made/deep /etc/passwd /etc/passwd/x /dangling /loop /proc/no tmp . ../tmp; do
        exec_refuses cwd berth exec --cwd "$cwd" "$ID" pwd
    done
    [ ! -e "$B/rootfs/made" ]
    [ ! -e "$B/rootfs/nowhere" ]
    # That of the configuration, which was there when the container was made.
    inside true
}

@test "cwd: the configuration's that has gone since" {
    begin_with '.process.cwd = "/work"'
    rmdir "$B/rootfs/work"
    exec_refuses cwd berth exec "$ID" pwd
    [ ! -e "$B/rootfs/work" ]
    succeeds berth exec --cwd / "$ID" pwd
}

# with_open_directories COMMAND...: runs it with directories of the host open at 3 to 64.
with_open_directories() {
    (
        local fd
        for fd in $(seq 3 64); do
            eval "exec $fd</"
        done
        "$@"
    )
}

try_directories() {
    local cwd result
    while read -r cwd; do
        result=0
        "$BERTH" --root "$ROOT" exec --cwd "$cwd" "$ID" pwd </dev/null >"$T/cwd.out" 2>&1 || result=$?
        echo "$cwd: $result $(xargs <"$T/cwd.out")"
    done
}

@test "CVE-2024-21626: a working directory through a descriptor" {
    ln -s /proc/self/fd/7 "$B/rootfs/work"
    ln -s /proc/self/fd "$B/rootfs/fds"
    ln -s /proc/self/cwd "$B/rootfs/here"
    begin_with
    {
        seq -f /proc/self/fd/%g 3 64
        printf '%s\n' /proc/self/fd/7/../.. /proc/self/fd/8/tmp /work /work/tmp /fds/9 /proc/thread-self/fd/7 /fds/3/ \
            /proc/self/task/1/fd/7 /proc/self/root/../tmp/no /here/../../no
    } >"$T/directories"
    with_open_directories try_directories <"$T/directories" >"$T/answers"
    same "$(grep -c ": 255 .*cwd" "$T/answers")" "$(wc -l <"$T/directories")" "refusals of all: $(cat "$T/answers")"
    # Nor a program through one.
    local path
    for path in /proc/self/fd/7/bin/sh /proc/self/fd/7/../../../bin/sh /fds/8/bin/sh; do
        exits 255 with_open_directories "$BERTH" --root "$ROOT" exec "$ID" "$path" -c 'echo out'
        lacks "$output" out
    done
}

# ---- user -----------------------------------------------------------------------------------------------------------

# ids FIELD: the numbers of a line of /proc/self/status.
ids() {
    field "$1" | tr '\t' ' ' | sed 's/ *$//'
}

@test "user: the configuration's, and numbers instead; all four ids of each kind" {
    begin_with '.process.user = {uid: 500, gid: 600, additionalGids: [700]}'
    local user uid gid
    inside cat /proc/self/status
    same "$(ids Uid) $(ids Gid) $(ids Groups)" "500 500 500 500 600 600 600 600 700"
    # Without a group it stays the configuration's.
    while read -r user uid gid; do
        succeeds berth exec --user "$user" "$ID" cat /proc/self/status
        same "$(ids Uid)" "$uid $uid $uid $uid" "uid with --user $user"
        same "$(ids Gid)" "$gid $gid $gid $gid" "gid with --user $user"
        [ "$uid" = 0 ] || same "$(field CapEff)" 0000000000000000
    done <<'TABLE'
0 0 600
0:0 0 0
1 1 600
1:2 1 2
1000:1000 1000 1000
4294967294:4294967294 4294967294 4294967294
65534:1 65534 1
TABLE
    succeeds berth exec -u 3:4 "$ID" sh -c 'id -u; id -g'
    same "$output" $'3\n4'
}

@test "CVE-2026-30892, CVE-2016-3697: --user is exact or refused, whatever /etc/passwd says" {
    begin_with '.process.user = {uid: 500, gid: 600}'
    cat >"$B/rootfs/etc/passwd" <<'PASSWD'
1000:x:0:0:root:/:/bin/sh
1a:x:0:0:root:/:/bin/sh
name:x:0:0:root:/:/bin/sh
-1:x:0:0:root:/:/bin/sh
0x1:x:0:0:root:/:/bin/sh
 1:x:0:0:root:/:/bin/sh
4294967296:x:0:0:root:/:/bin/sh
01:x:0:0:root:/:/bin/sh
:x:0:0:root:/:/bin/sh
PASSWD
    printf '2:x:0:\nname:x:0:\n' >"$B/rootfs/etc/group"
    succeeds berth exec --user 1000 "$ID" id -u
    same "$output" 1000
    succeeds berth exec --user 1:2 "$ID" sh -c 'id -u; id -g'
    same "$output" $'1\n2'
    local user
    for user in 1: :1 : "" 4294967295 4294967296 18446744073709551616 18446744073709551617 -1 0x1 " 1" "1 " 1a a1 +1 \
        1.0 1e0 name name:name 1:name 1:-1 1:4294967295 1:4294967296 1:0x1 "1: 1" 1:1:1 1:1: 1,1 \
        $'1\n' '1;0' "$(printf '\u0661')"; do
        try berth exec --user "$user" "$ID" sh -c 'id -u; id -g'
        [ "$status" -eq 255 ] || [ "$status" -eq 1 ] || tell_last "--user <$user>"
        one_error user "--user <$user>"
        try berth exec --user="$user" "$ID" true
        [ "$status" -ne 0 ] || tell_last "--user=<$user>"
    done
    try berth exec --user 01 "$ID" sh -c 'id -u; id -g'
    [ "$status" -ne 0 ] || same "$output" $'1\n600' "--user 01"
}

@test "additional groups: the configuration's and those that are given; numbers only" {
    begin_with '.process.user = {uid: 500, gid: 600, additionalGids: [700]}'
    succeeds berth exec --additional-gids 5 --additional-gids 8 --additional-gids=4294967294 "$ID" cat /proc/self/status
    same "$(ids Groups)" "5 8 700 4294967294"
    succeeds berth exec --user 1000:1000 -g 5 "$ID" cat /proc/self/status
    same "$(ids Uid) $(ids Groups)" "1000 1000 1000 1000 5 700"
    # The caller's are not handed on.
    succeeds setpriv --groups 4,24,27 "$BERTH" --root "$ROOT" exec "$ID" cat /proc/self/status
    same "$(ids Groups)" 700
    local group
    for group in -1 4294967295 4294967296 0x1 x "" " 1"; do
        try berth exec --additional-gids="$group" "$ID" true
        [ "$status" -ne 0 ] || tell_last "--additional-gids=<$group>"
        one_error "g" "--additional-gids=<$group>"
        [[ ${errors,,} == *group* || ${errors,,} == *additional-gids* ]] || tell_last "what is wrong?"
    done
}

# ---- privileges -----------------------------------------------------------------------------------------------------

# sets EXPECTED: inheritable, permitted, effective, bounding, ambient, in hexadecimal without leading zeros.
sets() {
    local name got=""
    for name in CapInh CapPrm CapEff CapBnd CapAmb; do
        got+=" $(field "$name" | sed 's/^0*\(.\)/\1/')"
    done
    same "${got# }" "$1" "inheritable, permitted, effective, bounding, ambient"
}

@test "capabilities: the configuration's; --cap adds to three sets and never to the inheritable one" {
    # cap_chown 0, cap_dac_override 1, cap_kill 5, cap_setuid 7
    begin_with '.process.capabilities = {bounding: ["CAP_KILL", "CAP_SETUID"], permitted: ["CAP_KILL", "CAP_SETUID"],
                                         effective: ["CAP_KILL"]}'
    inside cat /proc/self/status
    sets "0 a0 a0 a0 0"
    succeeds berth exec --cap CAP_CHOWN "$ID" cat /proc/self/status
    sets "0 a1 a1 a1 0"
    succeeds berth exec -c CAP_CHOWN -c CAP_DAC_OVERRIDE -c CAP_KILL "$ID" cat /proc/self/status
    sets "0 a3 a3 a3 0"
    # Another user's program has none of them, but may not get more than these either.
    succeeds berth exec --user 1000 --cap CAP_CHOWN "$ID" cat /proc/self/status
    sets "0 0 0 a1 0"
    # Only that program.
    inside cat /proc/self/status
    sets "0 a0 a0 a0 0"
    same "$(host_status CapBnd "$(init_pid)")" 00000000000000a0
}

@test "capabilities by effect: --cap CAP_CHOWN lets a program give a file away" {
    begin_with
    exits 1 berth exec "$ID" chown 5 /etc/passwd
    succeeds berth exec --cap CAP_CHOWN "$ID" chown 5 /etc/passwd
    same "$(stat -c %u "$B/rootfs/etc/passwd")" 5
}

@test "CVE-2022-29162: no inheritable capabilities but those of the configuration" {
    begin_with '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = false |
        .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"],
                                 inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
    succeeds berth exec --cap CAP_CHOWN "$ID" cat /proc/self/status
    same "$(field CapInh)" 0000000000000020
    same "$(field CapBnd)" 0000000000000021
    succeeds berth exec --user 0 --cap CAP_CHOWN "$ID" cat /proc/self/status
    same "$(field CapInh)" 0000000000000020
}

@test "capabilities: an unknown name is refused, or said to be ignored" {
    begin_with
    local name
    for name in CAP_NO_SUCH NO_SUCH CAP_ all ALL; do
        try berth exec --cap "$name" "$ID" cat /proc/self/status
        has "$errors" "$name"
        [ "$status" -ne 0 ] || sets "0 20000420 20000420 20000420 0"
    done
}

@test "no new privileges: the configuration's, and --no-new-privs" {
    begin_with '.process.noNewPrivileges = false'
    inside cat /proc/self/status
    same "$(field NoNewPrivs)" 0
    succeeds berth exec --no-new-privs "$ID" cat /proc/self/status
    same "$(field NoNewPrivs)" 1
    succeeds berth delete --force "$ID"
    begin_with '.process.noNewPrivileges = true'
    inside cat /proc/self/status
    same "$(field NoNewPrivs)" 1
    try berth exec --no-new-privs=false "$ID" cat /proc/self/status
    [ "$status" -ne 0 ] || same "$(field NoNewPrivs)" 1 "what the configuration asks for"
}

@test "seccomp: the container's filter, by status and by effect" {
    local privileges
    for privileges in true false; do
        begin_with --argjson p "$privileges" '.process.noNewPrivileges = $p | .linux.seccomp = {
            defaultAction: "SCMP_ACT_ALLOW", syscalls: [
                {names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
                {names: ["symlink", "symlinkat"], action: "SCMP_ACT_KILL_PROCESS"}]}'
        inside cat /proc/self/status
        same "$(field Seccomp)" 2
        same "$(field Seccomp_filters)" 1
        exits 1 berth exec "$ID" mkdir /made
        has "$errors" "No space left on device"
        [ ! -e "$B/rootfs/made" ]
        # SIGSYS
        exits 159 berth exec "$ID" ln -s a /made
        [ ! -L "$B/rootfs/made" ]
        succeeds berth delete --force "$ID"
    done
}

@test "seccomp: a filter that forbids what exec itself needs" {
    begin_with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_KILL_PROCESS",
        names: ["setns", "unshare", "clone3", "capset", "capget", "setgroups", "setresuid", "setresgid", "setrlimit",
                "fchdir", "setsid", "keyctl", "openat2", "umask", "personality", "close_range", "move_mount"]}]}'
    inside cat /proc/self/status
    same "$(field Seccomp)" 2
    exec_refuses "executable file not found" berth exec "$ID" frobnicate
}

@test "limits, umask, oom_score_adj, personality: the configuration's, not the caller's" {
    add_probe
    local mine
    mine=$(cat /proc/self/oom_score_adj)
    begin_with --argjson adj "$((mine < 500 ? mine + 100 : mine))" '.process.oomScoreAdj = $adj
        | .process.user.umask = 63 | .linux.personality = {domain: "LINUX32"} | .process.rlimits = [
            {type: "RLIMIT_NOFILE", soft: 99, hard: 100}, {type: "RLIMIT_CORE", soft: 0, hard: 4096},
            {type: "RLIMIT_STACK", soft: 4194304, hard: 8388608}]'
    umask 0055
    succeeds prlimit --core=5000:1000000 --nofile=50:200 --stack=1048576:16777216 \
        "$BERTH" --root "$ROOT" exec "$ID" probe limits
    umask 0022
    same "$(field limit7)" "99 100" RLIMIT_NOFILE
    same "$(field limit4)" "0 4096" RLIMIT_CORE
    same "$(field limit3)" "4194304 8388608" RLIMIT_STACK
    inside cat /proc/self/oom_score_adj
    same "$output" "$((mine < 500 ? mine + 100 : mine))"
    inside sh -c 'umask; cat /proc/self/status; uname -m'
    same "$(head -n 1 <<<"$output")" 0077
    same "$(field Umask)" 0077
    case $(uname -m) in x86_64) same "$(tail -n 1 <<<"$output")" i686 "machine" ;; esac
}

@test "umask: 0022 without one in the configuration, whatever the caller's is" {
    begin_with
    local mask
    for mask in 0 0777; do
        umask "$mask"
        try berth exec --pid-file "$T/pid$mask" "$ID" sh -c 'umask; touch /made; stat -c %a /made; rm /made'
        umask 0022
        chmod 0644 "$T/stdout" "$T/stderr"
        same "$(cat "$T/stdout")" $'0022\n644' "umask with the caller's $mask"
    done
}

@test "secure bits, signals, parent-death signal, dumpable: as a fresh program expects them" {
    add_probe
    begin_with
    succeeds env --ignore-signal=HUP,INT,PIPE,USR1,CHLD --block-signal=TERM,USR2,WINCH \
        "$BERTH" --root "$ROOT" exec "$ID" cat /proc/self/status
    same "$(field SigIgn)" 0000000000000000 "ignored signals"
    same "$(field SigBlk)" 0000000000000000 "blocked signals"
    same "$(field PPid)" 0
    same "$(field Threads)" 1
    inside probe privileges
    same "$(field securebits)$(field keepcaps)$(field pdeathsig)$(field dumpable)" 0001
}

@test "session: the program leads its own, without a terminal" {
    add_probe
    begin_with
    inside probe session
    [ "$(field pid)" -gt 1 ]
    same "$(field sid) $(field pgid)" "$(field pid) $(field pid)"
    has "$(field tty)" "No such device or address"
}

@test "keyring: the container's, never the caller's" {
    add_probe
    begin_with '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    inside probe keyring
    has "$(field keyring)" "_ses.$ID"
    same "$(field keyring | cut -d';' -f1-3)" "keyring;0;0"
}

# ---- namespaces -----------------------------------------------------------------------------------------------------

# namespaces JSON...: exactly these
namespaces() {
    config '.linux.namespaces = [$ARGS.positional[] | fromjson? // {type: .}]
            | if any(.linux.namespaces[]; .type == "uts") then . else del(.hostname) end
            | .linux |= del(.maskedPaths, .readonlyPaths)' --args -- "$@"
}

# shares_all WHAT: the program is in each namespace of the container's process 1.
shares_all() {
    local init kind
    init=$(init_pid)
    inside sh -c 'for n in '"$KINDS"'; do echo "$n: $(readlink /proc/self/ns/$n)"; done'
    for kind in $KINDS; do
        [ -e "/proc/$init/ns/$kind" ] || continue
        same "$(field "$kind")" "$(readlink "/proc/$init/ns/$kind")" "$kind, $1"
    done
}

# keep OPTION...: a process of the host in new namespaces that unshare makes; sets $kept.
keep() {
    mkfifo "$T/kept"
    unshare "$@" sh -c 'echo >kept; exec sleep 1000' </dev/null >/dev/null 2>&1 3>&- 4>&- &
    keeper=$!
    read -r -t "$PATIENCE" _ <"$T/kept"
    rm "$T/kept"
    kept=
    read -r kept _ <"/proc/$keeper/task/$keeper/children" || true
    kept=${kept:-$keeper}
}

drop() {
    kill -KILL "$kept" "$keeper" 2>/dev/null || true
    wait "$keeper" 2>/dev/null || true
}

@test "namespaces: those of a container with its own" {
    begin_with
    shares_all "six kinds"
    inside hostname
    same "$output" box
    inside sh -c 'ls /proc | grep -c "^[0-9]"; ls /bin/busybox; cat /proc/1/comm'
    same "$(sed -n 2,3p <<<"$output")" $'/bin/busybox\nsh'
}

@test "namespaces: each of the container's own alone, the others the host's" {
    local kind
    for kind in mount pid network ipc uts cgroup; do
        if [ "$kind" = mount ]; then
            namespaces mount
        else
            namespaces mount "$kind"
        fi
        begin_running
        shares_all "with $kind of its own"
        succeeds berth kill "$ID" KILL
        succeeds berth delete --force "$ID"
    done
}

@test "namespaces: those that the container has joined" {
    keep --net --ipc --uts --pid --fork --cgroup
    namespaces mount "{\"type\":\"network\",\"path\":\"/proc/$kept/ns/net\"}" \
        "{\"type\":\"ipc\",\"path\":\"/proc/$kept/ns/ipc\"}" "{\"type\":\"uts\",\"path\":\"/proc/$kept/ns/uts\"}" \
        "{\"type\":\"cgroup\",\"path\":\"/proc/$kept/ns/cgroup\"}" "{\"type\":\"pid\",\"path\":\"/proc/$kept/ns/pid\"}"
    config 'del(.hostname)'
    begin_running
    same "$(readlink "/proc/$(init_pid)/ns/net")" "$(readlink "/proc/$kept/ns/net")"
    shares_all joined
    succeeds berth delete --force "$ID"
    drop
}

@test "namespaces: a joined one whose path is gone" {
    touch "$T/netns"
    unshare --net="$T/netns" true
    namespaces pid mount "{\"type\":\"network\",\"path\":\"$T/netns\"}"
    begin_running
    umount "$T/netns"
    rm "$T/netns"
    shares_all "joined, the path gone"
}

@test "namespaces: a time namespace, new and joined" {
    needs timens
    namespaces mount pid time
    begin_running
    shares_all "time of its own"
    succeeds berth delete --force "$ID"
    keep --time --fork
    namespaces mount "{\"type\":\"time\",\"path\":\"/proc/$kept/ns/time\"}"
    begin_running
    shares_all "time joined"
    succeeds berth delete --force "$ID"
    drop
}

# with_user: all namespaces with a new user namespace, ids 0 to 65535 are 100000 to 165535 outside.
with_user() {
    needs userns
    # shellcheck disable=SC2086
    namespaces pid network ipc uts mount cgroup user "$@"
    config '.linux |= (.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .gidMappings = .uidMappings)'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    chown 100000:100000 "$B/rootfs" "$B/rootfs/root"
}

@test "namespaces: a user namespace: all of them, ids as seen from inside and outside" {
    with_user
    make_fifo ready
    chown 100000:100000 "$B/rootfs/ready"
    begin_running
    shares_all "user of its own"
    inside sh -c 'id -u; id -g; tr -s " " </proc/self/uid_map; cat /proc/self/setgroups; touch /root/made'
    same "$output" $'0\n0\n 0 100000 65536\nallow'
    same "$(stat -c %u:%g "$B/rootfs/root/made")" 100000:100000
    background sleeper --user 7:8 -g 9 -- sleep 1000
    same "$(host_status Uid | xargs) $(host_status Gid | xargs) $(host_status Groups | xargs)" \
        "100007 100007 100007 100007 100008 100008 100008 100008 100009"
    # Ids that the namespace does not have.
    local option
    for option in --user=65536 --user=1:65536 --additional-gids=65536; do
        exec_refuses "user" berth exec "$option" "$ID" id
    done
    succeeds berth exec --cap CAP_CHOWN --cap CAP_SYS_ADMIN "$ID" cat /proc/self/status
    same "$(field CapInh)" 0000000000000000
}

@test "namespaces: user and time together" {
    needs userns timens
    with_user time
    make_fifo ready
    begin_running
    shares_all "user and time"
}

@test "namespaces: a user namespace that was joined" {
    needs userns
    keep --user --map-root-user --net --pid --ipc --uts --fork
    namespaces mount "{\"type\":\"user\",\"path\":\"/proc/$kept/ns/user\"}" \
        "{\"type\":\"network\",\"path\":\"/proc/$kept/ns/net\"}" pid ipc uts
    config 'del(.hostname)'
    long_running
    try berth create --bundle "$B" "$ID"
    [ "$status" -eq 0 ] || { drop; skip "the configuration itself is refused: $errors"; }
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    shares_all "user joined"
    succeeds berth delete --force "$ID"
    drop
}

@test "namespaces: exec leaves no mount and no namespace of its own on the host" {
    begin_with
    local before
    before=$(cat /proc/self/mountinfo)
    inside cat /proc/self/mountinfo
    same "$(cat /proc/self/mountinfo)" "$before"
    # The same view as process 1's.
    same "$output" "$(cat "/proc/$(init_pid)/mountinfo")" "mounts"
}

@test "exec mounts nothing on the host, not even for a moment" {
    begin_with
    watched_mounts() {
        unshare --mount --propagation private python3 "$BATS_TEST_DIRNAME/exec.py" unmounted "$@"
    }
    exits 1 watched_mounts sh -c "mount -t tmpfs tmpfs $T && umount $T"
    has "$errors" "something was mounted"
    succeeds watched_mounts "$BERTH" --root "$ROOT" exec "$ID" true
    succeeds watched_mounts "$BERTH" --root "$ROOT" exec --user 7 --cwd /tmp --cap CAP_KILL "$ID" true
    exits 255 watched_mounts "$BERTH" --root "$ROOT" exec "$ID" frobnicate
    lacks "$errors" mounted
}

@test "hooks are the container's, not of a program that enters it" {
    config --arg log "$T/hooks" '
        def hook($point; $log): [{path: "/bin/sh", args: ["sh", "-c", "echo \($point) >>\($log)"]}];
        .hooks = {prestart: hook("prestart"; $log), createRuntime: hook("createRuntime"; $log),
                  startContainer: hook("startContainer"; "/tmp/hooks"), poststart: hook("poststart"; $log)}'
    begin_with
    local before
    before=$(cat "$T/hooks" "$B/rootfs/tmp/hooks")
    same "$(sort <<<"$before" | xargs)" "createRuntime poststart prestart startContainer"
    succeeds berth exec "$ID" true
    succeeds berth exec --detach "$ID" true
    exec_refuses "" berth exec "$ID" frobnicate
    same "$(cat "$T/hooks" "$B/rootfs/tmp/hooks")" "$before" "hooks that ran"
}

# ---- cgroup ---------------------------------------------------------------------------------------------------------

@test "cgroup: the container's, in every hierarchy; and its view of it" {
    begin_with
    background sleeper -- sleep 1000
    local init
    init=$(init_pid)
    same "$(cat "/proc/$pid/cgroup")" "$(cat "/proc/$init/cgroup")"
    has "$(cat "/proc/$pid/cgroup")" "$CGROUP/bundle"
    inside cat /proc/self/cgroup
    lacks "$output" "$MARK"
    inside cat /proc/1/cgroup
    local inside_init=$output
    inside cat /proc/self/cgroup
    same "$output" "$inside_init"
}

# make_sub NAME: a cgroup below the container's, in every hierarchy.
make_sub() {
    local mount dir
    for mount in "${CGROUP_MOUNTS[@]}"; do
        dir=$mount$CGROUP/bundle
        [ -d "$dir" ] || continue
        mkdir -p "$dir/$1"
        if [ -e "$dir/cpuset.mems" ] && [ -e "$dir/$1/tasks" ]; then
            cat "$dir/cpuset.cpus" >"$dir/$1/cpuset.cpus"
            cat "$dir/cpuset.mems" >"$dir/$1/cpuset.mems"
        fi
    done
}

# cgroups_of PID: the different paths that it has.
cgroups_of() {
    grep -F "$MARK" "/proc/$1/cgroup" | cut -d: -f3 | sort -u | xargs
}

@test "--cgroup: one below the container's, when it exists" {
    begin_with
    exec_refuses "cgroup|sub" berth exec --cgroup sub "$ID" true
    [ ! -e "$(cgroup_dir pids)/sub" ]
    make_sub sub
    background sleeper --cgroup sub -- sleep 1000
    same "$(cgroups_of "$pid")" "$CGROUP/bundle/sub"
    background other --cgroup /sub -- sleep 1000
    same "$(cgroups_of "$pid")" "$CGROUP/bundle/sub"
    background top --cgroup / -- sleep 1000
    same "$(cgroups_of "$pid")" "$CGROUP/bundle"
    succeeds berth exec --cgroup sub "$ID" true
}

@test "--cgroup CONTROLLER:SUB: of some hierarchies of cgroup v1 only" {
    needs cgroup1-pids cgroup1-memory cgroup1-freezer
    begin_with
    make_sub sub
    background sleeper --cgroup pids,memory:sub -- sleep 1000
    same "$(awk -F: '$2 == "pids" || $2 == "memory" { print $3 }' "/proc/$pid/cgroup" | sort -u)" "$CGROUP/bundle/sub"
    same "$(awk -F: '$2 == "freezer" || $2 == "devices" { print $3 }' "/proc/$pid/cgroup" | sort -u)" "$CGROUP/bundle"
    background twice --cgroup pids:sub --cgroup freezer:sub -- sleep 1000
    same "$(awk -F: '$2 == "pids" || $2 == "freezer" { print $3 }' "/proc/$pid/cgroup" | sort -u)" "$CGROUP/bundle/sub"
    same "$(awk -F: '$2 == "memory" { print $3 }' "/proc/$pid/cgroup")" "$CGROUP/bundle"
    exec_refuses "frobnicate" berth exec --cgroup frobnicate:sub "$ID" true
}

@test "--cgroup: no way out of the container's" {
    begin_with
    make_sub sub
    mkdir -p "$B/rootfs/x"
    local path mount
    for mount in "${CGROUP_MOUNTS[@]}"; do
        mkdir -p "$mount$CGROUP/own"
    done
    for path in ../x ../own /../own sub/../../own .. /.. ../ sub/.. sub/../.. ./../own "../../$MARK/own" \
        "../own/" pids:../own pids:.. "pids:sub/../../own"; do
        try berth exec --cgroup "$path" "$ID" cat /proc/1/cgroup
        # What stays inside by the letter may be taken; "sub/.." is the container's own.
        case $path in
        sub/..) [ "$status" -eq 0 ] || one_error cgroup "--cgroup $path" ;;
        *) [ "$status" -eq 255 ] || [ "$status" -eq 1 ] || tell_last "--cgroup $path" || return 1
            one_error cgroup "--cgroup $path" ;;
        esac
        same "$(cat "${CGROUP_MOUNTS[@]/%/$CGROUP/own/cgroup.procs}")" "" "processes outside, with $path"
    done
    for path in "$(printf 'd%.0s' {1..5000})" $'a\nb'; do
        try berth exec --cgroup "$path" "$ID" true
        [ "$status" -ne 0 ] || tell_last "--cgroup <${path:0:20}>"
    done
}

@test "pids.max nearly reached: one more is enough for exec; none is an error, or works" {
    if is_cgroup2; then needs cgroup2-pids; else needs cgroup1-pids; fi
    # Process 1 and its sleep are two.
    begin_with '.linux.resources.pids = {limit: 3}'
    local n
    for n in 1 2 3 4 5; do
        inside echo hi
        same "$output" hi
    done
    background sleeper -- sleep 1000
    try timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec "$ID" echo hi
    case $status in
    0) same "$output" hi ;;
    *) same "$status" 255 && one_error "" "exec at the limit" ;;
    esac
    kill -KILL "$pid"
    eventually has_pids 2
    inside echo again
    same "$output" again
}

has_pids() {
    [ "$(cat "$(cgroup_dir pids)/pids.current")" -eq "$1" ]
}

@test "a memory limit that the container nearly fills is no trouble" {
    if is_cgroup2; then needs cgroup2-memory; else needs cgroup1-memory; fi
    begin_with '.linux.resources.memory = {limit: 2097152}'
    local n
    for n in 1 2 3 4 5 6 7 8 9 10; do
        inside echo hi
        same "$output" hi
    done
}

# ---- detached -------------------------------------------------------------------------------------------------------

@test "--pid-file: the number as the caller sees it, without a newline" {
    begin_with
    background sleeper -- sleep 1000
    same "$(od -An -c "$T/sleeper.pid" | tr -d ' \n')" "$pid"
    same "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
    [ "$pid" != "$(init_pid)" ]
    same "$(readlink "/proc/$pid/ns/pid")" "$(readlink "/proc/$(init_pid)/ns/pid")"
    same "$(host_status NSpid | wc -w)" 2
    # In the foreground, too: it is there before the program needs it.
    succeeds berth exec --pid-file "$T/pid" "$ID" true
    grep -qx '[0-9][0-9]*' "$T/pid"
    same "$(find "$T" -maxdepth 1 -name '.*')" "" "temporary files"
}

@test "--pid-file that cannot be written: an error, and no program is left" {
    begin_with
    exec_refuses "$T/no/" berth exec --detach --pid-file "$T/no/pid" "$ID" sleep 999
    eventually has_no_program 'sleep 999'
    exec_refuses "" berth exec --pid-file "$T" "$ID" sleep 999
    eventually has_no_program 'sleep 999'
}

has_no_program() {
    inside ps -o args
    ! grep -qxF "$1" <<<"$output"
}

@test "--detach: the program is an orphan, of the subreaper, and outlives the runtime" {
    add_probe
    begin_with
    make_fifo told
    succeeds exec_driver reap "$T/out" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/out.pid" "$ID" \
        sh -c 'probe privileges >/result; exit 7'
    output=$(cat "$T/out")
    same "$(field status)" 0
    same "$(field parent)" "$(field self)"
    same "$(field ended)" 7
    same "$(field pdeathsig "$(cat "$B/rootfs/result")")" 0
    # A program that fails is none of the runtime's business any more; one that cannot be run is.
    succeeds berth exec --detach "$ID" false
    exec_refuses 'executable file not found in $PATH' berth exec --detach --pid-file "$T/pid" "$ID" frobnicate
    [ ! -e "$T/pid" ] || fail "a pid file of a program that was never run"
}

@test "--detach: the parent-death signal of the caller is not the program's" {
    begin_with
    (python3 "$BATS_TEST_DIRNAME/stdio.py" caller pdeathsig -- "$BERTH" --root "$ROOT" exec --detach \
        --pid-file "$T/pid" "$ID" sleep 1000 </dev/null >"$T/out" 2>&1 3>&- 4>&-)
    pid=$(cat "$T/pid")
    grep -q '^State:.[^ZX]' "/proc/$pid/status"
    same "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
}

@test "--detach: streams are handed over, and nothing keeps the caller's pipe open" {
    begin_with
    make_fifo go
    berth exec --detach "$ID" sh -c 'read word </go; echo "$word"' </dev/null >"$T/out" 2>&1 3>&- 4>&-
    exec {pipe}> >(cat >"$T/pipe"; echo ended >"$T/ended")
    succeeds berth exec --detach "$ID" sleep 1000
    exec {pipe}>&-
    eventually test -e "$T/ended"
    echo later >"$B/rootfs/go"
    eventually grep -qx later "$T/out"
}

@test "--pidfd-socket: a pidfd of the program" {
    begin_with
    succeeds exec_driver descriptor "$T/socket" "$T/out" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/pid" \
        --pidfd-socket "$T/socket" "$ID" sleep 1000
    same "$(cat "$T/out")" "setns 1 $(cat "$T/pid")"
    exec_refuses "$T/nobody" berth exec --pidfd-socket "$T/nobody" "$ID" true
}

# ---- descriptors ----------------------------------------------------------------------------------------------------

# try without its closing of 3 and 4, which are what this is about.
try_open() {
    status=0
    with_open_directories "$@" </dev/null >"$T/stdout" 2>"$T/stderr" || status=$?
    output=$(cat "$T/stdout")
    errors=$(cat "$T/stderr")
}

@test "descriptors: the program has 0, 1 and 2, whatever the caller has, and those that are preserved" {
    add_probe
    begin_with
    inside probe fds
    same "$output" $'fd: 0\nfd: 1\nfd: 2'
    try_open "$BERTH" --root "$ROOT" exec "$ID" probe fds
    same "$output" $'fd: 0\nfd: 1\nfd: 2' "with 60 open directories"
    try_open "$BERTH" --root "$ROOT" exec --preserve-fds 2 "$ID" probe fds
    same "$output" $'fd: 0\nfd: 1\nfd: 2\nfd: 3\nfd: 4' "with two preserved"
    try_open "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/pid" "$ID" sleep 1000
    same "$(find "/proc/$(cat "$T/pid")/fd" -mindepth 1 -printf '%f ' | tr ' ' '\n' | sort -n | xargs)" "0 1 2"
    (ulimit -n 2048) 2>/dev/null || return 0
    ulimit -n 2048
    succeeds python3 "$BATS_TEST_DIRNAME/stdio.py" caller fds=1000 -- "$BERTH" --root "$ROOT" exec "$ID" probe fds
    same "$output" $'fd: 0\nfd: 1\nfd: 2' "with 1000 open files"
}

@test "--preserve-fds: these reach the program; one that is not open is an error" {
    echo three >three && echo four >four
    with_descriptors() {
        "$@" 3<three 4<four
    }
    begin_with
    succeeds with_descriptors berth exec --preserve-fds=2 "$ID" sh -c 'cat <&3; cat <&4'
    same "$(xargs <<<"$output")" "three four"
    exits 255 with_descriptors berth exec --preserve-fds 40 "$ID" true
    has "$errors" "preserve"
    local number
    for number in -1 x 1x; do
        try berth exec --preserve-fds "$number" "$ID" true
        [ "$status" -ne 0 ]
    done
}

@test "LISTEN_FDS: of a service that starts a container, not of one that enters it; --preserve-fds counts from 3" {
    echo three >three && echo four >four
    begin_with
    activated() {
        "$@" 3<three 4<four
    }
    export LISTEN_FDS=1
    succeeds activated berth exec "$ID" sh -c 'echo "<$LISTEN_FDS$LISTEN_PID>"; [ ! -e /proc/self/fd/3 ] && echo none'
    same "$(xargs <<<"$output")" "<> none"
    succeeds activated berth exec --preserve-fds 1 "$ID" sh -c 'cat <&3; [ ! -e /proc/self/fd/4 ] && echo none'
    same "$(xargs <<<"$output")" "three none"
}

# ---- --process ------------------------------------------------------------------------------------------------------

# process_file [JQ OPTION...] [FILTER]: $T/process.json, as an engine writes it, changed by FILTER.
process_file() {
    jq -c "${@:-.}" >"$T/process.json" <<'JSON'
{"user": {"uid": 33, "gid": 34, "additionalGids": [35]}, "args": ["/bin/cat", "/proc/self/status"],
 "env": ["PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "A=b"], "cwd": "/tmp",
 "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"]},
 "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 200, "soft": 100}], "oomScoreAdj": 700}
JSON
}

@test "--process: everything is the file's" {
    add_probe
    begin_with '.process.env += ["OF_THE_CONFIGURATION=1"]'
    process_file
    succeeds berth exec --process "$T/process.json" "$ID"
    same "$(ids Uid) $(ids Gid) $(ids Groups)" "33 33 33 33 34 34 34 34 35"
    sets "0 0 0 21 0"
    same "$(field NoNewPrivs)" 0
    process_file '.args = ["env"]'
    succeeds berth exec -p "$T/process.json" "$ID"
    same "$(sort <<<"$output")" $'A=b\nHOME=/\nPATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin'
    process_file '.args = ["sh", "-c", "pwd; cat /proc/self/oom_score_adj"]'
    succeeds berth exec -p "$T/process.json" "$ID"
    same "$output" $'/tmp\n700'
    process_file '.args = ["probe", "limits"]'
    succeeds berth exec --process="$T/process.json" "$ID"
    same "$(field limit7)" "100 200"
    process_file '.args = ["sleep", "1000"]'
    succeeds berth exec --process "$T/process.json" --detach --pid-file "$T/pid" "$ID"
    same "$(tr '\0' ' ' <"/proc/$(cat "$T/pid")/cmdline")" "sleep 1000 "
    process_file '.args = ["sh", "-c", "exit 9"]'
    exits 9 berth exec --process "$T/process.json" "$ID"
}

@test "--process: a file that sets all it can" {
    begin_with
    process_file '.noNewPrivileges = true | .user.umask = 63 | .capabilities = {
        bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
    succeeds berth exec --process "$T/process.json" "$ID"
    sets "20 20 20 20 20"
    same "$(field NoNewPrivs) $(field Umask)" "1 0077"
}

@test "--process: what the file leaves out is not more than the container has" {
    begin_with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
                                  syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
    process_file '{args, cwd}'
    succeeds berth exec --process "$T/process.json" "$ID"
    same "$(field CapBnd)" 0000000020000420
    same "$(field CapInh)" 0000000000000000
    same "$(field Seccomp)" 2
    same "$(ids Uid) $(ids Gid) $(ids Groups)" "0 0 0 0 0 0 0 0 "
}

# rejects_process TEXT: the file is refused, whatever is in it.
rejects_process() {
    exec_refuses "$1" timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --process "$T/process.json" "$ID"
}

@test "--process: malformed JSON: file, line and column" {
    begin_with
    local text place
    while IFS=$'\t' read -r place text; do
        printf '%b' "$text" >"$T/process.json"
        rejects_process "process.json:$place" || fail "the file: $text"
    done <<'CASES'
1:	
1:	nonsense
1:	[]
1:	"text"
1:	{"args"}
1:	{"args": }
2:	{"args": ["true"],\n}
3:	{\n"args": ["true"]\n"cwd": "/"}
1:	{"args": ["true"], "cwd": "/"} {}
1:	{"args": ["tr\\u0000ue"], "cwd": "/"}
1:	{"args": ["true"], "args": ["true"], "cwd": "/"}
CASES
}

@test "--process: wrong types, missing and impossible values: the place" {
    begin_with
    local filter place
    while IFS=$'\t' read -r place filter; do
        process_file "$filter"
        rejects_process "$place" || fail "the filter: $filter"
    done <<'CASES'
/args	.args = "true"
/args/1	.args = ["echo", 1]
args	del(.args)
/args	.args = []
/args	.args = [""]
/env/0	.env = [1]
/env/0	.env = ["NOVALUE"]
/cwd	.cwd = 1
cwd	del(.cwd)
/cwd	.cwd = ""
/cwd	.cwd = "tmp"
/cwd	.cwd = "/no/such"
/user/uid	.user.uid = "root"
/user/uid	.user.uid = -1
/user	.user.uid = 4294967295
/user/gid	.user.gid = 1.5
/user/additionalGids/0	.user.additionalGids = ["1"]
/user/umask	.user.umask = "022"
/terminal	.terminal = "yes"
/capabilities	.capabilities = ["CAP_CHOWN"]
/rlimits	.rlimits = [{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}]
/rlimits	.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]
/oomScoreAdj	.oomScoreAdj = 1001
/noNewPrivileges	.noNewPrivileges = "true"
CASES
    same "$(state_of)" running
}

@test "--process: numbers that JSON can write and no id can be" {
    begin_with
    process_file '.user.uid = "UID"'
    local number
    cp "$T/process.json" "$T/template"
    for number in 4294967296 1e3 -0.5 18446744073709551616 0x1 01; do
        sed "s/\"UID\"/$number/" "$T/template" >"$T/process.json"
        rejects_process "process.json:1:"
    done
}

@test "--process: a file that is none" {
    begin_with
    rejects_process "process.json|No such file or directory"
    mkdir "$T/process.json"
    rejects_process "process.json|directory"
    rmdir "$T/process.json"
    ln -s /dev/zero "$T/process.json"
    exits 255 timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --process "$T/process.json" "$ID"
    rm "$T/process.json"
    truncate -s 20M "$T/process.json"
    rejects_process "process.json"
}

@test "--process: a pipe is read to its end; while nobody writes, a signal ends exec" {
    local writer
    begin_with
    process_file '.args = ["true"]'
    mkfifo "$T/pipe"
    in_background exec --process "$T/pipe" "$ID"
    exec {writer}>"$T/pipe" # until it is open at the other end
    kill -TERM "$job"
    exits 143 wait "$job"
    exec {writer}>&-
    in_background exec --process "$T/pipe" "$ID"
    cat "$T/process.json" >"$T/pipe"
    exits 0 wait "$job"
    succeeds berth exec --process <(cat "$T/process.json") "$ID"
}

# The processors that may be used, of a host that has two.
allowed() {
    awk '/^Cpus_allowed_list/ { print $2 }' <<<"$output"
}

@test "execCPUAffinity: of the process file or the container; without it all processors of the cgroup" {
    local all
    all=$(awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status)
    [[ $all == 0-* ]] || skip "needs two processors, the first among them"
    begin_with '.process.execCPUAffinity = {final: "1"}'
    try taskset -c 0 "$BERTH" --root "$ROOT" exec "$ID" cat /proc/self/status
    same "$(allowed)" 1 "the container's, whatever the caller has"
    process_file '.args = ["cat", "/proc/self/status"] | .execCPUAffinity = {initial: "1", final: "0"}'
    succeeds berth exec --process "$T/process.json" "$ID"
    same "$(allowed)" 0 "final"
    process_file '.args = ["cat", "/proc/self/status"] | .execCPUAffinity = {initial: "1"}'
    succeeds berth exec --process "$T/process.json" "$ID"
    same "$(allowed)" 1 "initial alone is kept"
    process_file '.args = ["cat", "/proc/self/status"] | .execCPUAffinity = {}'
    try taskset -c 0 "$BERTH" --root "$ROOT" exec --process "$T/process.json" "$ID"
    same "$(allowed)" "$all" "neither: not the caller's"
    process_file '.execCPUAffinity = {final: "8000"}'
    rejects_process "execCPUAffinity.final|none of them"
    process_file '.execCPUAffinity = {initial: "0,x"}'
    rejects_process "/execCPUAffinity/initial"
    # The container itself is not bound by it, nor by the caller's.
    berth delete --force "$ID"
    shell 'cat /proc/self/status'
    try taskset -c 0 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(allowed)" "$all" "init"
}

# ---- a hostile container --------------------------------------------------------------------------------------------

# bounded COMMAND...: soon done and with little memory, whether it works or says why not.
bounded() {
    try timeout "$PATIENCE" python3 "$BATS_TEST_DIRNAME/exec.py" measured "$T/measured" "$@"
    [ "$status" -eq 0 ] || { [ "$status" -eq 255 ] && one_error "" "$@"; } || tell_last "bounded: $*" || return 1
    local seconds memory
    read -r seconds memory <"$T/measured"
    awk -v s="$seconds" 'BEGIN { exit s >= 2 }' || fail "took $seconds s: $*" || return 1
    [ "$memory" -le 32768 ] || fail "took $memory KiB: $*"
}

@test "CVE-2026-47262 and kin: whatever /etc/passwd and /etc/group are, exec ends soon and with little memory" {
    begin_with
    local name file kind
    for name in passwd group; do
        file=$B/rootfs/etc/$name
        for kind in none directory fifo zero loop outside sparse line rows nul; do
            rm -rf "$file"
            case $kind in
            none) ;;
            directory) mkdir "$file" ;;
            fifo) mkfifo "$file" ;;
            zero) ln -s /dev/zero "$file" ;;
            loop) ln -s "../../../../etc/$name" "$file" ;;
            outside) ln -s /proc/self/fd/0 "$file" ;;
            sparse) truncate -s 1G "$file" ;;
            line) head -c 100000000 /dev/zero | tr '\0' a >"$file" ;;
            rows) yes 'a:b:c:d:e:f:g' | head -c 20000000 >"$file" ;;
            nul) printf 'x\0:x:7:7::/nul:/bin/sh\n' >"$file" ;;
            esac
            bounded "$BERTH" --root "$ROOT" exec --user 7:7 "$ID" sh -c 'echo $HOME' || fail "/etc/$name: $kind"
            [ "$status" -ne 0 ] || same "$output" / "HOME with /etc/$name: $kind"
        done
        rm -rf "$file"
        echo 'root:x:0:0:root:/root:/bin/sh' >"$file"
    done
}

# mount_in WORD...: mount(1) in the container's mount namespace, with the host's privileges.
mount_in() {
    nsenter -t "$(init_pid)" -m -- /bin/busybox mount "$@"
}

@test "a hostile /proc: nothing is written to it, and nothing that it should have done is left out" {
    add_probe
    local mine adj
    mine=$(cat /proc/self/oom_score_adj)
    adj=$((mine < 500 ? mine + 200 : mine))
    begin_with --argjson adj "$adj" '.process.oomScoreAdj = $adj
        | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
    mount_in -t tmpfs tmpfs /proc
    local kind before proc
    proc=/proc/$(init_pid)/root/proc
    before=$(host_status CapBnd "$(init_pid)")
    for kind in empty fake links; do
        case $kind in
        empty) ;;
        fake)
            mkdir -p "$proc"/{self,thread-self,1}/{attr,fd,ns,task/1/attr}
            touch "$proc"/{self,thread-self,1}/{oom_score_adj,{uid,gid}_map,setgroups,status,attr/exec,fd/0}
            ;;
        links)
            rm -rf "${proc:?}"/*
            ln -s /etc "$proc/self"
            ln -s /dev/zero "$proc/mounts"
            ;;
        esac
        try timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/pid" "$ID" sleep 1000
        [ "$status" -ne 255 ] || { one_error "" "exec with /proc: $kind" && continue; }
        same "$status" 0 "with /proc: $kind"
        pid=$(cat "$T/pid")
        same "$(cat "/proc/$pid/oom_score_adj")" "$adj" "with /proc: $kind"
        same "$(host_status CapBnd) $(host_status CapInh) $(host_status Seccomp) $(host_status NoNewPrivs)" \
            "$before 0000000000000000 2 1" "with /proc: $kind"
        same "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" 3 "descriptors"
        [ "$kind" != fake ] || same "$(find "$proc" -type f -size +0)" "" "what was written to a false /proc"
    done
}

@test "a process's own files of /proc that are covered by others" {
    local adj
    adj=$(cat /proc/self/oom_score_adj)
    adj=$((adj < 500 ? adj + 200 : adj))
    begin_with --argjson adj "$adj" '.process.oomScoreAdj = $adj'
    touch "$B/rootfs/tmp/file"
    mount_in --bind /tmp/file /proc/1/oom_score_adj
    try timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec "$ID" cat /proc/self/oom_score_adj
    [ "$status" -eq 255 ] || same "$output" "$adj"
    same "$(cat "$B/rootfs/tmp/file")" ""
}

# A container whose process 1 looks at every other one; others run in it by exec only. The canary is a file of the host
# that no container has. begin_watcher [CAPABILITY...]
begin_watcher() {
    needs program:gcc
    [ -x "$BATS_FILE_TMPDIR/exec_watcher" ] ||
        gcc -std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -static -o "$BATS_FILE_TMPDIR/exec_watcher" \
            "$BATS_TEST_DIRNAME/exec_watcher.c"
    cp "$BATS_FILE_TMPDIR/exec_watcher" "$B/rootfs/bin/exec_watcher"
    echo secret >"$T/canary"
    make_fifo result end
    chmod 0666 "$B/rootfs/result" "$B/rootfs/end"
    config '.process.capabilities |= map_values(. + $ARGS.positional) | .process.noNewPrivileges = false' --args -- "$@"
    payload exec_watcher /result "$T/canary"
    begin
    succeeds berth start "$ID"
    same "$(wait_for result)" ready
}

# Sets $verdict, what the watcher has to say, and $watched, how many processes it has come across.
end_watcher() {
    echo >"$B/rootfs/end"
    verdict=$(wait_for result)
    [[ $verdict =~ ^\ seen:([0-9]+) ]] || fail "the watcher says:$verdict" || return 1
    watched=${BASH_REMATCH[1]}
}

# Programs that are run, with another user, from a caller with open directories, and such that are not there: N of each.
visit() {
    local n
    for ((n = 0; n < $1; n++)); do
        with_open_directories "$BERTH" --root "$ROOT" exec "$ID" true </dev/null >/dev/null 2>&1
        "$BERTH" --root "$ROOT" exec --user 7 --cwd /tmp "$ID" true </dev/null >/dev/null 2>&1 3>&- 4>&-
        "$BERTH" --root "$ROOT" exec "$ID" frobnicate </dev/null >/dev/null 2>&1 3>&- 4>&- || true
    done
}

@test "CVE-2016-9962: a container that watches for who enters it gets nothing at all, in 300 execs" {
    local before
    before=$(sha256sum <"$BERTH")
    begin_watcher CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
    visit 100
    end_watcher
    same "$verdict" " seen:$watched" "what it found"
    [ "$watched" -ge 20 ]
    same "$(sha256sum <"$BERTH")" "$before" "the runtime's program"
}

@test "CVE-2016-9962: the same of root of a user namespace, with all capabilities there" {
    with_user
    begin_watcher CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
    visit 60
    end_watcher
    same "$verdict" " seen:$watched" "what it found"
    [ "$watched" -ge 20 ]
}

@test "CVE-2016-9962: with CAP_SYS_PTRACE, which lets it look into everybody, still nothing that leads to the host" {
    local before
    before=$(sha256sum <"$BERTH")
    begin_watcher CAP_SYS_PTRACE CAP_DAC_OVERRIDE
    visit 60
    end_watcher
    [ "$watched" -ge 20 ]
    lacks "$verdict" escape:
    lacks "$verdict" write:
    lacks "$verdict" "file:$T"
    lacks "$verdict" "file:/sys/fs/cgroup"
    same "$(sha256sum <"$BERTH")" "$before" "the runtime's program"
}

@test "the watcher of the tests before finds what there is to find" {
    begin_watcher CAP_SYS_PTRACE CAP_DAC_OVERRIDE
    "$BERTH" --root "$ROOT" exec --detach --preserve-fds 1 "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3<"$T" 4>&-
    "$BERTH" --root "$ROOT" exec --detach --preserve-fds 1 "$ID" sleep 1000 </dev/null >/dev/null 2>&1 \
        3<"$T/canary" 4>&-
    cp /bin/busybox "$B/rootfs/bin/busybox.other"
    succeeds berth exec --detach "$ID" /bin/busybox.other sleep 1000
    # It takes a round.
    visit 5
    end_watcher
    has "$verdict" "escape:fd/3"
    has "$verdict" "file:"
    has "$verdict" "ptrace:$(stat -c %i "$B/rootfs/bin/busybox.other")"
}

@test "CVE-2019-5736: the runtime's program, executed by exec in every way, cannot be overwritten" {
    needs program:gcc
    [ -x "$BATS_FILE_TMPDIR/exe_writer" ] || gcc -std=c17 -D_GNU_SOURCE -O1 -static -o "$BATS_FILE_TMPDIR/exe_writer" \
        "$BATS_TEST_DIRNAME/../attack/exe_writer.c"
    # A copy, or a test that finds something would destroy what it tests.
    cp "$BERTH" "$T/runtime"
    local before n entry
    before=$(sha256sum <"$T/runtime")
    cp "$BATS_FILE_TMPDIR/exe_writer" "$B/rootfs/bin/exe_writer"
    make_fifo result end
    ln -s /proc/self/exe "$B/rootfs/bin/linked"
    printf '#!/proc/self/exe\n' >"$B/rootfs/bin/script"
    chmod +x "$B/rootfs/bin/script"
    # What the image has itself is the image's affair.
    config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]) | .root.readonly = true'
    payload /bin/exe_writer /result 60
    begin
    succeeds berth start "$ID"
    same "$(wait_for result)" ready
    for n in {1..10}; do
        for entry in /proc/self/exe linked script /bin/linked true; do
            try timeout "$PATIENCE" "$T/runtime" --root "$ROOT" exec "$ID" "$entry" features
            [ "$status" -ne 124 ] || fail "exec of $entry hangs"
        done
    done
    echo >"$B/rootfs/end"
    verdict=$(wait_for result)
    same "$(sha256sum <"$T/runtime")" "$before" "the runtime's program"
    lacks "$verdict" written:
}

@test "code of the image: no name service, no loader, no locale of the container is used" {
    begin_with
    mkdir -p "$B/rootfs/lib" "$B/rootfs/usr/lib/locale"
    printf 'passwd: evil\ngroup: evil\n' >"$B/rootfs/etc/nsswitch.conf"
    mkfifo "$B/rootfs/etc/localtime" "$B/rootfs/etc/ld.so.cache" "$B/rootfs/etc/ld.so.preload" "$B/rootfs/etc/hosts"
    succeeds timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --user 7 -e LD_PRELOAD=/lib/evil.so \
        -e LANG=de_DE.UTF-8 "$ID" echo fine
    same "$output" fine
}

@test "a file system that has vanished below the container: an error, not a host's program" {
    begin_with
    rm -r "$B/rootfs/bin"
    exec_refuses 'exec: "true"|executable file not found' berth exec "$ID" true
    exec_refuses 'exec: "/bin/true"|no such file or directory' berth exec "$ID" /bin/true
}

# ---- many, and at bad times -----------------------------------------------------------------------------------------

@test "a program that ends at once is always noticed" {
    begin_with
    local n
    for n in {1..100}; do
        exits $((n % 3)) berth exec "$ID" sh -c "exit $((n % 3))"
    done
}

@test "200 at once: each works, nothing is left" {
    begin_with
    local before
    before=$(find "/proc/$(init_pid)/fd" | wc -l)
    succeeds exec_driver racing 200 0 "$BERTH" --root "$ROOT" exec "$ID" echo here
    same "$(find "/proc/$(init_pid)/fd" | wc -l)" "$before" "descriptors of process 1"
    same "$(wc -l <"$(cgroup_dir pids)/cgroup.procs")" 2 "processes of the container"
    inside true
}

@test "100 while process 1 is killed: each works or says why not; none hangs, nothing is left" {
    local round
    for round in 1 2 3 4 5; do
        begin_with
        exec_job racing 20 0,137,255 "$BERTH" --root "$ROOT" exec "$ID" sh -c 'echo here; exit 0'
        # After a few of them.
        try berth exec "$ID" true
        try berth kill "$ID" KILL
        exits 0 wait "$job" || fail "$(cat "$T/job")" || return 1
        eventually is_state "$ID" stopped
        exec_refuses "cannot exec in a stopped container" berth exec "$ID" true
        succeeds berth delete "$ID"
        absent
    done
}

@test "100 while the container is deleted by force" {
    local round
    for round in 1 2 3 4 5; do
        begin_with
        exec_job racing 20 0,137,255 "$BERTH" --root "$ROOT" exec "$ID" sh -c 'echo here; exit 0'
        try berth exec "$ID" true
        succeeds berth delete --force "$ID"
        exits 0 wait "$job" || fail "$(cat "$T/job")" || return 1
        absent
    done
}

@test "a PID namespace that is dying: an error, soon" {
    begin_with
    mkfifo "$T/out.up" "$T/out.end"
    # A process of it whose parent, outside, does not look after it: process 1 has to wait for that, dead as it is.
    exec_job unreaped "$T/out" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/out.pid" "$ID" sleep 1000
    same "$(cat "$T/out.up")" up
    local init
    init=$(init_pid)
    kill -KILL "$init"
    eventually grep -q '^State:.Z' "/proc/$(cat "$T/out.pid")/status"
    [ -e "/proc/$init" ]
    try timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec "$ID" true
    same "$status" 255
    one_error "" "exec into a dying container"
    echo >"$T/out.end"
    wait "$job"
    eventually is_state "$ID" stopped
}

@test "the runtime killed in the middle: the container runs on, and the next exec works" {
    begin_with
    make_fifo up
    in_background exec "$ID" sh -c 'echo up >/up; exec sleep 1000'
    same "$(wait_for up)" up
    kill -KILL "$job"
    wait "$job" || true
    same "$(state_of)" running
    inside echo next
    same "$output" next
}

@test "state, list, kill and delete of a container with programs of exec" {
    begin_with
    local init
    init=$(init_pid)
    background sleeper -- sleep 1000
    same "$(state_of) $(init_pid)" "running $init"
    exits 1 berth delete "$ID"
    succeeds berth kill --all "$ID" KILL
    eventually is_gone "$pid"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "a container in the caller's PID namespace: the program is a process of the cgroup, and delete ends it" {
    namespaces mount
    begin_running
    background sleeper -- sleep 1000
    same "$(readlink "/proc/$pid/ns/pid")" "$(readlink /proc/self/ns/pid)"
    succeeds berth delete --force "$ID"
    eventually is_gone "$pid"
    absent
}
