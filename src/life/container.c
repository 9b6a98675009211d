/* SPDX-License-Identifier: Apache-2.0 */
/* container: see container.h. */
#include "life/container.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "base/table.h"
#include "init/hook.h"
#include "kernel/namespace.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "life/hook_output.h"
#include "life/scope.h"
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_DEADLINE_MS 10000
#define KILL_PROMPT_MS 100

extern char **environ;

void container_drop(struct container *container) {
    cgroup_drop(&container->group);
    fd_drop(&container->pidfd);
    fd_drop(&container->dir);
    arena_drop(&container->arena);
    file_limit_restore(&container->files);
}

static bool is_locked(enum container_use use) {
    return use >= CONTAINER_START;
}

static bool is_partial(enum container_use use) {
    return use == CONTAINER_LOOK || use == CONTAINER_START;
}

/* A freezer of version 1, or cgroup2, tells the state, and carries the mark. */
static bool is_needed(const char *controllers, enum container_use use) {
    return !is_partial(use) || !*controllers || cgroup_lists(controllers, "freezer") ||
           (use == CONTAINER_START && cgroup_lists(controllers, "memory"));
}

/* Those that `use` needs; and whether each of them is there. */
static int open_dirs(struct container *c, const struct cgroup_host *host, enum container_use use, bool *complete,
                     struct error *err) {
    const size_t count = c->record->cgroups.count;
    const char **controllers = arena_array(&c->arena, count, sizeof *controllers);
    const char **paths = arena_array(&c->arena, count, sizeof *paths);
    size_t used = 0;
    if (!controllers || !paths)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct oci_record_cgroup *row = &c->record->cgroups.items[i];
        if (!is_needed(row->controller, use))
            continue;
        controllers[used] = row->controller;
        paths[used++] = row->path;
    }
    int r = cgroup_open(&c->arena, host, controllers, paths, used, &c->group, err);
    *complete = r == 0 && used > 0 && c->group.count == used;
    for (size_t i = 0; *complete && i < used; i++)
        *complete = c->group.dirs[i].fd >= 0;
    return r;
}

static int open_group(struct container *c, enum container_use use, struct error *err) {
    struct cgroup_host host;
    bool complete = false;
    if (c->record->cgroups.count == 0)
        return 0;
    int r = cgroup_host_probe(&c->arena, &host, err);
    c->partial = is_partial(use);
    if (r == 0 && c->partial)
        r = open_dirs(c, &host, use, &complete, err);
    if (r == 0 && !complete) {
        c->partial = false;
        cgroup_drop(&c->group);
        r = open_dirs(c, &host, CONTAINER_CHANGE, &complete, err);
    }
    /* A container that has ended leaves its cgroup to the next one of that path, and has none then. Without the mark
     * the group is another's, too; but the mark may be in a directory that has been removed or is not mounted here. */
    if (r == 0 && c->record->created)
        r = cgroup_is_of_another(&c->group, c->record->created, c->record->cgroups_marked && complete, err);
    c->displaced = r > 0;
    if (c->displaced)
        cgroup_drop(&c->group);
    return r < 0 ? r : 0;
}

/* A process that lives: the freezer and the gate say what it does. */
static int observe_living(const struct container *c, enum oci_status *status, struct error *err) {
    bool frozen = false;
    own_fd gate = -1;
    int r = cgroup_frozen(&c->group, &frozen, err);
    if (r < 0)
        return r;
    r = frozen ? 0 : store_gate_connect(c->dir, 0, &gate);
    if (r < 0 && r != -EBUSY && r != -ECONNREFUSED && r != -ENOENT && r != -ENOTSOCK)
        return error_code(err, -r, "look whether the container has been started: connect to its start socket");
    /* EBUSY: others are connecting, too. ENOTSOCK: a start that succeeds removes the name, whatever it is by then. */
    *status = frozen                                    ? OCI_STATUS_PAUSED
              : r == 0 || r == -EBUSY || r == -ENOTSOCK ? OCI_STATUS_CREATED
                                                        : OCI_STATUS_RUNNING;
    return 0;
}

/* Observed, never stored. With the lock in our hands a create that is not done is one that has died. */
static int observe(struct container *c, bool locked, bool executed, struct error *err) {
    int busy = c->record->pid || locked ? 0 : store_busy(c->dir);
    if (busy < 0)
        return error_code(err, -busy, "look whether the container is being created");
    c->status = busy ? OCI_STATUS_CREATING : OCI_STATUS_STOPPED;
    /* A run has written down whom it has made, and may have its mounts to make yet: nobody is to get in there. */
    if (c->record->pid && c->pidfd >= 0 && c->record->ungated && !executed)
        c->status = OCI_STATUS_CREATING;
    else if (c->record->pid && c->pidfd >= 0 && observe_living(c, &c->status, &c->doubt) < 0)
        c->status = OCI_STATUS_RUNNING;
    return 0;
}

/* Looks at all that the record names. */
static int look(struct container *c, enum container_use use, struct error *err) {
    bool executed;
    int r = open_group(c, use, err);
    if (r < 0)
        return r;
    c->pidfd = process_open((pid_t)c->record->pid, c->record->start_time, &executed);
    if (c->pidfd < 0 && c->pidfd != -ESRCH) /* not to know is not the same as stopped */
        return error_code(err, -c->pidfd, "look at process %lld", (long long)c->record->pid);
    return observe(c, is_locked(use), executed, err);
}

static const struct oci_record begun = {.id = NULL};

static int read_and_look(struct container *c, enum container_use use, struct error *err) {
    int r = store_read(c->dir, c->id, &c->arena, &c->record, err);
    if (r == -ENODATA)
        c->record = &begun;
    return r < 0 && r != -ENODATA ? r : look(c, use, err);
}

static void hand_over(struct container *from, struct container *to) {
    *to = *from;
    *from = (struct container)CONTAINER_INIT;
}

static int open_once(const struct store *store, const char *id, enum container_use use, struct container *out,
                     struct error *err) {
    own_container c = CONTAINER_INIT;
    c.id = id;
    file_limit_raise(&c.files);
    int r = store_enter(store, id, is_locked(use), &c.dir, err);
    if (r == 0)
        r = read_and_look(&c, use, err);
    if (r == 0)
        hand_over(&c, out);
    return r;
}

/* Whether the record says something now that it did not say when the container was opened. 1, 0 or -errno. */
static int has_moved_on(const struct container *c, struct error *err) {
    own_arena arena = ARENA_INIT;
    const struct oci_record *now;
    struct stat st;
    if (fstat(c->dir, &st) < 0)
        return error_sys(err, "look at the state directory of %s", c->id);
    if (st.st_nlink == 0)
        return 1;
    int r = store_read(c->dir, c->id, &arena, &now, err);
    if (r < 0)
        return r == -ENODATA ? 0 : r;
    return now->pid != 0 || !c->record->id;
}

int container_open(const struct store *store, const char *id, enum container_use use, struct container *out,
                   struct error *err) {
    for (int attempt = 0;; attempt++) {
        own_container c = CONTAINER_INIT;
        int r = open_once(store, id, use, &c, err);
        if (r < 0)
            return r;
        /* Between the look at the record and the look at the lock a create may have come to its end. */
        bool unsure = !is_locked(use) && !c.record->pid && c.status == OCI_STATUS_STOPPED;
        r = unsure && attempt < 8 ? has_moved_on(&c, err) : 0;
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        hand_over(&c, out);
        return 0;
    }
}

int container_reopen(int *dir, const struct oci_record *record, struct container *out, struct error *err) {
    own_container c = CONTAINER_INIT;
    struct error gone = ERROR_INIT;
    c.id = record->id;
    c.dir = fd_take(dir);
    file_limit_raise(&c.files);
    int r = store_lock(c.dir, c.id, &gone);
    if (r < 0 && r != -ENOENT) {
        *err = gone;
        return r;
    }
    c.record = record;
    const int known = r == 0;
    r = known ? read_and_look(&c, CONTAINER_CHANGE, err) : look(&c, CONTAINER_CHANGE, err);
    if (r == 0)
        hand_over(&c, out);
    return r < 0 ? r : known;
}

int container_check_known(const struct container *c, struct error *err) {
    if (c->doubt.code)
        *err = c->doubt;
    return -c->doubt.code;
}

int container_check(const struct container *c, enum operation operation, struct error *err) {
    static const enum oci_status living[] = {OCI_STATUS_CREATED, OCI_STATUS_RUNNING, OCI_STATUS_PAUSED};
    int r = c->doubt.code ? 0 : lifecycle_check(operation, c->status, c->id, err);
    for (size_t i = 0; c->doubt.code && r == 0 && i < TABLE_COUNT(living); i++)
        if (lifecycle_check(operation, living[i], c->id, err) < 0)
            r = container_check_known(c, err);
    return r;
}

bool container_may_be_paused(const struct container *c) {
    return c->status == OCI_STATUS_PAUSED || c->doubt.code;
}

bool container_has_ended(const struct container *c) {
    return process_wait(c->pidfd, 0) == 0 || process_is_ending((pid_t)c->record->pid);
}

int container_check_cgroup(const struct container *c, struct error *err) {
    return c->displaced
               ? error_set(err, ENODEV, "the container's cgroup %s has been removed, and is another container's now",
                           c->record->cgroups.items[0].path)
               : 0;
}

int container_name_way_out(const char *id, struct error *err) {
    const struct error cause = *err;
    if (!store_is_damage(err))
        return -cause.code;
    error_set(err, cause.code,
              "%.500s (berth delete --force %.255s removes the state, and the process and cgroups that it can still "
              "identify)",
              cause.text, id);
    return error_blame(err, cause.step, *cause.place ? cause.place : NULL, NULL);
}

int container_find(const char *root, const char *id, enum container_use use, struct store *store, struct container *out,
                   struct error *err) {
    int r = store_open(root, false, store, err);
    if (r == -ENOENT)
        return error_set(err, ENOENT, "container does not exist: %s", id);
    if (r == 0)
        r = container_open(store, id, use, out, err);
    return r < 0 ? container_name_way_out(id, err) : r;
}

void container_state(const struct oci_record *record, enum oci_status status, struct oci_state *out) {
    *out = (struct oci_state){
        .oci_version = "1.3.0",
        .id = record->id,
        .status = status,
        .has_pid = true,
        .pid = status == OCI_STATUS_STOPPED ? 0 : record->pid,
        .bundle = record->bundle,
        .rootfs = record->rootfs,
        .created = record->created,
        .annotations = record->annotations,
        .owner = "",
    };
}

int container_keyring(struct arena *arena, const char *id, const char **name, struct error *err) {
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return error_sys(err, "random name for the session keyring");
    *name = arena_printf(arena, "_ses.%.200s.%016" PRIx64 "%016" PRIx64, id, random[0], random[1]);
    return *name ? 0 : error_memory(err);
}

static int write_sink(void *context, const char *data, size_t len) {
    return fd_write_all(*(const int *)context, data, len);
}

int container_state_fd(const struct oci_record *record, enum oci_status status) {
    struct oci_state state;
    container_state(record, status, &state);
    own_fd fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = oci_state_write(&state, write_sink, &fd, 0);
    if (r < 0)
        return r;
    /* Hooks share it: none may change what the next one reads. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    return fd_take(&fd);
}

int container_hooks(struct arena *arena, const struct oci_record *record, enum hook_point point, int cancel_fd,
                    struct error *err) {
    const struct hook_rule *rule = lifecycle_hook(point);
    struct plan_hooks hooks;
    int r = hooks_plan(arena, record->hooks, &hooks, err);
    if (r < 0 || hooks.at[point].count == 0)
        return r;
    own_fd state = container_state_fd(record, rule->status);
    if (state < 0)
        return error_code(err, -state, "state for %s hooks", hook_point_name(point));
    const bool carry_on = rule->failure == HOOK_FAILURE_CARRY_ON;
    own_fd bundle = fd_open(record->bundle, O_PATH | O_DIRECTORY);
    own_hook_output output = HOOK_OUTPUT_INIT;
    r = hook_output_open(&record->annotations, bundle, &output, err);
    if (r < 0 && !carry_on)
        return r;
    if (r < 0) {
        log_warning("%s", err->text);
        *err = (struct error)ERROR_INIT;
    }
    const struct hook_call call = {.state_fd = state,
                                   .directory_fd = bundle,
                                   .output = output,
                                   .cancel_fd = cancel_fd,
                                   .envp = (const char *const *)environ,
                                   .carry_on = carry_on};
    return hook_run(&hooks, point, &call, err);
}

/* Says which process keeps init from ending: init waits for all of its PID namespace. */
static int refuse_survivor(struct container *c, struct error *err) {
    const long long init = (long long)c->record->pid;
    struct error ignored = ERROR_INIT;
    pid_t *pids = NULL, stuck = process_state((pid_t)init) == 'D' ? (pid_t)init : 0;
    size_t count = 0;
    (void)cgroup_processes(&c->arena, &c->group, &pids, &count, &ignored);
    for (size_t i = 0; i < count && !stuck; i++)
        stuck = pids[i] > 0 && process_state(pids[i]) == 'D' ? pids[i] : 0;
    if (!stuck)
        return error_set(err, EBUSY, "container init still running: process %lld does not die", init);
    return error_set(err, EBUSY,
                     "container init still running: process %lld does not die, since process %lld is in state "
                     "D, where no signal reaches it (uninterruptible sleep: a device or a file system does not answer)",
                     init, (long long)stuck);
}

/* Waits for a process that has SIGKILL, or ends by itself. */
static int await_end(struct container *c, struct error *err) {
    if (container_may_be_paused(c)) /* a frozen v1 task does not die before it is thawed */
        cgroup_thaw_all(&c->group);
    int r = process_wait(c->pidfd, KILL_PROMPT_MS);
    if (r == -ETIMEDOUT) { /* it waits for the others of its PID namespace, and they may be frozen further down */
        cgroup_thaw_all(&c->group);
        r = process_wait(c->pidfd, KILL_DEADLINE_MS);
    }
    if (r == -ETIMEDOUT)
        return refuse_survivor(c, err);
    return r < 0 ? error_code(err, -r, "wait for the end of process %lld", (long long)c->record->pid) : 0;
}

static int kill_init(struct container *c, struct error *err) {
    if (c->pidfd < 0)
        return 0;
    int r = process_signal(c->pidfd, SIGKILL);
    if (r < 0 && r != -ESRCH)
        return error_code(err, -r, "kill process %lld", (long long)c->record->pid);
    return await_end(c, err);
}

int container_await_end(struct container *c, struct error *err) {
    if (c->pidfd < 0 || !process_is_ending((pid_t)c->record->pid))
        return 0;
    int r = await_end(c, err);
    if (r < 0)
        return r;
    fd_drop(&c->pidfd);
    c->status = OCI_STATUS_STOPPED;
    return 0;
}

/*
 * Whether a create that failed early has not come to mounting anything there: then the mount is somebody else's. 1, 0
 * or -errno.
 */
static int root_untouched(const struct oci_record *record, struct error *err) {
    uint64_t id;
    if (!record->has_root_below)
        return 0;
    own_fd there = fd_open(record->root_mount, O_PATH);
    if (there < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 1; /* nothing is there, nor mounted */
    int r = there < 0 ? -errno : sys_mount_id(there, &id);
    return r < 0 ? error_code(err, -r, "look what is mounted on %s", record->root_mount) : id == record->root_below;
}

/*
 * The root is mounted in a mount namespace that outlives the container when the config did not ask for one of its own:
 * in ours, or in the one at undo[0] that the container joined, which a process of ours enters for this.
 */
int container_unmount_root(const struct oci_record *record, struct error *err) {
    const char *path = record->root_mount;
    const char *space = record->undo.count > 0 ? record->undo.items[0] : NULL;
    int status = 0, r = path ? root_untouched(record, err) : 1;
    if (r != 0)
        return r < 0 ? r : 0;
    pid_t pid = space ? fork() : 0;
    if (pid < 0)
        return error_sys(err, "make a process to unmount %s", path);
    if (pid > 0) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
    } else {
        own_fd fd = -1;
        r = space ? namespace_open(space, CLONE_NEWNS, &fd, err) : 0;
        if (r == -ENOENT)
            _exit(0); /* the namespace is gone, and the mount with it */
        if (r == 0 && space)
            r = sys_setns(fd, CLONE_NEWNS);
        if (r == 0)
            r = sys_umount2(path, SYS_UMOUNT_DETACH);
        if (r == -EINVAL || r == -ENOENT)
            r = 0; /* not mounted (any more) */
        if (space)
            _exit(-r);
    }
    return r < 0 ? error_code(err, -r, "unmount %s", path) : 0;
}

void container_kill(const struct store *store, const char *id) {
    own_container c = CONTAINER_INIT;
    struct error ignored = ERROR_INIT;
    if (container_open(store, id, CONTAINER_USE, &c, &ignored) < 0 || c.pidfd < 0 ||
        process_signal(c.pidfd, SIGKILL) < 0)
        return;
    if (process_wait(c.pidfd, KILL_PROMPT_MS) == -ETIMEDOUT)
        cgroup_thaw_all(&c.group);
}

/* What is removed is killed first, so each directory must be known for the container's. */
static void leave_foreign_cgroups(struct container *c, const char *owner) {
    const char *first;
    size_t left = cgroup_leave_foreign(&c->arena, &c->group, owner, &first);
    if (left > 0)
        log_warning("delete %s: %zu cgroup(s) left alone that are not known for the container's: %s%s", c->id, left,
                    first ? first : "?", left > 1 ? " ..." : "");
}

int container_destroy(const struct store *store, struct container *c, bool hooks, struct error *err) {
    int r = c->partial ? open_group(c, CONTAINER_CHANGE, err) : 0;
    if (r < 0)
        return r;
    r = kill_init(c, err);
    leave_foreign_cgroups(c, NULL); /* open_group has looked at the mark */
    if (r == 0)
        log_step("end", "process %lld of %s", (long long)c->record->pid, c->id);
    if (r == 0 && c->group.count > 0)
        r = cgroup_remove(&c->group, true, KILL_DEADLINE_MS, err);
    if (r < 0)
        return r;
    log_step("cgroup", "%s removed", c->group.count > 0 ? c->group.dirs[0].path : "none");
    struct error unit = ERROR_INIT;
    /* Without processes it ends by itself, sooner or later. */
    if (c->record->unit && !c->displaced && scope_stop(c->record, c->dir, &unit) < 0)
        log_warning("%s", unit.text);
    r = container_unmount_root(c->record, err);
    if (r < 0)
        return r;
    if (hooks && c->record->id) {
        struct error hook = ERROR_INIT;
        if (container_hooks(&c->arena, c->record, HOOK_POSTSTOP, -1, &hook) < 0)
            log_warning("%s", hook.text);
    }
    r = store_remove(store, c->id, c->dir, err);
    if (r == 0)
        log_step("forget", "%s", c->id);
    return r;
}

int container_discard(const struct store *store, const char *id, const struct error *why, struct error *err) {
    own_container c = CONTAINER_INIT;
    c.id = id;
    file_limit_raise(&c.files);
    int r = store_enter(store, id, true, &c.dir, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    log_warning("delete %s: %s", id, why->text);
    r = store_salvage(c.dir, id, &c.arena, &c.record, err);
    if (!c.record)
        c.record = &begun;
    if (r == 0)
        r = look(&c, CONTAINER_CHANGE, err);
    if (r < 0)
        return r;
    leave_foreign_cgroups(&c, c.record->created ? c.record->created : "");
    return container_destroy(store, &c, false, err);
}
