#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman: pods, Kubernetes files, unit files. Needs root, and catatonit for the pods' infra container.
#
# Pods of a Kubernetes file lie below Podman's own cgroup parent, the only thing here outside the run's own.

source "${BATS_TEST_DIRNAME}/podman.bash"

setup_file() {
    podman_open catatonit
    engine_opened || return 0
    podman load -q -i "$(image_busybox)" >/dev/null
}

teardown_file() {
    podman_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    podman_clear
    pod_cgroups_sweep
    audit_end
}

# A runtime makes the pod's directory in every hierarchy, Podman removes it only in some: it must be empty by now. The
# directory that Podman's pods share goes when no other Podman uses it.
pod_cgroups_sweep() {
    local id
    for id in $(podman_ids); do
        rmdir /sys/fs/cgroup/{,*/}{"$ENGINE_MARK",libpod_parent}/"$id" 2>/dev/null || true
    done
    rmdir /sys/fs/cgroup/{,*/}libpod_parent/conmon /sys/fs/cgroup/{,*/}libpod_parent 2>/dev/null || true
}

pod_create() {
    podman pod create --name pod --network none --cgroup-parent "/$ENGINE_MARK" "$@"
}

# pod_run NAME ARGS...: a container of the pod in the background.
pod_run() {
    local name=$1
    shift
    podman run -d --pod pod --name "$name" "$@"
}

pod_status_is() {
    [ "$(podman pod inspect -f '{{.State}}' pod)" = "$1" ]
}

# ---- pods -----------------------------------------------------------------------------------------------------------

@test "podman pod: two containers share network, ipc and host name, not their mounts and processes" {
    local kind
    pod_create --hostname podded
    pod_run first busybox:test \
        sh -c 'touch /mine; mkdir -p /dev/shm; echo shared >/dev/shm/f; nc -l -p 5000 </mine; sleep 1000'
    pod_run second busybox:test sleep 1000
    for kind in net ipc uts; do
        [ "$(namespace_of "$(state_of first Pid)" $kind)" = "$(namespace_of "$(state_of second Pid)" $kind)" ]
    done
    for kind in mnt pid; do
        [ "$(namespace_of "$(state_of first Pid)" $kind)" != "$(namespace_of "$(state_of second Pid)" $kind)" ]
    done
    wait_until 10 podman exec second test -e /dev/shm/f
    run -0 podman exec second sh -c 'hostname; cat /dev/shm/f; ls /mine 2>/dev/null || echo no; ps | grep -c [s]leep'
    is $'podded\nshared\nno\n1'
    wait_until 10 podman exec second sh -c 'nc 127.0.0.1 5000 </dev/null'
}

@test "podman pod: a shared process namespace, and what dies with its first process" {
    pod_create --share pid,net,ipc,uts
    pod_run first busybox:test sleep 1000
    pod_run second busybox:test sleep 2000
    run -0 podman exec first sh -c 'cat /proc/1/comm; ps | grep -c "[s]leep [12]000"'
    is $'catatonit\n2'
    # Of two at once the second may be gone before its turn: Podman then calls that a failure.
    podman pod kill pod || true
    wait_until 10 pod_status_is Exited
    wait_until 10 state_is first Running false
    wait_until 10 state_is second Running false
    run audit_processes
    lacks "sleep 1000"
    lacks "sleep 2000"
}

@test "podman pod: stop, start, restart, pause, unpause, stats, top, rm" {
    pod_create
    pod_run first busybox:test sh -c 'trap "exit 0" TERM; while :; do sleep 60 & wait $!; done'
    pod_run second busybox:test sh -c 'trap "exit 0" TERM; while :; do sleep 60 & wait $!; done'
    pod_status_is Running
    podman pod stop -t 20 pod
    pod_status_is Exited
    podman pod start pod
    pod_status_is Running
    podman pod restart pod
    pod_status_is Running
    run -0 podman pod top pod args
    contains "sh -c trap"
    run -0 podman pod stats --no-stream --format '{{.Name}}' pod
    contains first
    contains second
    podman pod pause pod
    state_is first Status paused
    state_is second Status paused
    podman pod unpause pod
    state_is second Status running
    run -0 podman exec second echo again
    is again
    podman pod rm -f -t 0 pod
    run podman ps -aq
    is ""
}

@test "podman pod: an init container runs before the others; exec in each" {
    pod_create
    podman create --pod pod --name early --init-ctr always -v shared:/shared busybox:test sh -c 'echo early >/shared/f'
    podman create --pod pod --name late -v shared:/shared busybox:test sh -c 'cat /shared/f; sleep 1000'
    podman pod start pod
    wait_until 10 logged late early
    state_is early ExitCode 0
    run -0 podman exec late cat /shared/f
    is early
    podman pod rm -f -t 0 pod
    podman volume rm shared
}

@test "podman pod: a user namespace for all" {
    pod_create --uidmap 0:300000:1000 --gidmap 0:300000:1000
    pod_run first busybox:test sleep 1000
    pod_run second busybox:test sleep 1000
    [ "$(namespace_of "$(state_of first Pid)" user)" = "$(namespace_of "$(state_of second Pid)" user)" ]
    [ "$(namespace_of "$(state_of first Pid)" user)" != "$(namespace_of self user)" ]
    run -0 podman exec second \
        sh -c 'id -u; touch /f && stat -c %u /f; hostname changed 2>/dev/null; echo x >/dev/null && echo null'
    contains $'0\n0\n'
    contains null
}

@test "podman pod: one container dies, the other lives" {
    pod_create
    pod_run first busybox:test sleep 1000
    pod_run second busybox:test sleep 1000
    kill -KILL "$(state_of first Pid)"
    run -0 podman wait first
    is 137
    state_is second Status running
    podman start first
    run -0 podman exec first readlink /proc/self/ns/net
    is "$(namespace_of "$(state_of second Pid)" net)"
}

# ---- Kubernetes files -----------------------------------------------------------------------------------------------

kube_file() {
    cat <<EOF_YAML
apiVersion: v1
kind: ConfigMap
metadata:
  name: words
data:
  word: from-the-map
---
apiVersion: v1
kind: Pod
metadata:
  name: kubed
  labels:
    app: kubed
spec:
  hostname: kubed-host
  restartPolicy: Never
  containers:
  - name: server
    image: localhost/busybox:test
    command: ["sh", "-c"]
    args: ["echo \$WORD >/data/word; nc -l -p 5000 </data/word; sleep 1000"]
    env:
    - name: WORD
      valueFrom:
        configMapKeyRef:
          name: words
          key: word
    volumeMounts:
    - name: data
      mountPath: /data
    livenessProbe:
      exec:
        command: ["test", "-e", "/data/word"]
      initialDelaySeconds: 1
  - name: client
    image: localhost/busybox:test
    command: ["sh", "-c"]
    args: ["until nc 127.0.0.1 5000 </dev/null 2>/dev/null; do usleep 50000; done; hostname; id -u; sleep 1000"]
    securityContext:
      runAsUser: 1000
      capabilities:
        drop: ["ALL"]
      readOnlyRootFilesystem: true
$(! has_controllers memory || printf '    resources: { limits: { memory: 64Mi } }')
  volumes:
  - name: data
    hostPath:
      path: $BATS_TEST_TMPDIR/share
      type: Directory
EOF_YAML
}

kube_check() {
    local client server
    wait_until 20 logged kubed-client from-the-map
    wait_until 10 logged kubed-client kubed-host
    wait_until 10 logged kubed-client 1000
    [ "$(cat "$BATS_TEST_TMPDIR/share/word")" = from-the-map ]
    client=$(state_of kubed-client Pid) server=$(state_of kubed-server Pid)
    [ "$(namespace_of "$client" net)" = "$(namespace_of "$server" net)" ]
    ! has_controllers memory || [ "$(cgroup_limit "$client" memory)" = 67108864 ]
    grep -q $'^CapBnd:\t0000000000000000$' "/proc/$client/status"
    run -1 podman exec kubed-client touch /x
    contains "Read-only file system"
}

@test "podman kube play: two containers, a map, a volume, a probe; down; generate kube plays again" {
    kube_file >"$BATS_TEST_TMPDIR/kube.yaml"
    run podman kube play --network none "$BATS_TEST_TMPDIR/kube.yaml"
    exits 0
    kube_check
    podman generate kube kubed >"$BATS_TEST_TMPDIR/again.yaml"
    run podman kube down "$BATS_TEST_TMPDIR/kube.yaml"
    exits 0
    run podman ps -aq
    is ""
    rm "$BATS_TEST_TMPDIR/share/word"
    run podman kube play --network none "$BATS_TEST_TMPDIR/again.yaml"
    exits 0
    wait_until 10 test -e "$BATS_TEST_TMPDIR/share/word"
    run podman kube down "$BATS_TEST_TMPDIR/again.yaml"
    exits 0
}

# ---- unit files -----------------------------------------------------------------------------------------------------

# unit_line FILE KEY: the value of that key in the unit file, continued lines joined, %t and %n filled in.
unit_line() {
    sed -e ':a' -e '/\\$/{N;s/ *\\\n[ \t]*/ /;ba' -e '}' "$1" | sed -n "s/^$2=//p" |
        sed -e "s|%t|$BATS_TEST_TMPDIR|g" -e "s|%n|box.service|g"
}

# unit_command FILE KEY: runs that command, with this run's Podman: of the flags that say where things are, Podman
# writes only those of the start into the unit.
unit_command() {
    local words
    eval "words=($(unit_line "$1" "$2" | sed 's/\$/\\$/g'))"
    [ "${words[0]}" = /usr/bin/podman ]
    podman "${words[@]:1}"
}

@test "podman generate systemd: the unit's own commands start and stop the container" {
    local unit=$BATS_TEST_TMPDIR/unit
    prun -d --name box busybox:test sh -c 'trap "exit 0" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    podman generate systemd --new --name box >"$unit"
    grep -q '^Type=notify' "$unit"
    grep -q -- "--runtime berth" "$unit"
    podman rm -f -t 0 box
    unit_command "$unit" ExecStart
    wait_until 10 logged box ready
    state_is box Status running
    unit_command "$unit" ExecStop
    unit_command "$unit" ExecStopPost
    run podman ps -aq
    is ""
}

@test "podman generate systemd: of a container that exists" {
    box
    run -0 podman generate systemd --name box
    contains "ExecStart=/usr/bin/podman start box"
    contains "PIDFile="
    [ -s "$(unit_line <(echo "$output") PIDFile)" ]
}
