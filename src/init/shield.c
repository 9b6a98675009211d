/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shield: masked and read-only paths. Runs in init before pivot. A file is covered by the null device that life has
 * opened and checked: one inside the container could be anything (CVE-2025-31133). The mount is read-only, so mode,
 * owner and times stay the host's. Directories are covered by one empty read-only tmpfs that all of them share. A path
 * that does not exist is skipped.
 */
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>

static int note(struct error *err, const char *what, size_t index, const char *path) {
    char place[48];
    snprintf(place, sizeof place, "/linux/%s/%zu", what, index);
    return error_blame(err, NULL, place, "%s (%s[%zu])", path, what, index);
}

/* Whether that is the root of the container. A mount there has no effect: the container's processes are below it. */
static bool is_root(const struct init *init, int target) {
    struct stat st, top;
    uint64_t id, root;
    if (fstat(target, &st) < 0 || !S_ISDIR(st.st_mode) || fstat(init->root.fd, &top) < 0 || st.st_dev != top.st_dev ||
        st.st_ino != top.st_ino)
        return false;
    return sys_mount_id(target, &id) < 0 || sys_mount_id(init->root.fd, &root) < 0 || id == root;
}

/*
 * Covers target with the mount behind *cover, which is detached the first time; later ones are copies of it.
 */
static int cover(int *mount, bool *attached, int target, struct error *err) {
    own_fd copy = -1;
    int use = *mount;
    if (*attached) {
        copy = mount_clone(*mount, false);
        if (copy < 0)
            return error_code(err, -copy, "clone cover");
        use = copy;
    }
    int r = mount_attach(use, target);
    if (r < 0)
        return error_code(err, -r, "cover");
    *attached = true;
    return 0;
}

struct covers {
    int null, empty;
    bool null_attached, empty_attached;
};

static int mask_directory(const struct init *init, struct covers *covers, int target, struct error *err) {
    const struct mount_new new = {.type = "tmpfs",
                                  .source = "tmpfs",
                                  .data = init->plan->cover_data,
                                  .attributes =
                                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    int r = covers->empty < 0 ? mount_detached(&new, &covers->empty, err) : 0;
    if (r == 0)
        r = cover(&covers->empty, &covers->empty_attached, target, err);
    if (r != -ENOSYS && r != -EPERM)
        return r;
    own_fd fd = -1; /* one for each, where no detached mount or no copy of it can be had */
    return mount_filesystem(&new, target, &fd, err);
}

static int mask_path(struct init *init, struct covers *covers, const char *path, struct error *err) {
    struct stat st;
    const struct root base = init_base(init, &path);
    own_fd target = resolve_path(base, path, 0);
    if (target == -ENOENT || target == -ENOTDIR)
        return 0;
    if (target < 0 || fstat(target, &st) < 0)
        return error_code(err, target < 0 ? -target : errno, "open");
    if (S_ISDIR(st.st_mode) && is_root(init, target))
        return error_set(err, EINVAL, "the container's root cannot be masked");
    if (S_ISDIR(st.st_mode))
        return mask_directory(init, covers, target, err);
    if (init->held->null.detached)
        return cover(&covers->null, &covers->null_attached, target, err);
    if (init->held->null.fd < 0)
        return error_set(err, ENOENT, "the host has no /dev/null that would cover this file, and none could be made");
    own_fd mounted = -1;
    int r = source_bind(&init->held->null, target, &mounted, err);
    if (r == 0 && mounted < 0)
        mounted = resolve_path(base, path, 0);
    if (r == 0)
        r = mounted < 0 ? mounted : mount_seclude(mounted, HELD_NODE_FLAGS);
    return r < 0 ? error_code(err, -r, "cover") : 0;
}

int shield_masked(struct init *init, struct error *err) {
    struct covers covers = {.null = init->held->null.fd, .empty = -1};
    int r = 0;
    for (size_t i = 0; r == 0 && i < init->plan->masked_count; i++) {
        r = mask_path(init, &covers, init->plan->masked_paths[i], err);
        if (r < 0)
            r = note(err, "maskedPaths", i, init->plan->masked_paths[i]);
    }
    fd_drop(&covers.empty);
    return r;
}

static int protect_path(struct init *init, const char *path, struct error *err) {
    const struct root base = init_base(init, &path);
    own_fd target = resolve_path(base, path, 0);
    if (target == -ENOENT || target == -ENOTDIR)
        return 0;
    if (target < 0)
        return error_code(err, -target, "open");
    own_fd covered = -1;
    const bool root = is_root(init, target);
    int r = root ? 0 : mount_bind_onto(target, target, true, &covered);
    if (r < 0)
        return error_code(err, -r, "bind onto itself");
    if (root)
        covered = fd_take(&target);
    if (covered < 0)
        covered = resolve_path(base, path, 0);
    /* Of the root its own mount alone, as root.readonly and the peers: what is mounted there may be for writing. */
    r = covered < 0 ? covered : mount_change(covered, MOUNT_ATTR_RDONLY, 0, !root);
    return r < 0 ? error_code(err, -r, "make read-only") : 0;
}

int shield_readonly(struct init *init, struct error *err) {
    for (size_t i = 0; i < init->plan->readonly_count; i++)
        if (protect_path(init, init->plan->readonly_paths[i], err) < 0)
            return note(err, "readonlyPaths", i, init->plan->readonly_paths[i]);
    return 0;
}
