/* SPDX-License-Identifier: Apache-2.0 */
/* process: its section as numbers, masks and NULL-terminated vectors. Pure. runtime-spec config.md "Process". */
#ifndef BERTH_PLAN_PROCESS_H
#define BERTH_PLAN_PROCESS_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct oci_process;
struct oci_string_array;

struct plan_rlimit {
    int resource;      /* RLIMIT_* */
    const char *name;  /* "NOFILE" */
    const char *place; /* in the config, as "/process/rlimits/0" */
    uint64_t soft, hard;
};

/* A set of processors as sched_setaffinity(2) takes it. */
#define PLAN_CPUS_MAX 8192 /* the most that Linux can be built for (CONFIG_NR_CPUS) */
struct plan_cpus {
    unsigned long bits[PLAN_CPUS_MAX / (8 * sizeof(unsigned long))];
};

enum cap_set {
    CAP_SET_BOUNDING,
    CAP_SET_EFFECTIVE,
    CAP_SET_INHERITABLE,
    CAP_SET_PERMITTED,
    CAP_SET_AMBIENT,
    CAP_SET_COUNT
};

struct plan_process {
    const char *const *args; /* NULL-terminated, not empty */
    /*
     * NULL-terminated; of entries with one name the last counts. env_home is the index of a spare entry in front of
     * the NULL where the init process puts HOME when the config names none (or an empty one); -1 when it does.
     */
    const char **env;
    int env_home;
    const char *path; /* the value of PATH in env; the default search path when there is none */
    const char *cwd;
    uint32_t uid, gid;
    const gid_t *groups;
    size_t group_count;
    bool keep_groups; /* those of berth's caller instead; set from an annotation, process_plan does not know of it */
    mode_t umask;
    uint64_t caps[CAP_SET_COUNT]; /* all empty where the config has none, as with runc */
    const struct plan_rlimit *rlimits;
    size_t rlimit_count;
    bool no_new_privs;
    bool terminal;
    uint16_t rows, columns; /* 0: as the kernel makes it */
    bool has_oom_score_adj;
    int oom_score_adj;
    const char *apparmor_profile, *selinux_label; /* NULL: none asked for */
    /* execCPUAffinity, for exec alone: before it enters the container's cgroup, and there; NULL: not given. */
    const struct plan_cpus *cpus_initial, *cpus_final;
};

/* `extra_env`: NULL-terminated entries of berth's own (LISTEN_FDS...), which come last and so win; may be NULL.
 * Refuses what config.md calls an error; unknown capabilities are warnings (config.md: "SHOULD NOT fail"). */
int process_plan(struct arena *arena, const struct oci_process *process, const char *const *extra_env,
                 struct plan_process *out, struct error *err);

/* A list as "0-3,7" (cpuset(7), "List format"); -EINVAL with the place for anything else, ERANGE beyond the last. */
int process_plan_cpus(struct arena *arena, const char *list, const char *place, const struct plan_cpus **out,
                      struct error *err);

/* The mask of a list of names; `place` for the warning about an unknown one. */
uint64_t process_cap_mask(const struct oci_string_array *names, const char *place);
/* Whether a name, in capital or small letters, is that of a capability. */
bool process_cap_known(const char *name);
/* Warns of capabilities that their set alone does not grant. */
void process_warn_caps(const uint64_t caps[static CAP_SET_COUNT]);
/* The capability that a misspelt name was probably meant to be, or NULL. */
const char *process_cap_nearest(const char *name);
/* "CAP_CHOWN" of 0, NULL beyond the last one known. */
const char *process_cap_name(unsigned cap);
/* "CAP_CHOWN, CAP_KILL" of a mask; "" of none that is known. Cut where it does not fit. Returns text. */
const char *process_cap_list(uint64_t mask, char *text, size_t size);

#endif
