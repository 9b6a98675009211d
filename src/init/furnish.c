/* SPDX-License-Identifier: Apache-2.0 */
/*
 * furnish: what the container finds in /dev: device nodes, links, its terminal; and what it finds at 0, 1 and 2.
 * Runs in init before pivot, furnish_stdio behind it.
 */
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "kernel/mountfd.h"
#include "kernel/sys.h"
#include "kernel/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

static bool is_null(const struct stat *st) {
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/*
 * A mount of the config at the path of a device stays, whatever it shows: /dev/urandom on /dev/random is common. Not so
 * at /dev/null, on which too much relies.
 */
static bool is_covered(int node, const struct plan_device *d) {
    bool mounted = false;
    return strcmp(d->path, "/dev/null") != 0 && sys_mount_root(node, &mounted) == 0 && mounted;
}

/* A node that is there already must be the very device (config-linux.md "Devices": otherwise an error). */
static int check_node(int node, const struct plan_device *d, struct error *err) {
    struct stat st;
    if (node < 0 || fstat(node, &st) < 0)
        return error_sys(err, "stat");
    bool same = (st.st_mode & S_IFMT) == d->type && (d->type == S_IFIFO || st.st_rdev == makedev(d->major, d->minor));
    return same || is_covered(node, d) ? 0 : error_set(err, EEXIST, "something else is there already");
}

/* In a user namespace mknod of a device is forbidden: the host's node is bound over an empty file instead. */
static int bind_device(struct init *init, size_t index, int parent, const char *name, struct error *err) {
    const struct plan_device *d = &init->plan->devices.items[index];
    struct held_source *source = &init->held->devices[index];
    own_fd file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0 && errno != EEXIST)
        return error_sys(err, "make a file to bind the host's node on");
    own_fd target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), mounted = -1;
    if (target < 0)
        return error_sys(err, "open");
    if (is_covered(target, d))
        return 0;
    if (source->fd < 0)
        return error_set(err, EPERM, "the host has no such device to bind");
    int r = source_move(source, target, &mounted, err);
    if (r < 0 || source->attached)
        return r; /* read-only already */
    if (mounted < 0)
        mounted = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    r = mounted < 0 ? -errno : mount_seclude(mounted, HELD_NODE_FLAGS);
    return r < 0 ? error_code(err, -r, "make the host's node read-only") : 0;
}

/* 1 if it is made; 0 if it is to be bound, or something has the name. Without a directory `parent` is an errno. */
static int make_node(int parent, const char *name, const struct plan_device *d, bool bound, struct error *err) {
    if (parent < 0)
        return error_code(err, -parent, "make its directory");
    if (bound)
        return 0;
    if (mknodat(parent, name, d->type | d->mode, makedev(d->major, d->minor)) == 0)
        return 1;
    return errno == EEXIST ? 0 : error_sys(err, "mknod");
}

static bool is_link(int parent, const char *name) {
    struct stat st;
    return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int make_device(struct init *init, size_t index, const struct plan_device *d, struct error *err) {
    char place[NAME_MAX + 1];
    const char *name;
    const bool bound = init->held->devices && d->type != S_IFIFO;
    own_fd parent = resolve_parent(init->root, d->path, true, &name);
    int made = make_node(parent, name, d, bound, err);
    /* A link of the image at the very path leads to another place inside the root. */
    if (made == 0 && is_link(parent, name)) {
        fd_drop(&parent);
        parent = resolve_place(init->root, d->path, place);
        name = place;
        made = make_node(parent, name, d, bound, err);
    }
    if (made < 0 || (made && !d->uid && !d->gid))
        return made;
    if (bound)
        return bind_device(init, index, parent, name, err);
    own_fd node = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int r = check_node(node, d, err); /* of one that we have made, too: somebody may have put a file in its place */
    if (r == 0 && made && fchownat(node, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
        return error_sys(err, "chown to %u:%u", d->uid, d->gid);
    return r;
}

int furnish_devices(struct init *init, struct error *err) {
    const struct plan_devices *devices = &init->plan->devices;
    if (init->plan->mounts.dev_is_bind)
        return 0; /* the caller's own /dev is as the caller wants it */
    for (size_t i = 0; i < devices->count; i++) {
        const struct plan_device *d = &devices->items[i];
        if (make_device(init, i, d, err) >= 0)
            continue;
        char place[40] = "";
        if (d->index >= 0)
            snprintf(place, sizeof place, "/linux/devices/%d", d->index);
        return error_blame(err, "devices", place, "device %s%s%s", d->path, *place ? " " : "", place);
    }
    return 0;
}

/* config-linux.md "Default Devices" and "/dev symbolic links"; /dev/core as the peers. */
static const struct {
    const char *path, *target;
    const char *needs; /* made only where this exists */
} links[] = {
    {"/dev/fd", "/proc/self/fd", "/proc/self"},       {"/dev/stdin", "/proc/self/fd/0", "/proc/self"},
    {"/dev/stdout", "/proc/self/fd/1", "/proc/self"}, {"/dev/stderr", "/proc/self/fd/2", "/proc/self"},
    {"/dev/core", "/proc/kcore", "/proc/kcore"},      {"/dev/ptmx", "pts/ptmx", "/dev/pts/ptmx"},
};

static int make_link(int dev, const char *name, const char *target) {
    struct stat st;
    if (symlinkat(target, dev, name) == 0)
        return 0;
    /* A ptmx node in an image is the host's multiplexer; the container has its own. Other things, mounts too, are left
     * alone. */
    bool node = errno == EEXIST && strcmp(name, "ptmx") == 0 && fstatat(dev, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                !S_ISLNK(st.st_mode);
    if (node && unlinkat(dev, name, 0) == 0 && symlinkat(target, dev, name) == 0)
        return 0;
    return errno == EEXIST || errno == EBUSY ? 0 : -errno;
}

int furnish_links(struct init *init, struct error *err) {
    if (init->plan->mounts.dev_is_bind)
        return 0;
    own_fd dev = resolve_make(init->root, "/dev", RESOLVE_MAKE_DIRECTORY, 0);
    if (dev < 0)
        return error_code(err, -dev, "open /dev");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        own_fd there = resolve_path(init->root, links[i].needs, RESOLVE_NO_LINK_AT_END);
        if (there == -ENOENT || there == -ENOTDIR || there == -ELOOP || there == -EACCES)
            continue;
        if (there < 0)
            return error_code(err, -there, "look for %s", links[i].needs);
        int r = make_link(dev, links[i].path + strlen("/dev/"), links[i].target);
        if (r < 0)
            return error_code(err, -r, "link %s to %s", links[i].path, links[i].target);
    }
    return 0;
}

/* An empty file for the terminal to be bound on; whatever link an image has there is not followed (CVE-2026-88264). */
static int console_target(struct init *init, struct error *err) {
    const char *name;
    struct stat st;
    own_fd dev = resolve_parent(init->root, "/dev/console", true, &name);
    if (dev < 0)
        return error_code(err, -dev, "open /dev");
    own_fd made = openat(dev, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (made < 0 && errno != EEXIST && errno != EROFS)
        return error_sys(err, "make /dev/console");
    own_fd target = openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0 || fstat(target, &st) < 0)
        return error_sys(err, "open /dev/console");
    if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
        return error_set(err, ELOOP, "/dev/console is a link or a directory in the image");
    return fd_take(&target);
}

/* A new terminal of the container's own devpts, in the size that the config asks for. */
static int open_terminal(struct init *init, int *master, int *slave, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    own_fd pts = resolve_path(init->root, "/dev/pts", RESOLVE_DIRECTORY);
    if (pts < 0)
        return error_code(err, -pts, "open /dev/pts for the container's terminal");
    int r = tty_open(pts, master, slave, err);
    return r == 0 && process->rows && process->columns ? tty_resize(*master, process->rows, process->columns, err) : r;
}

static int send_terminal(const struct init *init, int master, struct error *err) {
    char name[64];
    int r = tty_name(master, name, sizeof name, err);
    if (r < 0)
        return r;
    r = handoff_send(init->channel, HANDOFF_CONSOLE, master, name);
    return r < 0 ? error_code(err, -r, "hand the terminal on") : 0;
}

int furnish_console(struct init *init, struct error *err) {
    own_fd master = -1, slave = -1, mounted = -1;
    int r = open_terminal(init, &master, &slave, err);
    if (r < 0)
        return r;
    own_fd target = console_target(init, err);
    if (target < 0)
        return target;
    r = mount_bind_onto(slave, target, false, &mounted);
    if (r < 0)
        return error_code(err, -r, "bind the terminal on /dev/console");
    r = send_terminal(init, master, err);
    if (r == 0)
        init->console = fd_take(&slave);
    return r;
}

int furnish_terminal(struct init *init, struct error *err) {
    return open_terminal(init, &init->terminal, &init->console, err);
}

int furnish_hand_on(struct init *init, struct error *err) {
    int r = send_terminal(init, init->terminal, err);
    fd_drop(&init->terminal);
    return r;
}

/* The image has no such device, or one that may not be opened: as opposed to a failure that says nothing about it. */
static bool is_lacking(int r) {
    static const int reasons[] = {ENOENT, ENOTDIR, ELOOP, EACCES, EPERM, EXDEV, ENXIO, ENODEV};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (r == -reasons[i])
            return true;
    return false;
}

/* The container's /dev/null, opened; -1 where it is not the true device on a file system of ours. */
static int open_null(struct init *init, int *out, struct error *err) {
    struct stat st;
    struct statfs fs;
    own_fd null = resolve_path(init->root, "/dev/null", RESOLVE_NO_LINKS);
    if (null < 0 && !is_lacking(null))
        return error_code(err, -null, "open the container's /dev/null");
    if (null >= 0 && (fstat(null, &st) < 0 || fstatfs(null, &fs) < 0))
        return error_sys(err, "look at /dev/null");
    bool ours = null >= 0 && is_null(&st) && fs.f_type == TMPFS_MAGIC;
    own_fd opened = ours ? resolve_open(init->root, "/dev/null", O_RDWR | O_NOCTTY) : -1;
    if (ours && opened < 0 && !is_lacking(opened))
        return error_code(err, -opened, "open the container's /dev/null");
    if (opened >= 0 && fstat(opened, &st) < 0)
        return error_sys(err, "look at /dev/null");
    *out = opened >= 0 && is_null(&st) ? fd_take(&opened) : -1;
    return 0;
}

/*
 * /dev/null of the host at 0, 1 or 2 becomes the container's, so that /proc/self/fd/N means something inside. Only
 * when that is the true device on a file system of ours: rdev alone can be had by anyone (CVE-2026-88265). Otherwise it
 * becomes the host's by way of a read-only mount, so that nobody inside gets at its mode and owner.
 */
static int adopt_null(struct init *init, struct error *err) {
    own_fd inside = -1;
    int better = -1;
    struct stat st;
    for (int fd = 0; fd < 3; fd++) {
        const bool open = fstat(fd, &st) == 0;
        if (!open && errno != EBADF)
            return error_sys(err, "look at descriptor %d", fd);
        if (!open || !is_null(&st))
            continue;
        if (better < 0 && open_null(init, &inside, err) < 0)
            return -err->code;
        better = inside >= 0 ? inside : init->held->null_stream;
        if (better < 0)
            return 0;
        if (dup2(better, fd) < 0)
            return error_sys(err, "put /dev/null on %d", fd);
    }
    return 0;
}

/*
 * Pipes and sockets belong to whoever reads and writes them: a program may open /dev/stderr anew. A file or a terminal
 * of the host stays its owner's, unlike with runc and crun: it would be the container's user's for good, to be read,
 * cut short or typed into long after. Engines hand over pipes and sockets.
 */
static void chown_stdio(const struct plan_process *process, int fd) {
    struct stat st;
    if (process->uid == 0 || fstat(fd, &st) < 0)
        return;
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
        (void)!fchown(fd, process->uid, (gid_t)-1); /* in a user namespace life has tried before (life/streams.h) */
}

int furnish_stdio(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    if (init->console >= 0) {
        if (process->uid && fchown(init->console, process->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
            return error_sys(err, "give the terminal to user %u", process->uid);
        return 0;
    }
    for (int fd = 0; fd < 3; fd++)
        chown_stdio(process, fd);
    return adopt_null(init, err);
}

int furnish_adopt(struct init *init, struct error *err) {
    int r = tty_adopt(init->console, err);
    if (r == 0)
        fd_drop(&init->console);
    return r;
}
