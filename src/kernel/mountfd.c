/* SPDX-License-Identifier: Apache-2.0 */
/* mountfd: see mountfd.h. */
#include "kernel/mountfd.h"

#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "kernel/submounts.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static bool classic_forced;

void mount_force_classic(bool force) {
    classic_forced = force;
}

/* What the two interfaces call the same thing. */
static const struct flag_pair {
    uint64_t attribute;
    unsigned long classic;
    unsigned long statvfs;
} flag_pairs[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY, ST_RDONLY},
    {MOUNT_ATTR_NOSUID, MS_NOSUID, ST_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV, ST_NODEV},
    {MOUNT_ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME},
    {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW, 0x2000},
    {MOUNT_ATTR_NOATIME, MS_NOATIME, ST_NOATIME},
};

static const struct {
    unsigned long flag;
    const char *name;
} superblock_names[] = {
    {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"}, {MS_MANDLOCK, "mand"}, {MS_LAZYTIME, "lazytime"}};

static unsigned long classic_flags(uint64_t attributes) {
    unsigned long flags = 0;
    for (size_t i = 0; i < TABLE_COUNT(flag_pairs); i++)
        if (attributes & flag_pairs[i].attribute)
            flags |= flag_pairs[i].classic;
    if (attributes & MOUNT_ATTR_STRICTATIME)
        flags |= MS_STRICTATIME;
    return flags;
}

/* Of what mount_filesystem, mount_bind_onto and mount_clone start with; what comes behind it is then there as well. */
static bool api_missing(int r) {
    /* EPERM too: seccomp profiles of outer containers answer so to calls that they do not know. mount(2) then says
     * what is really so. */
    return r == -ENOSYS || r == -EPERM || r == -EOPNOTSUPP;
}

struct fd_path {
    char text[32];
};

static struct fd_path fd_path(int fd) {
    struct fd_path path;
    snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
    return path;
}

/* error_code with what the file system itself had to say ("e tmpfs: Bad value for 'size'"). */
static int context_error(int context, int code, const struct mount_new *new, struct error *err) {
    char log[256];
    ssize_t n = fd_read(context, log, sizeof log - 1);
    if (n <= 2)
        return error_code(err, code, "file system %s", new->type);
    log[n] = '\0';
    log[strcspn(log, "\n")] = '\0';
    return error_code(err, code, "file system %s: %s", new->type, log + 2);
}

/* One option at a time to fsconfig. -E2BIG: too long for fsconfig(2), which takes 255 bytes; mount(2) takes a page. */
static int configure_option(int context, const char *option, size_t len) {
    char text[512];
    if (len >= sizeof text)
        return -E2BIG;
    memcpy(text, option, len);
    text[len] = '\0';
    char *value = strchr(text, '=');
    if (!value)
        return sys_fsconfig(context, FSCONFIG_SET_FLAG, text, NULL, 0);
    *value++ = '\0';
    if (strlen(value) > 255)
        return -E2BIG;
    return sys_fsconfig(context, FSCONFIG_SET_STRING, text, value, 0);
}

static int configure(int context, const char *data, unsigned long superblock) {
    for (size_t i = 0; i < TABLE_COUNT(superblock_names); i++) {
        if (!(superblock & superblock_names[i].flag))
            continue;
        int r = sys_fsconfig(context, FSCONFIG_SET_FLAG, superblock_names[i].name, NULL, 0);
        if (r < 0)
            return r;
    }
    for (const char *c = data; c && *c;) {
        size_t len = 0;
        while (c[len] && c[len] != ',')
            len += c[len] == '\\' && c[len + 1] ? 2 : 1;
        int r = len > 0 ? configure_option(context, c, len) : 0;
        if (r < 0)
            return r;
        c += len + (c[len] == ',');
    }
    return 0;
}

static int classic_new(const struct mount_new *new, int target_fd, struct error *err) {
    unsigned long flags = classic_flags(new->attributes) | new->superblock | new->classic_flags;
    int r = sys_mount(new->source, fd_path(target_fd).text, new->type, flags, new->data);
    return r < 0 ? error_code(err, -r, "file system %s", new->type) : 0;
}

/* A detached mount by the new API. -ENOSYS and -E2BIG (unset error text) ask the caller for mount(2). */
static int create_detached(const struct mount_new *new, int *mount_fd, bool *classic, struct error *err) {
    *classic = true;
    if (classic_forced || new->classic_flags)
        return error_code(err, ENOSYS, "file system %s", new->type);
    own_fd context = sys_fsopen(new->type, FSOPEN_CLOEXEC);
    if (context < 0) {
        *classic = api_missing(context);
        return error_code(err, -context, "file system %s", new->type);
    }
    int r = sys_fsconfig(context, FSCONFIG_SET_STRING, "source", new->source, 0);
    if (r == 0)
        r = configure(context, new->data, new->superblock);
    if (r == 0)
        r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    *classic = r == -E2BIG;
    if (r < 0)
        return context_error(context, -r, new, err);
    int fd = sys_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)new->attributes);
    if (fd < 0)
        return context_error(context, -fd, new, err);
    *mount_fd = fd;
    return 0;
}

int mount_detached(const struct mount_new *new, int *mount_fd, struct error *err) {
    bool classic;
    int r = create_detached(new, mount_fd, &classic, err);
    return r < 0 && classic ? -ENOSYS : r;
}

bool mount_is_chrooted(void) {
    own_fd top = fd_open("/", O_PATH | O_DIRECTORY);
    bool mounted = true;
    return top >= 0 && sys_mount_root(top, &mounted) == 0 && !mounted;
}

const char *mount_hint(int r) {
    char limit[24];
    if (r != -ENOSPC)
        return "";
    /* A detached tree lives in a mount namespace of its own. */
    if (fd_read_text(AT_FDCWD, "/proc/sys/user/max_mnt_namespaces", limit, sizeof limit) == 0 &&
        strcmp(limit, "0") == 0)
        return " (no more namespaces: sysctl user.max_mnt_namespaces is 0)";
    return " (no more mounts: sysctl fs.mount-max or user.max_mnt_namespaces is reached)";
}

int mount_filesystem(const struct mount_new *new, int target_fd, int *mount_fd, struct error *err) {
    own_fd fd = -1;
    bool classic;
    int r = create_detached(new, &fd, &classic, err);
    if (r < 0 && classic) {
        r = classic_new(new, target_fd, err);
    } else if (r == 0) {
        r = sys_move_mount(fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        if (r < 0)
            return error_code(err, -r, "attach file system %s%s", new->type, mount_hint(r));
    }
    if (r == 0)
        *mount_fd = fd_take(&fd);
    return r;
}

int mount_clone(int fd, bool recursive) {
    if (classic_forced)
        return -ENOSYS;
    return sys_open_tree(
        fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? (unsigned)AT_RECURSIVE : 0u));
}

int mount_attach(int tree_fd, int target_fd) {
    return sys_move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mount_bind_onto(int source_fd, int target_fd, bool recursive, int *mount_fd) {
    own_fd tree = mount_clone(source_fd, recursive);
    int r = tree;
    if (api_missing(tree))
        r = sys_mount(fd_path(source_fd).text, fd_path(target_fd).text, NULL, MS_BIND | (recursive ? MS_REC : 0ul),
                      NULL);
    else if (tree >= 0)
        r = mount_attach(tree, target_fd);
    if (r == 0)
        *mount_fd = tree >= 0 ? fd_take(&tree) : -1;
    return r;
}

/* MS_REMOUNT replaces all flags of the mount: what to tell it so that those stay that nobody asked to change. */
static int remount_flags(int mount_fd, uint64_t set, uint64_t clear, unsigned long *out) {
    struct statvfs now;
    if (fstatvfs(mount_fd, &now) < 0)
        return -errno;
    unsigned long flags = MS_REMOUNT;
    for (size_t i = 0; i < TABLE_COUNT(flag_pairs); i++)
        if ((now.f_flag & flag_pairs[i].statvfs) && !(clear & flag_pairs[i].attribute))
            flags |= flag_pairs[i].classic;
    flags |= classic_flags(set);
    /* Relative time has no attribute, strict time no bit in statvfs: each is what is left. */
    if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
        flags |= clear & MOUNT_ATTR__ATIME || now.f_flag & ST_RELATIME ? MS_RELATIME : MS_STRICTATIME;
    *out = flags;
    return 0;
}

struct change {
    uint64_t set, clear;
};

static int classic_change(void *context, int mount_fd) {
    const struct change *change = context;
    unsigned long flags;
    int r = remount_flags(mount_fd, change->set, change->clear, &flags);
    return r < 0 ? r : sys_mount(NULL, fd_path(mount_fd).text, NULL, flags | MS_BIND, NULL);
}

int mount_change(int mount_fd, uint64_t set, uint64_t clear, bool recursive) {
    if (set == 0 && clear == 0)
        return 0;
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
    unsigned flags = AT_EMPTY_PATH | (recursive ? (unsigned)AT_RECURSIVE : 0u);
    int r = classic_forced ? -ENOSYS : sys_mount_setattr(mount_fd, "", flags, &attributes, sizeof attributes);
    if (r == 0 || !api_missing(r))
        return r;
    struct change change = {set, clear};
    int classic = recursive ? submounts_visit(mount_fd, classic_change, &change) : classic_change(&change, mount_fd);
    return classic < 0 && r == -EPERM ? r : classic;
}

int mount_prepare(int tree_fd, uint64_t set, uint64_t clear, bool recursive, unsigned long propagation) {
    const struct mount_attr attributes = {
        .attr_set = set, .attr_clr = clear, .propagation = propagation & ~(unsigned long)MS_REC};
    if (set == 0 && clear == 0 && propagation == 0)
        return 0;
    unsigned flags = AT_EMPTY_PATH | (recursive ? (unsigned)AT_RECURSIVE : 0u);
    int r = classic_forced ? -ENOSYS : sys_mount_setattr(tree_fd, "", flags, &attributes, sizeof attributes);
    return r < 0 && api_missing(r) ? -ENOSYS : r;
}

int mount_seclude(int mount_fd, uint64_t set) {
    struct mount_attr attributes = {.attr_set = set, .propagation = MS_PRIVATE};
    int r = classic_forced ? -ENOSYS : sys_mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (r == 0 || !api_missing(r))
        return r;
    r = mount_change(mount_fd, set, 0, false);
    return r < 0 ? r : mount_propagation(mount_fd, MS_PRIVATE);
}

static int change_propagation(int mount_fd, const char *classic_path, unsigned long propagation) {
    struct mount_attr attributes = {.propagation = propagation & ~(unsigned long)MS_REC};
    unsigned flags = AT_EMPTY_PATH | (propagation & MS_REC ? (unsigned)AT_RECURSIVE : 0u);
    int r = classic_forced ? -ENOSYS : sys_mount_setattr(mount_fd, "", flags, &attributes, sizeof attributes);
    return api_missing(r) ? sys_mount(NULL, classic_path, NULL, propagation, NULL) : r;
}

int mount_propagation(int mount_fd, unsigned long propagation) {
    return change_propagation(mount_fd, fd_path(mount_fd).text, propagation);
}

int mount_propagation_root(unsigned long propagation) {
    own_fd root = fd_open("/", O_PATH | O_DIRECTORY);
    return root < 0 ? -errno : change_propagation(root, "/", propagation);
}

static int classic_reconfigure(int mount_fd, const char *data, unsigned long superblock, struct error *err) {
    unsigned long flags;
    struct statvfs now;
    int r = remount_flags(mount_fd, 0, 0, &flags);
    /* Of the superblock's own flags statvfs shows these two (statvfs(3)). */
    if (r == 0 && fstatvfs(mount_fd, &now) == 0)
        superblock |=
            (now.f_flag & ST_SYNCHRONOUS ? MS_SYNCHRONOUS : 0ul) | (now.f_flag & ST_MANDLOCK ? MS_MANDLOCK : 0ul);
    if (r == 0)
        r = sys_mount(NULL, fd_path(mount_fd).text, NULL, flags | superblock, data);
    return r < 0 ? error_code(err, -r, "reconfigure file system") : 0;
}

int mount_reconfigure(int mount_fd, const char *data, unsigned long superblock, struct error *err) {
    const struct mount_new what = {.type = "reconfigure", .data = data, .superblock = superblock};
    own_fd context = classic_forced ? -ENOSYS : sys_fspick(mount_fd);
    if (api_missing(context))
        return classic_reconfigure(mount_fd, data, superblock, err);
    if (context < 0)
        return error_code(err, -context, "reconfigure file system");
    int r = configure(context, data, superblock);
    if (r == 0)
        r = sys_fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    return r < 0 ? context_error(context, -r, &what, err) : 0;
}
