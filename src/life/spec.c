/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: the configuration that a new bundle starts from: a shell with few capabilities, on a read-only root, in
 * namespaces of its own. Mostly constant data, which the document writer turns into JSON. Runs in life; needs no
 * privilege.
 */
#include "life/document.h"

#include "base/table.h"

#include <string.h>
#include <unistd.h>

/* An array of a document from constants. Compound literals of a whole file live as long as the program. */
#define STRINGS(...)                                                                                                   \
    {                                                                                                                  \
        .count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), .items = (const char *[]) {             \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define ITEMS(array)                                                                                                   \
    { .count = TABLE_COUNT(array), .items = (array) }

#define CAPABILITIES STRINGS("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")

static struct oci_user user = {.uid = 0, .has_uid = true, .gid = 0, .has_gid = true};

static struct oci_capabilities capabilities = {
    .bounding = CAPABILITIES, .effective = CAPABILITIES, .permitted = CAPABILITIES};

static struct oci_rlimit rlimits[] = {
    {.type = OCI_RLIMIT_TYPE_NOFILE, .soft = 1024, .has_soft = true, .hard = 1024, .has_hard = true},
};

static struct oci_process process = {
    .terminal = true,
    .has_terminal = true,
    .user = &user,
    .args = STRINGS("sh"),
    .env = STRINGS("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"),
    .cwd = "/",
    .capabilities = &capabilities,
    .rlimits = ITEMS(rlimits),
    .no_new_privileges = true,
    .has_no_new_privileges = true,
};

static struct oci_root root = {.path = "rootfs", .readonly = true, .has_readonly = true};

enum { MOUNT_PROC, MOUNT_DEV, MOUNT_PTS, MOUNT_SHM, MOUNT_MQUEUE, MOUNT_SYS, MOUNT_CGROUP, MOUNT_COUNT };

static const struct oci_mount mounts[MOUNT_COUNT] = {
    [MOUNT_PROC] = {.destination = "/proc", .type = "proc", .source = "proc"},
    [MOUNT_DEV] = {.destination = "/dev",
                   .type = "tmpfs",
                   .source = "tmpfs",
                   .options = STRINGS("nosuid", "strictatime", "mode=755", "size=65536k")},
    [MOUNT_PTS] = {.destination = "/dev/pts",
                   .type = "devpts",
                   .source = "devpts",
                   .options = STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")},
    [MOUNT_SHM] = {.destination = "/dev/shm",
                   .type = "tmpfs",
                   .source = "shm",
                   .options = STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")},
    [MOUNT_MQUEUE] = {.destination = "/dev/mqueue",
                      .type = "mqueue",
                      .source = "mqueue",
                      .options = STRINGS("nosuid", "noexec", "nodev")},
    [MOUNT_SYS] = {.destination = "/sys",
                   .type = "sysfs",
                   .source = "sysfs",
                   .options = STRINGS("nosuid", "noexec", "nodev", "ro")},
    [MOUNT_CGROUP] = {.destination = "/sys/fs/cgroup",
                      .type = "cgroup",
                      .source = "cgroup",
                      .options = STRINGS("nosuid", "noexec", "nodev", "relatime", "ro")},
};

/*
 * What stands in their place for a user without privilege: only its own two ids are mapped, so no gid= of another
 * group; and only the owner of the network namespace may mount a new sysfs, so the host's is bound.
 */
static const struct oci_mount rootless_pts = {
    .destination = "/dev/pts",
    .type = "devpts",
    .source = "devpts",
    .options = STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")};
static const struct oci_mount rootless_sys = {.destination = "/sys",
                                              .type = "none",
                                              .source = "/sys",
                                              .options = STRINGS("rbind", "nosuid", "noexec", "nodev", "ro")};

static struct oci_device_rule device_rules[] = {{.allow = false, .has_allow = true, .access = "rwm"}};
static struct oci_resources resources = {.devices = ITEMS(device_rules)};

static struct oci_namespace namespaces[] = {
    {.type = OCI_NAMESPACE_TYPE_PID}, {.type = OCI_NAMESPACE_TYPE_NETWORK}, {.type = OCI_NAMESPACE_TYPE_IPC},
    {.type = OCI_NAMESPACE_TYPE_UTS}, {.type = OCI_NAMESPACE_TYPE_MOUNT},   {.type = OCI_NAMESPACE_TYPE_CGROUP},
};
static struct oci_namespace rootless_namespaces[] = {
    {.type = OCI_NAMESPACE_TYPE_PID},   {.type = OCI_NAMESPACE_TYPE_IPC},    {.type = OCI_NAMESPACE_TYPE_UTS},
    {.type = OCI_NAMESPACE_TYPE_MOUNT}, {.type = OCI_NAMESPACE_TYPE_CGROUP}, {.type = OCI_NAMESPACE_TYPE_USER},
};

static const struct oci_linux linux_default = {
    .namespaces = ITEMS(namespaces),
    .resources = &resources,
    .masked_paths =
        STRINGS("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"),
    .readonly_paths = STRINGS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"),
};

/* Root inside is `id` outside, and there is nobody else. */
static struct oci_id_mapping mapping_of(uint32_t id) {
    return (struct oci_id_mapping){
        .container_id = 0, .has_container_id = true, .host_id = id, .has_host_id = true, .size = 1, .has_size = true};
}

int berth_spec(bool rootless, char **json, struct berth_error *error) {
    struct oci_id_mapping uid = mapping_of(geteuid()), gid = mapping_of(getegid());
    struct oci_mount all[MOUNT_COUNT];
    struct oci_linux linux = linux_default;
    memcpy(all, mounts, sizeof all);
    if (rootless) {
        all[MOUNT_PTS] = rootless_pts;
        all[MOUNT_SYS] = rootless_sys;
        linux.namespaces = (struct oci_namespace_array)ITEMS(rootless_namespaces);
        linux.uid_mappings = (struct oci_id_mapping_array){.count = 1, .items = &uid};
        linux.gid_mappings = (struct oci_id_mapping_array){.count = 1, .items = &gid};
        linux.resources = NULL; /* limits need a cgroup that was delegated to the user */
    }
    struct oci_config config = {
        .oci_version = BERTH_SPEC_VERSION,
        .process = &process,
        .root = &root,
        .hostname = "berth",
        .mounts = ITEMS(all),
        .linux = &linux,
    };
    return document_text(OCI_DOCUMENT_CONFIG, &config, json, error);
}
