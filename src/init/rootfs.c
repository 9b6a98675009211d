/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs: the root of the container's file system tree: cut off from the host, attached, pivoted to, sealed. Runs in
 * init; needs CAP_SYS_ADMIN over the mount namespace.
 */
#include "base/fd.h"
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

/* A classic bind of "/" brings what is mounted over it along: the container's root must not be. */
static bool binds_top(const struct init *init) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    struct stat top;
    if (init->held->rootfs.detached || stat("/", &top) < 0)
        return false; /* every source is a tree by now */
    for (size_t i = 0; i < mounts->count; i++) {
        const struct held_source *source = &init->held->mounts[i];
        if (mounts->items[i].kind == MOUNT_BIND && source->recursive && source->device == top.st_dev &&
            source->inode == top.st_ino)
            return true;
    }
    return false;
}

/* Hooks look for the root at its path, and a mount namespace that is not ours must not get it over its "/". */
static bool attach_at_path(const struct init *init) {
    const struct plan *plan = init->plan;
    return binds_top(init) || plan->namespaces.modes[NS_MOUNT] != NS_NEW || plan->hooks.at[HOOK_PRESTART].count > 0 ||
           plan->hooks.at[HOOK_CREATE_RUNTIME].count > 0 || plan->hooks.at[HOOK_CREATE_CONTAINER].count > 0;
}

int rootfs_enter(struct init *init, struct error *err) {
    (void)init;
    char hint[NAMESPACE_HINT_SIZE];
    int r = unshare(CLONE_NEWNS) < 0 ? -errno : 0;
    return r < 0 ? error_code(err, -r, "make mount namespace%s", namespace_hint(r, CLONE_NEWNS, hint)) : 0;
}

int rootfs_isolate(struct init *init, struct error *err) {
    /* rslave: mounts of the host still come in, none of ours goes out. "shared" and the like are for the container's
     * own root and are set when it is in place (rootfs_propagation). */
    const unsigned long isolate = mounts_base_propagation(init);
    own_fd top = fd_open("/", O_PATH | O_DIRECTORY);
    int r = top < 0 ? -errno : mount_propagation(top, isolate);
    if (r == 0)
        return 0;
    return error_code(err, -r, "set propagation of / to %s%s", isolate & MS_PRIVATE ? "private" : "slave",
                      r == -EINVAL && mount_is_chrooted() ? " (berth runs in a chroot whose / is no mount point)" : "");
}

static int open_directory(const char *path) {
    int fd = fd_open(path, O_PATH | O_DIRECTORY);
    return fd < 0 ? -errno : fd;
}

int rootfs_attach(struct init *init, struct error *err) {
    struct held_source *source = &init->held->rootfs;
    own_fd target = open_directory(attach_at_path(init) ? source->path : "/");
    if (target < 0)
        return error_code(err, -target, "open %s", source->path);
    const unsigned long quiet = mounts_base_propagation(init);
    bool prepared = source->detached && mount_prepare(source->fd, 0, 0, true, quiet) == 0;
    int mounted = -1;
    int r = source_move(source, target, &mounted, err);
    if (r < 0)
        return error_wrap(err, "rootfs %s", source->path);
    if (mounted < 0) /* a classic bind lies where its path leads */
        mounted = open_directory(attach_at_path(init) ? source->path : "/..");
    if (mounted < 0)
        return error_code(err, -mounted, "open rootfs %s", source->path);
    init->root.fd = mounted;
    r = prepared ? 0 : mount_propagation(mounted, quiet);
    return r < 0 ? error_code(err, -r, "set propagation of rootfs %s", source->path) : 0;
}

/*
 * pivot_root(".", "."): the old root ends up on top of the new one and is taken off at once (pivot_root(2), NOTES);
 * no directory in the container is needed for it.
 */
static int pivot(struct init *init, struct error *err) {
    own_fd old = fd_open("/", O_PATH | O_DIRECTORY);
    if (old < 0 || fchdir(init->root.fd) < 0)
        return error_sys(err, "enter rootfs");
    int r = sys_pivot_root(".", ".");
    if (r < 0)
        return error_code(err, -r, "pivot_root to %s%s", init->plan->rootfs,
                          r == -EINVAL ? " (a root on a ramfs needs --no-pivot)" : "");
    if (fchdir(old) < 0)
        return error_sys(err, "enter old root");
    r = sys_umount2(".", SYS_UMOUNT_DETACH);
    return r < 0 ? error_code(err, -r, "unmount old root") : 0;
}

/* The way without pivot_root: what lies beneath stays, so at least no unmasked /proc or /sys of the host may. */
static int move_root(struct init *init, struct error *err) {
    static const char *const exposed[] = {"/proc", "/sys"};
    for (size_t i = 0; init->plan->no_pivot && i < sizeof exposed / sizeof *exposed; i++) {
        int r = sys_umount2(exposed[i], SYS_UMOUNT_DETACH);
        if (r < 0 && r != -EINVAL && r != -ENOENT)
            return error_code(err, -r, "unmount %s of the host", exposed[i]);
    }
    if (fchdir(init->root.fd) < 0)
        return error_sys(err, "enter rootfs");
    if (init->plan->no_pivot && attach_at_path(init)) {
        int r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
        if (r < 0)
            return error_code(err, -r, "move rootfs to /");
    }
    return chroot(".") < 0 ? error_sys(err, "chroot") : 0;
}

int rootfs_pivot(struct init *init, struct error *err) {
    /* pivot_root would change the root of everybody else in a namespace that is not ours alone. */
    bool can_pivot = !init->plan->no_pivot && init->plan->namespaces.modes[NS_MOUNT] == NS_NEW;
    int r = can_pivot ? pivot(init, err) : move_root(init, err);
    if (r < 0)
        return r;
    return chdir("/") < 0 ? error_sys(err, "enter /") : 0;
}

int rootfs_seal(struct init *init, struct error *err) {
    if (!init->plan->rootfs_readonly)
        return 0;
    int r = mount_change(init->root.fd, MOUNT_ATTR_RDONLY, 0, false);
    return r < 0 ? error_code(err, -r, "make rootfs read-only") : 0;
}

int rootfs_propagation(struct init *init, struct error *err) {
    unsigned long wanted = init->plan->root_propagation;
    if (!(wanted & (MS_SHARED | MS_UNBINDABLE)))
        return 0; /* private and slave are what it is already */
    int r = mount_propagation_root(wanted);
    return r < 0 ? error_code(err, -r, "set propagation of the container's root") : 0;
}
