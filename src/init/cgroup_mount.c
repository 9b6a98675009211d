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

static int mount_unified(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    static const struct mount_new nothing = {.type = "tmpfs", .source = "cgroup", .data = "mode=755"};
    const struct mount_new new = {.type = "cgroup2", .source = "cgroup", .data = m->data, .attributes = m->flags.set};
    const struct held *held = init->held;
    own_fd fd = -1;
    int r = held->cgroup_shared ? -EBUSY : mount_filesystem(&new, target, &fd, err);
    if ((r == -EPERM || r == -EBUSY) && held->cgroup_unified.fd >= 0)
        r = source_bind(&held->cgroup_unified, target, false, &fd, err);
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

static int mount_hierarchy(struct init *init, const struct plan_mount *m, const struct held_cgroup *hierarchy,
                           int target, struct error *err) {
    bool unified = !hierarchy->controllers[0];
    own_fd fd = -1;
    int r = -EPERM;
    if (init->plan->namespaces.recipe.unshare) {
        const struct mount_new new = {.type = unified ? "cgroup2" : "cgroup",
                                      .source = "cgroup",
                                      .data = unified ? NULL : hierarchy->controllers,
                                      .attributes = m->flags.set};
        r = mount_filesystem(&new, target, &fd, err);
    }
    if ((r == -EPERM || r == -EBUSY) && hierarchy->source.fd >= 0)
        r = source_bind(&hierarchy->source, target, false, &fd, err);
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

int cgroup_mount(struct init *init, const struct plan_mount *m, int target, struct error *err) {
    const struct held *held = init->held;
    if (!held->cgroup_frame)
        return mount_unified(init, m, target, err);
    const struct mount_new frame = {.type = "tmpfs",
                                    .source = "cgroup",
                                    .data = "mode=755",
                                    .attributes = m->flags.set & ~(uint64_t)MOUNT_ATTR_RDONLY};
    own_fd top = -1;
    int r = mount_filesystem(&frame, target, &top, err);
    if (r < 0)
        return r;
    if (top < 0)
        top = resolve_path(init->root, m->destination, RESOLVE_DIRECTORY);
    if (top < 0)
        return error_code(err, -top, "open %s", m->destination);
    for (size_t i = 0; i < held->cgroup_count; i++) {
        const struct held_cgroup *hierarchy = &held->cgroups[i];
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
