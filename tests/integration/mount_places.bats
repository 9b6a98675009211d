#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mount_places: where a mount ends up: links of the image on the way, names that are exchanged meanwhile, remounts.
load helpers

prepare() {
    make_bundle
    config '.root.readonly = false'
}

# mount JSON...: more rows of mounts[].
mount_rows() {
    local row
    for row; do
        config --argjson row "$row" '.mounts += [$row]'
    done
}

@test "a read-only tmpfs is sealed itself, whatever has its name by then" {
    mkdir -p "$T/volume/a"
    mount_rows '{"destination": "/volume", "type": "bind", "source": "'"$T"'/volume", "options": ["rbind"]}' \
        '{"destination": "/volume/a", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "size=64k"]}'
    # A hook of the runtime's stands for another container that has the volume: between the mounts and their seal.
    printf '#!/bin/sh\nmv "%s/volume/a" "%s/volume/b"\nmkdir "%s/volume/a"\n' "$T" "$T" "$T" >"$T/exchange"
    chmod 755 "$T/exchange"
    config --arg hook "$T/exchange" '.hooks = {createRuntime: [{path: $hook}]}'
    shell 'awk "\$5 ~ /volume./ { print \$5, substr(\$6, 1, 2) }" /proc/self/mountinfo; echo x >/volume/b/file'
    exits 1 berth run --bundle "$B" "$ID"
    same "$output" "/volume/b ro"
    has "$errors" "Read-only file system"
}

@test "a tmpfs over a directory has the mode of that directory, unless its options say one" {
    mkdir "$B"/rootfs/{plain,moded}
    chmod 1751 "$B"/rootfs/{plain,moded}
    mount_rows '{"destination": "/plain", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}' \
        '{"destination": "/moded", "type": "tmpfs", "source": "tmpfs", "options": ["mode=700"]}' \
        '{"destination": "/new", "type": "tmpfs", "source": "tmpfs"}'
    shell 'stat -c %a /plain /moded /new'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'1751\n700\n1777'
}

@test "remount of what is no mount point is refused" {
    mkdir "$B/rootfs/plain"
    local options
    for options in '["remount"]' '["remount", "ro"]' '["remount", "bind", "nosuid"]'; do
        mount_rows '{"destination": "/plain", "options": '"$options"'}'
        refuses "mounts[5]|/plain is not a mount point" berth run --bundle "$B" "$ID"
        config 'del(.mounts[-1])'
        absent
    done
}

@test "remount of /dev and of the root to read-only comes after all that is made there" {
    mount_rows '{"destination": "/dev", "options": ["remount", "ro"]}' '{"destination": "/", "options": ["remount", "bind", "ro"]}'
    config '.process.cwd = "/made"'
    shell 'ls /dev/null; : >/dev/null && echo usable; touch /dev/new; touch /new'
    exits 1 berth run --bundle "$B" "$ID"
    same "$output" $'/dev/null\nusable'
    same "$(grep -c 'Read-only file system' <<<"$errors")" 2 "$errors"
    mount_rows '{"destination": "/dev", "options": ["remount", "rw"]}'
    shell ': >/dev/new && echo writable'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" writable
}

@test "the target of a dangling link in the image is made inside the root and mounted over" {
    mkdir -p "$T/host/dir" "$B/rootfs/var"
    echo text >"$T/host/file"
    echo text >"$T/host/dir/file"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$B/rootfs/etc/resolv.conf"
    ln -s /run "$B/rootfs/var/run"
    ln -s /nowhere/chain "$B/rootfs/chained"
    ln -s ../far "$B/rootfs/nowhere"
    # Outside of the root the same links have targets that must stay as they are.
    local bind='{"destination": "DEST", "type": "bind", "source": "SOURCE", "options": ["rbind"]}' row
    for row in "/etc/resolv.conf $T/host/file" "/var/run/lock/x $T/host/dir" "/chained $T/host/dir"; do
        mount_rows "$(sed "s#DEST#${row% *}#; s#SOURCE#${row#* }#" <<<"$bind")"
    done
    ln -s gone/zero "$B/rootfs/zero"
    ln -s missing/cwd "$B/rootfs/cwd"
    config '.linux.devices = [{path: "/zero", type: "c", major: 1, minor: 5}] | .process.cwd = "/cwd/below"'
    shell 'cat /etc/resolv.conf /run/lock/x/file /far/chain/file; pwd; stat -c %t:%T /gone/zero'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'text\ntext\ntext\n/missing/cwd/below\n1:5'
    same "$(readlink "$B/rootfs/etc/resolv.conf")" ../run/systemd/resolve/stub-resolv.conf
    [ ! -e /far ]
}

@test "a loop of links where a mount, a device or the working directory belongs is refused" {
    ln -s loop "$B/rootfs/loop"
    cp "$B/config.json" "$T/config.json"
    mount_rows '{"destination": "/loop/x", "type": "tmpfs", "source": "tmpfs"}'
    refuses "mounts[5]|loop" berth create --bundle "$B" "$ID"
    cp "$T/config.json" "$B/config.json"
    config '.process.cwd = "/loop"'
    refuses "/process/cwd|loop" berth create --bundle "$B" "$ID"
    cp "$T/config.json" "$B/config.json"
    config '.linux.devices = [{path: "/loop/zero", type: "c", major: 1, minor: 5}]'
    refuses "/linux/devices/0|loop" berth create --bundle "$B" "$ID"
    absent
}

@test "proc and sysfs are not mounted through a link, dangling or not" {
    rmdir "$B/rootfs/proc"
    ln -s nowhere "$B/rootfs/proc"
    refuses "mounts[0]|ordinary directory" berth create --bundle "$B" "$ID"
    [ ! -e "$B/rootfs/nowhere" ]
}
