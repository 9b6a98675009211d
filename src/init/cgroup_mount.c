/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_mount: a row of mounts[] with type "cgroup", in the host's cgroup world (cgroup_namespaces(7)):
 *   cgroup2                    the file system itself, or the container's own directory where that is forbidden;
 *     with the caller's          a bind of the caller's: mounted anew in the first cgroup namespace, it would take the
 *     cgroup namespace           host's mount its options (nsdelegate, memory_recursiveprot)
 *   v1 and hybrid              a tmpfs with a directory for each hierarchy, and links for joined controllers;
 *     with a cgroup namespace    each is a mount of the hierarchy, whose root is the container's own cgroup
 *     without                    each is a bind of the container's own directory
 * A container without any cgroup of its own sees that of its creator, if anything, and never to write (CVE-2023-25809).
 * Runs in init before pivot.
 */
#include "base/own.h"
#include "init/init.h"
#include "kernel/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_flags(const struct init *init, const struct plan_mount *m, int fd, struct error *err) {
    int r = mount_change(fd, m->flags.set, m->flags.clear, false);
    if (r == 0 && init->held->cgroup_foreign)
        r = mount_change(fd, MOUNT_ATTR_RDONLY, 0, false);
    if (r == 0)
        r = mount_change(fd, m->tree.set, m->tree.clear, true);
    for (int i = 0; r == 0 && i < MOUNT_PROPAGATIONS_MAX && m->propagation[i]; i++)
        r = mount_propagation(fd, m->propagation[i]);
    return r < 0 ? error_code(err, -r, "set flags of the cgroup mount") : 0;
}

/* A tree in place of the source that is held; -EPERM and -EBUSY: that itself is to be bound. */
static int make_tree(const struct mount_new *new, struct held_source *source, struct error *err) {
    own_fd tree = -1;
    int r = mount_detached(new, &tree, err);
    if (r < 0)
        return r;
    fd_drop(&source->fd);
    *source = (struct held_source){.fd = fd_take(&tree), .detached = true, .directory = true, .path = new->type};
    return 0;
}

static struct mount_new unified_filesystem(const struct plan_mount *m) {
    return (struct mount_new){.type = "cgroup2", .source = "cgroup", .data = m->data, .attributes = m->flags.set};
}

static struct mount_new hierarchy_filesystem(const struct plan_mount *m, const struct held_cgroup *hierarchy) {
    const bool unified = !hierarchy->controllers[0];
    return (struct mount_new){.type = unified ? "cgroup2" : "cgroup",
                              .source = "cgroup",
                              .data = unified ? NULL : hierarchy->controllers,
                              .attributes = m->flags.set};
}

static struct mount_new frame_filesystem(const struct plan_mount *m) {
    return (struct mount_new){.type = "tmpfs",
                              .source = "cgroup",
                              .data = "mode=755",
                              .attributes = m->flags.set & ~(uint64_t)MOUNT_ATTR_RDONLY};
}

/* 0 also where the mount API is missing: cgroup_mount then takes the classic calls. */
static int make_or_clone(const struct mount_new *new, struct held_source *made, struct held_source *bound,
                         struct error *err) {
    int r = new ? make_tree(new, made, err) : -EPERM;
    if (r == -ENOSYS)
        return 0;
    return r == -EPERM || r == -EBUSY ? source_clone(bound, err) : r;
}

int cgroup_mount_make(struct init *init, const struct plan_mount *m, struct error *err) {
    struct held *held = init->held;
    const struct mount_new unified = unified_filesystem(m), frame = frame_filesystem(m);
    struct held_source *top = &held->mounts[m->index];
    init->cgroup_made = true;
    if (!held->cgroup_frame)
        return make_or_clone(held->cgroup_shared ? NULL : &unified, top, &held->cgroup_unified, err);
    int r = make_tree(&frame, top, err);
    for (size_t i = 0; r == 0 && i < held->cgroup_count; i++) {
        const struct mount_new new = hierarchy_filesystem(m, &held->cgroups[i]);
        struct held_source *source = &held->cgroups[i].source;
        r = make_or_clone(init->plan->namespaces.modes[NS_CGROUP] == NS_NEW ? &new : NULL, source, source, err);
        if (r < 0)
            return error_wrap(err, "cgroup hierarchy %s", held->cgroups[i].name);
    }
    return r == -ENOSYS ? 0 : r;
}

static int mount_unified(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    static const struct mount_new nothing = {.type = "tmpfs", .source = "cgroup", .data = "mode=755"};
    const struct mount_new new = unified_filesystem(m);
    struct held *held = init->held;
    struct held_source *made = &held->mounts[m->index];
    own_fd fd = -1;
    int r = held->cgroup_shared ? -EBUSY
            : made->fd >= 0     ? source_bind(made, target, &fd, err)
                                : mount_filesystem(&new, target, &fd, err);
    if ((r == -EPERM || r == -EBUSY) && held->cgroup_unified.fd >= 0)
        r = source_bind(&held->cgroup_unified, target, &fd, err);
    else if (r == -EPERM && held->cgroup_foreign)
        r = mount_filesystem(&nothing, target, &fd, err);
    if (r < 0)
        return r;
    if (fd < 0) {
        fd = resolve_path(init->root, m->destination, RESOLVE_DIRECTORY);
        if (fd < 0)
            return error_code(err, -fd, "open %s", m->destination);
    }
    return set_flags(init, m, fd, err);
}

static int mount_hierarchy(struct init *init, const struct plan_mount *m, struct held_cgroup *hierarchy, int target,
                           struct error *err) {
    const bool made = hierarchy->source.detached && !hierarchy->source.attached;
    own_fd fd = -1;
    int r = -EPERM;
    if (!made && init->plan->namespaces.modes[NS_CGROUP] == NS_NEW) {
        const struct mount_new new = hierarchy_filesystem(m, hierarchy);
        r = mount_filesystem(&new, target, &fd, err);
    }
    if ((r == -EPERM || r == -EBUSY) && hierarchy->source.fd >= 0)
        r = source_bind(&hierarchy->source, target, &fd, err);
    if (r < 0)
        return r;
    if (fd >= 0)
        return set_flags(init, m, fd, err);
    char path[512];
    snprintf(path, sizeof path, "%s/%s", m->destination, hierarchy->name);
    fd = resolve_path(init->root, path, RESOLVE_DIRECTORY);
    return fd < 0 ? error_code(err, -fd, "open %s", path) : set_flags(init, m, fd, err);
}

/* "cpu,cpuacct" is reached as "cpu" and as "cpuacct" too. */
static int link_controllers(int directory, const char *name, struct error *err) {
    if (!strchr(name, ','))
        return 0;
    for (const char *c = name; *c;) {
        char one[64];
        size_t len = strcspn(c, ",");
        if (len < sizeof one) {
            memcpy(one, c, len);
            one[len] = '\0';
            if (symlinkat(name, directory, one) < 0 && errno != EEXIST)
                return error_sys(err, "link %s", one);
        }
        c += len + (c[len] == ',');
    }
    return 0;
}

int cgroup_mount_place(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    struct held *held = init->held;
    if (!held->cgroup_frame)
        return mount_unified(init, m, target, err);
    const struct mount_new frame = frame_filesystem(m);
    struct held_source *made = &held->mounts[m->index];
    own_fd top = -1;
    int r = made->fd >= 0 ? source_bind(made, target, &top, err) : mount_filesystem(&frame, target, &top, err);
    if (r < 0)
        return r;
    if (top < 0)
        top = resolve_path(init->root, m->destination, RESOLVE_DIRECTORY);
    if (top < 0)
        return error_code(err, -top, "open %s", m->destination);
    for (size_t i = 0; i < held->cgroup_count; i++) {
        struct held_cgroup *hierarchy = &held->cgroups[i];
        if (mkdirat(top, hierarchy->name, 0755) < 0)
            return error_sys(err, "make %s", hierarchy->name);
        own_fd place = openat(top, hierarchy->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = place < 0 ? error_sys(err, "open %s", hierarchy->name) : mount_hierarchy(init, m, hierarchy, place, err);
        if (r == 0)
            r = link_controllers(top, hierarchy->name, err);
        if (r < 0)
            return error_wrap(err, "cgroup hierarchy %s", hierarchy->name);
    }
    return set_flags(init, m, top, err);
}
