/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: the new process, from its birth to the exec of the payload. It performs the plan as a table of steps
 * (steps.c), parses nothing, allocates nothing, and never returns.
 */
#ifndef BERTH_INIT_INIT_H
#define BERTH_INIT_INIT_H

#include "base/error.h"
#include "init/held.h"
#include "kernel/procfs.h"
#include "kernel/resolve.h"
#include "plan/plan.h"

#include <limits.h>

enum { GUARDED_PROC, GUARDED_SYS, GUARDED_COUNT };

struct init {
    const struct plan *plan;
    struct held *held; /* our own copy: enter_arrive puts in what life sends */
    int channel;       /* handoff with life; what fails is reported there */
    int gate; /* create: the listening socket that `start` connects to; run: -1, START comes over the channel */
    bool unprivileged;  /* life is an ordinary user's */
    bool wait_placed;   /* life has ids to map or cgroups to enter before we may go on */
    int runtime_root;   /* "/" of the runtime, where another mount namespace is joined and hooks need it; else 0 */
    struct root root;   /* the container's root mount */
    struct procfs proc; /* a procfs of ours: the container's own or a private one; -1 until it is needed */
    bool debug;         /* life wants a line for each step */
    bool cgroup_made;   /* the first cgroup row of mounts[] has its trees; another one is made in its place */
    int guarded[GUARDED_COUNT]; /* the mounts on /proc and /sys, see init_base; 0: none */
    int console;                /* slave of the container's terminal, -1 without */
    int terminal;               /* its master until it is sent to life, -1 else */
    int state_fd;               /* state for startContainer hooks, -1 without */
    bool in_cwd;                /* the working directory is entered */
    uint64_t spare_caps;        /* effective beyond the plan's until the seccomp filter is loaded */
    char program[PATH_MAX];     /* the payload, found by then */
    char home[PATH_MAX + 6];    /* "HOME=..." */
};

/* The whole life of the new process. */
_Noreturn void init_main(struct init *init);

/* One more process of a container that exists (exec): what the process in between does for it ... */
int init_enter(struct init *init, struct error *err);
/* ... and its whole life. */
_Noreturn void init_exec(struct init *init);

/*
 * Closes every descriptor from 3 on but those that the payload shall have and the listed ones (-1 among them is none).
 * Sorts `keep`.
 */
void init_close_others(const struct init *init, int *keep, size_t count);

/* Sends a warning to life; it cannot fail the create. */
void init_warn(const struct init *init, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line for --debug, in the same way; nothing where nobody wants it. */
void init_debug(const struct init *init, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Where a path of the container is resolved from, *path becomes the rest: below /proc and /sys from the mounts that
 * were made there, else from the root. Whoever can write in the root file system meanwhile (another container that
 * shares it) may put other directories in their place: what is mounted or masked in there must hit the true ones all
 * the same.
 */
struct root init_base(const struct init *init, const char **path);

/* A /proc to be trusted, opened when first asked for. */
int init_procfs(struct init *init, struct error *err);

/* Steps, in files by subject; each returns 0 or fails with a text that says what and why. */
/* enter.c: becoming a member of the container */
int enter_arrive(struct init *init, struct error *err);
int enter_join(struct init *init, struct error *err);
/* Joins all that are to be joined; also for between.c. */
int enter_namespaces(struct init *init, struct error *err);
int enter_become_root(struct init *init, struct error *err);
int enter_late_namespaces(struct init *init, struct error *err);
int enter_container(struct init *init, struct error *err); /* exec: its namespaces and its root */
int enter_placed(struct init *init, struct error *err);    /* exec: waits until life has moved us, if it has to */
int enter_session(struct init *init, struct error *err);
int enter_affinity(struct init *init, struct error *err);
int enter_keyring(struct init *init, struct error *err);
int enter_loopback(struct init *init, struct error *err);
/* mounts.c: mounts[], first as detached trees, then in their places */
int mounts_make(struct init *init, struct error *err);
int mounts_place(struct init *init, struct error *err);
int mounts_seal(struct init *init, struct error *err);
/* What cuts a mount of the host off: MS_SLAVE or MS_PRIVATE, with MS_REC. */
unsigned long mounts_base_propagation(const struct init *init);
/* rootfs.c: the container's file system tree */
int rootfs_enter(struct init *init, struct error *err);
int rootfs_isolate(struct init *init, struct error *err);
int rootfs_attach(struct init *init, struct error *err);
int rootfs_pivot(struct init *init, struct error *err);
int rootfs_seal(struct init *init, struct error *err);
int rootfs_propagation(struct init *init, struct error *err);
/* cgroup_mount.c: one row of mounts[] with type "cgroup" */
int cgroup_mount_make(struct init *init, const struct plan_mount *mount, struct error *err);
int cgroup_mount_place(struct init *init, const struct plan_mount *mount, int target, struct error *err);
/* furnish.c: devices, links, the terminal */
int furnish_devices(struct init *init, struct error *err);
int furnish_links(struct init *init, struct error *err);
int furnish_console(struct init *init, struct error *err);
int furnish_terminal(struct init *init, struct error *err); /* exec: the terminal alone, not /dev/console ... */
int furnish_hand_on(struct init *init, struct error *err);  /* ... and sends it to life */
int furnish_stdio(struct init *init, struct error *err);
int furnish_adopt(struct init *init, struct error *err); /* makes the terminal the session's, at 0, 1 and 2 */
/* shield.c */
int shield_masked(struct init *init, struct error *err);
int shield_readonly(struct init *init, struct error *err);
/* identity.c: names, limits, credentials */
int identity_hostname(struct init *init, struct error *err);
int identity_sysctl(struct init *init, struct error *err);
int identity_rlimits(struct init *init, struct error *err);
int identity_file_limit(struct init *init, struct error *err);
int identity_personality(struct init *init, struct error *err);
int identity_label(struct init *init, struct error *err);
int identity_no_new_privs(struct init *init, struct error *err);
int identity_user(struct init *init, struct error *err);
int identity_make_cwd(struct init *init, struct error *err);
int identity_root_cwd(struct init *init, struct error *err); /* enters it before the user changes, if it may */
int identity_user_cwd(struct init *init, struct error *err); /* enters it now, unless it is entered */
/* gate.c and launch.c: what life asks, and the payload */
int gate_runtime_hooks(struct init *init, struct error *err);
int gate_ready(struct init *init, struct error *err);
int gate_wait(struct init *init, struct error *err);
int gate_told(struct init *init, struct error *err); /* exec: from here on the end of the channel is the exec */
int gate_descriptors(struct init *init, struct error *err);
int launch_lookup(struct init *init, struct error *err);
int launch_start_hooks(struct init *init, struct error *err);
int launch_filter(struct init *init, struct error *err);
int launch_final_caps(struct init *init, struct error *err);
int launch_exec(struct init *init, struct error *err);

/* source.c: a held source as a mountable thing in this process's mount namespace */
/* O_PATH descriptor of the same file, by its path as this process sees it; -EXDEV: another one lies there now. */
int source_reopen(const struct held_source *source, struct error *err);
/* Makes a detached tree of it where the kernel can. While host paths still mean the host, for all but source_bind. */
int source_clone(struct held_source *source, struct error *err);
/* The descriptor of a row of mounts[] out of the queue, and in again. Nothing where it does not wait there. */
int source_take(struct held *held, struct held_source *source, struct error *err);
int source_keep(struct held *held, struct held_source *source, struct error *err);
/* The last look at host paths: whatever is held is from here on of the mount namespace that we are in. */
int source_reach_all(struct init *init, struct error *err);
/* Attaches it on target_fd. *mount_fd: root of the new mount, -1 when a classic bind did it (resolve anew). */
int source_bind(struct held_source *source, int target_fd, int *mount_fd, struct error *err);
/* The same for the last time: what is held of the source becomes the descriptor of the mount. */
int source_move(struct held_source *source, int target_fd, int *mount_fd, struct error *err);

#endif
