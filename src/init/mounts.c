/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts: the rows of mounts[], in two passes. First each becomes a detached tree with its flags set, in the order of
 * the config and while a path of the host leads to the host. Then, in the container's mount namespace, each is moved to
 * its destination, which is resolved inside the root to a descriptor. So no source can lead into the container by
 * accident, no mount is less restricted for a moment than the config says, and mountinfo, which lists mounts by age
 * since Linux 6.8, shows the order of the config. What the new mount API cannot do (too old a kernel, a filter of an
 * outer container) is left to the classic calls of the second pass. Runs in init before pivot; needs CAP_SYS_ADMIN over
 * the mount namespace.
 */
#include "base/own.h"
#include "init/init.h"
#include "kernel/copy.h"
#include "kernel/lsm.h"
#include "kernel/mountfd.h"
#include "kernel/submounts.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

unsigned long mounts_base_propagation(const struct init *init) {
    return init->plan->root_propagation & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC;
}

static bool is_type(const struct plan_mount *m, const char *type) {
    return m->kind == MOUNT_FILESYSTEM && strcmp(m->type, type) == 0;
}

static struct held_source *held_of(const struct init *init, const struct plan_mount *m) {
    return &init->held->mounts[m->index];
}

static int blame(const struct plan_mount *m, struct error *err) {
    char place[32];
    snprintf(place, sizeof place, "/mounts/%u", m->index);
    return error_blame(err, "mount", place, "mount %s on %s (mounts[%u])", *m->type ? m->type : "bind", m->destination,
                       m->index);
}

/* ---- flags and propagation -------------------------------------------------------------------------------------- */

#define PROC_ROOT_INODE 1 /* of a procfs: <linux/proc_fs.h> of the kernel */

/*
 * A tmpfs, /dev and the root are written to while the container is furnished, so their "ro" comes at the end
 * (mounts_seal).
 */
static bool sealed_late(const struct plan_mount *m) {
    const bool dev = strcmp(m->destination, "/dev") == 0, root = strcmp(m->destination, "/") == 0;
    return (m->flags.set & MOUNT_ATTR_RDONLY) &&
           ((m->kind == MOUNT_FILESYSTEM && (dev || strcmp(m->type, "tmpfs") == 0)) ||
            (m->kind == MOUNT_REMOUNT && (dev || root)));
}

/* A later row makes the same mount writable again. */
static bool reopened_later(const struct plan_mounts *mounts, size_t index) {
    for (size_t i = index + 1; i < mounts->count; i++)
        if (mounts->items[i].kind == MOUNT_REMOUNT && (mounts->items[i].flags.clear & MOUNT_ATTR_RDONLY) &&
            strcmp(mounts->items[i].destination, mounts->items[index].destination) == 0)
            return true;
    return false;
}

static uint64_t set_at_once(const struct plan_mount *m, struct mount_flags flags) {
    return flags.set & ~(sealed_late(m) ? (uint64_t)MOUNT_ATTR_RDONLY : 0);
}

/*
 * A clone of a shared mount is a peer of the host's mount: the host would see mounts that the container makes there. As
 * in runc and crun, it stays a peer only if the options make it "shared" and the root is shared, too. So do the mounts
 * below it: Docker and Podman write "rbind" and "shared" for the volume option "shared".
 */
static bool stays_peer(const struct init *init, const struct plan_mount *m) {
    const bool root_shared = init->plan->root_propagation & MS_SHARED;
    return (m->propagation[0] & MS_SHARED) && (init->plan->namespaces.modes[NS_MOUNT] != NS_NEW || root_shared);
}

/* The propagation that a tree of the host gets before the options of its row; 0: none. */
static unsigned long first_propagation(const struct init *init, const struct plan_mount *m) {
    return m->kind != MOUNT_BIND || stays_peer(init, m) ? 0 : mounts_base_propagation(init);
}

static int refuse_flags(const struct plan_mount *m, int r, const char *what, struct error *err) {
    return error_code(err, -r, "set %s of mount %s", what, m->destination);
}

/* The flags to set and to clear, given the present state of the mount. */
static struct mount_flags for_mount(struct mount_flags flags, int mount_fd) {
    struct statvfs now;
    if (flags.spare_noatime && fstatvfs(mount_fd, &now) == 0 && (now.f_flag & ST_NOATIME)) {
        flags.set &= ~(uint64_t)MOUNT_ATTR__ATIME;
        flags.clear &= ~(uint64_t)MOUNT_ATTR__ATIME;
    }
    return flags;
}

/* Of a detached tree. 1: done; 0: the kernel can do so only for an attached mount. */
static int prepare(const struct init *init, const struct plan_mount *m, int tree, struct error *err) {
    const struct mount_flags flags = for_mount(m->flags, tree), whole = for_mount(m->tree, tree);
    const bool bind = m->kind == MOUNT_BIND;
    int r = bind ? mount_prepare(tree, set_at_once(m, flags), flags.clear, false, 0) : 0;
    if (r == -ENOSYS)
        return 0;
    if (r < 0)
        return refuse_flags(m, r, "flags", err);
    r = mount_prepare(tree, whole.set, whole.clear, true, first_propagation(init, m));
    if (r == -ENOSYS)
        return 0;
    if (r < 0)
        return refuse_flags(m, r, "recursive flags", err);
    for (int i = 0; i < MOUNT_PROPAGATIONS_MAX && m->propagation[i]; i++) {
        r = mount_prepare(tree, 0, 0, m->propagation[i] & MS_REC, m->propagation[i]);
        if (r == -ENOSYS)
            return 0;
        if (r < 0)
            return refuse_flags(m, r, "propagation", err);
    }
    return 1;
}

/* The same for an attached mount. */
static int change(const struct init *init, const struct plan_mount *m, int mount_fd, bool with_flags,
                  struct error *err) {
    const struct mount_flags flags = for_mount(m->flags, mount_fd), whole = for_mount(m->tree, mount_fd);
    const unsigned long first = first_propagation(init, m);
    int r = first ? mount_propagation(mount_fd, first) : 0;
    if (r < 0)
        return refuse_flags(m, r, "propagation", err);
    if (with_flags)
        r = mount_change(mount_fd, set_at_once(m, flags), flags.clear, false);
    if (r < 0)
        return refuse_flags(m, r, "flags", err);
    r = mount_change(mount_fd, whole.set, whole.clear, true);
    if (r < 0)
        return refuse_flags(m, r, "recursive flags", err);
    for (int i = 0; r == 0 && i < MOUNT_PROPAGATIONS_MAX && m->propagation[i]; i++)
        r = mount_propagation(mount_fd, m->propagation[i]);
    return r < 0 ? refuse_flags(m, r, "propagation", err) : 0;
}

/* ---- first pass: detached trees --------------------------------------------------------------------------------- */

static int make_bind(struct init *init, const struct plan_mount *m, struct error *err) {
    struct held_source *source = held_of(init, m);
    int r = source_clone(source, err);
    if (r < 0 || !source->detached)
        return r;
    r = prepare(init, m, source->fd, err);
    source->prepared = r > 0;
    return r < 0 ? r : 0;
}

static struct mount_new new_filesystem(const struct plan_mount *m) {
    return (struct mount_new){
        .type = m->type,
        .source = m->source,
        .data = m->data,
        .attributes = set_at_once(m, m->flags),
        .superblock = m->superblock,
        .classic_flags = m->classic_flags,
    };
}

/* EPERM for proc has two reasons that nobody guesses (pid_namespaces(7), mount_namespaces(7)). */
static int refuse_proc(const struct init *init, struct error *err) {
    return error_code(err, EPERM, "file system proc (%s)",
                      init->plan->namespaces.modes[NS_PID] == NS_INHERIT
                          ? "a user namespace needs a pid namespace of its own, too"
                          : "in a user namespace the kernel gives no more of it than can be seen of berth's own /proc, "
                            "parts of which are covered: an outer container's maskedPaths and readonlyPaths");
}

/* If the file system may not be mounted, the host's instance stands in for it where life holds one (life/hold.c). */
static int make_filesystem(struct init *init, const struct plan_mount *m, struct error *err) {
    const struct mount_new new = new_filesystem(m);
    struct held_source *held = held_of(init, m);
    own_fd tree = -1;
    int r = mount_detached(&new, &tree, err);
    if (r == -ENOSYS)
        return 0;
    if (r == -EPERM && held->fd >= 0)
        return source_clone(held, err);
    if (r == -EPERM && is_type(m, "proc"))
        return refuse_proc(init, err);
    if (r < 0)
        return r;
    r = prepare(init, m, tree, err);
    if (r < 0)
        return r;
    fd_drop(&held->fd);
    *held = (struct held_source){
        .fd = fd_take(&tree), .detached = true, .prepared = r > 0, .directory = true, .path = m->type};
    return 0;
}

int mounts_make(struct init *init, struct error *err) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    bool late = false; /* a bind is left to the second pass; so are the rows after it, since mountinfo lists by age */
    int r = 0;
    for (size_t i = 0; r == 0 && i < mounts->count; i++) {
        const struct plan_mount *m = &mounts->items[i];
        struct held_source *held = held_of(init, m);
        r = source_take(init->held, held, err);
        if (r == 0 && m->kind == MOUNT_BIND)
            r = make_bind(init, m, err);
        else if (r == 0 && m->kind == MOUNT_FILESYSTEM && !late)
            r = make_filesystem(init, m, err);
        else if (r == 0 && m->kind == MOUNT_CGROUP && !init->cgroup_made && !late)
            r = cgroup_mount_make(init, m, err);
        late |= m->kind == MOUNT_BIND && !held->detached && !held->link;
        if (r == 0)
            r = source_keep(init->held, held, err);
        if (r < 0)
            return blame(m, err);
    }
    return 0;
}

/* ---- second pass: places ---------------------------------------------------------------------------------------- */

static const char *const guarded[GUARDED_COUNT] = {[GUARDED_PROC] = "/proc", [GUARDED_SYS] = "/sys"};

struct root init_base(const struct init *init, const char **path) {
    for (size_t i = 0; i < GUARDED_COUNT; i++) {
        size_t len = strlen(guarded[i]);
        if (init->guarded[i] <= 0 || strncmp(*path, guarded[i], len) != 0 || (*path)[len] != '/')
            continue;
        *path += len;
        return (struct root){init->guarded[i]};
    }
    return init->root;
}

/* Remembers a mount on /proc or /sys; a later one covers the earlier one. */
static int guard(struct init *init, const struct plan_mount *m, int mount_fd, struct error *err) {
    for (size_t i = 0; i < GUARDED_COUNT; i++) {
        if (strcmp(m->destination, guarded[i]) != 0)
            continue;
        int kept = fcntl(mount_fd, F_DUPFD_CLOEXEC, 3);
        if (kept < 0)
            return error_sys(err, "keep the mount on %s", m->destination);
        if (init->guarded[i] > 0)
            close(init->guarded[i]);
        init->guarded[i] = kept;
    }
    return 0;
}

/* Names the element of the path that is there and no directory. */
static int refuse_target(const struct plan_mount *m, struct root base, const char *path, int code, struct error *err) {
    char prefix[PATH_MAX];
    struct stat st;
    size_t len = 0;
    while (code == ENOTDIR && strlen(path) < sizeof prefix && path[len]) {
        len += strspn(path + len, "/");
        len += strcspn(path + len, "/");
        memcpy(prefix, path, len);
        prefix[len] = '\0';
        own_fd fd = resolve_path(base, prefix, 0);
        if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
            return error_set(err, code, "make mount point %s: %.*s%s is not a directory", m->destination,
                             (int)(path - m->destination), m->destination, prefix);
        if (fd < 0)
            break;
    }
    return error_code(err, code, "make mount point %s", m->destination);
}

/*
 * Remembers which mount a row has made, for a remount: its destination may be a name of another mount by then. What is
 * put on the top of an earlier row's mount takes its place.
 */
static void remember(const struct init *init, const struct plan_mount *m, int target, int mount_fd) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    uint64_t made, covered;
    bool top;
    if (!mounts->has_remount || sys_mount_id(mount_fd, &made) < 0)
        return;
    held_of(init, m)->mount_id = made;
    if (sys_mount_root(target, &top) < 0 || !top || sys_mount_id(target, &covered) < 0)
        return;
    for (const struct plan_mount *earlier = mounts->items; earlier < m; earlier++)
        if (held_of(init, earlier)->mount_id == covered)
            held_of(init, earlier)->mount_id = made;
}

/* Whether a remount is about to change the mount that the last row with its destination has made. */
static int check_remembered(const struct init *init, const struct plan_mount *m, int fd, struct error *err) {
    const struct plan_mount *earlier = m;
    uint64_t found;
    while (earlier > init->plan->mounts.items) {
        earlier--;
        if (earlier->kind == MOUNT_REMOUNT || strcmp(earlier->destination, m->destination) != 0)
            continue;
        const uint64_t made = held_of(init, earlier)->mount_id;
        return made == 0 || sys_mount_id(fd, &found) < 0 || found == made
                   ? 0
                   : error_set(err, EBUSY, "%s is not the mount that mounts[%u] has made there", m->destination,
                               earlier->index);
    }
    return 0;
}

/* The target of a mount, made when it is missing. Refuses the root itself and what lies inside a procfs. */
static int open_target(const struct init *init, const struct plan_mount *m, bool directory, struct error *err) {
    struct statfs fs;
    struct stat st, top;
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    bool kernel_fs = m->kind == MOUNT_FILESYSTEM && (strcmp(m->type, "proc") == 0 || strcmp(m->type, "sysfs") == 0);
    /* proc and sysfs must not follow a link of the image. */
    const unsigned follow = kernel_fs ? RESOLVE_NO_LINKS : m->dest_nofollow ? RESOLVE_NO_LINK_AT_END : 0;
    own_fd fd = resolve_make(base, path, directory ? RESOLVE_MAKE_DIRECTORY : RESOLVE_MAKE_FILE, follow);
    if (kernel_fs && fd == -ELOOP)
        return error_set(err, ELOOP, "%s must be mounted on ordinary directory, there is a symbolic link in %s",
                         m->type, m->destination);
    if (fd < 0)
        return refuse_target(m, base, path, -fd, err);
    if (fstat(fd, &st) < 0 || fstat(init->root.fd, &top) < 0 || fstatfs(fd, &fs) < 0)
        return error_sys(err, "stat mount point %s", m->destination);
    if (st.st_dev == top.st_dev && st.st_ino == top.st_ino)
        return error_set(err, EINVAL, "mountpoint %s is on the top of rootfs", m->destination);
    if (directory != S_ISDIR(st.st_mode))
        return error_set(err, ENOTDIR, "mount point %s is %sa directory, but the source is %s", m->destination,
                         directory ? "not " : "", directory ? "one" : "a file");
    /* A link may lead into /proc under another name; only names that the plan let pass may be covered there. */
    bool below_proc = strncmp(m->destination, "/proc/", 6) == 0;
    if (fs.f_type == PROC_SUPER_MAGIC && !below_proc && !(st.st_ino == 1 && strcmp(m->destination, "/proc") == 0))
        return error_set(err, EINVAL, "%s cannot be mounted over: it is inside /proc", m->destination);
    return fd_take(&fd);
}

static int check_mounted(const struct plan_mount *m, int fd, struct error *err) {
    bool mounted;
    int r = sys_mount_root(fd, &mounted);
    return r == 0 && !mounted ? error_set(err, EINVAL, "%s is not a mount point", m->destination) : 0;
}

/* The mounts that are there, for reach_mount; NULL: the row is a tree already, and nothing has to be looked for. */
static int list_before(const struct held_source *source, char **text, struct error *err) {
    int r = source->detached ? 0 : mountinfo_read(text);
    return r < 0 ? error_code(err, -r, "read the list of mounts") : 0;
}

/*
 * The mount that is at the destination now, for what had to be mounted by the classic call. The destination may be a
 * name of another mount by now: one that was there before is not ours. Before Linux 5.8 nobody can tell.
 */
static int reach_mount(const struct init *init, const struct plan_mount *m, const char *before, int *mount_fd,
                       struct error *err) {
    uint64_t id;
    if (*mount_fd >= 0)
        return 0;
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd fd = resolve_path(base, path, 0);
    if (fd < 0)
        return error_code(err, -fd, "open mount %s", m->destination);
    int r = check_mounted(m, fd, err);
    if (r < 0)
        return r;
    if (sys_mount_id(fd, &id) == 0 && mountinfo_lists(before, id))
        return error_set(err, EBUSY, "%s has become another mount", m->destination);
    *mount_fd = fd_take(&fd);
    return 0;
}

/* The kernel shows a process what it is asked for by its own /proc: only the root of a procfs may be bound there. */
static int check_proc(const struct plan_mount *m, int source, struct error *err) {
    struct statfs fs;
    struct stat st;
    if (strcmp(m->destination, "/proc") != 0)
        return 0;
    if (fstatfs(source, &fs) < 0 || fstat(source, &st) < 0)
        return error_sys(err, "stat %s", m->source);
    return fs.f_type == PROC_SUPER_MAGIC && st.st_ino == PROC_ROOT_INODE
               ? 0
               : error_set(err, EINVAL, "/proc can be covered by a proc file system only");
}

/* A source in the container's own root, where earlier rows are in their places by now. */
static int find_beneath(struct init *init, const struct plan_mount *m, struct held_source *source, struct error *err) {
    struct stat st;
    const char *path = source->beneath;
    const struct root base = init_base(init, &path);
    own_fd fd = resolve_path(base, path, source->nofollow ? RESOLVE_NO_LINK_AT_END : 0);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_code(err, fd < 0 ? -fd : errno, "open %s in the container's root", source->beneath);
    source->directory = S_ISDIR(st.st_mode);
    source->fd = fd_take(&fd);
    source->own = true;
    return make_bind(init, m, err);
}

/* copy-symlink: a link at the destination like the source. One that is there already must be the same. */
static int place_link(struct init *init, const struct plan_mount *m, const char *text, struct error *err) {
    char there[PATH_MAX];
    const char *name, *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd parent = resolve_parent(base, path, true, &name);
    if (parent < 0)
        return error_code(err, -parent, "make the directory of %s", m->destination);
    if (symlinkat(text, parent, name) == 0)
        return 0;
    if (errno != EEXIST)
        return error_sys(err, "make symbolic link %s", m->destination);
    ssize_t n = readlinkat(parent, name, there, sizeof there);
    bool same = n >= 0 && (size_t)n == strlen(text) && memcmp(there, text, (size_t)n) == 0;
    return same ? 0 : error_set(err, EEXIST, "%s is there already, and no symbolic link to %s", m->destination, text);
}

static int place_bind(struct init *init, const struct plan_mount *m, struct error *err) {
    struct held_source *source = held_of(init, m);
    if (source->link)
        return place_link(init, m, source->link, err);
    int r = source->beneath ? find_beneath(init, m, source, err) : 0;
    if (r == 0)
        r = check_proc(m, source->fd, err);
    if (r < 0)
        return r;
    own_fd target = open_target(init, m, source->directory, err);
    own_fd mounted = -1;
    if (target < 0)
        return target;
    own_memory char *before = NULL;
    r = list_before(source, &before, err);
    if (r == 0)
        r = source_move(source, target, &mounted, err);
    if (r == 0)
        r = reach_mount(init, m, before, &mounted, err);
    if (r == 0 && !source->prepared)
        r = change(init, m, mounted, true, err);
    if (r < 0)
        return r;
    remember(init, m, target, mounted);
    return guard(init, m, mounted, err);
}

/* A tmpfs over a directory that was there looks like it, unless the options say a mode. */
static int copy_mode(const struct plan_mount *m, int target, int mount_fd, struct error *err) {
    struct stat st;
    bool has_mode = m->data && (strncmp(m->data, "mode=", 5) == 0 || strstr(m->data, ",mode="));
    if (has_mode)
        return 0;
    own_fd top = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || fstat(target, &st) < 0 || fchmod(top, st.st_mode & 07777) < 0)
        return error_sys(err, "give %s the mode of the directory below it", m->destination);
    return 0;
}

/* What of the host stands in for a file system that may not be mounted here (life/hold.c), with all below it. */
static int place_stand_in(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    const uint64_t inherited = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    static const struct mount_new cover = {.type = "tmpfs",
                                           .source = "tmpfs",
                                           .data = "nr_blocks=1,nr_inodes=2,mode=755",
                                           .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                         MOUNT_ATTR_NOEXEC};
    own_fd mounted = -1, covered = -1;
    own_memory char *before = NULL;
    int r = list_before(held_of(init, m), &before, err);
    if (r == 0)
        r = source_move(held_of(init, m), target, &mounted, err);
    if (r == 0)
        r = reach_mount(init, m, before, &mounted, err);
    if (r < 0)
        return r;
    r = mount_propagation(mounted, mounts_base_propagation(init));
    if (r == 0)
        r = mount_change(mounted, m->flags.set & inherited, 0, true);
    if (r < 0)
        return refuse_flags(m, r, "flags", err);
    r = change(init, m, mounted, false, err);
    if (r < 0 || strcmp(m->type, "sysfs") != 0)
        return r;
    /* All cgroups of the host: none of the container's business. A row of mounts[] may put its own there. */
    own_fd place = resolve_path((struct root){mounted}, "/fs/cgroup", RESOLVE_DIRECTORY);
    if (place == -ENOENT)
        return 0;
    if (place < 0)
        return error_code(err, -place, "open %s/fs/cgroup", m->destination);
    r = mount_filesystem(&cover, place, &covered, err);
    return r < 0 ? error_wrap(err, "cover %s/fs/cgroup", m->destination) : 0;
}

/* *mount_fd: the root of the new mount. */
static int attach_filesystem(struct init *init, const struct plan_mount *m, int target, int *mount_fd,
                             struct error *err) {
    struct held_source *made = held_of(init, m);
    if (made->detached && !made->stand_in)
        return source_move(made, target, mount_fd, err);
    const struct mount_new new = new_filesystem(m);
    own_memory char *before = NULL;
    int r = list_before(made, &before, err);
    if (r < 0)
        return r;
    r = mount_filesystem(&new, target, mount_fd, err);
    if (r == -EPERM && is_type(m, "proc"))
        return refuse_proc(init, err);
    return r < 0 ? r : reach_mount(init, m, before, mount_fd, err);
}

static int label_queue(const struct init *init, const struct plan_mount *m, int mount_fd, struct error *err) {
    const char *label = init->plan->mount_label;
    int r = label && is_type(m, "mqueue") ? lsm_selinux_file(mount_fd, label) : 0;
    return r < 0 ? error_code(err, -r, "label the mount on %s with \"%.128s\"", m->destination, label) : 0;
}

static int place_filesystem(struct init *init, const struct plan_mount *m, struct error *err) {
    struct held_source *held = held_of(init, m);
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd there = is_type(m, "tmpfs") ? resolve_path(base, path, 0) : -1;
    own_fd target = open_target(init, m, true, err);
    own_fd mounted = -1;
    if (target < 0)
        return target;
    int r = attach_filesystem(init, m, target, &mounted, err);
    if (r == -EPERM && held->stand_in)
        return place_stand_in(init, m, target, err);
    if (r == 0)
        r = label_queue(init, m, mounted, err);
    if (r == 0 && !held->prepared)
        r = change(init, m, mounted, false, err);
    if (r == 0 && there >= 0)
        r = copy_mode(m, target, mounted, err);
    if (r == 0 && m->copy_up) {
        int copied = copy_directory(target, mounted, err);
        r = copied < 0 ? error_wrap(err, "copy %s up into the tmpfs", m->destination) : 0;
    }
    if (r == 0)
        r = guard(init, m, mounted, err);
    if (r < 0)
        return r;
    remember(init, m, target, mounted);
    /* The container's own /proc is as good as a private one, and free. */
    if (is_type(m, "proc") && init->proc.fd < 0)
        init->proc.fd = fd_take(&mounted);
    else if (held->fd < 0)
        held->fd = fd_take(&mounted);
    return 0;
}

static int place_remount(struct init *init, const struct plan_mount *m, struct error *err) {
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd fd = resolve_path(base, path, 0);
    if (fd < 0)
        return error_code(err, -fd, "open %s", m->destination);
    int r = check_mounted(m, fd, err);
    if (r == 0)
        r = check_remembered(init, m, fd, err);
    if (r == 0 && (m->data || m->superblock))
        r = mount_reconfigure(fd, m->data, m->superblock, err);
    if (r == 0)
        r = change(init, m, fd, true, err);
    if (r == 0)
        held_of(init, m)->fd = fd_take(&fd);
    return r;
}

static int place_cgroup(struct init *init, const struct plan_mount *m, struct error *err) {
    own_fd target = open_target(init, m, true, err);
    return target < 0 ? target : cgroup_mount_place(init, m, target, err);
}

int mounts_place(struct init *init, struct error *err) {
    static int (*const place[])(struct init * init, const struct plan_mount *m, struct error *err) = {
        [MOUNT_BIND] = place_bind,
        [MOUNT_REMOUNT] = place_remount,
        [MOUNT_FILESYSTEM] = place_filesystem,
        [MOUNT_CGROUP] = place_cgroup,
    };
    const struct plan_mounts *mounts = &init->plan->mounts;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct plan_mount *m = &mounts->items[i];
        struct held_source *held = held_of(init, m);
        int r = source_take(init->held, held, err);
        if (r == 0)
            r = place[m->kind](init, m, err);
        if (r == 0)
            init_debug(init, "mount %s on %s (mounts[%u])", *m->type ? m->type : "bind", m->destination, m->index);
        if (r == 0 && sealed_late(m))
            r = source_keep(init->held, held, err);
        else
            fd_drop(&held->fd);
        if (r < 0)
            return blame(m, err);
    }
    return 0;
}

int mounts_seal(struct init *init, struct error *err) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct plan_mount *m = &mounts->items[i];
        if (!sealed_late(m))
            continue;
        /* The very mount that was made: another one may be at the destination by now. */
        int r = source_take(init->held, held_of(init, m), err);
        if (r == 0 && !reopened_later(mounts, i))
            r = mount_change(held_of(init, m)->fd, MOUNT_ATTR_RDONLY, 0, false);
        if (r < 0) {
            error_code(err, -r, "make it read-only");
            return blame(m, err);
        }
        fd_drop(&held_of(init, m)->fd);
    }
    return 0;
}
