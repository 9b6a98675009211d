#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# errors: each bad input gets exit status 1, one line that names the fault and its place, and leaves nothing at all.
load helpers

prepare() {
    make_bundle
    cp "$B/config.json" "$T/good.json"
    tree=$(find "$B/rootfs")
}

# What a refused create must not have touched: state, cgroups, and the root file system.
untouched() {
    absent || return 1
    same "$(find "$B/rootfs")" "$tree" "files of the root file system"
}

# rejects WHAT FILTER [JQ OPTION...]: the good configuration with FILTER applied is refused, and nothing is touched.
# WHAT: words of the message, separated by '|'; the first one may be a JSON pointer: the path in the log must begin so.
rejects() {
    local what=$1 filter=$2
    shift 2
    jq "$@" "$filter" <"$T/good.json" >"$B/config.json"
    rejects_as_is "$what" || fail "(the configuration was changed by: $filter $*)"
}

# rejects_all: the same for each line "WHAT<tab>FILTER" of standard input, with a single run of jq.
rejects_all() {
    local what=() filters=() n program=
    while IFS=$'\t' read -r text filter; do
        what+=("$text")
        filters+=("$filter")
        program+="${program:+,}($filter)"
    done
    jq -c "$program" "$T/good.json" >"$T/variants" || return 1
    mapfile -t variants <"$T/variants"
    same "${#variants[@]}" "${#what[@]}" "configurations made of ${#what[@]} filters" || return 1
    for n in "${!what[@]}"; do
        printf '%s' "${variants[n]}" >"$B/config.json"
        rejects_as_is "${what[n]}" || fail "(the configuration was changed by: ${filters[n]})" || return 1
    done
}

rejects_as_is() {
    local text=$1 place=
    if [[ $text == /* ]]; then
        place=${text%%|*}
        text=${text#"$place"}
    fi
    rm -f "$T/log"
    refuses "${text#|}" berth --log "$T/log" --log-format json create --bundle "$B" "$ID" || return 1
    [ -z "$place" ] || is_place "$place" || return 1
    untouched
}

# is_place POINTER: the path in the log begins with it.
is_place() {
    local path
    [[ $(<"$T/log") =~ \"path\":\ ?\"([^\"]*)\" ]] && path=${BASH_REMATCH[1]}
    [[ ${path:=nothing} == "$1"* ]] || fail "path in the log: expected $1, got $path, with: $errors"
}

# accepts FILTER [JQ OPTION...]: it runs.
accepts() {
    local filter=$1
    shift
    jq "$@" "$filter" <"$T/good.json" >"$B/config.json"
    succeeds berth run --bundle "$B" "$ID"
}

# fails_at STEP PLACE COMMAND...: the JSON line of the log has both.
fails_at() {
    rm -f "$T/log"
    refuses "" "${@:3}" || return 1
    same "$(jq -r '[.step, .path] | join(" ")' "$T/log")" "$1 $2" "step and place of: $errors"
}

# fails_by CALL STEP PLACE FILTER: the kernel refuses CALL.
fails_by() {
    jq "$4" <"$T/good.json" >"$B/config.json"
    inject "$1:error=EPERM"
    fails_at "$2" "$3" "${through[@]}" "$BERTH" --root "$ROOT" --log "$T/log" --log-format json create --bundle "$B" "$ID"
}

@test "what the kernel refuses has its step and its place in the config, too" {
    local poor=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource)
    local create=("$BERTH" --root "$ROOT" --log "$T/log" --log-format json create --bundle "$B" "$ID")
    jq '.process.oomScoreAdj = -900' <"$T/good.json" >"$B/config.json"
    fails_at "oom score" /process/oomScoreAdj "${poor[@]}" "${create[@]}"
    jq '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 9}]' <"$T/good.json" >"$B/config.json"
    fails_at rlimits /process/rlimits/0 prlimit --core=0:0 "${poor[@]}" "${create[@]}"
    has "$errors" "RLIMIT_CORE"
    fails_by personality personality /linux/personality '.linux.personality = {domain: "LINUX32"}'
    fails_by setgroups user /process/user/additionalGids '.process.user.additionalGids = [7]'
    fails_by sethostname hostname /hostname .
    fails_by setdomainname hostname /domainname '.domainname = "x.y"'
    fails_by setresuid user /process/user/uid '.process.user.uid = 9'
    fails_by setresgid user /process/user/gid '.process.user.gid = 9'
    fails_by mknodat devices /linux/devices/0 \
        '.linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 5}]'
}

# ---- the bundle -----------------------------------------------------------------------------------------------------

@test "no bundle, no config.json, or something else in its place" {
    refuses "$T/missing|No such file or directory" berth create --bundle "$T/missing" "$ID"
    absent
    refuses "Not a directory" berth create --bundle "$T/good.json" "$ID"
    absent
    rm "$B/config.json"
    rejects_as_is "config.json|No such file or directory"
    mkdir "$B/config.json"
    rejects_as_is "config.json|directory"
    rmdir "$B/config.json"
    mkfifo "$B/config.json"
    rejects_as_is "config.json|not a regular file"
    rm "$B/config.json"
    ln -s /dev/zero "$B/config.json"
    rejects_as_is "config.json|not a regular file"
    rm "$B/config.json"
    ln -s config.json "$B/config.json"
    rejects_as_is "config.json"
    rm "$B/config.json"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$B/config.json"
    rejects_as_is "config.json"
}

@test "--config: another file; a missing one is refused" {
    refuses "$T/missing.json|No such file" berth create --config "$T/missing.json" --bundle "$B" "$ID"
    absent
    echo broken >"$B/config.json"
    succeeds berth create --config "$T/good.json" --bundle "$B" "$ID"
}

@test "the current directory is the bundle by default, and has no config.json" {
    refuses "config.json|No such file" berth create "$ID"
    absent
}

@test "malformed JSON: line and column" {
    local text
    while IFS=$'\t' read -r place text; do
        printf '%b' "$text" >"$B/config.json"
        rejects_as_is "config.json:$place"
    done <<'CASES'
1:	
2:	   \n
1:	nonsense
1:	[]
1:	"text"
1:	42
1:	null
1:	{"ociVersion"}
1:	{"ociVersion": }
2:	{"ociVersion": "1.2.0",\n}
3:	{\n"ociVersion": "1.2.0"\n"root": {}}
1:	{"ociVersion": "1.2.0"} {}
1:	{"ociVersion": "1.2.0"}}
1:	{'ociVersion': '1.2.0'}
1:	{"ociVersion": "1.\q"}
1:	{"ociVersion": "\xff\xfe"}
1:	{"ociVersion": "a\\u0000b"}
2:	{\n"ociVersion": "1.2.0", "ociVersion": "1.2.0"}
1:	{"a": 1e999999, "ociVersion": 1}
1:	\xef\xbb\xbf{"ociVersion": 3}
CASES
}

@test "truncated JSON at many places" {
    local size cut
    jq -c . "$T/good.json" | tr -d '\n' >"$T/whole"
    size=$(stat -c %s "$T/whole")
    for cut in 1 2 5 17 40 99 200 401 799 $((size - 400)) $((size - 2)) $((size - 1)); do
        head -c "$cut" "$T/whole" >"$B/config.json"
        rejects_as_is "config.json:1:"
    done
}

@test "depth and size are bounded" {
    python3 -c 'print("{\"ociVersion\": \"1.2.0\", \"x\": " + "[" * 100000 + "]" * 100000 + "}")' >"$B/config.json"
    rejects_as_is "config.json"
    python3 -c 'print("{\"ociVersion\": \"1.2.0\", \"x\": " + "{\"a\":" * 70 + "1" + "}" * 70 + "}")' >"$B/config.json"
    rejects_as_is "config.json"
    python3 -c 'print("{\"ociVersion\": \"1.2.0\", \"x\": \"" + "y" * (17 << 20) + "\"}")' >"$B/config.json"
    rejects_as_is "config.json"
}

@test "wrong types: line, column and place" {
    # The message itself has the pointer, too.
    sed -E 's/^([^\t]*)/\1|config.json:|\1/' <<'CASES' >"$T/cases"
/ociVersion	.ociVersion = 1
/root	.root = "rootfs"
/root/path	.root.path = 5
/root/readonly	.root.readonly = "yes"
/hostname	.hostname = ["box"]
/process	.process = []
/process/args	.process.args = "true"
/process/args/1	.process.args = ["echo", 1]
/process/env/0	.process.env = [{"PATH": "/bin"}]
/process/cwd	.process.cwd = true
/process/terminal	.process.terminal = 1
/process/user/uid	.process.user.uid = "root"
/process/user/uid	.process.user.uid = -1
/process/user/uid	.process.user.uid = 4294967296
/process/user/gid	.process.user.gid = 1.5
/process/user/additionalGids/0	.process.user.additionalGids = ["1"]
/process/user/umask	.process.user.umask = "022"
/process/capabilities	.process.capabilities = ["CAP_CHOWN"]
/process/rlimits/0/soft	.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": "64", "hard": 64}]
/process/rlimits/0/hard	.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": -1}]
/process/noNewPrivileges	.process.noNewPrivileges = "true"
/process/oomScoreAdj	.process.oomScoreAdj = "10"
/mounts	.mounts = {}
/mounts/1	.mounts[1] = "/dev"
/mounts/0/destination	.mounts[0].destination = 1
/mounts/1/options	.mounts[1].options = "ro"
/mounts/1/options/0	.mounts[1].options = [7]
/hooks	.hooks = []
/hooks/prestart	.hooks.prestart = {}
/hooks/poststop/0	.hooks.poststop = ["/bin/true"]
/hooks/createRuntime/0/path	.hooks.createRuntime = [{"path": 1}]
/annotations	.annotations = []
/annotations/key	.annotations = {"key": 1}
/linux	.linux = "linux"
/linux/namespaces	.linux.namespaces = {}
/linux/namespaces/0/type	.linux.namespaces[0].type = 1
/linux/uidMappings	.linux.uidMappings = {}
/linux/devices/0/major	.linux.devices = [{"path": "/dev/x", "type": "c", "major": "1", "minor": 3}]
/linux/cgroupsPath	.linux.cgroupsPath = 7
/linux/resources	.linux.resources = 7
/linux/resources/memory/limit	.linux.resources.memory = {"limit": "1g"}
/linux/resources/memory/limit	.linux.resources.memory = {"limit": 9223372036854775808}
/linux/resources/cpu/shares	.linux.resources.cpu = {"shares": -1}
/linux/resources/pids/limit	.linux.resources.pids = {"limit": 1.5}
/linux/resources/devices/0/allow	.linux.resources.devices = [{"allow": "no"}]
/linux/sysctl	.linux.sysctl = []
/linux/maskedPaths/0	.linux.maskedPaths = [0]
/linux/seccomp	.linux.seccomp = []
/linux/seccomp/syscalls/0/args/0/index	.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "action": "SCMP_ACT_ERRNO", "args": [{"index": "0", "value": 1, "op": "SCMP_CMP_EQ"}]}]}
CASES
    rejects_all <"$T/cases"
}

@test "unknown words where the specification lists the allowed ones" {
    rejects_all <<'CASES'
/linux/namespaces/0/type|pidd	.linux.namespaces[0].type = "pidd"
/linux/namespaces/0/type	.linux.namespaces[0].type = "PID"
/process/rlimits/0/type|RLIMIT_FILES	.process.rlimits = [{"type": "RLIMIT_FILES", "soft": 1, "hard": 1}]
/linux/rootfsPropagation|sharedd	.linux.rootfsPropagation = "sharedd"
/linux/devices/0|x	.linux.devices = [{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}]
/linux/resources/devices/0|q	.linux.resources.devices = [{"allow": true, "type": "q", "access": "r"}]
/linux/resources/devices/0|rx	.linux.resources.devices = [{"allow": true, "type": "c", "access": "rx"}]
/linux/seccomp/defaultAction|SCMP_ACT_MAYBE	.linux.seccomp = {"defaultAction": "SCMP_ACT_MAYBE"}
/linux/seccomp/architectures/0|SCMP_ARCH_PDP11	.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}
/linux/seccomp/flags/0|SECCOMP_FILTER_FLAG_NONE	.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NONE"]}
/linux/seccomp/syscalls/0/args/0/op|SCMP_CMP_IS	.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_IS"}]}]}
/linux/personality|LINUX64	.linux.personality = {"domain": "LINUX64"}
CASES
}

@test "unknown properties are no error" {
    accepts '.x = 1 | .process.y = {"a": [1, {"b": null}]} | .linux.z = "z" | .linux.resources.memory.w = true |
        .mounts[0].v = [] | .windows = {"layerFolders": 7} | .vm = {} | .solaris = {} | .zos = {}'
}

@test "ociVersion: missing, no semantic version, not known" {
    rejects ociVersion 'del(.ociVersion)'
    local version
    for version in '' 1 1.2 1.2.x x.y.z 1.2.3.4 v1.2.0 ' 1.2.0' '1.2.0 ' 1.02.0 -1.0.0 1.2.0- 1.2.0+; do
        rejects "/ociVersion" '.ociVersion = $v' --arg v "$version"
    done
    rejects "/ociVersion|2.0.0" '.ociVersion = "2.0.0"'
    rejects "/ociVersion|0.5.0" '.ociVersion = "0.5.0"'
    for version in 1.0.0 1.0.2-dev 1.2.1 1.3.0 1.1.0+dev 1.0.0-rc5; do
        accepts '.ociVersion = $v' --arg v "$version"
    done
}

@test "root: missing, not there, no directory, relative" {
    rejects 'root' 'del(.root)'
    rejects '/root|path' 'del(.root.path)'
    rejects '/root/path' '.root.path = ""'
    rejects '/root/path|No such file or directory|missing' '.root.path = "missing"'
    rejects '/root/path|/nowhere/at/all' '.root.path = "/nowhere/at/all"'
    rejects '/root/path|Not a directory' '.root.path = "config.json"'
    mkfifo "$B/fifo"
    rejects '/root/path|Not a directory' '.root.path = "fifo"'
    accepts '.root.path = $v' --arg v "$B/rootfs"
    accepts '.root.path = "./rootfs/../rootfs/"'
}

# ---- ids ------------------------------------------------------------------------------------------------------------

@test "ids: malformed ones are refused by every command, and no path is touched" {
    local id command before
    mkdir -m 0700 "$ROOT"
    before=$(find "$T" -not -name std\* | sort)
    for id in '' . .. ... .x a/b a/ /a ../x a/../b "$T/abs" 'a b' ' a' 'a ' a:b a,b a@b 'a*b' 'a?b' 'a\b' "a'b" 'a"b' \
        '$x' '`x`'         a=b a%b 'a#b' 'a~b' ä 名前 $'a\nb' $'a\tb' $'a\033b' $'a\177b' $'\377' "$(printf 'a%.0s' {1..1025})"; do
        refuses "invalid container ID format" berth create --bundle "$B" -- "$id"
        refuses "invalid container ID format" berth run --bundle "$B" -- "$id"
        for command in start state kill delete; do
            refuses "invalid container ID format" berth "$command" -- "$id"
        done
        same "$(find "$T" -not -name std\* | sort)" "$before" "files after the id <$id>"
    done
}

@test "ids: the odd ones that are allowed" {
    local id
    config 'del(.hostname) | .linux.namespaces |= map(select(.type == "mount" or .type == "pid"))'
    for id in a 0 _ + -- -a a. a..b 1.2-3_4+5 "$(printf 'a%.0s' {1..255})"; do
        same "$id" "$id"
        exits 0 berth run --bundle "$B" -- "$id"
        [ ! -e "$ROOT/$id" ]
    done
    # Longer than a file name may be: a clear refusal, not a crash. Up to there the rules allow it.
    exits 1 berth run --bundle "$B" -- "$(printf 'a%.0s' {1..300})"
    has "$errors" 'too long'
}

@test "ids: a long one, longer than the path of a socket, through the whole life" {
    local id
    id=$MARK$(printf 'x%.0s' {1..200})
    begin "$id"
    succeeds berth start "$id"
    eventually is_state "$id" stopped
    succeeds berth delete "$id"
    absent "$id"
}

# ---- namespaces and mappings ----------------------------------------------------------------------------------------

@test "namespaces: duplicates" {
    local type
    for type in pid network mount ipc uts user cgroup time; do
        rejects "/linux/namespaces/|duplicate namespace type \"$type\"" \
            '.linux.namespaces = [{"type": "mount"}, {"type": $t}, {"type": $t}] |
             .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}] |
             .linux.gidMappings = .linux.uidMappings' --arg t "$type"
    done
    rejects "duplicate namespace type" '.linux.namespaces = [{"type": "mount"}, {"type": "pid"},
        {"type": "pid", "path": "/proc/self/ns/pid"}]'
}

@test "namespaces: paths of the wrong kind, that do not exist, or are no namespaces" {
    local type other
    for type in pid:net network:ipc ipc:uts uts:pid cgroup:mnt; do
        other=${type#*:} type=${type%:*}
        rejects "/linux/namespaces/1|/proc/self/ns/$other" \
            '.hostname = null | .linux.namespaces = [{"type": "mount"}, {"type": $t, "path": "/proc/self/ns/\($o)"}]' \
            --arg t "$type" --arg o "$other"
    done
    rejects "/linux/namespaces/0|/proc/self/ns/uts" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount", "path": "/proc/self/ns/uts"}]'
    rejects "/linux/namespaces/1|/no/such/ns|No such file" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "uts", "path": "/no/such/ns"}]'
    rejects "/linux/namespaces/1|/etc/passwd" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "uts", "path": "/etc/passwd"}]'
    rejects "/linux/namespaces/1" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "uts", "path": "/"}]'
    rejects "/linux/namespaces/1|ns/uts|absolute" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "uts", "path": "proc/self/ns/uts"}]'
    mkfifo "$T/fifo"
    rejects "/linux/namespaces/1|$T/fifo" \
        'del(.hostname) | .linux.namespaces = [{"type": "mount"}, {"type": "uts", "path": $p}]' --arg p "$T/fifo"
    rejects "/linux/namespaces/0" '.linux.namespaces = [{"path": "/proc/self/ns/uts"}]'
}

@test "names and sysctls need namespaces of their own" {
    rejects "/hostname|UTS namespace" 'del(.linux.namespaces[] | select(.type == "uts"))'
    rejects "/domainname|UTS namespace" 'del(.linux.namespaces[] | select(.type == "uts")) | del(.hostname) |
        .domainname = "d"'
    rejects "/linux/sysctl/net.ipv4.ip_forward|network namespace" '
        del(.linux.namespaces[] | select(.type == "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
    rejects "/linux/sysctl/kernel.shmmax|ipc namespace" 'del(.linux.namespaces[] | select(.type == "ipc")) |
        .linux.sysctl = {"kernel.shmmax": "1"}'
    rejects "/linux/sysctl/kernel.core_pattern" '.linux.sysctl = {"kernel.core_pattern": "|/bin/true"}'
    rejects "/linux/sysctl/kernel.hostname|hostname" '.linux.sysctl = {"kernel.hostname": "x"}'
    rejects "/linux/sysctl/vm.overcommit_memory" '.linux.sysctl = {"vm.overcommit_memory": "1"}'
    rejects "core_pattern" '.linux.sysctl = {"net.ipv4/../../kernel/core_pattern": "x"}'
    rejects "core_pattern" '.linux.sysctl = {"net/../kernel/core_pattern": "x"}'
    rejects "/linux/sysctl/" '.linux.sysctl = {"": "x"}'
    rejects "/linux/sysctl/net.ipv4.ip_forward" '.linux.sysctl = {"net.ipv4.ip_forward": "1\n2"}'
    rejects "maskedPaths|mount namespace" 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = []'
}

@test "sysctl: a name that does not exist" {
    rejects "net.ipv4.no_such_thing|/linux/sysctl/" '.linux.sysctl = {"net.ipv4.no_such_thing": "1"}' || {
        # Found out in the container, after its mounts were made: nothing but mount points may be left.
        refuses "net.ipv4.no_such_thing" berth create --bundle "$B" "$ID"
        absent
    }
}

@test "id mappings: without a user namespace, without size, overlapping, too large, one of two" {
    local mapping='[{"containerID": 0, "hostID": 100000, "size": 1000}]'
    rejects "/linux/uidMappings|user namespace" '.linux.uidMappings = $m' --argjson m "$mapping"
    rejects "/linux/gidMappings|user namespace" '.linux.gidMappings = $m' --argjson m "$mapping"
    user='.linux.namespaces += [{"type": "user"}] |'
    rejects "/linux/uidMappings" "$user ."
    rejects "/linux/gidMappings" "$user .linux.uidMappings = \$m" --argjson m "$mapping"
    rejects "/linux/uidMappings" "$user .linux.gidMappings = \$m" --argjson m "$mapping"
    local both="$user .linux.uidMappings = \$m |
        .linux.gidMappings = [{\"containerID\": 0, \"hostID\": 1, \"size\": 9}]"
    rejects "/linux/uidMappings/0|size" "$both" --argjson m '[{"containerID": 0, "hostID": 0, "size": 0}]'
    rejects "/linux/uidMappings/0" "$both" --argjson m '[{"containerID": 0, "hostID": 0}]'
    rejects "/linux/uidMappings/0" "$both" --argjson m '[{"hostID": 0, "size": 1}]'
    rejects "/linux/uidMappings/0" "$both" --argjson m '[{"containerID": 4294967295, "hostID": 0, "size": 2}]'
    rejects "/linux/uidMappings/0" "$both" --argjson m '[{"containerID": 0, "hostID": 4294967295, "size": 2}]'
    rejects "/linux/uidMappings/1" "$both" --argjson m '[{"containerID": 0, "hostID": 0, "size": 10},
        {"containerID": 9, "hostID": 100, "size": 10}]'
    rejects "/linux/uidMappings/1" "$both" --argjson m '[{"containerID": 0, "hostID": 0, "size": 10},
        {"containerID": 100, "hostID": 9, "size": 10}]'
}

# ---- process --------------------------------------------------------------------------------------------------------

@test "process: args, cwd, env, user" {
    rejects "/process/args" '.process.args = []'
    rejects "/process/args" 'del(.process.args)'
    rejects "/process/args" '.process.args = [""]'
    rejects "/process/cwd|absolute" '.process.cwd = "tmp"'
    rejects "/process/cwd" '.process.cwd = ""'
    rejects "/process/cwd" 'del(.process.cwd)'
    rejects "/process/env/1|NOVALUE" '.process.env = ["A=b", "NOVALUE"]'
    rejects "/process/env/0" '.process.env = ["=x"]'
    rejects "/process/env/0" '.process.env = [""]'
    rejects "/process/user" '.process.user.uid = 4294967295'
    rejects "/process/user" '.process.user.gid = 4294967295'
    rejects "/process/user/umask" '.process.user.umask = 512'
    rejects "/process/user/additionalGids" '.process.user.additionalGids = [1, 4294967295]'
    rejects "/process/oomScoreAdj|1001" '.process.oomScoreAdj = 1001'
    rejects "/process/oomScoreAdj" '.process.oomScoreAdj = -1001'
    rejects "/process/consoleSize" '.process.terminal = true | .process.consoleSize = {"width": 65536, "height": 1}'
}

@test "process: missing: create is allowed, start is not" {
    config 'del(.process)'
    begin
    same "$(state_of)" created
    exits 1 berth start "$ID"
    has "$errors" process
    succeeds berth delete --force "$ID"
    absent
    exits 1 berth run --bundle "$B" "$ID"
    absent
}

@test "rlimits: duplicates, soft above hard, no type" {
    rejects "/process/rlimits/1|RLIMIT_NOFILE|duplicate" '.process.rlimits = [
        {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}, {"type": "RLIMIT_NOFILE", "soft": 32, "hard": 32}]'
    rejects "/process/rlimits/2|duplicate" '.process.rlimits = [
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]'
    rejects "/process/rlimits/0|RLIMIT_NOFILE" '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 65, "hard": 64}]'
    rejects "/process/rlimits/0" '.process.rlimits = [{"soft": 1, "hard": 2}]'
    rejects "/process/rlimits/0" '.process.rlimits = [{"type": "RLIMIT_NOFILE", "hard": 64}]'
    rejects "/process/rlimits/0" '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 64}]'
}

@test "terminal: detached needs a console socket, a console socket needs a terminal" {
    rejects "/process/terminal|console socket" '.process.terminal = true'
    cp "$T/good.json" "$B/config.json"
    refuses "console socket|/process/terminal" berth create --console-socket "$T/none" --bundle "$B" "$ID"
    absent
    config '.process.terminal = true'
    refuses "$T/none" berth create --console-socket "$T/none" --bundle "$B" "$ID"
    absent
    : >"$T/file"
    refuses "$T/file" berth create --console-socket "$T/file" --bundle "$B" "$ID"
    absent
    refuses "console socket" berth run --detach --bundle "$B" "$ID"
    absent
}

@test "--preserve-fds: descriptors that are not open" {
    with_descriptors() {
        berth create --bundle "$B" --preserve-fds 3 "$ID" 3</dev/null 4</dev/null 5<&-
    }
    exits 1 with_descriptors
    has "$errors" "5"
    absent
}

# ---- mounts ---------------------------------------------------------------------------------------------------------

@test "mounts: no destination, no type, no source, the root itself, below /proc" {
    rejects "/mounts/5" '.mounts += [{"type": "tmpfs", "source": "tmpfs"}]'
    rejects "/mounts/5" '.mounts += [{"destination": "", "type": "tmpfs"}]'
    rejects "/mounts/5|/mnt" '.mounts += [{"destination": "/mnt", "source": "x"}]'
    rejects "/mounts/5|source" '.mounts += [{"destination": "/mnt", "type": "bind", "options": ["bind"]}]'
    local top
    for top in / // /. /.. /tmp/.. ./; do
        rejects "/mounts/5" '.mounts += [{"destination": $d, "type": "tmpfs", "source": "tmpfs"}]' --arg d "$top"
    done
    rejects "/mounts/5|/proc/self/attr" \
        '.mounts += [{"destination": "/proc/self/attr", "type": "tmpfs", "source": "t"}]'
    rejects "/mounts/5|/proc" '.mounts += [{"destination": "/tmp/../proc/1", "type": "tmpfs", "source": "t"}]'
    rejects "/mounts/0|/proc" '.mounts[0].type = "tmpfs"'
}

@test "mounts: a bind source that does not exist" {
    rejects "/mounts/5|$T/missing|No such file or directory" \
        '.mounts += [{"destination": "/mnt", "type": "bind", "source": $s, "options": ["rbind"]}]' --arg s "$T/missing"
    rejects "/mounts/5|missing" \
        '.mounts += [{"destination": "/mnt", "type": "none", "source": "missing", "options": ["bind", "ro"]}]'
    ln -s nowhere "$T/dangling"
    rejects "/mounts/5|$T/dangling" \
        '.mounts += [{"destination": "/mnt", "source": $s, "options": ["bind"]}]' --arg s "$T/dangling"
    rejects "/mounts/5|/etc/passwd/x" \
        '.mounts += [{"destination": "/mnt", "source": "/etc/passwd/x", "options": ["bind"]}]'
    # The first component that is wrong is told, too.
    rejects "/mounts/5" '.mounts += [{"destination": "/mnt", "source": "/nowhere/at/all", "options": ["bind"]}]'
}

@test "mounts: options of a file system on a bind mount are passed over with a warning" {
    config '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["bind", "size=1k"]}]'
    succeeds berth run --bundle "$B" "$ID"
    has "$errors" 'size=1k'
    has "$errors" '/mounts/5'
}

@test "mounts: id mappings that cannot be" {
    local mapping='[{"containerID": 0, "hostID": 1, "size": 1}]' bind='"destination": "/mnt", "source": "/tmp"'
    rejects "/mounts/5" ".mounts += [{$bind, \"options\": [\"bind\"], \"uidMappings\": $mapping}]"
    rejects "/mounts/5" ".mounts += [{$bind, \"options\": [\"bind\"], \"gidMappings\": $mapping}]"
    # Without mappings of its own the container's are taken: there are none.
    rejects "/mounts/5|id-mapped" ".mounts += [{$bind, \"options\": [\"bind\", \"idmap\"]}]"
    rejects "/mounts/5|id-mapped" ".mounts += [{$bind, \"options\": [\"rbind\", \"ridmap\"]}]"
    rejects "/mounts/5" ".mounts += [{$bind, \"options\": [\"bind\"], \"gidMappings\": $mapping,
        \"uidMappings\": [{\"containerID\": 0, \"hostID\": 1, \"size\": 0}]}]"
}

# The kernel's own refusals come when the container is made: the step and the mount are named, and all is undone.
@test "mounts: what the kernel refuses" {
    local text filter
    while IFS=$'\t' read -r text filter; do
        jq ".mounts += [$filter]" <"$T/good.json" >"$B/config.json"
        refuses "$text|/mnt" berth create --bundle "$B" "$ID"
        absent
    done <<'CASES'
nosuchfs	{"destination": "/mnt", "type": "nosuchfs", "source": "x"}
mounts	{"destination": "/mnt", "type": "tmpfs", "source": "x", "options": ["nosuchoption"]}
mounts	{"destination": "/mnt", "type": "tmpfs", "source": "x", "options": ["size=lots"]}
mounts	{"destination": "/mnt", "type": "ext4", "source": "/dev/null"}
CASES
    jq '.mounts += [{"destination": "/etc/passwd", "type": "tmpfs", "source": "x"}]' <"$T/good.json" >"$B/config.json"
    refuses "/etc/passwd|Not a directory" berth create --bundle "$B" "$ID"
    absent
    jq '.mounts += [{"destination": "/etc/passwd/sub", "type": "tmpfs", "source": "x"}]' \
        <"$T/good.json" >"$B/config.json"
    refuses "/etc/passwd/sub|Not a directory" berth create --bundle "$B" "$ID"
    absent
    jq --arg s "$T" '.mounts += [{"destination": "/etc/passwd", "source": $s, "options": ["bind"]}]' \
        <"$T/good.json" >"$B/config.json"
    refuses "/etc/passwd|Not a directory" berth create --bundle "$B" "$ID"
    absent
}

# ---- the linux section ----------------------------------------------------------------------------------------------

@test "devices: paths, types, numbers" {
    rejects "/linux/devices/0" '.linux.devices = [{"type": "c", "major": 1, "minor": 3}]'
    rejects "/linux/devices/0|absolute" '.linux.devices = [{"path": "dev/x", "type": "c", "major": 1, "minor": 3}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/dev/x", "major": 1, "minor": 3}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/dev/x", "type": "c"}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/dev/x", "type": "b", "major": 8}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/dev/x", "type": "c", "major": -1, "minor": 3}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/dev/x", "type": "c", "major": 1, "minor": 9999999999}]'
    rejects "/linux/devices/0" '.linux.devices = [{"path": "/", "type": "c", "major": 1, "minor": 3}]'
}

@test "devices: a different file in the place of a device" {
    : >"$B/rootfs/dev/thing"
    jq '.mounts |= map(select(.destination | startswith("/dev") | not)) |
        .linux.devices = [{"path": "/dev/thing", "type": "c", "major": 1, "minor": 3}]' \
        <"$T/good.json" >"$B/config.json"
    refuses "/dev/thing|/linux/devices/0" berth create --bundle "$B" "$ID"
    absent
}

@test "masked and read-only paths must be absolute" {
    rejects "/linux/maskedPaths/0" '.linux.maskedPaths = ["proc/kcore"]'
    rejects "/linux/readonlyPaths/1" '.linux.readonlyPaths = ["/proc/sys", ""]'
}

@test "resources: values that make no sense" {
    rejects "/linux/resources/memory" '.linux.resources.memory = {"limit": 1048576, "swap": 1024}'
    rejects "/linux/resources/memory" '.linux.resources.memory = {"swappiness": 101}'
    exits 1 berth create --bundle "$B" "$ID"
    absent
    jq '.linux.resources.cpu = {"cpus": "nonsense"}' <"$T/good.json" >"$B/config.json"
    if is_cgroup1 cpuset || has_controller cpuset; then
        refuses "cpuset.cpus|/linux/resources/cpu/cpus" berth create --bundle "$B" "$ID"
        absent
    fi
}

@test "cgroupsPath: out of the tree, a file, a cgroup that is in use" {
    rejects "cgroupsPath" '.linux.cgroupsPath = "/../../etc"'
    rejects "cgroupsPath" '.linux.cgroupsPath = "/a/../../b"'
    # In use: by a container.
    cp "$T/good.json" "$B/config.json"
    begin_running
    refuses "cgroup" berth create --bundle "$B" "${MARK}2"
    ! is_known "${MARK}2"
    same "$(state_of)" running
}

@test "rootfsPropagation and no-pivot" {
    accepts '.linux.rootfsPropagation = "rslave"'
    config '.linux.rootfsPropagation = ""' # as good as absent, or refused: never a crash
    try berth run --bundle "$B" "$ID"
    ((status <= 1))
}

# ---- hooks ----------------------------------------------------------------------------------------------------------

@test "hooks: path and timeout" {
    local point
    for point in prestart createRuntime createContainer startContainer poststart poststop; do
        rejects "/hooks/$point/0" '.hooks[$p] = [{"args": ["x"]}]' --arg p "$point"
        rejects "/hooks/$point/0|absolute" '.hooks[$p] = [{"path": "bin/true"}]' --arg p "$point"
        rejects "/hooks/$point/1|timeout" '.hooks[$p] = [{"path": "/bin/true"}, {"path": "/bin/true", "timeout": 0}]' \
            --arg p "$point"
        rejects "/hooks/$point/0|timeout" '.hooks[$p] = [{"path": "/bin/true", "timeout": -5}]' --arg p "$point"
    done
    rejects "/hooks/poststop/0/env/0" '.hooks.poststop = [{"path": "/bin/true", "env": ["NOVALUE"]}]'
}

# ---- what is not there yet ------------------------------------------------------------------------------------------

@test "properties that are not honoured yet are refused by name" {
    sed -E 's/^([^\t]*)/\1|not supported/' <<'CASES' >"$T/cases"
/process/scheduler	.process.scheduler = {"policy": "SCHED_BATCH"}
/process/ioPriority	.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 3}
/linux/timeOffsets	.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"monotonic": {"secs": 1, "nanosecs": 0}}
/linux/netDevices	.linux.netDevices = {"eth7": {"name": "eth0"}}
/linux/intelRdt	.linux.intelRdt = {"closID": "x"}
/linux/memoryPolicy	.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"}
/linux/seccomp/syscalls/0/action	.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
CASES
    rejects_all <"$T/cases"
}

# ---- programs that cannot be executed -------------------------------------------------------------------------------

# cannot_run TEXT WORD...: create fails, as does run, with TEXT, and leaves nothing.
cannot_run() {
    local text=$1
    shift
    payload "$@"
    refuses "exec: \"$1\"|$text" berth --log "$T/log" --log-format json create --bundle "$B" "$ID"
    is_place /process/args
    rm "$T/log"
    absent
    refuses "exec: \"$1\"|$text" berth run --bundle "$B" "$ID"
    absent
}

# cannot_start TEXT WORD...: the same where only the kernel can tell, that is, at start; run leaves nothing.
cannot_start() {
    local text=$1
    shift
    payload "$@"
    refuses "exec: \"|${1##*/}\"|$text" berth run --bundle "$B" "$ID"
    absent
    begin
    refuses "exec: \"|${1##*/}\"|$text" berth --log "$T/log" --log-format json start "$ID"
    is_place /process/args
    rm "$T/log"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "exec: a file that is not there, by path and by name" {
    cannot_run "no such file or directory" /no/such/program
    cannot_run "executable file not found in \$PATH" frobnicate
    cannot_run "no such file or directory" ./frobnicate
    config '.process.env = ["PATH=/nowhere:/etc"]'
    cannot_run "executable file not found in \$PATH" true
}

@test "exec: missing interpreter of a script, and of a program" {
    printf '#!/usr/bin/none\necho hi\n' >"$B/rootfs/bin/script"
    chmod 755 "$B/rootfs/bin/script"
    cannot_start "interpreter|/usr/bin/none" /bin/script
    # The loader of a dynamic program: its path in the ELF header is replaced by one of the same length.
    python3 - "$B/rootfs/bin/dynamic" <<'PYTHON'
import struct, sys
loader = b"/no/such/loader.so\0"
header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
interp = struct.pack("<IIQQQQQQ", 3, 4, 176, 0x4000b0, 0x4000b0, len(loader), len(loader), 1)
load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 4096, 4096, 4096)
open(sys.argv[1], "wb").write((header + interp + load + loader).ljust(4096, b"\0"))
PYTHON
    chmod 755 "$B/rootfs/bin/dynamic"
    [ "$(uname -m)" = x86_64 ] || return 0
    cannot_start "interpreter|/no/such/loader.so" /bin/dynamic
}

@test "exec: a #! line that ends in a carriage return" {
    printf '#!/bin/sh\r\necho hi\r\n' >"$B/rootfs/bin/script"
    chmod 755 "$B/rootfs/bin/script"
    cannot_start '#!|carriage return' /bin/script
    cannot_start '#!|carriage return' script
}

@test "exec: not executable, a directory, and what is no program" {
    echo 'echo hi' >"$B/rootfs/plain"
    cannot_run "permission denied" /plain
    cannot_run "directory" /etc
    config '.process.env = ["PATH=/"]'
    cannot_run "permission denied" plain
    config '.process.env = ["PATH=/bin"]'
    printf 'just some text\n' >"$B/rootfs/bin/text"
    printf '\177ELF\2\1\1not really' >"$B/rootfs/bin/broken"
    : >"$B/rootfs/bin/empty"
    chmod 755 "$B/rootfs/bin/"{text,broken,empty}
    local name
    for name in text broken empty; do
        cannot_start "exec format error" "/bin/$name"
        cannot_start "exec format error" "$name"
    done
}

@test "exec: the program disappears between create and start" {
    cp "$B/rootfs/bin/busybox" "$B/rootfs/bin/gone"
    payload /bin/gone true
    config '.process.args = ["/bin/true"]'
    rm "$B/rootfs/bin/true"
    cp "$B/rootfs/bin/busybox" "$B/rootfs/bin/true"
    begin
    rm "$B/rootfs/bin/true"
    refuses "/bin/true|no such file or directory" berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "exec: too many arguments for the kernel" {
    jq '.process.args = ["true", ("x" * 200000)]' <"$T/good.json" >"$B/config.json"
    refuses "rgument list too long" berth run --bundle "$B" "$ID"
    absent
}

@test "exec: permission, for a user who may not read the directory" {
    mkdir -m 0700 "$B/rootfs/private"
    cp "$B/rootfs/bin/busybox" "$B/rootfs/private/true"
    config '.process.user = {"uid": 1000, "gid": 1000}'
    payload /private/true
    refuses "/private/true" berth run --bundle "$B" "$ID"
    has "${errors,,}" "permission denied"
    absent
}

@test "exec: PATH is the container's, and entries that are not executable are passed over" {
    mkdir "$B/rootfs/first" "$B/rootfs/second"
    echo 'no program' >"$B/rootfs/first/tool"
    mkdir "$B/rootfs/first/other"
    printf '#!/bin/sh\necho second\n' >"$B/rootfs/second/tool"
    cp "$B/rootfs/second/tool" "$B/rootfs/second/other"
    chmod 755 "$B/rootfs/second/"*
    config '.process.env = ["PATH=/first:/second"] | .process.args = ["tool"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" second
    config '.process.args = ["other"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" second
}

# ---- the working directory ------------------------------------------------------------------------------------------

@test "cwd: made when missing; a file in its place is refused" {
    config '.process.cwd = "/made/for/me"'
    run_shell 'pwd'
    same "$output" /made/for/me
    config '.process.cwd = "/etc/passwd"'
    refuses "/etc/passwd|/process/cwd|Not a directory" berth create --bundle "$B" "$ID"
    absent
}

@test "a killed start: limits that leave no memory name the OOM killer" {
    is_cgroup1 memory || needs cgroup2-memory
    config '.linux.resources.memory = {"limit": 4096}'
    refuses "OOM" berth run --bundle "$B" "$ID"
    absent
    refuses "OOM" berth create --bundle "$B" "$ID"
    absent
}

@test "a program that is killed for its memory later is no failed start" {
    is_cgroup1 memory || needs cgroup2-memory
    config '.linux.resources.memory = {"limit": 16777216}'
    payload tail /dev/zero
    exits 137 berth run --bundle "$B" "$ID"
    same "$errors" ""
    absent
}

# ---- more than anybody needs -----------------------------------------------------------------------------------------

@test "absurd amounts of everything: done or refused, and soon" {
    payload true
    cp "$B/config.json" "$T/plain.json"
    config '.process.env += [range(50000) | "NAME\(. % 40000)=value"]'
    succeeds timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cp "$T/plain.json" "$B/config.json"
    config '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [range(60000) | {"containerID": (. * 2), "hostID": (100000 + . * 2), "size": 1}] |
        .linux.gidMappings = .linux.uidMappings'
    refuses "60000 id mappings|/linux/uidMappings" timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cp "$T/plain.json" "$B/config.json"
    config '.mounts += [{"destination": "/t", "type": "tmpfs", "source": "t", "options": [range(100000) | "no\(.)=x"]}]'
    refuses "options|/mounts/" timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cp "$T/plain.json" "$B/config.json"
    # Each takes one byte here and six in the record.
    config '.annotations = {"long": ("\u007f" * 3000000)}'
    sed -i 's/\\u007f/\x7f/g' "$B/config.json"
    refuses "state record" timeout 20 "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    absent
}

@test "more bind mounts than a caller may have open files" {
    local n
    mkdir "$T/source"
    config --arg source "$T/source" '.mounts += [range(1100) | {"destination": "/b/\(.)", "type": "bind", "source": $source,
        "options": ["bind"]}]'
    shell 'grep -c " /b/" /proc/self/mounts'
    succeeds bash -c 'ulimit -Sn 1024; exec "$@"' - "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" 1100
}
