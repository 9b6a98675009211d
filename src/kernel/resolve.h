/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve: a path inside a root, to a file descriptor. Links, "..", and absolute targets stay inside, magic links
 * (/proc/self/fd/N) are refused. openat2(2) (Linux 5.6); where it is missing or forbidden (ENOSYS, or EPERM from a
 * seccomp filter) a walker of our own takes one component after the other. Runs in life and in init before and after
 * pivot; needs no privilege, allocates nothing.
 */
#ifndef BERTH_KERNEL_RESOLVE_H
#define BERTH_KERNEL_RESOLVE_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* A directory that nothing resolved below it can leave. The fd is O_PATH. */
struct root {
    int fd;
};

enum resolve_flags {
    RESOLVE_DIRECTORY = 1,      /* the result must be a directory */
    RESOLVE_NO_LINK_AT_END = 2, /* a symbolic link as last component is the result itself, not followed */
    RESOLVE_NO_LINKS = 4        /* no symbolic link anywhere in the path: ELOOP */
};

/* Resolves an existing `path`; the O_PATH | O_CLOEXEC descriptor or -errno. */
int resolve_path(struct root root, const char *path, unsigned flags);

/* The same, opened with `open_flags` (O_RDONLY...) instead of O_PATH. */
int resolve_open(struct root root, const char *path, int open_flags);

enum resolve_make { RESOLVE_MAKE_DIRECTORY, RESOLVE_MAKE_FILE };

/*
 * Resolves `path` and makes what is missing: directories 0755 on the way, at the end a directory or an empty regular
 * file (0644). A symbolic link whose target is missing is followed inside the root, and the target made, as a shell's
 * mkdir -p in a chroot would; ELOOP is for a loop only. Every component is made with mkdirat or O_EXCL and opened again
 * without following links, so that a racing peer can at most lead the walk elsewhere in the root (CVE-2024-45310). What
 * exists at the end is taken as it is. `flags`: enum resolve_flags. O_PATH descriptor or -errno.
 */
int resolve_make(struct root root, const char *path, enum resolve_make what, unsigned flags);

/*
 * Resolves the parent of `path` (making it when `make`) and gives the last component: for mknodat, symlinkat and
 * unlinkat. *name points into path. O_PATH descriptor of the parent or -errno; -EINVAL for "/" and names like "..".
 */
int resolve_parent(struct root root, const char *path, bool make, const char **name);

/*
 * The directory and the name that `path` leads to, which may be missing: links are followed inside the root, at the end
 * too, and directories on the way are made. O_PATH descriptor of the directory or -errno; -EINVAL where the path ends
 * in a directory that has no name ("/", "..").
 */
int resolve_place(struct root root, const char *path, char name[static NAME_MAX + 1]);

/*
 * Whether the way to `path` leads into `directory`, by whatever name and whatever links, and goes on inside. `rest` is
 * then the part of the path behind the directory, not resolved yet. `flags`: enum resolve_flags.
 */
bool resolve_meets(struct root root, const char *path, unsigned flags, const struct stat *directory,
                   char rest[static PATH_MAX]);

/* Test hook: true forces the walker although openat2 works. */
void resolve_force_walker(bool force);

#endif
