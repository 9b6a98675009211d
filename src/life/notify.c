/* SPDX-License-Identifier: Apache-2.0 */
/* notify: see notify.h. */
#include "life/notify.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define READY_MAX 400
#define BARRIER_MS 30000

const char *notify_host_socket(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    return path && (*path == '/' || *path == '@') ? path : NULL;
}

int notify_prepare(struct arena *arena, const char *root, const char *id, int state_dir, struct plan_mount *mount,
                   struct error *err) {
    if (mkdirat(state_dir, "notify", 0755) < 0)
        return error_sys(err, "make directory of the notify socket");
    *mount = (struct plan_mount){
        .kind = MOUNT_BIND,
        .destination = "/run/notify",
        .source = arena_printf(arena, "%s/%s/notify", root, id),
        .type = "bind",
        .flags = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
        .propagation = {MS_PRIVATE},
    };
    return mount->source ? 0 : error_memory(err);
}

int notify_listen(int state_dir, int *out, struct error *err) {
    own_fd notify = openat(state_dir, "notify", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (notify < 0 && errno == ENOENT) {
        *out = -1;
        return 0;
    }
    if (notify < 0)
        return error_sys(err, "open the directory of the notify socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/notify.sock", notify);
    own_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_sys(err, "make notify socket");
    mode_t saved = umask(0); /* whoever the payload runs as may write to it; the directory is in no one else's view */
    int r = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    umask(saved);
    if (r < 0)
        return error_code(err, -r, "bind notify socket");
    *out = fd_take(&fd);
    return 0;
}

static int connect_host(struct error *err) {
    const char *path = notify_host_socket();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || len >= sizeof address.sun_path)
        return error_code(err, ENAMETOOLONG, "NOTIFY_SOCKET");
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    own_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0)
        return error_sys(err, "connect to NOTIFY_SOCKET %s", path);
    return fd_take(&fd);
}

static int tell_host(const char *ready, pid_t pid, struct error *err) {
    char text[512];
    int ends[2];
    own_fd host = connect_host(err);
    if (host < 0)
        return host;
    /* A container's word is not to be trusted to fit. */
    int n = snprintf(text, sizeof text, "%s\nMAINPID=%d\n", strlen(ready) < READY_MAX ? ready : "READY=1", (int)pid);
    int r = fd_send(host, text, (size_t)n, NULL, 0);
    if (r < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_code(err, r < 0 ? -r : errno, "tell readiness to NOTIFY_SOCKET");
    own_fd reader = ends[0];
    r = fd_send(host, "BARRIER=1", 9, &ends[1], 1);
    close(ends[1]);
    struct pollfd poll_fd = {.fd = reader};
    if (r == 0) /* the manager closes its copy when it has worked up to here */
        (void)poll(&poll_fd, 1, BARRIER_MS);
    return 0;
}

/* The line that says READY=, cut out of the message in place; NULL when there is none. */
static const char *ready_line(char *message) {
    char *rest = message;
    for (char *line; (line = strtok_r(rest, "\n", &rest));)
        if (strncmp(line, "READY=", 6) == 0)
            return line;
    return NULL;
}

int notify_relay(int socket, int pidfd, pid_t pid, struct error *err) {
    struct pollfd fds[] = {{.fd = socket, .events = POLLIN}, {.fd = pidfd, .events = PROCESS_END}};
    for (;;) {
        if (process_poll(fds, 2, 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            return error_sys(err, "wait for readiness");
        }
        if (fds[0].revents & POLLIN) {
            char message[4096];
            size_t none = 0;
            ssize_t n = fd_receive(socket, message, sizeof message - 1, NULL, &none);
            if (n < 0)
                continue; /* too long or with descriptors: not for us */
            message[n] = '\0';
            const char *ready = ready_line(message);
            if (ready)
                return tell_host(ready, pid, err);
        } else if (fds[1].revents) {
            return 0;
        }
    }
}
