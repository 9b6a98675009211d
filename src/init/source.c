/* SPDX-License-Identifier: Apache-2.0 */
/* source: binding what life held. Runs in init before pivot. */
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* The same file, opened in this mount namespace; the path may lead elsewhere here, so device and inode are compared. */
static int reopen(const struct held_source *source, struct error *err) {
    struct stat st;
    own_fd fd = open(source->path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_sys(err, "open %s", source->path);
    if (st.st_dev != source->device || st.st_ino != source->inode)
        return error_set(err, EXDEV, "%s is not the file that it was a moment ago", source->path);
    return fd_take(&fd);
}

int source_bind(const struct held_source *source, int target_fd, bool recursive, int *mount_fd, struct error *err) {
    own_fd reopened = -1, tree = -1;
    int use = source->fd, r;
    if (!source->detached) {
        reopened = reopen(source, err);
        if (reopened < 0)
            return reopened;
        tree = mount_clone(reopened, recursive);
        if (tree == -ENOSYS || tree == -EPERM) {
            r = mount_bind_classic(reopened, target_fd, recursive);
            if (r < 0)
                return error_code(err, -r, "bind %s", source->path);
            *mount_fd = -1;
            return 0;
        }
        if (tree < 0)
            return error_code(err, -tree, "clone mount of %s", source->path);
        use = tree;
    }
    r = mount_attach(use, target_fd);
    if (r < 0)
        return error_code(err, -r, "bind %s", source->path);
    *mount_fd = tree >= 0 ? fd_take(&tree) : fcntl(use, F_DUPFD_CLOEXEC, 3);
    return *mount_fd < 0 ? error_sys(err, "bind %s", source->path) : 0;
}
