#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman: networks by netavark, and user namespaces that Podman picks itself. Needs root.
#
# All of it happens in a network and a mount namespace of this file's own: bridges, packet filter rules and name server
# live there, and /etc/subuid there is this file's own too.

source "${BATS_TEST_DIRNAME}/podman.bash"

# The holder of both namespaces; bats gives every test a new shell, so its pid is read from its file.
holder_enter() {
    local pid
    pid=$(cat "$ENGINE_WORK/holder.pid")
    PODMAN_ENTER=(nsenter -t "$pid" -m -n)
    AUDIT_MOUNTINFO=/proc/$pid/mountinfo
}

inside() {
    "${PODMAN_ENTER[@]}" "$@"
}

setup_file() {
    podman_open iptables ip nsenter unshare
    engine_opened || return 0
    [ -x /usr/lib/podman/netavark ] || [ -x /usr/libexec/podman/netavark ] || export ENGINE_NETWORK_SKIP="no netavark"
    printf 'containers:400000:100000\n' >"$ENGINE_WORK/subid"
    { grep -v ^containers: /etc/passwd; echo 'containers:x:4712:4712::/:/bin/false'; } >"$ENGINE_WORK/passwd"
    daemon_start holder unshare --mount --net --propagation private sh -c "
        ip link set lo up
        mount --bind '$ENGINE_WORK/subid' /etc/subuid
        mount --bind '$ENGINE_WORK/subid' /etc/subgid
        mount --bind '$ENGINE_WORK/passwd' /etc/passwd
        mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
        touch '$ENGINE_WORK/holder.up'
        exec sleep infinity"
    daemon_ready holder test -e "$ENGINE_WORK/holder.up"
    holder_enter
    podman load -q -i "$(image_busybox)" >/dev/null
    podman network create --subnet 10.99.1.0/24 first >/dev/null
    podman network create --subnet 10.99.2.0/24 second >/dev/null
}

teardown_file() {
    engine_opened || return 0
    holder_enter
    podman rmi -a -f >/dev/null
    daemon_stop holder
    AUDIT_MOUNTINFO=/proc/self/mountinfo
    engine_close
}

setup() {
    engine_test_in_holder
}

# The audit begins when the holder's mounts are known.
engine_test_in_holder() {
    [ -n "$ENGINE_SKIP" ] || holder_enter
    engine_test
}

teardown() {
    engine_opened || return 0
    podman_clear
    # The name server goes by itself once it has nobody to serve.
    audit_end
    [ -z "$(inside ip -o link show type veth)" ]
}

needs_network() {
    [ -z "$ENGINE_NETWORK_SKIP" ] || skip "$ENGINE_NETWORK_SKIP"
}

# address_of CONTAINER NETWORK
address_of() {
    podman inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"
}

net_box() {
    local name=$1
    shift
    prun -d --name "$name" --cap-add NET_RAW "$@" busybox:test sleep 1000
}

@test "podman network: two containers on a bridge ping each other, by address and by name" {
    needs_network
    net_box one --network first
    net_box two --network first
    run -0 podman exec one ping -c 1 -W 5 "$(address_of two first)"
    run -0 podman exec two ping -c 1 -W 5 "$(address_of one first)"
    run -0 podman exec one sh -c 'ip -o -4 addr show eth0; ip route'
    contains "$(address_of one first)/24"
    contains "default via 10.99.1.1"
    run -0 inside busybox ping -c 1 -W 5 "$(address_of one first)"
    wait_until 10 podman exec one nslookup two
    run -0 podman exec one ping -c 1 -W 5 two
    contains "$(address_of two first)"
}

@test "podman network: two networks are apart; connect and disconnect while it runs" {
    needs_network
    net_box one --network first
    net_box two --network second
    run podman exec one ping -c 1 -W 1 "$(address_of two second)"
    podman network connect second one
    run -0 podman exec one ip -o -4 addr show eth1
    contains 10.99.2.
    run -0 podman exec one ping -c 1 -W 5 "$(address_of two second)"
    podman network disconnect second one
    run podman exec one ip -o -4 addr show eth1
    lacks 10.99.2.
}

@test "podman network: a fixed address, a published port, extra hosts and name servers" {
    needs_network
    net_box one --network first --ip 10.99.1.77 --mac-address 02:00:00:00:00:77 --add-host other:10.99.1.200 \
        --dns-search example.test -p 127.0.0.1:8077:5000
    run -0 podman exec one sh -c 'ip -o link show eth0; grep other /etc/hosts; cat /etc/resolv.conf'
    contains 02:00:00:00:00:77
    contains 10.99.1.200
    contains example.test
    [ "$(address_of one first)" = 10.99.1.77 ]
    podman exec -d one sh -c 'while :; do nc -l -p 5000 -e echo pong; done'
    inside sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
    wait_until 10 eval "inside busybox nc -w 2 10.99.1.77 5000 </dev/null | grep pong"
    wait_until 10 eval "inside busybox nc -w 2 127.0.0.1 8077 </dev/null | grep pong"
}

@test "podman network: restart keeps the container reachable; a pod on a bridge" {
    needs_network
    net_box one --network first
    podman restart -t 0 one
    run -0 inside busybox ping -c 1 -W 5 "$(address_of one first)"
    type -P catatonit >/dev/null || skip "catatonit is not installed: no pod"
    podman pod create --name pod --network first --cgroup-parent "/$ENGINE_MARK"
    podman run -d --pod pod --name two --cap-add NET_RAW busybox:test sleep 1000
    podman run -d --pod pod --name three busybox:test sh -c 'echo pong | nc -l -p 5000; sleep 1000'
    wait_until 10 podman exec two sh -c 'nc 127.0.0.1 5000 </dev/null'
    run -0 podman exec two ping -c 1 -W 5 "$(address_of one first)"
    podman pod rm -f -t 0 pod
    rmdir /sys/fs/cgroup/{,*/}"$ENGINE_MARK"/[0-9a-f]* 2>/dev/null || true
}

@test "podman network: a network namespace by path" {
    needs_network
    inside ip netns add "$ENGINE_MARK"
    run -0 prun --rm --network "ns:/run/netns/$ENGINE_MARK" busybox:test readlink /proc/self/ns/net
    [ "$output" = "net:[$(inside stat -L -c %i "/run/netns/$ENGINE_MARK")]" ]
    inside ip netns del "$ENGINE_MARK"
}

@test "podman network: slirp4netns" {
    type -P slirp4netns >/dev/null || skip "slirp4netns is not installed"
    [ -c /dev/net/tun ] || skip "the host has no /dev/net/tun"
    run -0 prun --rm --network slirp4netns busybox:test sh -c 'ip -o -4 addr show tap0; ip route'
    contains 10.0.2.100/24
    contains "default via 10.0.2.2"
}

@test "podman network: in a user namespace of its own" {
    needs_network
    net_box one --network first --uidmap 0:300000:1000 --gidmap 0:300000:1000
    run -0 podman exec one ip -o -4 addr show eth0
    contains "$(address_of one first)/24"
    run -0 inside busybox ping -c 1 -W 5 "$(address_of one first)"
}

@test "podman: --userns=auto: two containers get ranges of their own" {
    local first second
    prun -d --name one --userns=auto:size=2000 busybox:test sleep 1000
    prun -d --name two --userns=auto busybox:test sleep 1000
    run -0 podman exec one sh -c 'tr -s " " </proc/self/uid_map; id -u; touch /f && stat -c %u:%g /f'
    contains ' 2000'
    contains $'\n0\n0:0'
    first=$(podman exec one awk '{ print $2 }' /proc/self/uid_map)
    second=$(podman exec two awk '{ print $2 }' /proc/self/uid_map)
    [ "$first" -ge 400000 ] && [ "$first" -lt 500000 ]
    [ "$second" -ge 400000 ] && [ "$second" -lt 500000 ]
    [ "$first" -ne "$second" ]
    # What the container holds belongs to that range outside.
    [ "$(stat -c %u "/proc/$(state_of one Pid)/root/f")" = "$first" ]
}

@test "podman: --userns=auto with a volume whose ids follow, and a restart" {
    prun -d --name one --userns=auto -v vol:/data:U busybox:test sh -c 'touch /data/f; echo ready; sleep 1000'
    wait_until 10 logged one ready
    podman restart -t 0 one
    run -0 podman exec one stat -c %u:%g /data /data/f
    is $'0:0\n0:0'
    # After a restart Podman 4.3 may find a mount of its own busy, with runc in one of 30 times, too.
    wait_until 10 podman rm -f -t 0 one
    run -1 podman container exists one
    podman volume rm vol
}
