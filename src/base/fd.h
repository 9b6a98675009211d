/* SPDX-License-Identifier: Apache-2.0 */
/* fd: whole reads and writes, and descriptors over a socket. Every descriptor made here has O_CLOEXEC. */
#ifndef BERTH_BASE_FD_H
#define BERTH_BASE_FD_H

#include "base/error.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* open(2) with O_CLOEXEC in one system call (open of musl takes two): the descriptor, or -1 with errno set. */
int fd_open(const char *path, int flags);

/*
 * Whether a name is there, whatever it is; false with errno set. Not faccessat(2): of glibc that is faccessat2(2),
 * which the filter of an outer container may forbid.
 */
bool fd_has(int dirfd, const char *name);

/*
 * Reads up to `size` bytes at once for small pseudo files; retries EINTR only. Returns the count or -errno.
 * The text is NOT terminated.
 */
ssize_t fd_read(int fd, void *buffer, size_t size);

/* Writes all of it or fails: 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t size);

/*
 * Reads a whole regular file or pipe into *out (malloc; the caller frees; one NUL behind the data). More than `max`
 * bytes: -EFBIG. Returns 0 or -errno.
 */
int fd_read_all(int fd, size_t max, char **out, size_t *len);

/* The text of a small file: up to size-1 bytes, terminated, trailing newlines cut. 0 or -errno. */
int fd_text(int fd, char *buffer, size_t size);

/* fd_text of `name` below dirfd. */
int fd_read_text(int dirfd, const char *name, char *buffer, size_t size);

/* The next entry of a directory but "." and "..": 1, 0 at the end, or -errno. An end by a failure is no end. */
int fd_next_entry(DIR *directory, const struct dirent **entry);

#define FD_PASS_MAX 64

/*
 * One SOCK_SEQPACKET (or stream) message with `count` descriptors attached (count <= FD_PASS_MAX). MSG_NOSIGNAL.
 * Returns 0 or -errno.
 */
int fd_send(int socket, const void *data, size_t size, const int *fds, size_t count);

/*
 * Receives one message. *count says how many descriptors fit in fds and returns how many came; surplus descriptors or
 * a cut message are refused with -EMSGSIZE and closed. Returns the bytes received (0: the peer is gone) or -errno.
 */
ssize_t fd_receive(int socket, void *data, size_t size, int *fds, size_t *count);

/*
 * As fd_receive, of a SOCK_SEQPACKET pair whose other side may end at any time: 0 only when all that it has sent was
 * received. An empty packet with nothing behind it is refused with -EPROTO. Never -ECONNRESET: that not all of ours was
 * received is told by the end that follows.
 */
ssize_t fd_receive_packet(int socket, void *data, size_t size, int *fds, size_t *count);

/* Moves fd to a number >= minimum (O_CLOEXEC), closing the old one. Returns the new number or -errno. */
int fd_raise(int fd, int minimum);

#endif
