/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint: the processes of a container into files, by CRIU. What of them belongs to the host and comes back by the
 * config at restore (bind mounts, masked files, joined namespaces) is named to CRIU, all else is in the images. Runs in
 * life; needs root.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/table.h"
#include "kernel/criu.h"
#include "kernel/resolve.h"
#include "life/create.h"
#include "life/facts.h"
#include "life/images.h"
#include "life/lifecycle.h"
#include "life/operations.h"
#include "life/relay.h"
#include "plan/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOG "dump.log"
#define EXTERNAL_MAX (NS_COUNT + STREAMS)

struct dump {
    struct arena arena;
    const struct berth_checkpoint *request;
    const struct container *container;
    const struct relay *relay;
    struct oci_config *config;
    struct plan plan;
    struct images images;
    int root;      /* of the container's mount namespace */
    int status_fd; /* -1: none, or written */
    struct images_pairs mounts;
    const char *external[EXTERNAL_MAX];
    struct criu_options options;
};

static void dump_drop(struct dump *dump) {
    fd_drop(&dump->root);
    images_drop(&dump->images);
    arena_drop(&dump->arena);
}

/* The container as its config has it. The bundle is what restore will read as well. */
static int read_plan(struct dump *d, struct error *err) {
    const struct oci_record *record = d->container->record;
    own_fd bundle = fd_open(record->bundle, O_PATH | O_DIRECTORY);
    if (bundle < 0)
        return error_sys(err, "bundle %s", record->bundle);
    int r = create_read_config(&d->arena, bundle, record->config, &d->config, err);
    struct facts facts;
    if (r == 0)
        r = facts_find(d->config->process, d->config->linux, d->container->group.world == CGROUP_UNIFIED, &facts, err);
    if (r < 0)
        return r;
    const struct plan_request request = {.id = record->id, .bundle = record->bundle};
    r = plan_build(&d->arena, d->config, &facts, &request, &d->plan, err);
    if (r == 0 && d->plan.namespaces.modes[NS_MOUNT] != NS_NEW)
        r = error_set(err, EINVAL, "a container without a mount namespace of its own cannot be checkpointed");
    return r;
}

/* A mount that the images name only. The name is the config's word for it, which restore finds there again. */
static int add_mount(struct dump *d, const char *destination, struct error *err) {
    return images_pair(&d->arena, &d->mounts, images_mount_point(&d->arena, d->root, destination), destination, err);
}

static int add_bind(struct dump *d, const struct plan_mount *m, struct error *err) {
    own_memory char *source = m->recursive ? realpath(m->source, NULL) : NULL;
    int r = add_mount(d, m->destination, err);
    return r < 0 || !source ? r : images_submounts(&d->arena, &d->mounts, source, m->destination, d->root, err);
}

/* Without a namespace for them they are binds (init/cgroup_mount.c): one of cgroup2, one of each hierarchy of v1. */
static int add_cgroups(struct dump *d, const struct plan_mount *m, struct error *err) {
    const struct cgroup *group = &d->container->group;
    int unified = cgroup_host_is_unified(err);
    if (unified < 0)
        return unified;
    if (unified)
        return d->plan.namespaces.modes[NS_CGROUP] == NS_INHERIT ? add_mount(d, m->destination, err) : 0;
    if (d->plan.namespaces.modes[NS_CGROUP] == NS_NEW)
        return 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < group->count; i++) {
        const char *name = strrchr(group->dirs[i].mount, '/');
        r = add_mount(d, arena_printf(&d->arena, "%s%s", m->destination, name ? name : ""), err);
    }
    return r;
}

/* Masked files are covered by the host's null device; masked directories by a tmpfs, which CRIU dumps. */
static int add_masked(struct dump *d, const char *path, struct error *err) {
    struct stat st;
    own_fd fd = resolve_path((struct root){d->root}, path, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return 0;
    return images_pair(&d->arena, &d->mounts, images_mount_point(&d->arena, d->root, path), path, err);
}

static int list_mounts(struct dump *d, struct error *err) {
    const struct plan *plan = &d->plan;
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        if (m->kind == MOUNT_BIND)
            r = add_bind(d, m, err);
        else if (m->kind == MOUNT_CGROUP)
            r = add_cgroups(d, m, err);
    }
    for (size_t i = 0; r == 0 && i < plan->masked_count; i++)
        r = add_masked(d, plan->masked_paths[i], err);
    /* In a user namespace devices are binds of the host's; elsewhere there is no such mount, and CRIU minds it not. */
    for (size_t i = 0; r == 0 && !plan->mounts.dev_is_bind && i < plan->devices.count; i++)
        r = add_mount(d, plan->devices.items[i].path, err);
    if (r == 0 && fd_has(d->container->dir, "notify"))
        r = add_mount(d, IMAGES_NOTIFY, err);
    d->options.mounts = (struct criu_pairs){d->mounts.items, d->mounts.count};
    return r;
}

/* Joined namespaces stay what they are: restore has to find them again by the config. */
static int list_namespaces(struct dump *d, struct error *err) {
    for (int k = 0; k < NS_COUNT; k++) {
        uint64_t flag = ns_flag((enum ns_kind)k);
        const char *key = images_namespace_key(flag), *name = images_namespace(flag);
        char path[64];
        struct stat st;
        if (d->plan.namespaces.modes[k] != NS_JOIN || !key)
            continue;
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)d->options.pid, name);
        if (stat(path, &st) < 0)
            return error_sys(err, "look at the %s namespace of the container", ns_name((enum ns_kind)k));
        const char *entry = arena_printf(&d->arena, "%s[%llu]:%s", name, (unsigned long long)st.st_ino, key);
        if (!entry)
            return error_memory(err);
        d->external[d->options.external_count++] = entry;
    }
    d->options.external = d->external;
    return 0;
}

/* A stream that leads out of the container comes back as what restore has there itself. Of pipes CRIU sees that. */
static int list_streams(struct dump *d, struct error *err) {
    const char *streams[STREAMS];
    int r = images_find_streams(&d->arena, d->options.pid, streams, err);
    for (int i = 0; r == 0 && i < STREAMS; i++)
        if (images_stream_kind(streams[i]) == STREAM_EXTERNAL)
            d->external[d->options.external_count++] = streams[i];
    return r < 0 ? r : images_write_streams(d->images.dir, streams, err);
}

/*
 * By the cgroup all processes stop at once, and none forks away. It must be the one that pause uses: CRIU runs code in
 * the processes, and can thaw them for that only by the freezer that it was told of. NULL: it stops one after the
 * other.
 */
static const char *freezer(struct dump *d) {
    const struct cgroup *group = &d->container->group;
    const struct cgroup_dir *found = NULL;
    for (size_t i = 0; i < group->count; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        if (dir->unified || (strcmp(dir->controllers, "freezer") == 0 && !found))
            found = dir;
    }
    return found ? arena_printf(&d->arena, "%s%s", found->mount, found->path) : NULL;
}

static int check_page_server(struct dump *d, struct error *err) {
    const char *text = d->request->page_server, *colon = text ? strrchr(text, ':') : NULL;
    uint64_t port;
    if (!text)
        return 0;
    if (!colon || colon == text || number_parse_u64(colon + 1, 65535, &port) < 0 || port == 0)
        return error_set(err, EINVAL, "page server \"%s\" is not ADDRESS:PORT", text);
    d->options.page_server = arena_strndup(&d->arena, text, (size_t)(colon - text));
    d->options.page_server_port = (unsigned)port;
    return d->options.page_server ? 0 : error_memory(err);
}

static int check_status_fd(struct dump *d, struct error *err) {
    int fd = (int)d->request->status_fd;
    if (fd == 0)
        return 0;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return error_sys(err, "status fd %d", fd);
    if ((flags & O_ACCMODE) == O_RDONLY)
        return error_set(err, EBADF, "status fd %d is not writable", fd);
    d->status_fd = fd;
    return 0;
}

static int check_parent(struct dump *d, struct error *err) {
    const char *parent = d->request->parent_path;
    if (!parent)
        return 0;
    if (*parent == '/')
        return error_set(err, EINVAL, "--parent-path: %s must be relative to the image path", parent);
    if (faccessat(d->images.dir, parent, F_OK, 0) < 0)
        return error_sys(err, "--parent-path: %s in the image path", parent);
    d->options.parent = parent;
    d->options.track_memory = true;
    return 0;
}

/* Not every kernel notes which pages have changed, or lets a process fetch its pages later. */
static int check_features(const struct dump *d, const char *criu, struct error *err) {
    const struct berth_checkpoint *request = d->request;
    static const struct criu_options none = CRIU_OPTIONS_INIT;
    const struct criu_call call = {.program = criu, .request = CRIU_FEATURES, .options = &none};
    struct criu_answer can;
    if (!request->pre_dump && !request->criu.lazy_pages)
        return 0;
    int r = criu_run(&call, &can, err);
    if (r == 0 && request->pre_dump && !can.tracks_memory)
        r = error_set(err, ENOTSUP, "pre-dump: criu cannot track memory on this kernel (CONFIG_MEM_SOFT_DIRTY)");
    if (r == 0 && request->criu.lazy_pages && !can.lazy_pages)
        r = error_set(err, ENOTSUP, "lazy pages: criu cannot do that on this kernel (userfaultfd)");
    return r;
}

static int prepare(struct dump *d, const char *criu, struct error *err) {
    const struct berth_checkpoint *request = d->request;
    struct criu_options *options = &d->options;
    char path[32];
    options->pid = (pid_t)d->container->record->pid;
    snprintf(path, sizeof path, "/proc/%d/root", (int)options->pid);
    d->root = fd_open(path, O_PATH | O_DIRECTORY);
    if (d->root < 0)
        return error_sys(err, "open the container's root");
    images_options(&d->images, &request->criu, options);
    if (images_foreign_cgroups(&d->container->group))
        options->cgroups = CRIU_CGROUPS_IGNORE;
    options->log = LOG;
    options->root = d->container->record->rootfs;
    options->config_file = images_criu_config(&d->config->annotations);
    options->freeze_cgroup = freezer(d);
    options->leave_running = request->leave_running;
    options->tcp_skip_in_flight = request->tcp_skip_in_flight;
    options->link_remap = request->link_remap;
    int r = check_parent(d, err);
    if (r == 0)
        r = check_page_server(d, err);
    if (r == 0)
        r = check_status_fd(d, err);
    if (r == 0)
        r = check_features(d, criu, err);
    if (r == 0)
        r = list_namespaces(d, err);
    if (r < 0 || request->pre_dump)
        return r; /* memory alone: no mounts, no descriptors */
    r = list_mounts(d, err);
    return r < 0 ? r : list_streams(d, err);
}

static int on_notice(void *context, struct criu_notice *notice, struct error *err) {
    struct dump *d = context;
    int r = images_check_stop(d->relay, err);
    if (r < 0)
        return r;
    if (notice->event != CRIU_EVENT_STATUS_READY || d->status_fd < 0)
        return 0;
    r = fd_write_all(d->status_fd, "", 1);
    fd_drop(&d->status_fd); /* who reads it may wait for its end */
    return r < 0 ? error_code(err, -r, "write to the status fd") : 0;
}

/*
 * CRIU thaws what it has frozen unless it was killed: then the container would hang in a failed dump. Whether it is
 * frozen is not asked: it may be about to be.
 */
static void thaw(const struct container *container) {
    struct error err = ERROR_INIT;
    int r = container->status == OCI_STATUS_RUNNING ? cgroup_freeze(&container->group, false, &err) : 0;
    if (r < 0 && r != -ENODEV) /* there is none that could be frozen */
        log_warning("%s", err.text);
}

/*
 * At restore the images are read in the container's user namespace, by a process that is our root at first and the
 * container's root later: so a directory of our making lets that one's group pass, and nobody else.
 */
static int share_images(const struct dump *d, struct error *err) {
    const struct plan_namespaces *ns = &d->plan.namespaces;
    uint32_t gid;
    if (!d->images.made[0] || ns->modes[NS_USER] != NS_NEW || !namespaces_map_gid(ns, 0, &gid))
        return 0;
    if (fchown(d->images.dir, (uid_t)-1, gid) < 0 || fchmod(d->images.dir, 0710) < 0)
        return error_sys(err, "let the container's root into the image path");
    return 0;
}

static int dump_container(struct dump *d, const char *criu, struct error *err) {
    struct criu_answer answer;
    int r = images_open(&d->request->criu, true, &d->images, err);
    if (r < 0)
        return r;
    r = share_images(d, err);
    if (r == 0)
        r = prepare(d, criu, err);
    const struct criu_call call = {.program = criu,
                                   .request = d->request->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP,
                                   .options = &d->options,
                                   .notify = on_notice,
                                   .context = d};
    if (r == 0) {
        r = criu_run(&call, &answer, err);
        if (r < 0)
            thaw(d->container);
    }
    if (r < 0)
        images_unmake(&d->images);
    return r;
}

/* Another command may end the process without waiting for us, which CRIU does not tell from a fault of its own. */
static int blame(const struct container *container, struct error *err) {
    return container_has_ended(container) ? error_wrap(err, "the container's process ended meanwhile") : -err->code;
}

/* A container that was created and paused is paused, but its program has not been started: the start socket is there.
 */
static int check(const struct container *container, struct error *err) {
    int r = container_check(container, OPERATION_CHECKPOINT, err);
    return r == 0 && fd_has(container->dir, "start")
               ? lifecycle_check(OPERATION_CHECKPOINT, OCI_STATUS_CREATED, container->id, err)
               : r;
}

int operation_checkpoint(const struct berth_runtime *runtime, const struct berth_checkpoint *request,
                         struct error *err) {
    own_store store = STORE_INIT;
    own_container container = CONTAINER_INIT;
    own_relay relay = RELAY_INIT; /* a signal ends us where the container is whole, not in the middle */
    own(dump_drop) struct dump dump = {.arena = ARENA_INIT,
                                       .request = request,
                                       .container = &container,
                                       .relay = &relay,
                                       .images = IMAGES_INIT,
                                       .root = -1,
                                       .status_fd = -1,
                                       .options = CRIU_OPTIONS_INIT};
    char criu[PATH_MAX];
    int r = container_find(runtime->root, request->id, CONTAINER_CHANGE, &store, &container, err);
    if (r == 0)
        r = check(&container, err);
    if (r == 0)
        r = criu_find(criu, sizeof criu, err);
    if (r == 0 &&
        !request->criu.lazy_pages) /* which lasts until somebody has fetched them: CRIU asks us nothing then */
        r = relay_open(&relay, err);
    if (r == 0)
        r = read_plan(&dump, err);
    if (r == 0)
        r = dump_container(&dump, criu, err);
    if (r < 0 && container.pidfd >= 0)
        r = blame(&container, err);
    if (r < 0 || request->leave_running || request->pre_dump)
        return r;
    r = container_destroy(&store, &container, true, err);
    return r < 0 ? error_wrap(err, "the checkpoint is complete, but the container is not deleted") : 0;
}
