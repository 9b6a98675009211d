/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload: what a limit is to hold, in a container. Built static by the suites; the first word says what to do.
 *
 *   allocate STEP COUNT   takes COUNT times STEP MiB of memory, writes to all of it, and says each step
 *   fork                  makes as many processes as it may, and they do the same
 *   direct read|write FILE MIB   moves that much past the page cache, and says how many milliseconds it took
 *   queue KEY             makes a System V message queue of that key
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int allocate(char **words) {
    size_t step = strtoul(words[0], NULL, 10) * MIB;
    for (long i = 0, count = atol(words[1]); i < count; i++) {
        char *block = malloc(step);
        if (!block)
            return fail("malloc");
        memset(block, 1 + (int)i, step);
        /* Read again, for a compiler that leaves out what nobody reads. */
        if (*(volatile char *)(block + step / 2) != 1 + (int)i)
            return 1;
        printf("%zu\n", step / MIB * (size_t)(i + 1));
        fflush(stdout);
    }
    return 0;
}

static int fork_on(char **words) {
    (void)words;
    while (fork() >= -1)
        ;
    return 1;
}

static int direct(char **words) {
    int writes = !strcmp(words[0], "write");
    int fd = open(words[1], (writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
    if (fd < 0)
        return fail(words[1]);
    enum { BLOCK = 256 * 1024 };
    void *block = aligned_alloc(4096, BLOCK);
    if (!block)
        return fail("aligned_alloc");
    memset(block, 'x', BLOCK);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long left = atol(words[2]) * (MIB / BLOCK); left; left--)
        if ((writes ? write(fd, block, BLOCK) : read(fd, block, BLOCK)) != BLOCK)
            return fail(words[0]);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%ld\n", (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
    return 0;
}

static int queue(char **words) {
    return msgget((key_t)strtol(words[0], NULL, 0), IPC_CREAT | IPC_EXCL | 0600) < 0 ? fail("msgget") : 0;
}

static const struct {
    const char *name;
    int words;
    int (*run)(char **words);
} works[] = {{"allocate", 2, allocate}, {"fork", 0, fork_on}, {"direct", 3, direct}, {"queue", 1, queue}};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++)
        if (!strcmp(argv[1], works[i].name) && argc == works[i].words + 2)
            return works[i].run(argv + 2);
    fprintf(stderr, "workload: no such work\n");
    return 2;
}
