/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own: cleanup attributes. `own_fd fd = -1;` closes fd at the end of its scope; fd_take() hands it on. A plain
 * `int fd` parameter borrows. Cleanup keeps errno, and close is never retried: on Linux the number is free already
 * even after EINTR (close(2)).
 */
#ifndef BERTH_BASE_OWN_H
#define BERTH_BASE_OWN_H

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void fd_drop(int *fd) {
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
    *fd = -1;
}

static inline int fd_take(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void memory_drop(void *pointer) {
    void **p = pointer;
    free(*p);
    *p = NULL;
}

static inline void directory_drop(DIR **dir) {
    if (*dir) {
        int saved = errno;
        closedir(*dir);
        errno = saved;
    }
    *dir = NULL;
}

#define own(drop) __attribute__((cleanup(drop)))
#define own_fd own(fd_drop) int
#define own_memory own(memory_drop)
#define own_directory own(directory_drop) DIR *

#endif
