/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_watcher: what root of a container does to catch a process that enters it before that is harmless
 * (CVE-2016-9962, CVE-2024-21626). exec_watcher RESULT CANARY: says "ready" on RESULT, a FIFO, and then looks at every
 * process that comes up in /proc, until something is written to the FIFO /end. Then it writes one line to RESULT:
 * " seen:N", how many it has come across, and what it could get of them:
 *
 *   " escape:LINK"   through /proc/PID/LINK (root, cwd, fd/N) and any number of ".." the file CANARY is to be had
 *   " file:PATH"     a descriptor of a regular file or directory that is not the container's own
 *   " PART:INODE"    PART is ptrace, mem, environ, maps or write: had of a process that executes a program which is not
 *                    the container's /bin/busybox nor this one; "write": that program could be opened for writing
 *
 * Runs inside a container as its process 1, with CAP_SYS_PTRACE.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *canary;
static char findings[8192];
static bool seen[65536];
static struct stat known[2];

static void found(const char *what, const char *name) {
    char text[512];
    snprintf(text, sizeof text, " %s:%s", what, name);
    if (!strstr(findings, text) && strlen(findings) + strlen(text) + 1 < sizeof findings)
        strcat(findings, text);
}

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The canary is named from the host's root: climbs there from wherever the link leads to. */
static void try_escape(const char *pid, const char *link) {
    char path[600];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, link);
    int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; at >= 0 && i < 64; i++) {
        if (faccessat(at, canary + 1, F_OK, 0) == 0) {
            found("escape", link);
            break;
        }
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = up;
    }
    if (at >= 0)
        close(at);
}

/* Of a container's own file the name that the link shows leads there from here, too. */
static void try_file(const char *pid, const char *link) {
    char path[600], target[300];
    struct stat there, here;
    snprintf(path, sizeof path, "/proc/%s/%s", pid, link);
    ssize_t len = readlink(path, target, sizeof target - 1);
    if (len <= 0 || target[0] != '/' || stat(path, &there) < 0 || S_ISCHR(there.st_mode))
        return;
    target[len] = '\0';
    if (strncmp(target, "/proc", 5) != 0 && (stat(target, &here) < 0 || !same(&there, &here)))
        found("file", target);
}

static void look_at_descriptors(const char *pid) {
    char path[300], link[280];
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(link, sizeof link, "fd/%s", entry->d_name);
        try_escape(pid, link);
        try_file(pid, link);
    }
    if (dir)
        closedir(dir);
}

static bool is_foreign(const char *pid, char *inode, size_t size) {
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    if (stat(path, &st) < 0 || same(&st, &known[0]) || same(&st, &known[1]))
        return false;
    snprintf(inode, size, "%lu", (unsigned long)st.st_ino);
    return true;
}

static void look_at_memory(const char *pid) {
    static const struct {
        const char *name, *file;
        int flags;
    } parts[] = {{"mem", "mem", O_RDWR},
                 {"environ", "environ", O_RDONLY},
                 {"maps", "maps", O_RDONLY},
                 {"write", "exe", O_WRONLY}};
    char path[300], inode[32], again[32];
    if (!is_foreign(pid, inode, sizeof inode))
        return;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "/proc/%s/%s", pid, parts[i].file);
        int fd = open(path, parts[i].flags | O_CLOEXEC);
        /* Asked again: meanwhile it may have come to execute what is the container's own. */
        if (fd >= 0 && is_foreign(pid, again, sizeof again))
            found(parts[i].name, inode);
        if (fd >= 0)
            close(fd);
    }
    pid_t number = (pid_t)atoi(pid);
    if (ptrace(PTRACE_SEIZE, number, NULL, NULL) == 0) {
        if (is_foreign(pid, again, sizeof again))
            found("ptrace", inode);
        ptrace(PTRACE_INTERRUPT, number, NULL, NULL);
        waitpid(number, NULL, __WALL);
        ptrace(PTRACE_DETACH, number, NULL, NULL);
    }
}

static void look_around(void) {
    struct dirent *entry;
    DIR *proc = opendir("/proc");
    while (proc && (entry = readdir(proc))) {
        int pid = atoi(entry->d_name);
        if (pid <= 1)
            continue;
        seen[pid % 65536] = true;
        try_escape(entry->d_name, "root");
        try_escape(entry->d_name, "cwd");
        look_at_descriptors(entry->d_name);
        look_at_memory(entry->d_name);
    }
    if (proc)
        closedir(proc);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

static void tell(const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    if (out) {
        fputs(text, out);
        fclose(out);
    }
}

int main(int argc, char **argv) {
    char text[sizeof findings + 64], byte;
    int count = 0, end = open("/end", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (argc != 3 || end < 0 || stat("/bin/busybox", &known[0]) < 0 || stat("/proc/self/exe", &known[1]) < 0)
        return 2;
    canary = argv[2];
    tell(argv[1], "ready\n");
    while (read(end, &byte, 1) <= 0)
        look_around();
    for (size_t i = 0; i < sizeof seen; i++)
        count += seen[i];
    snprintf(text, sizeof text, " seen:%d%s\n", count, findings);
    tell(argv[1], text);
    return 0;
}
