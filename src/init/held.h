/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held: what life has opened for the new process before it was born. No path of the host is looked up after that, with
 * one exception that is checked: a source that cannot be cloned from the descriptor held here is opened again by its
 * path (init/source.c), before anything is mounted on "/".
 */
#ifndef BERTH_INIT_HELD_H
#define BERTH_INIT_HELD_H

#include "init/hook.h"
#include "kernel/fd_queue.h"
#include "kernel/file_limit.h"
#include "plan/plan.h"

#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A file or directory of the host to be bound into the container. Before the container's root is attached it becomes a
 * detached tree, which can cross into another mount namespace (init/source.c):
 *   - cloned by life from its own mount namespace;
 *   - cloned by the new process while it still is in that namespace (spawn_recipe.mounts_first), in its turn among the
 *     mounts of the config, since mountinfo lists mounts by age (Linux 6.8);
 *   - cloned by life in the mount namespace of the new process (`inside`, life/inside.h), sent before it is placed;
 *   - without privilege for any of these, cloned by the new process in its own mount namespace: it opens `path` again
 *     there and checks that it has found the same device and inode.
 * Where open_tree(2) is missing or forbidden it stays an O_PATH descriptor, opened again in that namespace, too.
 */
struct held_source {
    int fd;        /* -1: nothing held */
    bool detached; /* a tree; else O_PATH */
    bool own;      /* O_PATH and of the mount namespace that the new process is in */
    bool prepared; /* a tree that has its flags and propagation */
    bool queued;   /* the descriptor waits in struct held's queue; fd is -1 meanwhile */
    bool attached; /* the tree is in its place: to be had once more by a clone only */
    bool inside;   /* life clones it in the mount namespace of the new process, once that is born, if it may */
    bool directory;
    bool recursive; /* to be cloned with what is mounted below it */
    bool node;      /* a device node: its mounts get HELD_NODE_FLAGS */
    bool stand_in;  /* of the host, for a file system that perhaps may not be mounted in a user namespace */
    bool nofollow;  /* a symbolic link at the end of `path` is the source itself */
    const char *path;
    dev_t device;
    ino_t inode;
    const char *beneath; /* instead of all that: a path in the container's root, resolved there in its turn */
    const char *link;    /* instead: a symbolic link to this is made at the destination */
    uint64_t mount_id;   /* of the mount that the row has made, or that covers it by now; 0: not known */
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

/* exec: the container that a process is to be born into. The process in between joins it. */
struct held_container {
    int pidfd;      /* its init process */
    pid_t pid;      /* the same, as life sees it */
    uint64_t joins; /* CLONE_NEW* of the namespaces that are not ours already */
    int root;       /* its root directory where that is not the root of its mount namespace; else -1 */
};

struct held {
    struct held_source rootfs;
    const char *rootfs_path; /* its path on the host, links resolved; "": not known */
    const char *rootfs_name; /* its path as the config has it, lexically clean */
    /* One a row of plan->mounts: binds, and what stands in for a file system that may not be mounted; fd -1 others. */
    struct held_source *mounts;
    /*
     * Where RLIMIT_NOFILE has no room for a descriptor a row: theirs wait here, in the order of the rows. Whoever goes
     * through the rows takes each out and may put it in again.
     */
    struct fd_queue queue;
    bool may_queue; /* nobody needs the descriptors but the new process */
    /* One a row of plan->devices when the container is in a user namespace of its own, else NULL. */
    struct held_source *devices;
    struct held_source null; /* the host's /dev/null, checked, or one like it; read-only when detached */
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
    int bundle; /* working directory of hooks */
    struct hook_output hook_output;
    unsigned preserved;      /* descriptors from 3 on that reach the container */
    struct file_limit files; /* to be given back to the payload */
};

/*
 * Root file system and mounts[], as HANDOFF_SOURCE counts them: 0, 1 and so on. NULL: there are no more.
 */
struct held_source *held_source_at(const struct plan *plan, struct held *held, size_t index);

#endif
