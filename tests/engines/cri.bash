# SPDX-License-Identifier: Apache-2.0
#
# Shared by the lists under Kubernetes' interface: containerd's CRI service with a handler `berth`, as a RuntimeClass names
# it, driven by cri.py in the place of a kubelet. Needs root, Debian's containerd, python3-grpcio and
# containernetworking-plugins. With CRI_SYSTEMD set the handler has SystemdCgroup, and containerd shares the host's /run,
# where systemd is; else it lives in a network and a mount namespace of its own: pods have a bridge in there, and nothing is
# written below the host's /run and /var/lib.

# shellcheck source=tests/engines/containerd.bash
source "${BASH_SOURCE[0]%/*}/containerd.bash"
CRI_PY=$(realpath "${BASH_SOURCE[0]%/*}/cri.py")

CONTAINERD_NEEDS=(ip iptables nsenter)
[ -n "${CRI_SYSTEMD:-}" ] || CONTAINERD_WRAP=(unshare --net --mount --propagation private
    sh -c 'ip link set lo up && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && exec "$@"' -)

# cri METHOD [JSON]: one call; the answer as JSON.
cri() {
    /usr/bin/python3 "$CRI_PY" "$ENGINE_WORK/sock" "$@"
}

# pod NAME [FILTER]: runs a pod sandbox with our handler; the jq filter changes its configuration.
pod() {
    local config=$BATS_TEST_TMPDIR/pod.$1.json
    jq -n --arg name "$1" --arg parent "/$ENGINE_MARK${CRI_SYSTEMD:+.slice}" --arg logs "$BATS_TEST_TMPDIR/logs" '{
        metadata: { name: $name, uid: $name, namespace: "default" }, hostname: $name, log_directory: $logs,
        linux: { cgroup_parent: $parent, security_context: { namespace_options: { pid: 1 } } }
        } | '"${2:-.}" >"$config"
    cri RunPodSandbox "$(jq '{ config: ., runtime_handler: "berth" }' "$config")" |
        jq -er .pod_sandbox_id >"$BATS_TEST_TMPDIR/pod.$1.id"
}

# create POD NAME FILTER COMMAND...: creates a container in the pod. launch: and starts it.
create() {
    local pod=$1 name=$2 filter=$3
    shift 3
    cri CreateContainer "$(jq --arg pod "$(id_of "pod.$pod")" --arg name "$name" --arg tmp "$BATS_TEST_TMPDIR" '{
        pod_sandbox_id: $pod, sandbox_config: ., config: ({
            metadata: { name: $name }, image: { image: "docker.io/library/busybox:test" }, command: $ARGS.positional,
            log_path: ($name + ".log"), linux: { resources: {}, security_context: { namespace_options: { pid: 1 } } }
        } | '"$filter"') }' "$BATS_TEST_TMPDIR/pod.$pod.json" --args -- "$@")" |
        jq -er .container_id >"$BATS_TEST_TMPDIR/$name.id"
}

launch() {
    create "$@"
    cri StartContainer "{ \"container_id\": \"$(id_of "$2")\" }" >/dev/null
}

# box POD NAME [FILTER]: a container that runs until it is told to stop, and is ready when this returns.
box() {
    launch "$1" "$2" "${3:-.}" sh -c 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged "$2" stdout ready
}

# id_of NAME, id_of pod.NAME
id_of() {
    cat "$BATS_TEST_TMPDIR/$1.id"
}

# logged NAME STREAM LINE: the log file has it, in the format that the kubelet reads.
logged() {
    grep -qE "^[0-9]{4}-[^ ]+ $2 F $3\$" "$BATS_TEST_TMPDIR/logs/$1.log"
}

# status_of NAME: of a container, with fields that are at their default left out. pid_of NAME: of its program.
status_of() {
    local answer
    answer=$(cri ContainerStatus "{ \"container_id\": \"$(id_of "$1")\" }") && jq .status <<<"$answer"
}

pid_of() {
    cri ContainerStatus "{ \"container_id\": \"$(id_of "$1")\", \"verbose\": true }" | jq '.info.info | fromjson | .pid'
}

RUNNING=1 EXITED=2

state_is() {
    [ "$(status_of "$1" | jq '.state // 0')" = "$2" ]
}

# exec_in NAME COMMAND...: ExecSync; its output, error output and exit code.
exec_in() {
    local answer name=$1
    shift
    answer=$(cri ExecSync "$(jq -n --arg id "$(id_of "$name")" \
        '{ container_id: $id, cmd: $ARGS.positional, timeout: 30 }' --args -- "$@")") || return
    jq -j '.stdout // ""' <<<"$answer"
    jq -j '.stderr // ""' <<<"$answer" >&2
    return "$(jq '.exit_code // 0' <<<"$answer")"
}

# pod_status NAME [verbose]: the whole answer.
pod_status() {
    cri PodSandboxStatus "$(jq -n --arg id "$(id_of "pod.$1")" --arg verbose "$2" \
        '{ pod_sandbox_id: $id, verbose: ($verbose != "") }')"
}

# stop NAME SECONDS: StopContainer.
stop() {
    cri StopContainer "{ \"container_id\": \"$(id_of "$1")\", \"timeout\": $2 }"
}

# on_host COMMAND...: in containerd's network namespace.
on_host() {
    nsenter --net --target "$(cat "$ENGINE_WORK/containerd.pid")" "$@"
}

image_known() {
    cri ListImages | jq -e --arg tag "docker.io/library/$1" 'any(.images[]; .repo_tags | index($tag))'
}

# For a person's node: the table of the handler, with /usr/local/bin/berth in the place of the path and without Root.
cri_config() {
    cat <<END
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:test"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$1"
    conf_dir = "$ENGINE_WORK/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "berth"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.berth]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.berth.options]
      BinaryName = "$ENGINE_RUNTIME"
      Root = "$ENGINE_WORK/runtime"
      ${CRI_SYSTEMD:+SystemdCgroup = true}
END
}

cni_config() {
    jq -n --arg data "$ENGINE_WORK/ipam" '{ cniVersion: "0.4.0", name: "berth", plugins: [
        { type: "bridge", bridge: "berth0", isGateway: true, hairpinMode: true, ipam: {
            type: "host-local", dataDir: $data, ranges: [[{ subnet: "172.30.97.0/24" }]],
            routes: [{ dst: "0.0.0.0/0" }] } },
        { type: "portmap", capabilities: { portMappings: true } }] }'
}

# cri_open: setup_file of a list.
cri_open() {
    local plugins=/usr/lib/cni
    [ -x "$plugins/bridge" ] || ENGINE_SKIP="containernetworking-plugins is not installed (see tests/engines/packages)"
    /usr/bin/python3 -c 'import grpc' || ENGINE_SKIP="python3-grpcio is not installed (see tests/engines/packages)"
    containerd_open
    engine_opened || return 0
    mkdir "$ENGINE_WORK/cni"
    cni_config >"$ENGINE_WORK/cni/10-berth.conflist"
    containerd_start "$(cri_config "$plugins")"
    cri Version || { grep -F cri "$ENGINE_WORK/containerd.log"; return 1; }
    image_busybox >/dev/null
    image_pack pause:test "$ENGINE_WORK/busybox" "$ENGINE_WORK/pause.tar" sleep 2147483647
    CTR_NAMESPACE=k8s.io images_load ctr image import
    CTR_NAMESPACE=k8s.io ctr image import "$ENGINE_WORK/pause.tar"
    wait_until 20 image_known busybox:test
    wait_until 20 image_known pause:test
}

# remove_pods: ends all that a test has left.
remove_pods() {
    local id
    for id in $(cri ListPodSandbox | jq -r '.items[]?.id'); do
        cri StopPodSandbox "{ \"pod_sandbox_id\": \"$id\" }"
        cri RemovePodSandbox "{ \"pod_sandbox_id\": \"$id\" }"
    done >/dev/null
}
