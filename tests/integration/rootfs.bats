#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rootfs: the root file system and what is put into it: read-only, masked and read-only paths, propagation, devices,
# names, kernel parameters.
load helpers
load inside

prepare() {
    make_bundle
}

# ---- root -----------------------------------------------------------------------------------------------------------

@test "root writable and read-only; mounts in it are what they are" {
    run_shell 'touch /new && touch /dev/new && grep " / " /proc/self/mountinfo'
    has "$(mount_flags /)" rw
    [ -e "$B/rootfs/new" ]
    config '.root.readonly = true'
    add_mount /not/there/yet tmpfs t
    run_shell 'touch /more; touch /dev/new && touch /not/there/yet/new && grep " / " /proc/self/mountinfo'
    has "$(mount_flags /)" ro
    has "$errors" 'Read-only file system'
    [ ! -e "$B/rootfs/more" ]
    [ -d "$B/rootfs/not/there/yet" ]
}

@test "a read-only root keeps the flags of its mount" {
    mount --bind "$B/rootfs" "$B/rootfs"
    mount -o remount,bind,nosuid,nodev "$B/rootfs"
    config '.root.readonly = true'
    run_mountinfo
    umount "$B/rootfs"
    has "$(mount_flags /)" ro,nosuid,nodev
}

@test "a root on a read-only mount" {
    mkdir "$B/rootfs/dev/pts" "$B/rootfs/dev/shm"
    mount --bind "$B/rootfs" "$B/rootfs"
    mount -o remount,bind,ro "$B/rootfs"
    run_shell 'echo works; touch /new 2>/dev/null || echo read-only'
    umount "$B/rootfs"
    same "$output" $'works\nread-only'
}

@test "a root that has mounts below it brings them along" {
    mkdir "$B/rootfs/below"
    mount -t tmpfs below "$B/rootfs/below"
    echo text >"$B/rootfs/below/file"
    run_shell 'cat /below/file'
    umount "$B/rootfs/below"
    same "$output" text
}

@test "root: absolute, relative to the bundle, below another directory, with odd characters" {
    local path
    mkdir "$T/deep dir"
    cp -a "$B/rootfs" "$T/deep dir/root,fs:é%s"
    for path in "$B/rootfs" ./rootfs rootfs/ "../bundle/rootfs" "$T/deep dir/root,fs:é%s"; do
        config --arg path "$path" '.root.path = $path'
        payload true
        succeeds berth run --bundle "$B" "$ID"
    done
}

@test "root: missing, empty, a file" {
    config '.root.path = "nothing"'
    refuses 'nothing|o such file or directory' berth create --bundle "$B" "$ID"
    absent
    config '.root.path = "config.json"'
    refuses 'config.json|ot a directory' berth create --bundle "$B" "$ID"
    absent
    config '.root.path = ""'
    refuses '/root/path' berth create --bundle "$B" "$ID"
    absent
    config 'del(.root)'
    refuses 'root' berth create --bundle "$B" "$ID"
    absent
}

@test "nothing of the host's tree is left in the container" {
    run_shell 'cat /proc/self/mountinfo; ls -a /; ls /..; cd /../..; pwd'
    same "$(awk '$5 == "/"' <<<"$output" | wc -l)" 1 "mounts on /"
    lacks "$output" "$T/bundle/config.json"
    lacks "$output" pivot
    same "$(tail -n 1 <<<"$output")" /
    # No directory was made to put the old root in.
    same "$(ls -A "$B/rootfs" | tr '\n' ' ')" "bin dev etc proc root sys tmp "
}

@test "--no-pivot: the root is the container's, the host's /proc and /sys are gone" {
    shell 'cat /proc/self/mountinfo; cat /etc/passwd; touch /new; cat /proc/1/comm; exit'
    succeeds berth run --no-pivot --bundle "$B" "$ID"
    has "$output" root:x:0:0:root:/root:/bin/sh
    same "$(tail -n 1 <<<"$output")" sh "name of process 1"
    same "$(mount_type /proc)" proc
    [ -e "$B/rootfs/new" ]
    # Read-only, too.
    config '.root.readonly = true'
    shell 'touch /more 2>/dev/null || echo read-only; cd ..; ls -d bin'
    succeeds berth run --no-pivot --bundle "$B" "$ID"
    same "$output" $'read-only\nbin'
}

@test "--no-pivot of create" {
    long_running
    succeeds berth create --no-pivot --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
}

# ---- masked and read-only paths -------------------------------------------------------------------------------------

@test "masked paths: files read as nothing, directories are empty and read-only, links are followed inside" {
    mkdir -p "$B/rootfs/secret/dir/sub" "$B/rootfs/real"
    echo secret | tee "$B/rootfs/secret/file" "$B/rootfs/secret/dir/file" "$B/rootfs/real/file" >/dev/null
    ln -s /real/file "$B/rootfs/secret/link"
    ln -s ../../../../../real "$B/rootfs/dirlink"
    ln -s /nowhere "$B/rootfs/dangling"
    mkdir "$B/rootfs/odd name"
    echo secret >"$B/rootfs/odd name/,file=1"
    config '.linux.maskedPaths = ["/secret/file", "/secret/dir", "/secret/link", "/not/there", "/secret/file/below",
                                  "/dangling", "/odd name/,file=1", "/proc/keys", "//secret/./dir/"]'
    run_shell 'cat /secret/file /secret/link /real/file "/odd name/,file=1" /proc/keys; ls -A /secret/dir
               touch /secret/dir/x; mkdir /secret/dir/y; stat -c "%n: %F %t:%T" /secret/file /secret/link /proc/keys
               echo x >/secret/file; cat /secret/file; echo end; cat /proc/self/mountinfo'
    lacks "$output" secret$'\n'
    same "$(field /secret/file)" "character special file 1:3"
    same "$(field /proc/keys)" "character special file 1:3"
    same "$(grep -c 'Read-only file system' <<<"$errors")" 2
    same "$(mount_type /secret/dir)" tmpfs
    has "$(mount_flags /secret/dir)" ro,
    # The link's target is what is hidden.
    is_mounted /real/file
    same "$(cat "$B/rootfs/secret/file" "$B/rootfs/secret/dir/file")" $'secret\nsecret'
    [ ! -e "$B/rootfs/not" ]
    [ ! -e "$B/rootfs/nowhere" ]
}

@test "masked paths: a link to a directory; many; one inside another" {
    mkdir -p "$B/rootfs/real" "$B/rootfs/a/b"
    echo secret | tee "$B/rootfs/real/file" "$B/rootfs/a/b/file" >/dev/null
    ln -s ../../../../../real "$B/rootfs/dirlink"
    local n
    for n in $(seq 60); do
        mkdir "$B/rootfs/cpu$n"
        echo secret >"$B/rootfs/cpu$n/throttle"
        echo secret >"$B/rootfs/file$n"
    done
    config '.linux.maskedPaths = ["/dirlink", "/a", "/a/b", "/a/b/file"] + [range(1; 61) | "/cpu\(.)", "/file\(.)"]'
    run_shell 'cat /real/* /dirlink/* /a/b/file /cpu*/* /file* 2>/dev/null; ls -A /cpu7 /a; ls -d /cpu* | wc -l'
    same "$output" $'/a:\n\n/cpu7:\n60'
}

@test "masked paths: directories cannot be made to show what they hide" {
    mkdir "$B/rootfs/secret"
    echo secret >"$B/rootfs/secret/file"
    config '.linux.maskedPaths = ["/secret", "/proc/keys"]'
    run_shell 'umount /secret || umount -l /secret || mount -o remount,rw /secret || umount /proc/keys || echo refused'
    same "$output" refused
}

@test "read-only paths: files, directories, what is mounted below" {
    mkdir -p "$B/rootfs/data/sub"
    echo text | tee "$B/rootfs/data/file" "$B/rootfs/file" >/dev/null
    ln -s data "$B/rootfs/link"
    add_mount /data/tmp tmpfs t nosuid noexec
    add_mount /kept tmpfs t nosuid nodev noexec noatime
    config '.linux.readonlyPaths = ["/data", "/file", "/not/there", "/kept", "/proc/sys", "/link/sub"]'
    run_shell 'for p in /data/new /data/sub/new /data/tmp/new /kept/new; do touch $p; done
               echo x >/file; echo x >>/data/file; echo 1 >/proc/sys/kernel/shm_rmid_forced; cat /data/file /file
               cat /proc/self/mountinfo'
    same "$(head -n 2 <<<"$output")" $'text\ntext'
    same "$(grep -ci 'read-only file system' <<<"$errors")" 7
    has "$(mount_flags /data)" ro
    has "$(mount_flags /data/tmp)" ro,nosuid,noexec
    has "$(mount_flags /kept)" ro,nosuid,nodev,noexec,noatime
    has "$(mount_flags /proc/sys)" ro
    [ ! -e "$B/rootfs/not" ]
}

@test "read-only paths: the root, under its name and through a link" {
    local path
    mkdir "$B/rootfs/again"
    ln -s / "$B/rootfs/top"
    bind "$B/rootfs" /again
    add_mount /srv tmpfs t
    for path in / /top /bin/../; do
        config --arg path "$path" '.linux.readonlyPaths = [$path]'
        run_shell 'for p in /new /bin/new /srv/new /again/new; do touch $p; done; cat /proc/self/mountinfo'
        same "$(grep -i 'read-only file system' <<<"$errors" | grep -o '/[a-z/]*new')" $'/new\n/bin/new' "$path"
        has "$(mount_flags /)" ro
    done
    # Another mount of the same directory is not the root.
    config '.linux.readonlyPaths = ["/again"]'
    run_shell 'touch /again/new; touch /new /srv/new && echo writable'
    same "$output" writable
    has "$errors" "Read-only file system"
}

@test "masked paths: the root is refused" {
    ln -s / "$B/rootfs/top"
    for path in / /top; do
        config --arg path "$path" '.linux.maskedPaths = ["/proc/kcore", $path]'
        refuses "maskedPaths[1]|root cannot be masked" berth create --bundle "$B" "$ID"
        absent
    done
}

@test "masked and read-only paths together" {
    mkdir -p "$B/rootfs/data/secret"
    echo secret >"$B/rootfs/data/secret/file"
    config '.linux.maskedPaths = ["/data/secret"] | .linux.readonlyPaths = ["/data", "/data/secret"]'
    run_shell 'ls -A /data/secret; touch /data/new 2>/dev/null || echo read-only'
    same "$output" read-only
}

@test "masked and read-only paths: relative ones and a shared mount namespace are refused" {
    local key
    for key in maskedPaths readonlyPaths; do
        config --arg key "$key" '.linux[$key] = ["/proc/kcore", "proc/keys"]'
        refuses "/linux/$key/1" berth create --bundle "$B" "$ID"
        absent
        config --arg key "$key" '.linux[$key] = [""]'
        refuses "/linux/$key/0" berth create --bundle "$B" "$ID"
        absent
        config --arg key "$key" '.linux |= del(.maskedPaths, .readonlyPaths) | .linux[$key] = ["/proc/kcore"]'
        config '.linux.namespaces |= map(select(.type != "mount"))'
        refuses "$key|mount" berth create --bundle "$B" "$ID"
        absent
        config '.linux.namespaces += [{type: "mount"}]'
    done
}

# ---- propagation ----------------------------------------------------------------------------------------------------

# The bundle on a shared mount of the host, in which a tmpfs is mounted as well.
share_bundle() {
    mount --bind "$B" "$B"
    mount --make-shared "$B"
    mkdir "$B/rootfs/sub"
    mount -t tmpfs sub "$B/rootfs/sub"
}

@test "rootfsPropagation: all eight" {
    share_bundle
    local value top sub
    while read -r value top sub; do
        config --arg value "$value" '.linux.rootfsPropagation = $value'
        run_mountinfo
        same "$(mount_peers / | tr ' ' ,)" "${top#-}" "$value at the root"
        same "$(mount_peers /sub | tr ' ' ,)" "${sub#-}" "$value at the mount below"
    done <<'TABLE'
private     -             -
rprivate    -             -
slave       master        master
rslave      master        master
shared      shared,master master
rshared     shared,master shared,master
unbindable  unbindable    master
runbindable unbindable    unbindable
TABLE
    config 'del(.linux.rootfsPropagation)'
    run_mountinfo
    same "$(mount_peers /)" master "without the property"
    umount "$B/rootfs/sub" "$B"
}

@test "rootfsPropagation shared: what the container mounts does not reach the host" {
    share_bundle
    local value before
    before=$(host_mounts)
    make_fifo ready
    for value in shared rshared; do
        config --arg value "$value" '.linux.rootfsPropagation = $value
            | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
        shell 'mount -t tmpfs t /tmp && mount -t tmpfs t /sub; echo $? >/ready; sleep 1000'
        begin
        succeeds berth start "$ID"
        same "$(wait_for ready)" 0 "mount in the container"
        same "$(host_mounts)" "$before" "mounts of the host"
        succeeds berth delete --force "$ID"
        same "$(host_mounts)" "$before" "mounts of the host after delete"
    done
    umount "$B/rootfs/sub" "$B"
}

@test "rootfsPropagation slave: what the host mounts in the root file system comes in" {
    share_bundle
    make_fifo ready go
    shell 'echo up >/ready; read x </go; grep -c "/tmp .* late " /proc/self/mountinfo >/ready'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    mount -t tmpfs late "$B/rootfs/tmp"
    echo >"$B/rootfs/go"
    same "$(wait_for ready)" 1
    umount "$B/rootfs/tmp" "$B/rootfs/sub" "$B"
}

@test "rootfsPropagation: an unknown word is refused" {
    config '.linux.rootfsPropagation = "sideways"'
    refuses "rootfsPropagation|sideways" berth create --bundle "$B" "$ID"
    absent
}

# ---- devices --------------------------------------------------------------------------------------------------------

# add_device JSON
add_device() {
    config --argjson device "$1" '.linux.devices += [$device]'
}

@test "devices: types, numbers, modes, owners, places" {
    # With /dev on a tmpfs; one of them is put into the root file system itself.
    add_device '{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 432, "uid": 7, "gid": 8}'
    add_device '{"path": "/dev/mine/loop9", "type": "b", "major": 7, "minor": 9}'
    add_device '{"path": "/dev/u", "type": "u", "major": 10, "minor": 1048575, "fileMode": 256}'
    add_device '{"path": "/dev/pipe", "type": "p", "fileMode": 384, "uid": 5, "gid": 6}'
    add_device '{"path": "/srv/deep/device", "type": "c", "major": 1, "minor": 5, "fileMode": 0}'
    add_device '{"path": "/dev/bits", "type": "c", "major": 1, "minor": 3, "fileMode": 33204}'
    # The caller's umask has nothing to say.
    umask 0777
    run_shell 'stat -c "%n: %F %t:%T %a %u:%g" /dev/fuse /dev/mine/loop9 /dev/u /dev/pipe /srv/deep/device /dev/bits \
                   /dev/mine /srv/deep'
    umask 022
    same "$(field /dev/fuse)" "character special file a:e5 660 7:8"
    same "$(field /dev/mine/loop9)" "block special file 7:9 666 0:0"
    same "$(field /dev/u)" "character special file a:fffff 400 0:0"
    same "$(field /dev/pipe)" "fifo 0:0 600 5:6"
    same "$(field /srv/deep/device)" "character special file 1:5 0 0:0"
    same "$(field /dev/bits)" "character special file 1:3 664 0:0" "a file type in fileMode"
    same "$(field /dev/mine)" "directory 0:0 755 0:0"
    same "$(field /srv/deep)" "directory 0:0 755 0:0"
}

@test "devices: the default ones and the links" {
    run_shell 'cd /dev; for d in null zero full random urandom tty; do stat -c "%n: %F %t:%T %a %u:%g" $d; done
               for l in fd stdin stdout stderr ptmx core; do echo "$l: $(readlink $l)"; done
               echo through | cat /dev/stdin; echo x >/dev/null; head -c 3 /dev/zero | wc -c; ls /dev/fd/ | head -n 1; ls /dev'
    local name number
    while read -r name number; do
        same "$(field "$name")" "character special file $number 666 0:0" "$name"
    done <<<$'null 1:3\nzero 1:5\nfull 1:7\nrandom 1:8\nurandom 1:9\ntty 5:0'
    same "$(field fd)" /proc/self/fd
    same "$(field stdin)" /proc/self/fd/0
    same "$(field stdout)" /proc/self/fd/1
    same "$(field stderr)" /proc/self/fd/2
    same "$(field ptmx)" pts/ptmx
    has "$output" $'through\n3\n0'
    ! grep -qx console <<<"$output" || fail "a console without a terminal"
}

@test "devices: a default one that is listed is as it is listed, and only once" {
    add_device '{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384, "uid": 3, "gid": 4}'
    add_device '{"path": "/dev//zero", "type": "c", "major": 1, "minor": 5, "fileMode": 292}'
    run_shell 'stat -c "%n: %a %u:%g" /dev/null /dev/zero'
    same "$output" $'/dev/null: 600 3:4\n/dev/zero: 444 0:0'
}

@test "devices: without a mount on /dev they are made in the root file system, and again over those" {
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    rmdir "$B/rootfs/dev"
    run_shell 'ls -l /dev/null; echo x >/dev/null'
    same "$(stat -c '%t:%T %a' "$B/rootfs/dev/null")" "1:3 666"
    same "$(readlink "$B/rootfs/dev/stdin")" /proc/self/fd/0
    # They are the same devices: accepted.
    succeeds berth run --bundle "$B" "$ID"
    [ ! -e "$B/rootfs/dev/pts" ]
}

@test "devices: something else in the place of one is refused, the same device is not" {
    mkdir "$B/rootfs/srv"
    mknod "$B/rootfs/srv/same" c 1 3
    mknod "$B/rootfs/srv/minor" c 1 4
    mknod "$B/rootfs/srv/block" b 1 3
    mkfifo "$B/rootfs/srv/fifo"
    touch "$B/rootfs/srv/file"
    mkdir "$B/rootfs/srv/directory"
    ln -s minor "$B/rootfs/srv/link"
    ln -s same "$B/rootfs/srv/good"
    ln -s /dangling "$B/rootfs/srv/dangling"
    add_device '{"path": "/srv/same", "type": "c", "major": 1, "minor": 3}'
    add_device '{"path": "/srv/fifo", "type": "p"}'
    payload true
    succeeds berth run --bundle "$B" "$ID"
    local name
    for name in minor block fifo file directory link; do
        config --arg path "/srv/$name" '.linux.devices = [{path: $path, type: "c", major: 1, minor: 3}]'
        refuses "/srv/$name|/linux/devices/0" berth create --bundle "$B" "$ID"
        absent
    done
    same "$(stat -c '%t:%T' "$B/rootfs/srv/minor")" 1:4
    # A link is followed inside the root; what is missing there is made.
    config '.linux.devices = [{path: "/srv/good", type: "c", major: 1, minor: 3},
        {path: "/srv/dangling", type: "c", major: 1, minor: 3}]'
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c '%t:%T' "$B/rootfs/dangling")" 1:3
}

@test "devices: a default one in whose place something else is, without a mount on /dev" {
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    echo text >"$B/rootfs/dev/zero"
    refuses "/dev/zero" berth create --bundle "$B" "$ID"
    absent
    same "$(cat "$B/rootfs/dev/zero")" text
}

@test "devices: a mount in the place of one stays" {
    add_device '{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}'
    bind /dev/urandom /dev/random
    bind /dev/null /dev/fuse
    bind /dev/null /dev/tty
    bind /dev/null /dev/null
    bind /dev/zero /dev/ptmx
    run_shell 'stat -c "%n %t:%T" /dev/random /dev/fuse /dev/tty /dev/null /dev/ptmx'
    same "$output" $'/dev/random 1:9\n/dev/fuse 1:3\n/dev/tty 1:3\n/dev/null 1:3\n/dev/ptmx 1:5'
    config '.mounts[-1] |= (.destination = "/dev/null")'
    refuses "device /dev/null: something else is there already" berth create --bundle "$B" "$ID"
    absent
    # A mount that /dev covers again is in the place of nothing.
    config '.mounts |= [.[-4], .[:-5][]]'
    run_shell 'stat -c "%n %t:%T" /dev/random /dev/tty'
    same "$output" $'/dev/random 1:8\n/dev/tty 5:0'
}

@test "devices: a mount in the place of one stays in a user namespace as well" {
    needs userns
    config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
            | .linux.gidMappings = .linux.uidMappings'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    bind /dev/urandom /dev/random
    run_shell 'stat -c "%n %t:%T" /dev/random /dev/urandom /dev/zero'
    same "$output" $'/dev/random 1:9\n/dev/urandom 1:9\n/dev/zero 1:5'
}

@test "devices: bad ones are refused" {
    local device
    while read -r device; do
        config --argjson device "$device" '.linux.devices = [$device]'
        refuses "/linux/devices/0" berth create --bundle "$B" "$ID"
        absent
    done <<'TABLE'
{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}
{"path": "/dev/x", "type": "c", "minor": 3}
{"path": "/dev/x", "type": "c", "major": 1}
{"path": "/dev/x", "type": "b", "major": -1, "minor": 3}
{"path": "/dev/x", "type": "c", "major": 4096, "minor": 3}
{"path": "/dev/x", "type": "c", "major": 1, "minor": 1048576}
{"path": "dev/x", "type": "c", "major": 1, "minor": 3}
{"path": "/", "type": "c", "major": 1, "minor": 3}
{"path": "", "type": "c", "major": 1, "minor": 3}
{"type": "c", "major": 1, "minor": 3}
{"path": "/dev/x", "major": 1, "minor": 3}
TABLE
}

@test "/dev as a bind mount is left as the caller has made it" {
    mkdir "$T/dev"
    mknod -m 0622 "$T/dev/null" c 1 3
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    bind "$T/dev" /dev
    add_device '{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}'
    run_shell 'ls -A /dev'
    same "$output" null
    same "$(ls -A "$T/dev")" null
    same "$(stat -c %a "$T/dev/null")" 622
}

@test "links of /dev: those that the image has stay, the host's multiplexer does not" {
    config '.mounts |= map(select(.destination != "/dev"))'
    mknod "$B/rootfs/dev/ptmx" c 5 2
    ln -s /somewhere/else "$B/rootfs/dev/stdin"
    echo text >"$B/rootfs/dev/stdout"
    run_shell 'for l in ptmx stdin stderr; do readlink /dev/$l; done; cat /dev/stdout'
    same "$output" $'pts/ptmx\n/somewhere/else\n/proc/self/fd/2\ntext'
}

@test "no procfs: no links into it" {
    config '.mounts |= map(select(.destination != "/proc")) | .linux |= del(.maskedPaths, .readonlyPaths)'
    run_shell 'ls -A /dev'
    lacks "$output" fd
    lacks "$output" stdin
    has "$output" null
}

# ---- names ----------------------------------------------------------------------------------------------------------

@test "hostname and domainname" {
    config '.hostname = "inside.example" | .domainname = "nis.example"'
    local before
    before=$(cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname)
    run_shell 'hostname; cat /proc/sys/kernel/domainname'
    same "$output" $'inside.example\nnis.example'
    same "$(cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname)" "$before" "names of the host"
    local long
    long=$(printf '%064d' 7)
    config --arg long "$long" '.hostname = $long | .domainname = $long'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "$long"$'\n'"$long"
    config '.hostname = "" | del(.domainname)'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "$before" "names where none are given"
}

@test "hostname and domainname: too long, and without a UTS namespace" {
    local long key
    long=$(printf '%065d' 7)
    for key in hostname domainname; do
        config --arg long "$long" --arg key "$key" 'del(.hostname, .domainname) | .[$key] = $long'
        refuses "/$key|$key of 65 bytes|64 at most" berth create --bundle "$B" "$ID"
        absent
        config --arg key "$key" '.[$key] = "x" | .linux.namespaces |= map(select(.type != "uts"))'
        refuses "/$key" berth create --bundle "$B" "$ID"
        absent
        config '.linux.namespaces += [{type: "uts"}]'
    done
}

# ---- kernel parameters ----------------------------------------------------------------------------------------------

@test "sysctl: those of the container's own namespaces" {
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/ip_local_port_range": "2000 3000",
                             "net.ipv4.conf.lo.forwarding": "1", "kernel.msgmax": "9000", "kernel.sem": "1 2 3 4",
                             "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "17", "kernel.domainname": "by.sysctl",
                             "net.ipv4.ping_group_range": "0 5"}'
    local before
    before=$(cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/{msgmax,sem,shm_rmid_forced,domainname})
    run_shell 'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/ip_local_port_range net/ipv4/conf/lo/forwarding \
               kernel/msgmax kernel/sem kernel/shm_rmid_forced fs/mqueue/msg_max kernel/domainname \
               net/ipv4/ping_group_range | tr "\t" " "'
    same "$output" $'1\n2000 3000\n1\n9000\n1 2 3 4\n1\n17\nby.sysctl\n0 5'
    same "$(cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/{msgmax,sem,shm_rmid_forced,domainname})" \
        "$before" "parameters of the host"
}

@test "sysctl: what is not the container's own is refused, before anything is done" {
    local key
    for key in kernel.hostname kernel/hostname kernel.core_pattern vm.swappiness kernel.sysrq fs.file-max \
        kernel.shm_rmid_forced.x kernel.semaphore kernel.sem/.. ../../kernel.sem .. "" . kernel net fs.mqueue \
        user.max_user_namespaces net..ipv4 /net/ipv4/ip_forward net.ipv4.ip_forward/../../kernel/core_pattern \
        net/../kernel/core_pattern 'kernel.sem '; do
        config --arg key "$key" '.linux.sysctl = {($key): "1"}'
        refuses "sysctl|$key" berth create --bundle "$B" "$ID"
        absent
    done
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1\n2"}'
    refuses "net.ipv4.ip_forward" berth create --bundle "$B" "$ID"
    absent
}

@test "sysctl: refused where the namespace is shared" {
    local type key
    while read -r type key; do
        config --arg type "$type" --arg key "$key" 'del(.hostname) | .linux.sysctl = {($key): "1"}
            | .linux.namespaces |= map(select(.type != $type))'
        refuses "$key|$type" berth create --bundle "$B" "$ID"
        absent
        config --arg type "$type" '.linux.namespaces += [{type: $type}]'
    done <<'TABLE'
network net.ipv4.ip_forward
ipc kernel.msgmax
ipc fs.mqueue.msg_max
uts kernel.domainname
TABLE
}

@test "sysctl: one that does not exist, and a value that the kernel refuses" {
    config '.linux.sysctl = {"net.ipv4.no_such_thing": "1"}'
    refuses "net.ipv4.no_such_thing|o such file or directory" berth create --bundle "$B" "$ID"
    absent
    config '.linux.sysctl = {"net.ipv4.ip_forward": "many"}'
    refuses 'net.ipv4.ip_forward|nvalid argument|many' berth create --bundle "$B" "$ID"
    absent
}

@test "without a mount namespace: a create that fails before it mounts anything leaves what was mounted at the root" {
    needs program:strace
    config '.linux.namespaces |= map(select(.type != "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths) | .mounts = []'
    mount -t tmpfs engine "$B/rootfs"
    try injected setsid:signal=KILL create --bundle "$B" "$ID"
    mountpoint -q "$B/rootfs" || fail "the mount is gone: $errors" || return 1
    umount "$B/rootfs"
    [ "$status" -ne 0 ]
    has "$errors" "killed"
    absent
}
