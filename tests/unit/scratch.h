/* SPDX-License-Identifier: Apache-2.0 */
/* scratch: a directory of the test's own, below $TMPDIR or /tmp, and the few things that tests of files ask for. */
#ifndef BERTH_TESTS_SCRATCH_H
#define BERTH_TESTS_SCRATCH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[PATH_MAX]; /* its path, without links in it */
static int scratch_fd = -1;

/* Makes it; ends the program when that is impossible. */
__attribute__((unused)) static void scratch_make(void) {
    const char *parent = getenv("TMPDIR");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/berth-test-XXXXXX", parent && *parent == '/' ? parent : "/tmp");
    if (!mkdtemp(path) || !realpath(path, scratch) ||
        (scratch_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        printf("Bail out! no scratch directory %s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static int scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* Removes it with all that is in it; links are not followed. True when nothing is left. */
__attribute__((unused)) static bool scratch_remove(void) {
    close(scratch_fd);
    return nftw(scratch, scratch_unlink, 128, FTW_DEPTH | FTW_PHYS) == 0;
}

/* A file below the scratch directory. */
__attribute__((unused)) static bool scratch_write(const char *name, const char *text, mode_t mode) {
    int fd = openat(scratch_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Its content as text, NULL when it cannot be read; valid until the next call. */
__attribute__((unused)) static const char *scratch_read(const char *name) {
    static char text[4096];
    int fd = openat(scratch_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return NULL;
    text[n] = '\0';
    return text;
}

/* How many descriptors are open: a call that fails must not leave one behind. */
__attribute__((unused)) static int open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

#endif
