/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_queue: descriptors that wait in a socket instead of the table of open files, first in, first out. For a config
 * with more mounts than RLIMIT_NOFILE has room for. The kernel lets an unprivileged user have as many descriptors in
 * sockets as that limit says (ETOOMANYREFS), a caller with CAP_SYS_ADMIN any number (unix(7)). It survives a fork,
 * after which one side must leave it alone. Runs in life and init.
 */
#ifndef BERTH_KERNEL_FD_QUEUE_H
#define BERTH_KERNEL_FD_QUEUE_H

#include <stddef.h>

#define FD_QUEUE_BATCH 8 /* in one message; as many are open at each end of the queue */

struct fd_queue {
    int ends[2]; /* of a socket pair; 0 and 0: not open */
    struct fd_batch {
        int fds[FD_QUEUE_BATCH];
        size_t first, count;
    } in, out;
};

/* 0 or -errno. */
int fd_queue_open(struct fd_queue *queue);
void fd_queue_drop(struct fd_queue *queue);

/* Adopts *fd, which becomes -1. -EAGAIN: the queue is full; -ETOOMANYREFS. */
int fd_queue_put(struct fd_queue *queue, int *fd);

/*
 * The oldest one, which is the caller's then; -ENOENT: the queue is empty; -EMFILE: no room to open a batch, which is
 * lost then.
 */
int fd_queue_take(struct fd_queue *queue);

#endif
