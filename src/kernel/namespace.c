/* SPDX-License-Identifier: Apache-2.0 */
/* namespace: see namespace.h. */
#include "kernel/namespace.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define NS_GET_NSTYPE _IO(0xb7, 0x3) /* linux/nsfs.h */

int namespace_open(const char *path, uint64_t flag, int *fd, struct error *err) {
    own_fd opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
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
    own_fd fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "open %s", path);
    int r = fd_write_all(fd, text, used);
    return r < 0 ? error_code(err, -r, "write %s", path) : 0;
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
