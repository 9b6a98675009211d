#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Docker with Docker's own networks: bridges, addresses, names, published ports. Needs root, Debian's
# docker.io and iptables. The daemon lives in a network namespace of its own, with bridges, rules and sysctls in there:
# the host's network is not touched. `from the host` means from that namespace.

source "${BATS_TEST_DIRNAME}/docker.bash"

DOCKER_NEEDS=(iptables ip nsenter)

setup_file() {
    # Its mounts stay in the host's mount namespace, where the audit sees them.
    docker_open unshare --net sh -c 'ip link set lo up && exec "$@"' - -- --bip 172.30.99.1/24
}

teardown_file() {
    docker_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    remove_all
    docker network prune -f >/dev/null
    audit_end
}

# on_host COMMAND...: in the daemon's network namespace.
on_host() {
    nsenter --net --target "$(cat "$ENGINE_WORK/docker.pid")" "$@"
}

# server NAME ARGS...: a container that tells its own name to whoever connects to port 8000.
server() {
    local name=$1
    shift
    docker run -d --name "$name" --hostname "$name" "$@" busybox:test \
        nc -ll -p 8000 -e hostname
    # 1F40 is 8000, 0A is a socket that listens.
    wait_until 10 grep -qsE ':1F40 0+:0000 0A ' "/proc/$(state_of "$name" Pid)"/net/{tcp,tcp6}
}

# address_of CONTAINER [NETWORK]
address_of() {
    docker inspect -f "{{(index .NetworkSettings.Networks \"${2:-bridge}\").IPAddress}}" "$1"
}

# ---- bridges -------------------------------------------------------------------------------------------------------

@test "docker net: a container on the bridge has the address that Docker says" {
    server one
    run -0 docker exec one sh -c 'ip -4 addr show eth0 | grep -o "inet [0-9.]*"
        ip route | grep -o "default via [0-9.]*"
        grep -c "$(hostname -i)[[:space:]]*one" /etc/hosts; cat /sys/class/net/eth0/operstate'
    is "inet $(address_of one)"$'\ndefault via 172.30.99.1\n1\nup'
    run -0 on_host ip -4 addr show docker0
    contains 172.30.99.1/24
    # The host's own network knows nothing of it.
    run ip link show docker0
    [ "$status" -ne 0 ] || lacks 172.30.99.1
}

@test "docker net: two containers and the host ping each other" {
    server one
    server two
    run -0 docker exec one ping -c 1 -w 10 "$(address_of two)"
    run -0 docker exec two ping -c 1 -w 10 "$(address_of one)"
    run -0 docker exec two ping -c 1 -w 10 172.30.99.1
    run -0 on_host busybox ping -c 1 -w 10 "$(address_of one)"
    contains "1 packets received"
}

@test "docker net: a published port is reached from the host, until the container is gone" {
    server one -p 172.30.99.1:18000:8000 -p 127.0.0.1:18001:8000
    run -0 on_host busybox nc -w 10 172.30.99.1 18000
    is one
    run -0 on_host busybox nc -w 10 127.0.0.1 18001
    is one
    server two
    run -0 docker exec two nc -w 10 172.30.99.1 18000
    is one
    run -0 docker port one 8000
    contains 172.30.99.1:18000
    docker restart -t 0 one
    wait_until 10 eval '[ "$(on_host busybox nc -w 10 127.0.0.1 18001)" = one ]'
    docker rm -f one
    run ! on_host busybox nc -w 2 172.30.99.1 18000
    run on_host iptables -t nat -S
    lacks 18000
}

@test "docker net: a network of one's own: names, aliases, and no way to another network" {
    docker network create --subnet 172.30.98.0/24 inner
    docker network create --subnet 172.30.97.0/24 --internal other
    server one --network inner --network-alias first
    server two --network inner
    server three --network other
    run -0 docker exec two ping -c 1 -w 10 one
    run -0 docker exec two nc -w 10 first 8000
    is one
    run ! docker exec three nc -w 1 "$(address_of one inner)" 8000
    run ! docker exec three ping -c 1 -w 1 one
}

@test "docker net: a running container joins a network and leaves it" {
    docker network create --subnet 172.30.98.0/24 inner
    server one --network inner
    server two
    run ! docker exec two ls /sys/class/net/eth1
    docker network connect inner two
    run -0 docker exec two sh -c 'ip -4 addr show eth1; nc -w 10 one 8000'
    contains "$(address_of two inner)/24"
    contains $'\none'
    docker network disconnect inner two
    run ! docker exec two ls /sys/class/net/eth1
}

@test "docker net: one network namespace for two: loopback and address are shared" {
    server one
    run -0 docker run --rm --network container:one busybox:test \
        sh -c 'nc -w 10 127.0.0.1 8000; ip -4 addr show eth0 | grep -o "inet [0-9.]*"; hostname'
    is $'one\n'"inet $(address_of one)"$'\none'
}

@test "docker net: NET_ADMIN changes the container's network, without it nobody does" {
    run ! docker run --rm busybox:test ip link set eth0 mtu 1000
    run -0 docker run --rm --cap-add NET_ADMIN busybox:test \
        sh -c 'ip link set eth0 mtu 1000 && cat /sys/class/net/eth0/mtu'
    is 1000
    run -0 docker run --rm --sysctl net.ipv4.ip_forward=0 busybox:test \
        cat /proc/sys/net/ipv4/ip_forward
    is 0
}

@test "docker net: build steps have the network" {
    mkdir "$BATS_TEST_TMPDIR/context"
    server one
    run -0 docker build -t net:test --no-cache --build-arg "FROM=$(address_of one)" -f - \
        "$BATS_TEST_TMPDIR/context" <<'END'
FROM busybox:test
ARG FROM
RUN nc -w 10 "$FROM" 8000 </dev/null >/fetched
END
    run -0 docker run --rm net:test cat /fetched
    is one
    docker rmi net:test
}

@test "docker net: killed from outside and started again, it is reached again" {
    server one --restart always -p 127.0.0.1:18001:8000
    kill -KILL "$(state_of one Pid)"
    wait_until 20 eval '[ "$(docker inspect -f "{{.RestartCount}}" one)" = 1 ]'
    wait_until 20 eval '[ "$(on_host busybox nc -w 10 127.0.0.1 18001)" = one ]'
}
