/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore: a container from a bundle and the images of a checkpoint. All around the processes is made as create makes
 * it (life/create.h); the processes are made by CRIU, in a mount namespace of its own, whose root task becomes a child
 * of ours. Runs in life; needs root.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "init/held.h"
#include "init/hook.h"
#include "kernel/criu.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/process.h"
#include "kernel/resolve.h"
#include "kernel/sys.h"
#include "kernel/tty.h"
#include "life/container.h"
#include "life/create.h"
#include "life/hold.h"
#include "life/images.h"
#include "life/lifecycle.h"
#include "life/operations.h"
#include "life/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG "restore.log"
#define INHERIT_MAX (STREAMS + NS_COUNT)

extern char **environ;

struct revival {
    struct creation creation;
    const struct berth_restore *request;
    struct images images;
    const char *streams[STREAMS];
    struct images_pairs mounts, joins, cgroup_roots;
    struct criu_inherit inherit[INHERIT_MAX];
    struct criu_options options;
    char *root;    /* where CRIU has the root attached; malloc'd */
    bool restored; /* CRIU is about to let the processes run */
};

static void revival_drop(struct revival *v) {
    creation_drop(&v->creation);
    images_drop(&v->images);
    memory_drop(&v->root);
}

/* ---- the root: every mount point that the images have must be there ---- */

static bool lies_below(const char *path, const char *directory) {
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* Made at create, too, but the root may be another one by now. In a file system of the container's own CRIU does it. */
static int make_mount_point(struct creation *c, size_t index, struct error *err) {
    const struct plan_mount *rows = c->plan.mounts.items, *m = &rows[index];
    struct root root = {c->held.rootfs.fd};
    const char *path = m->destination;
    for (size_t i = 0; i < index; i++) {
        if (!lies_below(m->destination, rows[i].destination) || rows[i].kind == MOUNT_REMOUNT)
            continue;
        bool bind = rows[i].kind == MOUNT_BIND;
        root.fd = bind ? c->held.mounts[rows[i].index].fd : -1;
        path = m->destination + strlen(rows[i].destination);
    }
    if (root.fd < 0 || m->kind == MOUNT_REMOUNT)
        return 0;
    bool file = m->kind == MOUNT_BIND && !c->held.mounts[m->index].directory;
    own_fd made = resolve_make(root, path, file ? RESOLVE_MAKE_FILE : RESOLVE_MAKE_DIRECTORY, 0);
    return made < 0 ? error_code(err, -made, "make mount point %s", m->destination) : 0;
}

/* CRIU wants the root on a mount point whose parent nothing covers: an empty directory of ours. */
static int make_root(struct revival *v, struct error *err) {
    struct creation *c = &v->creation;
    own_memory char *path = NULL;
    if (mkdirat(c->dir, STORE_ROOT, 0700) < 0)
        return error_sys(err, "make directory %s", STORE_ROOT);
    if (asprintf(&path, "%s/%s/" STORE_ROOT, c->store.root, c->request->id) < 0)
        return error_memory(err);
    v->root = realpath(path, NULL);
    return v->root ? 0 : error_sys(err, "%s", path);
}

/* ---- what the images only name ---- */

static int list_cgroup_mounts(struct revival *v, const struct plan_mount *m, struct error *err) {
    struct creation *c = &v->creation;
    if (c->held.cgroup_unified.fd >= 0)
        return images_pair(&c->arena, &v->mounts, m->destination, c->held.cgroup_unified.path, err);
    if (c->group.world == CGROUP_UNIFIED || c->plan.namespaces.modes[NS_CGROUP] == NS_NEW)
        return 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->group.count; i++) {
        const struct cgroup_dir *dir = &c->group.dirs[i];
        const char *name = strrchr(dir->mount, '/');
        r = images_pair(&c->arena, &v->mounts, arena_printf(&c->arena, "%s%s", m->destination, name ? name : ""),
                        arena_printf(&c->arena, "%s%s", dir->mount, dir->path), err);
    }
    return r;
}

/* The directory of the notify socket is there for a container that once had one; nobody listens to it any more. */
static int list_notify(struct revival *v, struct error *err) {
    struct creation *c = &v->creation;
    if (mkdirat(c->dir, "notify", 0700) < 0 && errno != EEXIST)
        return error_sys(err, "make directory notify");
    return images_pair(&c->arena, &v->mounts, IMAGES_NOTIFY,
                       arena_printf(&c->arena, "%s/%s/notify", c->store.root, c->request->id), err);
}

static int list_bind(struct revival *v, const struct plan_mount *m, struct error *err) {
    struct arena *arena = &v->creation.arena;
    own_memory char *source = realpath(m->source, NULL); /* CRIU does not follow a link */
    if (!source)
        return error_sys(err, "bind source %s of mount on %s", m->source, m->destination);
    int r = images_pair(arena, &v->mounts, m->destination, arena_strdup(arena, source), err);
    return r < 0 || !m->recursive ? r : images_submounts(arena, &v->mounts, source, m->destination, -1, err);
}

static int list_mounts(struct revival *v, struct error *err) {
    struct creation *c = &v->creation;
    const struct plan *plan = &c->plan;
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        r = make_mount_point(c, i, err);
        if (r == 0 && m->kind == MOUNT_BIND)
            r = list_bind(v, m, err);
        else if (r == 0 && m->kind == MOUNT_CGROUP)
            r = list_cgroup_mounts(v, m, err);
    }
    if (r == 0)
        r = list_notify(v, err);
    if (r == 0 && plan->masked_count > 0) /* so runc calls all of them */
        r = images_pair(&c->arena, &v->mounts, "/dev/null", "/dev/null", err);
    for (size_t i = 0; r == 0 && i < plan->masked_count; i++)
        r = images_pair(&c->arena, &v->mounts, plan->masked_paths[i], "/dev/null", err);
    for (size_t i = 0; r == 0 && i < plan->devices.count; i++)
        r = images_pair(&c->arena, &v->mounts, plan->devices.items[i].path, plan->devices.items[i].path, err);
    v->options.mounts = (struct criu_pairs){v->mounts.items, v->mounts.count};
    return r;
}

static void inherit(struct revival *v, const char *key, int fd) {
    v->inherit[v->options.inherit_count++] = (struct criu_inherit){key, fd};
}

static int list_namespaces(struct revival *v, struct error *err) {
    const struct plan_namespaces *ns = &v->creation.plan.namespaces;
    int r = 0;
    for (int k = 0; r == 0 && k < NS_COUNT; k++) {
        uint64_t flag = ns_flag((enum ns_kind)k);
        const char *key = images_namespace_key(flag), *name = images_namespace(flag);
        if (ns->modes[k] != NS_JOIN)
            continue;
        if (key)
            inherit(v, key, v->creation.held.namespaces[k]);
        else if (name)
            r = images_pair(&v->creation.arena, &v->joins, name, ns->paths[k], err);
        else
            r = error_set(err, ENOTSUP, "criu cannot join a %s namespace", ns_name((enum ns_kind)k));
    }
    v->options.joins = (struct criu_pairs){v->joins.items, v->joins.count};
    return r;
}

/* What led out of the container leads to our own standard streams now. */
static void list_streams(struct revival *v) {
    for (int fd = 0; fd < STREAMS; fd++)
        if (images_stream_kind(v->streams[fd]) != STREAM_INSIDE)
            inherit(v, v->streams[fd], fd);
}

/* The images have the cgroup's old path in each hierarchy; controllers that share one are named one by one. */
static int list_cgroups(struct revival *v, struct error *err) {
    struct creation *c = &v->creation;
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->group.count; i++) {
        const struct cgroup_dir *dir = &c->group.dirs[i];
        const char *at = dir->unified ? "" : dir->controllers;
        do {
            size_t len = strcspn(at, ",");
            r = images_pair(&c->arena, &v->cgroup_roots, arena_strndup(&c->arena, at, len), dir->path, err);
            at += len + (at[len] == ',');
        } while (r == 0 && *at);
    }
    v->options.cgroup_roots = (struct criu_pairs){v->cgroup_roots.items, v->cgroup_roots.count};
    return r;
}

static int prepare(struct revival *v, struct error *err) {
    struct creation *c = &v->creation;
    struct criu_options *options = &v->options;
    if (c->plan.namespaces.modes[NS_MOUNT] != NS_NEW)
        return error_set(err, EINVAL, "a container without a mount namespace of its own cannot be restored");
    images_options(&v->images, &v->request->criu, options);
    if (images_foreign_cgroups(&c->group))
        options->cgroups = CRIU_CGROUPS_IGNORE;
    options->log = LOG;
    options->config_file = images_criu_config(&c->config->annotations);
    options->lsm_profile = v->request->lsm_profile;
    options->lsm_mount_context = v->request->lsm_mount_context;
    options->tcp_close = v->request->tcp_close;
    options->sibling = true;
    options->evasive_devices = true;
    options->inherit = v->inherit;
    int r = make_root(v, err);
    options->root = v->root;
    if (r == 0)
        r = list_mounts(v, err);
    if (r == 0)
        r = list_namespaces(v, err);
    if (r == 0)
        list_streams(v);
    return r < 0 ? r : list_cgroups(v, err);
}

/* ---- what CRIU asks on its way ---- */

static int run_hooks(struct creation *c, struct error *err) {
    static const enum hook_point points[] = {HOOK_PRESTART, HOOK_CREATE_RUNTIME};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof points / sizeof *points; i++) {
        if (c->plan.hooks.at[points[i]].count == 0)
            continue;
        c->hooks_begun = true;
        own_fd state = container_state_fd(&c->record, lifecycle_hook(points[i])->status);
        const struct hook_call call = {.state_fd = state,
                                       .directory_fd = c->held.bundle,
                                       .output = c->held.hook_output,
                                       .cancel_fd = c->relay ? c->relay->stop_fd : 0,
                                       .envp = (const char *const *)environ};
        r = state < 0 ? error_code(err, -state, "state for hooks") : hook_run(&c->plan.hooks, points[i], &call, err);
    }
    return r;
}

/* Does `work` in one namespace of the container: in a process of its own, for ours stays where it is. */
static int within(const struct creation *c, uint64_t flag, const char *name,
                  int (*work)(const struct creation *c, struct error *err), struct error *err) {
    char path[48];
    int ends[2];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)c->pid, name);
    own_fd space = fd_open(path, O_RDONLY);
    if (space < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_sys(err, "%s namespace of the container", name);
    own_fd report = ends[0], theirs = ends[1];
    pid_t pid = fork();
    if (pid == 0) {
        struct error failed = ERROR_INIT;
        int r = sys_setns(space, (int)flag);
        r = r < 0 ? error_code(&failed, -r, "enter the %s namespace of the container", name) : work(c, &failed);
        if (r < 0)
            (void)fd_write_all(theirs, &failed, sizeof failed);
        _exit(r < 0);
    }
    if (pid < 0)
        return error_sys(err, "make a process for the %s namespace", name);
    fd_drop(&theirs);
    struct error failed;
    bool told = fd_read(report, &failed, sizeof failed) == (ssize_t)sizeof failed;
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!told)
        return status ? error_set(err, EIO, "a process in the %s namespace failed", name) : 0;
    *err = failed;
    return err->code > 0 ? -err->code : -EPROTO;
}

static int loopback_up(const struct creation *c, struct error *err) {
    (void)c;
    return namespace_loopback_up(err);
}

/* A bind of the host's null device over a masked file; nothing where the path does not exist, or is a directory. */
static int seal_masked(struct root root, const char *path) {
    struct stat st;
    own_fd fd = resolve_path(root, path, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
        return 0;
    return mount_seclude(fd, HELD_NODE_FLAGS);
}

/*
 * Of two mounts with the same source CRIU (4.2) brings one back without its flags: read-only would be lost. So the
 * flags are set again, as init/rootfs.c does it.
 */
static int seal_mounts(const struct creation *c, struct error *err) {
    const struct plan *plan = &c->plan;
    own_fd top = fd_open("/", O_PATH | O_DIRECTORY);
    const struct root root = {top};
    int r = top < 0 ? -errno : 0;
    const char *path = "/";
    for (size_t i = 0; r == 0 && i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        if (m->kind != MOUNT_BIND)
            continue;
        path = m->destination;
        own_fd fd = resolve_path(root, path, 0);
        r = fd < 0 ? fd : mount_change(fd, m->flags.set, m->flags.clear, false);
        if (r == 0)
            r = mount_change(fd, m->tree.set, m->tree.clear, true);
    }
    for (size_t i = 0; r == 0 && i < plan->masked_count; i++) {
        path = plan->masked_paths[i];
        r = seal_masked(root, path);
    }
    return r < 0 ? error_code(err, -r, "set flags of mount %s", path) : 0;
}

static int on_terminal(struct creation *c, struct criu_notice *notice, struct error *err) {
    char name[64] = "";
    if (notice->fd < 0)
        return error_set(err, EPROTO, "criu has sent no terminal");
    if (!c->request->console_socket) {
        c->master = fd_take(&notice->fd);
        (void)tty_copy_size(STDIN_FILENO, c->master);
        return 0;
    }
    int r = tty_name(notice->fd, name, sizeof name, err);
    if (r == 0)
        r = tty_send(c->request->console_socket, notice->fd, name, err);
    return r < 0 ? error_wrap(err, "console socket") : 0;
}

/* All is back, and nothing runs yet: what fails now can still be taken back as a whole. */
static int on_restored(struct creation *c, struct error *err) {
    int r = within(c, CLONE_NEWNS, "mnt", seal_mounts, err);
    if (r == 0)
        r = store_write(c->dir, &c->record, err);
    return r < 0 ? r : create_announce(c, err);
}

static int on_notice(void *context, struct criu_notice *notice, struct error *err) {
    struct revival *v = context;
    struct creation *c = &v->creation;
    /* Once others may have seen that the container runs, a signal is for it. */
    int r = v->restored ? 0 : images_check_stop(c->relay, err);
    if (r < 0)
        return r;
    switch (notice->event) {
    case CRIU_EVENT_STARTED:
        /* CRIU is told not to care about cgroups: then its children stay where it is itself. */
        return v->options.cgroups == CRIU_CGROUPS_IGNORE ? cgroup_enter(&c->group, notice->pid, false, err) : 0;
    case CRIU_EVENT_SETUP_NAMESPACES:
        r = create_adopt(c, notice->pid, err);
        /* Who makes the interfaces leaves this one to us; connections within the container need it early. */
        if (r == 0 && c->plan.namespaces.modes[NS_NETWORK] == NS_NEW)
            r = within(c, CLONE_NEWNET, "net", loopback_up, err);
        return r < 0 ? r : run_hooks(c, err);
    case CRIU_EVENT_ORPHAN_PTS_MASTER:
        return on_terminal(c, notice, err);
    case CRIU_EVENT_POST_RESTORE:
        r = c->pid > 0 ? 0 : create_adopt(c, notice->pid, err);
        v->restored = r == 0;
        return r < 0 ? r : on_restored(c, err);
    default:
        return 0;
    }
}

static int revive(struct revival *v, const char *criu, bool detach, struct error *err) {
    struct creation *c = &v->creation;
    struct criu_answer answer;
    int r = images_open(&v->request->criu, false, &v->images, err);
    if (r == 0)
        r = images_read_streams(v->images.dir, &c->arena, v->streams, err);
    if (r == 0)
        r = create_prepare(c, detach ? CREATE_DETACHED : 0, err);
    if (r == 0)
        r = prepare(v, err);
    if (r < 0)
        return r;
    const struct criu_root root = {
        .tree = c->held.rootfs.fd, .detached = c->held.rootfs.detached, .path = c->plan.rootfs, .at = v->root};
    const struct criu_call call = {.program = criu,
                                   .request = CRIU_RESTORE,
                                   .options = &v->options,
                                   .root = &root,
                                   .notify = on_notice,
                                   .context = v};
    r = criu_run(&call, &answer, err);
    if (r == 0 && c->pid <= 0)
        r = error_set(err, EPROTO, "criu has restored nothing");
    unlinkat(c->dir, STORE_ROOT, AT_REMOVEDIR);
    return r;
}

int operation_restore(const struct berth_runtime *runtime, const struct berth_restore *request, unsigned flags,
                      int *status, struct error *err) {
    own_relay relay = RELAY_INIT; /* closed behind the undo: a signal that is pending ends us there */
    own(revival_drop) struct revival v = {.request = request, .images = IMAGES_INIT, .options = CRIU_OPTIONS_INIT};
    struct creation *c = &v.creation;
    bool detach = flags & BERTH_RUN_DETACH;
    char criu[PATH_MAX];
    creation_init(c);
    c->runtime = runtime;
    c->request = &request->create;
    int r = request->create.pidfd_socket ? process_check_pidfds() : 0; /* criu makes the process, not our clone3 */
    if (r < 0)
        return error_code(err, -r, "pidfd socket: pidfd_open");
    r = criu_find(criu, sizeof criu, err);
    if (r == 0)
        r = relay_open(&relay, err);
    c->relay = &relay;
    if (r == 0)
        r = revive(&v, criu, detach, err);
    if (r < 0) {
        images_unmake(&v.images);
        return r;
    }
    undo_commit(&c->undo);
    store_unlock(c->dir); /* from here on others may work on the container */
    cgroup_drop(&c->group);
    hold_drop(&c->plan, &c->held);
    *status = 0;
    if (detach)
        return 0;
    r = relay_wait(&relay, c->pidfd, c->master, status, err);
    struct error unclean = ERROR_INIT;
    if (run_take_down(c, &unclean) < 0)
        log_warning("%s", unclean.text);
    return r;
}
