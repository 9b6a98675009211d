#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# process: what the program of a container is given, read back from inside.
load helpers
load inside

prepare() {
    make_bundle
}

# ---- arguments, environment -----------------------------------------------------------------------------------------

@test "args: handed over to the byte" {
    payload printf '<%s>\n' one '' 'two words' $'line\nline' '$HOME' '*' 'é"\' -- -n
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'<one>\n<>\n<two words>\n<line\nline>\n<$HOME>\n<*>\n<é"\\>\n<-->\n<-n>'
    config '.process.args = ["sh", "-c", "echo $#"] + [range(5000) | "x"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" 4999
}

@test "args: the program is looked up in the container's PATH, in its order" {
    mkdir "$B/rootfs/one" "$B/rootfs/two"
    printf '#!/bin/sh\necho "$0"\n' | tee "$B/rootfs/one/tool" >"$B/rootfs/two/tool"
    chmod +x "$B/rootfs/two/tool"
    payload tool
    config '.process.env = ["PATH=/nowhere:/etc/passwd:/one:/two:/bin"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" /two/tool "the one that may not be executed is passed over"
    chmod +x "$B/rootfs/one/tool"
    succeeds berth run --bundle "$B" "$ID"
    same "$output" /one/tool
    # The caller's PATH has no say.
    config '.process.env = ["PATH=/two"]'
    succeeds env PATH=/one:/bin:/usr/bin "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" /two/tool
    # A name with a slash is not looked up: it is relative to the working directory.
    config '.process.cwd = "/one" | .process.args = ["./tool"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" ./tool
    config '.process.args = ["../two/tool"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" ../two/tool
}

@test "args: none, an empty one, one that is not there are refused by create" {
    config '.process.args = []'
    refuses "/process/args" berth create --bundle "$B" "$ID"
    absent
    config 'del(.process.args)'
    refuses "args" berth create --bundle "$B" "$ID"
    absent
    payload ''
    refuses "/process/args" berth create --bundle "$B" "$ID"
    absent
    payload no-such-tool
    refuses '"no-such-tool": executable file not found in $PATH' berth create --bundle "$B" "$ID"
    absent
    payload /etc/passwd
    refuses '/etc/passwd|ermission denied' berth create --bundle "$B" "$ID"
    absent
}

@test "env: exactly what is listed, and HOME" {
    config '.process.env = ["PATH=/bin", "A=1", "EMPTY=", "SPACE=a b", "EQUAL=a=b", "A=2", "LINE=x\ny", "é=ü"]'
    payload env
    BERTH_SECRET=leaked succeeds berth run --bundle "$B" "$ID"
    same "$(sort <<<"$output")" "$(sort <<<$'PATH=/bin\nEMPTY=\nSPACE=a b\nEQUAL=a=b\nA=2\nLINE=x\ny\né=ü\nHOME=/root')"
    config '.process.env = ["PATH=/bin", "HOME=/given"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$(sort <<<"$output")" $'HOME=/given\nPATH=/bin'
    config '.process.env = ["PATH=/bin", "HOME="]'
    succeeds berth run --bundle "$B" "$ID"
    same "$(sort <<<"$output")" $'HOME=/root\nPATH=/bin'
}

@test "env: malformed entries are refused" {
    local entry
    for entry in NOVALUE =value ''; do
        config --arg entry "$entry" '.process.env = ["PATH=/bin", $entry]'
        refuses "/process/env/1" berth create --bundle "$B" "$ID"
        absent
    done
}

# home_is EXPECTED: what HOME the program gets; its user is of the configuration.
home_is() {
    shell 'echo "$HOME"'
    succeeds timeout "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" "$1" "HOME${2:+ with $2}"
}

@test "HOME: found by the number of the user, never by the name" {
    # "1000" is also a name here, of user 0, and so is "0" of user 1000.
    cat >"$B/rootfs/etc/passwd" <<'PASSWD'
1000:x:0:0:root:/evil:/bin/sh
0:x:1000:1000::/thousand:/bin/sh
again:x:1000:1000::/second:/bin/sh
hex:x:0x3e9:1:::
PASSWD
    config '.process.user = {uid: 1000, gid: 1000}'
    home_is /thousand
    config '.process.user = {uid: 0, gid: 0}'
    home_is /evil
    config '.process.user = {uid: 1001, gid: 0}'
    home_is / "an entry in hexadecimal"
    # The number is what the program runs as, too.
    config '.process.user = {uid: 1000, gid: 1000}'
    run_shell 'id -u; id -g'
    same "$output" $'1000\n1000'
}

@test "HOME: whatever /etc/passwd is, create ends soon and does well" {
    local passwd=$B/rootfs/etc/passwd
    config '.process.user = {uid: 7, gid: 7}'
    rm "$passwd"
    home_is / "no file"
    mkdir "$passwd"
    home_is / "a directory"
    rmdir "$passwd"
    mkfifo "$passwd"
    home_is / "a FIFO"
    rm "$passwd"
    ln -s /dev/zero "$passwd"
    home_is / "a link to /dev/zero"
    rm "$passwd"
    ln -s ../../../../../../../../etc/passwd "$passwd"
    home_is / "a link to itself"
    rm "$passwd"
    printf 'x:x:7:7::/no/newline:/bin/sh' >"$passwd"
    home_is /no/newline "no newline at the end"
    printf 'x\n:::\n::::::\na:b:c:d:e:f:g\nx:x:7\nx:x:7:7\nx:x:7x:7::/x:\nx:x::7::/none:\nx:x:07:7::/ok:/bin/sh:\n' >"$passwd"
    home_is /ok "malformed lines before it"
    printf 'x:x:7:7::relative:/bin/sh\n' >"$passwd"
    home_is / "a relative directory"
    { head -c 70000 /dev/zero | tr '\0' a; printf ':x:7:7::/long:/bin/sh\nx:x:7:7::/after:/bin/sh\n'; } >"$passwd"
    home_is /after "a line that is too long before it"
    truncate -s 1G "$passwd"
    home_is / "a sparse file of 1 GiB"
}

# ---- working directory ----------------------------------------------------------------------------------------------

@test "cwd: there, missing, a link, in a mount" {
    mkdir -p "$B/rootfs/srv/real"
    ln -s /srv/real "$B/rootfs/link"
    ln -s ../../../../srv "$B/rootfs/up"
    payload sh -c 'pwd -P; stat -c "%a %u" .'
    local cwd expected
    while read -r cwd expected; do
        config --arg cwd "$cwd" '.process.cwd = $cwd'
        succeeds berth run --bundle "$B" "$ID"
        same "$output" "$expected"$'\n755 0' "cwd $cwd"
    done <<'TABLE'
/ /
/srv/real /srv/real
/srv/./real/../real/ /srv/real
/link /srv/real
/up/real /srv/real
/made/deep /made/deep
/link/made /srv/real/made
/../../../srv /srv
/dev /dev
/dev/made /dev/made
TABLE
    [ -d "$B/rootfs/made/deep" ]
    [ ! -e "$B/rootfs/dev/made" ]
}

@test "cwd: made for a user, whatever the caller's umask" {
    config '.process.cwd = "/made" | .process.user = {uid: 1000, gid: 1000}'
    umask 0777
    run_shell 'pwd; stat -c "%a" .'
    umask 022
    same "$output" $'/made\n755'
}

@test "cwd: relative, empty, a file, a dangling or magic link, not to be made" {
    local cwd
    ln -s /nowhere/at/all "$B/rootfs/dangling"
    ln -s loop "$B/rootfs/loop"
    for cwd in "" . tmp /etc/passwd /etc/passwd/x /loop /proc/self/root /proc/self/cwd /proc/1/root/tmp /proc/no; do
        config --arg cwd "$cwd" '.process.cwd = $cwd'
        refuses "/process/cwd" berth create --bundle "$B" "$ID"
        absent
    done
    config '.process.cwd = "/not/there" | .root.readonly = true'
    mount --bind "$B/rootfs" "$B/rootfs"
    mkdir -p "$B/rootfs/dev/pts" "$B/rootfs/dev/shm"
    mount -o remount,bind,ro "$B/rootfs"
    refuses "/process/cwd" berth create --bundle "$B" "$ID"
    absent
    umount "$B/rootfs"
}

@test "cwd: a dangling link is not made to be something" {
    ln -s /nowhere/at/all "$B/rootfs/dangling"
    config '.process.cwd = "/dangling"'
    try berth run --bundle "$B" "$ID"
    if [ "$status" -eq 0 ]; then
        # Made where the link leads to, inside.
        [ -d "$B/rootfs/nowhere/at/all" ]
    else
        has "$errors" /process/cwd
    fi
    [ ! -e /nowhere ]
}

# ---- user -----------------------------------------------------------------------------------------------------------

# ids FIELD: the numbers of a line of /proc/self/status.
ids() {
    field "$1" | tr '\t' ' ' | sed 's/ *$//'
}

@test "user: real, effective, saved and file system ids; groups exactly as listed" {
    payload cat /proc/self/status
    local uid gid groups expected
    while read -r uid gid groups expected; do
        config --argjson uid "$uid" --argjson gid "$gid" --argjson groups "$groups" \
            '.process.user = {uid: $uid, gid: $gid, additionalGids: $groups}'
        succeeds berth run --bundle "$B" "$ID"
        same "$(ids Uid)" "$uid $uid $uid $uid" uid
        same "$(ids Gid)" "$gid $gid $gid $gid" gid
        same "$(ids Groups)" "$expected" groups
    done <<'TABLE'
0 0 []
1000 1001 []
1000 1001 [5,3,4294967294,3] 3 3 5 4294967294
0 7 [0,7,100] 0 7 100
4294967294 4294967294 [1] 1
65534 0 [0] 0
TABLE
    config '.process.user = {uid: 1000, gid: 1001}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(ids Groups)" "" "groups without additionalGids"
}

@test "user: as many additional groups as the kernel takes" {
    local count
    for count in 32 33 1000 65536; do
        config --argjson count "$count" '.process.user = {uid: 7, gid: 8, additionalGids: [range(100; 100 + $count)]}'
        run_shell 'grep ^Groups: /proc/self/status | wc -w'
        same "$output" "$((count + 1))"
    done
}

@test "user: groups of the caller are not handed on" {
    payload cat /proc/self/status
    succeeds setpriv --groups 4,24,27 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(ids Groups)" ""
}

@test "user: numbers that are no ids are refused" {
    # 4294967295 means "leave it" to setresuid(2): the program would run as root.
    local user
    for user in '{"uid":4294967295,"gid":0}' '{"uid":0,"gid":4294967295}' '{"uid":4294967296,"gid":0}' \
        '{"uid":-1,"gid":0}' '{"uid":0,"gid":-1}' '{"uid":1.5,"gid":0}' '{"uid":"0","gid":0}' '{"uid":1e3,"gid":0}' \
        '{"uid":0,"gid":0,"additionalGids":[4294967295]}' '{"uid":0,"gid":0,"additionalGids":[-1]}' \
        '{"uid":0,"gid":0,"umask":512}' '{"uid":0,"gid":0,"umask":-1}'; do
        # By hand: jq would rewrite the numbers.
        sed "s/\"USER\"/$user/" <<<"$(jq '.process.user = "USER"' "$B/config.json")" >"$T/config.json"
        refuses "/process/user" berth create --bundle "$B" --config "$T/config.json" "$ID"
        absent
    done
}

@test "umask: 0022 unless given, whatever the caller's is" {
    local expected value
    for value in null 0 18 23 63 511; do
        config --argjson value "$value" '.process.user = ({uid: 0, gid: 0} + if $value == null then {} else {umask: $value} end)'
        [ "$value" != null ] || value=18
        printf -v expected '%04o' "$value"
        umask 0055
        run_shell 'umask; cat /proc/self/status'
        umask 0022
        same "$(head -n 1 <<<"$output")" "$expected"
        same "$(ids Umask)" "$expected"
    done
}

# ---- capabilities ---------------------------------------------------------------------------------------------------

# caps JSON: the capabilities of the configuration; then $output is the program's status.
caps() {
    config --argjson caps "$1" '.process.capabilities = $caps'
    payload cat /proc/self/status
    succeeds berth run --bundle "$B" "$ID"
}

# sets EXPECTED: inheritable, permitted, effective, bounding, ambient, in hexadecimal without leading zeros.
sets() {
    local name got=""
    for name in CapInh CapPrm CapEff CapBnd CapAmb; do
        got+=" $(field "$name" | sed 's/^0*\(.\)/\1/')"
    done
    same "${got# }" "$1" "inheritable, permitted, effective, bounding, ambient"
}

@test "capabilities: the five sets of a root program" {
    config '.process.noNewPrivileges = false'
    # The kernel gives a root program permitted = inheritable | bounding, effective = permitted (capabilities(7)).
    caps '{"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
           "effective": ["CAP_CHOWN"]}'
    sets "0 a1 a1 a1 0"
    # cap_chown 0, cap_kill 5, cap_setuid 7
    caps '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN"],
           "inheritable": ["CAP_KILL"]}'
    sets "20 21 21 21 0"
    # With noNewPrivileges it gains nothing over what it was given.
    config '.process.noNewPrivileges = true'
    caps '{"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
           "effective": ["CAP_CHOWN"]}'
    sets "0 21 21 a1 0"
}

@test "capabilities: the five sets of another user's program" {
    config '.process.user = {uid: 1000, gid: 1000}'
    caps '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN"]}'
    sets "0 0 0 21 0"
    caps '{"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
           "effective": ["CAP_CHOWN", "CAP_KILL"], "inheritable": ["CAP_KILL", "CAP_CHOWN"], "ambient": ["CAP_KILL"]}'
    sets "21 20 20 21 20"
    # Ambient capabilities are permitted and effective after the exec, whatever "effective" says.
    caps '{"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
    sets "20 20 20 20 20"
}

@test "capabilities: absent and empty sets are empty, for root and for others" {
    local user
    for user in 0 1000; do
        config --argjson user "$user" '.process.user.uid = $user'
        caps '{}'
        sets "0 0 0 0 0"
        caps '{"bounding": [], "permitted": [], "effective": [], "inheritable": [], "ambient": []}'
        sets "0 0 0 0 0"
        caps '{"effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}'
        sets "0 0 0 0 0"
    done
}

@test "capabilities: without the property all sets are empty, for root and for others" {
    local user
    for user in 0 1000; do
        config --argjson user "$user" '.process.user.uid = $user | del(.process.capabilities)'
        payload cat /proc/self/status
        succeeds berth run --bundle "$B" "$ID"
        same "$(field CapBnd) $(field CapEff) $(field CapPrm) $(field CapInh) $(field CapAmb)" \
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000"
    done
}

@test "capabilities: every name that the kernel has" {
    local all last
    last=$(cat /proc/sys/kernel/cap_last_cap)
    all=$(printf '"CAP_%s",' CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE \
        NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE \
        SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL \
        SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE)
    caps "{\"bounding\": [${all%,}], \"permitted\": [${all%,}], \"effective\": [${all%,}]}"
    # What the caller itself lacks cannot be given; a warning says so.
    local mine
    mine=$(field CapBnd "$(cat /proc/self/status)")
    same "$(field CapBnd)" "$mine"
    same "$(field CapEff)" "$mine"
    same "$last" 40
    if ! has_capability cap_sys_resource; then
        has "$errors" CAP_SYS_RESOURCE
        has "$errors" warning
    fi
}

@test "capabilities: unknown names and such that cannot be granted are warnings" {
    caps '{"bounding": ["CAP_KILL", "CAP_NO_SUCH"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}'
    sets "0 20 20 20 0"
    has "$errors" CAP_NO_SUCH
    has "$errors" warning
    # Ambient needs permitted and inheritable. Nothing is said: Buildah lists all capabilities as ambient.
    caps '{"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
    sets "0 20 20 20 0"
    same "$errors" ""
}

@test "capabilities: effective ones that are not permitted are not had" {
    config '.process.user = {uid: 1000, gid: 1000}'
    config '.process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"],
        "effective": ["CAP_KILL", "CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}'
    payload cat /proc/self/status
    try berth run --bundle "$B" "$ID"
    [ "$status" -ne 0 ] || sets "20 20 20 21 20"
}

@test "capabilities by effect: without CAP_CHOWN a root program cannot give a file away" {
    payload chown 5 /etc/passwd
    exits 1 berth run --bundle "$B" "$ID"
    config '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c %u "$B/rootfs/etc/passwd")" 5
}

@test "noNewPrivileges, secure bits, dumpable, signals: as a fresh program expects them" {
    add_probe
    local value expected
    for value in true false null; do
        expected=1
        [ "$value" = true ] || expected=0
        config --argjson value "$value" '.process.noNewPrivileges = $value | if $value == null then del(.process.noNewPrivileges) else . end'
        payload cat /proc/self/status
        # Signals that the caller ignores or blocks are nothing to the program.
        succeeds env --ignore-signal=HUP,INT,PIPE,USR1,CHLD --block-signal=TERM,USR2,WINCH \
            "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        same "$(field NoNewPrivs)" "$expected"
        same "$(field SigIgn)" 0000000000000000 "ignored signals"
        same "$(field SigBlk)" 0000000000000000 "blocked signals"
        same "$(field Seccomp)" 0
        payload probe privileges
        succeeds berth run --bundle "$B" "$ID"
        same "$(field nonewprivs)" "$expected"
        same "$(field securebits)$(field keepcaps)$(field pdeathsig)" 000
        same "$(field dumpable)" 1
    done
}

# ---- limits ---------------------------------------------------------------------------------------------------------

@test "rlimits: every kind, soft and hard" {
    add_probe
    # NICE, RTPRIO and the like have a hard limit of 0 here that only a privileged caller may raise.
    local rows='CPU:0:1000:2000 FSIZE:1:1073741824:1073741824 DATA:2:1073741824:4294967296 STACK:3:8388608:8388608
CORE:4:0:0 RSS:5:1234567:18446744073709551615 NPROC:6:77:78 NOFILE:7:99:100 MEMLOCK:8:4096:8192
AS:9:4294967296:18446744073709551615 LOCKS:10:5:6 SIGPENDING:11:7:8 MSGQUEUE:12:4096:8192 NICE:13:0:0 RTPRIO:14:0:0
RTTIME:15:1000000:2000000'
    local row json="" type number soft hard
    for row in $rows; do
        IFS=: read -r type number soft hard <<<"$row"
        json+=",{\"type\":\"RLIMIT_$type\",\"soft\":$soft,\"hard\":$hard}"
    done
    payload probe limits
    # By hand: jq would round the largest numbers.
    sed "s/\"LIMITS\"/[${json#,}]/" <<<"$(jq '.process.rlimits = "LIMITS"' "$B/config.json")" >"$T/config.json"
    succeeds berth run --bundle "$B" --config "$T/config.json" "$ID"
    for row in $rows; do
        IFS=: read -r type number soft hard <<<"$row"
        same "$(field "limit$number")" "$soft $hard" "RLIMIT_$type"
    done
}

@test "rlimits: those that are not listed are the caller's" {
    add_probe
    payload probe limits
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 64}]'
    succeeds prlimit --core=0:123456 --stack=1048576:2097152 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(field limit4)" "0 123456"
    same "$(field limit3)" "1048576 2097152"
    same "$(field limit7)" "64 64"
}

@test "rlimits: unknown, twice, soft above hard, not numbers" {
    local limits
    while read -r limits; do
        sed "s/\"LIMITS\"/$limits/" <<<"$(jq '.process.rlimits = "LIMITS"' "$B/config.json")" >"$T/config.json"
        refuses "/process/rlimits" berth create --bundle "$B" --config "$T/config.json" "$ID"
        absent
    done <<'TABLE'
[{"type":"RLIMIT_NOSUCH","soft":1,"hard":1}]
[{"type":"NOFILE","soft":1,"hard":1}]
[{"type":"","soft":1,"hard":1}]
[{"soft":1,"hard":1}]
[{"type":"RLIMIT_NOFILE","soft":10,"hard":10},{"type":"RLIMIT_NOFILE","soft":10,"hard":10}]
[{"type":"RLIMIT_NOFILE","soft":11,"hard":10}]
[{"type":"RLIMIT_NOFILE","soft":-1,"hard":10}]
[{"type":"RLIMIT_NOFILE","soft":1,"hard":18446744073709551616}]
TABLE
}

@test "rlimits: what the caller may not raise is an error that names it" {
    ! has_capability cap_sys_resource || skip "the caller may raise every limit"
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 4000, hard: 4000}]'
    refuses "/process/rlimits/0|ot permitted" prlimit --nofile=1000:1000 "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    absent
}

@test "oomScoreAdj: set, zero, left alone" {
    payload cat /proc/self/oom_score_adj
    local value mine
    mine=$(cat /proc/self/oom_score_adj)
    for value in 1000 555 "$mine"; do
        config --argjson value "$value" '.process.oomScoreAdj = $value'
        succeeds berth run --bundle "$B" "$ID"
        same "$output" "$value"
    done
    config 'del(.process.oomScoreAdj)'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "$mine" "without the property"
    # Of a caller with another one, which a child may raise and not lower again.
    succeeds sh -c 'echo 300 >/proc/self/oom_score_adj; exec "$@"' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" 300 "the caller's"
    same "$(cat /proc/self/oom_score_adj)" "$mine" "of the test itself"
}

@test "oomScoreAdj: out of range, and lower than the caller may" {
    local value
    for value in 1001 -1001 4294967296; do
        config --argjson value "$value" '.process.oomScoreAdj = $value'
        refuses "/process/oomScoreAdj" berth create --bundle "$B" "$ID"
        absent
    done
    has_capability cap_sys_resource || {
        config '.process.oomScoreAdj = -999'
        refuses "/process/oomScoreAdj|ermission denied" berth create --bundle "$B" "$ID"
        absent
    }
}

# ---- session, keyring -----------------------------------------------------------------------------------------------

@test "session: the program leads its own, without a terminal" {
    add_probe
    payload probe session
    succeeds berth run --bundle "$B" "$ID"
    same "$(field pid) $(field sid) $(field pgid)" "1 1 1"
    has "$(field tty)" "No such device or address"
    # Not of the caller's session in the caller's PID namespace, either.
    config '.linux.namespaces |= map(select(.type != "pid"))'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field sid) $(field pgid)" "$(field pid) $(field pid)"
}

@test "keyring: a session keyring of its own; the caller's with --no-new-keyring" {
    add_probe
    config '.process.capabilities.effective += ["CAP_SYS_ADMIN"]'
    payload probe keyring
    succeeds berth run --bundle "$B" "$ID"
    has "$(field keyring)" "_ses.$ID"
    # Possessor and user may search it.
    same "$(field keyring | cut -d';' -f1-3)" "keyring;0;0"
    succeeds berth run --no-new-keyring --bundle "$B" "$ID"
    lacks "$(field keyring)" "$MARK"
    same "$(field keyring | sed 's/.*;//')" "$("$BATS_FILE_TMPDIR/probe" keyring | sed 's/.*;//')"
    # Two containers do not share one.
    succeeds berth run --bundle "$B" "${MARK}other"
    has "$(field keyring)" "_ses.${MARK}other"
}

# ---- no process, and what is not there yet --------------------------------------------------------------------------

@test "process: absent: created, but not to be started" {
    config 'del(.process)'
    begin
    same "$(state_of)" created
    exits 1 berth start "$ID"
    has "$errors" process
    succeeds berth delete --force "$ID"
    absent
}

@test "process: what is not honoured yet is refused by its name" {
    local json
    while read -r json; do
        config --argjson more "$json" '.process += $more'
        refuses "$(jq -r 'keys[0]' <<<"$json")" berth create --bundle "$B" "$ID"
        absent
        config --argjson more "$json" '.process |= with_entries(select(.key as $k | $more | has($k) | not))'
    done <<'TABLE'
{"scheduler": {"policy": "SCHED_BATCH"}}
{"ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 1}}
TABLE
}
