/* SPDX-License-Identifier: Apache-2.0 */
/* create: see create.h. The straight line of it is create_container, at the end. */
#include "life/create.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/nearest.h"
#include "handoff/handoff.h"
#include "init/between.h"
#include "init/init.h"
#include "kernel/devbpf.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"
#include "life/announce.h"
#include "life/attend.h"
#include "life/container.h"
#include "life/facts.h"
#include "life/filter_cache.h"
#include "life/hold.h"
#include "life/hook_output.h"
#include "life/limits.h"
#include "life/notify.h"
#include "life/record.h"
#include "life/scope.h"
#include "life/snapshot.h"
#include "life/streams.h"
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)OCI_MAX_SIZE)
#define KILL_WAIT_MS 10000

void creation_init(struct creation *c) {
    *c = (struct creation){.caller_umask = umask(022),
                           .store = STORE_INIT,
                           .dir = -1,
                           .gate = -1,
                           .channel = -1,
                           .init_end = -1,
                           .pidfd = -1,
                           .notify = -1,
                           .master = -1};
    hold_init(&c->held);
    file_limit_raise(&c->files);
    c->held.files = c->files;
    undo_init(&c->undo);
}

void creation_drop(struct creation *c) {
    undo_drop(&c->undo);
    hold_drop(&c->plan, &c->held);
    cgroup_drop(&c->group);
    fd_drop(&c->master);
    fd_drop(&c->notify);
    fd_drop(&c->pidfd);
    fd_drop(&c->init_end);
    fd_drop(&c->channel);
    fd_drop(&c->gate);
    fd_drop(&c->dir);
    store_drop(&c->store);
    arena_drop(&c->arena);
    file_limit_restore(&c->files);
    umask(c->caller_umask);
}

/* What is undone when a create fails, one for each side effect. */

static void undo_reserve(void *subject) {
    struct creation *c = subject;
    struct error err = ERROR_INIT;
    if (c->hooks_begun && container_hooks(&c->arena, &c->record, HOOK_POSTSTOP, -1, &err) < 0)
        log_warning("%s", err.text);
    if (store_remove(&c->store, c->request->id, c->dir, &err) < 0)
        log_warning("%s", err.text);
    if (c->store.made)
        rmdir(c->store.root); /* not empty: somebody else uses it already, or there is a cache to keep */
}

static void undo_cgroup(void *subject) {
    struct creation *c = subject;
    struct error err = ERROR_INIT;
    hold_drop(&c->plan, &c->held); /* the table of open files may be full, and removing opens some */
    if (cgroup_remove(&c->group, true, KILL_WAIT_MS, &err) < 0)
        log_warning("%s", err.text);
}

static void undo_process(void *subject) {
    struct creation *c = subject;
    int status;
    if (c->pidfd < 0)
        return;
    (void)process_signal(c->pidfd, SIGKILL);
    fd_drop(&c->channel); /* a process in between, or init, that waits for us sees the end of file */
    (void)process_reap(c->pidfd, &status);
    struct error err = ERROR_INIT;
    if (container_unmount_root(&c->record, &err) < 0)
        log_warning("%s", err.text);
}

static void undo_pid_file(void *subject) {
    const struct creation *c = subject;
    announce_undo(c->request->pid_file, &c->announced);
}

static void *arena_take(void *context, size_t size) {
    return arena_alloc(context, size);
}

static void log_unknown(void *context, const char *pointer, const char *near) {
    char hint[NEAREST_HINT_SIZE];
    (void)context;
    log_debug("config: unknown property %s ignored%s", pointer, nearest_hint(near, hint));
}

static int read_bundle(struct creation *c, const char **bundle, struct error *err) {
    const char *given = c->request->bundle ? c->request->bundle : ".";
    own_memory char *path = realpath(given, NULL);
    if (!path)
        return error_sys(err, "bundle %s", given);
    c->held.bundle = fd_open(path, O_PATH | O_DIRECTORY);
    if (c->held.bundle < 0)
        return error_sys(err, "bundle %s", path);
    *bundle = arena_strdup(&c->arena, path);
    return *bundle ? 0 : error_memory(err);
}

int create_read_config(struct arena *arena, int bundle, const char *file, struct oci_config **out, struct error *err) {
    const char *name = file ? file : "config.json";
    struct stat st;
    own_memory char *text = NULL;
    size_t len;
    own_fd fd = openat(file ? AT_FDCWD : bundle, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && !file)
        return error_set(
            err, ENOENT,
            "open %s: no such file or directory (--bundle names the bundle's directory; berth spec writes a "
            "%s)",
            name, name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_sys(err, "open %s", name);
    int r = S_ISREG(st.st_mode) ? fd_read_all(fd, CONFIG_MAX, &text, &len) : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if (r < 0)
        return error_code(err, -r, "read %s%s", name, r == -EINVAL ? " (not a regular file)" : "");
    const struct oci_allocator allocator = {.alloc = arena_take, .ctx = arena};
    const struct oci_read_options options = {.unknown = log_wanted(LOG_LEVEL_DEBUG) ? log_unknown : NULL,
                                             .nearest = nearest_of};
    struct oci_error oci;
    void *config;
    r = oci_read(OCI_DOCUMENT_CONFIG, &allocator, &options, text, len, &config, &oci);
    if (r < 0) {
        error_set(err, -r, "%s:%u:%u: %s", name, oci.line, oci.column, oci.text);
        return error_blame(err, "config", oci.pointer, NULL);
    }
    *out = config;
    return 0;
}

/*
 * LISTEN_FDS (sd_listen_fds(3)): descriptors from 3 on belong to the payload, which is told so. With LISTEN_PID they
 * are promised to us, and one that is not open is an error. Without it, peers pass them on all the same; but then the
 * variable may be a leftover in the environment, and it is one unless all the descriptors are open.
 */
static int count_listen_fds(struct creation *c, unsigned *count, const char **extra_env, struct error *err) {
    const char *text = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
    bool promised = pid && *pid;
    *count = 0;
    if (!text || !*text)
        return 0;
    if (promised && strtol(pid, NULL, 10) != getpid())
        return 0; /* meant for somebody else */
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n > 1024)
        return error_set(err, EINVAL, "LISTEN_FDS=%s in the environment is not a number up to 1024", text);
    int r = hold_preserved((unsigned)n, err);
    if (r < 0 && !promised) {
        log_warning("LISTEN_FDS=%lu without LISTEN_PID ignored: %s", n, err->text);
        *err = (struct error)ERROR_INIT;
        return 0;
    }
    if (r < 0)
        return r;
    *extra_env++ = arena_printf(&c->arena, "LISTEN_FDS=%lu", n);
    *extra_env++ = "LISTEN_PID=1";
    if (names)
        *extra_env = arena_printf(&c->arena, "LISTEN_FDNAMES=%s", names);
    *count = (unsigned)n;
    return extra_env[-2] && (!names || *extra_env) ? 0 : error_memory(err);
}

static int check_request(const struct creation *c, bool detached, struct error *err) {
    bool terminal = c->plan.process.terminal;
    if (terminal && detached && !c->request->console_socket)
        return error_refuse(err, "/process/terminal",
                            "cannot allocate tty if berth will detach without setting console socket: pass "
                            "--console-socket, or set process.terminal to false");
    if (!terminal && c->request->console_socket)
        return error_refuse(err, "/process/terminal", "cannot use console socket without a terminal in the config");
    return 0;
}

/* Who lacks the privileges of the host's root does without what nobody gets without them, unless it is asked for. */
static bool is_rootless(void) {
    return geteuid() != 0 || !namespace_user_is_first();
}

static int make_plan(struct creation *c, bool detached, const struct cgroup_host *host, struct error *err) {
    const char *bundle, *extra_env[5] = {NULL}, **spare = extra_env;
    const bool notify = notify_host_socket() != NULL;
    struct plan_mount notify_mount;
    unsigned listen_fds = 0;
    int r = read_bundle(c, &bundle, err);
    if (r == 0)
        r = create_read_config(&c->arena, c->held.bundle, c->request->config, &c->config, err);
    if (r == 0)
        r = count_listen_fds(c, &listen_fds, extra_env, err);
    while (*spare)
        spare++;
    if (r == 0 && notify) {
        *spare = NOTIFY_ENVIRONMENT;
        r = notify_prepare(&c->arena, c->store.root, c->request->id, c->dir, &notify_mount, err);
    }
    if (r == 0)
        r = hold_preserved(listen_fds + c->request->preserve_fds, err);
    if (r < 0)
        return r;
    c->held.preserved = listen_fds + c->request->preserve_fds;
    const char *keyring = NULL;
    struct facts facts;
    r = c->request->no_new_keyring ? 0 : container_keyring(&c->arena, c->request->id, &keyring, err);
    if (r == 0)
        r = facts_find(c->config->process, c->config->linux, host->world == CGROUP_UNIFIED, &facts, err);
    if (r < 0)
        return r;
    const struct plan_request request = {.id = c->request->id,
                                         .bundle = bundle,
                                         .no_pivot = c->request->no_pivot,
                                         .keyring = keyring,
                                         .systemd = c->runtime->cgroup_manager == BERTH_CGROUP_SYSTEMD,
                                         .rootless = is_rootless(),
                                         .extra_env = extra_env,
                                         .extra_mount = notify ? &notify_mount : NULL};
    r = plan_build(&c->arena, c->config, &facts, &request, &c->plan, err);
    if (r == 0)
        r = check_request(c, detached, err);
    const struct oci_seccomp *seccomp = c->config->linux ? c->config->linux->seccomp : NULL;
    const bool fail_unknown = filter_fails_unknown(&c->config->annotations);
    return r < 0 ? r : filter_cache_get(&c->arena, c->store.fd, seccomp, fail_unknown, &c->plan.filter, err);
}

/* RFC 3339 with nanoseconds, UTC, as engines read it. */
static const char *now_text(struct arena *arena) {
    struct timespec now;
    struct tm tm;
    char text[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return arena_printf(arena, "%s.%09ldZ", text, now.tv_nsec);
}

static void record_cgroups(struct creation *c) {
    for (size_t i = 0; i < c->group.count; i++)
        c->record_cgroups[i] =
            (struct oci_record_cgroup){.controller = c->group.dirs[i].controllers, .path = c->group.dirs[i].path};
    c->record.cgroups.count = c->group.count;
    c->record.cgroups.items = c->record_cgroups;
}

static int begin_record(struct creation *c, struct error *err) {
    c->record_cgroups = arena_array(&c->arena, c->group.count, sizeof *c->record_cgroups);
    if (!c->record_cgroups)
        return error_memory(err);
    own_memory char *config = c->request->config ? realpath(c->request->config, NULL) : NULL;
    const char **mount_space =
        c->plan.namespaces.modes[NS_MOUNT] == NS_JOIN ? &c->plan.namespaces.paths[NS_MOUNT] : NULL;
    c->record = (struct oci_record){
        .version = 1,
        .has_version = true,
        .id = c->request->id,
        .bundle = c->plan.bundle,
        .config = config ? arena_strdup(&c->arena, config) : NULL,
        .created = now_text(&c->arena),
        .owner = (uint32_t)geteuid(),
        .has_owner = true,
        .rootfs = c->plan.rootfs,
        .boot_id = record_boot(c->dir, &c->arena),
        .annotations = c->config->annotations,
        .hooks = c->config->hooks,
        .has_new_keyring = true,
        .new_keyring = c->plan.keyring != NULL,
        .keyring = c->plan.keyring,
        .root_mount = c->plan.namespaces.modes[NS_MOUNT] == NS_NEW ? NULL : c->plan.rootfs,
        .undo = {.count = mount_space ? 1 : 0, .items = mount_space},
        .unit = c->group.count > 0 ? c->plan.scope.unit : NULL,
        .unit_of_user = is_rootless(),
        .has_unit_of_user = c->plan.scope.unit != NULL,
    };
    record_cgroups(c);
    /* In a mount namespace that is not our own the number would mean something else. */
    if (c->record.root_mount && !mount_space) {
        own_fd below = fd_open(c->record.root_mount, O_PATH);
        c->record.has_root_below = below >= 0 && sys_mount_id(below, &c->record.root_below) == 0;
    }
    int r = store_write(c->dir, &c->record, err);
    return r < 0 ? r : snapshot_write(c->dir, c->config, &c->plan.filter, err);
}

/* Device rules need the host's CAP_SYS_ADMIN. Who cannot set them cannot make nodes either: the host's file permissions
 * decide, as they do for the caller itself. */
static bool may_be_missing(const struct resource_write *w) {
    return w->optional || (strcmp(w->controller, "devices") == 0 && is_rootless());
}

/* Without a cgroup nothing can be limited. Who switched cgroups off knows that; who just has none is told. */
static int without_cgroup(const struct plan_resources *resources, bool disabled, struct error *err) {
    size_t i = 0;
    while (i < resources->count && may_be_missing(&resources->writes[i]))
        i++;
    if (!disabled && i < resources->count)
        return error_refuse(err, resources->writes[i].place, "a limit needs a cgroup, and the host has none mounted");
    if (i < resources->count || (resources->device_program && !is_rootless()))
        log_warning("limits and device rules are not applied (config /linux/resources): %s",
                    disabled ? "cgroups are disabled" : "the host has no cgroup mounted");
    return 0;
}

static int locate_cgroup(struct creation *c, const struct cgroup_host *host, struct error *err) {
    bool disabled = c->runtime->cgroup_manager == BERTH_CGROUP_DISABLED;
    if (disabled || host->world == CGROUP_NONE)
        return without_cgroup(&c->plan.resources, disabled, err);
    const char *path = c->plan.cgroups_path;
    int r = c->plan.scope.unit ? scope_locate(&c->arena, &c->plan.scope, is_rootless(), &path, err) : 0;
    if (r == 0)
        r = cgroup_locate(&c->arena, host, path, c->request->id, &c->group, err);
    return r < 0 ? error_blame(err, "cgroup", "/linux/cgroupsPath", "cgroup (config /linux/cgroupsPath)") : 0;
}

static bool is_forbidden(int r) {
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

static bool may_ignore(const struct resource_write *w, int r) {
    if (limits_may_lack(w, r))
        return true;
    return (is_forbidden(r) || r == -ENODEV) && may_be_missing(w) && is_rootless();
}

static int fill_one(const struct cgroup *group, const struct resource_write *w, struct error *err) {
    int r = limits_write(group, w, err);
    if (r == 0 || may_ignore(w, r))
        return 0;
    return error_blame(err, "cgroup", w->place, "set %s (config %s)", w->file, w->place);
}

static int fill_limits(const struct creation *c, struct error *err) {
    const struct plan_resources *resources = &c->plan.resources;
    /* In a group that was there before, a limit may have to wait until another one has made room for it. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < resources->count; i++) {
            const struct resource_write *w = &resources->writes[i];
            if (pass > 0 && !w->reorder)
                continue;
            int r = fill_one(&c->group, w, err);
            if (r < 0 && !(pass == 0 && w->reorder && (r == -EINVAL || r == -EBUSY)))
                return r;
        }
    }
    return 0;
}

static int fill_cgroup(struct creation *c, struct error *err) {
    const struct plan_resources *resources = &c->plan.resources;
    /* With systemd on v1 the limits wait for create_register: until then it may remove directories under our hands. */
    int r = c->record.unit && c->group.world != CGROUP_UNIFIED ? 0 : fill_limits(c, err);
    if (r < 0)
        return r;
    if (!resources->device_program || cgroup_clone_fd(&c->group) < 0)
        return 0;
    r = devbpf_attach(cgroup_clone_fd(&c->group), resources->device_program, resources->device_count, err);
    if (is_forbidden(r) && is_rootless())
        return 0;
    return r < 0 ? error_blame(err, "cgroup", "/linux/resources/devices",
                               "device rules (config /linux/resources/devices)")
                 : 0;
}

/* The user that the container's process will be, as the host numbers it. 0: not mapped, which init will report. */
static int find_owner(const struct creation *c, uid_t *owner, struct error *err) {
    const struct plan_namespaces *namespaces = &c->plan.namespaces;
    if (namespaces->modes[NS_USER] != NS_JOIN)
        return namespaces_map_uid(namespaces, c->plan.process.uid, owner);
    int r = namespace_uid_outside(c->held.namespaces[NS_USER], c->plan.process.uid, owner, err);
    return r < 0 ? r : 1;
}

static void give_streams(const struct creation *c) {
    uid_t owner;
    struct error ignored = ERROR_INIT;
    if (c->plan.namespaces.modes[NS_USER] != NS_INHERIT && streams_to_give() && find_owner(c, &owner, &ignored) > 0)
        streams_give(owner);
}

static int delegate_cgroup(struct creation *c, struct error *err) {
    uid_t owner = 0;
    if (!c->plan.cgroup_delegated || c->group.count == 0)
        return 0;
    int r = find_owner(c, &owner, err);
    if (r == 0)
        return 0;
    r = r < 0 ? r : 0;
    if (r == 0 && owner != geteuid())
        r = cgroup_delegate(&c->group, owner, err);
    if (r == -EPERM && is_rootless())
        return 0; /* ours, and so that of root in there */
    if (r == 0)
        return 0;
    return error_blame(err, "cgroup", "/mounts", "delegate the cgroup that is mounted writable (config /mounts)");
}

/* Where nobody has said which cgroup, an ordinary user's container has one where its user may make one. */
static int make_cgroup(struct creation *c, struct error *err) {
    bool choose = !c->plan.cgroups_path && !c->plan.scope.unit && is_rootless(), in_use;
    int r = c->record.unit ? cgroup_exists(&c->group, &in_use, err) : 0;
    if (r > 0)
        r = scope_clear(&c->record, in_use, c->dir, err);
    if (r == 0)
        r = choose ? cgroup_make_permitted(&c->group, err) : cgroup_make(&c->group, err);
    if (r < 0)
        return error_blame(err, "cgroup", "/linux/cgroupsPath", "cgroup (config /linux/cgroupsPath)");
    if (c->group.count > 0)
        undo_add(&c->undo, undo_cgroup, c);
    c->record.cgroups_marked = c->record.has_cgroups_marked = cgroup_claim(&c->group, c->record.created);
    if (c->group.refused > 0)
        record_cgroups(c);
    r = c->group.count + c->group.refused > 0 ? fill_cgroup(c, err) : 0;
    if (r == 0)
        r = delegate_cgroup(c, err);
    return r < 0 ? r : hold_cgroups(&c->arena, &c->plan, &c->group, &c->held, err);
}

static void undo_unit(void *subject) {
    struct creation *c = subject;
    struct error err = ERROR_INIT;
    /* Stopped with processes in it, it would give them a minute to end. */
    (void)cgroup_signal(&c->group, SIGKILL, &err);
    if (!c->unit_silent && scope_stop(&c->record, c->dir, &err) < 0)
        log_warning("%s", err.text);
}

int create_register(struct creation *c, struct error *err) {
    if (!c->record.unit)
        return 0;
    undo_add(&c->undo, undo_unit, c);
    int r = scope_start(&c->arena, &c->plan.scope, &c->record, c->pid, c->dir, err);
    c->unit_silent = r == -ETIMEDOUT; /* to ask it once more would only take as long again */
    if (r < 0)
        return error_blame(err, "cgroup", "/linux/cgroupsPath", "make unit %s", c->record.unit);
    cgroup_leave_parents(&c->group);
    /* systemd has written what it knows of them, in whole percents and the like. */
    return fill_limits(c, err);
}

/* clone3(2) says little of what is wrong with the cgroup: cgroups(7), "Delegation containment" and "thread mode". */
static int refuse_spawn(const struct creation *c, const struct spawn_recipe *recipe, int r, struct error *err) {
    bool cgroup = cgroup_clone_fd(&c->group) >= 0 && (r == -EACCES || r == -EOPNOTSUPP || r == -EBUSY);
    error_blame(err, "spawn", cgroup ? "/linux/cgroupsPath" : "/linux/namespaces", NULL);
    if (cgroup && r == -EACCES)
        return error_wrap(err,
                          "make the new process in its cgroup (berth's own cgroup and that one must both be below a "
                          "cgroup that is delegated to uid %u)",
                          (unsigned)geteuid());
    if (cgroup && r == -EOPNOTSUPP)
        return error_wrap(err,
                          "make the new process in its cgroup (the cgroup it is in is threaded, or has processes of "
                          "its own beside threaded controllers in cgroup.subtree_control)");
    if (cgroup)
        return error_wrap(err,
                          "make the new process in its cgroup (that one has controllers in cgroup.subtree_control)");
    if (r == -EPERM && !(recipe->clone & CLONE_NEWUSER) && is_rootless())
        return error_wrap(err,
                          "make the new process (without privileges a container needs a user namespace of its own)");
    if (r == -EPERM && recipe->clone & CLONE_NEWUSER && mount_is_chrooted())
        return error_wrap(err, "make the new process (berth runs in a chroot, where no user namespace can be made)");
    return error_wrap(err, "make the new process");
}

/* What would fail later on, and then not say so. */
static int check_privilege(const struct plan *plan, struct error *err) {
    uint64_t effective, permitted, inheritable;
    if (plan->namespaces.modes[NS_USER] != NS_INHERIT || geteuid() == 0 ||
        sys_capget(0, &effective, &permitted, &inheritable) < 0 || (effective >> CAP_SYS_ADMIN & 1))
        return 0;
    return error_refuse(err, "/linux/namespaces",
                        "a rootless container needs a user namespace: uid %u has no privilege "
                        "to make one without",
                        (unsigned)geteuid());
}

static int spawn_init(struct creation *c, struct error *err) {
    const struct spawn_recipe *recipe = &c->plan.namespaces.recipe;
    struct spawn spawn = {.flags = recipe->refork ? 0 : recipe->clone, .cgroup_fd = cgroup_clone_fd(&c->group)};
    int r = c->gated ? store_gate_listen(c->dir, &c->gate, err) : 0;
    if (r == 0)
        r = handoff_open(&c->channel, &c->init_end, err);
    give_streams(c);
    if (r < 0)
        return r;
    struct init init = {.plan = &c->plan,
                        .held = &c->held,
                        .debug = log_wanted(LOG_LEVEL_DEBUG),
                        .channel = c->init_end,
                        .gate = c->gate,
                        .unprivileged = geteuid() != 0,
                        .wait_placed = attend_places(c),
                        .root = {-1},
                        .proc = PROCFS_INIT,
                        .console = -1,
                        .terminal = -1,
                        .state_fd = -1};
    pid_t pid = spawn_process(&spawn, &c->pidfd, err);
    if (pid == -EACCES && c->record.unit && c->record.unit_of_user) {
        /* From a login session the user's manager has to move it: their common ancestor is not the user's. */
        c->outside = init.wait_placed = true;
        spawn.cgroup_fd = -1;
        pid = spawn_process(&spawn, &c->pidfd, err);
    }
    if (pid == 0) {
        fd_drop(&c->channel); /* or the new process would keep its own end of file away */
        fd_drop(&c->dir);     /* or it would keep our lock when we are killed */
        if (recipe->refork)
            between_main(&init);
        init_main(&init);
    }
    if (pid < 0)
        return refuse_spawn(c, recipe, pid, err);
    c->pid = pid;
    undo_add(&c->undo, undo_process, c);
    log_step("spawn", "process %d", (int)pid);
    fd_drop(&c->init_end);
    fd_drop(&c->gate);
    return 0;
}

/* Before the first hook, so that a file that cannot be opened refuses the create, even if it is for poststop alone. */
static int open_hook_output(struct creation *c, struct error *err) {
    size_t hooks = 0;
    for (int point = 0; point < HOOK_POINT_COUNT; point++)
        hooks += c->plan.hooks.at[point].count;
    return hooks == 0 ? 0 : hook_output_open(&c->config->annotations, c->held.bundle, &c->held.hook_output, err);
}

int create_prepare(struct creation *c, unsigned flags, struct error *err) {
    struct cgroup_host host = {.world = CGROUP_NONE};
    c->gated = flags & CREATE_GATED;
    int r = plan_check_id(c->request->id, err);
    if (r == 0 && c->runtime->cgroup_manager == BERTH_CGROUP_SYSTEMD)
        r = scope_check(err);
    if (r == 0)
        r = store_open(c->runtime->root, true, &c->store, err);
    if (r == 0 && c->runtime->cgroup_manager != BERTH_CGROUP_DISABLED)
        r = cgroup_host_probe(&c->arena, &host, err);
    if (r == 0)
        r = store_reserve(&c->store, c->request->id, &c->dir, err);
    if (r < 0)
        return r;
    undo_add(&c->undo, undo_reserve, c);
    log_step("reserve", "%s in %s", c->request->id, c->store.root);
    r = make_plan(c, flags & CREATE_DETACHED, &host, err);
    if (r == 0)
        r = check_privilege(&c->plan, err);
    if (r < 0)
        return r;
    log_step("plan", "bundle %s", c->plan.bundle);
    r = open_hook_output(c, err);
    if (r == 0)
        r = locate_cgroup(c, &host, err);
    if (r == 0)
        r = hold_open(&c->arena, &c->plan, &c->held, err);
    if (r < 0)
        return r;
    log_step("hold", "root %s, sources of %zu mounts", c->plan.rootfs, c->plan.mounts.count);
    r = begin_record(c, err);
    if (r == 0)
        log_step("record", "%s", c->request->id);
    if (r == 0)
        r = make_cgroup(c, err);
    if (r == 0)
        log_step("cgroup", "%s, %zu limits", c->group.count > 0 ? c->group.dirs[0].path : "none",
                 c->plan.resources.count);
    return r;
}

int create_container(struct creation *c, unsigned flags, struct error *err) {
    c->held.may_queue = true;
    int r = create_prepare(c, flags, err);
    c->record.ungated = c->record.has_ungated = !c->gated;
    if (r == 0)
        r = spawn_init(c, err);
    if (r == 0)
        r = attend_process(c, err);
    if (r == 0 && c->gated)
        r = store_write(c->dir, &c->record, err);
    if (r == 0 && c->gated)
        r = create_announce(c, err);
    if (r == 0 && c->gated) {
        r = handoff_send(c->channel, HANDOFF_COMMITTED, -1, NULL);
        if (r == -EPIPE) /* by whoever has found it in the record */
            return error_set(err, ECANCELED, "the container's process ended before it could wait for its start");
        if (r < 0)
            return error_code(err, -r, "let the new process wait for its start");
    }
    if (r == 0)
        log_step("commit", "%s, process %d", c->request->id, (int)c->pid);
    return r;
}

int create_adopt(struct creation *c, pid_t pid, struct error *err) {
    c->pidfd = process_hold(pid);
    if (c->pidfd < 0)
        return error_code(err, -c->pidfd, "hold the container's process");
    c->pid = pid;
    undo_add(&c->undo, undo_process, c);
    int r = process_start_time(pid, &c->record.start_time);
    if (r < 0)
        return error_code(err, -r, "start time of the container's process");
    c->record.has_start_time = true;
    c->record.has_pid = true;
    c->record.pid = pid;
    return create_register(c, err);
}

int create_announce(struct creation *c, struct error *err) {
    if (c->request->pidfd_socket) {
        int sent = announce_pidfd(c->request->pidfd_socket, c->pidfd, "standard", err);
        if (sent < 0)
            return sent;
    }
    if (!c->request->pid_file)
        return 0;
    int r = announce_pid(c->request->pid_file, c->pid, &c->announced, err);
    if (r == 0)
        undo_add(&c->undo, undo_pid_file, c);
    return r;
}
