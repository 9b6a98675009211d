#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cli: options in every place and spelling, logs, help, version, spec, features and list.
load helpers

COMMANDS='create start run state kill delete list spec features'

# ---- version, help, unknown things ----------------------------------------------------------------------------------

@test "--version: four lines that engines read" {
    local flag
    for flag in --version -v -V -version; do
        succeeds "$BERTH" "$flag"
        same "$errors" ""
        same "$(wc -l <"$T/stdout")" 4 "lines"
        [[ $(sed -n 1p "$T/stdout") =~ ^"berth version "[0-9]+\.[0-9]+\.[0-9]+[^\ ]*$ ]]
        [[ $(sed -n 2p "$T/stdout") =~ ^"commit: "[^\ ]+$ ]]
        same "$(sed -n 3p "$T/stdout")" "spec: 1.3.0"
        [[ $(sed -n 4p "$T/stdout") =~ ^(\+[A-Z0-9_]+ ?)+$ ]]
    done
}

@test "--help: standard output, exit status 0, names each command and global option" {
    local word
    for word in --help -h -help; do
        succeeds "$BERTH" "$word"
        same "$errors" ""
    done
    for word in $COMMANDS help --root --log --log-format --debug --version --systemd-cgroup; do
        has "$output" "$word"
    done
}

@test "COMMAND --help: the command's own options, and nothing is done" {
    local command
    for command in $COMMANDS; do
        succeeds berth "$command" --help
        same "$errors" ""
        has "$output" "berth $command"
        same "$(berth "$command" -h)" "$output"
        # Also behind arguments and options that would otherwise count.
        succeeds berth "$command" --help some other things
        [ ! -e "$ROOT" ]
    done
    has "$(berth run --help)" --detach
    has "$(berth create --help)" --console-socket
    has "$(berth create --help)" --pid-file
    has "$(berth delete --help)" --force
}

@test "an unknown command, an empty one" {
    refuses 'unknown command "frobnicate"' berth frobnicate
    refuses 'unknown command ""' berth ''
    refuses 'unknown command "Run"' berth Run "$ID"
}

@test "unknown options are refused by name, and nothing is done" {
    make_bundle
    refuses --frobnicate "$BERTH" --frobnicate run "$ID"
    refuses --frobnicate berth create --frobnicate "$ID"
    refuses --frobnicate berth create "$ID" --frobnicate
    refuses --frobnicate=1 berth list --frobnicate=1
    refuses -Z berth delete -Z "$ID"
    refuses frobnicate berth list -xfrobnicate
    # Names are not abbreviated.
    refuses --bund berth create --bund "$B" "$ID"
    [ ! -e "$ROOT" ]
    refuses 'open robnicate' berth run -frobnicate "$ID" # -f FILE
}

@test "missing values and values where none belongs" {
    refuses --root "$BERTH" --root
    refuses --bundle berth create --bundle
    refuses --pid-file berth create "$ID" --pid-file
    refuses --no-pivot berth create --no-pivot=perhaps "$ID"
    refuses --preserve-fds berth create --preserve-fds many "$ID"
    refuses --preserve-fds berth create --preserve-fds=-1 "$ID"
    refuses --log-format berth --log-format xml list
    refuses --log-level berth --log-level loud list
    refuses --cgroup-manager berth --cgroup-manager other list
    refuses --format berth list --format yaml
}

@test "too few and too many arguments" {
    local command
    for command in create start run state kill delete; do
        refuses "argument is missing" berth "$command"
    done
    for command in create start run state; do
        refuses 'unexpected argument "two"' berth "$command" one two
    done
    refuses 'unexpected argument "three"' berth kill one 2 three
    refuses 'unexpected argument "x"' berth list x
    refuses 'unexpected argument "x"' berth features x
    refuses 'unexpected argument "x"' berth spec x
}

@test "an empty id and an id that looks like an option" {
    make_bundle
    refuses '""' berth create --bundle "$B" ''
    refuses 'does not exist' berth state -- -x
    [ ! -e "$ROOT/-x" ]
}

# ---- flags in any order and spelling --------------------------------------------------------------------------------

@test "options before and after the id, with = and without, with one dash and two" {
    make_bundle
    long_running
    try_create() {
        rm -f "$T/pid"
        succeeds "$BERTH" "$@"
        same "$(state_of)" created
        [ -s "$T/pid" ]
        succeeds berth delete "$ID"
    }
    try_create --root "$ROOT" create --bundle "$B" --pid-file "$T/pid" "$ID"
    try_create --root="$ROOT" create --bundle="$B" --pid-file="$T/pid" "$ID"
    try_create --root "$ROOT" create "$ID" --bundle "$B" --pid-file "$T/pid"
    try_create --root "$ROOT" create --pid-file "$T/pid" "$ID" -b "$B"
    try_create --root "$ROOT" create -b"$B" --pid-file "$T/pid" "$ID"
    try_create -root "$ROOT" create -bundle "$B" -pid-file "$T/pid" "$ID"
    try_create -root="$ROOT" create -bundle="$B" -pid-file="$T/pid" "$ID"
    try_create --root "$ROOT" create --pid-file "$T/pid" --no-pivot=false --no-new-keyring -b "$B" -- "$ID"
    try_create --root "$ROOT" create -no-subreaper --no-new-keyring=true --pid-file "$T/pid" -b "$B" "$ID"
    # The last one counts.
    try_create --root /nowhere --root "$ROOT" create -b /nowhere -b "$B" --pid-file "$T/pid" "$ID"
}

@test "the calls of the engines, word for word" {
    make_bundle
    long_running
    local log=$T/log.json
    # containerd's shim
    succeeds "$BERTH" --root "$ROOT" --log "$log" --log-format json create --bundle "$B" --pid-file "$T/pid" "$ID"
    succeeds "$BERTH" --root "$ROOT" --log "$log" --log-format json start "$ID"
    same "$(wait_for ready)" up
    succeeds "$BERTH" --root "$ROOT" --log "$log" --log-format json state "$ID"
    succeeds "$BERTH" --root "$ROOT" --log "$log" --log-format json kill --all "$ID" 9
    eventually is_state "$ID" stopped
    succeeds "$BERTH" --root "$ROOT" --log "$log" --log-format json delete --force "$ID"
    # Podman, conmon and CRI-O
    succeeds "$BERTH" --log-format=json --log "$log" --root="$ROOT" create --bundle "$B" --pid-file "$T/pid" \
        --no-new-keyring "$ID"
    succeeds "$BERTH" --root="$ROOT" kill -a "$ID" 9
    eventually is_state "$ID" stopped
    succeeds "$BERTH" --root="$ROOT" delete --force "$ID"
    succeeds "$BERTH" --root "$ROOT" list --format=json
    same "$(cat "$log")" "" "log"
}

@test "options of other runtimes are accepted" {
    mkdir -m 0700 "$ROOT"
    succeeds berth --criu /usr/sbin/criu list
    succeeds berth --rootless true list
    succeeds berth --rootless=auto list
    succeeds berth --rootless false list
    refuses --rootless berth --rootless perhaps list
    succeeds berth --cgroup-manager cgroupfs list
}

@test "the id ends no options, -- does" {
    make_bundle
    refuses "--bundle" berth create -- "$ID" --bundle
    refuses '"extra"' berth create "$ID" extra
    [ ! -e "$ROOT/$ID" ]
}

# ---- root -----------------------------------------------------------------------------------------------------------

@test "--root: relative to the current directory; different roots do not see each other" {
    make_bundle
    cd "$T"
    succeeds "$BERTH" --root state create --bundle "$B" "$ID"
    same "$(state_of)" created
    cd /
    same "$(state_of)" created
    mkdir -m 0700 "$T/other"
    refuses 'does not exist' "$BERTH" --root "$T/other" state "$ID"
    same "$("$BERTH" --root "$T/other" list -q)" ""
}

@test "--root / and an empty one are refused" {
    make_bundle
    refuses '/' "$BERTH" --root / create --bundle "$B" "$ID"
    refuses 'root' "$BERTH" --root // list
    exits 1 "$BERTH" --root '' create --bundle "$B" "$ID"
    [ ! -e "/$ID" ]
}

# ---- log ------------------------------------------------------------------------------------------------------------

# json_log TEXT: the log is one line, one JSON object, with what engines read in it.
json_log() {
    same "$(wc -l <"$T/log")" 1 "lines of the log"
    same "$(jq -s length <"$T/log")" 1 "objects in the log"
    same "$(jq -r .level <"$T/log")" error "level"
    has "$(jq -r .msg <"$T/log")" "$1" "msg"
    [[ $(jq -r .time <"$T/log") =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9:]{5})$ ]]
    date -d "$(jq -r .time <"$T/log")" >/dev/null
}

@test "--log-format json: exactly one line on failure, at whatever point" {
    make_bundle
    failing() {
        rm -f "$T/log"
        refuses "$1" berth --log "$T/log" --log-format json "${@:2}"
        json_log "$1"
    }
    failing 'does not exist' state "$ID"
    failing 'unknown command' frobnicate
    failing '--frobnicate' create --frobnicate "$ID"
    failing 'argument is missing' create
    payload /no/such/thing
    failing '/no/such/thing' create --bundle "$B" "$ID"
    failing '/no/such/thing' run --bundle "$B" "$ID"
    same "$(jq -r .code <"$T/log")" ENOENT
    same "$(jq -r .errno <"$T/log")" 2
    has "$(jq -r .path <"$T/log")" /process/args
    echo '{' >"$B/config.json"
    failing 'config.json' create --bundle "$B" "$ID"
}

@test "--log-format json: odd bytes in the message stay valid JSON" {
    refuses 'does not exist|' berth --log "$T/log" --log-format json state "plain" || true
    rm -f "$T/log"
    local id
    # Quotes, backslashes, control characters, what is no UTF-8.
    for id in 'a"b' 'a\b' $'a\nb' $'a\tb' $'a\033[31mb' $'a\377b' 'ä€'; do
        rm -f "$T/log"
        exits 1 berth --log "$T/log" --log-format json state "$id"
        same "$(wc -l <"$T/log")" 1 "lines of the log"
        same "$(wc -l <"$T/stderr")" 1 "lines of the error"
        jq -e 'type == "object" and .level == "error"' <"$T/log" >/dev/null
        iconv -f UTF-8 -t UTF-8 "$T/log" >/dev/null
        # No escape sequence may reach a terminal.
        if grep -q $'\033' "$T/stderr" "$T/log"; then
            fail "an escape character in the message"
        fi
    done
}

@test "--log: nothing is written when all is well" {
    make_bundle
    succeeds berth --log "$T/log" --log-format json run --bundle "$B" "$ID"
    [ -e "$T/log" ]
    same "$(cat "$T/log")" ""
}

@test "--log: the payload's exit status is no error" {
    make_bundle
    shell 'exit 3'
    exits 3 berth --log "$T/log" --log-format json run --bundle "$B" "$ID"
    same "$(cat "$T/log")" ""
    same "$errors" ""
}

@test "--log text: one line with level, message and the place, appended" {
    echo "what was there" >"$T/log"
    refuses 'does not exist' berth --log "$T/log" state "$ID"
    same "$(wc -l <"$T/log")" 2
    same "$(sed -n 1p "$T/log")" "what was there"
    has "$(sed -n 2p "$T/log")" 'level=error'
    has "$(sed -n 2p "$T/log")" 'does not exist'
    has "$(sed -n 2p "$T/log")" 'time='
    refuses 'does not exist' berth --log-format text --log "$T/log" state "$ID"
    same "$(wc -l <"$T/log")" 3
}

@test "--log: the error is on standard error as well, and the log has mode 0644 at most" {
    umask 0
    refuses 'does not exist' berth --log "$T/log" state "$ID"
    same "$(stat -c %a "$T/log")" 644
}

@test "--log that cannot be written: refused before anything is done" {
    make_bundle
    refuses "$T/no/log" berth --log "$T/no/log" create --bundle "$B" "$ID"
    refuses "$T" berth --log "$T" create --bundle "$B" "$ID"
    absent
}

@test "--log with a FIFO that nobody reads does not hang" {
    mkfifo "$T/log"
    exits 1 timeout 10 "$BERTH" --root "$ROOT" --log "$T/log" state "$ID"
}

@test "--debug says more, in the log and not on standard error" {
    make_bundle
    config '.someUnknownProperty = {"a": 1}'
    succeeds berth --debug --log "$T/log" --log-format json run --bundle "$B" "$ID"
    same "$errors" ""
    jq -es 'map(select(.level == "debug")) | length > 0' <"$T/log" >/dev/null
    has "$(cat "$T/log")" someUnknownProperty
}

# ---- spec -----------------------------------------------------------------------------------------------------------

@test "spec: a configuration that runs" {
    mkdir "$T/b"
    cp -a "$BATS_FILE_TMPDIR/rootfs" "$T/b/rootfs"
    cd "$T/b"
    succeeds berth spec
    same "$output$errors" ""
    B=$T/b
    same "$(jq -r .process.terminal <config.json)" true
    same "$(jq -c .process.args <config.json)" '["sh"]'
    config --arg path "$CGROUP/b" '.process.terminal = false | .linux.cgroupsPath = $path |
        .process.args = ["sh", "-c", "echo ran as $(id -u)"]'
    succeeds berth run "$ID"
    same "$output" "ran as 0"
}

@test "spec does not overwrite" {
    echo mine >config.json
    refuses 'config.json' berth spec
    same "$(cat config.json)" mine
    rm config.json
    ln -s "$T/target" config.json
    exits 1 berth spec
    [ ! -e "$T/target" ]
}

@test "spec --bundle DIR" {
    mkdir "$T/b"
    succeeds berth spec --bundle "$T/b"
    jq -e .ociVersion "$T/b/config.json" >/dev/null
    [ ! -e config.json ]
    rm "$T/b/config.json"
    succeeds berth spec -b b
    [ -e "$T/b/config.json" ]
    refuses "$T/missing" berth spec --bundle "$T/missing"
}

@test "spec --rootless: user namespace, no network namespace, no resources" {
    succeeds berth spec --rootless
    jq -e '[.linux.namespaces[].type] | index("user") and (index("network") | not)' config.json >/dev/null
    jq -e --argjson uid "$(id -u)" --argjson gid "$(id -g)" \
        '.linux.uidMappings == [{"containerID": 0, "hostID": $uid, "size": 1}] and
         .linux.gidMappings == [{"containerID": 0, "hostID": $gid, "size": 1}]' config.json >/dev/null
    jq -e '.linux.resources == null or (.linux.resources | length) == 0' config.json >/dev/null
    jq -e '[.mounts[].options // [] | .[]] | map(select(test("^[ug]id="))) == []' config.json >/dev/null
    jq -e '.mounts[] | select(.destination == "/sys") | .options | index("rbind") and index("ro")' \
        config.json >/dev/null
}

# as_nobody DIR COMMAND...: as an ordinary user in DIR, who need not be able to reach the program's path.
as_nobody() {
    python3 - "$@" <<'PYTHON'
import os, sys
program = os.open(sys.argv[2], os.O_RDONLY)
os.setgroups([]), os.setgid(65534), os.setuid(65534)
os.chdir(sys.argv[1])
os.execve(program, sys.argv[2:], os.environ)
PYTHON
}

# ---- features -------------------------------------------------------------------------------------------------------

@test "features: valid, and what engines look for is in it" {
    succeeds berth features
    same "$errors" ""
    jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0"' <<<"$output" >/dev/null
    jq -e '.hooks == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]' \
        <<<"$output" >/dev/null
    jq -e '.mountOptions | index("rro") and index("rbind") and index("tmpcopyup")' <<<"$output" >/dev/null
    jq -e '.mountOptions | map(type) | unique == ["string"]' <<<"$output" >/dev/null
    jq -e '.linux.namespaces | sort == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]' \
        <<<"$output" >/dev/null
    jq -e '.linux.capabilities | index("CAP_CHOWN") and index("CAP_SYS_ADMIN") and length >= 41' <<<"$output" >/dev/null
    jq -e '.linux.cgroup | .v1 == true and .v2 == true and (.systemd | type) == "boolean"' <<<"$output" >/dev/null
    jq -e '.linux.seccomp | .enabled and (.actions | index("SCMP_ACT_ERRNO")) and (.operators | index("SCMP_CMP_EQ"))
           and (.archs | index("SCMP_ARCH_X86_64")) and (.knownFlags | type == "array")' <<<"$output" >/dev/null
    jq -e '(.annotations | type) == "object" or .annotations == null' <<<"$output" >/dev/null
    jq -e '(.potentiallyUnsafeConfigAnnotations // []) | type == "array"' <<<"$output" >/dev/null
}

@test "features promises nothing that is refused" {
    make_bundle
    succeeds berth features
    local features=$output
    # Mount options are tried by another suite; here: notify.
    jq -e '.linux.mountExtensions.idmap.enabled' <<<"$features" >/dev/null
    jq -e '.mountOptions | index("idmap") != null and index("ridmap") != null' <<<"$features" >/dev/null
    jq -e '.linux.seccomp.actions | index("SCMP_ACT_NOTIFY") == null' <<<"$features" >/dev/null
    jq -e '.linux.netDevices.enabled != true and .linux.intelRdt.enabled != true' <<<"$features" >/dev/null
    jq -e '(.linux.memoryPolicy.modes // []) == []' <<<"$features" >/dev/null
}

@test "features announces mount options that work" {
    make_bundle
    succeeds berth features
    local option options
    # Each one on a mount of its own, but for those that need more than a flag.
    options=$(jq -c '["copy-symlink", "src-nofollow", "dest-nofollow"] as $bind |
        (.mountOptions - $bind - ["remount", "bind", "rbind", "mand", "idmap", "ridmap"] | to_entries |
            map({destination: "/tmp/m\(.key)", type: "tmpfs", source: "tmpfs", options: [.value]})) +
        (.mountOptions - (.mountOptions - $bind) |
            map({destination: "/tmp/\(.)", source: "/usr", options: ["rbind", .]}))' <<<"$output")
    config --argjson mounts "$options" '.mounts += $mounts | .process.args = ["true"]'
    succeeds berth run --bundle "$B" "$ID"
}

# ---- list -----------------------------------------------------------------------------------------------------------

@test "list: empty, in all formats" {
    mkdir -m 0700 "$ROOT"
    succeeds berth list --format json
    same "$(jq -c . <<<"$output")" '[]'
    succeeds berth list -q
    same "$output" ""
    succeeds berth list
    same "$(wc -l <"$T/stdout")" 1 "lines"
    same "$(xargs <"$T/stdout")" "ID PID STATUS BUNDLE CREATED OWNER"
}

@test "list: a custom root that does not exist is an error, the default one is empty" {
    refuses "$ROOT" berth list
    [ ! -e "$ROOT" ]
    succeeds "$BERTH" list -q
}

@test "list: table, JSON and quiet of three containers" {
    make_bundle a
    begin "${MARK}a"
    make_bundle b
    begin_running "${MARK}b"
    make_bundle c
    begin_stopped "${MARK}c"
    succeeds berth list
    same "$(wc -l <"$T/stdout")" 4 "lines"
    local pid
    pid=$(state_of "${MARK}a" pid)
    [[ $(sed -n 2p "$T/stdout" | xargs) =~ ^"${MARK}a $pid created $T/a 20"[^\ ]*"Z root"$ ]]
    pid=$(state_of "${MARK}b" pid)
    [[ $(sed -n 3p "$T/stdout" | xargs) =~ ^"${MARK}b $pid running $T/b 20" ]]
    [[ $(sed -n 4p "$T/stdout" | xargs) =~ ^"${MARK}c 0 stopped $T/c 20" ]]
    # Columns begin where their headings do.
    local column
    column=$(head -1 "$T/stdout" | grep -bo STATUS | cut -d: -f1)
    same "$(sed -n 3p "$T/stdout" | cut -c$((column + 1))-$((column + 7)))" running

    succeeds berth list --format json
    same "$(jq -r '[.[].id] | join(" ")' <<<"$output")" "${MARK}a ${MARK}b ${MARK}c"
    same "$(jq -r '[.[].status] | join(" ")' <<<"$output")" "created running stopped"
    same "$(jq -r '[.[].owner] | unique | join(" ")' <<<"$output")" root
    same "$(jq -r '.[0] | [.bundle, .rootfs] | join(" ")' <<<"$output")" "$T/a $T/a/rootfs"
    jq -e 'all(.[]; .ociVersion and .created and (.pid | type) == "number")' <<<"$output" >/dev/null

    succeeds berth list -q
    same "$output" "$(printf '%s\n' "${MARK}a" "${MARK}b" "${MARK}c")"
    same "$(berth list --quiet)" "$output"
    same "$(berth list -f table | head -1 | xargs)" "ID PID STATUS BUNDLE CREATED OWNER"
}

@test "list passes over what is no container and what is damaged" {
    make_bundle
    begin
    mkdir "$ROOT/.hidden" "$ROOT/empty" "$ROOT/damaged"
    echo '{"version": ' >"$ROOT/damaged/record.json"
    echo stray >"$ROOT/file"
    try berth list -q
    same "$status" 0
    same "$output" "$ID"
    rm -r "$ROOT/.hidden" "$ROOT/empty" "$ROOT/damaged" "$ROOT/file"
}

@test "output to a full device is an error" {
    mkdir -m 0700 "$ROOT"
    local command
    for command in list features --version --help; do
        try sh -c '"$@" >/dev/full' sh "$BERTH" --root "$ROOT" "$command"
        same "$status" 1 "status of $command"
        has "$errors" 'no space left on device'
    done
}

# has_steps NAME...: a debug line for each step, with its time, and in this order.
has_steps() {
    local name log
    log=$(sed -nE 's/^berth: debug: step (.*) \([0-9]+ us\)$/\1/p' "$T/stderr")
    for name; do
        has $'\n'"$log" $'\n'"$name" "steps" || return 1
        log=$'\n'"${log#*"$name"}"
    done
}

@test "--debug: a line for each step of create, start, exec and delete, with what it worked on and its time" {
    make_bundle
    make_fifo ready
    shell 'echo up >/ready; sleep 1000'
    succeeds berth --debug create --bundle "$B" "$ID"
    has_steps "reserve: $ID in $ROOT" "plan: bundle $B" "hold: root $B/rootfs" record "cgroup: $CGROUP/bundle" spawn \
        "mount: 5 mounts" "mount namespace" "rootfs: $B/rootfs" "hostname: box" "masked paths: 4 paths" pivot \
        "user: uid 0, gid 0" "exec: /bin/sh" "commit: $ID"
    has "$errors" "mount tmpfs on /dev (mounts[1])"
    succeeds berth --debug start "$ID"
    has_steps "container: $ID, process " "seccomp: 0 instructions" "exec: /bin/sh" "start: process "
    wait_for ready
    succeeds berth --debug exec --cwd /tmp --user 7:8 "$ID" true
    has_steps "container: $ID, process " "plan: true" spawn "user: uid 7, gid 8" "working directory: /tmp" "exec: /bin/true" \
        "exec: process "
    succeeds berth --debug delete --force "$ID"
    has_steps "end: process " "cgroup: $CGROUP/bundle removed" "forget: $ID"
}

@test "--debug: steps of run in a log, and none without it" {
    make_bundle
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg"], action: "SCMP_ACT_KILL"}]}'
    succeeds berth --debug --log "$T/log" --log-format json run --bundle "$B" "$ID"
    same "$errors" ""
    jq -se 'map(select(.level == "debug" and (.msg | startswith("step seccomp: ")))) | length == 1' "$T/log" >/dev/null
    succeeds berth run --bundle "$B" "$ID"
    same "$output$errors" ""
}
