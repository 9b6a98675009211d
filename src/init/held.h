/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held: what life has opened for the new process before it was born. No path is looked up after that, with one
 * exception that is checked: a source that could not be cloned as a detached tree in advance.
 */
#ifndef BERTH_INIT_HELD_H
#define BERTH_INIT_HELD_H

#include "kernel/file_limit.h"
#include "plan/plan.h"

#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A file or directory of the host to be bound into the container. Normally a detached tree, cloned in life: it can
 * cross into another mount namespace. An unprivileged caller cannot clone (EPERM), an old kernel neither (ENOSYS), and
 * bind sources are left to the new process where it has our rights, for the order of its mounts (life/hold.c):
 * then it is an O_PATH descriptor, and the new process opens `path` again in its own namespace and checks that it has
 * found the same device and inode. Where a user namespace is between it and us, life does that for it, in its mount
 * namespace (life/inside.h), and sends it the tree before it is placed.
 */
struct held_source {
    int fd; /* -1: nothing held */
    bool detached;
    bool inside; /* life clones it in the mount namespace of the new process, once that is born, if it may */
    bool directory;
    bool recursive; /* to be cloned with what is mounted below it */
    const char *path;
    dev_t device;
    ino_t inode;
};

/*
 * Of every mount of a node of the host: the device works, its mode, owner and times cannot be changed through it. Such
 * a mount is private: it has nothing to share, and CRIU (4.2) cannot restore two nodes with the same peers.
 */
#define HELD_NODE_FLAGS ((uint64_t)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC))

/* One v1 hierarchy for a mount of type "cgroup" without a cgroup namespace. */
struct held_cgroup {
    const char *name;        /* directory below the mount: "memory", "cpu,cpuacct", "systemd", "unified" */
    const char *controllers; /* "memory", "name=systemd"; "" for cgroup2 */
    struct held_source source;
};

/* exec: the container that a process is to be born into. */
struct held_container {
    int pidfd;           /* its init process */
    pid_t pid;           /* the same, as life sees it */
    uint64_t joins;      /* CLONE_NEW* of the namespaces that are not ours already */
    uint64_t joins_late; /* of these, what the new process itself joins once it is in its cgroup */
    int root;            /* its root directory where that is not the root of its mount namespace; else -1 */
    int cgroup;          /* cgroup2 directory to be born in; -1: none */
};

struct held {
    struct held_source rootfs;
    /* One a row of plan->mounts: binds, and what stands in for a file system that may not be mounted; fd -1 others. */
    struct held_source *mounts;
    /* One a row of plan->devices when the container is in a user namespace of its own, else NULL. */
    struct held_source *devices;
    struct held_source null; /* the host's /dev/null, checked; read-only when detached */
    int null_stream;         /* the same, opened through such a mount, for a standard stream; -1: none is that null */
    bool cgroup_frame;       /* for MOUNT_CGROUP: a tmpfs with a directory for each hierarchy; else cgroup2 itself */
    bool cgroup_foreign;     /* the container has no cgroup of its own: what it may see is not its to change */
    struct held_cgroup *cgroups; /* for the frame: the hierarchies in which the container has a cgroup of its own */
    size_t cgroup_count;
    /* The container's own cgroup2 directory, for where cgroup2 cannot be mounted ... */
    struct held_source cgroup_unified;
    bool cgroup_shared;       /* ... or, to be bound in any case, the caller's cgroup2 mount */
    int namespaces[NS_COUNT]; /* joined ones, -1 others */
    struct held_container container;
    int bundle;              /* working directory of hooks */
    unsigned preserved;      /* descriptors from 3 on that reach the container */
    struct file_limit files; /* to be given back to the payload */
    bool listen_fds;         /* LISTEN_FDS was handed on: LISTEN_PID is to be 1 */
};

/*
 * Root file system and mounts[], as HANDOFF_SOURCE counts them: 0, 1 and so on. NULL: there are no more.
 */
struct held_source *held_source_at(const struct plan *plan, struct held *held, size_t index);

#endif
