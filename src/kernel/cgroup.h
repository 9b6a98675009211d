/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: the control groups of one container, in whichever world the host lives (cgroups(7)):
 *   legacy   v1 hierarchies below /sys/fs/cgroup
 *   hybrid   the same, and a cgroup2 mount at /sys/fs/cgroup/unified
 *   unified  cgroup2 at /sys/fs/cgroup
 * One set of verbs; cgroup_v1.c and cgroup_v2.c know the files, cgroup_files.c the directories. Runs in life.
 * Directories are opened beneath their mount without following links; no path given by a config can leave it.
 */
#ifndef BERTH_KERNEL_CGROUP_H
#define BERTH_KERNEL_CGROUP_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_HIERARCHIES_MAX 20

enum cgroup_world { CGROUP_NONE, CGROUP_LEGACY, CGROUP_HYBRID, CGROUP_UNIFIED };

struct cgroup_hierarchy {
    const char *controllers; /* "memory", "cpu,cpuacct", "name=systemd"; "" for cgroup2 */
    const char *mount;       /* where it is mounted, below CGROUP_ROOT */
    const char *own;         /* the caller's cgroup in it, absolute ("/" at the top); NULL: cgroup_locate looks it up */
    bool unified;            /* cgroup2 */
};

struct cgroup_host {
    enum cgroup_world world;
    size_t count;
    struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
};

/*
 * Looks at the host without reading mountinfo: statfs on CGROUP_ROOT, which is all on a unified host; else
 * /proc/self/cgroup and statfs on the directories named there. A host without any cgroup mount is CGROUP_NONE, not an
 * error. Strings are in the arena.
 */
int cgroup_host_probe(struct arena *arena, struct cgroup_host *out, struct error *err);

/* Whether cgroup2 is mounted at CGROUP_ROOT: 1, 0 or -errno. */
int cgroup_host_is_unified(struct error *err);

/*
 * The options of the host's cgroup2 ("nsdelegate,memory_recursiveprot"; Documentation/admin-guide/cgroup-v2.rst). They
 * are those of the last mount(2) of it anywhere: who mounts it without them, as CRIU does, takes them from the host.
 */
struct cgroup_options {
    char mount[128]; /* "": no cgroup2 that the caller sees */
    char text[256];
};
int cgroup_options_read(struct cgroup_options *out, struct error *err);
/* Puts them back where they are others now; in a cgroup namespace the kernel leaves them alone, in both cases. */
int cgroup_options_keep(const struct cgroup_options *options, struct error *err);

struct cgroup_dir {
    const char *controllers; /* as in the hierarchy */
    const char *mount;
    const char *path; /* below the mount, absolute */
    bool unified;
    int fd; /* O_PATH | O_DIRECTORY of the directory, owned by struct cgroup */
};

struct cgroup {
    enum cgroup_world world;
    size_t count;
    size_t refused; /* further rows behind `count`: directories that the caller may not make; fd: -errno, why */
    struct cgroup_dir dirs[CGROUP_HIERARCHIES_MAX];
};

#define CGROUP_INIT                                                                                                    \
    { .world = CGROUP_NONE }
void cgroup_drop(struct cgroup *group); /* closes the descriptors; removes nothing */
#define own_cgroup own(cgroup_drop) struct cgroup

/*
 * Says where a container's cgroup belongs, without touching anything: `cgroups_path` absolute: below each mount;
 * relative: below the caller's own cgroup; NULL or "": `id` beside that, as runc. On cgroup2 a relative path is beside
 * it, too: a cgroup that holds processes can pass no controller on. See config-linux.md "Cgroups Path". fds stay -1.
 * Parts that are empty or "." are dropped. Refuses a "..", an over-long name, a path without any name, and an own
 * cgroup outside of the cgroup namespace ("/../x") with EINVAL. CGROUP_NONE: a group without directories, which all
 * verbs below take.
 */
int cgroup_locate(struct arena *arena, const struct cgroup_host *host, const char *cgroups_path, const char *id,
                  struct cgroup *out, struct error *err);

/* Whether `controllers`, those of a hierarchy ("cpu,cpuacct"), has `controller`. */
bool cgroup_lists(const char *controllers, const char *controller);

/*
 * Rebuilds a struct cgroup from the (controllers, path) pairs of a state record; opens nothing that is gone (fd -1).
 * Hierarchies that are not mounted any more are left out. *out must be empty or dropped.
 */
int cgroup_open(struct arena *arena, const struct cgroup_host *host, const char *const *controllers,
                const char *const *paths, size_t count, struct cgroup *out, struct error *err);

/*
 * Makes and opens every directory of the located group (0755, umask applied), missing parents too; cpuset ancestors of
 * v1 get their parents' cpus and mems. On a unified host all controllers are enabled, as far as that is allowed; beside
 * v1 hierarchies cgroup_write enables each when it is first asked for. Parents that were missing are made with the
 * sticky bit, by which cgroup_remove of the last container below knows them and takes them away again. A directory that
 * exists already must hold no process (EBUSY, "container's cgroup is not empty: N process(es) found") and must not be
 * frozen ("container's cgroup unexpectedly frozen"). On failure everything that was made is removed again and all fds
 * are -1.
 */
int cgroup_make(struct cgroup *group, struct error *err);

/* Makes those directories of a made group again that somebody else has removed since. */
int cgroup_mend(struct cgroup *group, struct error *err);

/*
 * Writes down whose group it is, in the directory that answers for it; true if that could be done. `owner`: up to
 * CGROUP_OWNER_MAX bytes, unlike any other's, as the moment of creation. It is an extended attribute ("trusted.berth",
 * xattr(7)), which no container can write, and which takes CAP_SYS_ADMIN to read.
 */
#define CGROUP_OWNER_MAX 63
bool cgroup_claim(const struct cgroup *group, const char *owner);

/*
 * Whether the group is somebody else's by now: a container that has ended leaves its group to the next one. `claimed`:
 * cgroup_claim was true, so a group without the mark is another's as well. 1, 0 (also where nothing can be known), or
 * -errno.
 */
int cgroup_is_of_another(const struct cgroup *group, const char *owner, bool claimed, struct error *err);

/*
 * Takes those directories out of the group that are there and bear another name than the one that answers for it; how
 * many these were. `owner`: all of them, unless that one carries the owner's mark; NULL: the mark is not looked at.
 * *first: the first one as "MOUNT/PATH" in the arena, NULL if there is none (or no memory).
 */
size_t cgroup_leave_foreign(struct arena *arena, struct cgroup *group, const char *owner, const char **first);

/*
 * Whether a directory of the located group is there already: 1, 0 or -errno. *in_use: with a process in it or below, or
 * frozen.
 */
int cgroup_exists(const struct cgroup *group, bool *in_use, struct error *err);

/* Takes the mark off the group's parents where they have become systemd's: it looks after few of the v1 hierarchies. */
void cgroup_leave_parents(const struct cgroup *group);

/*
 * cgroup_make for a caller without privilege, who need not have a cgroup everywhere: a hierarchy in which it may not
 * make the directory, or move a process into it (cgroups(7), "Delegation containment"), leaves the group and is counted
 * as refused. cgroup_write then fails for its controllers and says why.
 */
int cgroup_make_permitted(struct cgroup *group, struct error *err);

/*
 * Writes `value` into `file` of the hierarchy that carries `controller` ("" = cgroup2 itself; cgroup2 also for every
 * controller that no v1 hierarchy has). On cgroup2 a missing file makes it enable the controller in the
 * cgroup.subtree_control of the ancestors first. A controller that is not mounted, not delegated or kept back by an
 * ancestor with processes, and a group that is gone: ENODEV with a text that names it and why. ENOENT: the controller
 * is there, the file is not.
 */
int cgroup_write(const struct cgroup *group, const char *controller, const char *file, const char *value,
                 struct error *err);
/* Reads a file of it: text cut of its trailing newline. Enables nothing: a controller that is not in use is ENOENT. */
int cgroup_read(const struct cgroup *group, const char *controller, const char *file, char *buffer, size_t size,
                struct error *err);

/* Opens a file of it for reading and poll(2), or "." for its directory: descriptor; errors as of cgroup_read. */
int cgroup_open_file(const struct cgroup *group, const char *controller, const char *file, struct error *err);
/* Whether cgroup2 has the controller's files ("" is cgroup2 itself): else they are those of v1, or there are none. */
bool cgroup_is_unified(const struct cgroup *group, const char *controller);

/* The descriptor for CLONE_INTO_CGROUP (clone3, Linux 5.7), borrowed: of the cgroup2 directory; -1 without one. */
int cgroup_clone_fd(const struct cgroup *group);

/* Moves a process into every directory; `cloned` leaves the cgroup2 one out (the process was cloned into it). */
int cgroup_enter(const struct cgroup *group, pid_t pid, bool cloned, struct error *err);

/*
 * Steps down into a sub-cgroup, which must exist: in the hierarchies named (`controllers`, comma separated), or with
 * NULL in all. `path` is below the group, a leading "/" means the group itself; "..", "." and links are refused.
 * ENODEV: no such hierarchy; ENOENT: no such cgroup. The path is kept in the arena.
 */
int cgroup_descend(struct arena *arena, struct cgroup *group, const char *controllers, const char *path,
                   struct error *err);

/*
 * Steps to where process `pid` is on cgroup2, if that is the group or below: a payload that manages sub-cgroups has
 * left the group itself, and a group with controllers for its children takes no process (EBUSY, cgroups(7)).
 */
int cgroup_follow(struct arena *arena, struct cgroup *group, pid_t pid, struct error *err);

/*
 * Puts the cgroup in which process `pid` is in the place of each directory that has been removed: a payload with the
 * right to has moved itself into another cgroup. Not the root cgroup of a hierarchy, where nothing would hold who is
 * moved there. ENODEV: which one has been removed, and why there is none in its place.
 */
int cgroup_replace_removed(struct arena *arena, struct cgroup *group, pid_t pid, struct error *err);

/* ENODEV with a text that names the first directory that has been removed. */
int cgroup_check_there(const struct cgroup *group, struct error *err);

/* Whether the group holds process `pid` where processes are frozen and listed: ENODEV, it has left, or it is gone. */
int cgroup_check_holds(const struct cgroup *group, pid_t pid, struct error *err);

/* All processes of the group and its descendants that the caller's pid namespace knows: arena array. */
int cgroup_processes(struct arena *arena, const struct cgroup *group, pid_t **pids, size_t *count, struct error *err);

/* *frozen: frozen now (freezer.state FROZEN or FREEZING, cgroup.events frozen 1). A group that is gone is not. */
int cgroup_frozen(const struct cgroup *group, bool *frozen, struct error *err);

/*
 * Freezes by cgroup.freeze, where that is not by the v1 freezer; waits up to 10 s and takes it back then (ETIMEDOUT),
 * or when the last process ends meanwhile (ESRCH). Thaws both. Stays frozen since an ancestor is: EBUSY. Nothing to
 * freeze by: ENODEV.
 */
int cgroup_freeze(const struct cgroup *group, bool freeze, struct error *err);

/* Thaws the group and, on v1, whatever its payload has frozen below it: a task that is frozen there cannot die. */
void cgroup_thaw_all(const struct cgroup *group);

/*
 * Sends `signal` to every process of the group; SIGKILL by cgroup.kill where the kernel has it (5.14), else the group
 * is frozen for that time, so that none forks away. A group that was frozen stays so (SIGKILL thaws the v1 freezer: a
 * task that it holds cannot even die).
 */
int cgroup_signal(const struct cgroup *group, int signal, struct error *err);

/*
 * Hands the cgroup2 directory over to a user, who may then make cgroups below it, and share out among them what this
 * one has: the directory and those of its files that /sys/kernel/cgroup/delegate names (cgroups(7), Linux 4.15). The
 * limits are not among them.
 */
int cgroup_delegate(const struct cgroup *group, uid_t uid, struct error *err);

/* How often the OOM killer struck in the group so far (oom_kill of memory.events, memory.oom_control); 0: unknown. */
unsigned long cgroup_oom_kills(const struct cgroup *group);

/* The group's own limit of memory in bytes; UINT64_MAX: it has none, or none that can be read. */
uint64_t cgroup_memory_limit(const struct cgroup *group);

/*
 * Removes the group, opened or merely located: kills what is left in it only when `kill` is set, waits for it to become
 * empty (cgroup.events by poll, v1 by pidfds) up to `deadline_ms`, removes sub-cgroups bottom-up, the directories, then
 * empty parents that carry our mark. What is gone already is success. Survivors: EBUSY naming pids; the other
 * hierarchies are removed all the same. A little time is worth it even for a container that has ended: Linux 6.18
 * takes a task off its cgroup a moment after its end is told.
 */
int cgroup_remove(const struct cgroup *group, bool kill, int deadline_ms, struct error *err);

#endif
