/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: everything that a create will do, as checked, immutable values. Made from the config alone (and a few facts
 * about the host), without privilege and without a side effect: what is wrong is refused here or never. Runs in life;
 * the init process reads it, after clone, as it stands. All of it lives in the arena that it was made in.
 */
#ifndef BERTH_PLAN_PLAN_H
#define BERTH_PLAN_PLAN_H

#include "base/arena.h"
#include "base/error.h"
#include "plan/devices.h"
#include "plan/filter.h"
#include "plan/hooks.h"
#include "plan/mounts.h"
#include "plan/namespaces.h"
#include "plan/process.h"
#include "plan/resources.h"
#include "plan/scope.h"

#include <stdbool.h>
#include <stddef.h>

struct oci_config;
struct oci_linux;
struct oci_process;

/* What the plan must know of the host; probed once by life. */
struct facts {
    bool unified;           /* resources go to cgroup2 */
    bool apparmor, selinux; /* are on */
};

/* What the caller said beside the config. */
struct plan_request {
    const char *id;
    const char *bundle; /* absolute */
    bool no_pivot;
    const char *keyring;                  /* name of the session keyring; NULL: the caller's is kept */
    bool systemd;                         /* the cgroup is a unit's */
    bool rootless;                        /* that of a user's manager */
    const char *const *extra_env;         /* NULL-terminated, for the process; NULL: none */
    const struct plan_mount *extra_mount; /* behind the config's own; NULL: none */
};

struct plan_sysctl {
    const char *path; /* below /proc/sys, "net/ipv4/ip_forward" */
    const char *key, *value;
    enum ns_kind kind; /* the namespace that it belongs to */
};

struct plan {
    const char *id, *bundle;
    const char *rootfs; /* absolute path on the host */
    bool rootfs_readonly;
    bool no_pivot;
    const char *keyring;  /* name of the session keyring; NULL: the caller's is kept */
    bool keyring_is_ours; /* exec: the container may have made it already */
    bool has_process;     /* create works without, start does not */
    const char *hostname, *domainname;
    const char *cgroups_path; /* NULL: berth chooses, or systemd's manager has it */
    struct plan_scope scope;  /* its unit is NULL without systemd */
    bool cgroup_delegated;    /* the cgroup becomes that of the process's user */
    struct plan_namespaces namespaces;
    struct plan_mounts mounts;
    const char *mount_label;        /* SELinux label of the files of what is mounted anew; NULL: none */
    const char *cover_data;         /* options of the tmpfs that covers masked directories */
    unsigned long root_propagation; /* MS_SLAVE | MS_REC and so on: of "/" in the container; 0: none asked for */
    struct plan_devices devices;
    struct plan_process process;
    struct plan_hooks hooks;
    struct plan_resources resources;
    struct plan_filter filter;                               /* set by life: it may come from a cache */
    const char *const *masked_paths, *const *readonly_paths; /* absolute, clean */
    size_t masked_count, readonly_count;
    bool has_personality;
    unsigned long personality; /* execution domain for personality(2) */
    const struct plan_sysctl *sysctls;
    size_t sysctl_count;
};

int plan_build(struct arena *arena, const struct oci_config *config, const struct facts *facts,
               const struct plan_request *request, struct plan *out, struct error *err);

/*
 * For one more process in a container that exists (exec): its process and personality, nothing else; `linux_section` is
 * the container's, may be NULL. `joins_user`: the container has another user namespace than the caller.
 */
int plan_build_exec(struct arena *arena, const struct oci_process *process, const struct oci_linux *linux_section,
                    const struct facts *facts, bool joins_user, const struct plan_request *request, struct plan *out,
                    struct error *err);

/* A container id: [A-Za-z0-9_+-][A-Za-z0-9_+.-]*, at most 1024 bytes... -EINVAL with "invalid container ID format". */
int plan_check_id(const char *id, struct error *err);

#endif
