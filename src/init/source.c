/* SPDX-License-Identifier: Apache-2.0 */
/* source: binding what life held. Runs in init before pivot; source_reopen and held_source_at in life, too. */
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The same file, opened in this mount namespace; the path may lead elsewhere here, so device and inode are compared. */
int source_reopen(const struct held_source *source, struct error *err) {
    struct stat st;
    own_fd fd = open(source->path, O_PATH | O_CLOEXEC);
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

int source_bind(const struct held_source *source, int target_fd, bool recursive, int *mount_fd, struct error *err) {
    int r;
    if (source->detached) {
        own_fd mounted = fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
        r = mounted < 0 ? -errno : mount_attach(source->fd, target_fd);
        if (r == 0)
            *mount_fd = fd_take(&mounted);
    } else {
        own_fd reopened = source_reopen(source, err);
        if (reopened < 0)
            return reopened;
        r = mount_bind_onto(reopened, target_fd, recursive, mount_fd);
    }
    return r < 0 ? error_code(err, -r, "bind %s", source->path) : 0;
}
