# SPDX-License-Identifier: Apache-2.0
#
# The leak audit: what of a container is left on the host. Needs root; reads only.
#
# Everything that a test run makes carries its mark (see setup.bash): work directory, cgroup parent, runtime binary and
# command lines all contain it. So the audit finds what belongs to this run where others run containers too.
#
#   audit_begin   remembers what of the run exists now (its daemons, for instance)
#   audit_end     waits until nothing more than that exists; prints the rest and fails when it does not go away
#
# An engine's file defines audit_state_paths: it prints the directories of containers that exist now, below the roots
# that the engine gives to the runtime and its shims. It may set AUDIT_ENGINE_MOUNTS, an extended regular expression:
# mount points that the engine itself makes when it likes.

# Seconds that shims and cleanup processes get to finish on their own after the engine's client has returned.
: "${AUDIT_PATIENCE:=10}"

# The host's, and what the run's daemons have in mount namespaces of their own.
audit_mounts() {
    local pid
    {
        cat /proc/self/mountinfo
        for pid in $(cat "$ENGINE_WORK"/*.pid 2>/dev/null); do
            cat "/proc/$pid/mountinfo" 2>/dev/null
        done
    } | grep -F "$ENGINE_MARK" | awk '{ print "mount: " $5 }' | sort -u |
        grep -vE "${AUDIT_ENGINE_MOUNTS:-^$}" || true
}

audit_cgroups() {
    # The parent stays until the file's end, as do the cgroups for Podman's monitors and for BuildKit's steps.
    find /sys/fs/cgroup -path /sys/fs/cgroup/memory/process_api -prune -o \
        -type d -path "*$ENGINE_MARK*" -print 2>/dev/null |
        grep -vE "/$ENGINE_MARK(\.slice|/conmon|/buildkit)?\$" | sed 's/^/cgroup: /' || true
}

# Processes with the mark in command line, binary or cgroup, or that inherited it from the engine in their environment.
# A test's own shells have the work directory in other variables, never in ENGINE_TRAIL.
audit_pids() {
    {
        grep -lsF "$ENGINE_MARK" /proc/[0-9]*/cmdline /proc/[0-9]*/cgroup || true
        grep -lszF "ENGINE_TRAIL=$ENGINE_MARK" /proc/[0-9]*/environ || true
        find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "*$ENGINE_MARK*" 2>/dev/null || true
    } | cut -d/ -f3 | sort -un
}

audit_processes() {
    local pid line
    for pid in $(audit_pids); do
        # The run's own daemons, which a test may have started anew.
        ! grep -qsx "$pid" "$ENGINE_WORK"/*.pid || continue
        line=$(tr '\0' ' ' 2>/dev/null </proc/"$pid"/cmdline) || continue
        [ -n "$line" ] || line=$(cat /proc/"$pid"/comm 2>/dev/null) || continue
        echo "process: $pid ${line:0:200}"
    done
}

audit_state() {
    audit_state_paths | sed 's/^/state: /'
}

# bats runs with errexit on: nothing in here may fail for want of findings.
audit_list() {
    { audit_mounts; audit_cgroups; audit_processes; audit_state; } | sort
}

audit_begin() {
    audit_list >"$BATS_TEST_TMPDIR/audit"
}

audit_end() {
    local deadline=$((SECONDS + AUDIT_PATIENCE)) left
    while left=$(audit_list | comm -13 "$BATS_TEST_TMPDIR/audit" -) && [ -n "$left" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf 'left behind:\n%s\n' "$left"
            return 1
        fi
        sleep 0.05
    done
}
