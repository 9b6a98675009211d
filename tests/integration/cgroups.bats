#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cgroups: limits read back from the host's files, where the cgroup is, device rules by effect, life and end of cgroups.
# On a host with cgroup v1 the tests of version 2 make themselves a view of it (cgroup2-view): all but its controllers.
load helpers
load inside
load limits

prepare() {
    make_bundle
}

# ---- limits of cgroup v1 --------------------------------------------------------------------------------------------

@test "v1 memory: limit, reservation, swap, swappiness, OOM killer" {
    needs cgroup1-memory
    resources '{"memory": {"limit": 33554432, "reservation": 16777216, "swappiness": 7, "disableOOMKiller": true}}'
    begin
    same "$(of memory memory.limit_in_bytes)" 33554432
    same "$(of memory memory.soft_limit_in_bytes)" 16777216
    same "$(of memory memory.swappiness)" 7
    has "$(of memory memory.oom_control)" "oom_kill_disable 1"
    [ -e "$(cgroup_dir memory)/memory.memsw.limit_in_bytes" ] || skip "the rest needs swap accounting"
    succeeds berth delete --force "$ID"
    # Below the limit that both begin with, and above: each needs another order.
    resources '{"memory": {"limit": 33554432, "swap": 67108864}}'
    begin
    same "$(of memory memory.limit_in_bytes) $(of memory memory.memsw.limit_in_bytes)" "33554432 67108864"
    succeeds berth delete --force "$ID"
    resources '{"memory": {"limit": 33554432, "swap": 33554432}}'
    begin
    same "$(of memory memory.limit_in_bytes) $(of memory memory.memsw.limit_in_bytes)" "33554432 33554432"
    succeeds berth delete --force "$ID"
    resources '{"memory": {"limit": -1, "swap": -1, "reservation": -1}}'
    begin
    [ "$(of memory memory.limit_in_bytes)" -gt 9000000000000000000 ]
    [ "$(of memory memory.memsw.limit_in_bytes)" -gt 9000000000000000000 ]
}

@test "memory by effect: more than the limit is killed, less is not" {
    needs cgroup1-memory
    resources '{"memory": {"limit": 16777216, "swap": 16777216}}'
    add_mount /m tmpfs t size=100m
    run_shell 'dd if=/dev/zero of=/m/x bs=1M count=4 2>/dev/null; echo fine'
    same "$output" fine
    payload dd if=/dev/zero of=/m/x bs=1M count=50
    exits 137 berth run --bundle "$B" "$ID"
}

@test "memory: a limit below what a start needs is told so" {
    needs cgroup1-memory
    resources '{"memory": {"limit": 4096}}'
    exits 1 berth run --bundle "$B" "$ID"
    has "$errors" "memory limit 4096"
    absent
}

@test "v1 cpu: shares, quota, period, burst, idle" {
    needs cgroup1-cpu
    resources '{"cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 1000}}'
    begin
    same "$(of cpu cpu.shares)" 512
    same "$(of cpu cpu.cfs_quota_us)" 25000
    same "$(of cpu cpu.cfs_period_us)" 50000
    same "$(of cpu cpu.cfs_burst_us)" 1000
    succeeds berth delete --force "$ID"
    resources '{"cpu": {"quota": -1, "period": 1000000, "shares": 2}}'
    begin
    same "$(of cpu cpu.cfs_quota_us) $(of cpu cpu.cfs_period_us) $(of cpu cpu.shares)" "-1 1000000 2"
    succeeds berth delete --force "$ID"
    resources '{"cpu": {"shares": 0, "quota": 0, "period": 0}}'
    begin
    same "$(of cpu cpu.cfs_quota_us) $(of cpu cpu.cfs_period_us) $(of cpu cpu.shares)" "-1 100000 1024" "defaults"
    succeeds berth delete --force "$ID"
    resources '{"cpu": {"idle": 1, "shares": 100}}'
    begin
    same "$(of cpu cpu.idle)" 1
}

@test "v1 cpu: a realtime share, and one that the cgroups above do not have" {
    needs cgroup1-cpu
    [ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] || skip "needs a kernel with CONFIG_RT_GROUP_SCHED"
    resources '{"cpu": {"realtimeRuntime": 5000, "realtimePeriod": 1000000}}'
    refuses "/linux/resources/cpu/realtimeRuntime|cpu.rt_runtime_us|each cgroup above" berth create --bundle "$B" "$ID"
    absent
    mkdir "/sys/fs/cgroup/cpu$CGROUP"
    echo 6000 >"/sys/fs/cgroup/cpu$CGROUP/cpu.rt_runtime_us"
    begin
    same "$(of cpu cpu.rt_runtime_us) $(of cpu cpu.rt_period_us)" "5000 1000000"
}

@test "v1 cpuset: processors and memory nodes" {
    needs cgroup1-cpuset
    resources '{"cpu": {"cpus": "0", "mems": "0"}}'
    payload cat /proc/self/status
    succeeds berth run --bundle "$B" "$ID"
    same "$(field Cpus_allowed_list)" 0
    same "$(field Mems_allowed_list)" 0
    begin
    same "$(of cpuset cpuset.cpus) $(of cpuset cpuset.mems)" "0 0"
    succeeds berth delete --force "$ID"
    # Without a wish what the parent has, or nothing could run there.
    resources '{}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field Cpus_allowed_list)" "$(field Cpus_allowed_list "$(cat /proc/self/status)")"
}

@test "v1 pids: a limit, none, and by effect" {
    needs cgroup1-pids
    resources '{"pids": {"limit": 20}}'
    begin
    same "$(of pids pids.max)" 20
    same "$(of pids pids.current)" 1
    succeeds berth delete --force "$ID"
    local value
    for value in -1 0; do
        resources "{\"pids\": {\"limit\": $value}}"
        begin
        same "$(of pids pids.max)" max "limit $value"
        succeeds berth delete --force "$ID"
    done
    resources '{"pids": {"limit": 5}}'
    shell 'for n in 1 2 3 4 5 6 7 8; do sleep 1000 & done'
    try berth run --bundle "$B" "$ID"
    has "$errors" "fork"
}

@test "v1 devices: the rules, in the kernel's list" {
    needs cgroup1-devices
    resources '{"devices": [{"allow": false, "access": "rwm"}]}'
    begin
    local list
    list=$(of devices devices.list)
    # What every container has: may make nodes, use the default devices and terminals.
    local line
    for line in 'c \*:\* m' 'b \*:\* m' 'c 1:3 rwm' 'c 1:5 rwm' 'c 1:7 rwm' 'c 1:8 rwm' 'c 1:9 rwm' 'c 5:0 rwm' \
        'c 5:2 rwm' 'c 136:\* rwm'; do
        grep -qx "$line" <<<"$list" || fail "no '$line' in: $list"
    done
    lacks "$list" "a *:*"
    lacks "$list" 10:229
    succeeds berth delete --force "$ID"
    resources '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
                            {"allow": true, "type": "b", "major": 7, "access": "r"}]}'
    begin
    list=$(of devices devices.list)
    has "$list" "c 10:229 rw"
    has "$list" "b 7:* r"
    succeeds berth delete --force "$ID"
    resources '{"devices": [{"allow": true, "access": "rwm"}]}'
    begin
    same "$(of devices devices.list)" "a *:* rwm"
}

# ---- device rules by effect, in both worlds -------------------------------------------------------------------------

# try_devices RUN...: which of these may be opened; $output has a line "NAME: rwm" with a "-" for what is refused.
try_devices() {
    # The kernel's log may be for those with CAP_SYSLOG only.
    config '.process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"])'
    config '.mounts |= map(select(.destination != "/tmp")) + [{destination: "/tmp", type: "tmpfs", source: "t"}]'
    shell 'may() { if "$@" 2>/dev/null; then echo yes; else echo no; fi; }
           cd /tmp
           while read name type major minor; do
               m=$(may mknod $name $type $major $minor)
               [ -e $name ] || { echo $name: no; continue; }
               echo $name: read $(may sh -c "exec 5<$name") write $(may sh -c "exec 5>$name") make $m
           done <<END
null c 1 3
zero c 1 5
kmsg c 1 11
END'
    succeeds "$@" run --bundle "$B" "$ID"
}

expect_devices() {
    same "$(field null)" "read yes write yes make yes" null
    same "$(field zero)" "read yes write yes make yes" zero
    same "$(field kmsg)" "$1" kmsg
}

each_rules() {
    # Nodes may be made where nothing forbids it, opened only where a rule allows it.
    resources '{"devices": [{"allow": false, "access": "rwm"}]}'
    try_devices "$@"
    expect_devices "read no write no make yes"
    resources '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]}'
    try_devices "$@"
    expect_devices "read yes write no make yes"
    # The last rule that matches decides.
    resources '{"devices": [{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rwm"}, {"allow": false, "access": "rwm"},
                            {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "w"}]}'
    try_devices "$@"
    expect_devices "read no write yes make yes"
    resources '{"devices": []}'
    try_devices "$@"
    expect_devices "read no write no make yes"
}

@test "devices by effect on v1" {
    needs cgroup1-devices
    each_rules berth
}

@test "devices by effect on cgroup2: a program of the cgroup" {
    each_rules berth_cgroup2
}

@test "devices on cgroup2: everything allowed; one denied of all" {
    resources '{"devices": [{"allow": true, "access": "rwm"}, {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "w"}]}'
    try_devices berth_cgroup2
    same "$(field kmsg)" "read yes write no make yes"
    config 'del(.linux.resources)'
    try_devices berth_cgroup2
    same "$(field kmsg)" "read yes write yes make yes" "without rules"
}

@test "devices: malformed rules are refused" {
    local rule
    for rule in '{"allow": true, "access": ""}' '{"allow": true, "access": "rx"}' '{"access": "rwm"}' \
        '{"allow": true, "type": "x", "access": "r"}' '{"allow": true, "type": "c", "major": -5, "access": "r"}' \
        '{"allow": true, "type": "p", "access": "r"}' '{"allow": "yes", "access": "r"}'; do
        resources "{\"devices\": [{\"allow\": false, \"access\": \"rwm\"}, $rule]}"
        refuses "/linux/resources/devices/1" berth create --bundle "$B" "$ID"
        absent
    done
}

# ---- where the cgroup is --------------------------------------------------------------------------------------------

# Of every hierarchy that the runtime sees: the paths of the container's process.
paths_of() {
    local pattern=.
    is_cgroup2 && pattern='^0::'
    grep "$pattern" "/proc/$(state_of "$ID" pid)/cgroup" | cut -d: -f3 | sort -u
}

@test "cgroupsPath absolute: in every hierarchy, and removed" {
    config --arg path "$CGROUP/deep/er/place" '.linux.cgroupsPath = $path'
    begin
    same "$(paths_of)" "$CGROUP/deep/er/place"
    succeeds berth delete --force "$ID"
    absent
    # The parents that were made for it, too.
    local mount
    for mount in $(cgroup_mounts); do
        [ ! -e "$mount$CGROUP" ] || fail "$mount$CGROUP is left"
    done
}

@test "cgroupsPath absolute: parents that others have made stay" {
    local mount
    for mount in $(cgroup_mounts); do
        mkdir -p "$mount$CGROUP/parent"
    done
    config --arg path "$CGROUP/parent/made/own" '.linux.cgroupsPath = $path'
    begin
    succeeds berth delete --force "$ID"
    for mount in $(cgroup_mounts); do
        [ -d "$mount$CGROUP/parent" ] || fail "$mount$CGROUP/parent is gone"
        [ ! -e "$mount$CGROUP/parent/made" ] || fail "$mount$CGROUP/parent/made is left"
        rmdir "$mount$CGROUP/parent"
    done
}

@test "cgroupsPath of a container that has ended: the next one has it, and a delete of the first leaves that alone" {
    config --arg path "$CGROUP/shared" '.linux.cgroupsPath = $path'
    begin_stopped
    local second=${ID}2 other=$T/other
    long_running
    config --arg path "$CGROUP/shared" '.linux.cgroupsPath = $path'
    succeeds "$BERTH" --root "$other" create --bundle "$B" "$second"
    succeeds "$BERTH" --root "$other" start "$second"
    succeeds berth delete --force "$ID"
    same "$("$BERTH" --root "$other" state "$second" | jq -r .status)" running
    ID=$second ROOT=$other paths_of >"$T/paths"
    same "$(<"$T/paths")" "$CGROUP/shared"
    succeeds "$BERTH" --root "$other" delete --force "$second"
    succeeds berth create --bundle "$B" "$ID"
    succeeds berth delete --force "$ID"
}

@test "cgroupsPath relative: below the caller's cgroup" {
    needs cgroup1
    config '.linux.cgroupsPath = "some/where"'
    succeeds in_own_cgroup "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    has "$(paths_of)" "$CGROUP/own/some/where"
    succeeds berth delete --force "$ID"
    absent
}

@test "cgroupsPath unset: named by the id, near the caller's cgroup" {
    local path
    for path in '' null; do
        config --arg path "$path" '.linux.cgroupsPath = $path | if $path == "null" then del(.linux.cgroupsPath) else . end'
        succeeds in_own_cgroup "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
        has "$(paths_of)" "$CGROUP"
        has "$(paths_of)" "/$ID"
        succeeds berth delete --force "$ID"
        absent
    done
}

@test "cgroupsPath: nothing leads out of the hierarchy" {
    local path
    for path in /.. /../x ../x "$CGROUP/../../x" "$CGROUP/./x" "$CGROUP//x" / "$CGROUP/" $'/a\nb' .. .; do
        config --arg path "$path" '.linux.cgroupsPath = $path'
        try in_own_cgroup "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
        if [ "$status" -eq 0 ]; then
            # What is harmless may be understood.
            has "$(paths_of)" "$CGROUP" "cgroup for the path '$path'"
            succeeds berth delete --force "$ID"
        else
            has "$errors" cgroup "error for the path '$path'"
        fi
        absent
    done
    config --arg path "/$(printf 'x%.0s' {1..300})" '.linux.cgroupsPath = $path'
    refuses "cgroupsPath" berth create --bundle "$B" "$ID"
    absent
}

@test "cgroup2: the process is born in its cgroup, sees it, and it is removed" {
    local dir
    dir=$(cgroup2_dir)
    make_fifo ready
    shell 'cat /proc/self/cgroup >/ready; sleep 1000'
    succeeds berth_cgroup2 create --bundle "$B" "$ID"
    same "$(cat "$dir/cgroup.procs")" "$(berth_cgroup2 state "$ID" | jq .pid)"
    succeeds berth_cgroup2 start "$ID"
    has "$(wait_for ready)" 0::/
    succeeds berth_cgroup2 delete --force "$ID"
    [ ! -e "$dir" ]
    absent
}

@test "cgroup2: what the container has made below its cgroup goes as well" {
    local dir
    dir=$(cgroup2_dir)
    add_mount /sys/fs/cgroup cgroup cgroup nosuid nodev noexec
    make_fifo ready
    shell 'cd /sys/fs/cgroup; mkdir -p a/b c; sleep 1000 & echo $! >a/b/cgroup.procs; echo up >/ready; sleep 1000'
    succeeds berth_cgroup2 create --bundle "$B" "$ID"
    succeeds berth_cgroup2 start "$ID"
    same "$(wait_for ready)" up
    [ -d "$dir/a/b" ]
    succeeds berth_cgroup2 delete --force "$ID"
    [ ! -e "$dir" ]
    absent
}

# ---- cgroups that are there already ---------------------------------------------------------------------------------

# A process of the host in the container's future cgroup of a hierarchy; sets $inmate.
occupy() {
    mkdir -p "$1"
    [ ! -e "$1/cpuset.cpus" ] || { echo 0 >"${1%/*}/cpuset.cpus"; echo 0 >"$1/cpuset.cpus"; }
    sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
    inmate=$!
    echo "$inmate" >"$1/cgroup.procs"
}

leave() {
    kill -KILL "$inmate"
    wait "$inmate" || true
    eventually rmdir "$1"
}

@test "a cgroup that is there and empty is taken, one with processes is refused" {
    local dir
    dir=$(cgroup_dir freezer)
    mkdir -p "$dir"
    succeeds berth run --bundle "$B" "$ID"
    occupy "$dir"
    refuses "container's cgroup is not empty: 1 process(es) found" berth create --bundle "$B" "$ID"
    kill -0 "$inmate" || fail "the process there was ended"
    leave "$dir"
    absent
    succeeds berth run --bundle "$B" "$ID"
}

@test "cgroup2: one with processes is refused, one with nothing but a cgroup below is not" {
    local dir
    dir=$(cgroup2_dir)
    occupy "$dir/below"
    refuses "container's cgroup is not empty" berth_cgroup2 create --bundle "$B" "$ID"
    leave "$dir/below"
    mkdir "$dir/below"
    succeeds berth_cgroup2 run --bundle "$B" "$ID"
    [ ! -e "$dir" ]
}

@test "a frozen cgroup is refused" {
    local dir
    if is_cgroup1 freezer; then
        dir=$(cgroup_dir freezer)
        mkdir -p "$dir"
        echo FROZEN >"$dir/freezer.state"
        refuses "container's cgroup unexpectedly frozen" berth create --bundle "$B" "$ID"
        echo THAWED >"$dir/freezer.state"
        rmdir "$dir"
        absent
    fi
    dir=$(cgroup2_dir)
    mkdir -p "$dir"
    echo 1 >"$dir/cgroup.freeze"
    refuses "container's cgroup unexpectedly frozen" berth_cgroup2 create --bundle "$B" "$ID"
    rmdir "$dir"
    absent
}

# ---- refused --------------------------------------------------------------------------------------------------------

@test "values that mean nothing are refused by name, and nothing is left" {
    local place json
    while read -r place json; do
        resources "$json"
        refuses "/linux/resources/$place" berth create --bundle "$B" "$ID"
        absent
    done <<'TABLE'
memory/limit {"memory": {"limit": -2}}
memory/limit {"memory": {"limit": "1g"}}
memory/swap {"memory": {"limit": 33554432, "swap": 1048576}}
memory/swappiness {"memory": {"swappiness": 101}}
cpu/burst {"cpu": {"quota": 10000, "burst": 20000}}
cpu/idle {"cpu": {"idle": 2}}
cpu/cpus {"cpu": {"cpus": "0-banana"}}
cpu/cpus {"cpu": {"cpus": "4095"}}
cpu/ {"cpu": {"period": 1}}
unified {"unified": {"memory": "1"}}
hugepageLimits {"hugepageLimits": [{"pageSize": "../../x", "limit": 1}]}
blockIO/weight {"blockIO": {"weight": 9}}
rdma {"rdma": {"mlx5_1": {"hcaHandles": 3}}}
TABLE
}

@test "what engines write without meaning anything is accepted" {
    resources '{"memory": {}, "cpu": {"shares": 0}, "pids": {"limit": 0}, "blockIO": {"weight": 0}, "network": {},
                "hugepageLimits": [], "unified": {}, "rdma": {}, "devices": [{"allow": false, "access": "rwm"}]}'
    payload true
    succeeds berth run --bundle "$B" "$ID"
    same "$errors" ""
}

@test "cgroup2: what has no limit is counted, too: every controller of the host is enabled" {
    needs cgroup2
    begin
    same "$(of "" cgroup.controllers)" "$(cat /sys/fs/cgroup/cgroup.controllers)"
}

@test "cgroup2: below a parent with processes of its own no controller is enabled, and a limit refused" {
    needs cgroup2 cgroup2-pids
    # The kernel would let it pass on some ("threaded", cgroups(7)), and then no process can be in the cgroup below.
    local parent=/sys/fs/cgroup$CGROUP
    mkdir "$parent"
    sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    echo $! >"$parent/cgroup.procs"
    payload true
    succeeds berth run --keep --bundle "$B" "$ID"
    same "$(of "" cgroup.controllers)" ""
    succeeds berth delete "$ID"
    resources '{"pids": {"limit": 10}}'
    refuses "/linux/resources/pids/limit|pids cannot be enabled below cgroup $CGROUP: processes sit in that cgroup itself" \
        berth create --bundle "$B" "$ID"
    absent
    same "$(cat "$parent/cgroup.subtree_control") $(cat "$parent/cgroup.type")" " domain"
    # Where somebody has made it so, that is said.
    echo +pids >"$parent/cgroup.subtree_control"
    resources '{}'
    refuses "cgroup it is in is threaded" berth create --bundle "$B" "$ID"
    absent
    kill $!
}

@test "cgroup2: a limit of a controller that is not there is refused, and names it" {
    local controllers
    controllers=$(cat "$(cgroup2_mount)/cgroup.controllers")
    [[ " $controllers " != *" memory "* ]] || skip "the host has the memory controller of version 2"
    resources '{"memory": {"limit": 33554432}}'
    refuses "memory|/linux/resources/memory/limit" berth_cgroup2 create --bundle "$B" "$ID"
    absent
    [ ! -e "$(cgroup2_dir)" ]
}

# ---- properties with a write for each device, page size or file ------------------------------------------------------

finish() {
    drop_device
}

throttles() {
    config --arg n "$NUMBER" '($n | split(":") | map(tonumber) | {major: .[0], minor: .[1]}) as $d |
        .linux.resources.blockIO = {throttleReadBpsDevice: [$d + {rate: 1048576}], throttleWriteIOPSDevice: [$d + {rate: 50}]}'
}

@test "blockIO on v1: rates of a device, changed by an update and taken back by a failing one" {
    needs cgroup1-blkio
    make_device
    throttles
    begin
    local dir
    dir=$(cgroup_dir blkio)
    same "$(cat "$dir/blkio.throttle.read_bps_device")" "$NUMBER 1048576"
    same "$(cat "$dir/blkio.throttle.write_iops_device")" "$NUMBER 50"
    jq -n --arg n "$NUMBER" '($n | split(":") | map(tonumber) | {major: .[0], minor: .[1]}) as $d |
        {blockIO: {throttleReadBpsDevice: [$d + {rate: 2097152}]}}' >"$T/update"
    succeeds berth update --resources "$T/update" "$ID"
    same "$(cat "$dir/blkio.throttle.read_bps_device")" "$NUMBER 2097152"
    same "$(cat "$dir/blkio.throttle.write_iops_device")" "$NUMBER 50" "what is not named"
    # The second cannot be: there is no such device. The first goes back.
    jq '.blockIO.throttleReadBpsDevice[0].rate = 4096 |
        .blockIO.throttleWriteBpsDevice = [{major: 4095, minor: 77, rate: 1}]' "$T/update" >"$T/failing"
    refuses "throttle.write_bps_device|4095:77" berth update --resources "$T/failing" "$ID"
    same "$(cat "$dir/blkio.throttle.read_bps_device")" "$NUMBER 2097152" "after a failing update"
}

@test "blockIO on cgroup2: rates of a device, changed by an update and taken back by a failing one" {
    needs cgroup2-io
    make_device
    throttles
    begin
    local file
    file=$(cgroup_dir io)/io.max
    same "$(cat "$file")" "$NUMBER rbps=1048576 wbps=max riops=max wiops=50"
    jq -n --arg n "$NUMBER" '($n | split(":") | map(tonumber) | {major: .[0], minor: .[1]}) as $d |
        {blockIO: {throttleReadBpsDevice: [$d + {rate: 2097152}]}}' >"$T/update"
    succeeds berth update --resources "$T/update" "$ID"
    same "$(cat "$file")" "$NUMBER rbps=2097152 wbps=max riops=max wiops=50"
    jq '.blockIO.throttleReadBpsDevice[0].rate = 4096 |
        .blockIO.throttleWriteBpsDevice = [{major: 4095, minor: 77, rate: 1}]' "$T/update" >"$T/failing"
    refuses "io.max|4095:77" berth update --resources "$T/failing" "$ID"
    same "$(cat "$file")" "$NUMBER rbps=2097152 wbps=max riops=max wiops=50" "after a failing update"
}

@test "blockIO: a device that is not there is an error, and nothing is left" {
    is_cgroup2 && needs cgroup2-io || needs cgroup1-blkio
    config '.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 4095, minor: 77, rate: 1}]}'
    refuses "/linux/resources/blockIO/throttleReadBpsDevice/0|4095:77" berth create --bundle "$B" "$ID"
    absent
}

@test "hugepageLimits: in whichever hierarchy the controller is" {
    local mount dir='' size
    size=$(ls /sys/kernel/mm/hugepages 2>/dev/null | sed -n 's/^hugepages-\([0-9]*\)kB$/\1/p' | head -n 1)
    [ -n "$size" ] || skip "needs huge pages"
    size=$((size >= 1048576 ? size / 1048576 : size / 1024))$( ((size >= 1048576)) && echo GB || echo MB)
    for mount in "${CGROUP_MOUNTS[@]}"; do
        if grep -qw hugetlb "$mount/cgroup.controllers" 2>/dev/null || [[ ${mount##*/} == hugetlb ]]; then dir=$mount$CGROUP/bundle; fi
    done
    [ -n "$dir" ] || skip "needs the hugetlb controller"
    config --arg s "$size" '.linux.resources.hugepageLimits = [{pageSize: $s, limit: 4294967296}]'
    begin
    same "$(cat "$dir"/hugetlb."$size".{max,limit_in_bytes} 2>/dev/null)" 4294967296
    same "$(cat "$dir"/hugetlb."$size".rsvd.{max,limit_in_bytes} 2>/dev/null)" 4294967296 "what may be reserved"
    succeeds berth delete --force "$ID"
    config '.linux.resources.hugepageLimits = [{pageSize: "3MB", limit: 0}]'
    refuses "/linux/resources/hugepageLimits/0|hugetlb.3MB|no such page size, but|$size" berth create --bundle "$B" "$ID"
    absent
}

@test "unified: refused on v1; on cgroup2 it wins over the rest, and a controller that is not there is named" {
    config '.linux.resources.unified = {"nosuch.max": "1"}'
    if ! is_cgroup2; then
        refuses "cannot set unified resources on cgroup v1" berth create --bundle "$B" "$ID"
        return
    fi
    refuses "nosuch|not available" berth create --bundle "$B" "$ID"
    absent
    config '.linux.resources.unified = {"cgroup.procs": "1"}'
    refuses "cgroup.procs" berth create --bundle "$B" "$ID"
    config '.linux.resources.unified = {"cgroup.max.depth": "3"}'
    begin
    same "$(cat "$(cgroup_dir "")/cgroup.max.depth")" 3
    succeeds berth delete --force "$ID"
    has_controller memory || return 0
    config '.linux.resources.memory = {limit: 33554432} | .linux.resources.unified = {"memory.max": "67108864", "memory.high": "50331648"}'
    begin
    same "$(cat "$(cgroup_dir memory)/memory.max")" 67108864
    same "$(cat "$(cgroup_dir memory)/memory.high")" 50331648
}

@test "network and rdma: where the host has not the controller, an error names the place" {
    local controller filter
    while read -r controller filter; do
        ! is_cgroup1 "$controller" && ! has_controller "$controller" || continue
        config "$filter"
        refuses "/linux/resources/" berth create --bundle "$B" "$ID"
        absent
        config 'del(.linux.resources.network, .linux.resources.rdma)'
    done <<'TABLE'
net_cls .linux.resources.network = {"classID": 1048577}
net_prio .linux.resources.network = {"priorities": [{"name": "lo", "priority": 3}]}
rdma .linux.resources.rdma = {"mlx5_1": {"hcaHandles": 3}}
TABLE
}

@test "v1 network: the class and the priorities" {
    needs cgroup1-net_cls cgroup1-net_prio
    resources '{"network": {"classID": 1048577, "priorities": [{"name": "lo", "priority": 3}]}}'
    begin
    same "$(of net_cls net_cls.classid) $(of net_prio net_prio.ifpriomap | grep '^lo ')" "1048577 lo 3"
    succeeds berth delete --force "$ID"
    resources '{"network": {"priorities": [{"name": "no-such0", "priority": 3}]}}'
    refuses "/linux/resources/network/priorities/0|no-such0" berth create --bundle "$B" "$ID"
    absent
}

@test "rdma: a device that the host has not" {
    is_cgroup1 rdma || has_controller rdma || skip "needs the rdma controller"
    resources '{"rdma": {"mlx5_1": {"hcaHandles": 3}}}'
    refuses "/linux/resources/rdma/mlx5_1|rdma.max" berth create --bundle "$B" "$ID"
    absent
}
