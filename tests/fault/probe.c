/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe [QUESTION...]: prints what a container is, from inside: identity, privileges, mounts, /dev, limits and
 * descriptors. Numbers that differ from one run to the next (mount ids, peer groups, pipes) are left out, so that two
 * outputs can be compared line by line. It is the payload: runs in the container, static, needs no privilege.
 *
 *   r:PATH   can it be read?         w:PATH   can it be opened for writing?    c:DIR   can a file be made there?
 *   x:PATH   can it be executed?     d:DIR    how many entries has it?         t:PATH  its first line
 *   k:TYPE=INODE  is the namespace of that type (net, mnt...) the one with that inode?
 *
 * "quiet" alone: ends at once; "wait" alone: waits for a signal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LINE_SIZE 8192
#define MOUNTS_MAX 256

extern char **environ;

static void print_result(const char *what, const char *path, int code) {
    printf("%s %s: %s\n", what, path, code == 0 ? "yes" : strerror(code));
}

/* ---- one section each ---- */

static void print_status(void) {
    static const char *const wanted[] = {
        "Umask:",  "Uid:",    "Gid:",    "Groups:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:",
        "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:",     "NSpid:",   "Speculation_Store_Bypass:",
        "SigBlk:", "SigIgn:",
    };
    char line[LINE_SIZE];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                printf("status %s", line);
    if (file)
        fclose(file);
    else
        printf("status: %s\n", strerror(errno));
}

static void print_file(const char *path) {
    char line[LINE_SIZE];
    FILE *file = fopen(path, "re");
    if (!file) {
        printf("%s: %s\n", path, strerror(errno));
        return;
    }
    while (fgets(line, sizeof line, file))
        printf("%s %s", path, line);
    fclose(file);
}

struct mount {
    char *fields[6], *rest; /* of one line, which fields[0] owns */
    int order;
};

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [PEERS...] - TYPE SOURCE SUPEROPTIONS" (proc_pid_mountinfo(5)) */
static void print_mount(struct mount *mount) {
    char *field;
    printf("mount %s of %s (%s)", mount->fields[4], mount->fields[3], mount->fields[5]);
    while ((field = strsep(&mount->rest, " ")) && strcmp(field, "-") != 0)
        printf(" %.*s", (int)strcspn(field, ":"), field); /* "master:12" is "master" */
    printf(" - %s\n", mount->rest ? mount->rest : "");
}

/* Those on the same point stay in their order; the others come in that of their ids, which says nothing. */
static int by_point(const void *a, const void *b) {
    const struct mount *x = a, *y = b;
    int difference = strcmp(x->fields[4], y->fields[4]);
    return difference ? difference : x->order - y->order;
}

static void print_mounts(void) {
    static struct mount mounts[MOUNTS_MAX];
    char line[LINE_SIZE];
    int count = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && count < MOUNTS_MAX && fgets(line, sizeof line, file)) {
        struct mount *mount = &mounts[count];
        line[strcspn(line, "\n")] = '\0';
        mount->rest = strdup(line);
        mount->order = count;
        for (size_t i = 0; i < 6; i++)
            mount->fields[i] = strsep(&mount->rest, " ");
        count += mount->rest != NULL;
    }
    if (file)
        fclose(file);
    qsort(mounts, (size_t)count, sizeof *mounts, by_point);
    for (int i = 0; i < count; i++) {
        print_mount(&mounts[i]);
        free(mounts[i].fields[0]);
    }
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void print_node(const char *path) {
    struct stat st;
    char target[256] = "";
    if (lstat(path, &st) < 0) {
        print_result("node", path, errno);
        return;
    }
    if (S_ISLNK(st.st_mode) && readlink(path, target, sizeof target - 1) < 0)
        target[0] = '?';
    printf("node %s %o %u:%u", path, (unsigned)st.st_mode, st.st_uid, st.st_gid);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        printf(" device %u:%u", major(st.st_rdev), minor(st.st_rdev));
    printf("%s%s\n", *target ? " -> " : "", target);
}

static void print_tree(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, by_name);
    if (count < 0)
        print_result("directory", path, errno);
    for (int i = 0; i < count; i++) {
        char name[LINE_SIZE];
        bool dots = strcmp(entries[i]->d_name, ".") == 0 || strcmp(entries[i]->d_name, "..") == 0;
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (!dots) {
            print_node(name);
            if (entries[i]->d_type == DT_DIR)
                print_tree(name);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free((void *)entries);
}

static void print_descriptors(void) {
    for (int fd = 0; fd < 1024; fd++) {
        char link[64], target[256] = "";
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0)
            snprintf(target, sizeof target, "?");
        target[strcspn(target, "[")] = '\0'; /* "pipe:[12345]" */
        printf("descriptor %d %s%s\n", fd, target, isatty(fd) ? " (terminal)" : "");
    }
}

static void print_self(void) {
    char name[256] = "";
    /* KEYCTL_GET_KEYRING_ID and KEYCTL_DESCRIBE of the session keyring; "keyring;uid;gid;permissions;name" */
    long ring = syscall(SYS_keyctl, 0, -3, 0, 0, 0);
    if (ring < 0 || syscall(SYS_keyctl, 6, ring, name, sizeof name - 1, 0) < 0)
        snprintf(name, sizeof name, "%s", strerror(errno));
    else if (strrchr(name, '.'))
        *strrchr(name, '.') = '\0'; /* the random part of the name differs each time */
    printf("keyring %s\n", name);
    printf("pid %d session %d group %d\n", getpid(), getsid(0), getpgrp());
    if (gethostname(name, sizeof name) == 0)
        printf("hostname %s\n", name);
    if (getdomainname(name, sizeof name) == 0)
        printf("domainname %s\n", name);
    if (getcwd(name, sizeof name))
        printf("directory %s\n", name);
    for (char **env = environ; *env; env++)
        printf("environment %s\n", *env);
}

/* ---- questions ---- */

static int try_open(const char *path, int flags) {
    char byte;
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = (flags & O_ACCMODE) == O_RDONLY && read(fd, &byte, 1) < 0 ? errno : 0;
    close(fd);
    return code;
}

static int try_make(const char *directory) {
    char path[LINE_SIZE];
    snprintf(path, sizeof path, "%s/made-by-probe", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return unlink(path) < 0 ? errno : 0;
}

static int try_execute(const char *path) {
    return access(path, X_OK) < 0 ? errno : 0;
}

static void print_count(const char *directory) {
    struct dirent **entries;
    int count = scandir(directory, &entries, NULL, NULL);
    if (count < 0) {
        print_result("entries", directory, errno);
        return;
    }
    printf("entries %s: %d\n", directory, count - 2);
    while (count > 0)
        free(entries[--count]);
    free((void *)entries);
}

static void print_first_line(const char *path) {
    char line[LINE_SIZE] = "";
    FILE *file = fopen(path, "re");
    if (!file) {
        print_result("text", path, errno);
        return;
    }
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    printf("text %s: %s\n", path, line);
}

static void compare_namespace(const char *question) {
    struct stat st;
    char type[32], path[64];
    size_t len = strcspn(question, "=");
    snprintf(type, sizeof type, "%.*s", (int)len, question);
    snprintf(path, sizeof path, "/proc/self/ns/%s", type);
    if (stat(path, &st) < 0) {
        print_result("namespace", type, errno);
        return;
    }
    bool same = question[len] && strtoul(question + len + 1, NULL, 10) == st.st_ino;
    printf("namespace %s: %s\n", type, same ? "same" : "other");
}

static void answer(const char *question) {
    const char *subject = question + 2;
    switch (question[0]) {
    case 'r':
        print_result("read", subject, try_open(subject, O_RDONLY));
        break;
    case 'w':
        print_result("write", subject, try_open(subject, O_WRONLY));
        break;
    case 'c':
        print_result("make in", subject, try_make(subject));
        break;
    case 'x':
        print_result("execute", subject, try_execute(subject));
        break;
    case 'd':
        print_count(subject);
        break;
    case 't':
        print_first_line(subject);
        break;
    case 'k':
        compare_namespace(subject);
        break;
    default:
        printf("what is %s?\n", question);
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "quiet") == 0)
        return 0;
    if (argc == 2 && strcmp(argv[1], "wait") == 0)
        pause();
    print_descriptors(); /* before any file is opened */
    print_status();
    print_self();
    print_mounts();
    print_file("/proc/self/limits");
    print_file("/proc/self/cgroup");
    print_file("/proc/self/oom_score_adj");
    print_file("/proc/self/uid_map");
    print_tree("/dev");
    for (int i = 1; i < argc; i++)
        if (strlen(argv[i]) > 2 && argv[i][1] == ':')
            answer(argv[i]);
    printf("end of probe\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
