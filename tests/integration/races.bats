#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# races: what a hostile image, volume or neighbour can do to a container while it is set up.
load helpers

prepare() {
    make_bundle
    config '.root.readonly = false'
}

# row DESTINATION TYPE SOURCE [OPTION...]: one more row of mounts[].
row() {
    config --arg d "$1" --arg t "$2" --arg s "$3" \
        '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' --args -- "${@:4}"
}

finish() {
    [ -z "${holder:-}" ] || kill "$holder"
}

# hold_lease FILE: a process that keeps others from opening it until the kernel takes the lease away (fcntl(2)).
hold_lease() {
    local line
    mkfifo "$T/leased"
    python3 - "$1" >"$T/leased" 3>&- 4>&- <<'PYTHON' &
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
signal.pause()
PYTHON
    holder=$!
    read -r line <"$T/leased"
    same "$line" leased
}

@test "an /etc/passwd that somebody has a lease on holds nobody up" {
    needs program:python3
    hold_lease "$B/rootfs/etc/passwd"
    # shellcheck disable=SC2016 # for the container
    shell 'echo $HOME'
    succeeds timeout 10 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" /
}

@test "renames that never stop do not keep a path from being resolved" {
    needs program:strace
    mkdir "$T/source"
    echo text >"$T/source/file"
    ln -s ../target "$B/rootfs/etc/link"
    row /etc/link bind "$T/source" bind
    payload cat /target/file
    inject openat2:error=EAGAIN # a rename while ".." is resolved (openat2(2))
    through=("${through[@]:0:${#through[@]}-1}" -P /etc/link --)
    succeeds timeout 10 "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" text
}

@test "a source that leads through the container's own root, by whatever name, is resolved inside it from there on" {
    mkdir -p "$T"/host/{plain,outside/dir} "$B/rootfs/in/dir"
    ln -s "$T/host/outside" "$B/rootfs/lure"
    mkdir -p "$B/rootfs$T/host/outside/dir"
    echo outside | tee "$T/host/outside/file" >"$T/host/outside/dir/file"
    echo inside | tee "$B/rootfs$T/host/outside/file" "$B/rootfs$T/host/outside/dir/file" >"$B/rootfs/in/dir/file"
    echo plain >"$T/host/plain/file"
    ln -s "$B" "$T/alias"
    ln -s "$B/rootfs/lure" "$T/to-lure"
    ln -s bundle/rootfs/in "$T/to-in"
    ln -s "$B/rootfs/../../host/plain" "$T/past"
    row /1 bind "$T/alias/rootfs/lure" bind
    row /2 bind "$T/alias/rootfs/lure/dir" bind
    row /3 bind "$T/to-lure" bind
    row /4 bind "$T/to-in/dir" bind
    row /5 bind "$T/past" bind
    shell 'cat /1/file /2/file /3/file /4/file /5/file'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'inside\ninside\ninside\ninside\nplain'
}

@test "a mapped source below the container's own root does not follow a link of the image to the host" {
    mkdir -p "$T/outside" "$B/rootfs$T/outside"
    echo outside >"$T/outside/file"
    echo inside >"$B/rootfs$T/outside/file"
    ln -s "$T/outside" "$B/rootfs/lure"
    row /m bind "$B/rootfs/lure" bind idmap=uids=0-0-1000\;gids=0-0-1000
    payload cat /m/file
    succeeds berth run --bundle "$B" "$ID"
    same "$output" inside
}

@test "src-nofollow: a link below the container's own root is itself the source" {
    ln -s nowhere "$B/rootfs/one"
    ln -s elsewhere "$B/rootfs/two"
    row /two bind "$B/rootfs/one" bind src-nofollow dest-nofollow
    payload readlink /two
    succeeds berth run --bundle "$B" "$ID"
    same "$output" nowhere
}

@test "a remount that would reach another mount than the row that it follows is refused" {
    needs program:strace
    local result=0
    mkdir "$B/rootfs/other"
    row /other tmpfs other
    row /mark tmpfs mark
    row /dev tmpfs second remount ro
    shell 'grep -E " /(dev|other)" /proc/self/mountinfo'
    # The directory for /mark is there, its mount comes late: the image's /dev leads elsewhere by then.
    inject move_mount:delay_enter=400000:when=7+
    "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually test -d "$B/rootfs/mark"
    mv "$B/rootfs/dev" "$B/rootfs/old"
    ln -s other "$B/rootfs/dev"
    wait "$job" || result=$?
    same "$result" 1 "$(cat "$T/stdout" "$T/stderr")"
    has "$(cat "$T/stderr")" "mounts[7]): /dev is not the mount that mounts[1] has made there"
    absent
}

@test "a remount reaches what a later row has put over the row that it follows" {
    ln -s under "$B/rootfs/alias"
    row /under tmpfs first
    row /alias tmpfs second
    row /under tmpfs third remount ro
    # shellcheck disable=SC2016 # for awk of the container
    shell 'awk "\$5 == \"/under\" { print \$(NF - 1), substr(\$6, 1, 2) }" /proc/self/mountinfo'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'first rw\nsecond ro'
}

@test "with too few open files for the mounts each shows its own source, or the limit is named" {
    local limit succeeded=0 refused=0
    mkdir "$T/source"
    touch "$T"/source/{0..59}
    jq -n --arg s "$T/source" '[range(60) | if . % 2 == 0
        then {destination: "/m/\(.)", type: "bind", source: "\($s)/\(.)", options: ["bind"]}
        else {destination: "/m/\(.)", type: "tmpfs", source: "\(.)", options: ["ro"]} end]' >"$T/rows"
    config --slurpfile rows "$T/rows" '.mounts += $rows[0]'
    # The number in the destination, and the one in the source or, for a bind, in the root of the mount.
    shell 'awk "\$5 ~ \"^/m/\" { split(\$5, d, \"/\"); n = split(\$4, s, \"/\"); of = \$4 == \"/\" ? \$(NF - 1) : s[n]
        if (d[3] == of) good++; else bad++ } END { print good + 0, bad + 0 }" /proc/self/mountinfo'
    for limit in {20..64..4}; do
        try prlimit --nofile="$limit:$limit" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        if [ "$status" -eq 0 ]; then
            same "$output" "60 0" "mounts with $limit open files"
            succeeded=$((succeeded + 1))
        else
            has "${errors,,}" "too many open files" "error with $limit open files"
            refused=$((refused + 1))
        fi
        absent
    done
    [ "$succeeded" -gt 0 ] && [ "$refused" -gt 0 ] || fail "$succeeded times success, $refused times refused"
}

@test "tmpcopyup: a file that is exchanged for another one does not lend it its mode and owner" {
    needs program:strace
    local result=0
    mkdir -p "$T/volume/d"
    echo program >"$T/volume/d/file"
    echo other >"$T/volume/other"
    chmod 4755 "$T/volume/d/file"
    chown 1000 "$T/volume/other"
    row /volume bind "$T/volume" rbind
    row /volume/d tmpfs tmpfs tmpcopyup
    shell 'stat -c "%a %u" /volume/d/file; cat /volume/d/file'
    : >"$T/trace"
    # The file is looked at, and opened late.
    strace -f -qq -o "$T/trace" -e trace=newfstatat,openat -e inject=openat:delay_enter=400000 -P file -- \
        env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" \
        </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually grep -q newfstatat "$T/trace"
    mv "$T/volume/other" "$T/volume/d/file"
    wait "$job" || result=$?
    [ "$result" -eq 1 ] || same "$(cat "$T/stdout")" $'644 1000\nother' "$(cat "$T/stderr")"
    absent
}

@test "a device gets its owner, and not a file that is put in its place" {
    needs program:strace cap_mknod
    mkdir "$T/volume"
    touch "$T/volume/victim"
    row /volume bind "$T/volume" rbind
    config '.linux.devices = [{path: "/volume/node", type: "c", major: 1, minor: 3, fileMode: 438, uid: 5, gid: 6}]'
    payload true
    inject fchownat:delay_enter=400000
    "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/stdout" 2>&1 3>&- 4>&- &
    job=$!
    eventually test -c "$T/volume/node"
    mv "$T/volume/node" "$T/volume/moved"
    mv "$T/volume/victim" "$T/volume/node"
    wait "$job" || true # refused or not
    same "$(stat -c %u:%g "$T/volume/node")" 0:0 "owner of the file"
    absent
}

@test "what the classic call has mounted is not mistaken for the mount that its name leads to by then" {
    needs program:strace
    local result=0
    mkdir "$T/volume" "$B/rootfs/other"
    row /other tmpfs other
    row /volume bind "$T/volume" rbind
    row /volume/new tmpfs new ro silent # "silent" needs mount(2)
    shell 'grep -E " /(volume/.*|other) " /proc/self/mountinfo'
    inject mount:delay_enter=400000
    "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually test -d "$T/volume/new"
    mv "$T/volume/new" "$T/volume/moved"
    ln -s /other "$T/volume/new"
    wait "$job" || result=$?
    same "$result" 1 "$(cat "$T/stdout" "$T/stderr")"
    has "$(cat "$T/stderr")" "mounts[7]): /volume/new has become another mount"
    absent
}
