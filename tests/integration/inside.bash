# SPDX-License-Identifier: Apache-2.0
#
# What a container sees of itself: reading /proc/self/mountinfo, /proc/self/status and the probe (probe.c). Loaded by
# the suites behind helpers.bash.

# ---- mounts ---------------------------------------------------------------------------------------------------------

# mount_row DESTINATION TYPE SOURCE [OPTION...]: prints a row of mounts[]. No word may need quoting in JSON.
mount_row() {
    local options
    options=$(printf ',"%s"' "${@:4}")
    [ $# -gt 3 ] || options=
    printf '{"destination":"%s","type":"%s","source":"%s","options":[%s]}' "$1" "$2" "$3" "${options#,}"
}

# add_mount DESTINATION TYPE SOURCE [OPTION...]: one more row at the end of mounts[].
add_mount() {
    config --argjson row "$(mount_row "$@")" '.mounts += [$row]'
}

# add_rows ROW...: several rows at once, each printed by mount_row.
add_rows() {
    local rows
    rows=$(printf ',%s' "$@")
    config --argjson rows "[${rows#,}]" '.mounts += $rows'
}

# bind SOURCE DESTINATION [OPTION...]
bind() {
    add_mount "$2" bind "$1" bind "${@:3}"
}

# run_mountinfo: runs the bundle; $output is the mountinfo of the container.
run_mountinfo() {
    payload cat /proc/self/mountinfo
    succeeds berth run --bundle "$B" "$ID"
}

# The line of $output, a mountinfo (proc(5)), for a mount point: the last one, which covers those before.
mount_line() {
    awk -v point="$1" '$5 == point { line = $0 } END { print line }' <<<"$output"
}

# Of the mount at a point: its own options, its propagation, its type, the options of its superblock.
mount_flags() {
    mount_line "$1" | cut -d' ' -f6
}

mount_peers() {
    mount_line "$1" | sed 's/ - .*//' | cut -d' ' -f7- | sed 's/:[0-9]*//g'
}

mount_type() {
    mount_line "$1" | sed 's/.* - //' | cut -d' ' -f1
}

mount_super() {
    mount_line "$1" | sed 's/.* - //' | cut -d' ' -f3
}

# is_mounted POINT: whether anything is mounted there.
is_mounted() {
    [ -n "$(mount_line "$1")" ]
}

# host_mounts: how many mounts the host has below the test's directory.
host_mounts() {
    awk -v t="$T/" 'index($5, t) == 1' /proc/self/mountinfo | wc -l
}

# ---- the probe ------------------------------------------------------------------------------------------------------

# add_probe: puts the static program of probe.c into the container, as /bin/probe.
add_probe() {
    needs program:gcc
    if [ ! -x "$BATS_FILE_TMPDIR/probe" ]; then
        gcc -std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -static -o "$BATS_FILE_TMPDIR/probe.new" \
            "$BATS_TEST_DIRNAME/probe.c"
        mv "$BATS_FILE_TMPDIR/probe.new" "$BATS_FILE_TMPDIR/probe"
    fi
    cp "$BATS_FILE_TMPDIR/probe" "$B/rootfs/bin/probe"
}

# field NAME [TEXT]: the value of "NAME: value" in $output, such as a line of /proc/self/status or of the probe.
field() {
    awk -v name="$1:" '$1 == name { sub(/^[^:]*:[ \t]*/, ""); print }' <<<"${2-$output}"
}

# ---- cgroup v2 on any host ------------------------------------------------------------------------------------------

# berth_cgroup2 WORD...: runs a command of the runtime where /sys/fs/cgroup is one cgroup2 mount.
berth_cgroup2() {
    if is_cgroup2; then
        berth "$@"
    else
        "$BATS_TEST_DIRNAME/cgroup2-view" "$BERTH" --root "$ROOT" "$@"
    fi
}

# Where cgroup2 can be seen: at /sys/fs/cgroup, be it over the host's other mounts, or beside hierarchies of version 1.
cgroup2_mount() {
    if is_cgroup2; then
        echo /sys/fs/cgroup
    else
        awk '$2 ~ "^/sys/fs/cgroup" && $3 == "cgroup2" { print $2; exit }' /proc/self/mounts
    fi
}

# The host's directory of the container's cgroup of version 2, seen from outside such a view.
cgroup2_dir() {
    local mount
    mount=$(cgroup2_mount)
    [ -n "$mount" ] || fail "no cgroup2 mount on this host"
    echo "$mount$CGROUP/${1:-bundle}"
}
