/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs: the container's file system tree: cut off from the host, root attached, mounts made, pivoted, sealed.
 * Runs in init; needs CAP_SYS_ADMIN over the mount namespace. Targets are resolved inside the root and are descriptors.
 */
#include "base/own.h"
#include "init/init.h"
#include "kernel/copy.h"
#include "kernel/lsm.h"
#include "kernel/mountfd.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Hooks look for the root at its path, and a mount namespace that is not ours must not get it over its "/". */
static bool attach_at_path(const struct init *init) {
    const struct plan *plan = init->plan;
    return plan->namespaces.modes[NS_MOUNT] != NS_NEW || plan->hooks.at[HOOK_PRESTART].count > 0 ||
           plan->hooks.at[HOOK_CREATE_RUNTIME].count > 0 || plan->hooks.at[HOOK_CREATE_CONTAINER].count > 0;
}

int rootfs_isolate(struct init *init, struct error *err) {
    /* rslave: mounts of the host still come in, none of ours goes out. "shared" and the like are for the container's
     * own root and are set when it is in place (rootfs_propagation). */
    unsigned long wanted = init->plan->root_propagation;
    unsigned long isolate = wanted & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC;
    own_fd top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = top < 0 ? -errno : mount_propagation(top, isolate);
    return r < 0 ? error_code(err, -r, "set propagation of / to %s", isolate & MS_PRIVATE ? "private" : "slave") : 0;
}

static int open_directory(const char *path) {
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int rootfs_attach(struct init *init, struct error *err) {
    const struct held_source *source = &init->held->rootfs;
    own_fd target = open_directory(attach_at_path(init) ? source->path : "/");
    if (target < 0)
        return error_code(err, -target, "open %s", source->path);
    int mounted = -1;
    int r = source_bind(source, target, true, &mounted, err);
    if (r < 0)
        return error_wrap(err, "rootfs %s", source->path);
    if (mounted < 0) /* a classic bind lies where its path leads */
        mounted = open_directory(attach_at_path(init) ? source->path : "/..");
    if (mounted < 0)
        return error_code(err, -mounted, "open rootfs %s", source->path);
    init->root.fd = mounted;
    unsigned long quiet = init->plan->root_propagation & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC;
    r = mount_propagation(mounted, quiet);
    return r < 0 ? error_code(err, -r, "set propagation of rootfs %s", source->path) : 0;
}

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

/* proc and sysfs must not follow a link of the image; and what was found without one is what is used. */
static int make_without_links(struct root base, const char *path) {
    int fd = resolve_path(base, path, RESOLVE_NO_LINKS);
    if (fd != -ENOENT)
        return fd;
    own_fd made = resolve_make(base, path, RESOLVE_MAKE_DIRECTORY);
    return made < 0 ? made : resolve_path(base, path, RESOLVE_NO_LINKS);
}

/* The target of a mount, made when it is missing. Refuses the root itself and what lies inside a procfs. */
static int open_target(const struct init *init, const struct plan_mount *m, bool directory, struct error *err) {
    struct statfs fs;
    struct stat st, top;
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    bool kernel_fs = m->kind == MOUNT_FILESYSTEM && (strcmp(m->type, "proc") == 0 || strcmp(m->type, "sysfs") == 0);
    own_fd fd = kernel_fs ? make_without_links(base, path)
                          : resolve_make(base, path, directory ? RESOLVE_MAKE_DIRECTORY : RESOLVE_MAKE_FILE);
    if (kernel_fs && fd == -ELOOP)
        return error_set(err, ELOOP, "%s must be mounted on ordinary directory, there is a symbolic link in %s",
                         m->type, m->destination);
    if (fd < 0)
        return error_code(err, -fd, "make mount point %s", m->destination);
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

static bool sealed_late(const struct plan_mount *m) {
    /* A tmpfs and /dev are written to while the container is furnished, so their "ro" comes at the end. */
    return (m->flags.set & MOUNT_ATTR_RDONLY) && m->kind == MOUNT_FILESYSTEM &&
           (strcmp(m->type, "tmpfs") == 0 || strcmp(m->destination, "/dev") == 0);
}

/* The mount that is at the destination now, for what had to be mounted by the classic call. */
static int reach_mount(const struct init *init, const struct plan_mount *m, int *mount_fd, struct error *err) {
    if (*mount_fd >= 0)
        return 0;
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    int fd = resolve_path(base, path, 0);
    if (fd < 0)
        return error_code(err, -fd, "open mount %s", m->destination);
    *mount_fd = fd;
    return 0;
}

static int change_mount(const struct plan_mount *m, int mount_fd, bool with_flags, struct error *err) {
    int r = 0;
    uint64_t set = m->flags.set & ~(sealed_late(m) ? (uint64_t)MOUNT_ATTR_RDONLY : 0);
    if (with_flags)
        r = mount_change(mount_fd, set, m->flags.clear, false);
    if (r < 0)
        return error_code(err, -r, "set flags of mount %s", m->destination);
    r = mount_change(mount_fd, m->tree.set, m->tree.clear, true);
    if (r < 0)
        return error_code(err, -r, "set recursive flags of mount %s", m->destination);
    for (int i = 0; i < MOUNT_PROPAGATIONS_MAX && m->propagation[i]; i++) {
        r = mount_propagation(mount_fd, m->propagation[i]);
        if (r < 0)
            return error_code(err, -r, "set propagation of mount %s", m->destination);
    }
    return 0;
}

static int mount_bind(struct init *init, const struct plan_mount *m, struct error *err) {
    const struct held_source *source = &init->held->mounts[m->index];
    struct statfs fs;
    if (strcmp(m->destination, "/proc") == 0 && (fstatfs(source->fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC))
        return error_set(err, EINVAL, "/proc can be covered by a proc file system only");
    own_fd target = open_target(init, m, source->directory, err);
    own_fd mounted = -1;
    if (target < 0)
        return target;
    int r = source_bind(source, target, m->recursive, &mounted, err);
    if (r == 0)
        r = reach_mount(init, m, &mounted, err);
    if (r < 0)
        return r;
    /* What comes from a shared mount of the host is its peer, and what is mounted there would be seen on the host: only
     * what is explicitly and wholly "shared" may stay so. */
    bool peer = (m->propagation[0] & MS_SHARED) && (!m->recursive || (m->propagation[0] & MS_REC));
    if (!peer)
        r = mount_propagation(mounted,
                              init->plan->root_propagation & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC);
    if (r < 0)
        return error_code(err, -r, "set propagation of mount %s", m->destination);
    r = change_mount(m, mounted, true, err);
    return r < 0 ? r : guard(init, m, mounted, err);
}

/* A tmpfs over a directory that was there looks like it, unless the options say a mode. */
static const char *tmpfs_data(const struct plan_mount *m, int target, char *buffer, size_t size) {
    struct stat st;
    bool has_mode = m->data && (strncmp(m->data, "mode=", 5) == 0 || strstr(m->data, ",mode="));
    if (has_mode || fstat(target, &st) < 0)
        return m->data;
    int n = snprintf(buffer, size, "mode=%o%s%s", (unsigned)(st.st_mode & 07777), m->data ? "," : "",
                     m->data ? m->data : "");
    return n > 0 && (size_t)n < size ? buffer : m->data;
}

/* What of the host stands in for a file system that may not be mounted here (life/hold.c), with all below it. */
static int mount_stand_in(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    const uint64_t inherited = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    static const struct mount_new cover = {.type = "tmpfs",
                                           .source = "tmpfs",
                                           .data = "nr_blocks=1,nr_inodes=2,mode=755",
                                           .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                         MOUNT_ATTR_NOEXEC};
    own_fd mounted = -1, covered = -1;
    char cgroups[PATH_MAX];
    int r = source_bind(&init->held->mounts[m->index], target, true, &mounted, err);
    if (r == 0)
        r = reach_mount(init, m, &mounted, err);
    if (r < 0)
        return r;
    r = mount_propagation(mounted, init->plan->root_propagation & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC);
    if (r == 0)
        r = mount_change(mounted, m->flags.set & inherited, 0, true);
    if (r < 0)
        return error_code(err, -r, "set flags of mount %s", m->destination);
    r = change_mount(m, mounted, false, err);
    if (r < 0 || strcmp(m->type, "sysfs") != 0)
        return r;
    /* All cgroups of the host: none of the container's business. A row of mounts[] may put its own there. */
    snprintf(cgroups, sizeof cgroups, "%s/fs/cgroup", m->destination);
    own_fd place = resolve_path(init->root, cgroups, RESOLVE_DIRECTORY);
    if (place == -ENOENT)
        return 0;
    if (place < 0)
        return error_code(err, -place, "open %s", cgroups);
    r = mount_filesystem(&cover, place, &covered, err);
    return r < 0 ? error_wrap(err, "cover %s", cgroups) : 0;
}

/* EPERM for proc has two reasons that nobody guesses (pid_namespaces(7), mount_namespaces(7)). */
static int refuse_proc(const struct init *init, struct error *err) {
    return error_code(err, EPERM, "file system proc (%s)",
                      init->plan->namespaces.modes[NS_PID] == NS_INHERIT
                          ? "a user namespace needs a pid namespace of its own, too"
                          : "in a user namespace the kernel gives no more of it than can be seen of berth's own /proc, "
                            "parts of which are covered: an outer container's maskedPaths and readonlyPaths");
}

static int mount_new_filesystem(struct init *init, const struct plan_mount *m, struct error *err) {
    char data[4096];
    bool tmpfs = strcmp(m->type, "tmpfs") == 0;
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd there = tmpfs ? resolve_path(base, path, 0) : -1;
    own_fd target = open_target(init, m, true, err);
    own_fd mounted = -1;
    if (target < 0)
        return target;
    struct mount_new new = {
        .type = m->type,
        .source = m->source,
        .data = there >= 0 ? tmpfs_data(m, target, data, sizeof data) : m->data,
        .attributes = m->flags.set & ~(sealed_late(m) ? (uint64_t)MOUNT_ATTR_RDONLY : 0),
        .superblock = m->superblock,
        .classic_flags = m->classic_flags,
    };
    int r = mount_filesystem(&new, target, &mounted, err);
    if (r == -EPERM && init->held->mounts[m->index].fd >= 0)
        return mount_stand_in(init, m, target, err);
    if (r == -EPERM && strcmp(m->type, "proc") == 0)
        return refuse_proc(init, err);
    if (r == 0)
        r = reach_mount(init, m, &mounted, err);
    if (r == 0 && init->plan->mount_label && strcmp(m->type, "mqueue") == 0) {
        r = lsm_selinux_file(mounted, init->plan->mount_label);
        if (r < 0)
            return error_code(err, -r, "label the mount on %s with \"%.128s\"", m->destination,
                              init->plan->mount_label);
    }
    if (r == 0)
        r = change_mount(m, mounted, false, err);
    if (r == 0 && m->copy_up) {
        int copied = copy_directory(target, mounted, err);
        r = copied < 0 ? error_wrap(err, "copy %s up into the tmpfs", m->destination) : 0;
    }
    if (r == 0)
        r = guard(init, m, mounted, err);
    /* The container's own /proc is as good as a private one, and free. */
    if (r == 0 && strcmp(m->type, "proc") == 0 && init->proc.fd < 0)
        init->proc.fd = fd_take(&mounted);
    return r;
}

static int mount_remount(struct init *init, const struct plan_mount *m, struct error *err) {
    const char *path = m->destination;
    const struct root base = init_base(init, &path);
    own_fd fd = resolve_path(base, path, 0);
    if (fd < 0)
        return error_code(err, -fd, "open %s", m->destination);
    int r = 0;
    if (m->data || m->superblock)
        r = mount_reconfigure(fd, m->data, m->superblock, err);
    return r < 0 ? r : change_mount(m, fd, true, err);
}

static int mount_one(struct init *init, const struct plan_mount *m, struct error *err) {
    if (m->kind == MOUNT_BIND)
        return mount_bind(init, m, err);
    if (m->kind == MOUNT_REMOUNT)
        return mount_remount(init, m, err);
    if (m->kind == MOUNT_FILESYSTEM)
        return mount_new_filesystem(init, m, err);
    own_fd target = open_target(init, m, true, err);
    return target < 0 ? target : cgroup_mount(init, m, target, err);
}

int rootfs_mounts(struct init *init, struct error *err) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct plan_mount *m = &mounts->items[i];
        if (mount_one(init, m, err) >= 0)
            continue;
        char place[32];
        snprintf(place, sizeof place, "/mounts/%u", m->index);
        return error_blame(err, "mount", place, "mount %s on %s (mounts[%u])", *m->type ? m->type : "bind",
                           m->destination, m->index);
    }
    return 0;
}

/*
 * pivot_root(".", "."): the old root ends up on top of the new one and is taken off at once (pivot_root(2), NOTES);
 * no directory in the container is needed for it.
 */
static int pivot(struct init *init, struct error *err) {
    own_fd old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0 || fchdir(init->root.fd) < 0)
        return error_sys(err, "enter rootfs");
    int r = sys_pivot_root(".", ".");
    if (r < 0)
        return error_code(err, -r, "pivot_root to %s%s", init->plan->rootfs,
                          r == -EINVAL ? " (a root on a ramfs needs --no-pivot)" : "");
    if (fchdir(old) < 0)
        return error_sys(err, "enter old root");
    r = sys_umount2(".", SYS_UMOUNT_DETACH);
    return r < 0 ? error_code(err, -r, "unmount old root") : 0;
}

/* The way without pivot_root: what lies beneath stays, so at least no unmasked /proc or /sys of the host may. */
static int move_root(struct init *init, struct error *err) {
    static const char *const exposed[] = {"/proc", "/sys"};
    for (size_t i = 0; init->plan->no_pivot && i < sizeof exposed / sizeof *exposed; i++) {
        int r = sys_umount2(exposed[i], SYS_UMOUNT_DETACH);
        if (r < 0 && r != -EINVAL && r != -ENOENT)
            return error_code(err, -r, "unmount %s of the host", exposed[i]);
    }
    if (fchdir(init->root.fd) < 0)
        return error_sys(err, "enter rootfs");
    if (init->plan->no_pivot && attach_at_path(init)) {
        int r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
        if (r < 0)
            return error_code(err, -r, "move rootfs to /");
    }
    return chroot(".") < 0 ? error_sys(err, "chroot") : 0;
}

int rootfs_pivot(struct init *init, struct error *err) {
    /* pivot_root would change the root of everybody else in a namespace that is not ours alone. */
    bool can_pivot = !init->plan->no_pivot && init->plan->namespaces.modes[NS_MOUNT] == NS_NEW;
    int r = can_pivot ? pivot(init, err) : move_root(init, err);
    if (r < 0)
        return r;
    return chdir("/") < 0 ? error_sys(err, "enter /") : 0;
}

int rootfs_seal(struct init *init, struct error *err) {
    const struct plan_mounts *mounts = &init->plan->mounts;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct plan_mount *m = &mounts->items[i];
        if (!sealed_late(m))
            continue;
        const char *path = m->destination;
        const struct root base = init_base(init, &path);
        own_fd fd = resolve_path(base, path, RESOLVE_DIRECTORY);
        int r = fd < 0 ? fd : mount_change(fd, MOUNT_ATTR_RDONLY, 0, false);
        if (r < 0)
            return error_code(err, -r, "make %s read-only (mounts[%u])", m->destination, m->index);
    }
    if (!init->plan->rootfs_readonly)
        return 0;
    int r = mount_change(init->root.fd, MOUNT_ATTR_RDONLY, 0, false);
    return r < 0 ? error_code(err, -r, "make rootfs read-only") : 0;
}

int rootfs_propagation(struct init *init, struct error *err) {
    unsigned long wanted = init->plan->root_propagation;
    if (!(wanted & (MS_SHARED | MS_UNBINDABLE)))
        return 0; /* private and slave are what it is already */
    int r = mount_propagation_root(wanted);
    return r < 0 ? error_code(err, -r, "set propagation of the container's root") : 0;
}
