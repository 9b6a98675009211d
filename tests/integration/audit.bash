# SPDX-License-Identifier: Apache-2.0
#
# The leak audit around every test: what it and the runtime have left on the host. Needs root; loaded by helpers.bash.
#
# Mounts and the descriptors of the test's shell are compared before and after. All else is found by the test's mark,
# which stands in every id, cgroup path, work directory and environment (BERTH_TEST), so that others may work on the
# same machine meanwhile. What is on its way out, as a process that was just killed, gets PATIENCE seconds.

audit_begin() {
    (
        trap - DEBUG # by which bats follows each command: half of the audit's time
        audit_compared >"$T/audit.before"
        audit_children >"$T/audit.children"
    )
}

# Fails, and prints one line for each thing that is left or gone.
audit_end() {
    local deadline=$((SECONDS + PATIENCE)) found
    while found=$(audit_found) && [ -n "$found" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf 'left behind by this test (+) or missing after it (-):\n%s\n' "$found"
            return 1
        fi
        sleep 0.02
    done
}

# Runs in a subshell, without the mark in the environment: what the audit starts must not be found by it.
audit_found() {
    trap - DEBUG
    unset BERTH_TEST
    audit_compared >"$T/audit.after"
    diff --unchanged-line-format= --old-line-format='- %L' --new-line-format='+ %L' "$T/audit.before" \
        "$T/audit.after" | audit_still_there || true
    {
        audit_state
        audit_cgroups
        audit_processes
        audit_sockets
    } | sed 's/^/+ /'
}

# A mount point that somebody removes elsewhere takes the mount along here, too (mount_namespaces(7)): no test's doing.
audit_still_there() {
    local sign kind root point rest
    while read -r sign kind root point rest; do
        [[ $sign$kind == -mount: && ! -e $point ]] || echo "$sign $kind $root $point $rest"
    done
}

# Lines that must be the same before and after. Of the descriptors of the test's shell, those of bats itself vary.
audit_compared() {
    # Without the ids of mounts and peers, which say nothing to a reader.
    cut -d' ' -f4- /proc/self/mountinfo | sed 's/^/mount: /'
    find /proc/$$/fd -lname "$T/*" ! -lname "$T/audit.*" -printf 'descriptor %f of the test: %l\n'
}

audit_state() {
    local dir
    for dir in "$ROOT"/* "$ROOT"/.[!.]* "/run/berth/$MARK"*; do
        # The cache of compiled filters is meant to stay.
        [[ -e $dir && $dir != "$ROOT/.cache" ]] || continue
        find "$dir" -printf 'state: %p\n'
    done
}

audit_cgroups() {
    # The one that all containers of a test are made in stays until the test's end. Others' cgroups vanish meanwhile,
    # at which find complains.
    find "${CGROUP_MOUNTS[@]}" -path '*/process_api' -prune -o -type d -path "*$MARK*" ! -path "*/$MARK" \
        ! -path "*/$MARK/own" -printf 'cgroup: %p\n' 2>/dev/null || true
}

# Of the test by its environment or its cgroup, and whatever the test's shell has started.
audit_processes() {
    local pid line
    for pid in $(audit_pids); do
        line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || continue
        [ -n "$line" ] || line=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
        # Seen on its way out: not there any more, or a zombie that its parent is about to reap.
        grep -qs '^State:.[^ZX]' "/proc/$pid/status" || continue
        echo "process: $pid ${line:0:200}"
    done
}

# Called where BERTH_TEST is unset.
audit_pids() {
    {
        LC_ALL=C grep -lszxF "BERTH_TEST=$MARK" /proc/[0-9]*/environ
        LC_ALL=C grep -lsF "$MARK" /proc/[0-9]*/cgroup
        audit_children | comm -13 "$T/audit.children" - | sed 's|.*|/proc/&/|'
    } | cut -d/ -f3 | sort -u | grep -vx "$$" || true
}

# Processes that the test's shell has started, without the subshells of the audit itself.
audit_children() {
    local pid children
    read -r children <"/proc/$$/task/$$/children" || true
    for pid in $children; do
        [ "$pid" = "$BASHPID" ] || audit_is_shell "$pid" || echo "$pid"
    done | sort
}

# A subshell of the test's shell, such as a command substitution: the same program with the same arguments.
audit_is_shell() {
    cmp -s "/proc/$$/cmdline" "/proc/$1/cmdline"
}

audit_sockets() {
    awk -v mark="$MARK" '$8 ~ mark { print "socket: " $8 }' /proc/net/unix
}

# The cgroups that hold the containers' ones; fails when there is more in them.
audit_remove_parents() {
    local mount parents=()
    for mount in "${CGROUP_MOUNTS[@]}"; do
        [ ! -d "$mount$CGROUP/own" ] || parents+=("$mount$CGROUP/own")
        [ ! -d "$mount$CGROUP" ] || parents+=("$mount$CGROUP")
    done
    ((${#parents[@]} == 0)) || rmdir "${parents[@]}" 2>/dev/null
}

# Ends and removes what a failing test has left, so that the next one begins on a clean host.
audit_sweep() {
    local pid dir mount
    unset BERTH_TEST
    for pid in $(audit_pids); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    for mount in $(awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
        umount -l "$mount" || true
    done
    for mount in "${CGROUP_MOUNTS[@]}"; do
        [ -d "$mount$CGROUP" ] || continue
        find "$mount$CGROUP" -depth -type d | while read -r dir; do
            eventually rmdir "$dir" 2>/dev/null || echo "cannot remove $dir"
        done
    done
}
