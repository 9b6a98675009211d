/* SPDX-License-Identifier: Apache-2.0 */
/* fd_queue: see fd_queue.h. */
#include "kernel/fd_queue.h"

#include "base/fd.h"
#include "base/own.h"

#include <errno.h>
#include <sys/socket.h>

int fd_queue_open(struct fd_queue *queue) {
    int size = 1 << 20; /* as large as the host allows */
    *queue = (struct fd_queue){.ends = {0}};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, queue->ends) < 0)
        return -errno;
    (void)setsockopt(queue->ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

static void batch_drop(struct fd_batch *batch) {
    for (; batch->count > 0; batch->first++, batch->count--)
        fd_drop(&batch->fds[batch->first]);
    batch->first = 0;
}

void fd_queue_drop(struct fd_queue *queue) {
    batch_drop(&queue->in);
    batch_drop(&queue->out);
    for (int i = 0; i < 2 && queue->ends[1] > 0; i++)
        fd_drop(&queue->ends[i]);
    *queue = (struct fd_queue){.ends = {0}};
}

int fd_queue_put(struct fd_queue *queue, int *fd) {
    struct fd_batch *in = &queue->in;
    if (in->first + in->count == FD_QUEUE_BATCH) {
        int r = fd_send(queue->ends[0], "", 1, in->fds + in->first, in->count);
        if (r < 0)
            return r;
        batch_drop(in);
    }
    in->fds[in->first + in->count++] = *fd;
    *fd = -1;
    return 0;
}

static int batch_take(struct fd_batch *batch) {
    batch->count--;
    return batch->fds[batch->first++];
}

int fd_queue_take(struct fd_queue *queue) {
    struct fd_batch *out = &queue->out;
    if (out->count == 0) {
        char byte;
        size_t count = FD_QUEUE_BATCH;
        ssize_t n = fd_receive(queue->ends[1], &byte, 1, out->fds, &count);
        if (n < 0 && n != -EAGAIN)
            return n == -EMSGSIZE ? -EMFILE : (int)n; /* a batch fits: the kernel leaves out what it cannot open */
        out->first = 0;
        out->count = n > 0 ? count : 0;
    }
    if (out->count > 0)
        return batch_take(out);
    return queue->in.count > 0 ? batch_take(&queue->in) : -ENOENT;
}
