/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_files: directories and files of a cgroup file system, below one open mount; what cgroup.c, cgroup_v1.c and
 * cgroup_v2.c share. Private to them, except cgroup_files_check. Runs in life. Paths here are relative to the directory
 * descriptor and were checked by cgroup_files_check: no "..", no empty component. All functions return 0 or -errno and
 * set no text.
 */
#ifndef BERTH_KERNEL_CGROUP_FILES_H
#define BERTH_KERNEL_CGROUP_FILES_H

#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether an absolute path is fit to be a cgroup: one component at least, none empty, "." or "..", none over-long. */
bool cgroup_files_check(const char *path);

/* The length of the parent of the first `len` bytes of a relative path: "a/b" gives 1, "a" gives 0. */
size_t cgroup_files_parent(const char *path, size_t len);

/* Opens a mount point: O_PATH. Links are followed: a host may have cpu -> cpu,cpuacct. */
int cgroup_files_mount(const char *mount, int *out);

/* Opens a directory below it (O_PATH) without following links and without leaving the mount. */
int cgroup_files_open(int mount, const char *path, int *out);

/* One write(2) of the whole value: that is how these files take it. */
int cgroup_files_write(int dirfd, const char *file, const char *value);

/* The number behind "KEY " at the start of a line ("populated 1"); false when there is none. */
bool cgroup_files_number(const char *text, const char *key, uint64_t *out);

/*
 * mkdir -p, 0755. *made: the last component was not there before. Parents that are made here get the mark. A parent
 * that a concurrent removal takes away is made again.
 */
int cgroup_files_make(int mount, const char *path, bool *made);

/*
 * Removes a directory and every directory below it, the deepest first; needs no recursion and two descriptors however
 * deep they nest. EBUSY: processes are left in one of them. ETIMEDOUT: there are too many to be done by then; what is
 * removed stays removed. Gone already is success.
 */
int cgroup_files_remove(int mount, const char *path, int64_t deadline);
/* The directory alone: EBUSY also for one that has children. */
int cgroup_files_rmdir(int mount, const char *path);

/* Removes the parents of path, from the deepest up, for as long as they carry the mark and are empty. */
void cgroup_files_remove_parents(int mount, const char *path);

/* Takes the mark off all parents of path. */
void cgroup_files_unmark_parents(int mount, const char *path);

struct cgroup_pids {
    pid_t *items; /* 0 stands for a process that this pid namespace cannot see */
    size_t count, room;
};

#define own_pids own(cgroup_files_pids_drop) struct cgroup_pids
void cgroup_files_pids_drop(struct cgroup_pids *pids);

/* Visits the directory and all below it, each before its children; a negative return ends the walk and is returned. */
int cgroup_files_walk(int dirfd, int (*visit)(int dirfd, void *context), void *context);

/* Adds the processes of the directory and of all below it; a directory that vanishes meanwhile has none. */
int cgroup_files_pids(int dirfd, struct cgroup_pids *pids);

/* A monotonic clock for deadlines, milliseconds; what is left until one (0 when it has passed); a pause of 1 ms. */
int64_t cgroup_files_now(void);
int cgroup_files_left(int64_t deadline);
void cgroup_files_nap(void);

#endif
