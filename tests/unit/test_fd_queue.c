/* SPDX-License-Identifier: Apache-2.0 */
/* fd_queue: order, sizes, what it keeps open, a fork in the middle. */
#include "kernel/fd_queue.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 4096; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* A file that is told from the others by its size. */
static int numbered(int number) {
    int fd = memfd_create("numbered", MFD_CLOEXEC);
    return fd < 0 || ftruncate(fd, number) < 0 ? -1 : fd;
}

static int number_of(int fd) {
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 ? (int)st.st_size : -1;
}

static int take_number(struct fd_queue *queue) {
    int fd = fd_queue_take(queue), number = fd < 0 ? fd : number_of(fd);
    if (fd >= 0)
        close(fd);
    return number;
}

static void test_order(int count) {
    const int before = open_descriptors();
    struct fd_queue queue;
    int most = 0, wrong = 0, kept = 0;
    is_number(fd_queue_open(&queue), 0, "a queue for %d", count);
    for (int i = 0; i < count; i++) {
        int fd = numbered(i);
        wrong += fd_queue_put(&queue, &fd) != 0;
        kept += fd != -1;
        most = open_descriptors() > most ? open_descriptors() : most;
    }
    is_number(wrong, 0, "%d: all go in", count);
    is_number(kept, 0, "%d: none stays with the caller", count);
    ok(most <= before + 2 + FD_QUEUE_BATCH, "%d: at most a batch of them is open (%d)", count, most - before);
    /* Round once: each is taken out and put in again, as those do that go through the mounts. */
    for (int i = 0; i < count; i++) {
        int fd = fd_queue_take(&queue);
        wrong += number_of(fd) != i || !(fcntl(fd, F_GETFD) & FD_CLOEXEC) || fd_queue_put(&queue, &fd) != 0;
    }
    for (int i = 0; i < count; i++)
        wrong += take_number(&queue) != i;
    is_number(wrong, 0, "%d: they come out in their order, twice", count);
    is_number(fd_queue_take(&queue), -ENOENT, "%d: then it is empty", count);
    fd_queue_drop(&queue);
    fd_queue_drop(&queue);
    is_number(open_descriptors(), before, "%d: nothing is left open", count);
}

static void test_drop(void) {
    const int before = open_descriptors();
    struct fd_queue queue;
    is_number(fd_queue_open(&queue), 0, "a queue");
    for (int i = 0; i < 3 * FD_QUEUE_BATCH + 1; i++) {
        int fd = numbered(i);
        fd_queue_put(&queue, &fd);
    }
    is_number(take_number(&queue), 0, "the first one");
    fd_queue_drop(&queue);
    is_number(open_descriptors(), before, "a queue that is dropped takes its descriptors along");
}

static void test_fork(void) {
    enum { COUNT = 5 * FD_QUEUE_BATCH + 3 };
    struct fd_queue queue;
    int status = -1;
    is_number(fd_queue_open(&queue), 0, "a queue");
    for (int i = 0; i < COUNT; i++) {
        int fd = numbered(i);
        fd_queue_put(&queue, &fd);
    }
    pid_t pid = fork();
    if (pid == 0) {
        int wrong = 0;
        for (int i = 0; i < COUNT; i++)
            wrong += take_number(&queue) != i;
        _exit(wrong != 0 || fd_queue_take(&queue) != -ENOENT);
    }
    waitpid(pid, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child takes all that its parent has put in");
    fd_queue_drop(&queue);
}

int main(void) {
    static const int counts[] = {0, 1, FD_QUEUE_BATCH, FD_QUEUE_BATCH + 1, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        test_order(counts[i]);
    test_drop();
    test_fork();
    return tap_done();
}
