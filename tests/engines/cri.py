#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes Container Runtime Interface, CRI v1 (gRPC over a UNIX socket): one call, JSON in
and out. Needs python3-grpcio; no code generator, no protobuf library.

    cri.py SOCKET METHOD [JSON]

prints the answer as JSON, or `CODE: message` on the error output and fails. Only the messages and fields that the tests
need are known; fields of an answer that are not are left out. As in protobuf's own JSON, fields that have their
default value (0, "", false, nothing) are absent; enumerations are numbers.
"""
import json
import sys

import grpc

# Each line: message, then its fields as name=number:type. No type: string. `map`: from strings to strings. `*` behind
# the type: repeated. A message with many fields has several lines.
MESSAGES = """
VersionRequest version=1
VersionResponse version=1 runtime_name=2 runtime_version=3 runtime_api_version=4
StatusRequest verbose=1:bool
StatusResponse status=1:RuntimeStatus info=2:map runtime_handlers=3:RuntimeHandler*
RuntimeStatus conditions=1:RuntimeCondition*
RuntimeCondition type=1 status=2:bool reason=3 message=4
RuntimeHandler name=1 features=2:RuntimeHandlerFeatures
RuntimeHandlerFeatures recursive_read_only_mounts=1:bool user_namespaces=2:bool

RunPodSandboxRequest config=1:PodSandboxConfig runtime_handler=2
RunPodSandboxResponse pod_sandbox_id=1
StopPodSandboxRequest pod_sandbox_id=1
StopPodSandboxResponse
RemovePodSandboxRequest pod_sandbox_id=1
RemovePodSandboxResponse
ListPodSandboxRequest
ListPodSandboxResponse items=1:PodSandbox*
PodSandbox id=1 metadata=2:PodSandboxMetadata state=3:int runtime_handler=7
PodSandboxStatusRequest pod_sandbox_id=1 verbose=2:bool
PodSandboxStatusResponse status=1:PodSandboxStatus info=2:map
PodSandboxStatus id=1 metadata=2:PodSandboxMetadata state=3:int network=5:PodSandboxNetworkStatus runtime_handler=9
PodSandboxNetworkStatus ip=1
PodSandboxMetadata name=1 uid=2 namespace=3 attempt=4:int
PodSandboxConfig metadata=1:PodSandboxMetadata hostname=2 log_directory=3 dns_config=4:DNSConfig
PodSandboxConfig port_mappings=5:PortMapping* labels=6:map
PodSandboxConfig annotations=7:map linux=8:LinuxPodSandboxConfig
DNSConfig servers=1*
PortMapping protocol=1:int container_port=2:int host_port=3:int host_ip=4
LinuxPodSandboxConfig cgroup_parent=1 security_context=2:LinuxSandboxSecurityContext sysctls=3:map
LinuxSandboxSecurityContext namespace_options=1:NamespaceOption run_as_user=3:Int64 readonly_rootfs=4:bool
LinuxSandboxSecurityContext supplemental_groups=5:int* privileged=6:bool run_as_group=8:Int64 seccomp=9:SecurityProfile
NamespaceOption network=1:int pid=2:int ipc=3:int target_id=4 userns_options=5:UserNamespace
UserNamespace mode=1:int uids=2:IDMapping* gids=3:IDMapping*
IDMapping host_id=1:int container_id=2:int length=3:int
SecurityProfile profile_type=1:int localhost_ref=2
Int64 value=1:int

CreateContainerRequest pod_sandbox_id=1 config=2:ContainerConfig sandbox_config=3:PodSandboxConfig
CreateContainerResponse container_id=1
ContainerConfig metadata=1:ContainerMetadata image=2:ImageSpec command=3* args=4* working_dir=5 envs=6:KeyValue*
ContainerConfig mounts=7:Mount* devices=8:Device* labels=9:map annotations=10:map log_path=11 stdin=12:bool
ContainerConfig stdin_once=13:bool tty=14:bool linux=15:LinuxContainerConfig
ContainerMetadata name=1 attempt=2:int
ImageSpec image=1
KeyValue key=1 value=2
Mount container_path=1 host_path=2 readonly=3:bool propagation=5:int recursive_read_only=8:bool
Device container_path=1 host_path=2 permissions=3
LinuxContainerConfig resources=1:LinuxContainerResources security_context=2:LinuxContainerSecurityContext
LinuxContainerResources cpu_period=1:int cpu_quota=2:int cpu_shares=3:int memory_limit_in_bytes=4:int
LinuxContainerResources oom_score_adj=5:int cpuset_cpus=6 cpuset_mems=7 unified=9:map memory_swap_limit_in_bytes=10:int
LinuxContainerSecurityContext capabilities=1:Capability privileged=2:bool namespace_options=3:NamespaceOption
LinuxContainerSecurityContext run_as_user=5:Int64 run_as_username=6 readonly_rootfs=7:bool supplemental_groups=8:int*
LinuxContainerSecurityContext no_new_privs=11:bool run_as_group=12:Int64 masked_paths=13* readonly_paths=14*
LinuxContainerSecurityContext seccomp=15:SecurityProfile
Capability add_capabilities=1* drop_capabilities=2*
StartContainerRequest container_id=1
StartContainerResponse
StopContainerRequest container_id=1 timeout=2:int
StopContainerResponse
RemoveContainerRequest container_id=1
RemoveContainerResponse
ListContainersRequest
ListContainersResponse containers=1:Container*
Container id=1 pod_sandbox_id=2 metadata=3:ContainerMetadata state=6:int
ContainerStatusRequest container_id=1 verbose=2:bool
ContainerStatusResponse status=1:ContainerStatus info=2:map
ContainerStatus id=1 metadata=2:ContainerMetadata state=3:int exit_code=7:int reason=10 message=11 log_path=15
UpdateContainerResourcesRequest container_id=1 linux=2:LinuxContainerResources
UpdateContainerResourcesResponse
ReopenContainerLogRequest container_id=1
ReopenContainerLogResponse
ExecSyncRequest container_id=1 cmd=2* timeout=3:int
ExecSyncResponse stdout=1:bytes stderr=2:bytes exit_code=3:int
ContainerStatsRequest container_id=1
ContainerStatsResponse stats=1:ContainerStats
ContainerStats cpu=2:CpuUsage memory=3:MemoryUsage
CpuUsage usage_core_nano_seconds=2:Int64
MemoryUsage working_set_bytes=2:Int64 usage_bytes=4:Int64

ListImagesRequest
ListImagesResponse images=1:Image*
Image id=1 repo_tags=2*
"""

# Wire types of protobuf: how long a field's value is. The two fixed widths are met only in fields that are not known.
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def parse_messages(text):
    """The table above: {message: {field: (number, type, repeated)}}."""
    messages = {}
    for line in text.split("\n"):
        name, *fields = line.split() or [None]
        for field in fields:
            key, _, rest = field.partition("=")
            number, _, kind = rest.rstrip("*").partition(":")
            messages.setdefault(name, {})[key] = (int(number), kind or "string", rest.endswith("*"))
        if name:
            messages.setdefault(name, {})
    return messages


SCHEMA = parse_messages(MESSAGES)


def put_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def get_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def with_length(data):
    return put_varint(len(data)) + data


def encode_one(number, kind, value):
    if kind in ("int", "bool"):
        return put_varint(number << 3 | VARINT) + put_varint(int(value))
    if kind == "map":
        pairs = (encode_one(1, "string", key) + encode_one(2, "string", item) for key, item in value.items())
        return b"".join(put_varint(number << 3 | LENGTH) + with_length(pair) for pair in pairs)
    data = value.encode() if kind == "string" else encode(kind, value)
    return put_varint(number << 3 | LENGTH) + with_length(data)


def encode(message, value):
    out = b""
    for key, item in value.items():
        if key not in SCHEMA[message]:
            raise KeyError(f"{message} has no field {key} (known are {', '.join(SCHEMA[message])})")
        number, kind, repeated = SCHEMA[message][key]
        out += b"".join(encode_one(number, kind, each) for each in (item if repeated else [item]))
    return out


def fields_of(data):
    """Each field of a message as (number, wire type, value)."""
    at = 0
    while at < len(data):
        tag, at = get_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = get_varint(data, at)
        else:
            length, at = get_varint(data, at) if wire == LENGTH else ({FIXED64: 8, FIXED32: 4}[wire], at)
            value, at = data[at:at + length], at + length
        yield number, wire, value


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def decode_one(kind, value):
    if kind in ("int", "bool"):
        return bool(value) if kind == "bool" else signed(value)
    if kind in ("string", "bytes"):
        return value.decode(errors="replace")
    return decode(kind, value)


def decode(message, data):
    known = {number: (key, kind, repeated) for key, (number, kind, repeated) in SCHEMA[message].items()}
    out = {}
    for number, _, value in fields_of(data):
        if number not in known:
            continue
        key, kind, repeated = known[number]
        if kind == "map":
            pair = {place: item.decode() for place, _, item in fields_of(value)}
            out.setdefault(key, {})[pair.get(1, "")] = pair.get(2, "")
        elif repeated:
            out.setdefault(key, []).append(decode_one(kind, value))
        else:
            out[key] = decode_one(kind, value)
    return out


def call(socket, method, request):
    service = "ImageService" if method == "ListImages" else "RuntimeService"
    with grpc.insecure_channel("unix:" + socket, options=[("grpc.enable_http_proxy", 0)]) as channel:
        function = channel.unary_unary(f"/runtime.v1.{service}/{method}",
                                       request_serializer=lambda value: encode(method + "Request", value),
                                       response_deserializer=lambda data: decode(method + "Response", data))
        return function(request, timeout=60)


def main():
    socket, method = sys.argv[1:3]
    request = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    try:
        json.dump(call(socket, method, request), sys.stdout, indent=1)
        print()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
