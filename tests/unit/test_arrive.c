/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of the first step of the new process: what life sends before it is placed ends up where it belongs, and
 * what does not belong anywhere ends the step. No privilege.
 */
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "scratch.h"
#include "tap.h"

#include <sys/stat.h>

static struct plan_mount rows[2];
static struct plan plan = {.mounts = {.items = rows, .count = 2}};
static struct held_source mounts[2];
static struct held held;
static int life;
static struct init init;
static struct error err;

/* All hold /dev/null, but one mount is no bind, and holds what stands in for its file system. */
static void prepare(void) {
    const struct held_source nothing = {.fd = -1};
    struct held_source *source;
    held = (struct held){.rootfs = nothing, .mounts = mounts};
    mounts[0] = mounts[1] = nothing;
    for (size_t i = 0; (source = held_source_at(&plan, &held, i)); i++) {
        source->fd = open("/dev/null", O_PATH | O_CLOEXEC);
        source->inside = i != 1;
    }
    init = (struct init){.plan = &plan, .held = &held, .wait_placed = true};
    err = (struct error)ERROR_INIT;
    if (handoff_open(&life, &init.channel, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static void finish(void) {
    struct held_source *source;
    for (size_t i = 0; (source = held_source_at(&plan, &held, i)); i++)
        fd_drop(&source->fd);
    close(life);
    close(init.channel);
}

static bool is_zero(int fd) {
    struct stat st, zero;
    return fd >= 0 && fstat(fd, &st) == 0 && stat("/dev/zero", &zero) == 0 && st.st_rdev == zero.st_rdev;
}

static void test_indices(void) {
    prepare();
    ok(held_source_at(&plan, &held, 0) == &held.rootfs, "the root file system is the first");
    ok(held_source_at(&plan, &held, 1) == &mounts[0] && held_source_at(&plan, &held, 2) == &mounts[1], "then mounts");
    ok(!held_source_at(&plan, &held, 3) && !held_source_at(&plan, &held, SIZE_MAX), "and no more");
    held.mounts = NULL;
    ok(!held_source_at(&plan, &held, 1), "no mounts, where none are held");
    held.mounts = mounts;
    finish();
}

static void test_adopted(void) {
    prepare();
    own_fd zero = open("/dev/zero", O_PATH | O_CLOEXEC);
    int before = open_descriptors();
    handoff_send_source(life, zero, 2);
    handoff_send_source(life, zero, 0);
    handoff_send(life, HANDOFF_PLACED, -1, NULL);
    is_number(enter_arrive(&init, &err), 0, "two sources, then placed");
    ok(is_zero(held.rootfs.fd) && held.rootfs.detached, "the root is what was sent");
    ok(is_zero(mounts[1].fd) && mounts[1].detached, "the mount, too");
    ok(!is_zero(mounts[0].fd) && !mounts[0].detached, "what nobody has sent is what it was");
    is_number(open_descriptors(), before, "what they were before is closed");
    finish();
}

static void test_refused(void) {
    static const uint32_t indices[] = {1, 3, 4, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        prepare();
        int before = open_descriptors();
        handoff_send_source(life, STDIN_FILENO, indices[i]);
        handoff_send(life, HANDOFF_PLACED, -1, NULL);
        is_number(enter_arrive(&init, &err), -EPROTO, "a source for %u, which life does not clone", indices[i]);
        is_number(open_descriptors(), before, "its descriptor is closed");
        finish();
    }
    prepare();
    handoff_send(life, HANDOFF_START, -1, NULL);
    is_number(enter_arrive(&init, &err), -EPROTO, "another message than those");
    finish();
}

int main(void) {
    alarm(60); /* a hang is a failure */
    test_indices();
    test_adopted();
    test_refused();
    return tap_done();
}
