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
    for command in $(commands); do
        succeeds berth "$command" --help
        same "$errors" ""
        same "$(berth help "$command")" "$output" "help $command"
    done
    refuses 'unknown command "craete"|did you mean "create"' berth help craete
    refuses 'unexpected argument "extra"' berth help run extra
}

# The commands that help lists.
commands() {
    "$BERTH" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
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

@test "--debug: a misspelt property is named, and what it was meant to be" {
    make_bundle
    config '.process.agrs = ["x"] | .linux.resource = {} | .frobnicate = 1'
    succeeds berth --debug run --bundle "$B" "$ID"
    has "$errors" 'unknown property /process/agrs ignored, did you mean "args"?'
    has "$errors" 'unknown property /linux/resource ignored, did you mean "resources"?'
    [[ $errors == *$'unknown property /frobnicate ignored\n'* || $errors == *'unknown property /frobnicate ignored' ]]
}

# ---- what messages advise -------------------------------------------------------------------------------------------

@test "no config.json: --bundle and spec are named" {
    refuses "open config.json: no such file or directory|--bundle|berth spec" berth run "$ID"
    refuses "open config.json: no such file or directory|--bundle|berth spec" berth create --bundle "$T" "$ID"
    refuses "open $T/x.json: no such file or directory" berth create --config "$T/x.json" "$ID"
}

@test "a terminal without a console socket: both ways out are named" {
    make_bundle
    config '.process.terminal = true'
    refuses "setting console socket|pass --console-socket|process.terminal to false" berth create --bundle "$B" "$ID"
    refuses "setting console socket|pass --console-socket|process.terminal to false" \
        berth run --detach --bundle "$B" "$ID"
    config '.process.terminal = false'
    begin_running
    exits 255 berth exec --detach --tty "$ID" true
    has "$errors" "pass --console-socket, or ask for no terminal"
}

@test "a program on the command line of run and create: process.args is named" {
    refuses 'run: unexpected argument "sh": the command comes from process.args' berth run "$ID" sh
    refuses 'run: unexpected argument "sh": the command comes from process.args' berth run "$ID" sh -c 'echo x'
    refuses 'create: unexpected argument "sh": the command comes from process.args' berth create "$ID" sh
}

@test "a command in one word, and a program that is not executable" {
    make_bundle
    payload "/bin/sleep 30"
    refuses 'exec: "/bin/sleep 30": words are not split|process.args: no such file or directory' \
        berth run --bundle "$B" "$ID"
    payload "sleep 30"
    refuses 'exec: "sleep 30": words are not split|executable file not found in $PATH' berth run --bundle "$B" "$ID"
    payload /bin/none
    refuses 'exec: "/bin/none": no such file or directory' berth run --bundle "$B" "$ID"
    lacks "$errors" split
    echo '#!/bin/sh' >"$B/rootfs/bin/script"
    chmod 0644 "$B/rootfs/bin/script"
    payload /bin/script
    # Engines make exit status 126 of "permission denied".
    refuses 'exec: "/bin/script": not executable (mode 0644): permission denied' berth run --bundle "$B" "$ID"
    begin_running
    exits 255 berth exec "$ID" /bin/script
    has "$errors" 'not executable (mode 0644): permission denied'
    exits 255 berth exec "$ID" "echo hello"
    has "$errors" 'words are not split'
}

@test "exec -it and -i, as people type it" {
    make_bundle
    begin_running
    try sh -c 'echo words | "$@"' sh "$BERTH" --root "$ROOT" exec -i "$ID" cat
    same "$status $output$errors" "0 words"
    succeeds berth exec --interactive "$ID" true
    succeeds berth exec -it "$ID" tty
    [[ $output == /dev/pts/* ]]
    succeeds berth exec -ti "$ID" tty
    [[ $output == /dev/pts/* ]]
}

@test "sizes of update: the suffixes are named" {
    refuses 'update: --memory: expected a number of bytes|k, m, g, t or p|found "10X"' berth update --memory 10X "$ID"
    refuses 'update: --pids-limit: expected a number, found "many"' berth update --pids-limit many "$ID"
}

@test "rlimits, --cgroup and ping_group_range: what is wrong is named" {
    make_bundle
    begin_running
    exits 255 berth exec --cgroup none "$ID" true
    has "$errors" '--cgroup "none"'
    succeeds berth delete --force "$ID"
    payload true
    if ! has_capability cap_sys_resource; then
        config '.process.rlimits = [{type: "RLIMIT_STACK", soft: 1048576, hard: 1048576},
            {type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_NPROC", soft: 9999999, hard: 9999999}]'
        refuses 'set RLIMIT_NPROC to soft 9999999, hard 9999999|(config /process/rlimits/2)' \
            berth run --bundle "$B" "$ID"
        config 'del(.process.rlimits)'
    fi
    config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] |
        .linux.gidMappings = .linux.uidMappings | .linux.sysctl = {"net.ipv4.ping_group_range": "0 1000"} |
        .mounts |= map(select(.type != "sysfs" and .type != "devpts"))'
    refuses 'ping_group_range|are both groups mapped|invalid argument' berth run --bundle "$B" "$ID"
}

# ---- warnings -------------------------------------------------------------------------------------------------------

@test "capabilities that berth does not have: one line for all sets" {
    make_bundle
    config '.process.capabilities = (["bounding", "effective", "permitted", "inheritable"] | map({key: .,
        value: ["CAP_KILL", "CAP_SYS_TIME", "CAP_SYS_RESOURCE"]}) | from_entries)'
    succeeds setpriv --bounding-set -sys_time,-sys_resource "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$errors" "berth: warning: capabilities that berth does not have cannot be granted: \
CAP_SYS_RESOURCE, CAP_SYS_TIME"
}

@test "capabilities without effect are warned about" {
    make_bundle
    local kill='["CAP_KILL"]' both='["CAP_KILL", "CAP_CHOWN"]'
    config ".process.capabilities = {bounding: $both, permitted: $both, ambient: $kill}"
    succeeds berth run --bundle "$B" "$ID"
    same "$errors" "berth: warning: ambient capabilities must be permitted and inheritable as well, so these are not \
raised: CAP_KILL (config /process/capabilities/ambient)"
    # Each exec, as of a health check, need not say it again.
    begin_running
    lacks "$(berth exec "$ID" true 2>&1)" warning
    succeeds berth delete --force "$ID"
    payload true
    # What Buildah writes for every container.
    config ".process.capabilities = {bounding: $both, permitted: $both, effective: $both, ambient: $both}"
    succeeds berth run --bundle "$B" "$ID"
    same "$errors" ""
    config ".process.capabilities = {bounding: $both, permitted: $kill, effective: $both}"
    succeeds berth run --bundle "$B" "$ID"
    same "$errors" "berth: warning: effective capabilities that are not permitted are not granted: CAP_CHOWN (config \
/process/capabilities/effective)"
}

# ---- output ---------------------------------------------------------------------------------------------------------

@test "list --format json is one line" {
    make_bundle a
    begin "${MARK}a"
    make_bundle b
    begin "${MARK}b"
    succeeds berth list --format json
    same "$(wc -l <"$T/stdout")" 1 "lines"
    same "$(jq -c '[.[].id]' <"$T/stdout")" "[\"${MARK}a\",\"${MARK}b\"]"
}

@test "--version: what was built" {
    succeeds "$BERTH" --version
    has "$(sed -n 4p "$T/stdout")" "+SECCOMP"
    has "$(sed -n 4p "$T/stdout")" "+CRIU"
    if berth features | jq -e .linux.cgroup.systemd; then
        has "$(sed -n 4p "$T/stdout")" "+SYSTEMD"
    fi
}

# C1 control characters (U+009B begins a command as ESC [ does), DEL, and what turns the direction of writing.
STEERING=$'\u0080\u0085\u009b\u009f\u007f\u061c\u200e\u200f\u202a\u202e\u2066\u2069'

# harmless: neither stream of the last command has any of them, nor a control character.
harmless() {
    local file char
    for file in "$T/stdout" "$T/stderr" "$@"; do
        for char in $'\u0080' $'\u0085' $'\u009b' $'\u009f' $'\u007f' $'\u061c' $'\u200e' $'\u200f' $'\u202a' $'\u202e' \
            $'\u2066' $'\u2069' $'\033'; do
            if LC_ALL=C grep -qF "$char" "$file"; then
                fail "$(printf '%q' "$char") in $file: $(cat -v "$file")" || return 1
            fi
        done
    done
}

@test "characters that steer a terminal never reach it: state, list, errors, logs" {
    local name="b$STEERING"$'ä€\u00a0'
    make_bundle
    mv "$B" "$T/$name"
    B=$T/$name
    config --arg text "$STEERING" '.annotations = {"note": $text, ("key" + $text): "x"}'
    begin
    succeeds berth state "$ID"
    harmless
    same "$(jq -r .bundle <"$T/stdout")" "$B" # escaped, not lost
    same "$(jq -r .annotations.note <"$T/stdout")" "$STEERING"
    has "$output" 'ä€'
    has "$output" '\u009b'
    has "$output" '\u202e'
    succeeds berth list --format json
    harmless
    same "$(jq -r '.[0].bundle' <"$T/stdout")" "$B"
    succeeds berth list
    harmless
    has "$output" 'ä€'
    has "$output" '\u009b'
    succeeds berth delete "$ID"
    payload "/bin/$STEERING"
    exits 1 berth --log "$T/log" --log-format json run --bundle "$B" "$ID"
    harmless "$T/log"
    jq -e '.msg | contains("\u009b")' "$T/log" >/dev/null
    exits 1 berth --log "$T/text" run --bundle "$B" "$ID"
    harmless "$T/text"
    exits 1 berth "$STEERING"
    harmless
    config --arg text "$STEERING" '.linux.rootfsPropagation = $text'
    exits 1 berth run --bundle "$B" "$ID"
    harmless
}

@test "characters that steer a terminal never reach it: the output of a hook, the names of processes" {
    make_bundle
    printf '#!/bin/sh\nprintf "%%s" "%s"\nexit 1\n' "x${STEERING}y" >"$T/hook"
    chmod 0755 "$T/hook"
    config --arg path "$T/hook" '.hooks.createRuntime = [{path: $path}]'
    exits 1 berth run --bundle "$B" "$ID"
    has "$errors" 'output: x'
    harmless
    config 'del(.hooks)'
    long_running
    config --arg text "$STEERING" '.process.args += [$text]'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    mkdir "$T/bin"
    # A ps that takes a name as it is.
    printf '#!/bin/sh\necho PID CMD\necho %s "%s"\n' "$(state_of "$ID" pid)" "$STEERING" >"$T/bin/ps"
    chmod 0755 "$T/bin/ps"
    PATH=$T/bin:$PATH succeeds berth ps "$ID"
    harmless
    has "$output" '\u202e'
}

# ---- README.md ------------------------------------------------------------------------------------------------------

# block HEADING: the first block of README.md below a heading.
block() {
    awk -v heading="### $1" '/^##/ { below = $0 == heading } below && /^```/ { if (inside++) exit; next } below && inside' \
        "$SOURCE/README.md"
}

# on_terminal COMMAND...: runs it in cgroups and on a terminal of its own, and types "exit" at each prompt of a root shell.
# Prints what the terminal has shown, then a line with the number of prompts. The status is the command's.
on_terminal() {
    in_own_cgroup timeout 30 python3 - "$@" <<'PYTHON'
import os, pty, re, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, fresh, prompts = b"", b"", 0
while True:
    try:
        data = os.read(master, 4096)
    except OSError:
        data = b""
    if not data:
        break
    shown, fresh = shown + data, fresh + data
    if re.search(rb"/ # (\x1b\[6n)?$", fresh): # busybox asks where the cursor is
        prompts, fresh = prompts + 1, b""
        os.write(master, b"exit\n")
sys.stdout.buffer.write(shown + b"\n%d\n" % prompts)
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128)
PYTHON
}

@test "README: the commands of \"By hand\" run as they stand there" {
    needs root program:python3
    block "By hand" >"$T/block"
    has "$(cat "$T/block")" "berth run --detach"
    tar -C "$BATS_FILE_TMPDIR/rootfs" -cf "$T/my-root.tar" .
    mkdir "$T/bin"
    printf '#!/bin/sh\nexec "%s" --root "%s" "$@"\n' "$BERTH" "$ROOT" >"$T/bin/berth"
    chmod 0755 "$T/bin/berth"
    cd "$T"
    PATH=$T/bin:$PATH succeeds on_terminal bash -e "$T/block"
    same "$(tail -n 1 "$T/stdout")" 2 "prompts"
    lacks "$output" "berth:"
    same "$(berth list -q)" ""
}

@test "README: the commands of \"Without root\" run as they stand there" {
    needs root userns program:python3 program:setpriv
    block "Without root" >"$T/block"
    has "$(cat "$T/block")" "berth spec --rootless"
    mkdir -p "$T/bin" "$T/home/bundle" "$T/xdg"
    cp -a "$BATS_FILE_TMPDIR/rootfs" "$T/home/bundle/rootfs"
    cp "$BERTH" "$T/bin/berth"
    chown -R 1000:1000 "$T/home" "$T/xdg"
    chmod 0700 "$T/xdg"
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}" "$T/bin/berth"
    cd "$T/home"
    XDG_RUNTIME_DIR=$T/xdg PATH=$T/bin:$PATH succeeds on_terminal \
        setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all -- bash -e "$T/block"
    same "$(tail -n 1 "$T/stdout")" 1 "prompts"
    lacks "$output" "berth:"
}

@test "README: JSON and TOML that are to be copied are valid, and have what the engines ask for" {
    needs program:python3
    python3 - "$SOURCE/README.md" <<'PYTHON'
import json, re, sys, tomllib
blocks = re.findall(r"^```\n(.*?)^```$", open(sys.argv[1]).read(), re.M | re.S)
parsed = [json.loads(b) for b in blocks if b.startswith("{")]
parsed += [tomllib.loads(b) for b in blocks if re.search(r"^\[", b, re.M)]
assert len(parsed) >= 4, len(parsed)
crio = next(p["crio"]["runtime"]["runtimes"]["berth"] for p in parsed if "crio" in p)
assert crio["runtime_root"] == "/run/berth", crio
assert re.fullmatch(r"[0-9]+[KM]iB", crio["container_min_memory"]), crio
PYTHON
}

# ---- the manual -----------------------------------------------------------------------------------------------------

# page NAME: the page as plain text, with lines that are long enough for every tag.
page() {
    groff -man -Tascii -P-cbou -rLL=300n "$SOURCE"/man/"$1".[15]
}

# options_of_page NAME, options_of_help [COMMAND]: the long names, sorted.
options_of_page() {
    page "$1" | sed -n '/^OPTIONS/,/^[A-Z]/p' | grep -E '^ {7}-' | grep -oE -- '--[a-z0-9-]+' | sort
}

options_of_help() {
    "$BERTH" "$@" --help | grep -oE '^  (-[a-zA-Z], |    )--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort
}

@test "manual: every page renders without a warning, and keeps its quotes" {
    needs program:groff
    local file
    for file in "$SOURCE"/man/*.[15]; do
        succeeds groff -man -ww -Tutf8 "$file"
        same "$errors" "" "warnings of $file"
        # A macro takes a quote for the bounds of an argument unless it is written \(dq.
        if grep -nE '^\.[A-Z]+ .*[^ "]"[^ "]' "$file"; then
            fail "$file: these quotes are not printed"
        fi
    done
    has "$(page berth-events)" '{"type":"stats","id":"ID","data":DATA}'
    has "$(page berth-events)" '{"type":"oom","id":"ID"}'
}

@test "manual: each command has a page with just its options" {
    needs program:groff
    local command pages=0
    same "$(options_of_page berth)" "$(options_of_help)" "options of berth"
    for command in $(commands); do
        has "$(page berth)" "berth-$command(1)"
        case $command in
        run) same "$({ options_of_page berth-create && options_of_page berth-run; } | sort -u)" \
            "$(options_of_help run)" "options of run" ;;
        *) same "$(options_of_page "berth-$command")" "$(options_of_help "$command")" "options of $command" ;;
        esac
        pages=$((pages + 1))
    done
    same "$pages" "$(find "$SOURCE/man" -name 'berth-*.1' | wc -l)" "pages"
    has "$(page berth)" "berth help [COMMAND]"
}

@test "manual: berth(1) has every exit status, berth-config(5) what a bind mount keeps" {
    needs program:groff
    local text
    text=$(page berth | sed -n '/^EXIT STATUS/,/^ENVIRONMENT/p')
    has "$text" 255
    has "$text" "berth-exec(1)"
    has "$text" "berth-restore(1)"
    has "$(page berth | grep -A3 -e --debug)" "unknown"
    has "$(page berth-config | sed -n '/^   mounts/,/^   linux/p')" "keeps the flags of its source"
}

@test "a bind mount keeps the flags of its source, as berth-config(5) says" {
    make_bundle
    mkdir "$T/source"
    mount -t tmpfs -o noexec,nodev,size=64k source "$T/source"
    config --arg source "$T/source" '.mounts += [{destination: "/tmp/a", type: "bind", source: $source,
        options: ["bind"]}, {destination: "/tmp/b", type: "bind", source: $source, options: ["bind", "exec", "ro"]}]'
    run_shell 'grep " /tmp/" /proc/self/mounts'
    umount "$T/source"
    local kept='^[^ ]+ /tmp/a tmpfs rw,nodev,noexec,' named='^[^ ]+ /tmp/b tmpfs ro,nodev,relatime'
    [[ $(sed -n 1p "$T/stdout") =~ $kept ]] || tell_last "kept?"
    [[ $(sed -n 2p "$T/stdout") =~ $named ]] || tell_last "named?"
}
