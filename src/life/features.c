/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features: what this build honours, as runtime-spec features.md describes. The lists come from the tables that the
 * plan works with, so that they cannot promise more. Runs in life; needs no privilege. The kernel is asked in one
 * place, as the specification wants: seccomp.supportedFlags.
 */
#include "life/document.h"

#include "base/error.h"
#include "base/log.h"
#include "base/table.h"
#include "kernel/sys.h"
#include "life/images.h"
#include "plan/annotations.h"
#include "plan/hooks.h"
#include "plan/mounts.h"
#include "plan/namespaces.h"
#include "plan/process.h"
#include "plan/scope.h"

#include "version.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 128 /* room for the longest list, the mount options, to grow into */
#define ITEMS(array)                                                                                                   \
    { .count = TABLE_COUNT(array), .items = (array) }

/* linux.seccomp: what plan/filter.c compiles. SCMP_ACT_NOTIFY is not among it. */
static enum oci_seccomp_action actions[] = {
    OCI_SECCOMP_ACTION_ALLOW,       OCI_SECCOMP_ACTION_ERRNO, OCI_SECCOMP_ACTION_KILL,  OCI_SECCOMP_ACTION_KILL_PROCESS,
    OCI_SECCOMP_ACTION_KILL_THREAD, OCI_SECCOMP_ACTION_LOG,   OCI_SECCOMP_ACTION_TRACE, OCI_SECCOMP_ACTION_TRAP,
};
static enum oci_seccomp_operator operators[] = {
    OCI_SECCOMP_OPERATOR_EQ, OCI_SECCOMP_OPERATOR_GE, OCI_SECCOMP_OPERATOR_GT,        OCI_SECCOMP_OPERATOR_LE,
    OCI_SECCOMP_OPERATOR_LT, OCI_SECCOMP_OPERATOR_NE, OCI_SECCOMP_OPERATOR_MASKED_EQ,
};

static const struct seccomp_flag {
    enum oci_seccomp_flag flag;
    unsigned bit; /* what the kernel must know for it; 0: nothing */
    bool used;    /* berth passes it on: the others are accepted without effect */
} seccomp_flags[] = {
    {OCI_SECCOMP_FLAG_TSYNC, 0, true}, /* one thread loads the filter, all others come after it */
    {OCI_SECCOMP_FLAG_LOG, SECCOMP_FILTER_FLAG_LOG, true},
    {OCI_SECCOMP_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_SPEC_ALLOW, true},
    {OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV, 0, false}, /* without SCMP_ACT_NOTIFY it has no meaning */
};

/* Everything that the document points to. */
struct feature_set {
    const char *hooks[HOOK_POINT_COUNT];
    const char *mount_options[NAMES_MAX];
    enum oci_namespace_type namespaces[NS_COUNT];
    const char *capabilities[NAMES_MAX];
    enum oci_seccomp_arch archs[NAMES_MAX];
    enum oci_seccomp_flag known_flags[TABLE_COUNT(seccomp_flags)], supported_flags[TABLE_COUNT(seccomp_flags)];
    char libseccomp[32];
    struct oci_string_entry annotations[4];
    const char *unsafe_annotations[5];
    struct oci_features_cgroup cgroup;
    struct oci_features_seccomp seccomp;
    struct oci_features_switch off, on;
    struct oci_features_intel_rdt intel_rdt;
    struct oci_features_memory_policy memory_policy;
    struct oci_features_mount_extensions mount_extensions;
    struct oci_features_linux linux;
    struct oci_features document;
};

static void fill_common(struct feature_set *set) {
    struct oci_features *document = &set->document;
    document->oci_version_min = "1.0.0";
    document->oci_version_max = BERTH_SPEC_VERSION;
    for (int point = 0; point < HOOK_POINT_COUNT; point++)
        set->hooks[point] = hook_point_name((enum hook_point)point);
    document->hooks = (struct oci_string_array)ITEMS(set->hooks);
    size_t count = mounts_option_names(set->mount_options, NAMES_MAX);
    document->mount_options.count = count < NAMES_MAX ? count : NAMES_MAX;
    document->mount_options.items = set->mount_options;
    set->unsafe_annotations[0] = IMAGES_ANNOTATION; /* names a file that may make CRIU run programs */
    set->unsafe_annotations[1] = SCOPE_ANNOTATION;
    set->unsafe_annotations[2] = ANNOTATION_KEEP_GROUPS;
    set->unsafe_annotations[3] = ANNOTATION_HOOKS_STDOUT; /* names a file that is made and written to */
    set->unsafe_annotations[4] = ANNOTATION_HOOKS_STDERR;
    document->potentially_unsafe_config_annotations = (struct oci_string_array)ITEMS(set->unsafe_annotations);
    document->linux = &set->linux;
}

static void fill_annotations(struct feature_set *set) {
    const struct scmp_version *version = seccomp_version();
    snprintf(set->libseccomp, sizeof set->libseccomp, "%u.%u.%u", version->major, version->minor, version->micro);
    set->annotations[0] = (struct oci_string_entry){.key = "berth.commit", .value = BERTH_COMMIT};
    set->annotations[1] = (struct oci_string_entry){.key = "berth.version", .value = BERTH_VERSION};
    set->annotations[2] =
        (struct oci_string_entry){.key = "io.github.seccomp.libseccomp.version", .value = set->libseccomp};
    /* By this name engines look for it; whether criu is installed is another matter. */
    set->annotations[3] =
        (struct oci_string_entry){.key = "org.opencontainers.runc.checkpoint.enabled", .value = "true"};
    set->document.annotations = (struct oci_string_map)ITEMS(set->annotations);
}

static void fill_linux(struct feature_set *set) {
    struct oci_features_linux *linux = &set->linux;
    for (int kind = 0; kind < NS_COUNT; kind++)
        set->namespaces[kind] = oci_namespace_type_parse(ns_name((enum ns_kind)kind));
    linux->namespaces = (struct oci_namespace_type_array)ITEMS(set->namespaces);
    linux->capabilities.items = set->capabilities;
    for (const char *name; (name = process_cap_name((unsigned)linux->capabilities.count)) != NULL;)
        set->capabilities[linux->capabilities.count++] = name;
    set->cgroup = (struct oci_features_cgroup){.v1 = true,
                                               .has_v1 = true,
                                               .v2 = true,
                                               .has_v2 = true,
                                               .systemd = BERTH_HAS_SYSTEMD,
                                               .has_systemd = true,
                                               .systemd_user = BERTH_HAS_SYSTEMD,
                                               .has_systemd_user = true,
                                               .rdma = true,
                                               .has_rdma = true};
    linux->cgroup = &set->cgroup;
}

/* Whether the libseccomp in use knows the architecture, which it calls "x86_64" for SCMP_ARCH_X86_64. */
static bool arch_known(enum oci_seccomp_arch arch) {
    const char *name = oci_seccomp_arch_name(arch), *prefix = "SCMP_ARCH_";
    char lower[32];
    size_t len = 0;
    for (const char *c = name + strlen(prefix); *c && len < sizeof lower - 1; c++)
        lower[len++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    lower[len] = '\0';
    return seccomp_arch_resolve_name(lower) != 0;
}

/*
 * A flag that the kernel knows is accepted before the missing program is noticed (seccomp(2): EFAULT), another is
 * EINVAL and ENOSYS a kernel without any.
 */
static bool kernel_knows(const struct seccomp_flag *row) {
    int r = sys_seccomp_filter(row->bit, NULL);
    if (r != -EFAULT && r != -EINVAL && r != -ENOSYS)
        log_warning("features: whether the kernel has %s cannot be told, and it is left out: %s",
                    oci_seccomp_flag_name(row->flag), error_text(-r));
    return r == -EFAULT;
}

static void fill_seccomp(struct feature_set *set) {
    struct oci_features_seccomp *seccomp = &set->seccomp;
    *seccomp = (struct oci_features_seccomp){
        .enabled = true,
        .has_enabled = true,
        .actions = ITEMS(actions),
        .operators = ITEMS(operators),
        .archs = {.items = set->archs},
        .known_flags = {.items = set->known_flags},
        .supported_flags = {.items = set->supported_flags},
    };
    for (int arch = OCI_SECCOMP_ARCH_UNSET + 1; oci_seccomp_arch_name((enum oci_seccomp_arch)arch); arch++)
        if (arch_known((enum oci_seccomp_arch)arch))
            set->archs[seccomp->archs.count++] = (enum oci_seccomp_arch)arch;
    for (size_t i = 0; i < TABLE_COUNT(seccomp_flags); i++) {
        const struct seccomp_flag *row = &seccomp_flags[i];
        set->known_flags[seccomp->known_flags.count++] = row->flag;
        if (row->used && (!row->bit || kernel_knows(row)))
            set->supported_flags[seccomp->supported_flags.count++] = row->flag;
    }
    set->linux.seccomp = seccomp;
}

/* What is not there yet is said to be off, or an empty list: absent would mean that nobody knows. */
static void fill_missing(struct feature_set *set) {
    static enum oci_memory_policy_mode no_mode[1];
    static enum oci_memory_policy_flag no_flag[1];
    struct oci_features_linux *linux = &set->linux;
    set->off = (struct oci_features_switch){.enabled = false, .has_enabled = true};
    set->on = (struct oci_features_switch){.enabled = true, .has_enabled = true};
    linux->apparmor = linux->selinux = &set->on;
    linux->net_devices = &set->off;
    set->intel_rdt = (struct oci_features_intel_rdt){.has_enabled = true, .has_schemata = true, .has_monitoring = true};
    linux->intel_rdt = &set->intel_rdt;
    set->memory_policy.modes.items = no_mode;
    set->memory_policy.flags.items = no_flag;
    linux->memory_policy = &set->memory_policy;
    set->mount_extensions.idmap = &set->on;
    linux->mount_extensions = &set->mount_extensions;
}

int berth_features(char **json, struct berth_error *error) {
    struct feature_set set;
    memset(&set, 0, sizeof set);
    fill_common(&set);
    fill_annotations(&set);
    fill_linux(&set);
    fill_seccomp(&set);
    fill_missing(&set);
    return document_text(OCI_DOCUMENT_FEATURES, &set.document, json, error);
}
