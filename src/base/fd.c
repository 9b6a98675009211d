/* SPDX-License-Identifier: Apache-2.0 */
/* fd: see fd.h. Runs in life and init; only fd_read_all allocates (life). */
#include "base/fd.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

int fd_open(const char *path, int flags) {
    return openat(AT_FDCWD, path, flags | O_CLOEXEC);
}

bool fd_has(int dirfd, const char *name) {
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

ssize_t fd_read(int fd, void *buffer, size_t size) {
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int fd_write_all(int fd, const void *data, size_t size) {
    const char *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int fd_read_all(int fd, size_t max, char **out, size_t *len) {
    struct stat st;
    size_t capacity = 4096, used = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size < max)
        /* One for the NUL, one so that the read that finds the end needs no growth. */
        capacity = (size_t)st.st_size + 2;
    own_memory char *data = malloc(capacity);
    while (data) {
        ssize_t n = fd_read(fd, data + used, capacity - 1 - used);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > max)
            return -EFBIG;
        if (used < capacity - 1)
            continue;
        capacity *= 2;
        char *grown = realloc(data, capacity);
        if (!grown)
            return -ENOMEM;
        data = grown;
    }
    if (!data)
        return -ENOMEM;
    data[used] = '\0';
    *len = used;
    *out = data;
    data = NULL;
    return 0;
}

int fd_text(int fd, char *buffer, size_t size) {
    ssize_t n = fd_read(fd, buffer, size - 1);
    if (n < 0)
        return (int)n;
    while (n > 0 && buffer[n - 1] == '\n')
        n--;
    buffer[n] = '\0';
    return 0;
}

int fd_read_text(int dirfd, const char *name, char *buffer, size_t size) {
    own_fd fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : fd_text(fd, buffer, size);
}

int fd_next_entry(DIR *directory, const struct dirent **entry) {
    const struct dirent *next;
    do {
        errno = 0;
        next = readdir(directory);
    } while (next && (strcmp(next->d_name, ".") == 0 || strcmp(next->d_name, "..") == 0));
    *entry = next;
    return next ? 1 : -errno;
}

union control {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
};

int fd_send(int socket, const void *data, size_t size, const int *fds, size_t count) {
    union control control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > FD_PASS_MAX)
        return -EMSGSIZE;
    if (count > 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = (__typeof__(msg.msg_controllen))CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = (__typeof__(c->cmsg_len))CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
    }
    ssize_t n;
    do
        n = sendmsg(socket, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

static ssize_t receive(int socket, int flags, void *data, size_t size, int *fds, size_t *count) {
    union control control;
    memset(&control, 0, sizeof(struct cmsghdr)); /* no numbers of an earlier message, whatever the kernel leaves out */
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control};
    size_t room = *count, got = 0;
    ssize_t n;
    do
        n = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    bool surplus = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    /* The kernel puts all descriptors of a message into one header, and we ask for no other kind (unix(7)). */
    const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    bool rights = c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
    size_t came = rights ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    for (size_t i = 0; i < came; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
        if (got < room) {
            fds[got++] = fd;
        } else {
            close(fd);
            surplus = true;
        }
    }
    if (surplus) {
        while (got > 0)
            close(fds[--got]);
        return -EMSGSIZE;
    }
    *count = got;
    return n;
}

ssize_t fd_receive(int socket, void *data, size_t size, int *fds, size_t *count) {
    return receive(socket, 0, data, size, fds, count);
}

ssize_t fd_receive_packet(int socket, void *data, size_t size, int *fds, size_t *count) {
    const size_t room = *count;
    ssize_t n = receive(socket, 0, data, size, fds, count);
    if (n != 0 && n != -ECONNRESET)
        return n;
    /* Linux looks for a packet and then for the end, without a lock: one that was sent in between is behind the end.
     * And a reset is told once, before the packets that are there. */
    for (int again = 0; again < 2 && (n == 0 || n == -ECONNRESET); again++) {
        *count = room;
        n = receive(socket, MSG_DONTWAIT, data, size, fds, count);
    }
    return n == -EAGAIN ? -EPROTO : n; /* no end: it was an empty packet */
}

int fd_raise(int fd, int minimum) {
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, minimum);
    if (raised < 0)
        return -errno;
    close(fd);
    return raised;
}
