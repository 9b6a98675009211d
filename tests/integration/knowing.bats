#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# knowing: a look at the world that fails is never taken for an answer. The command fails with the reason, or its output
# names what is missing.

load helpers

prepare() {
    make_bundle
}

# blinded PATH CALL:WHAT COMMAND...: berth, strace doing WHAT to each CALL on that path, as berth gives it to the kernel.
blinded() {
    local path=$1
    inject "$2"
    "${through[@]::${#through[@]}-1}" -P "$path" -- "$BERTH" --root "$ROOT" "${@:3}"
}

# The file that says whether the container is frozen.
freezer_file() {
    local dir
    dir=$(group_dir)
    [ -e "$dir/cgroup.events" ] && echo cgroup.events || echo freezer.state
}

# ---- the state of a container ---------------------------------------------------------------------------------------

@test "state and list of a created container whose start socket cannot be tried" {
    payload true
    begin
    refuses "state $ID: |started|too many open files" injected connect:error=EMFILE state "$ID"
    refuses "started|too many open files" injected socket:error=EMFILE state "$ID"
    # The other containers are still listed, and the reason why this one is not is told.
    succeeds injected connect:error=EMFILE list
    lacks "$output" "$ID"
    has "$errors" "list: $ID: "
    has "$errors" "too many open files"
    refuses "too many open files" injected socket:error=EMFILE:when=1 start "$ID"
    same "$(state_of)" created
    # A signal is for whatever lives, and delete --force for everything.
    succeeds injected connect:error=EMFILE kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds injected connect:error=EMFILE delete --force "$ID"
    absent
}

@test "state of a paused container whose freezer cannot be read" {
    begin_running
    succeeds berth pause "$ID"
    refuses "state $ID: |frozen|too many open files" blinded "$(freezer_file)" openat:error=EMFILE state "$ID"
    exits 255 blinded "$(freezer_file)" openat:error=EMFILE exec "$ID" true
    has "$errors" "frozen: too many open files"
    refuses "delete $ID: |frozen|too many open files" blinded "$(freezer_file)" openat:error=EMFILE delete "$ID"
    same "$(state_of)" paused
    succeeds blinded "$(freezer_file)" openat:error=EMFILE:when=1 delete --force "$ID"
    absent
}

@test "state of a create in progress whose lock cannot be tried" {
    mkdir -p -m 700 "$ROOT/$ID"
    refuses "state $ID: |being created|no locks available" injected flock:error=ENOLCK state "$ID"
    succeeds berth delete --force "$ID"
}

@test "state of a create in progress whose record cannot be read again" {
    mkdir -p -m 700 "$ROOT/$ID"
    refuses "state $ID: |state record|too many open files" blinded record.json openat:error=EMFILE:when=2 state "$ID"
    succeeds berth delete --force "$ID"
}

@test "a process whose end cannot be asked for has not ended" {
    begin_running
    refuses "state $ID: |process|cannot allocate memory" injected poll:error=ENOMEM state "$ID"
    same "$(state_of)" running
}

@test "a process whose threads cannot be listed is not taken for one that is about to end" {
    begin_running
    local before=$SECONDS
    refuses "still running" blinded "/proc/$(state_of "$ID" pid)/task" getdents64:error=ENOMEM delete "$ID"
    ((SECONDS - before < 5)) || fail "delete waited for the end of a process that lives"
    same "$(state_of)" running
}

# ---- lists ----------------------------------------------------------------------------------------------------------

@test "list whose directory cannot be read is not empty" {
    payload true
    begin
    refuses "list $ROOT|input/output error" injected getdents64:error=EIO list
    refuses "list $ROOT|input/output error" injected getdents64:error=EIO:when=2 list --format json
}

@test "ps and kill --all of a cgroup whose sub-cgroups cannot be listed" {
    begin_running
    mkdir "$(group_dir)/below"
    refuses "list the processes of cgroup|input/output error" injected getdents64:error=EIO ps "$ID"
    refuses "the processes of cgroup|input/output error" injected getdents64:error=EIO kill --all "$ID" CONT
    same "$(state_of)" running
    rmdir "$(group_dir)/below"
}

@test "ps without a cgroup names no process less than there is" {
    long_running
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    local init
    init=$(state_of "$ID" pid)
    refuses "list /proc|input/output error" injected getdents64:error=EIO:when=2 ps "$ID"
    refuses "pid namespace of process $init|cannot allocate memory" \
        blinded "$init/ns/pid" newfstatat:error=ENOMEM:when=2 ps "$ID"
    succeeds berth ps --format json "$ID"
    has "$output" "$init"
}

@test "events --stats says that the page sizes cannot be listed" {
    begin_running
    [ -d "$(cgroup_dir unified)" ] || is_cgroup2 || needs cgroup1-hugetlb
    refuses "page sizes|input/output error" injected getdents64:error=EIO events --stats "$ID"
}

@test "a list for which there is no memory is an error, or names what is missing" {
    [ -z "${ASAN_OPTIONS:-}" ] || skip "the address sanitizer needs memory of its own"
    needs program:strace
    local n
    config '.annotations.long = "x" * 300000'
    begin
    for n in $(seq 60); do
        try strace -qq -o "$T/calls" -e trace=mmap -e "inject=mmap:error=ENOMEM:when=$n" -- \
            "$BERTH" --root "$ROOT" list --format json
        grep -q INJECTED "$T/calls" || break
        ((status != 0)) || [[ $output == *"\"id\":\"$ID\""* ]] || has "$errors" "$ID: " || fail "of call $n" || return 1
    done
    ((n > 1 && n < 60)) || fail "the last call that takes memory was number $n"
}

# ---- cgroups --------------------------------------------------------------------------------------------------------

@test "a cgroup of which nobody knows whose it is, is not taken for the container's" {
    begin_running
    refuses "whose cgroup|is: cannot allocate memory" injected getxattr:error=ENOMEM state "$ID"
    refuses "whose cgroup|is: cannot allocate memory" injected getxattr:error=ENOMEM delete --force "$ID"
    succeeds berth state "$ID"
}

@test "a cgroup that cannot be looked at is not called removed" {
    begin_running
    refuses "look at cgroup|cannot allocate memory" blinded cgroup.procs newfstatat:error=ENOMEM events --stats "$ID"
    lacks "$errors" removed
}

@test "no controller is enabled below a cgroup whose processes cannot be looked for" {
    needs cgroup2
    # Another cgroup in between, which has no controllers to pass on yet.
    config --arg path "$CGROUP/between/bundle" '.linux.cgroupsPath = $path'
    try strace -f -qq -o "$T/calls" -e trace=openat -P "./${CGROUP#/}/between/cgroup.procs" \
        -P "./${CGROUP#/}/between/cgroup.subtree_control" -e inject=openat:error=EMFILE:when=2+ -- \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$(<"$T/calls")" "between/cgroup.procs"
    lacks "$(<"$T/calls")" "cgroup.subtree_control\", O_WRONLY"
}

@test "run whose state directory is gone says that it cannot look for its cgroup" {
    local hierarchies=${#CGROUP_MOUNTS[@]}
    config --arg dir "$ROOT/$ID" '.hooks.poststart = [{path: "/bin/rm", args: ["rm", "-r", $dir]}]'
    payload sh -c 'exit 3'
    # Once when they are made, once when they are opened at the end.
    exits 3 blinded "${CGROUP#/}/bundle" "openat2:error=EMFILE:when=$((2 * hierarchies + 1))" run --bundle "$B" "$ID"
    has "$errors" "open cgroup /"
    has "$errors" "too many open files"
    rmdir "${CGROUP_MOUNTS[@]/%/$CGROUP/bundle}" "${CGROUP_MOUNTS[@]/%/$CGROUP}"
}

@test "delete names no number of processes left where they cannot be listed" {
    is_cgroup2 || [ -d /sys/fs/cgroup/unified ] || skip "needs cgroup2"
    payload true
    begin
    sleep 1000 3>&- 4>&- &
    local left=$!
    echo "$left" >"$(group_dir)/cgroup.procs"
    # Neither killed nor listed.
    inject openat:error=EMFILE
    refuses "cannot be listed: too many open files" "${through[@]::${#through[@]}-1}" -P cgroup.kill -P cgroup.procs -- \
        "$BERTH" --root "$ROOT" delete --force "$ID"
    kill -KILL "$left"
    wait "$left" || true
    succeeds berth delete --force "$ID"
    absent
}

# ---- the host -------------------------------------------------------------------------------------------------------

@test "a namespace to join that cannot be compared with the runtime's own is refused" {
    config '(.linux.namespaces[] | select(.type == "uts")).path = "/proc/self/ns/uts"'
    # A UTS namespace of the test's own, whose hostname could be changed without harm.
    inject newfstatat,stat:error=ENOMEM
    refuses "uts|compare|cannot allocate memory" unshare --uts -- "${through[@]::${#through[@]}-1}" -P /proc/self/ns/uts \
        -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    absent
}

@test "a cgroup mount of nobody knows what is refused" {
    needs cgroup2
    config '.linux.namespaces |= map(select(.type != "cgroup")) |
        .mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
    refuses "look at /sys/fs/cgroup|cannot allocate memory" \
        blinded /sys/fs/cgroup statfs:error=ENOMEM:when=2 run --bundle "$B" "$ID"
    absent
}

@test "checkpoint that cannot read the options of the host's cgroup2 does not risk them" {
    begin_running
    # It does not come to run it.
    mkdir "$T/bin" "$T/image"
    printf '#!/bin/sh\nexit 1\n' >"$T/bin/criu"
    chmod 755 "$T/bin/criu"
    PATH=$T/bin:$PATH
    exits 1 blinded /proc/self/mountinfo openat:error=EMFILE checkpoint --image-path "$T/image" "$ID"
    has "$errors" "read the options of the host's cgroup2: too many open files"
    same "$(state_of)" running
}

# ---- pause and resume -----------------------------------------------------------------------------------------------

# legacy COMMAND...: runs it where no cgroup2 is to be seen beside the hierarchies of version 1.
legacy() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private -- \
        sh -c 'mount -t tmpfs none /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' legacy "$@"
}

@test "pause of a container whose processes are all killed ends at once, and holds nothing up" {
    can_stick
    local fuse stuck before=$SECONDS
    begin_running
    stick
    in_background pause "$ID"
    eventually grep -q 1 "$(group_dir)/cgroup.freeze"
    succeeds berth kill "$ID" KILL
    kill -KILL "$stuck"
    wait "$stuck" || true
    exits 1 wait "$job"
    has "$(<"$T/job")" "pause $ID: container not running"
    succeeds berth delete "$ID"
    ((SECONDS - before < 8)) || fail "pause has waited for the freezing of what has ended"
    unstick
    absent
}

@test "pause by version 1 of a container that is killed meanwhile does not say that it is paused" {
    needs cgroup1-freezer
    begin_running
    # It is late to freeze: the last look at freezer.state was at the container's state.
    inject openat:delay_enter=1500000:when=2
    legacy "${through[@]::${#through[@]}-1}" -P freezer.state -- "$BERTH" --root "$ROOT" pause "$ID" \
        >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    job=$!
    eventually is_locked
    succeeds berth kill "$ID" KILL
    exits 1 wait "$job"
    has "$(<"$T/job")" "pause $ID: container not running"
    same "$(cat "$(cgroup_dir freezer)/freezer.state")" THAWED
}

is_locked() {
    ! flock --nonblock "$ROOT/$ID" true
}

@test "resume that cannot see the end of it changes nothing" {
    begin_running
    succeeds berth pause "$ID"
    refuses "resume $ID: thaw cgroup|too many open files" \
        blinded "$(freezer_file)" openat:error=EMFILE:when=2+ resume "$ID"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    same "$(state_of)" running
}

@test "resume by version 1 that cannot see the end of it changes nothing" {
    needs cgroup1-freezer
    begin_running
    succeeds legacy "$BERTH" --root "$ROOT" pause "$ID"
    local n
    for n in 2 3; do
        inject "openat:error=EMFILE:when=$n"
        try legacy "${through[@]::${#through[@]}-1}" -P freezer.state -- "$BERTH" --root "$ROOT" resume "$ID"
        case $status in
        0) succeeds legacy "$BERTH" --root "$ROOT" pause "$ID" ;;
        *) same "$(cat "$(cgroup_dir freezer)/freezer.state")" FROZEN "after $errors" || return 1 ;;
        esac
    done
    succeeds legacy "$BERTH" --root "$ROOT" resume "$ID"
}

@test "resume that cannot look for a pause that was cut off does not deny it" {
    begin_running
    is_cgroup2 || [ -d "$(cgroup_dir unified)" ] || skip "needs cgroup2"
    refuses "resume $ID: |cgroup.freeze|too many open files" blinded cgroup.freeze openat:error=EMFILE resume "$ID"
}

# ---- words ----------------------------------------------------------------------------------------------------------

# speaks NAME COMMAND...: fails each of the first calls of that name in turn. Whatever the command makes of it, an error
# has words behind the command and the id.
speaks() {
    local n
    for n in 1 2 3 4 5 6; do
        inject "$1:error=ENOBUFS:when=$n" ""
        try "${through[@]}" "$BERTH" --root "$ROOT" "${@:2}"
        [ "$status" -eq 0 ] || has "$errors" "berth: $2 $ID: " || return 1
        [[ ! $errors =~ :[[:space:]]*$ ]] || tell_last "$1 $n: an error without words" || return 1
    done
}

@test "no command fails without a word when it cannot talk to the new process" {
    local call
    begin_running
    for call in sendmsg recvmsg; do
        speaks "$call" exec "$ID" true
    done
    succeeds berth delete --force "$ID"
    payload true
    for call in sendmsg recvmsg; do
        speaks "$call" run --bundle "$B" "$ID"
        absent
    done
}

# ---- what is left out is named --------------------------------------------------------------------------------------

@test "list says that owners are numbers since the users cannot be read" {
    payload true
    begin
    config --arg path "$CGROUP/second" '.linux.cgroupsPath = $path'
    begin "${ID}2"
    succeeds blinded /etc/passwd open,openat:error=EMFILE list
    same "$(grep -c "owners are numbers: read /etc/passwd: too many open files" "$T/stderr")" 1 "warnings"
    same "$(awk '$1 == "'"$ID"'" { print $NF }' "$T/stdout")" 0
    succeeds blinded /etc/passwd open,openat:error=EMFILE list --format json
    same "$(jq -r '.[0].owner' <<<"$output")" 0
    same "$(grep -c "owners are numbers" "$T/stderr")" 1 "warnings"
    # Without users there is nothing to be told.
    succeeds blinded /etc/passwd open,openat:error=ENOENT list
    same "$errors" ""
}

@test "features names the seccomp flags of which it cannot tell whether the kernel has them" {
    try injected seccomp:error=EPERM features
    same "$status" 0
    has "$errors" "SECCOMP_FILTER_FLAG_LOG cannot be told, and it is left out: operation not permitted"
    same "$(jq -c .linux.seccomp.supportedFlags <<<"$output")" '["SECCOMP_FILTER_FLAG_TSYNC"]'
    succeeds injected seccomp:error=EINVAL features
    same "$errors" ""
}

@test "events that cannot tell whether the container has ended fails" {
    begin_running
    # The second is the look at the container, the third the wait.
    refuses "has ended|cannot allocate memory" injected poll:error=ENOMEM:when=3 events --interval 50ms "$ID"
}

@test "events that cannot tell an OOM kill from the end of the cgroup fails" {
    needs cgroup1-memory
    make_fifo ready go
    config '.linux.resources.memory = {"limit": 16777216}'
    shell 'echo up >/ready; read -r line </go; tail /dev/zero; sleep 1000'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    inject openat:error=EMFILE:when=2
    "${through[@]::${#through[@]}-1}" -P memory.oom_control -- "$BERTH" --root "$ROOT" events --interval 1h "$ID" \
        >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    job=$!
    eventually has_timer
    echo go >"$B/rootfs/go"
    exits 1 wait "$job"
    has "$(<"$T/job")" "memory.oom_control"
    has "$(<"$T/job")" "too many open files"
}

# The events of $job have their timer, and all that comes before it.
has_timer() {
    grep -qs clockid "/proc/$(pgrep -P "$job" | head -n 1)/fdinfo/"*
}

# ---- after the end, and before it -----------------------------------------------------------------------------------

@test "kill --all after the end knows that nothing is left" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    make_fifo ready
    shell 'sleep 1000 & echo up >/ready'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    eventually is_state "$ID" stopped
    refuses "signal the processes of cgroup|input/output error" injected getdents64:error=EIO kill --all "$ID" TERM
    succeeds berth kill --all "$ID" KILL
    succeeds berth delete "$ID"
    absent
}

@test "kill --all finds the first process outside of the cgroup or says that it cannot" {
    is_cgroup2 || [ -d /sys/fs/cgroup/unified ] || skip "needs cgroup2"
    begin_running
    local init
    init=$(state_of "$ID" pid)
    echo "$init" >"${CGROUP_MOUNTS[-1]}/cgroup.procs"
    is_cgroup2 || echo "$init" >/sys/fs/cgroup/unified/cgroup.procs
    refuses "list the processes of cgroup|input/output error" injected getdents64:error=EIO kill --all "$ID" KILL
    same "$(state_of)" running
    succeeds berth kill --all "$ID" KILL
    eventually is_state "$ID" stopped
}

@test "delete that cannot look at what is mounted on the root takes nothing off it" {
    config '.linux.namespaces |= map(select(.type != "mount")) |
        .mounts = [] | del(.linux.maskedPaths, .linux.readonlyPaths)'
    payload true
    begin
    refuses "look what is mounted on|too many open files" \
        blinded "$(realpath "$B/rootfs")" openat:error=EMFILE delete --force "$ID"
    succeeds berth delete --force "$ID"
    absent
}

@test "labels: not to know whether the module is on is not the same as off" {
    payload true
    config '.linux.mountLabel = "system_u:object_r:container_file_t:s0"'
    refuses "whether SELinux is on: cannot allocate memory" \
        blinded /sys/fs/selinux statfs:error=ENOMEM run --bundle "$B" "$ID"
    config 'del(.linux.mountLabel) | .process.apparmorProfile = "unconfined"'
    refuses "whether AppArmor is on: too many open files" \
        blinded /sys/module/apparmor/parameters/enabled openat:error=EMFILE run --bundle "$B" "$ID"
    absent
}

@test "mounts: what cannot be looked at on the way to a mount point is refused" {
    ln -s etc "$B/rootfs/link"
    config '.mounts += [{"destination": "/link/made", "type": "tmpfs", "source": "tmpfs"}]'
    payload true
    # One of these is of the link, which might be a magic one of /proc.
    local n said=""
    for n in {1..20}; do
        try injected "fstatfs:error=ENOMEM:when=$n" run --bundle "$B" "$ID"
        said+=$errors$'\n'
    done
    grep "/link/made" <<<"$said" | grep -v "stat mount point" | grep -q "cannot allocate memory" || fail "$said"
}

@test "mounts: without the list of mounts nobody tells a new one from another" {
    local refuse=$T/refuse
    gcc -O1 -Wall -o "$refuse" "$BATS_TEST_DIRNAME/../attack/refuse.c"
    payload true
    # The classic calls give no descriptor of what they mount.
    inject openat:error=EMFILE
    exits 1 "$refuse" ENOSYS mountapi -- "${through[@]::${#through[@]}-1}" -P /proc/self/mountinfo -- \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$errors" "read the list of mounts: too many open files"
    absent
}

@test "memory limits that leave no room for a program are named, at whatever point it is killed" {
    needs cgroup1-memory
    local limit seen=0
    payload sleep 1000
    for limit in 4096 32768 65536 98304 131072; do
        config --argjson limit "$limit" '.linux.resources.memory = {"limit": $limit}'
        refuses "OOM|memory limit $limit bytes" timeout 10 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        absent
        try berth create --bundle "$B" "$ID"
        if [ "$status" -eq 0 ]; then
            refuses "OOM|memory limit $limit bytes" berth start "$ID"
            succeeds berth delete --force "$ID"
            ((++seen))
        else
            has "$errors" "memory limit $limit bytes"
        fi
        absent
    done
    ((seen > 0)) || fail "none of the programs was killed after its create"
}

@test "exec into a container whose memory is used up names the limit" {
    needs cgroup1-memory
    config '.linux.resources.memory = {"limit": 204800}'
    payload sleep 1000
    begin && succeeds berth start "$ID"
    exits 255 timeout 5 "$BERTH" --root "$ROOT" exec "$ID" sleep 1000
    # Whichever process the killer has chosen.
    has "$errors" "memory limit 204800 bytes is too small"
}

# ---- what is used up ------------------------------------------------------------------------------------------------

# with_limit KIND COMMAND...: in a user namespace of the test's own that allows no namespace of that kind, by its root.
with_limit() {
    needs userns
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --user --map-root-user --mount --propagation private -- \
        sh -c 'echo 0 >"/proc/sys/user/max_$1_namespaces"; shift; exec "$@"' with_limit "$@"
}

@test "namespaces that are used up are named by their sysctl" {
    local kind
    payload true
    config 'del(.linux.resources)'
    for kind in uts pid mnt cgroup; do
        refuses "no more namespaces: sysctl user.max_${kind}_namespaces is 0|no space left on device" \
            with_limit "$kind" "$BERTH" --root "$ROOT" --cgroup-manager disabled run --bundle "$B" "$ID"
        absent
    done
    # Which of those that are asked for has reached a limit above 0, nobody can tell.
    refuses "sysctl user.max_|user.max_uts_namespaces|is reached" injected clone3:error=ENOSPC run --bundle "$B" "$ID"
    absent
    # A process is no namespace.
    begin_running
    exits 255 injected clone3:error=ENOSPC exec "$ID" true
    lacks "$errors" sysctl
}

@test "mounts that are used up are named by their sysctl" {
    local call
    mkdir "$T/source"
    config --arg source "$T/source" '.mounts += [{"destination": "/mnt", "source": $source, "options": ["bind"]}]'
    payload true
    for call in move_mount open_tree; do
        refuses "sysctl fs.mount-max|no space left on device" \
            injected "$call:error=ENOSPC" run --bundle "$B" "$ID"
        absent
    done
}

@test "a quota of keys that is used up: the way without a keyring is named" {
    payload true
    refuses "session keyring|--no-new-keyring|disk quota exceeded" injected keyctl:error=EDQUOT run --bundle "$B" "$ID"
    absent
    succeeds injected keyctl:error=EDQUOT run --no-new-keyring --bundle "$B" "$ID"
}

# chrooted COMMAND...: where "/" is a plain directory that has what is needed; the bundle and the state are below it.
chrooted() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private -- sh -euc '
        for dir in proc sys; do mkdir -p "$1/$dir" && mount --rbind "/$dir" "$1/$dir"; done
        mkdir -p "$1/dev" "$1/tmp" && mount --bind /dev "$1/dev"
        cp "$2" "$1/berth"
        shift 2
        exec chroot "$@"' chrooted "$T" "$BERTH" "$@"
}

@test "a plain chroot is named as the reason of what cannot be in one" {
    needs static
    payload true
    refuses "chroot|no mount point" chrooted "$T" /berth --root /state run --bundle /bundle "$ID"
    absent
    config '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
    refuses "user namespace|chroot" \
        chrooted "$T" /berth --root /state run --bundle /bundle "$ID"
    absent
}
