#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mounts: every option, kind and error of mounts[], seen from inside by /proc/self/mountinfo and by effect.
load helpers
load inside

# A directory tree of the host with a mount inside: $T/tree is a tmpfs, $T/tree/sub another one, both with OPTIONS.
make_tree() {
    mkdir -p "$T/tree"
    mount -t tmpfs -o "${1:-rw}" tree "$T/tree"
    # Also where it will be read-only later, it has files.
    mkdir "$T/tree/sub"
    mount -t tmpfs -o "${1:-rw}" sub "$T/tree/sub"
    echo top >"$T/tree/file"
    echo sub >"$T/tree/sub/file"
}

drop_tree() {
    umount -R "$T/tree"
}

prepare() {
    make_bundle
}

# ---- options of one mount -------------------------------------------------------------------------------------------

# DESTINATION EXPECTED OPTION...; a tmpfs with "noatime" shows that option, and "relatime" where nothing else is said.
NEW_MOUNTS='
none      rw,relatime
defaults  rw,relatime             defaults
ro        ro,relatime             ro
rw        rw,relatime             ro rw
nosuid    rw,nosuid,relatime      nosuid
suid      rw,relatime             nosuid suid
nodev     rw,nodev,relatime       nodev
dev       rw,relatime             nodev dev
noexec    rw,noexec,relatime      noexec
exec      rw,relatime             noexec exec
noatime   rw,noatime              noatime
atime     rw,relatime             noatime atime
nodiratime rw,nodiratime,relatime nodiratime
diratime  rw,relatime             nodiratime diratime
relatime  rw,relatime             strictatime relatime
strictatime rw                    strictatime
nostrictatime rw,relatime         strictatime nostrictatime
nosymfollow rw,relatime,nosymfollow nosymfollow
symfollow rw,relatime             nosymfollow symfollow
all       ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow nosymfollow nodiratime noatime noexec nodev nosuid ro
last      rw,nosuid,relatime      ro nosuid rw suid nosuid
'

@test "options of a new file system are those of its mount" {
    local name expected options rows=()
    while read -r name expected options; do
        # shellcheck disable=SC2086 # a list of words
        [ -z "$name" ] || rows+=("$(mount_row "/m/$name" tmpfs "t$name" $options)")
    done <<<"$NEW_MOUNTS"
    add_rows "${rows[@]}"
    run_mountinfo
    while read -r name expected options; do
        [ -z "$name" ] || same "$(mount_flags "/m/$name")" "$expected" "options '$options'"
    done <<<"$NEW_MOUNTS"
}

@test "options of a bind mount are those of the mount, not of its source" {
    local name expected options rows=()
    mkdir "$T/source"
    while read -r name expected options; do
        # shellcheck disable=SC2086
        [ -z "$name" ] || rows+=("$(mount_row "/m/$name" bind "$T/source" bind $options)")
    done <<<"$NEW_MOUNTS"
    add_rows "${rows[@]}"
    run_mountinfo
    while read -r name expected options; do
        [ -z "$name" ] || same "$(mount_flags "/m/$name")" "$expected" "options '$options'"
    done <<<"$NEW_MOUNTS"
}

@test "a bind mount keeps flags of the source that its options do not name, and loses those that they clear" {
    make_tree ro,nosuid,nodev,noexec,noatime 2>/dev/null || true
    mount -o remount,ro,bind,nosuid,nodev,noexec,noatime "$T/tree"
    bind "$T/tree" /m/kept
    bind "$T/tree" /m/more nodiratime
    bind "$T/tree" /m/exec exec
    bind "$T/tree" /m/dev dev suid
    bind "$T/tree" /m/rw rw
    bind "$T/tree" /m/relatime relatime
    run_mountinfo
    drop_tree
    same "$(mount_flags /m/kept)" ro,nosuid,nodev,noexec,noatime kept
    same "$(mount_flags /m/more)" ro,nosuid,nodev,noexec,noatime,nodiratime more
    same "$(mount_flags /m/exec)" ro,nosuid,nodev,noatime exec
    same "$(mount_flags /m/dev)" ro,noexec,noatime dev
    same "$(mount_flags /m/rw)" rw,nosuid,nodev,noexec,noatime rw
    same "$(mount_flags /m/relatime)" ro,nosuid,nodev,noexec,relatime relatime
}

@test "options of the superblock: sync, dirsync, lazytime and their opposites" {
    add_mount /m/sync tmpfs s1 sync
    add_mount /m/async tmpfs s2 sync async
    add_mount /m/dirsync tmpfs s3 dirsync
    add_mount /m/lazytime tmpfs s4 lazytime
    add_mount /m/nolazytime tmpfs s5 lazytime nolazytime
    add_mount /m/both tmpfs s6 sync lazytime ro
    # Without a trace in mountinfo, or without effect on today's kernels: accepted.
    add_mount /m/quiet tmpfs s7 silent
    add_mount /m/loud tmpfs s8 silent loud
    add_mount /m/mand tmpfs s9 mand nomand iversion noiversion
    run_mountinfo
    has ",$(mount_super /m/sync)," ,sync,
    lacks ",$(mount_super /m/async)," ,sync,
    has ",$(mount_super /m/dirsync)," ,dirsync,
    has ",$(mount_super /m/lazytime)," ,lazytime,
    lacks ",$(mount_super /m/nolazytime)," ,lazytime,
    has ",$(mount_super /m/both)," ,sync,
    has ",$(mount_super /m/both)," ,lazytime,
    has "$(mount_flags /m/both)" ro,
    is_mounted /m/quiet
    is_mounted /m/loud
    is_mounted /m/mand
    # None of these words was handed to the file system as data.
    lacks "$(mount_super /m/mand)" iversion
}

@test "options by effect: ro, noexec, nodev, nosymfollow" {
    mkdir "$T/source"
    cp /bin/busybox "$T/source/true"
    mknod "$T/source/null" c 1 3
    chmod 0666 "$T/source/null"
    ln -s true "$T/source/link"
    config 'del(.linux.resources)'
    bind "$T/source" /m/plain
    bind "$T/source" /m/ro ro
    bind "$T/source" /m/noexec noexec
    bind "$T/source" /m/nodev nodev
    bind "$T/source" /m/nosymfollow nosymfollow
    run_shell 'for m in plain ro noexec nodev nosymfollow; do
                   try() { if "$@" 2>/dev/null; then echo yes; else echo no; fi; }
                   echo $m: $(try touch /m/$m/new) $(try /m/$m/true) $(try sh -c "echo >/m/$m/null") $(try head -c 0 /m/$m/link)
               done'
    same "$(field ro)" "no yes yes yes" "write, execute, open a device, follow a link: ro"
    same "$(field noexec)" "yes no yes yes" noexec
    same "$(field nodev)" "yes yes no yes" nodev
    same "$(field nosymfollow)" "yes yes yes no" nosymfollow
    same "$(field plain)" "yes yes yes yes" plain
}

@test "nosuid by effect: a set-user-id program" {
    add_probe
    mkdir "$T/source"
    cp "$BATS_FILE_TMPDIR/probe" "$T/source/probe"
    chmod 4755 "$T/source/probe"
    config '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = false'
    bind "$T/source" /m/suid suid
    bind "$T/source" /m/nosuid nosuid
    bind "$T/source" /m/rnosuid rnosuid
    run_shell '/m/suid/probe ids; /m/nosuid/probe ids; /m/rnosuid/probe ids'
    same "$(field euid)" $'0\n1000\n1000'
    # no_new_privs forbids it everywhere.
    config '.process.noNewPrivileges = true'
    succeeds berth run --bundle "$B" "$ID"
    same "$(field euid)" $'1000\n1000\n1000'
}

@test "times of access by effect: noatime, relatime, strictatime, nodiratime" {
    mkdir "$T/source"
    mount -t tmpfs times "$T/source"
    # A directory and a file for each, or one would see the times that another has set.
    mkdir "$T"/source/{noatime,relatime,nodiratime,strictatime}
    tee "$T"/source/{noatime,relatime,nodiratime,strictatime}/file <<<text >"$T/stdout"
    bind "$T/source" /m/noatime noatime
    bind "$T/source" /m/relatime relatime
    bind "$T/source" /m/nodiratime strictatime nodiratime
    bind "$T/source" /m/strictatime strictatime
    # Accessed after the last change, as it looks: relatime leaves that.
    touch -a -d '+30 minutes' "$T"/source/*/file "$T"/source/*
    run_shell 'for m in noatime relatime nodiratime strictatime; do
                   dir=/m/$m/$m file=/m/$m/$m/file
                   a=$(stat -c %X $file) b=$(stat -c %X $dir)
                   cat $file >/dev/null; ls $dir
                   [ $(stat -c %X $file) = $a ] && a=same || a=new
                   [ $(stat -c %X $dir) = $b ] && b=same || b=new
                   echo $m: $a $b
               done'
    umount "$T/source"
    same "$(field noatime)" "same same" noatime
    same "$(field relatime)" "same same" relatime
    same "$(field nodiratime)" "new same" nodiratime
    same "$(field strictatime)" "new new" strictatime
}

# ---- options of a tree ----------------------------------------------------------------------------------------------

# NAME TOP SUB OPTION...
TREE_SET='
rro          ro,relatime          ro,relatime          rbind rro
rnosuid      rw,nosuid,relatime   rw,nosuid,relatime   rbind rnosuid
rnodev       rw,nodev,relatime    rw,nodev,relatime    rbind rnodev
rnoexec      rw,noexec,relatime   rw,noexec,relatime   rbind rnoexec
rnoatime     rw,noatime           rw,noatime           rbind rnoatime
rnodiratime  rw,nodiratime,relatime rw,nodiratime,relatime rbind rnodiratime
rrelatime    rw,relatime          rw,relatime          rbind rnoatime rrelatime
rstrictatime rw                   rw                   rbind rstrictatime
rnosymfollow rw,relatime,nosymfollow rw,relatime,nosymfollow rbind rnosymfollow
several      ro,nosuid,nodev,noexec,noatime ro,nosuid,nodev,noexec,noatime rbind rro rnosuid rnodev rnoexec rnoatime
ro           ro,relatime          rw,relatime          rbind ro
noexec       rw,noexec,relatime   rw,relatime          rbind noexec
undone       rw,relatime          rw,relatime          rbind rro rrw
plain        rw,relatime          -                    bind
plainrro     ro,relatime          -                    bind rro
'
TREE_CLEAR='
kept         ro,nosuid,nodev,noexec,noatime,nodiratime ro,nosuid,nodev,noexec,noatime,nodiratime rbind
rrw          rw,nosuid,nodev,noexec,noatime,nodiratime rw,nosuid,nodev,noexec,noatime,nodiratime rbind rrw
rsuid        ro,nodev,noexec,noatime,nodiratime ro,nodev,noexec,noatime,nodiratime rbind rsuid
rdev         ro,nosuid,noexec,noatime,nodiratime ro,nosuid,noexec,noatime,nodiratime rbind rdev
rexec        ro,nosuid,nodev,noatime,nodiratime ro,nosuid,nodev,noatime,nodiratime rbind rexec
rdiratime    ro,nosuid,nodev,noexec,noatime ro,nosuid,nodev,noexec,noatime rbind rdiratime
ratime       ro,nosuid,nodev,noexec,nodiratime,relatime ro,nosuid,nodev,noexec,nodiratime,relatime rbind ratime
exec         ro,nosuid,nodev,noatime,nodiratime ro,nosuid,nodev,noexec,noatime,nodiratime rbind exec
'

try_tree() {
    local name top sub options rows=()
    while read -r name top sub options; do
        # shellcheck disable=SC2086
        [ -z "$name" ] || rows+=("$(mount_row "/m/$name" none "$T/tree" $options)")
    done <<<"$1"
    add_rows "${rows[@]}"
    run_mountinfo
    drop_tree
    while read -r name top sub options; do
        [ -n "$name" ] || continue
        same "$(mount_flags "/m/$name")" "$top" "options '$options' at the top"
        same "$(mount_flags "/m/$name/sub")" "${sub#-}" "options '$options' at the mount below"
    done <<<"$1"
}

@test "recursive options set flags of all mounts of a tree, others of the top only" {
    make_tree
    try_tree "$TREE_SET"
}

@test "recursive options clear flags of all mounts of a tree" {
    make_tree
    local dir
    for dir in "$T/tree/sub" "$T/tree"; do
        mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime "$dir"
    done
    try_tree "$TREE_CLEAR"
}

@test "rsymfollow, rnostrictatime, rnorelatime" {
    make_tree
    add_mount /m/none none "$T/tree" rbind rnosymfollow
    add_mount /m/symfollow none "$T/tree" rbind rnosymfollow rsymfollow
    add_mount /m/strict none "$T/tree" rbind rstrictatime
    add_mount /m/nostrict none "$T/tree" rbind rstrictatime rnostrictatime
    add_mount /m/norel none "$T/tree" rbind rnorelatime
    run_mountinfo
    drop_tree
    local sub
    for sub in "" /sub; do
        has "$(mount_flags "/m/none$sub")" nosymfollow
        lacks "$(mount_flags "/m/symfollow$sub")" nosymfollow
        same "$(mount_flags "/m/strict$sub")" rw
        same "$(mount_flags "/m/nostrict$sub")" rw,relatime
        lacks "$(mount_flags "/m/norel$sub")" noatime
    done
}

@test "rro by effect: nothing below can be written" {
    make_tree
    add_mount /m none "$T/tree" rbind rro
    run_shell 'touch /m/new || touch /m/sub/new || echo refused; cat /m/file /m/sub/file'
    drop_tree
    same "$output" $'refused\ntop\nsub'
    has "$errors" 'Read-only file system'
}

# ---- propagation ----------------------------------------------------------------------------------------------------

# NAME PEERS-OF-TOP PEERS-OF-SUB OPTION...; the source is a shared tree.
PROPAGATION_OF_SHARED='
none       master master         rbind
private    -      master         rbind private
rprivate   -      -              rbind rprivate
slave      master master         rbind slave
rslave     master master         rbind rslave
shared     shared,master master  rbind shared
rshared    shared,master shared,master rbind rshared
unbindable unbindable master     rbind unbindable
runbindable unbindable unbindable rbind runbindable
onlytop    shared,master -       bind shared
'
PROPAGATION_OF_PRIVATE='
none       -      -              rbind
private    -      -              rbind private
rprivate   -      -              rbind rprivate
rslave     -      -              rbind rslave
shared     shared -              rbind shared
rshared    shared shared         rbind rshared
unbindable unbindable -          rbind unbindable
runbindable unbindable unbindable rbind runbindable
sharedslave shared,master -      rbind shared slave shared
'

try_propagation() {
    local name top sub options rows=()
    while read -r name top sub options; do
        # shellcheck disable=SC2086
        [ -z "$name" ] || rows+=("$(mount_row "/m/$name" none "$T/tree" $options)")
    done <<<"$1"
    add_rows "${rows[@]}"
    run_mountinfo
    drop_tree
    while read -r name top sub options; do
        [ -n "$name" ] || continue
        same "$(mount_peers "/m/$name" | tr ' ' ,)" "${top#-}" "options '$options' at the top"
        same "$(mount_peers "/m/$name/sub" | tr ' ' ,)" "${sub#-}" "options '$options' at the mount below"
    done <<<"$1"
}

@test "propagation options of a source that is shared" {
    make_tree
    mount --make-rshared "$T/tree"
    try_propagation "$PROPAGATION_OF_SHARED"
}

@test "propagation options of a source that is private" {
    make_tree
    mount --make-rprivate "$T/tree"
    try_propagation "$(grep -v ^sharedslave <<<"$PROPAGATION_OF_PRIVATE")"
}

@test "propagation options of new file systems" {
    add_mount /m/shared tmpfs t shared
    add_mount /m/private tmpfs t private
    add_mount /m/unbindable tmpfs t unbindable
    add_mount /m/none tmpfs t
    run_mountinfo
    same "$(mount_peers /m/shared)" shared
    same "$(mount_peers /m/private)" ""
    same "$(mount_peers /m/unbindable)" unbindable
    same "$(mount_peers /m/none)" ""
}

# A container that may mount: it mounts a tmpfs on /m/inner, says so, and waits.
run_mounting_container() {
    make_fifo ready go
    config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    shell 'mount -t tmpfs inner /m/inner; echo $? >/ready; read x </go; cat /proc/self/mountinfo >/seen; echo >/ready
           read x </go'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" 0 "mount in the container"
}

# What the container saw of its mounts, after the host has gone on.
container_saw() {
    echo >"$B/rootfs/go"
    wait_for ready >/dev/null
    output=$(cat "$B/rootfs/seen")
}

@test "nothing leaks out: mounts of a container below a bind of a shared tree stay its own" {
    mkdir -p "$T/tree/inner"
    mount --bind "$T/tree" "$T/tree"
    mount --make-shared "$T/tree"
    local option before
    before=$(host_mounts)
    for option in "" rslave rprivate; do
        # shellcheck disable=SC2086
        config '.mounts |= map(select(.destination != "/m"))'
        # shellcheck disable=SC2086
        bind "$T/tree" /m $option
        run_mounting_container
        same "$(host_mounts)" "$before" "mounts of the host with option '$option'"
        succeeds berth delete --force "$ID"
        same "$(host_mounts)" "$before" "mounts of the host after delete with option '$option'"
        rm "$B/rootfs/ready" "$B/rootfs/go"
    done
    umount "$T/tree"
}

@test "rslave: what the host mounts later is seen inside; rprivate: it is not" {
    mkdir -p "$T/tree"/{inner,later}
    mount --bind "$T/tree" "$T/tree"
    mount --make-shared "$T/tree"
    bind "$T/tree" /m rslave
    bind "$T/tree" /private rprivate
    run_mounting_container
    mount -t tmpfs later "$T/tree/later"
    container_saw
    umount "$T/tree/later" "$T/tree"
    is_mounted /m/later || fail "the host's mount did not come in: $output"
    ! is_mounted /private/later || fail "the host's mount came in: $output"
}

@test "rshared, shared: what the container mounts is seen on the host, as asked" {
    mkdir -p "$T/tree/inner"
    mount --bind "$T/tree" "$T/tree"
    mount --make-shared "$T/tree"
    bind "$T/tree" /m rshared
    local before option
    before=$(host_mounts)
    run_mounting_container
    same "$(host_mounts)" "$before" "mounts of the host without rootfsPropagation"
    succeeds berth delete --force "$ID"
    rm "$B/rootfs/ready" "$B/rootfs/go"
    # Both must say so. The last one is the volume option "shared" of Docker and Podman.
    for option in 'rshared rbind rshared' 'shared rbind rshared' 'shared bind shared' 'shared rbind shared'; do
        config --arg words "$option" '.linux.rootfsPropagation = ($words / " ")[0]
            | .mounts[-1].options = ($words / " ")[1:]'
        run_mounting_container
        grep -q " $T/tree/inner .* tmpfs inner " /proc/self/mountinfo ||
            fail "$option: the container's mount did not come out"
        umount "$T/tree/inner"
        succeeds berth delete --force "$ID"
        rm "$B/rootfs/ready" "$B/rootfs/go"
    done
    umount "$T/tree"
}

# ---- tmpfs ----------------------------------------------------------------------------------------------------------

@test "tmpfs: mode, owner, size and inodes" {
    add_mount /m/plain tmpfs t
    add_mount /m/mode tmpfs t mode=1750
    add_mount /m/owner tmpfs t uid=7,gid=8 mode=0700
    add_mount /m/size tmpfs t size=1m nr_inodes=7
    mkdir -m 1777 -p "$B/rootfs/m/old"
    mkdir -m 2711 -p "$B/rootfs/m/told"
    add_mount /m/old tmpfs t
    add_mount /m/told tmpfs t mode=0705
    run_shell 'cd /m; stat -c "%n: %a %u %g" *; dd if=/dev/zero of=size/x bs=1k count=2000 2>&1 | grep -o "No space.*"
               grep " /m/size " /proc/self/mountinfo'
    same "$(field mode)" "1750 0 0"
    same "$(field owner)" "700 7 8"
    same "$(field plain)" "1777 0 0" "the default of the kernel, where no directory was before"
    same "$(field old)" "1777 0 0" "mode of the directory beneath"
    same "$(field told)" "705 0 0" "mode of the options"
    has "$output" "No space left on device"
    has "$output" "size=1024k"
    has "$output" "nr_inodes=7"
}

@test "tmpcopyup: the tmpfs begins with what the directory has" {
    mkdir -p "$B/rootfs/data/sub/deep" "$B/rootfs/empty"
    chmod 0750 "$B/rootfs/data"
    chown 5:6 "$B/rootfs/data/sub"
    chmod 2711 "$B/rootfs/data/sub"
    echo one >"$B/rootfs/data/file"
    chmod 0604 "$B/rootfs/data/file"
    chown 3:4 "$B/rootfs/data/file"
    touch -d '2001-02-03 04:05:06Z' "$B/rootfs/data/file"
    ln -s /elsewhere/../target "$B/rootfs/data/link"
    mkfifo -m 0640 "$B/rootfs/data/fifo"
    echo deep >"$B/rootfs/data/sub/deep/.hidden"
    add_mount /data tmpfs t tmpcopyup
    add_mount /empty tmpfs t tmpcopyup nosuid
    run_shell 'cd /data; stat -c "%n: %A %u %g" . file link fifo sub sub/deep sub/deep/.hidden; readlink link
               stat -c "time: %Y" file; cat file sub/deep/.hidden; rm -r /data/* && echo >/data/new; ls -a /empty'
    same "$(field .)" "drwxr-x--- 0 0"
    same "$(field file)" "-rw----r-- 3 4"
    same "$(field link)" "lrwxrwxrwx 0 0"
    same "$(field fifo)" "prw-r----- 0 0"
    same "$(field sub)" "drwx--s--x 5 6"
    same "$(field sub/deep/.hidden)" "-rw-r--r-- 0 0"
    has "$output" /elsewhere/../target
    has "$output" $'one\ndeep'
    # What was done to the copy was not done to the original.
    same "$(cat "$B/rootfs/data/file")" one
    [ ! -e "$B/rootfs/data/new" ]
}

@test "tmpfs read-only: still furnished, then sealed; tmpcopyup with ro" {
    mkdir "$B/rootfs/data"
    echo one >"$B/rootfs/data/file"
    config '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
    add_mount /data tmpfs t tmpcopyup ro
    run_shell 'ls -d /dev/null /dev/fd; cat /data/file; touch /dev/new; touch /data/new; grep -E " /(dev|data) " /proc/self/mountinfo'
    has "$output" $'/dev/fd\n/dev/null\none'
    has "$(mount_flags /dev)" ro,
    has "$(mount_flags /data)" ro,
    same "$(grep -c 'Read-only file system' <<<"$errors")" 2
}

# ---- bind -----------------------------------------------------------------------------------------------------------

@test "bind: directories, files, links, devices, sockets, FIFOs" {
    mkdir "$T/source"
    echo inside >"$T/source/file"
    ln -s "$T/source/file" "$T/link"
    mkfifo "$T/fifo"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/socket"
    bind "$T/source" /m/dir
    bind "$T/source/file" /m/file
    bind "$T/link" /m/link
    bind "$T/fifo" /m/fifo
    bind "$T/socket" /m/socket
    bind /dev/zero /m/zero
    run_shell 'cd /m; cat dir/file file link; stat -c "%n: %F" fifo socket zero; echo more >>file'
    same "$(head -n 3 <<<"$output")" $'inside\ninside\ninside'
    same "$(field fifo)" fifo
    same "$(field socket)" socket
    same "$(field zero)" "character special file"
    same "$(cat "$T/source/file")" $'inside\nmore'
}

@test "bind: type and options that mean it" {
    mkdir "$T/source"
    echo here >"$T/source/file"
    add_mount /m/type bind "$T/source"
    add_mount /m/option none "$T/source" bind
    add_mount /m/rbind none "$T/source" rbind
    add_mount /m/empty "" "$T/source" bind
    config --arg T "$T" '.mounts += [{destination: "/m/without", source: ($T + "/source"), options: ["rbind"]}]'
    add_mount /m/other ext4 "$T/source" bind
    run_shell 'cat /m/*/file'
    same "$output" $'here\nhere\nhere\nhere\nhere\nhere'
}

@test "bind: a relative source is one of the bundle" {
    mkdir "$B/data"
    echo mine >"$B/data/file"
    bind data /m/one
    bind ./data/file /m/two
    bind data/../data /m/three
    cd /
    run_shell 'cat /m/one/file /m/two /m/three/file'
    same "$output" $'mine\nmine\nmine'
}

@test "bind: rbind brings mounts below the source, bind does not" {
    make_tree
    bind "$T/tree" /m/bind
    add_mount /m/rbind bind "$T/tree" rbind
    add_mount /m/default bind "$T/tree"
    run_shell 'cat /m/bind/file /m/rbind/sub/file; ls /m/bind/sub /m/default/sub'
    drop_tree
    same "$output" $'top\nsub\n/m/bind/sub:\n\n/m/default/sub:'
}

@test "targets are made: directories for directories, empty files for files, with their parents" {
    mkdir "$T/source"
    echo text >"$T/file"
    bind "$T/source" /made/one/dir
    bind "$T/file" /made/two/file
    add_mount /made/three/tmpfs tmpfs t
    run_mountinfo
    is_mounted /made/one/dir
    is_mounted /made/two/file
    is_mounted /made/three/tmpfs
    same "$(stat -c '%F %a %u' "$B/rootfs/made/one/dir")" "directory 755 0"
    same "$(stat -c '%F %a %u' "$B/rootfs/made/one")" "directory 755 0"
    same "$(stat -c '%F %a %u %s' "$B/rootfs/made/two/file")" "regular empty file 644 0 0"
    same "$(stat -c '%F %a %u' "$B/rootfs/made/three/tmpfs")" "directory 755 0"
}

@test "mounts are made in their order, one inside the other" {
    mkdir "$T/a" "$T/b"
    echo b >"$T/b/file"
    bind "$T/a" /m
    add_mount /m/tmp tmpfs t
    bind "$T/b" /m/tmp/b
    bind "$T/b/file" /m/tmp/c/file
    # This one is covered by the next.
    add_mount /n/below tmpfs t
    add_mount /n tmpfs t
    # Twice the same place: the last one is seen.
    bind "$T/a" /twice
    bind "$T/b" /twice
    run_shell 'cat /m/tmp/b/file /m/tmp/c/file /twice/file; ls /n'
    same "$output" $'b\nb\nb'
    [ -d "$T/a/tmp" ]
    [ ! -e "$T/b/c" ]
}

@test "targets are resolved inside the root file system" {
    mkdir "$T/source" "$B/rootfs/real"
    echo text >"$T/source/file"
    ln -s /real "$B/rootfs/absolute"
    ln -s ../../../../../real "$B/rootfs/up"
    ln -s real/../real "$B/rootfs/relative"
    bind "$T/source" /absolute/a
    bind "$T/source" /up/b
    bind "$T/source" /relative/c
    bind "$T/source" /x/../../../real/d
    bind "$T/source" e/f
    bind "$T/source" //real///g/
    run_shell 'cat /real/a/file /real/b/file /real/c/file /real/d/file /e/f/file /real/g/file'
    same "$output" $'text\ntext\ntext\ntext\ntext\ntext'
    [ ! -e /real ]
}

@test "many mounts" {
    mkdir "$T/source"
    config --arg T "$T" '.mounts += [range(300) | {destination: "/m/\(.)", type: "bind", source: ($T + "/source"),
                                                   options: ["bind", "ro", "nosuid"]}]'
    run_mountinfo
    same "$(grep -c ' /m/[0-9]* ro,nosuid,relatime' <<<"$output")" 300
}

# ---- kernel file systems --------------------------------------------------------------------------------------------

@test "proc, sysfs, mqueue, devpts and shm are what they should be" {
    config '(.mounts[] | select(.destination == "/dev/pts")).options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]'
    add_mount /dev/mqueue mqueue mqueue nosuid noexec nodev
    run_mountinfo
    same "$(mount_type /proc) $(mount_flags /proc)" "proc rw,relatime"
    same "$(mount_type /sys) $(mount_flags /sys)" "sysfs ro,nosuid,nodev,noexec,relatime"
    same "$(mount_type /dev/mqueue) $(mount_flags /dev/mqueue)" "mqueue rw,nosuid,nodev,noexec,relatime"
    same "$(mount_type /dev/pts) $(mount_flags /dev/pts)" "devpts rw,nosuid,noexec,relatime"
    has "$(mount_super /dev/pts)" gid=5,mode=620,ptmxmode=666
    same "$(mount_type /dev/shm) $(mount_flags /dev/shm)" "tmpfs rw,nosuid,nodev,noexec,relatime"
    has "$(mount_super /dev/shm)" size=65536k
    same "$(mount_type /dev) $(mount_flags /dev)" "tmpfs rw,nosuid"
    # The root has no parent in the container, and nothing of the host's tree is above it.
    same "$(grep -c . <<<"$output")" "$(awk '{ print $5 }' <<<"$output" | grep -cE '^/($|proc|dev|sys)')"
    same "$(awk '$5 == "/"' <<<"$output" | wc -l)" 1
}

@test "the container's own devpts and message queues, not the host's" {
    add_probe
    add_mount /dev/mqueue mqueue mqueue
    run_shell 'ls /dev/pts; probe pty; ls -l /dev/ptmx | sed "s/.*-> //"'
    has "$output" ptmx
    same "$(field pty)" /dev/pts/0
    has "$output" pts/ptmx
    lacks "$output" "/dev/pts/1"
}

@test "proc with data: hidepid and subset" {
    config '(.mounts[] | select(.destination == "/proc")).options = ["hidepid=2", "nosuid", "noexec", "nodev"]'
    run_mountinfo
    same "$(mount_flags /proc)" rw,nosuid,nodev,noexec,relatime
    has "$(mount_super /proc)" hidepid=
}

@test "proc and sys elsewhere than usual" {
    add_mount /other/proc proc proc ro
    add_mount /other/sys sysfs sysfs ro
    run_shell 'cat /other/proc/1/comm; ls -d /other/sys/kernel; touch /other/proc/x; cat /proc/self/mountinfo'
    has "$(mount_flags /other/proc)" ro,
    same "$(head -n 1 <<<"$output")" sh
}

@test "a bind of a procfs of the host on /proc" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    config '(.mounts[] | select(.destination == "/proc")) |= {destination, type: "bind", source: "/proc", options: ["rbind", "nosuid"]}'
    run_shell 'cat /proc/self/comm; cat /proc/self/mountinfo'
    same "$(head -n 1 <<<"$output")" cat
    same "$(mount_type /proc)" proc
    has "$(mount_flags /proc)" nosuid
}

@test "files below /proc that tools for limits cover may be covered" {
    echo fake >"$T/fake"
    local name
    for name in cpuinfo diskstats meminfo stat swaps uptime loadavg; do
        bind "$T/fake" "/proc/$name"
    done
    run_shell 'cd /proc; cat cpuinfo diskstats meminfo stat swaps uptime loadavg'
    same "$output" $'fake\nfake\nfake\nfake\nfake\nfake\nfake'
}

@test "overlay with its data" {
    mkdir -p "$T"/{lower,upper,work}
    mount -t tmpfs o "$T/upper"
    mkdir "$T/upper/u" "$T/upper/w"
    echo low >"$T/lower/file"
    add_mount /m overlay overlay "lowerdir=$T/lower" "upperdir=$T/upper/u" "workdir=$T/upper/w" nosuid
    run_shell 'cat /m/file; echo high >/m/file; grep " /m " /proc/self/mountinfo'
    same "$(head -n 1 <<<"$output")" low
    same "$(mount_type /m)" overlay
    has "$(mount_flags /m)" nosuid
    same "$(cat "$T/lower/file")" low
    same "$(cat "$T/upper/u/file")" high
    umount "$T/upper"
}

@test "data that is longer than one parameter of fsconfig may be" {
    local lower="" n long
    long=$(printf '%0100d' 0)
    mkdir "$T/up"
    mount -t tmpfs o "$T/up"
    mkdir "$T/up/u" "$T/up/w"
    for n in 1 2 3 4 5; do
        mkdir "$T/$long$n"
        echo "$n" >"$T/$long$n/file$n"
        lower+=${lower:+:}$T/$long$n
    done
    add_mount /m overlay overlay "lowerdir=$lower" "upperdir=$T/up/u" "workdir=$T/up/w"
    run_shell 'cat /m/file1 /m/file5'
    umount "$T/up"
    same "$output" $'1\n5'
}

@test "remount changes a mount that is there" {
    add_mount /m/ro tmpfs t size=1m
    add_mount /m/ro "" "" remount ro nosuid
    add_mount /m/size tmpfs t size=1m mode=0700
    add_mount /m/size tmpfs t remount size=2m
    add_mount /m/bind bind "$T" bind
    add_mount /m/bind none "" remount bind noexec
    add_mount /sys none "" remount nosuid nodev noexec rw
    run_mountinfo
    has "$(mount_flags /m/ro)" ro,nosuid
    has "$(mount_super /m/size)" size=2048k
    has "$(mount_flags /m/bind)" rw,noexec
    has "$(mount_flags /sys)" rw,
}

# ---- cgroup ---------------------------------------------------------------------------------------------------------

@test "cgroup on v1, with a cgroup namespace: every hierarchy, the container's cgroup is its root" {
    needs cgroup1
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev relatime ro
    run_shell 'cat /proc/self/mountinfo; echo; cat /sys/fs/cgroup/*/cgroup.procs | sort -u; echo; cat /proc/self/cgroup
               mkdir /sys/fs/cgroup/pids/new 2>/dev/null || echo read-only; mkdir /sys/fs/cgroup/x 2>/dev/null || echo sealed'
    same "$(mount_type /sys/fs/cgroup)" tmpfs
    has "$(mount_flags /sys/fs/cgroup)" ro,nosuid,nodev,noexec
    same "$(mount_type /sys/fs/cgroup/memory)" cgroup
    has "$(mount_flags /sys/fs/cgroup/memory)" ro,nosuid,nodev,noexec
    same "$(mount_line /sys/fs/cgroup/memory | cut -d' ' -f4)" / "root of the mount, seen from the namespace"
    lacks "$output" "$MARK" "paths of cgroups"
    has "$output" read-only
    has "$output" sealed
    local controller
    for controller in cpu cpuacct cpuset devices freezer memory pids; do
        is_mounted "/sys/fs/cgroup/$controller" || has "$output" "$controller"
    done
    # Only the processes of the container itself.
    same "$(sed '/^$/,/^$/!d' <<<"$output" | grep -cx 1)" 1
}

@test "cgroup on v1, without a cgroup namespace: only the container's own directory" {
    needs cgroup1
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev ro
    run_shell 'cat /proc/self/mountinfo; cat /sys/fs/cgroup/memory/cgroup.procs; ls -d /sys/fs/cgroup/memory/*/
               mkdir /sys/fs/cgroup/memory/new 2>/dev/null || echo read-only'
    same "$(mount_line /sys/fs/cgroup/memory | cut -d' ' -f4)" "$CGROUP/bundle"
    has "$(mount_flags /sys/fs/cgroup/memory)" ro,nosuid,nodev,noexec
    has "$output" read-only
    lacks "$output" process_api
}

@test "cgroup writable on v1: the container can make cgroups below its own, and they go with it" {
    needs cgroup1-pids
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev rw
    run_shell 'mkdir /sys/fs/cgroup/pids/new && ls -d /sys/fs/cgroup/pids/new'
    same "$output" /sys/fs/cgroup/pids/new
}

@test "cgroup on pure cgroup2, with a cgroup namespace" {
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev relatime ro
    shell 'cat /proc/self/mountinfo; echo; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/new || echo read-only'
    succeeds berth_cgroup2 run --bundle "$B" "$ID"
    same "$(mount_type /sys/fs/cgroup)" cgroup2
    has "$(mount_flags /sys/fs/cgroup)" ro,nosuid,nodev,noexec,relatime
    same "$(mount_line /sys/fs/cgroup | cut -d' ' -f4)" /
    has "$output" read-only
    has "$output" $'\n1\n'
}

@test "cgroup on pure cgroup2, without a cgroup namespace: nothing of other cgroups can be written" {
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev ro
    shell 'cat /proc/self/mountinfo; mkdir /sys/fs/cgroup/new || echo read-only; cat /proc/self/cgroup'
    succeeds berth_cgroup2 run --bundle "$B" "$ID"
    same "$(mount_type /sys/fs/cgroup)" cgroup2
    has "$(mount_flags /sys/fs/cgroup)" ro,nosuid,nodev,noexec
    has "$output" read-only
    has "$output" "0::$CGROUP/bundle"
}

@test "cgroup writable on pure cgroup2" {
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev
    shell 'mkdir /sys/fs/cgroup/new && echo $$ >/sys/fs/cgroup/new/cgroup.procs && cat /proc/self/cgroup'
    succeeds berth_cgroup2 run --bundle "$B" "$ID"
    has "$output" 0::/new
}

# ---- errors ---------------------------------------------------------------------------------------------------------

# refuses_mount TEXT: create is refused with TEXT, names the last row of mounts[], and leaves nothing.
refuses_mount() {
    refuses "$1" berth create --bundle "$B" "$ID"
    local last
    last=$(jq '.mounts | length - 1' "$B/config.json")
    [[ $errors == *"mounts[$last]"* || $errors == *"/mounts/$last"* ]] || fail "the row of mounts[] is not named: $errors"
    absent
}

@test "error: a file system that the kernel does not know" {
    add_mount /m nosuchfs none
    refuses_mount "nosuchfs|/m|o such device"
}

@test "error: data that the file system refuses, in the kernel's own words" {
    add_mount /m tmpfs tmpfs size=banana
    refuses_mount "/m|size"
    config '.mounts[-1].options = ["nosuchoption=1"]'
    refuses_mount "nosuchoption"
    config '.mounts[-1].options = ["mode=999"]'
    refuses_mount "mode"
}

@test "error: bind without a source, or with one that does not exist" {
    bind "$T/missing" /m
    refuses_mount "$T/missing|o such file or directory"
    config 'del(.mounts[-1].source)'
    refuses_mount "source"
    config '.mounts[-1].source = ""'
    refuses_mount "source"
    [ ! -e "$B/rootfs/m" ]
}

@test "bind with data for a file system: a warning that names it, no effect" {
    echo x >"$T/file"
    bind "$T" /m size=10m
    run_shell 'cat /m/file'
    same "$output" x
    has "$errors" size=10m
    has "$errors" /mounts/
    lacks "$errors" "did you mean"
    config '.mounts[-1].options = ["bind", "nosiud"]'
    run_shell 'cat /m/file'
    has "$errors" '"nosiud" ignored (config /mounts/'
    has "$errors" 'did you mean "nosuid"?'
}

@test "error: a file on a directory and a directory on a file" {
    echo x >"$T/file"
    bind "$T/file" /tmp
    refuses_mount "/tmp"
    config '.mounts[-1].destination = "/etc/passwd" | .mounts[-1].source = "/tmp"'
    refuses_mount "/etc/passwd"
    add_mount /etc/group tmpfs t
    config 'del(.mounts[-2])'
    refuses_mount "/etc/group"
}

@test "error: a parent of the target is a file" {
    add_mount /etc/passwd/below/that tmpfs t
    refuses_mount "make mount point /etc/passwd/below/that: /etc/passwd is not a directory"
    config '.mounts[-1].destination = "/proc/version/x" | .mounts[-1].destination = "/sys/kernel/notes/x"'
    refuses_mount "make mount point /sys/kernel/notes/x: /sys/kernel/notes is not a directory"
}

@test "error: the target is the root, by whatever name" {
    ln -s / "$B/rootfs/self"
    local destination
    for destination in / // /. /tmp/.. /self ""; do
        add_mount "$destination" tmpfs t
        refuses_mount ""
        config 'del(.mounts[-1])'
        bind "$T" "$destination"
        refuses_mount ""
        config 'del(.mounts[-1])'
    done
    add_mount /self tmpfs t
    refuses_mount "top of rootfs"
}

@test "error: over something inside /proc" {
    echo x >"$T/file"
    ln -s /proc/self "$B/rootfs/me"
    ln -s /proc "$B/rootfs/procs"
    local destination
    for destination in /proc/self/attr /proc/sys /proc/1 /proc/self/fd /proc/../proc/sys /me/attr /me /procs/sys \
        /procs/self/attr; do
        bind "$T" "$destination"
        refuses_mount ""
        config '.mounts[-1] |= {destination, type: "tmpfs", source: "t"}'
        refuses_mount ""
        config 'del(.mounts[-1])'
    done
    bind "$T/file" /proc/self/attr/exec
    refuses_mount "/proc"
    config '.mounts[-1].destination = "/proc/sysrq-trigger"'
    refuses_mount "/proc"
    config '.mounts[-1].destination = "/procs/sysrq-trigger"'
    refuses_mount ""
}

@test "error: something else than a procfs on /proc" {
    config '.mounts |= map(select(.destination != "/proc"))'
    add_mount /proc tmpfs t
    refuses_mount "/proc"
    mkdir "$T/fake"
    config '.mounts |= map(select(.destination != "/proc"))'
    bind "$T/fake" /proc
    refuses_mount "/proc"
    config '.mounts[-1].destination = "/tmp/../proc"'
    refuses_mount "/proc"
    # On the same file system, but not its root: nothing in there knows a process.
    config '.mounts[-1] += {destination: "/proc", source: "/proc/sys"}'
    refuses_mount "/proc can be covered by a proc file system only"
    config '.mounts[-1].source = "/proc/self"'
    refuses_mount "/proc can be covered by a proc file system only"
}

@test "error: a link where proc or sys is mounted" {
    local name
    for name in proc sys; do
        rmdir "$B/rootfs/$name"
        mkdir "$B/rootfs/elsewhere"
        ln -s /elsewhere "$B/rootfs/$name"
        refuses "/$name|must be mounted on ordinary directory" berth create --bundle "$B" "$ID"
        absent
        rm "$B/rootfs/$name"
        ln -s ../outside "$B/rootfs/$name"
        refuses "/$name" berth create --bundle "$B" "$ID"
        absent
        rm "$B/rootfs/$name"
        rmdir "$B/rootfs/elsewhere"
        mkdir "$B/rootfs/$name"
    done
    [ ! -e "$B/outside" ]
}

@test "error: neither type nor bind; no destination; tmpcopyup elsewhere; too long a name" {
    config '.mounts += [{destination: "/m"}]'
    refuses_mount ""
    config '.mounts[-1] = {destination: "/m", source: "x", options: ["ro"]}'
    refuses_mount "/m"
    config '.mounts[-1] = {type: "tmpfs", source: "x"}'
    refuses "destination" berth create --bundle "$B" "$ID"
    config '.mounts[-1] = {destination: "/m", type: "proc", source: "x", options: ["tmpcopyup"]}'
    refuses_mount "tmpcopyup"
    config '.mounts[-1] = {destination: ("/" + ("x" * 300)), type: "tmpfs", source: "x"}'
    refuses_mount "name too long"
    config '.mounts[-1] = {destination: ("/x" * 3000), type: "tmpfs", source: "x"}'
    refuses "name too long" berth create --bundle "$B" "$ID"
}

@test "idmap: the ids of the source appear mapped, both ways" {
    mkdir "$T/share"
    chmod 0777 "$T/share"
    touch "$T/share/root" "$T/share/five"
    chown 5:6 "$T/share/five"
    bind "$T/share" /m idmap
    config '.mounts[-1].uidMappings = [{containerID: 0, hostID: 1000, size: 10}]
            | .mounts[-1].gidMappings = [{containerID: 0, hostID: 2000, size: 10}]
            | .process.user = {uid: 1005, gid: 2006}'
    payload sh -c 'cd /m && stat -c "%n %u:%g" root five && touch made'
    succeeds berth run --bundle "$B" "$ID"
    [ "$output" = $'root 1000:2000\nfive 1005:2006' ]
    [ "$(stat -c %u:%g "$T/share/made")" = 5:6 ]
}

@test "idmap: without mappings of its own a mount takes those of the user namespace" {
    needs userns
    mkdir "$T/share" "$B/rootfs/m" # whoever is root in there may not make it
    touch "$T/share/seven"
    chown 7:8 "$T/share/seven"
    bind "$T/share" /m rbind ridmap
    config '.linux.namespaces += [{type: "user"}]
            | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 1000}]
            | .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 1000}]'
    payload stat -c %u:%g /m/seven
    succeeds berth run --bundle "$B" "$ID"
    [ "$output" = 7:8 ]
}

@test "idmap is for one mount, ridmap for the tree below it" {
    make_tree
    bind "$T/tree" /m/one rbind idmap
    config '.mounts[-1] |= (.uidMappings = [{containerID: 0, hostID: 1000, size: 10}] | .gidMappings = .uidMappings)'
    bind "$T/tree" /m/all rbind ridmap
    config '.mounts[-1] |= (.uidMappings = [{containerID: 0, hostID: 1000, size: 10}] | .gidMappings = .uidMappings)'
    bind "$T/tree" /m/none rbind
    run_shell 'cd /m; stat -c "%n: %u:%g" */file */sub/file; touch none/sub/new one/sub/new; touch one/new 2>/dev/null || echo unmapped'
    drop_tree
    same "$(field one/file) $(field one/sub/file)" "1000:1000 0:0"
    same "$(field all/file) $(field all/sub/file)" "1000:1000 1000:1000"
    same "$(field none/file) $(field none/sub/file)" "0:0 0:0" "the source itself"
    same "$(tail -n 1 <<<"$output")" unmapped "root of the container, who has no id in the file system"
}

@test "error: idmap without mappings, with one of two, on a file system" {
    bind "$T" /m idmap
    refuses_mount "mappings of its own"
    config '.mounts[-1].options = ["bind"] | .mounts[-1].uidMappings = [{containerID: 0, hostID: 1000, size: 1}]'
    refuses_mount "both uidMappings and gidMappings"
    config '.mounts[-1].gidMappings = [{containerID: 0, hostID: 1000, size: 0}]'
    refuses_mount "size 0"
    config '.mounts[-1] = {destination: "/m", type: "tmpfs", source: "x", options: ["idmap"]}'
    refuses_mount "only bind mounts"
}

@test "an error in the middle undoes what was mounted before" {
    mkdir -p "$T/tree/inner"
    mount --bind "$T/tree" "$T/tree"
    mount --make-shared "$T/tree"
    bind "$T/tree" /m
    add_mount /m/inner tmpfs t
    add_mount /n nosuchfs none
    local before
    before=$(host_mounts)
    refuses_mount nosuchfs
    same "$(host_mounts)" "$before"
    umount "$T/tree"
}
