/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: a held source becomes a mount. Runs in init before pivot; source_reopen and held_source_at in the runtime,
 * too.
 */
#include "base/fd.h"
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The same file, opened in this mount namespace; the path may lead elsewhere here, so device and inode are compared. */
int source_reopen(const struct held_source *source, struct error *err) {
    struct stat st;
    own_fd fd = fd_open(source->path, O_PATH | (source->nofollow ? O_NOFOLLOW : 0));
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_sys(err, "open %s", source->path);
    if (st.st_dev != source->device || st.st_ino != source->inode || S_ISDIR(st.st_mode) != source->directory)
        return error_set(err, EXDEV, "%s is not the file that it was a moment ago", source->path);
    return fd_take(&fd);
}

struct held_source *held_source_at(const struct plan *plan, struct held *held, size_t index) {
    if (index == 0)
        return &held->rootfs;
    return held->mounts && index <= plan->mounts.count ? &held->mounts[index - 1] : NULL;
}

/* The new call is missing or forbidden: the classic calls do its work later, on an attached mount. */
static bool left_for_classic(int r) {
    return r == -ENOSYS || r == -EPERM || r == -EOPNOTSUPP;
}

int source_clone(struct held_source *source, struct error *err) {
    if (source->fd < 0 || source->detached)
        return 0;
    if (!source->own) {
        int fd = source_reopen(source, err);
        if (fd < 0)
            return fd;
        fd_drop(&source->fd);
        source->fd = fd;
        source->own = true;
    }
    own_fd tree = mount_clone(source->fd, source->recursive);
    if (tree >= 0 && source->node && mount_seclude(tree, HELD_NODE_FLAGS) < 0)
        return 0; /* without mount_setattr only an attached mount can be changed */
    if (tree < 0)
        return left_for_classic(tree) ? 0 : error_code(err, -tree, "clone %s%s", source->path, mount_hint(tree));
    fd_drop(&source->fd);
    source->fd = fd_take(&tree);
    source->detached = true;
    return 0;
}

int source_take(struct held *held, struct held_source *source, struct error *err) {
    if (!source->queued)
        return 0;
    int fd = fd_queue_take(&held->queue);
    if (fd < 0)
        return error_code(err, -fd, "take the descriptor of %s out of its queue", source->path);
    source->fd = fd;
    source->queued = false;
    return 0;
}

int source_keep(struct held *held, struct held_source *source, struct error *err) {
    if (held->queue.ends[1] == 0 || source->fd < 0)
        return 0;
    int r = fd_queue_put(&held->queue, &source->fd);
    if (r < 0)
        return error_code(err, -r, "keep the descriptor of %s (more mounts than the limit of open files allows)",
                          source->path);
    source->queued = true;
    return 0;
}

static int reach(struct held_source *source, bool entered, struct error *err) {
    source->own &= !entered; /* descriptors of the mount namespace that we have left are no use here */
    return source_clone(source, err);
}

int source_reach_all(struct init *init, struct error *err) {
    struct held *held = init->held;
    const bool entered = init->plan->namespaces.recipe.mounts_first;
    struct held_source *source;
    int r = reach(&held->null, entered, err);
    for (size_t i = 0; r == 0 && (source = held_source_at(init->plan, held, i)); i++) {
        const bool queued = source->queued;
        r = source_take(held, source, err);
        if (r == 0)
            r = reach(source, entered, err);
        if (r == 0 && queued)
            r = source_keep(held, source, err);
    }
    for (size_t i = 0; r == 0 && held->devices && i < init->plan->devices.count; i++)
        r = reach(&held->devices[i], entered, err);
    for (size_t i = 0; r == 0 && i < held->cgroup_count; i++)
        r = reach(&held->cgroups[i].source, entered, err);
    return r < 0 ? r : reach(&held->cgroup_unified, entered, err);
}

int source_move(struct held_source *source, int target_fd, int *mount_fd, struct error *err) {
    if (!source->detached || source->attached)
        return source_bind(source, target_fd, mount_fd, err);
    int r = mount_attach(source->fd, target_fd);
    if (r < 0)
        return error_code(err, -r, "bind %s%s", source->path, mount_hint(r));
    source->attached = true;
    *mount_fd = fd_take(&source->fd);
    return 0;
}

int source_bind(struct held_source *source, int target_fd, int *mount_fd, struct error *err) {
    int r;
    if (source->detached && !source->attached) {
        own_fd mounted = fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
        r = mounted < 0 ? -errno : mount_attach(source->fd, target_fd);
        if (r == 0)
            *mount_fd = fd_take(&mounted);
        source->attached = r == 0;
    } else {
        r = mount_bind_onto(source->fd, target_fd, source->recursive, mount_fd);
    }
    return r < 0 ? error_code(err, -r, "bind %s%s", source->path, mount_hint(r)) : 0;
}
