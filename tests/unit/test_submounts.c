/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/submounts: the mounts of a tree, and no other one, whatever happens to their places between the
 * reading of mountinfo and the opening of each. As root, in a mount namespace of the test's own.
 */
#include "kernel/submounts.h"

#include "base/own.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <sched.h>

/* What a visit has come across, and what it does at the first mount: the top, before any other one is opened. */
struct visited {
    int count, top, below, deeper, foreign;
    void (*at_first)(void);
};

static const char *at(const char *name) {
    static char path[4][PATH_MAX + 64];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", scratch, name);
    return path[turn];
}

static uint64_t mount_id(const char *path) {
    own_fd fd = open(path, O_PATH | O_CLOEXEC);
    uint64_t id = 0;
    return fd >= 0 && sys_mount_id(fd, &id) == 0 ? id : 0;
}

static struct { uint64_t top, below, deeper, foreign; } ids;

static int visit(void *context, int fd) {
    struct visited *v = context;
    uint64_t id = 0;
    if (v->count++ == 0 && v->at_first)
        v->at_first();
    if (sys_mount_id(fd, &id) < 0)
        return -EIO;
    v->top += id == ids.top;
    v->below += id == ids.below;
    v->deeper += id == ids.deeper;
    v->foreign += id == ids.foreign;
    return 0;
}

static bool mount_tmpfs(const char *name) {
    return mkdir(at(name), 0755) == 0 && sys_mount("tmpfs", at(name), "tmpfs", 0, NULL) == 0;
}

/* tree is a mount, tree/a mount/m and tree/a mount/m/n are mounts in it; foreign, foreign/m and foreign/n are others.
 */
static bool make_mounts(void) {
    bool made = mount_tmpfs("tree") && mkdir(at("tree/a mount"), 0755) == 0 && mount_tmpfs("tree/a mount/m") &&
                mount_tmpfs("tree/a mount/m/n") && mount_tmpfs("foreign") && mkdir(at("foreign/m"), 0755) == 0 &&
                mkdir(at("foreign/n"), 0755) == 0;
    ids.top = mount_id(at("tree"));
    ids.below = mount_id(at("tree/a mount/m"));
    ids.deeper = mount_id(at("tree/a mount/m/n"));
    ids.foreign = mount_id(at("foreign"));
    return made && ids.top && ids.below && ids.deeper && ids.foreign;
}

static void drop_mounts(void) {
    (void)sys_umount2(at("foreign"), SYS_UMOUNT_DETACH);
    (void)sys_umount2(at("tree"), SYS_UMOUNT_DETACH);
    rmdir(at("foreign"));
    rmdir(at("tree"));
}

/* The mount is gone, and its place is a link to another one. */
static void put_link_in_place(void) {
    ok(sys_umount2(at("tree/a mount/m"), SYS_UMOUNT_DETACH) == 0 && rmdir(at("tree/a mount/m")) == 0 &&
           symlink(at("foreign"), at("tree/a mount/m")) == 0,
       "a link is in the place of a mount");
}

/* The mount is gone, and a link is on the way to its place. */
static void put_link_on_the_way(void) {
    ok(sys_umount2(at("tree/a mount/m"), SYS_UMOUNT_DETACH) == 0 && rmdir(at("tree/a mount/m")) == 0 &&
           rmdir(at("tree/a mount")) == 0 && symlink(at("foreign"), at("tree/a mount")) == 0,
       "a link is on the way to a mount");
}

static int visit_tree(struct visited *v) {
    own_fd tree = open(at("tree"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return submounts_visit(tree, visit, v);
}

static void test_all(void) {
    struct visited v = {.count = 0};
    ok(make_mounts(), "mounts are made");
    is_number(visit_tree(&v), 0, "a tree of three mounts is visited");
    is_number(v.count, 3, "three mounts");
    ok(v.top == 1 && v.below == 1 && v.deeper == 1, "each of them once");
    is_number(v.foreign, 0, "and no other one");
    drop_mounts();
}

static void test_links(void) {
    static const struct {
        const char *name;
        void (*put)(void);
    } cases[] = {{"in its place", put_link_in_place}, {"on the way", put_link_on_the_way}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct visited v = {.at_first = cases[i].put};
        ok(make_mounts(), "%s: mounts are made", cases[i].name);
        int r = visit_tree(&v);
        ok(v.top >= 1, "%s: the top is visited", cases[i].name);
        is_number(v.foreign, 0, "%s: a mount that a link leads to is not visited", cases[i].name);
        ok(r < 0, "%s: and the visit fails (%d)", cases[i].name, r);
        drop_mounts();
    }
}

/* Covered by a mount at its own place, the tree's root is the parent of one that does not lie below it. */
static void test_covered(void) {
    struct visited v = {.count = 0};
    ok(make_mounts(), "covered: mounts are made");
    own_fd tree = open(at("tree"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    ok(sys_mount("tmpfs", at("tree"), "tmpfs", 0, NULL) == 0, "covered: one is mounted over the root");
    is_number(submounts_visit(tree, visit, &v), -EXDEV, "covered: the visit fails");
    is_number(v.foreign, 0, "covered: no other mount is visited");
    (void)sys_umount2(at("tree"), SYS_UMOUNT_DETACH);
    drop_mounts();
}

int main(void) {
    alarm(60); /* a hang is a failure */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        printf("1..0 # SKIP needs root and a mount namespace\n");
        return 0;
    }
    scratch_make();
    int before = open_descriptors();
    test_all();
    test_links();
    test_covered();
    is_number(open_descriptors(), before, "no descriptor is left behind");
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
