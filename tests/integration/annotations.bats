#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# annotations: those that change what the runtime does and have no suite that they belong to.
load helpers

ALL_POINTS='prestart createRuntime createContainer startContainer poststart poststop'

prepare() {
    make_bundle
}

# annotate NAME VALUE
annotate() {
    config --arg name "$1" --arg value "$2" '.annotations[$name] = $value'
}

# hook_shell POINT TEXT: adds a shell script.
hook_shell() {
    config --arg point "$1" --arg text "$2" \
        '.hooks[$point] += [{"path": "/bin/sh", "args": ["sh", "-c", $text]}]'
}

# ---- run.oci.keep_original_groups -----------------------------------------------------------------------------------

# member COMMAND...: runs berth as root that is a member of two more groups.
member() {
    setpriv --groups 4242,4243 "$BERTH" --root "$ROOT" "$@"
}

# member_groups: what `id -G` says in a container that such a caller runs.
member_groups() {
    payload id -G
    succeeds member run --bundle "$B" "$ID"
}

@test "groups: the annotation keeps those of the caller, and nothing else does" {
    needs program:setpriv
    member_groups
    same "$output" 0
    annotate run.oci.keep_original_groups 0
    member_groups
    same "$output" 0 "with 0"
    annotate run.oci.keep_original_groups 1
    member_groups
    same "$output" "0 4242 4243"
    # As in crun, the name counts.
    annotate run.oci.keep_original_groups ""
    member_groups
    same "$output" "0 4242 4243" "with an empty value"
}

@test "groups: kept for another user's program, and additionalGids add none" {
    needs program:setpriv
    annotate run.oci.keep_original_groups 1
    config '.process.user = {uid: 5, gid: 6, additionalGids: [7]}'
    member_groups
    same "$output" "6 4242 4243"
    # What is no group stays an error.
    config '.process.user.additionalGids = [4294967295]'
    refuses "/process/user/additionalGids" member run --bundle "$B" "$ID"
    absent
}

@test "groups: exec keeps those of its own caller" {
    needs program:setpriv
    annotate run.oci.keep_original_groups 1
    begin_running
    succeeds member exec "$ID" id -G
    same "$output" "0 4242 4243"
    succeeds setpriv --groups 4244 "$BERTH" --root "$ROOT" exec --user 5:6 "$ID" id -G
    same "$output" "6 4244"
    # An option that would have no effect is none.
    exits 255 member exec --additional-gids 7 "$ID" id -G
    has "$errors" "--additional-gids: the container's annotation run.oci.keep_original_groups"
}

@test "groups: exec into a container without the annotation drops them" {
    needs program:setpriv
    begin_running
    succeeds member exec "$ID" id -G
    same "$output" 0
}

# The ids of an ordinary user and of others, as newuidmap grants them: here setgroups is allowed, and drops groups.
@test "groups: kept by an ordinary user with several ids, by run and by exec" {
    needs root userns program:setpriv program:newuidmap
    local user=1000
    config --argjson user "$user" 'del(.linux.cgroupsPath, .linux.resources) | .linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: $user, size: 1}, {containerID: 1, hostID: 200000, size: 1000}] |
        .linux.gidMappings = .linux.uidMappings | .mounts |= map(select(.destination != "/sys"))'
    annotate run.oci.keep_original_groups 1
    payload awk '/^Groups:/ { print NF - 1 }' /proc/self/status
    chown -R "$user:$user" "$B"
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    install -m 0755 "$BERTH" "$T/berth"
    install -d -m 0700 -o "$user" -g "$user" "$T/xdg"
    printf 'root:x:0:0:root:/root:/bin/sh\nordinary:x:%s:%s::/:/bin/sh\n' "$user" "$user" >"$T/passwd"
    echo "ordinary:200000:65536" >"$T/subid"
    cat >"$T/as" <<AS
#!/bin/bash
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/subid" /etc/subuid && mount --bind "$T/subid" /etc/subgid || exit
export XDG_RUNTIME_DIR="$T/xdg"
exec setpriv --reuid $user --regid $user --groups 4242,4243 --inh-caps=-all -- "$T/berth" "\$@"
AS
    chmod 0755 "$T/as"
    succeeds in_own_cgroup unshare --mount --propagation private "$T/as" run --bundle "$B" "$ID"
    same "$output" 2
    # More of them than can be set are no error: none is set.
    config '.process.user.additionalGids = [2000]'
    chown "$user:$user" "$B/config.json"
    succeeds in_own_cgroup unshare --mount --propagation private "$T/as" run --bundle "$B" "$ID"
    same "$output" 2
}

# ---- run.oci.hooks.stdout, run.oci.hooks.stderr ---------------------------------------------------------------------

# speaking_hooks: a hook of each kind that writes its name to standard output and standard error.
speaking_hooks() {
    local point
    for point in $ALL_POINTS; do
        hook_shell "$point" "echo $point out; echo $point err >&2"
    done
}

# expected WORD: what they have written of one of these, in order.
expected() {
    local point
    for point in $ALL_POINTS; do
        echo "$point $1"
    done
}

@test "hooks: the output of all kinds is appended to the two files" {
    annotate run.oci.hooks.stdout "$T/hooks.out"
    annotate run.oci.hooks.stderr "$T/hooks.err"
    speaking_hooks
    echo before >"$T/hooks.err"
    begin
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    same "$(<"$T/hooks.out")" "$(expected out)"
    same "$(<"$T/hooks.err")" "before"$'\n'"$(expected err)"
    same "$(stat -c %a "$T/hooks.out")" 600 "mode of a new file"
    succeeds berth run --bundle "$B" "$ID"
    same "$output$errors" "" "what the caller gets"
    same "$(<"$T/hooks.out")" "$(expected out; expected out)"
}

@test "hooks: one file for both, by a path in the bundle" {
    annotate run.oci.hooks.stdout hooks.log
    annotate run.oci.hooks.stderr hooks.log
    speaking_hooks
    succeeds berth run --bundle "$B" "$ID"
    same "$(sort "$B/hooks.log")" "$( (expected out; expected err) | sort)"
}

@test "hooks: the end of standard error stays in the message where it goes to no file" {
    annotate run.oci.hooks.stdout "$T/hooks.out"
    hook_shell createRuntime 'echo for the file; echo the reason >&2; exit 3'
    refuses "createRuntime hook #0|exit status 3|output: the reason" berth create --bundle "$B" "$ID"
    lacks "$errors" "for the file"
    same "$(<"$T/hooks.out")" "for the file"
    absent
    annotate run.oci.hooks.stderr "$T/hooks.err"
    refuses "createRuntime hook #0|exit status 3" berth create --bundle "$B" "$ID"
    lacks "$errors" "the reason"
    same "$(<"$T/hooks.err")" "the reason"
    absent
}

@test "hooks: a file that cannot be opened refuses the create, unless there are no hooks" {
    local name
    for name in stdout stderr; do
        config '.annotations = {} | .hooks = {poststop: [{path: "/bin/true"}]}'
        annotate "run.oci.hooks.$name" "$T/none/file"
        refuses "/annotations/run.oci.hooks.$name|$T/none/file|No such file" berth create --bundle "$B" "$ID"
        absent
        annotate "run.oci.hooks.$name" "$T"
        refuses "/annotations/run.oci.hooks.$name|Is a directory" berth create --bundle "$B" "$ID"
        absent
        config '.hooks = {}'
        succeeds berth run --bundle "$B" "$ID"
    done
}

@test "hooks: a FIFO that nobody reads is refused at once, one with a reader gets the output" {
    mkfifo "$T/fifo"
    annotate run.oci.hooks.stdout "$T/fifo"
    hook_shell prestart 'echo heard'
    refuses "/annotations/run.oci.hooks.stdout|$T/fifo|nobody reads" timeout "$PATIENCE" "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    absent
    timeout "$PATIENCE" cat "$T/fifo" >"$T/heard" 3>&- 4>&- &
    local reader=$!
    # The first one to write may come before the reader is there.
    eventually berth run --bundle "$B" "$ID" >/dev/null 2>&1
    wait "$reader"
    same "$(<"$T/heard")" heard
}

# A hook's write into a pipe that is full waits: the descriptor must not be non-blocking.
@test "hooks: more than a FIFO holds is not lost" {
    mkfifo "$T/fifo"
    annotate run.oci.hooks.stdout "$T/fifo"
    hook_shell prestart 'head -c 300000 /dev/zero'
    exec {both}<>"$T/fifo"
    timeout "$PATIENCE" head -c 300000 "$T/fifo" {both}>&- 3>&- 4>&- | wc -c >"$T/count" 3>&- 4>&- &
    local reader=$!
    succeeds berth run --bundle "$B" "$ID"
    wait "$reader"
    exec {both}>&-
    same "$(<"$T/count")" 300000
}

@test "hooks: by /dev/stdout their output is the runtime's" {
    annotate run.oci.hooks.stdout /dev/stdout
    hook_shell prestart 'echo said'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" said
}

@test "hooks: a file that is gone by then fails poststart, and is a warning for poststop" {
    mkdir "$T/dir"
    annotate run.oci.hooks.stderr "$T/dir/file"
    hook_shell poststop "echo ran >'$T/ran'"
    begin_running
    rm -r "$T/dir"
    succeeds berth delete --force "$ID"
    has "$errors" "/annotations/run.oci.hooks.stderr"
    same "$(<"$T/ran")" ran
    absent
    mkdir "$T/dir"
    hook_shell poststart "echo ran >'$T/started'"
    begin
    rm -r "$T/dir"
    exits 1 berth start "$ID"
    has "$errors" "/annotations/run.oci.hooks.stderr"
    [ ! -e "$T/started" ]
    absent
}

@test "hooks: neither the program nor a later hook's streams hold the files" {
    annotate run.oci.hooks.stdout "$T/hooks.out"
    annotate run.oci.hooks.stderr "$T/hooks.err"
    hook_shell startContainer 'ls /proc/self/fd'
    begin_running
    same "$(<"$T/hooks.out")" $'0\n1\n2\n3'
    local links
    links=$(ls -l "/proc/$(state_of "$ID" pid)/fd")
    lacks "$links" hooks.
}

@test "hooks: a container that waits for its start holds the files only if hooks of its own are to come" {
    annotate run.oci.hooks.stdout "$T/hooks.out"
    hook_shell prestart true
    begin
    lacks "$(ls -l "/proc/$(state_of "$ID" pid)/fd")" hooks.out
}

# ---- features -------------------------------------------------------------------------------------------------------

@test "features lists the annotations that can widen what a container may do" {
    succeeds berth features
    local name
    for name in run.oci.keep_original_groups run.oci.hooks.stdout run.oci.hooks.stderr; do
        jq -e --arg name "$name" '.potentiallyUnsafeConfigAnnotations | index($name) != null' <<<"$output" >/dev/null ||
            fail "$name is not listed"
    done
}
