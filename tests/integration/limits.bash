# SPDX-License-Identifier: Apache-2.0
#
# Limits of a container and what its cgroup counts, on either version. Loaded behind helpers.bash.

# resources JSON: the limits of the bundle.
resources() {
    config --argjson r "$1" '.linux.resources = $r'
}

# of CONTROLLER FILE [NAME]: what a file of the container's cgroup (of the bundle NAME) says now.
of() {
    cat "$(cgroup_dir "$1" "${3:-}")/$2"
}

# keyed CONTROLLER FILE KEY
keyed() {
    of "$1" "$2" | awk -v key="$3" '$1 == key { print $2 }'
}

# cpu_counter [NAME]: the file that begins with the CPU time of the container, "usage_usec N" or nanoseconds.
cpu_counter() {
    if is_cgroup2; then echo "$(cgroup_dir "" "${1:-}")/cpu.stat"; else echo "$(cgroup_dir cpuacct "${1:-}")/cpuacct.usage"; fi
}

# cpu_time [NAME]: nanoseconds.
cpu_time() {
    awk 'NR == 1 { print $1 == "usage_usec" ? $2 "000" : $1 }' "$(cpu_counter "${1:-}")"
}

# controller NAME...: the test needs them, of whichever version the host has.
controller() {
    local name
    for name; do
        if is_cgroup2; then needs "cgroup2-$name"; else needs "cgroup1-$name"; fi
    done
}

# A block device of the test's own: $DEVICE its path, $NUMBER its "major:minor".
make_device() {
    needs program:losetup
    truncate -s 16M "$T/disk"
    DEVICE=$(losetup --find --show "$T/disk") || skip "needs a loop device"
    NUMBER=$(stat -c '%Hr:%Lr' "$DEVICE")
}

drop_device() {
    [ -z "${DEVICE:-}" ] || losetup --detach "$DEVICE"
}

# The state root on a file system of its own, which the test unmounts; full, and with room again.
small_root() {
    mkdir "$ROOT"
    mount -t tmpfs -o size=256k,mode=700 state "$ROOT"
}

fill_root() {
    ! head -c 1M /dev/zero 2>/dev/null >"$ROOT/filler"
}

free_root() {
    rm "$ROOT/filler"
}
