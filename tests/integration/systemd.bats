#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The systemd cgroup manager: units, their cgroups, properties and limits; what is left behind: nothing. Where no systemd
# runs, it is refused.

load helpers
load limits

prepare() {
    make_bundle
    UNIT=$MARK-$MARK.scope
    SLICE=$MARK.slice
    config --arg p "$SLICE:$MARK:$MARK" '.linux.cgroupsPath = $p'
}

# The slice was started for the test's scope; units of the test's that are left are the defect that is looked for.
finish() {
    drop_device
    has_systemd || return 0
    local left
    left=$(systemctl list-units --all --plain --no-legend "$MARK*" | grep -v "^$SLICE " || true)
    systemctl stop "$SLICE" 2>/dev/null || true
    [ -z "$left" ] || fail "units are left: $left"
}

sberth() {
    berth --systemd-cgroup "$@"
}

begin_scope() {
    long_running
    succeeds sberth create --bundle "$B" "$ID" && succeeds sberth start "$ID" && same "$(wait_for ready)" up
}

property() {
    systemctl show --value -p "$1" "$UNIT"
}

@test "systemd: where it does not run, its manager is refused, whichever way it is asked for" {
    needs no-systemd
    refuses "systemd|/run/systemd/system|cgroupfs" berth --systemd-cgroup create --bundle "$B" "$ID"
    refuses "systemd|/run/systemd/system|cgroupfs" berth --cgroup-manager systemd create --bundle "$B" "$ID"
    absent
}

@test "systemd: a scope in its slice, with the process in it, gone with the container" {
    needs systemd
    begin_scope
    local pid
    pid=$(state_of "$ID" pid)
    same "$(property ActiveState)" active
    same "$(property Slice)" "$SLICE"
    same "$(property Delegate)" yes
    same "$(property Description)" "berth container $ID"
    same "$(property ControlGroup)" "/$SLICE/$UNIT"
    grep -q "/$SLICE/$UNIT\$" "/proc/$pid/cgroup" || fail "elsewhere: $(cat "/proc/$pid/cgroup")"
    succeeds berth delete --force "$ID"
    same "$(property ActiveState)" inactive
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
}

@test "systemd: run in the foreground, an exit status, nothing left" {
    needs systemd
    shell 'exit 7'
    exits 7 sberth run --bundle "$B" "$ID"
    same "$(property LoadState)" not-found
}

@test "systemd: limits in the unit and in the files" {
    needs systemd cgroup2-memory cgroup2-cpu cgroup2-pids
    config '.linux.resources += {memory: {limit: 67108864, reservation: 33554432, swap: 67108864},
        cpu: {shares: 512, quota: 20000, period: 100000, cpus: "0"}, pids: {limit: 30}}'
    begin_scope
    local dir=/sys/fs/cgroup/$SLICE/$UNIT
    same "$(property MemoryMax)" 67108864
    same "$(property MemoryLow)" 33554432
    same "$(property MemorySwapMax)" 0
    same "$(property TasksMax)" 30
    same "$(property CPUWeight)" 59
    same "$(property CPUQuotaPerSecUSec)" 200ms
    same "$(property AllowedCPUs)" 0
    same "$(cat "$dir/memory.max")" 67108864
    same "$(cat "$dir/cpu.max")" "20000 100000"
    same "$(cat "$dir/pids.max")" 30
    systemctl daemon-reload
    same "$(cat "$dir/memory.max")" 67108864 "after a daemon-reload"
    same "$(cat "$dir/pids.max")" 30 "after a daemon-reload"
}

@test "systemd: v1: limits in the unit and in the files, and an update of them" {
    needs systemd cgroup1-cpu cgroup1-pids
    local top=/sys/fs/cgroup when
    config '.linux.resources += {cpu: {shares: 512, quota: 20000, period: 100000}, pids: {limit: 30}}'
    begin_scope
    for when in before after; do
        same "$(property CPUShares) $(property CPUQuotaPerSecUSec) $(property TasksMax)" "512 200ms 30" "$when a daemon-reload"
        same "$(cat $top/cpu/"$SLICE/$UNIT"/cpu.{shares,cfs_quota_us,cfs_period_us} "$top/pids/$SLICE/$UNIT/pids.max")" \
            $'512\n20000\n100000\n30' "$when a daemon-reload"
        systemctl daemon-reload
    done
    succeeds berth update --cpu-quota 31000 --pids-limit 20 "$ID"
    same "$(property CPUQuotaPerSecUSec) $(property TasksMax)" "310ms 20"
    same "$(cat "$top/cpu/$SLICE/$UNIT/cpu.cfs_quota_us" "$top/pids/$SLICE/$UNIT/pids.max")" $'31000\n20'
}

@test "systemd: unified and blockIO are in the files, in the unit where it has a word for them, and survive a daemon-reload" {
    local dir=/sys/fs/cgroup/$SLICE/$UNIT when
    needs systemd cgroup2-memory cgroup2-io
    make_device
    config --arg n "$NUMBER" '.linux.resources += {unified: {"memory.high": "50000000", "memory.min": "1048576"},
        blockIO: {throttleReadBpsDevice: [$n | split(":") | map(tonumber) | {major: .[0], minor: .[1], rate: 1048576}]}}'
    begin_scope
    for when in before after; do
        same "$(property MemoryHigh) $(property MemoryMin)" "50000000 1048576" "$when a daemon-reload"
        same "$(cat "$dir/memory.high") $(cat "$dir/memory.min")" "49999872 1048576" "$when a daemon-reload"
        same "$(cat "$dir/io.max")" "$NUMBER rbps=1048576 wbps=max riops=max wiops=max" "$when a daemon-reload"
        systemctl daemon-reload
    done
}

@test "systemd: a quota of less than a whole percent is exact in the file" {
    needs systemd cgroup2-cpu
    config '.linux.resources += {cpu: {quota: 12345, period: 100000}}'
    begin_scope
    same "$(cat "/sys/fs/cgroup/$SLICE/$UNIT/cpu.max")" "12345 100000"
}

@test "systemd: update changes the unit and the files, and survives a daemon-reload" {
    needs systemd cgroup2-memory cgroup2-pids
    begin_scope
    succeeds berth update --memory 50m --memory-swap 50m --pids-limit 20 "$ID"
    local dir=/sys/fs/cgroup/$SLICE/$UNIT
    same "$(property MemoryMax)" 52428800
    same "$(property TasksMax)" 20
    systemctl daemon-reload
    same "$(cat "$dir/memory.max")" 52428800
    same "$(cat "$dir/pids.max")" 20
    refuses "memory" berth update --memory 60m --memory-swap 10m "$ID"
    same "$(property MemoryMax)" 52428800 "after a refused update"
}

@test "systemd: an update that cannot be written down for later commands changes neither unit nor files" {
    needs systemd cgroup2-pids
    small_root
    begin_scope
    succeeds berth update --pids-limit 20 "$ID"
    fill_root
    refuses "No space left on device" berth update --pids-limit 30 "$ID"
    same "$(property TasksMax)" 20
    same "$(cat "/sys/fs/cgroup/$SLICE/$UNIT/pids.max")" 20
    free_root
    succeeds berth update --pids-limit 30 "$ID"
    same "$(property TasksMax)" 30
    succeeds berth delete --force "$ID"
    umount "$ROOT"
}

@test "systemd: device rules hold, and survive a daemon-reload" {
    needs systemd
    is_cgroup2 || needs cgroup1-devices
    config '.process.capabilities = (["CAP_MKNOD"] | {bounding: ., effective: ., permitted: .})'
    begin_scope
    local when
    for when in before after; do
        succeeds berth exec "$ID" sh -c 'head -c 1 /dev/zero >/dev/null && mknod /tmp/kmsg-'$when' c 1 11 && ! cat /tmp/kmsg-'$when' 2>/dev/null'
        systemctl daemon-reload
    done
}

@test "systemd: pause, exec, kill and resume as with any cgroup" {
    needs systemd
    begin_scope
    succeeds berth exec "$ID" true
    succeeds berth pause "$ID"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    succeeds berth exec "$ID" cat /proc/self/cgroup
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    same "$(property LoadState)" not-found
}

@test "systemd: properties by annotation; wrong ones are errors that leave nothing" {
    needs systemd
    config '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"}'
    begin_scope
    same "$(property TimeoutStopUSec)" 7s
    succeeds berth delete --force "$ID"
    config '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
    refuses "NoSuchThing" sberth create --bundle "$B" "$ID"
    absent
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
    config '.annotations = {"org.systemd.property.TimeoutStopSec": "7 seconds"}'
    refuses "/annotations/org.systemd.property.TimeoutStopSec" sberth create --bundle "$B" "$ID"
    config '.annotations = {} | .linux.cgroupsPath = "/not/of/that/form"'
    refuses 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/not/of/that/form"' \
        sberth create --bundle "$B" "$ID"
}

@test "systemd: no cgroupsPath, no limit: a scope of berth's name" {
    needs systemd
    UNIT=berth-$ID.scope
    config 'del(.linux.cgroupsPath)'
    begin_scope
    same "$(property ControlGroup)" "/system.slice/$UNIT"
    succeeds berth delete --force "$ID"
    same "$(property LoadState)" not-found
}

@test "systemd: a unit of somebody else's with that name is refused, and left alone" {
    needs systemd
    systemd-run --quiet --scope --unit "$UNIT" --slice "$SLICE" sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    local foreign=$!
    eventually systemctl is-active --quiet "$UNIT"
    refuses "exists already, and is not berth's|$UNIT" sberth create --bundle "$B" "$ID"
    same "$(property ActiveState)" active
    absent
    systemctl stop "$UNIT"
    wait "$foreign" || true
}

@test "systemd: a unit of berth's that is in use is refused, and left alone" {
    needs systemd
    begin_scope
    refuses "container's cgroup is not empty" "$BERTH" --root "$T/other" --systemd-cgroup create --bundle "$B" other
    same "$(state_of)" running
    same "$(property ActiveState)" active
    [ ! -e "$T/other/other" ]
}

@test "systemd: the scope of a container that has ended is the next one's, and a delete of the first leaves it alone" {
    needs systemd
    payload true
    succeeds sberth create --bundle "$B" "$ID"
    succeeds sberth start "$ID"
    eventually is_state "$ID" stopped
    eventually test ! -e "/sys/fs/cgroup/$SLICE/$UNIT"
    long_running
    succeeds "$BERTH" --root "$T/other" --systemd-cgroup create --bundle "$B" other
    succeeds "$BERTH" --root "$T/other" start other
    succeeds berth delete --force "$ID"
    same "$("$BERTH" --root "$T/other" state other | jq -r .status)" running
    same "$(property ActiveState)" active
    succeeds "$BERTH" --root "$T/other" delete --force other
    same "$(property LoadState)" not-found
}

@test "systemd: a scope that systemctl stops is a container that has ended" {
    needs systemd
    begin_scope
    systemctl stop "$UNIT"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
    begin_scope
    same "$(property ActiveState)" active
}

@test "systemd: a create that fails later on leaves no unit" {
    needs systemd
    payload no-such-program
    refuses "executable file not found" sberth create --bundle "$B" "$ID"
    absent
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
}

# $T/berth, for which systemd never answers.
silent_systemd() {
    printf '#!/bin/sh\nexec sleep 1000\n' >"$T/berth-systemd"
    chmod 0755 "$T/berth-systemd"
    cp "$BERTH" "$T/berth"
}

@test "systemd: one that does not answer an update is given up, the files are as before, and what may come yet is told" {
    needs systemd cgroup2-pids
    begin_scope
    succeeds berth update --pids-limit 20 "$ID"
    silent_systemd
    refuses "may get them yet|did not answer SetUnitProperties within 10 s" "$T/berth" --root "$ROOT" update --pids-limit 30 "$ID"
    same "$(cat "/sys/fs/cgroup/$SLICE/$UNIT/pids.max")" 20
    same "$(property TasksMax)" 20
    succeeds berth update --pids-limit 30 "$ID"
    same "$(property TasksMax)" 30
    succeeds berth delete --force "$ID"
}

@test "systemd: one that does not answer is given up, and nothing is left" {
    needs systemd
    silent_systemd
    refuses "systemd did not answer StartTransientUnit within 10 s" "$T/berth" --root "$ROOT" --systemd-cgroup create --bundle "$B" "$ID"
    absent
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
}

@test "systemd: sub-cgroups of the payload go with it" {
    needs systemd cgroup2
    config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}]'
    make_fifo ready
    shell 'mkdir -p /sys/fs/cgroup/a/b && echo $$ >/sys/fs/cgroup/a/b/cgroup.procs; echo up >/ready; exec sleep 1000'
    succeeds sberth create --bundle "$B" "$ID"
    succeeds sberth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth exec "$ID" true
    succeeds berth delete --force "$ID"
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
}

@test "systemd: a delete comes after what a create that was killed has asked for" {
    needs systemd
    # A berth-systemd that waits for a word before it asks systemd to start the unit.
    local helper bin=$T/bin doomed waiting
    helper=$(dirname "$(readlink -f "$(command -v "$BERTH")")")/berth-systemd
    mkdir "$bin"
    cp "$BERTH" "$bin/berth"
    mkfifo "$T/asked" "$T/go"
    cat >"$bin/berth-systemd" <<END
#!/bin/sh
[ "\$1" != start ] || { echo \$PPID >'$T/asked'; read -r word <'$T/go'; }
exec '$helper' "\$@"
END
    chmod +x "$bin/berth-systemd"
    long_running
    "$bin/berth" --root "$ROOT" --systemd-cgroup create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
    read -r doomed <"$T/asked"
    kill -KILL "$doomed"
    "$bin/berth" --root "$ROOT" delete --force "$ID" </dev/null >"$T/deleted" 2>&1 3>&- 4>&- &
    waiting=$!
    until grep -q -- "-> FLOCK .* $waiting " /proc/locks; do
        [ -d "/proc/$waiting" ] || fail "delete did not wait: $(cat "$T/deleted")"
    done
    echo on >"$T/go"
    wait "$waiting" || fail "delete: $(cat "$T/deleted")"
    same "$(property LoadState)" not-found
    [ ! -e "/sys/fs/cgroup/$SLICE/$UNIT" ] || fail "the cgroup is left"
    absent
}
