/* SPDX-License-Identifier: Apache-2.0 */
/* hold: see hold.h. */
#include "life/hold.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "base/table.h"
#include "init/init.h"
#include "kernel/idmap.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/sys.h"
#include "life/hook_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MQUEUE_MAGIC 0x19800202 /* statfs(2); in no header of the kernel */

static const struct held_source nothing = {.fd = -1};

void hold_init(struct held *held) {
    *held = (struct held){.rootfs = nothing,
                          .rootfs_path = "",
                          .null = nothing,
                          .cgroup_unified = nothing,
                          .null_stream = -1,
                          .bundle = -1,
                          .hook_output = HOOK_OUTPUT_INIT};
    for (int k = 0; k < NS_COUNT; k++)
        held->namespaces[k] = -1;
}

void hold_drop(const struct plan *plan, struct held *held) {
    fd_drop(&held->rootfs.fd);
    fd_drop(&held->null.fd);
    fd_drop(&held->null_stream);
    fd_drop(&held->cgroup_unified.fd);
    fd_drop(&held->bundle);
    hook_output_drop(&held->hook_output);
    fd_queue_drop(&held->queue);
    for (size_t i = 0; held->mounts && i < plan->mounts.count; i++)
        fd_drop(&held->mounts[i].fd);
    for (size_t i = 0; held->devices && i < plan->devices.count; i++)
        fd_drop(&held->devices[i].fd);
    for (size_t i = 0; i < held->cgroup_count; i++)
        fd_drop(&held->cgroups[i].source.fd);
    for (int k = 0; k < NS_COUNT; k++)
        fd_drop(&held->namespaces[k]);
}

/* Who clones the source, and where: struct held_source. CLONE_CHILD: still in our mount namespace. */
enum when { CLONE_NOW, CLONE_CHILD, CLONE_INSIDE, CLONE_LATE };

/* Adopts an O_PATH descriptor, as a detached tree if it is to be cloned now and that is possible. */
static int source_from_fd(int *fd, enum when when, const struct held_source *how, struct held_source *out) {
    struct stat st;
    if (fstat(*fd, &st) < 0)
        return -errno;
    struct held_source source = *how;
    source.fd = *fd;
    source.directory = S_ISDIR(st.st_mode);
    source.own = when == CLONE_CHILD;
    source.inside = when == CLONE_INSIDE;
    source.device = st.st_dev;
    source.inode = st.st_ino;
    int tree = when != CLONE_NOW ? -ENOSYS : mount_clone(*fd, source.recursive);
    if (tree >= 0) {
        close(*fd);
        source.fd = tree;
        source.detached = true;
    } else if (tree != -EPERM && tree != -ENOSYS && tree != -EINVAL) {
        return tree; /* EINVAL: not in our mount namespace, or unbindable; the new process gets the true answer */
    }
    *fd = -1;
    *out = source;
    return 0;
}

static int open_source(const struct held_source *how, int flags, enum when when, struct held_source *out) {
    own_fd fd = fd_open(how->path, O_PATH | (how->nofollow ? O_NOFOLLOW : 0) | flags);
    return fd < 0 ? -errno : source_from_fd(&fd, when, how, out);
}

/* In a user namespace but the first: no node can be made there, and some file systems not be mounted. */
static bool is_confined(const struct plan *plan) {
    return plan->namespaces.modes[NS_USER] != NS_INHERIT || !namespace_user_is_first();
}

bool hold_inside(const struct plan *plan) {
    const enum ns_mode *modes = plan->namespaces.modes;
    return modes[NS_USER] != NS_INHERIT && modes[NS_MOUNT] == NS_NEW;
}

static enum when clone_when(const struct plan *plan, const struct plan_mount *m) {
    if (hold_inside(plan))
        return CLONE_INSIDE;
    /* The map is applied by us. */
    return plan->namespaces.recipe.mounts_first && m->idmap == MOUNT_IDMAP_NONE ? CLONE_CHILD : CLONE_NOW;
}

/* The path of an open file with all links resolved; "" if /proc does not show it. */
static const char *real_path(struct arena *arena, int fd) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    const char *copy = arena_strdup(arena, path);
    return copy ? copy : "";
}

/*
 * *straight: no symbolic link is on the way, so the path itself says where the file is. As a rule none is, and the
 * kernel need not be asked for the name of what was opened.
 */
static int open_straight(const char *path, int flags, bool *straight) {
    const struct open_how how = {.flags = (__u64)(O_PATH | O_CLOEXEC | (flags & ~O_NOFOLLOW)),
                                 .resolve = RESOLVE_NO_SYMLINKS};
    int fd = sys_openat2(AT_FDCWD, path, &how);
    *straight = fd >= 0;
    return fd < 0 ? fd_open(path, O_PATH | flags) : fd;
}

/* The part of a path below a directory, "/" for the directory itself; NULL: it lies elsewhere. */
static const char *path_below(const char *path, const char *directory) {
    size_t len = strlen(directory);
    if (len <= 1 || strncmp(path, directory, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path[len] ? path + len : "/";
}

static int hold_rootfs(struct arena *arena, const struct plan *plan, struct held *held, struct error *err) {
    const struct held_source how = {.path = plan->rootfs, .recursive = true};
    bool straight;
    own_fd fd = open_straight(how.path, O_DIRECTORY, &straight);
    int r = fd < 0 ? -errno : 0;
    if (r == 0 && plan->mounts.count > 0) {
        held->rootfs_name = mounts_clean_path(arena, plan->rootfs);
        held->rootfs_path = straight ? held->rootfs_name : real_path(arena, fd);
        r = held->rootfs_name ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = source_from_fd(&fd, hold_inside(plan) ? CLONE_INSIDE : CLONE_NOW, &how, &held->rootfs);
    return r < 0 ? error_at(err, -r, "rootfs", "/root/path", "invalid rootfs: %s%s", plan->rootfs, mount_hint(r)) : 0;
}

static int map_source(const struct plan *plan, const struct plan_mount *m, const struct held *held,
                      const struct held_source *source, struct error *err) {
    const bool joined = m->uid_count == 0 && plan->namespaces.modes[NS_USER] == NS_JOIN;
    own_fd made = -1;
    if (!source->detached)
        return error_set(err, EPERM, "id-mapped mounts need CAP_SYS_ADMIN and Linux 5.12");
    int r = joined ? 0
                   : idmap_namespace((const struct namespace_map *)m->uids, m->uid_count,
                                     (const struct namespace_map *)m->gids, m->gid_count, &made, err);
    if (r < 0)
        return r;
    r = idmap_apply(source->fd, joined ? held->namespaces[NS_USER] : made, m->idmap == MOUNT_IDMAP_TREE);
    return r < 0 ? error_code(err, -r, "map ids%s", r == -EINVAL ? " (the file system may not support it)" : "") : 0;
}

/*
 * Only the owner of the network namespace may mount a sysfs, of the ipc namespace an mqueue, and of neither where an
 * outer container has covered parts of it (mount_namespaces(7)): the host's is bound then, if it has one. The host's
 * mqueue shows the queues of the host's ipc namespace, so it stands in for that of no other.
 */
static void hold_stand_in(const struct plan *plan, const struct plan_mount *m, struct held_source *out) {
    static const struct {
        const char *type, *path;
        long magic;
    } rows[] = {
        {"sysfs", "/sys", SYSFS_MAGIC},
        {"mqueue", "/dev/mqueue", MQUEUE_MAGIC},
    };
    for (size_t i = 0; i < TABLE_COUNT(rows); i++) {
        const struct held_source how = {.path = rows[i].path, .recursive = true, .stand_in = true};
        struct statfs fs;
        if (strcmp(m->type, rows[i].type) != 0)
            continue;
        if (rows[i].magic == MQUEUE_MAGIC && plan->namespaces.modes[NS_IPC] != NS_INHERIT)
            return;
        own_fd fd = fd_open(how.path, O_PATH | O_DIRECTORY);
        if (fd >= 0 && fstatfs(fd, &fs) == 0 && (long)fs.f_type == rows[i].magic)
            (void)source_from_fd(&fd, CLONE_LATE, &how, out);
    }
}

static int blame_mount(const struct plan_mount *m, struct error *err) {
    char place[32];
    snprintf(place, sizeof place, "/mounts/%u", m->index);
    return error_blame(err, "mount", place, "bind source %s of mount on %s (mounts[%u])", m->source, m->destination,
                       m->index);
}

int hold_blame(const struct plan *plan, size_t index, struct error *err) {
    if (index > 0)
        return blame_mount(&plan->mounts.items[index - 1], err);
    return error_blame(err, "rootfs", "/root/path", "invalid rootfs: %s (config /root/path)", plan->rootfs);
}

static int map_one(const struct plan *plan, const struct plan_mount *m, const struct held *held, struct error *err) {
    return map_source(plan, m, held, &held->mounts[m->index], err) < 0 ? blame_mount(m, err) : 0;
}

int hold_map(const struct plan *plan, const struct held *held, struct error *err) {
    for (size_t i = 0; i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        if (m->kind == MOUNT_BIND && m->idmap != MOUNT_IDMAP_NONE && map_one(plan, m, held, err) < 0)
            return -err->code;
    }
    return 0;
}

#define FILES_SPARE 32 /* descriptors that are open beside those of mounts */

/* Whether the table of open files may have no room for a descriptor for each mount. */
static bool is_crowded(const struct plan *plan) {
    struct rlimit now;
    return sys_prlimit(0, RLIMIT_NOFILE, NULL, &now) < 0 || now.rlim_cur < plan->mounts.count + FILES_SPARE;
}

/*
 * A source below the container's own root is one of the container: it is resolved inside the root in its turn, since
 * an earlier row may have made it, and a link of the image must not lead to the host.
 */
static int beneath_root(struct arena *arena, const struct held *held, struct held_source *source, struct error *err) {
    const char *clean = mounts_clean_path(arena, source->path);
    if (!clean)
        return error_memory(err);
    const char *below = path_below(clean, held->rootfs_path);
    source->beneath = below ? below : path_below(clean, held->rootfs_name);
    return 0;
}

/* The same if the path reaches the root through a link: a component below the root may be a link of the image. */
static int beneath_by_link(struct arena *arena, const struct held *held, struct held_source *source, int fd,
                           struct error *err) {
    const struct stat root = {.st_dev = held->rootfs.device, .st_ino = held->rootfs.inode};
    const char *real = real_path(arena, fd);
    char rest[PATH_MAX];
    source->beneath = path_below(real, held->rootfs_path);
    if (strcmp(real, source->path) == 0 || strcmp(held->rootfs_path, "/") == 0)
        return 0;
    own_fd top = fd_open("/", O_PATH | O_DIRECTORY);
    bool met = top >= 0 && resolve_meets((struct root){top}, source->path,
                                         source->nofollow ? RESOLVE_NO_LINK_AT_END : 0, &root, rest);
    if (met)
        source->beneath = arena_strdup(arena, *rest ? rest : "/");
    return met && !source->beneath ? error_memory(err) : 0;
}

/* A mapped source is cloned by us, before any row is in its place. */
static int open_beneath(const struct plan *plan, const struct held_source *source) {
    own_fd root = fd_open(plan->rootfs, O_PATH | O_DIRECTORY);
    return root < 0 ? -errno
                    : resolve_path((struct root){root}, source->beneath, source->nofollow ? RESOLVE_NO_LINK_AT_END : 0);
}

/* For copy-symlink: the text of a symbolic link, NULL for anything else. */
static int hold_link(struct arena *arena, int fd, const char *path, const char **link, struct error *err) {
    struct stat st;
    char text[PATH_MAX];
    if (fstat(fd, &st) < 0)
        return error_sys(err, "stat");
    if (!S_ISLNK(st.st_mode))
        return 0;
    ssize_t n = readlinkat(fd, "", text, sizeof text - 1);
    if (n < 0)
        return error_sys(err, "read symbolic link %s", path);
    text[n] = '\0';
    *link = arena_strdup(arena, text);
    return *link ? 0 : error_memory(err);
}

static int hold_bind(struct arena *arena, const struct plan *plan, const struct plan_mount *m, struct held *held,
                     struct error *err) {
    struct held_source *out = &held->mounts[m->index],
                       how = {.path = m->source, .recursive = m->recursive, .nofollow = m->source_nofollow};
    if (beneath_root(arena, held, &how, err) < 0)
        return blame_mount(m, err);
    const bool nofollow = m->source_nofollow || m->copy_symlink;
    bool straight = true;
    own_fd fd = how.beneath ? -1 : open_straight(how.path, nofollow ? O_NOFOLLOW : 0, &straight);
    if (fd >= 0 && m->copy_symlink) {
        int r = hold_link(arena, fd, how.path, &how.link, err);
        if (r < 0)
            return blame_mount(m, err);
    }
    if (!how.beneath && fd < 0) {
        error_sys(err, "open");
        return blame_mount(m, err);
    }
    if (!how.beneath && !how.link && !straight && beneath_by_link(arena, held, &how, fd, err) < 0)
        return blame_mount(m, err);
    if (how.beneath && m->idmap != MOUNT_IDMAP_NONE) {
        fd_drop(&fd);
        fd = open_beneath(plan, &how);
        if (fd < 0) {
            error_code(err, -fd, "open %s in the container's root", how.beneath);
            return blame_mount(m, err);
        }
        how.beneath = NULL;
    }
    if (how.beneath || how.link) {
        how.fd = -1;
        *out = how;
        return 0;
    }
    int r = source_from_fd(&fd, clone_when(plan, m), &how, out);
    if (r == 0)
        return 0;
    error_code(err, -r, "clone%s", mount_hint(r));
    return blame_mount(m, err);
}

static int hold_mounts(struct arena *arena, const struct plan *plan, struct held *held, struct error *err) {
    held->mounts = arena_array(arena, plan->mounts.count, sizeof *held->mounts);
    if (!held->mounts)
        return error_memory(err);
    for (size_t i = 0; i < plan->mounts.count; i++)
        held->mounts[i] = nothing;
    const bool confined = is_confined(plan), inside = hold_inside(plan);
    int r = held->may_queue && !inside && is_crowded(plan) ? fd_queue_open(&held->queue) : 0;
    if (r < 0)
        return error_code(err, -r, "make a queue for descriptors of mounts");
    for (size_t i = 0; i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        if (m->kind == MOUNT_FILESYSTEM && confined)
            hold_stand_in(plan, m, &held->mounts[i]);
        if (m->kind == MOUNT_BIND && hold_bind(arena, plan, m, held, err) < 0)
            return -err->code;
        if (m->kind == MOUNT_BIND && m->idmap != MOUNT_IDMAP_NONE && !inside && map_one(plan, m, held, err) < 0)
            return -err->code;
        if (source_keep(held, &held->mounts[i], err) < 0)
            return blame_mount(m, err);
    }
    return 0;
}

static int is_own_namespace(enum ns_kind kind, int fd, struct error *err) {
    static const char *const names[NS_COUNT] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
    char path[32];
    struct stat own, joined;
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[kind]);
    if (stat(path, &own) < 0 || fstat(fd, &joined) < 0)
        return error_sys(err, "compare it with the runtime's own, %s", path);
    return own.st_ino == joined.st_ino && own.st_dev == joined.st_dev;
}

/* A joined namespace that is our own after all: what is set in there would be set on the host. */
static int check_own_namespace(const struct plan *plan, enum ns_kind kind, int fd, struct error *err) {
    int own = is_own_namespace(kind, fd, err);
    if (own <= 0)
        return own;
    if (kind == NS_UTS && (plan->hostname || plan->domainname))
        return error_set(err, EINVAL, "it is the runtime's own: hostname and domainname would be set on the host");
    for (size_t i = 0; i < plan->sysctl_count; i++)
        if (plan->sysctls[i].kind == kind)
            return error_set(err, EINVAL, "it is the runtime's own: sysctl %s would be set on the host",
                             plan->sysctls[i].key);
    return 0;
}

static int hold_namespaces(const struct plan *plan, struct held *held, struct error *err) {
    for (int k = 0; k < NS_COUNT; k++) {
        if (plan->namespaces.modes[k] != NS_JOIN)
            continue;
        int r = namespace_open(plan->namespaces.paths[k], ns_flag((enum ns_kind)k), &held->namespaces[k], err);
        if (r == 0)
            r = check_own_namespace(plan, (enum ns_kind)k, held->namespaces[k], err);
        if (r == 0)
            continue;
        char place[40];
        snprintf(place, sizeof place, "/linux/namespaces/%u", plan->namespaces.index[k]);
        return error_blame(err, "namespaces", place, "%s namespace (config %s)", ns_name((enum ns_kind)k), place);
    }
    return 0;
}

/* A node of the host, to be mounted in the container. */
static int open_node(const char *path, struct held_source *out) {
    const struct held_source how = {.path = path, .node = true, .nofollow = true};
    int r = open_source(&how, 0, CLONE_NOW, out);
    if (r < 0 || !out->detached || mount_seclude(out->fd, HELD_NODE_FLAGS) == 0)
        return r;
    fd_drop(&out->fd); /* without mount_setattr only what is attached can be changed: left to the new process */
    return open_source(&how, 0, CLONE_LATE, out);
}

/*
 * A node that the host lacks, made on a new file system and held as a detached tree. Root of the first user namespace
 * may, and the device works wherever the tree is mounted. -EINVAL: before Linux 6.15 a mount that is attached nowhere
 * cannot be cloned.
 */
static int make_node(const struct plan_device *d, uid_t uid, gid_t gid, struct held_source *out) {
    static const struct mount_new new = {
        .type = "tmpfs", .source = "tmpfs", .data = "nr_blocks=1,nr_inodes=2,mode=700"};
    struct error ignored = ERROR_INIT;
    own_fd top = -1;
    int r = mount_detached(&new, &top, &ignored);
    if (r < 0)
        return r;
    if (mknodat(top, "node", d->type, makedev(d->major, d->minor)) < 0 ||
        fchownat(top, "node", uid, gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(top, "node", d->mode, 0) < 0)
        return -errno;
    own_fd node = openat(top, "node", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    own_fd tree = node < 0 ? -errno : mount_clone(node, false);
    r = tree < 0 ? tree : mount_seclude(tree, HELD_NODE_FLAGS);
    if (r < 0)
        return r;
    *out = (struct held_source){.fd = fd_take(&tree), .path = d->path, .detached = true, .node = true};
    return 0;
}

static bool is_absent(int r) {
    return r == -ENOENT || r == -ENOTDIR;
}

/*
 * The true /dev/null of the host: character device 1:3 on a file system that only root fills. A host that has none gets
 * one made for this container; one that is something else is refused.
 */
static int hold_null(struct held *held, struct error *err) {
    static const struct plan_device device = {"/dev/null", S_IFCHR, 0666, 1, 3, 0, 0, -1};
    struct stat st;
    struct statfs fs;
    if (held->null.fd >= 0)
        return 0;
    int r = open_node(device.path, &held->null);
    if (is_absent(r) && make_node(&device, 0, 0, &held->null) == 0)
        return 0;
    if (r < 0)
        return error_code(err, -r, "open /dev/null of the host");
    if (fstat(held->null.fd, &st) < 0 || fstatfs(held->null.fd, &fs) < 0)
        return error_sys(err, "stat /dev/null of the host");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3) || fs.f_type != TMPFS_MAGIC)
        return error_set(err, EINVAL, "/dev/null of the host is not the null device on devtmpfs or tmpfs");
    return 0;
}

/* Only a masked file needs it. Whether one is there shows in the container: init refuses that one (init/shield.c). */
static int hold_cover(const struct plan *plan, struct held *held, struct error *err) {
    int r = plan->masked_count > 0 ? hold_null(held, err) : 0;
    return is_absent(r) ? 0 : r;
}

int hold_streams(struct held *held, struct error *err) {
    bool any = false;
    struct stat st;
    for (int fd = 0; fd < 3; fd++) {
        const bool open = fstat(fd, &st) == 0;
        if (!open && errno != EBADF)
            return error_sys(err, "look at descriptor %d", fd);
        any |= open && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
    }
    if (!any)
        return 0;
    int r = hold_null(held, err);
    if (r < 0 || !held->null.detached)
        return r; /* without privilege its mode and owner cannot be changed by us, nor by whom we start */
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", held->null.fd);
    held->null_stream = fd_open(path, O_RDWR | O_NOCTTY);
    return held->null_stream < 0 ? error_sys(err, "open /dev/null of the host") : 0;
}

static int hold_device(const struct plan *plan, const struct plan_device *d, struct held_source *out) {
    struct stat st;
    uint32_t uid, gid;
    int r = open_node(d->path, out);
    if (r == 0 && fstat(out->fd, &st) < 0)
        return -errno;
    if (r == 0 && ((st.st_mode & S_IFMT) != d->type || st.st_rdev != makedev(d->major, d->minor)))
        r = -ENODEV;
    const bool lacking = is_absent(r) || r == -ENODEV; /* as opposed to a failure of ours */
    if (!lacking || geteuid() != 0 || !namespace_user_is_first() || plan->namespaces.modes[NS_USER] == NS_JOIN)
        return r;
    fd_drop(&out->fd);
    *out = nothing;
    const bool mapped =
        namespaces_map_uid(&plan->namespaces, d->uid, &uid) && namespaces_map_gid(&plan->namespaces, d->gid, &gid);
    return mapped && make_node(d, uid, gid, out) == 0 ? 0 : r;
}

static int hold_devices(struct arena *arena, const struct plan *plan, struct held *held, struct error *err) {
    if (!is_confined(plan) || plan->mounts.dev_is_bind) /* else the host's nodes are bound */
        return 0;
    held->devices = arena_array(arena, plan->devices.count, sizeof *held->devices);
    if (!held->devices)
        return error_memory(err);
    for (size_t i = 0; i < plan->devices.count; i++)
        held->devices[i] = nothing;
    for (size_t i = 0; i < plan->devices.count; i++) {
        const struct plan_device *d = &plan->devices.items[i];
        char place[40] = "";
        if (d->type == S_IFIFO)
            continue;
        if (d->index >= 0)
            snprintf(place, sizeof place, "/linux/devices/%d", d->index);
        int r = hold_device(plan, d, &held->devices[i]);
        if (r < 0)
            return error_at(err, -r, "devices", place,
                            "device %s: the host has none there to be bound into the user namespace, and none could be "
                            "made",
                            d->path);
    }
    return 0;
}

int hold_open(struct arena *arena, const struct plan *plan, struct held *held, struct error *err) {
    int r = hold_rootfs(arena, plan, held, err);
    if (r == 0)
        r = hold_namespaces(plan, held, err);
    if (r == 0)
        r = hold_mounts(arena, plan, held, err);
    if (r == 0)
        r = hold_cover(plan, held, err);
    if (r == 0)
        r = hold_streams(held, err);
    return r < 0 ? r : hold_devices(arena, plan, held, err);
}

static int hold_cgroup_dir(struct arena *arena, const struct plan *plan, const struct cgroup_dir *dir,
                           struct held_source *out, struct error *err) {
    /* The init process finds its own cgroup with any rights, where it is not mounted anew. */
    const enum when when = hold_inside(plan)                      ? CLONE_LATE
                           : plan->namespaces.recipe.mounts_first ? CLONE_CHILD
                                                                  : CLONE_NOW;
    const struct held_source how = {.path = arena_printf(arena, "%s%s", dir->mount, dir->path)};
    own_fd fd = fcntl(dir->fd, F_DUPFD_CLOEXEC, 3);
    int r = !how.path ? -ENOMEM : fd < 0 ? -errno : source_from_fd(&fd, when, &how, out);
    return r < 0 ? error_code(err, -r, "hold cgroup %s%s", dir->path, mount_hint(r)) : 0;
}

static const struct plan_mount *find_cgroup_mount(const struct plan *plan) {
    for (size_t i = 0; i < plan->mounts.count; i++)
        if (plan->mounts.items[i].kind == MOUNT_CGROUP)
            return &plan->mounts.items[i];
    return NULL;
}

/* 1, 0 or -errno. */
static int shares_cgroup_namespace(const struct plan *plan, const struct held *held, struct error *err) {
    const enum ns_mode mode = plan->namespaces.modes[NS_CGROUP];
    return mode == NS_JOIN ? is_own_namespace(NS_CGROUP, held->namespaces[NS_CGROUP], err) : mode == NS_INHERIT;
}

int hold_cgroups(struct arena *arena, const struct plan *plan, const struct cgroup *group, struct held *held,
                 struct error *err) {
    const struct plan_mount *m = find_cgroup_mount(plan);
    bool confined = is_confined(plan), bound = plan->namespaces.modes[NS_CGROUP] != NS_NEW || confined;
    if (!m)
        return 0;
    /* Also where no cgroup is wanted, and none was looked for. */
    int shared = confined ? 0 : shares_cgroup_namespace(plan, held, err);
    if (shared > 0)
        shared = cgroup_host_is_unified(err);
    if (shared < 0)
        return shared;
    if (shared) {
        held->cgroup_shared = true;
        if (m->data)
            log_warning("options \"%s\" of the cgroup mount ignored: it is the host's own (config /mounts/%u)", m->data,
                        m->index);
        const struct held_source how = {.path = CGROUP_ROOT};
        int r = open_source(&how, O_DIRECTORY, clone_when(plan, m), &held->cgroup_unified);
        return r < 0 ? error_code(err, -r, "open %s", CGROUP_ROOT) : 0;
    }
    held->cgroup_frame = group->world == CGROUP_LEGACY || group->world == CGROUP_HYBRID;
    held->cgroup_foreign = group->count == 0 && confined;
    if (group->count == 0)
        return 0;
    if (group->world == CGROUP_UNIFIED)
        return bound ? hold_cgroup_dir(arena, plan, &group->dirs[0], &held->cgroup_unified, err) : 0;
    held->cgroups = arena_array(arena, group->count, sizeof *held->cgroups);
    if (!held->cgroups)
        return error_memory(err);
    for (size_t i = 0; i < group->count; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        const char *slash = strrchr(dir->mount, '/');
        struct held_cgroup *row = &held->cgroups[i];
        *row = (struct held_cgroup){.name = slash ? slash + 1 : dir->mount,
                                    .controllers = dir->unified ? "" : dir->controllers,
                                    .source = nothing};
        held->cgroup_count = i + 1;
        int r = bound ? hold_cgroup_dir(arena, plan, dir, &row->source, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int hold_preserved(unsigned count, struct error *err) {
    for (unsigned i = 0; i < count; i++) {
        int fd = (int)(3 + i), flags = fcntl(fd, F_GETFD);
        /* What has close-on-exec set cannot have been inherited: it is a descriptor of ours. */
        if (flags < 0 || (flags & FD_CLOEXEC))
            return error_set(err, EBADF, "unable to stat preserved-fd %d (of %u from 3 on): it is not open", fd, count);
    }
    return 0;
}
