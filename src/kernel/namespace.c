/* SPDX-License-Identifier: Apache-2.0 */
/* namespace: see namespace.h. */
#include "kernel/namespace.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_GET_NSTYPE _IO(0xb7, 0x3) /* linux/nsfs.h */

#define FIRST_USER_NAMESPACE 0xEFFFFFFDu /* its inode: PROC_USER_INIT_INO of the kernel */

int namespace_open(const char *path, uint64_t flag, int *fd, struct error *err) {
    own_fd opened = fd_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (opened < 0)
        return error_sys(err, "open namespace %s", path);
    int type = ioctl(opened, NS_GET_NSTYPE);
    if (type < 0)
        return error_set(err, EINVAL, "%s is not a namespace", path);
    if ((uint64_t)(unsigned)type != flag)
        return error_set(err, EINVAL, "%s is a namespace of another kind", path);
    *fd = fd_take(&opened);
    return 0;
}

int namespace_join_all(const struct namespace_join *joins, size_t count, struct error *err) {
    bool joined[16] = {false};
    /* Pass 0: all but the user namespace, as far as allowed. Pass 1: the user namespace. Pass 2: the rest. */
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < count; i++) {
            bool user = joins[i].flag == CLONE_NEWUSER;
            if (joined[i] || user != (pass == 1))
                continue;
            int r = sys_setns(joins[i].fd, (int)joins[i].flag);
            joined[i] = r == 0;
            if (r < 0 && (pass > 0 || r != -EPERM))
                return error_code(err, -r, "join %s namespace", joins[i].name);
        }
    }
    return 0;
}

/* The links in /proc/PID/ns. */
static const struct {
    const char *link;
    uint64_t kind;
} links[] = {
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};
#define LINKS (sizeof links / sizeof *links)

/* "user.max_NAME_namespaces" of each kind that is asked for, or only of those that are 0: how many. */
static int list_limits(uint64_t kinds, bool zero, char *list, size_t size) {
    int count = 0;
    size_t len = 0;
    for (size_t i = 0; i < LINKS; i++) {
        char path[64], value[24];
        if (!(kinds & links[i].kind))
            continue;
        snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", links[i].link);
        if (zero && (fd_read_text(AT_FDCWD, path, value, sizeof value) < 0 || strcmp(value, "0") != 0))
            continue;
        if (len < size)
            len +=
                (size_t)snprintf(list + len, size - len, "%suser.max_%s_namespaces", count ? ", " : "", links[i].link);
        count++;
    }
    return count;
}

const char *namespace_hint(int r, uint64_t kinds, char hint[static NAMESPACE_HINT_SIZE]) {
    char list[NAMESPACE_HINT_SIZE - 64];
    *hint = '\0';
    if (r != -ENOSPC)
        return hint;
    /* How many there are is nowhere to be read, only a limit that allows none at all is sure. */
    if (list_limits(kinds, true, list, sizeof list) > 0)
        snprintf(hint, NAMESPACE_HINT_SIZE, " (no more namespaces: sysctl %s is 0)", list);
    else if (list_limits(kinds, false, list, sizeof list) > 0)
        snprintf(hint, NAMESPACE_HINT_SIZE, " (no more namespaces: sysctl %s is reached)", list);
    return hint;
}

static int open_links(pid_t pid, struct error *err) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns", (int)pid);
    int fd = fd_open(path, O_PATH | O_DIRECTORY);
    return fd < 0 ? error_code(err, errno == ENOENT ? ESRCH : errno, "open %s", path) : fd;
}

int namespace_compare(pid_t pid, uint64_t *kinds, struct error *err) {
    own_fd theirs = open_links(pid, err);
    if (theirs < 0)
        return theirs;
    own_fd ours = open_links(getpid(), err);
    if (ours < 0)
        return ours;
    uint64_t found = 0;
    for (size_t i = 0; i < LINKS; i++) {
        char a[64] = "", b[64] = ""; /* "mnt:[4026531841]" */
        ssize_t len = readlinkat(theirs, links[i].link, a, sizeof a);
        if (len < 0 && errno == ENOENT && !fd_has(ours, links[i].link))
            continue; /* a kind that this kernel does not have */
        if (len < 0 || readlinkat(ours, links[i].link, b, sizeof b) < 0)
            return error_code(err, errno == ENOENT ? ESRCH : errno, "look at the %s namespace of process %d",
                              links[i].link, (int)pid);
        if (memcmp(a, b, sizeof a) != 0)
            found |= links[i].kind;
    }
    *kinds = found;
    return 0;
}

/* Each namespace by a descriptor of its own. */
static int join_one_by_one(int pidfd, pid_t pid, uint64_t kinds, struct error *err) {
    struct namespace_join joins[LINKS];
    size_t count = 0;
    own_fd dir = open_links(pid, err);
    int r = dir < 0 ? dir : 0;
    for (size_t i = 0; r == 0 && i < LINKS; i++) {
        if (!(kinds & links[i].kind))
            continue;
        int fd = openat(dir, links[i].link, O_RDONLY | O_CLOEXEC);
        r = fd < 0 ? error_sys(err, "open the %s namespace of process %d", links[i].link, (int)pid) : 0;
        if (r == 0)
            joins[count++] = (struct namespace_join){fd, links[i].kind, links[i].link};
    }
    /* Still the same process: what was opened by its number is its own. */
    if (r == 0 && (r = process_signal(pidfd, 0)) < 0)
        error_code(err, -r, "process %d", (int)pid);
    if (r == 0)
        r = namespace_join_all(joins, count, err);
    while (count > 0)
        fd_drop(&joins[--count].fd);
    return r;
}

int namespace_join_process(int pidfd, pid_t pid, uint64_t kinds, struct error *err) {
    int r = kinds ? sys_setns(pidfd, (int)kinds) : 0;
    if (r == -EPERM || r == -EINVAL)
        return join_one_by_one(pidfd, pid, kinds, err);
    return r < 0 ? error_code(err, -r, "join the namespaces of process %d", (int)pid) : 0;
}

int namespace_write_map(pid_t pid, const char *file, const struct namespace_map *maps, size_t count,
                        struct error *err) {
    char text[4096], path[48]; /* the kernel takes one write of less than a page (user_namespaces(7)) */
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text + used, sizeof text - used, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].size);
        if (n < 0 || (size_t)n >= sizeof text - used)
            return error_set(err, E2BIG, "%s: more mappings than one page holds", file);
        used += (size_t)n;
    }
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    own_fd fd = fd_open(path, O_WRONLY);
    if (fd < 0)
        return error_sys(err, "open %s", path);
    int r = fd_write_all(fd, text, used);
    return r < 0 ? error_code(err, -r, "write %s", path) : 0;
}

int namespace_deny_groups(pid_t pid, struct error *err) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
    own_fd fd = fd_open(path, O_WRONLY);
    int r = fd < 0 ? -errno : fd_write_all(fd, "deny", strlen("deny"));
    return r < 0 && r != -ENOENT ? error_code(err, -r, "write %s", path) : 0;
}

int namespace_uid_of(pid_t pid, uid_t inside, uid_t *outside, struct error *err) {
    char path[48], text[4096];
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    int r = fd_read_text(AT_FDCWD, path, text, sizeof text);
    if (r < 0)
        return error_code(err, -r, "read %s", path);
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        uint32_t first, to, size;
        if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &first, &to, &size) == 3 && inside >= first &&
            inside - first < size) {
            *outside = to + (inside - first);
            return 0;
        }
    }
    return error_set(err, EINVAL, "uid %u is not mapped in the user namespace", (unsigned)inside);
}

int namespace_uid_outside(int user_namespace, uid_t inside, uid_t *outside, struct error *err) {
    const struct spawn spawn = {.cgroup_fd = -1};
    own_fd pidfd = -1, joined = -1, end = -1;
    int ends[2], status;
    char word = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_sys(err, "pipe");
    joined = ends[0];
    end = ends[1];
    const pid_t parent = getpid();
    /* A map can only be read of a process that lives in there. */
    pid_t pid = spawn_process(&spawn, &pidfd, err);
    if (pid < 0)
        return pid;
    if (pid == 0) {
        if (sys_setns(user_namespace, CLONE_NEWUSER) < 0 || write(end, "j", 1) != 1)
            _exit(1);
        spawn_linger(parent);
    }
    fd_drop(&end);
    int r = read(joined, &word, 1) == 1 ? namespace_uid_of(pid, inside, outside, err)
                                        : error_set(err, EPERM, "cannot join the user namespace to read its uid_map");
    (void)process_signal(pidfd, SIGKILL);
    (void)process_reap(pidfd, &status);
    return r;
}

bool namespace_user_is_first(void) {
    static enum { UNKNOWN, FIRST, LATER } answer;
    struct stat st;
    if (answer == UNKNOWN)
        answer = stat("/proc/self/ns/user", &st) < 0 || st.st_ino == FIRST_USER_NAMESPACE ? FIRST : LATER;
    return answer == FIRST;
}

int namespace_loopback_up(struct error *err) {
    own_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT)
        return 0; /* a kernel without IPv4 has no loopback address to be reached at */
    if (fd < 0)
        return error_sys(err, "socket for the loopback interface");
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return error_sys(err, "set loopback interface up");
    return 0;
}
