/* SPDX-License-Identifier: Apache-2.0 */
/* images: see images.h. */
#include "life/images.h"

#include "base/fd.h"
#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    for (size_t i = 0; i < annotations->count; i++)
        if (strcmp(annotations->items[i].key, "org.criu.config") == 0)
            return *annotations->items[i].value ? annotations->items[i].value : NULL;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (access(defaults[i], R_OK) == 0)
            return defaults[i];
    return NULL;
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

int images_write_streams(int dir, pid_t pid, struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return error_memory(err);
    for (int i = 0; i < STREAMS; i++) {
        char link[48], target[PATH_MAX];
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, i);
        ssize_t n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0'; /* closed: "" */
        fputs(i ? "," : "[", out);
        put_string(out, target);
    }
    fputs("]", out);
    if (fclose(out) != 0)
        return error_memory(err);
    own_fd fd = openat(dir, STREAMS_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : fd_write_all(fd, text, len);
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
