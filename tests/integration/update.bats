#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# update: limits of a living container, read back from the host's files; what is not named, and what fails, changes none.
load helpers
load limits

prepare() {
    make_bundle
}

update() {
    berth update "$@" "$ID"
}

# given JSON: the same with a document on standard input.
given() {
    update --resources - <<<"$1"
}

# All files of the container's cgroup that update may write.
all_limits() {
    local file
    for file in memory/memory.{limit_in_bytes,memsw.limit_in_bytes,soft_limit_in_bytes,swappiness,oom_control} \
        cpu/cpu.{shares,cfs_quota_us,cfs_period_us,cfs_burst_us,idle} cpuset/cpuset.{cpus,mems} pids/pids.max; do
        [ ! -e "$(cgroup_dir "${file%/*}")/${file#*/}" ] || echo "${file#*/}=$(of "${file%/*}" "${file#*/}" | head -n1)"
    done
}

# changes FILE=VALUE... -- COMMAND...: succeeds, quietly, and changes these and nothing else.
changes() {
    local before want=()
    while [ "$1" != -- ]; do
        want+=("$1")
        shift
    done
    shift
    before=$(all_limits)
    succeeds "$@"
    same "$output$errors" "" "output of $*"
    same "$(diff <(echo "$before") <(all_limits) | sed -n 's/^> //p' | tr '\n' ' ')" "${want[*]}${want[*]:+ }" "changed by $*"
}

needs_v1() {
    needs cgroup1-memory cgroup1-cpu cgroup1-cpuset cgroup1-pids
}

# ---- each option, and sizes -----------------------------------------------------------------------------------------

@test "v1: each option changes its own file and no other" {
    needs_v1
    resources '{"memory": {"limit": 67108864, "swap": 134217728}}'
    begin_running
    changes memory.limit_in_bytes=33554432 -- update --memory 33554432
    changes memory.memsw.limit_in_bytes=50331648 -- update --memory-swap 48m
    changes memory.soft_limit_in_bytes=16777216 -- update --memory-reservation 16m
    changes cpu.shares=512 -- update --cpu-share 512
    changes cpu.cfs_quota_us=20000 -- update --cpu-quota 20000
    changes cpu.cfs_period_us=50000 -- update --cpu-period 50000
    changes cpu.cfs_burst_us=1000 -- update --cpu-burst 1000
    changes cpu.cfs_burst_us=0 -- update --cpu-burst 0
    changes cpuset.cpus=0 -- update --cpuset-cpus 0
    changes -- update --cpuset-mems 0
    changes pids.max=99 -- update --pids-limit 99
    changes "cpu.shares=$(idle_shares)" cpu.idle=1 -- update --cpu-idle 1
    changes cpu.shares=512 cpu.idle=0 -- update --cpu-idle=0
    changes -- update
    same "$(state_of)" running
}

# What the kernel gives for the shares of an idle group.
idle_shares() {
    local dir
    dir=/sys/fs/cgroup/cpu/$MARK.idle
    mkdir "$dir"
    echo 1 >"$dir/cpu.idle"
    cat "$dir/cpu.shares"
    rmdir "$dir"
}

@test "v1: several at once, before the name and behind it" {
    needs_v1
    begin_running
    changes cpu.shares=100 cpu.cfs_quota_us=40000 pids.max=50 -- \
        berth update --cpu-share=100 --pids-limit 50 "$ID" --cpu-quota 40000
}

@test "v1: sizes with their units" {
    needs_v1
    begin_running
    local text bytes
    while read -r text bytes; do
        succeeds update --memory-reservation "$text"
        same "$(of memory memory.soft_limit_in_bytes)" "$bytes" "$text"
    done <<'TABLE'
8192 8192
8k 8192
8K 8192
8kb 8192
8KiB 8192
16384b 16384
3m 3145728
2MB 2097152
1g 1073741824
1T 1099511627776
1p 1125899906842624
TABLE
}

@test "numbers that are none, or too large, are refused by the name of their option" {
    begin
    local option text
    while read -r option text; do
        refuses "--$option|$text" update "--$option" "$text"
    done <<'TABLE'
memory 12q
memory m
memory 1.5g
memory -2
memory 0x10
memory 010
memory +1
memory 12mm
memory 1mib1
memory 9223372036854775808
memory 9007199254740992k
memory 8192p
memory-swap 1e9
memory-reservation 1,5
kernel-memory x
cpu-share -1
cpu-share 18446744073709551616
cpu-quota 9223372036854775808
cpu-quota 5m
cpu-period -5
cpu-burst 1.0
cpu-rt-period x
cpu-rt-runtime x
cpu-idle yes
pids-limit 9223372036854775808
pids-limit many
blkio-weight 65536
blkio-weight -1
TABLE
    refuses "unknown option" update --no-such-limit 1
    refuses "flag needs an argument" berth update "$ID" --memory
    refuses "argument is missing" berth update
    refuses "unexpected argument" berth update "$ID" other
}

@test "values that mean nothing are refused by their place in the config, and change nothing" {
    needs_v1
    begin_running
    local place options before
    before=$(all_limits)
    while read -r place options; do
        # shellcheck disable=SC2086 # several options
        refuses "update $ID|/linux/resources/$place" update $options --pids-limit 55
        same "$(all_limits)" "$before" "limits after $options"
    done <<'TABLE'
memory/swap --memory 64m --memory-swap 32m
cpu/shares --cpu-share 1
cpu/shares --cpu-share 262145
cpu/idle --cpu-idle 2
cpu/burst --cpu-quota 10000 --cpu-burst 20000
cpu/cpus --cpuset-cpus 0-banana
cpu/cpus --cpuset-cpus 4095
cpu/mems --cpuset-mems 512
cpu/period --cpu-period 1
cpu/quota --cpu-quota 1
blockIO/weight --blkio-weight 9
TABLE
}

# ---- documents ------------------------------------------------------------------------------------------------------

@test "v1: a document, from a file and from standard input" {
    needs_v1
    begin_running
    echo '{"pids": {"limit": 33}}' >"$T/limits"
    changes pids.max=33 -- update --resources "$T/limits"
    changes pids.max=34 -- given '{"pids": {"limit": 34}}'
    changes pids.max=35 -- eval 'update -r - <<<"{\"pids\":{\"limit\":35}}"'
    changes pids.max=36 -- eval 'update --resources=- <<<"{\"pids\":{\"limit\":36}}"'
    changes memory.swappiness=0 -- given '{"memory": {"swappiness": 0}}'
    changes "memory.oom_control=oom_kill_disable 1" -- given '{"memory": {"disableOOMKiller": true}}'
    changes -- given '{"cpu": {"shares": 0}}'
    changes "memory.oom_control=oom_kill_disable 0" -- given '{"memory": {"disableOOMKiller": false}}'
}

@test "v1: what Docker sends for one limit: all others are zero" {
    needs_v1
    resources '{"memory": {"limit": 67108864, "swap": 134217728, "reservation": 16777216}, "pids": {"limit": 100},
                "cpu": {"shares": 512, "quota": 20000, "period": 50000, "cpus": "0", "mems": "0"}}'
    begin_running
    changes cpu.shares=300 -- given '{"memory": {"limit": 0, "reservation": 0, "kernel": 0},
        "cpu": {"shares": 300, "quota": 0, "period": 0, "cpus": "", "mems": ""}, "blockIO": {"weight": 0}}'
    changes memory.limit_in_bytes=100663296 -- given '{"memory": {"limit": 100663296, "reservation": 0, "kernel": 0},
        "cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": "", "mems": ""}, "blockIO": {"weight": 0}, "pids": {"limit": 0},
        "hugepageLimits": [], "unified": {}, "rdma": {}, "network": {}}'
}

@test "device rules never change" {
    needs_v1
    needs cgroup1-devices
    local list
    begin_running
    list=$(of devices devices.list)
    changes pids.max=33 -- given '{"devices": [{"allow": true, "access": "rwm"}], "pids": {"limit": 33}}'
    same "$(of devices devices.list)" "$list"
    same "$(jq -c .linux.resources.devices "$ROOT/$ID/config.json")" "$(jq -c .linux.resources.devices "$B/config.json")"
}

@test "documents that are none are refused, and so is one beside an option" {
    begin
    refuses "update $ID: resources:1:1: malformed JSON" given 'nonsense'
    refuses "/memory/limit" given '{"memory": {"limit": "1g"}}'
    refuses "/pids" given '{"pids": {}}'
    refuses "/cpu/shares" given '{"cpu": {"shares": -1}}'
    refuses "resources" given ''
    refuses "resources" given '[]'
    refuses "$T/none|no such file" update --resources "$T/none"
    refuses "--memory|together with --resources" update --resources "$B/config.json" --memory 1m
    refuses "resources" update --resources "$T"
}

@test "what is not supported, or not by this host, is refused by its name" {
    needs_v1
    begin
    local before
    before=$(all_limits)
    refuses "unified" given '{"unified": {"memory.high": "1"}, "pids": {"limit": 33}}'
    refuses "hugetlb.3MB" given '{"hugepageLimits": [{"pageSize": "3MB", "limit": 1}], "pids": {"limit": 33}}'
    refuses "rdma" given '{"rdma": {"m": {"hcaHandles": 1}}, "pids": {"limit": 33}}'
    refuses "network" given '{"network": {"classID": 1}, "pids": {"limit": 33}}'
    refuses "l3-cache-schema" update --l3-cache-schema 'L3:0=f' --pids-limit 33
    refuses "mem-bw-schema" update --mem-bw-schema 'MB:0=20' --pids-limit 33
    same "$(all_limits)" "$before"
    succeeds update --blkio-weight 0
}

@test "kernel memory is accepted, without effect, with a warning" {
    needs_v1
    begin
    local before
    before=$(all_limits)
    succeeds update --kernel-memory 64m
    has "$errors" "warning: "
    has "$errors" "kernel memory"
    succeeds update --kernel-memory-tcp 64m
    has "$errors" "kernel memory"
    same "$(all_limits)" "$before"
    succeeds update --kernel-memory 0
    same "$errors" ""
}

# ---- what belongs together ------------------------------------------------------------------------------------------

@test "v1: memory and swap, up and down, whichever must go first" {
    needs_v1
    [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip "needs swap accounting"
    resources '{"memory": {"limit": 33554432, "swap": 67108864}}'
    begin_running
    changes memory.limit_in_bytes=134217728 memory.memsw.limit_in_bytes=268435456 -- \
        update --memory 128m --memory-swap 256m
    changes memory.limit_in_bytes=16777216 memory.memsw.limit_in_bytes=16777216 -- update --memory 16m --memory-swap 16m
    # Above what both together may have, by a document that does not name that.
    refuses "/linux/resources/memory/swap" update --memory 17m
    changes memory.limit_in_bytes=9223372036854771712 memory.memsw.limit_in_bytes=9223372036854771712 -- \
        update --memory -1
    # The limit of both was taken off for good.
    changes memory.limit_in_bytes=33554432 -- update --memory 32m
    changes memory.memsw.limit_in_bytes=33554432 -- update --memory-swap 32m
    changes memory.memsw.limit_in_bytes=9223372036854771712 -- update --memory-swap -1
}

@test "v1: quota and period, each with the other's old value" {
    needs_v1
    resources '{"cpu": {"quota": 20000, "period": 50000, "burst": 10000}}'
    begin_running
    changes cpu.cfs_quota_us=30000 -- update --cpu-quota 30000
    changes cpu.cfs_period_us=60000 -- update --cpu-period 60000
    # A quota below the burst that is kept would be refused by the kernel, and is before.
    refuses "/linux/resources/cpu/burst" update --cpu-quota 5000
    changes cpu.cfs_quota_us=5000 cpu.cfs_burst_us=1000 -- update --cpu-quota 5000 --cpu-burst 1000
    changes cpu.cfs_quota_us=40000 cpu.cfs_burst_us=40000 -- update --cpu-quota 40000 --cpu-burst 40000
    changes cpu.cfs_quota_us=-1 -- update --cpu-quota -1
}

@test "v1: limits by effect: no more processes than the update allows" {
    needs_v1
    make_fifo ready more
    config '.process.args = ["sh", "-c", "echo up >/ready; read x </more; (true; true) && echo forked >/ready; read x </more"]'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    succeeds update --pids-limit 1
    timeout "$PATIENCE" sh -c 'echo >"$1"' sh "$B/rootfs/more"
    eventually is_state "$ID" stopped
    has "$(of pids pids.events)" "max 1"
}

@test "v1: only what is named is written: what others wrote elsewhere stays, what they wrote there does not" {
    needs_v1
    resources '{"pids": {"limit": 100}, "cpu": {"shares": 512}}'
    begin
    echo 77 >"$(cgroup_dir pids)/pids.max"
    echo 600 >"$(cgroup_dir cpu)/cpu.shares"
    changes cpu.shares=512 -- update --cpu-share 512
    same "$(of pids pids.max)" 77
}

# ---- failures -------------------------------------------------------------------------------------------------------

# kept: the limits that later commands go by.
kept() {
    jq -cS .linux.resources "$ROOT/$ID/config.json"
}

@test "when what later commands are to know cannot be written, no limit is changed" {
    controller pids
    small_root
    resources '{"pids": {"limit": 100}}'
    begin_running
    local kept
    kept=$(kept)
    fill_root
    refuses "keep the config for later commands|No space left on device" update --pids-limit 33
    same "$(of pids pids.max)" 100
    same "$(kept)" "$kept"
    [ ! -e "$ROOT/$ID/config.new" ]
    free_root
    succeeds update --pids-limit 33
    same "$(of pids pids.max)" 33
    same "$(kept | jq .pids.limit)" 33
    succeeds berth delete --force "$ID"
    umount "$ROOT"
}

@test "v1: when one limit cannot be set, those before it get their old values back, and both values are told" {
    needs_v1
    resources '{"memory": {"limit": 67108864, "swap": 134217728}, "cpu": {"shares": 512, "quota": 20000}}'
    begin_running
    local before kept
    before=$(all_limits)
    kept=$(kept)
    # The processors come last.
    refuses "cpuset.cpus from|to 4095|/linux/resources/cpu/cpus" update --memory 32m --memory-swap 32m --cpu-share 300 \
        --cpu-quota 30000 --cpu-period 60000 --cpu-burst 500 --cpuset-cpus 4095 --pids-limit 33
    same "$(all_limits)" "$before"
    same "$(kept)" "$kept"
    # And up, where the way back needs the other order.
    refuses "cpuset.cpus" update --memory 512m --memory-swap 512m --cpuset-cpus 4095
    same "$(all_limits)" "$before"
    refuses "memory.limit_in_bytes from 67108864 to 4096|busy" update --memory 4096 --cpu-share 300
    same "$(all_limits)" "$before"
    refuses "cpuset.cpus" given '{"memory": {"disableOOMKiller": true}, "cpu": {"cpus": "4095"}}'
    same "$(all_limits)" "$before"
    # The kernel itself changes the shares of a group that is to be idle.
    refuses "cpuset.cpus" update --cpu-idle 1 --cpuset-cpus 4095
    same "$(all_limits)" "$before"
    same "$(kept)" "$kept"
    changes cpu.shares=300 -- update --cpu-share 300
}

@test "v1: limits that cannot be kept for later commands are taken back" {
    needs_v1
    resources '{"cpu": {"shares": 512}}'
    begin
    mkdir "$ROOT/$ID/config.new"
    local before
    before=$(all_limits)
    refuses "keep the config" update --cpu-share 300 --pids-limit 33
    rmdir "$ROOT/$ID/config.new"
    same "$(all_limits)" "$before"
    changes cpu.shares=300 pids.max=33 -- update --cpu-share 300 --pids-limit 33
}

@test "v1: an update goes on from the one before" {
    needs_v1
    begin
    succeeds update --memory 64m --memory-swap 128m
    same "$(kept | jq -c '.memory')" '{"limit":67108864,"swap":134217728}'
    refuses "/linux/resources/memory/swap" update --memory 256m
    succeeds given '{"cpu": {"cpus": "0"}, "pids": {"limit": 20}}'
    succeeds update --memory 96m
    same "$(kept | jq -c '[.memory, .cpu, .pids]')" '[{"limit":100663296,"swap":134217728},{"cpus":"0"},{"limit":20}]'
    same "$(stat -c %a "$ROOT/$ID/config.json")" 600
    [ ! -e "$ROOT/$ID/config.new" ]
}

# ---- states ---------------------------------------------------------------------------------------------------------

@test "v1: of a created, a paused and a stopped container, and of none" {
    needs_v1
    begin
    changes pids.max=31 -- update --pids-limit 31
    succeeds berth pause "$ID"
    changes pids.max=32 -- update --pids-limit 32
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    refuses "update $ID: container not running" update --pids-limit 33
    same "$(of pids pids.max)" 32
    refuses "container does not exist" berth update --pids-limit 33 "$ID-not"
}

@test "without a cgroup nothing can be limited, and it says so" {
    long_running
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    refuses "update $ID: the container has no cgroup|/linux/resources/pids/limit" update --pids-limit 10
    succeeds update
}

# ---- cgroup2 --------------------------------------------------------------------------------------------------------

@test "cgroup2: a limit of a controller that is not there is refused, and is not kept" {
    needs cgroup2
    ! has_controller memory || skip "the host has the memory controller of version 2"
    begin_running
    local kept
    kept=$(kept)
    refuses "memory.max from|controller memory is not available|/linux/resources/memory/limit" update --memory 64m
    refuses "pids.max from" update --pids-limit 64
    same "$(kept)" "$kept"
    # What holds without the controller can be asked for.
    succeeds update --memory -1 --pids-limit -1
    same "$(kept | jq -c '[.memory, .pids]')" '[{"limit":-1,"swap":-1},{"limit":-1}]'
    refuses "/linux/resources/memory/swappiness|nothing like this" given '{"memory": {"swappiness": 5}}'
    refuses "/linux/resources/cpu/realtimePeriod" update --cpu-rt-period 5
    refuses "/linux/resources/memory/swap" update --memory 0 --memory-swap 64m
}

@test "cgroup2: each option, and what belongs together" {
    needs cgroup2-memory cgroup2-cpu cgroup2-cpuset cgroup2-pids
    local dir
    dir=$(cgroup_dir memory)
    begin_running
    succeeds update --pids-limit 99
    same "$(cat "$dir/pids.max")" 99
    succeeds update --memory 64m --memory-swap 96m
    same "$(cat "$dir/memory.max")" 67108864
    [ ! -e "$dir/memory.swap.max" ] || same "$(cat "$dir/memory.swap.max")" 33554432
    succeeds update --memory 80m
    [ ! -e "$dir/memory.swap.max" ] || same "$(cat "$dir/memory.swap.max")" 16777216
    succeeds update --memory-reservation 16m
    same "$(cat "$dir/memory.low")" 16777216
    succeeds update --memory -1
    same "$(cat "$dir/memory.max")" max
    [ ! -e "$dir/memory.swap.max" ] || same "$(cat "$dir/memory.swap.max")" max
    succeeds update --cpu-quota 20000
    same "$(cat "$dir/cpu.max")" "20000 100000"
    succeeds update --cpu-period 50000
    same "$(cat "$dir/cpu.max")" "20000 50000"
    succeeds update --cpu-quota 30000
    same "$(cat "$dir/cpu.max")" "30000 50000"
    succeeds update --cpu-share 2048
    same "$(cat "$dir/cpu.weight")" 174
    same "$(cat "$dir/cpu.max")" "30000 50000"
    succeeds update --cpu-quota -1
    same "$(cat "$dir/cpu.max")" "max 50000"
    succeeds update --cpuset-cpus 0
    same "$(cat "$dir/cpuset.cpus")" 0
    succeeds update --cpu-idle 1
    same "$(cat "$dir/cpu.idle")" 1
    succeeds update --cpu-idle 0
    same "$(cat "$dir/cpu.idle") $(cat "$dir/cpu.weight")" "0 174"
}

@test "cgroup2: when one limit cannot be set, those before it get their old values back" {
    needs cgroup2-memory cgroup2-cpu cgroup2-cpuset cgroup2-pids
    local dir before
    dir=$(cgroup_dir memory)
    resources '{"memory": {"limit": 67108864}, "cpu": {"shares": 2048}}'
    begin_running
    refuses "cpuset.cpus from \"\" to 4095" update --memory 32m --memory-swap 48m --cpu-share 300 --cpu-quota 30000 \
        --cpu-burst 500 --cpuset-mems 0 --cpuset-cpus 4095
    same "$(cat "$dir/memory.max")" 67108864
    [ ! -e "$dir/memory.swap.max" ] || same "$(cat "$dir/memory.swap.max")" max
    same "$(cat "$dir/cpu.max")" "max 100000"
    same "$(cat "$dir/cpu.max.burst")" 0
    same "$(cat "$dir/cpu.weight")" 174
    same "$(cat "$dir/cpuset.mems")" ""
    refuses "cpuset.cpus from \"\" to 4095" update --cpu-idle 1 --cpuset-cpus 4095
    same "$(cat "$dir/cpu.idle") $(cat "$dir/cpu.weight")" "0 174"
    refuses "/linux/resources/memory/limit|in use" given '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
    same "$(cat "$dir/memory.max")" 67108864
    succeeds update --cpu-idle 1
    refuses "cpuset.cpus from \"\" to 4095" update --cpu-idle 0 --cpuset-cpus 4095
    lacks "$errors" "half changed"
    same "$(cat "$dir/cpu.idle")" 1
}
