/* SPDX-License-Identifier: Apache-2.0 */
/* tty: see tty.h. Runs in life and in init before and after pivot; needs no privilege. ioctl_tty(2), pts(4). */
#include "kernel/tty.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/sys.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

static int devpts_check(int fd, struct error *err) {
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return error_sys(err, "look at devpts");
    if ((unsigned long)fs.f_type != DEVPTS_SUPER_MAGIC)
        return error_set(err, EXDEV, "ptmx is not that of a devpts file system");
    return 0;
}

static int ptmx_check(int fd, struct stat *st, struct error *err) {
    int r = devpts_check(fd, err);
    if (r < 0)
        return r;
    if (fstat(fd, st) < 0)
        return error_sys(err, "look at ptmx");
    if (!S_ISCHR(st->st_mode) || st->st_rdev != makedev(5, 2))
        return error_set(err, EXDEV, "ptmx is not the character device 5:2");
    return 0;
}

/* Looked at through O_PATH first, since opening a device that is something else may have effects by itself. */
static int ptmx_open(int devpts_fd, int *master, struct error *err) {
    struct stat seen, opened;
    int r = devpts_check(devpts_fd, err);
    if (r < 0)
        return r;
    own_fd place = openat(devpts_fd, "ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (place < 0)
        return error_sys(err, "find ptmx");
    r = ptmx_check(place, &seen, err);
    if (r < 0)
        return r;
    own_fd fd = openat(devpts_fd, "ptmx", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "open ptmx");
    r = ptmx_check(fd, &opened, err);
    if (r < 0)
        return r;
    if (seen.st_dev != opened.st_dev || seen.st_ino != opened.st_ino)
        return error_set(err, EXDEV, "ptmx was exchanged while it was opened");
    *master = fd_take(&fd);
    return 0;
}

int tty_open(int devpts_fd, int *master, int *slave, struct error *err) {
    own_fd opened = -1;
    int r = ptmx_open(devpts_fd, &opened, err);
    if (r < 0)
        return r;
    int locked = 0;
    if (ioctl(opened, TIOCSPTLCK, &locked) < 0) /* a locked pty has no peer to open */
        return error_sys(err, "unlock the pty");
    int peer = ioctl(opened, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0)
        return error_sys(err, "open the pty's slave");
    *slave = peer;
    *master = fd_take(&opened);
    return 0;
}

int tty_adopt(int slave, struct error *err) {
    if (setsid() < 0 && getsid(0) != getpid()) /* EPERM for one that leads a session already, which is as good */
        return error_sys(err, "setsid");
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return error_sys(err, "make the pty the controlling terminal");
    for (int fd = 0; fd <= 2; fd++) {
        int r = fd == slave ? fcntl(fd, F_SETFD, 0) : dup2(slave, fd); /* dup2 onto itself would keep O_CLOEXEC */
        if (r < 0)
            return error_sys(err, "put the pty on descriptor %d", fd);
    }
    return 0;
}

int tty_resize(int fd, uint16_t rows, uint16_t columns, struct error *err) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (ioctl(fd, TIOCSWINSZ, &size) < 0)
        return error_sys(err, "resize the terminal to %ux%u", (unsigned)columns, (unsigned)rows);
    return 0;
}

int tty_copy_size(int from, int to) {
    struct winsize size;
    if (ioctl(from, TIOCGWINSZ, &size) < 0)
        return -errno;
    if (size.ws_row == 0 && size.ws_col == 0)
        return -ENODATA;
    return ioctl(to, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

bool tty_is_same(int a, int b) {
    unsigned one = 0, other = 0;
    return sys_ioctl(a, TIOCGDEV, &one) == 0 && sys_ioctl(b, TIOCGDEV, &other) == 0 && one == other;
}

int tty_raw(int fd, bool output, struct termios *saved) {
    struct termios before;
    if (tcgetattr(fd, &before) < 0)
        return -errno;
    struct termios raw = before;
    cfmakeraw(&raw);
    if (!output)
        raw.c_oflag = before.c_oflag;
    if (tcsetattr(fd, TCSANOW, &raw) < 0)
        return -errno;
    *saved = before;
    return 0;
}

void tty_restore(int fd, const struct termios *saved) {
    int code = errno;
    tcsetattr(fd, TCSANOW, saved); /* not TCSADRAIN: output held back by ^S would make us wait */
    errno = code;
}

int tty_keep_newlines(int master) {
    struct termios modes;
    if (tcgetattr(master, &modes) < 0) /* of the slave: the kernel keeps the modes of both there */
        return -errno;
    modes.c_oflag &= ~(tcflag_t)ONLCR;
    return tcsetattr(master, TCSANOW, &modes) < 0 ? -errno : 0;
}

int tty_copy_encoding(int from, int master) {
    struct termios keyboard, modes;
    if (tcgetattr(from, &keyboard) < 0 || tcgetattr(master, &modes) < 0)
        return -errno;
    modes.c_iflag = (modes.c_iflag & ~(tcflag_t)IUTF8) | (keyboard.c_iflag & IUTF8);
    return tcsetattr(master, TCSANOW, &modes) < 0 ? -errno : 0;
}

int tty_type_end(int master) {
    struct termios modes;
    own_fd slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC); /* the master does not tell what waits */
    if (slave < 0 || tcgetattr(slave, &modes) < 0)
        return -errno;
    struct pollfd waiting = {.fd = slave, .events = POLLIN};
    int n = poll(&waiting, 1, 0);
    if (n != 0)
        return n < 0 ? -errno : 0;
    const char key = (char)modes.c_cc[VEOF];
    if (key == _POSIX_VDISABLE)
        return 0;
    return write(master, &key, 1) < 0 ? -errno : 1;
}

int tty_name(int master, char *buffer, size_t size, struct error *err) {
    unsigned number;
    int r = sys_ioctl(master, TIOCGPTN, &number);
    if (r < 0)
        return error_code(err, -r, "number of the pty");
    char name[sizeof "/dev/pts/4294967295"];
    int len = snprintf(name, sizeof name, "/dev/pts/%u", number);
    if ((size_t)len >= size)
        return error_code(err, ENAMETOOLONG, "name of the pty");
    memcpy(buffer, name, (size_t)len + 1);
    return 0;
}

/*
 * A path that does not fit into sun_path is reached through its descriptor; the link belongs to this very process, so
 * a false /proc could but make the connection fail or go where whoever mounted it could have it go anyway.
 */
static int address_set(struct sockaddr_un *address, const char *path, int *hold) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) < sizeof address->sun_path) {
        memcpy(address->sun_path, path, strlen(path) + 1);
        return 0;
    }
    *hold = open(path, O_PATH | O_CLOEXEC);
    if (*hold < 0)
        return -errno;
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d", *hold);
    return 0;
}

int tty_send(const char *path, int master, const char *name, struct error *err) {
    struct sockaddr_un address;
    own_fd hold = -1;
    int r = address_set(&address, path, &hold);
    if (r < 0)
        return error_code(err, -r, "socket %s", path);
    /* Without waiting: a listener whose queue is full may never accept. */
    own_fd connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return error_sys(err, "socket for the console");
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) < 0)
        return errno == EAGAIN
                   ? error_set(err, EAGAIN, "connect to %s: nobody accepts connections, its queue is full", path)
                   : error_sys(err, "connect to %s", path);
    r = fd_send(connection, name, strlen(name), &master, 1);
    return r < 0 ? error_code(err, -r, "send a descriptor to %s", path) : 0;
}
