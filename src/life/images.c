/* SPDX-License-Identifier: Apache-2.0 */
/* images: see images.h. */
#include "life/images.h"

#include "base/fd.h"
#include "base/table.h"
#include "base/text.h"
#include "kernel/resolve.h"
#include "kernel/submounts.h"
#include "plan/annotations.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STREAMS_FILE "descriptors.json"
#define STREAMS_SIZE_MAX 65536

void images_drop(struct images *images) {
    fd_drop(&images->dir);
    fd_drop(&images->work);
}

static int open_one(const char *path, bool make, const char **made, struct error *err) {
    if (make && mkdir(path, 0700) == 0)
        *made = path;
    else if (make && errno != EEXIST)
        return error_sys(err, "make directory %s", path);
    int fd = fd_open(path, O_RDONLY | O_DIRECTORY);
    return fd < 0 ? error_sys(err, "open directory %s", path) : fd;
}

int images_open(const struct berth_criu *request, bool make, struct images *out, struct error *err) {
    own_images images = IMAGES_INIT;
    images.dir = open_one(request->image_path ? request->image_path : IMAGES_DEFAULT, make, &images.made[0], err);
    if (images.dir < 0)
        return error_wrap(err, "images");
    images.work = request->work_path ? open_one(request->work_path, true, &images.made[1], err) : -1;
    if (request->work_path && images.work < 0) {
        images_unmake(&images);
        return error_wrap(err, "work path");
    }
    *out = images;
    images.dir = images.work = -1;
    return 0;
}

void images_unmake(const struct images *images) {
    int saved = errno;
    for (size_t i = 0; i < 2; i++)
        if (images->made[i])
            rmdir(images->made[i]); /* not empty: the log says why it failed */
    errno = saved;
}

void images_options(const struct images *images, const struct berth_criu *request, struct criu_options *options) {
    options->images = (struct criu_directory){images->dir, request->image_path ? request->image_path : IMAGES_DEFAULT};
    options->work = (struct criu_directory){images->work, request->work_path};
    options->cgroups = (enum criu_cgroups)request->cgroups;
    options->network_lock = (enum criu_network_lock)request->network_lock;
    options->tcp_established = request->tcp_established;
    options->external_unix = request->ext_unix_sk;
    options->shell_job = request->shell_job;
    options->file_locks = request->file_locks;
    options->lazy_pages = request->lazy_pages;
    options->auto_dedup = request->auto_dedup;
    /* The devices of a network namespace are not ours: whoever has made them, a hook or an engine, makes them anew. */
    options->empty_namespaces = CLONE_NEWNET;
}

const char *images_criu_config(const struct oci_string_map *annotations) {
    static const char *const defaults[] = {"/etc/criu/berth.conf", "/etc/criu/runc.conf"};
    const char *named = annotation_find(annotations, IMAGES_ANNOTATION);
    if (named)
        return *named ? named : NULL;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (access(defaults[i], R_OK) == 0)
            return defaults[i];
    return NULL;
}

/* A line of /proc/self/cgroup, "4:memory:/path" or "0::/path" (cgroups(7)). */
static bool has_hierarchy(const struct cgroup *group, const char *line) {
    const char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return false;
    size_t len = (size_t)(path - ++controllers);
    for (size_t i = 0; i < group->count; i++) {
        const char *own = group->dirs[i].unified ? "" : group->dirs[i].controllers;
        if (strlen(own) == len && strncmp(own, controllers, len) == 0)
            return true;
    }
    return false;
}

bool images_foreign_cgroups(const struct cgroup *group) {
    char line[PATH_MAX + 256];
    bool foreign = group->count == 0;
    FILE *lines = fopen("/proc/self/cgroup", "re");
    if (!lines)
        return true;
    while (!foreign && fgets(line, sizeof line, lines))
        foreign = !has_hierarchy(group, line);
    fclose(lines);
    return foreign;
}

int images_pair(struct arena *arena, struct images_pairs *pairs, const char *key, const char *value,
                struct error *err) {
    if (pairs->count == pairs->room) {
        size_t room = pairs->room * 2 + 16;
        struct criu_pair *grown = arena_array(arena, room, sizeof *grown);
        if (!grown)
            return error_memory(err);
        if (pairs->count)
            memcpy(grown, pairs->items, pairs->count * sizeof *grown);
        pairs->items = grown;
        pairs->room = room;
    }
    if (!key || !value)
        return error_memory(err);
    pairs->items[pairs->count++] = (struct criu_pair){key, value};
    return 0;
}

const char *images_mount_point(struct arena *arena, int root, const char *path) {
    char link[32], target[PATH_MAX];
    own_fd fd = resolve_path((struct root){root}, path, 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    /* Of a descriptor in another mount namespace the kernel shows the path in there. */
    ssize_t n = fd < 0 ? -1 : readlink(link, target, sizeof target);
    bool known = n > 0 && n < (ssize_t)sizeof target && target[0] == '/';
    return known ? arena_strndup(arena, target, (size_t)n) : arena_strdup(arena, path);
}

struct submounts {
    struct arena *arena;
    struct images_pairs *pairs;
    const char *source, *destination;
    int root;
    struct error *err;
};

/* Whether the container has the very mount at its place: it may have mounted something else there, or taken it off. */
static bool has_same(int root, const char *inside, const char *outside) {
    struct stat in, out;
    own_fd fd = resolve_path((struct root){root}, inside, 0);
    return fd >= 0 && fstat(fd, &in) == 0 && stat(outside, &out) == 0 && in.st_dev == out.st_dev &&
           in.st_ino == out.st_ino;
}

static int add_submount(void *context, const char *below) {
    const struct submounts *s = context;
    const char *name = arena_printf(s->arena, "%s/%s", s->destination, below);
    const char *path = arena_printf(s->arena, "%s/%s", strcmp(s->source, "/") == 0 ? "" : s->source, below);
    if (!name || !path)
        return error_memory(s->err);
    if (s->root < 0)
        return images_pair(s->arena, s->pairs, name, path, s->err);
    if (!has_same(s->root, name, path))
        return 0;
    return images_pair(s->arena, s->pairs, images_mount_point(s->arena, s->root, name), name, s->err);
}

int images_submounts(struct arena *arena, struct images_pairs *pairs, const char *source, const char *destination,
                     int root, struct error *err) {
    struct submounts call = {arena, pairs, source, destination, root, err};
    struct error before = *err;
    int r = submounts_below(source, add_submount, &call);
    return r < 0 && memcmp(&before, err, sizeof before) == 0 ? error_code(err, -r, "mounts below %s", source) : r;
}

/* CRIU takes network and pid as a descriptor under a key, joins these four by path, and has no way for the rest. */
static const struct {
    uint64_t flag;
    const char *name, *key;
} namespaces[] = {
    {CLONE_NEWNET, "net", "extRootNetNS"}, {CLONE_NEWPID, "pid", "extRootPidNS"}, {CLONE_NEWIPC, "ipc", NULL},
    {CLONE_NEWUTS, "uts", NULL},           {CLONE_NEWUSER, "user", NULL},         {CLONE_NEWTIME, "time", NULL},
};

const char *images_namespace(uint64_t flag) {
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
        if (namespaces[i].flag == flag)
            return namespaces[i].name;
    return NULL;
}

const char *images_namespace_key(uint64_t flag) {
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
        if (namespaces[i].flag == flag)
            return namespaces[i].key;
    return NULL;
}

int images_check_stop(const struct relay *relay, struct error *err) {
    struct pollfd stop = {.fd = relay ? relay->stop_fd : -1, .events = POLLIN};
    return poll(&stop, 1, 0) > 0 ? error_set(err, EINTR, "interrupted by a signal") : 0;
}

/* Whether a mount is in the mount namespace of the process (proc_pid_mountinfo(5): each line begins with its id). */
static bool has_mount(pid_t pid, unsigned long id) {
    char path[48], line[PATH_MAX * 2];
    bool found = false, begins = true;
    snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)pid);
    FILE *mounts = fopen(path, "re");
    while (mounts && !found && fgets(line, sizeof line, mounts)) {
        found = begins && strtoul(line, NULL, 10) == id;
        begins = strchr(line, '\n') != NULL;
    }
    if (mounts)
        fclose(mounts);
    return found;
}

/* proc_pid_fdinfo(5) */
static int mount_of(pid_t pid, int fd, unsigned long *id) {
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, fd);
    int r = fd_read_text(AT_FDCWD, path, text, sizeof text);
    const char *at = r == 0 ? strstr(text, "mnt_id:") : NULL;
    if (at)
        *id = strtoul(at + strlen("mnt_id:"), NULL, 10);
    return at ? 0 : -ENOENT;
}

static const char *stream_name(struct arena *arena, pid_t pid, int fd) {
    char link[48], target[PATH_MAX];
    unsigned long mount;
    struct stat st;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    if (target[0] != '/' || mount_of(pid, fd, &mount) < 0 || has_mount(pid, mount) || stat(link, &st) < 0)
        return arena_strdup(arena, target);
    unsigned device = major(st.st_rdev);
    bool tty = S_ISCHR(st.st_mode) && ((device >= 136 && device <= 143) || device == 4); /* pty slaves, consoles */
    return tty ? arena_printf(arena, "tty[%llx:%llx]", (unsigned long long)st.st_rdev, (unsigned long long)st.st_dev)
               : arena_printf(arena, "file[%lx:%llx]", mount, (unsigned long long)st.st_ino);
}

int images_find_streams(struct arena *arena, pid_t pid, const char *streams[static STREAMS], struct error *err) {
    for (int fd = 0; fd < STREAMS; fd++) {
        streams[fd] = stream_name(arena, pid, fd);
        if (!streams[fd])
            return error_memory(err);
    }
    return 0;
}

enum stream_kind images_stream_kind(const char *stream) {
    if (strncmp(stream, "pipe:[", 6) == 0)
        return STREAM_PIPE;
    return strncmp(stream, "file[", 5) == 0 || strncmp(stream, "tty[", 4) == 0 ? STREAM_EXTERNAL : STREAM_INSIDE;
}

/* As a JSON string: a path may hold whatever byte. */
static void put_string(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ')
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

int images_write_streams(int dir, const char *const streams[static STREAMS], struct error *err) {
    struct text list;
    FILE *out = text_open(&list);
    if (!out)
        return error_memory(err);
    for (int i = 0; i < STREAMS; i++) {
        fputs(i ? "," : "[", out);
        put_string(out, streams[i]);
    }
    fputs("]", out);
    if (text_close(out, &list) < 0)
        return error_memory(err);
    own_memory char *text = list.data;
    /* A new file: one that is there may be a FIFO, or have another name elsewhere. */
    (void)unlinkat(dir, STREAMS_FILE, 0);
    own_fd fd = openat(dir, STREAMS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : fd_write_all(fd, text, list.len);
    return r < 0 ? error_code(err, -r, "write " STREAMS_FILE) : 0;
}

/* The next string of the list, or NULL. Escapes stay as they are: what is looked for has none. */
static const char *next_string(struct arena *arena, const char **at) {
    const char *begin = strchr(*at, '"'), *end;
    if (!begin)
        return NULL;
    for (end = ++begin; *end && *end != '"'; end++)
        end += *end == '\\' && end[1];
    if (!*end)
        return NULL;
    *at = end + 1;
    return arena_strndup(arena, begin, (size_t)(end - begin));
}

int images_read_streams(int dir, struct arena *arena, const char *streams[static STREAMS], struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    own_fd fd = openat(dir, STREAMS_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_read_all(fd, STREAMS_SIZE_MAX, &text, &len);
    if (r < 0)
        return error_code(err, -r, "read " STREAMS_FILE " of the images");
    const char *at = text;
    for (int i = 0; i < STREAMS; i++) {
        const char *stream = next_string(arena, &at);
        streams[i] = stream ? stream : "";
    }
    return 0;
}
