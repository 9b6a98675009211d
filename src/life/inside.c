/* SPDX-License-Identifier: Apache-2.0 */
/* inside: see inside.h. */
#include "life/inside.h"

#include "base/own.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"
#include "life/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum outcome { DIED, CLONED, LEFT, FAILED };

/* What the cloning process has to say, in memory that it shares with life. */
struct answer {
    enum outcome outcome;
    struct error error;
    bool
        locked[]; /* by held_source_at: mounts below the source are locked there, so it cannot be cloned without them */
};

/*
 * -ENOSYS: no open_tree(2), or an outer container's filter forbids it. -ELOOP: mounts below are locked, and only the
 * mount itself is wanted.
 * The tree takes the number of the descriptor that it is a clone of, in the table that life shares with us. Until then
 * that one keeps the inode, so its number cannot stand for another file by now.
 */
static int clone_source(const struct held_source *source, struct error *err) {
    own_fd found = source_reopen(source, err);
    if (found < 0)
        return found;
    own_fd tree = mount_clone(found, source->recursive);
    if (tree == -EINVAL && !source->recursive)
        return -ELOOP;
    if (tree < 0)
        return error_code(err, tree == -EPERM ? ENOSYS : -tree, "clone %s", source->path);
    return dup3(tree, source->fd, O_CLOEXEC) < 0 ? error_sys(err, "dup3") : 0;
}

/*
 * A mount without those below it, cloned in our own mount namespace, where nothing is locked. Its flags would not be
 * locked either: root of the user namespace could take the host's read-only away, so a mount with such flags is
 * refused.
 */
static int clone_unlocked(const struct held_source *source, struct error *err) {
    const unsigned long restrictions = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC;
    struct statvfs fs;
    if (fstatvfs(source->fd, &fs) < 0)
        return error_sys(err, "stat %s", source->path);
    if (fs.f_flag & restrictions)
        return error_set(err, EINVAL,
                         "clone %s in a user namespace: without rbind, nothing may be mounted below it where the mount "
                         "is read-only, nosuid, nodev or noexec",
                         source->path);
    own_fd tree = mount_clone(source->fd, false);
    if (tree < 0)
        return error_code(err, -tree, "clone %s", source->path);
    return dup3(tree, source->fd, O_CLOEXEC) < 0 ? error_sys(err, "dup3") : 0;
}

static enum outcome clone_sources(struct creation *c, bool *locked, struct error *err) {
    const struct held_source *source;
    int r = namespace_join_process(c->pidfd, c->pid, CLONE_NEWNS, err);
    if (r < 0)
        return r == -EPERM || r == -EACCES ? LEFT : FAILED;
    for (size_t i = 0; (source = held_source_at(&c->plan, &c->held, i)); i++) {
        r = source->inside ? clone_source(source, err) : 0;
        locked[i] = r == -ELOOP;
        if (r == 0 || r == -ELOOP)
            continue;
        if (r == -ENOSYS)
            return LEFT;
        hold_blame(&c->plan, i, err);
        return FAILED;
    }
    return CLONED;
}

/*
 * The paths count from the root of the mount namespace, as ours do: a process below another root could not have made a
 * user namespace (clone(2), EPERM).
 */
_Noreturn static void clone_main(struct creation *c, pid_t life, struct answer *answer) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t parent = getppid(); /* 0: it lives in another PID namespace than its children */
    if (parent != life && parent != 0)
        _exit(1);
    prctl(PR_SET_NAME, "berth:[CLONE]");
    answer->outcome = clone_sources(c, answer->locked, &answer->error);
    _exit(0);
}

/* 1: all are detached trees now. 0: they are what they were. */
static int clone_in_there(struct creation *c, struct answer *answer, struct error *err) {
    /* One table of descriptors: nothing is to be sent back, and what life closes is closed. */
    const struct spawn spawn = {.flags = CLONE_FILES, .cgroup_fd = -1};
    own_fd pidfd = -1;
    pid_t life = getpid();
    int status, spawned = spawn_process(&spawn, &pidfd, err);
    if (spawned < 0)
        return error_wrap(err, "make the process that clones sources");
    if (spawned == 0)
        clone_main(c, life, answer);
    int r = relay_await(c->relay, pidfd, -1, err);
    if (r < 0)
        (void)process_signal(pidfd, SIGKILL);
    (void)process_reap(pidfd, &status);
    if (r < 0)
        return r;
    if (answer->outcome == DIED)
        return error_set(err, ECANCELED, "the process that clones sources ended without a word");
    if (answer->outcome == FAILED)
        *err = answer->error;
    return answer->outcome == FAILED ? -answer->error.code : answer->outcome == CLONED;
}

static int clone_all(struct creation *c, struct error *err) {
    const struct held_source *source;
    const size_t size = sizeof(struct answer) + c->plan.mounts.count + 1;
    struct answer *answer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (answer == MAP_FAILED)
        return error_sys(err, "mmap");
    int r = clone_in_there(c, answer, err);
    for (size_t i = 0; r > 0 && (source = held_source_at(&c->plan, &c->held, i)); i++) {
        if (!answer->locked[i] || clone_unlocked(source, err) == 0)
            continue;
        hold_blame(&c->plan, i, err);
        r = -err->code;
    }
    munmap(answer, size);
    return r;
}

static bool may_clone(void) {
    uint64_t effective, permitted, inheritable;
    return sys_capget(0, &effective, &permitted, &inheritable) == 0 && (effective & (UINT64_C(1) << CAP_SYS_ADMIN));
}

int inside_send_sources(struct creation *c, struct error *err) {
    struct held_source *source;
    if (!hold_inside(&c->plan))
        return 0;
    int r = may_clone() ? clone_all(c, err) : 0;
    if (r < 0)
        return r;
    for (size_t i = 0; r > 0 && (source = held_source_at(&c->plan, &c->held, i)); i++)
        source->detached |= source->inside;
    if (hold_map(&c->plan, &c->held, err) < 0)
        return -err->code;
    for (size_t i = 0; r > 0 && (source = held_source_at(&c->plan, &c->held, i)); i++) {
        int sent = !source->inside ? 0 : handoff_send_source(c->channel, source->fd, (uint32_t)i);
        if (sent == -EPIPE)
            return 0; /* dead already: what it had to say is read next */
        if (sent < 0)
            return error_code(err, -sent, "send source %s", source->path);
    }
    return 0;
}
