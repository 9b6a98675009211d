/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts: mounts[] as typed operations, and the table of every mount option. Pure.
 * runtime-spec config.md "Mounts" and config-linux.md "Linux mount options"; mount(8), mount_setattr(2), fsconfig(2).
 */
#ifndef BERTH_PLAN_MOUNTS_H
#define BERTH_PLAN_MOUNTS_H

#include "base/arena.h"
#include "base/error.h"
#include "plan/namespaces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_config;

enum mount_kind {
    MOUNT_FILESYSTEM, /* a new instance of a file system: fsopen, fsconfig, fsmount */
    MOUNT_BIND,       /* a tree of the host */
    MOUNT_CGROUP,     /* type "cgroup": whatever the host's cgroup world is */
    MOUNT_REMOUNT     /* option "remount": changes the flags of what is mounted there already */
};

enum mount_idmap { MOUNT_IDMAP_NONE, MOUNT_IDMAP_ONE, MOUNT_IDMAP_TREE };

#define MOUNT_PROPAGATIONS_MAX 4

/* Attributes to set and to clear (MOUNT_ATTR_*); `clear` has the whole MOUNT_ATTR__ATIME when an atime mode is set. */
struct mount_flags {
    uint64_t set, clear;
    bool spare_noatime; /* norelatime and nostrictatime take away their own mode only: a noatime mount stays so */
};

struct plan_mount {
    enum mount_kind kind;
    unsigned index;          /* row in mounts[], for messages */
    const char *destination; /* absolute, lexically clean */
    const char *source;      /* file systems: the name to show; binds: absolute path on the host */
    const char *type;
    const char *data;         /* options of the file system itself, comma-joined; NULL: none */
    bool recursive;           /* rbind */
    struct mount_flags flags; /* of this mount */
    struct mount_flags tree;  /* "rro" and its like: of the whole tree */
    unsigned long superblock; /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME to set */
    bool classic; /* needs mount(2): MS_I_VERSION, MS_SILENT or a cleared superblock flag have no fsconfig name */
    unsigned long classic_flags;                       /* MS_I_VERSION, MS_SILENT */
    unsigned long propagation[MOUNT_PROPAGATIONS_MAX]; /* MS_SHARED [| MS_REC] ..., applied one after another; 0 ends */
    bool copy_up;                                      /* tmpcopyup: the tmpfs starts with what it covers */
    bool copy_symlink;      /* a source that is a symbolic link is copied to the destination, not bound */
    bool source_nofollow;   /* a source that is a symbolic link is itself bound */
    bool dest_nofollow;     /* a symbolic link at the destination is itself mounted over */
    enum mount_idmap idmap; /* ids of the source appear mapped (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12) */
    const struct plan_id_mapping *uids, *gids; /* for idmap; none: those of the container's user namespace */
    size_t uid_count, gid_count;
};

struct plan_mounts {
    const struct plan_mount *items;
    size_t count;
    bool has_remount;
    bool dev_is_bind; /* /dev is a bind of the caller's making: no device, no link is made in it */
};

/*
 * `bundle` is absolute: relative bind sources belong below it. `label`: the SELinux label of files on new file systems;
 * NULL: none. `extra`: one more mount, of berth's own; NULL: none.
 */
int mounts_plan(struct arena *arena, const struct oci_config *config, const char *bundle,
                const struct plan_namespaces *namespaces, const char *label, const struct plan_mount *extra,
                struct plan_mounts *out, struct error *err);

/* The option "context=LABEL" (mount(8)) as a file system's data, commas escaped as struct mount_new wants; NULL: no
 * memory. */
const char *mounts_context(struct arena *arena, const char *label);

/* The names of all options that are honoured; returns how many there are, writes at most `max`. */
size_t mounts_option_names(const char **names, size_t max);

/*
 * Cleans a destination: absolute, without ".", "..", doubled or trailing slashes ("..": as in a root, it cannot leave).
 * A relative one counts from "/" (deprecated by the spec). NULL: out of memory.
 */
char *mounts_clean_path(struct arena *arena, const char *path);

/* Whether a bind or mount below /proc is one of the few that LXCFS and its like need. `path` is clean. */
bool mounts_proc_allowed(const char *path);

#endif
