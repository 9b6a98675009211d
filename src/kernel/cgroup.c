/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: see cgroup.h. Runs in life; needs write permission in the cgroup file systems. What differs between the
 * worlds stands in cgroup_v1.c and cgroup_v2.c, the walking of directories in cgroup_files.c.
 */
#include "kernel/cgroup.h"

#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "kernel/cgroup_files.h"
#include "kernel/cgroup_v1.h"
#include "kernel/cgroup_v2.h"
#include "kernel/mountfd.h"
#include "kernel/namespace.h"
#include "kernel/submounts.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MEMBERSHIP_MAX ((size_t)1024 * 1024) /* /proc/PID/cgroup */
#define FREEZE_MS 10000
#define THAW_MS 1000
#define UNMAKE_MS 2000
#define MAKE_ATTEMPTS 100
#define ENTER_ATTEMPTS 50 /* pauses of 1 ms */
#define KILL_PASSES 16
#define NAMED_SURVIVORS 8
#define DELEGATE_LIST "/sys/kernel/cgroup/delegate"
#define OWNER_ATTRIBUTE "trusted.berth"

/* ---- the host ---- */

/* 1: it is; 0: it is not, or nothing is there; else -errno: not to know is not the same. */
static int is_mount_of(const char *path, long magic) {
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    return (long)fs.f_type == magic;
}

static int read_membership(const char *file, char **text, struct error *err) {
    own_fd fd = fd_open(file, O_RDONLY);
    size_t len;
    int r = fd < 0 ? -errno : fd_read_all(fd, MEMBERSHIP_MAX, text, &len);
    return r < 0 ? error_code(err, -r, "read %s", file) : 0;
}

/* 1: CGROUP_ROOT/name is the mount of a v1 hierarchy, and *out its path; 0: it is not. */
static int try_v1_mount(struct arena *arena, const char *name, size_t len, const char **out) {
    char path[sizeof CGROUP_ROOT + 1 + NAME_MAX + 1];
    if ((size_t)snprintf(path, sizeof path, CGROUP_ROOT "/%.*s", (int)len, name) >= sizeof path)
        return 0;
    int r = is_mount_of(path, CGROUP_SUPER_MAGIC);
    if (r <= 0)
        return r;
    *out = arena_strdup(arena, path);
    return *out ? 1 : -ENOMEM;
}

/* The mount of a v1 hierarchy: under its whole name ("cpu,cpuacct"), or under that of one of its controllers. */
static int find_v1_mount(struct arena *arena, const char *controllers, const char **out) {
    static const char prefix[] = "name=";
    bool named = strncmp(controllers, prefix, sizeof prefix - 1) == 0;
    const char *list = named ? controllers + sizeof prefix - 1 : controllers;
    int r = try_v1_mount(arena, list, strlen(list), out);
    for (const char *name = list; r == 0 && *name;) {
        size_t len = strcspn(name, ",");
        r = try_v1_mount(arena, name, len, out);
        name += len + (name[len] == ',');
    }
    return r;
}

/* One line of /proc/self/cgroup: "4:memory:/path", and "0::/path" for cgroup2. */
static int add_hierarchy(struct arena *arena, char *line, struct cgroup_host *host) {
    strsep(&line, ":");
    const char *controllers = strsep(&line, ":");
    if (!controllers || !line || host->count == CGROUP_HIERARCHIES_MAX)
        return 0;
    struct cgroup_hierarchy found = {.unified = *controllers == '\0'};
    int r = 0;
    if (found.unified) {
        found.mount = CGROUP_ROOT "/unified";
        r = is_mount_of(found.mount, CGROUP2_SUPER_MAGIC);
    } else {
        r = find_v1_mount(arena, controllers, &found.mount);
    }
    if (r <= 0)
        return r;
    found.controllers = arena_strdup(arena, controllers);
    found.own = arena_strdup(arena, line);
    if (!found.controllers || !found.own)
        return -ENOMEM;
    host->hierarchies[host->count++] = found;
    if (host->world != CGROUP_HYBRID)
        host->world = found.unified ? CGROUP_HYBRID : CGROUP_LEGACY;
    return 0;
}

int cgroup_host_is_unified(struct error *err) {
    int r = is_mount_of(CGROUP_ROOT, CGROUP2_SUPER_MAGIC);
    return r < 0 ? error_code(err, -r, "look at %s", CGROUP_ROOT) : r;
}

int cgroup_host_probe(struct arena *arena, struct cgroup_host *out, struct error *err) {
    struct cgroup_host host = {.world = CGROUP_NONE};
    int unified = cgroup_host_is_unified(err);
    if (unified < 0)
        return unified;
    if (unified) {
        host.world = CGROUP_UNIFIED;
        host.count = 1;
        host.hierarchies[0] = (struct cgroup_hierarchy){.controllers = "", .mount = CGROUP_ROOT, .unified = true};
        *out = host;
        return 0;
    }
    own_memory char *text = NULL;
    int r = read_membership("/proc/self/cgroup", &text, err);
    if (r < 0)
        return r;
    for (char *rest = text, *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
        r = add_hierarchy(arena, line, &host);
        if (r < 0)
            return error_code(err, -r, "look for the cgroup hierarchies below %s", CGROUP_ROOT);
    }
    *out = host;
    return 0;
}

/* proc_pid_mountinfo(5): ID PARENT DEVICE ROOT POINT FLAGS [TAG...] - TYPE SOURCE r[wo][,OPTIONS]. */
static bool options_of_line(const char *line, struct cgroup_options *out) {
    static const char type[] = " - cgroup2 ";
    const char *behind = strstr(line, type);
    if (!behind || sscanf(line, "%*s %*s %*s %*s %127s", out->mount) != 1)
        return false;
    if (sscanf(behind + sizeof type - 1, "%*s %*2s,%255s", out->text) != 1)
        *out->text = '\0'; /* none */
    return true;
}

int cgroup_options_read(struct cgroup_options *out, struct error *err) {
    own_memory char *text = NULL;
    int r = mountinfo_read(&text);
    if (r < 0)
        return error_code(err, -r, "read the options of the host's cgroup2");
    *out = (struct cgroup_options){.mount = ""};
    char *rest = text, *line = strsep(&rest, "\n");
    while (line && !options_of_line(line, out))
        line = strsep(&rest, "\n");
    return 0;
}

int cgroup_options_keep(const struct cgroup_options *options, struct error *err) {
    struct cgroup_options now;
    if (!*options->mount || (cgroup_options_read(&now, err) == 0 && strcmp(now.text, options->text) == 0))
        return 0;
    own_fd mount = fd_open(options->mount, O_PATH | O_DIRECTORY);
    int r = mount < 0 ? error_sys(err, "open") : mount_reconfigure(mount, options->text, 0, err);
    return r < 0 ? error_wrap(err, "give the cgroup2 at %s its options back (%s)", options->mount, options->text) : 0;
}

/* ---- where a container's cgroup is ---- */

void cgroup_drop(struct cgroup *group) {
    for (size_t i = 0; i < group->count; i++)
        fd_drop(&group->dirs[i].fd);
    group->count = 0;
}

/* The caller's own cgroup; the probe of a unified host leaves it out, since an absolute path does not need it. */
static int find_own(struct arena *arena, const struct cgroup_hierarchy *hierarchy, const char **out,
                    struct error *err) {
    if (hierarchy->own) {
        *out = hierarchy->own;
        return 0;
    }
    own_memory char *text = NULL;
    int r = read_membership("/proc/self/cgroup", &text, err);
    if (r < 0)
        return r;
    size_t len = 0;
    const char *own = cgroup_v2_own(text, &len);
    if (!own)
        return error_set(err, ENODEV, "/proc/self/cgroup does not name a cgroup2 cgroup");
    *out = arena_strndup(arena, own, len);
    return *out ? 0 : error_memory(err);
}

/* `base` + "/" + `path`; base without its last component when `beside`. */
static const char *join(struct arena *arena, const char *base, bool beside, const char *path) {
    size_t len = strlen(base);
    if (beside) {
        while (len > 0 && base[len - 1] != '/')
            len--;
    }
    while (len > 0 && base[len - 1] == '/')
        len--;
    return arena_printf(arena, "%.*s/%s", (int)len, base, path);
}

static int locate(struct arena *arena, const struct cgroup_hierarchy *hierarchy, const char *path, const char *id,
                  const char **out, struct error *err) {
    const char *own = NULL, *full = path;
    if (!path || *path != '/') {
        int r = find_own(arena, hierarchy, &own, err);
        if (r < 0)
            return r;
        /* cgroup2 allows no controllers below a cgroup that holds processes, as the caller's own does. */
        full = join(arena, own, hierarchy->unified || !path, path ? path : id);
        if (!full)
            return error_memory(err);
    }
    if (!cgroup_files_check(full))
        return own ? error_set(err, EINVAL, "cgroup path \"%s\" (relative to the runtime's own cgroup %s) is not valid",
                               full, own)
                   : error_set(err, EINVAL, "cgroup path \"%s\" is not valid", full);
    *out = full;
    return 0;
}

/*
 * The path without parts that are empty or ".". A ".." is refused: the kernel would look it up, so it could lead out of
 * the hierarchy. An absolute path stays absolute; with no part left it is "/" or "".
 */
static int tidy(struct arena *arena, const char *path, const char **out, struct error *err) {
    char *clean = arena_strdup(arena, path), *end = clean;
    if (!clean)
        return error_memory(err);
    for (const char *name = path; *name;) {
        const char *part = name + strspn(name, "/");
        const size_t len = strcspn(part, "/");
        name = part + len;
        if (len == 0 || (len == 1 && *part == '.'))
            continue;
        if (len == 2 && strncmp(part, "..", len) == 0)
            return error_set(err, EINVAL, "cgroup path \"%.512s\" contains \"..\"", path);
        if (len > NAME_MAX)
            return error_set(err, EINVAL, "cgroup path \"%.64s...\" has a name of %zu bytes, %d at most", path, len,
                             NAME_MAX);
        if (end > clean || *path == '/')
            *end++ = '/';
        memcpy(end, part, len);
        end += len;
    }
    if (end == clean && *path == '/')
        *end++ = '/';
    *end = '\0';
    *out = clean;
    return 0;
}

int cgroup_locate(struct arena *arena, const struct cgroup_host *host, const char *cgroups_path, const char *id,
                  struct cgroup *out, struct error *err) {
    struct cgroup group = {.world = host->world};
    const char *path = cgroups_path && *cgroups_path ? cgroups_path : NULL;
    int tidied = path ? tidy(arena, path, &path, err) : 0;
    if (tidied < 0)
        return tidied;
    if (path && (!*path || strcmp(path, "/") == 0))
        return error_set(err, EINVAL, "cgroup path \"%.512s\" names no cgroup", cgroups_path);
    for (size_t i = 0; i < host->count; i++) {
        const struct cgroup_hierarchy *h = &host->hierarchies[i];
        struct cgroup_dir dir = {.controllers = h->controllers, .mount = h->mount, .unified = h->unified, .fd = -1};
        int r = locate(arena, h, path, id, &dir.path, err);
        if (r < 0)
            return r;
        group.dirs[group.count++] = dir;
    }
    *out = group;
    return 0;
}

static int open_dir(struct cgroup_dir *dir) {
    own_fd mount = -1;
    int r = cgroup_files_mount(dir->mount, &mount);
    return r < 0 ? r : cgroup_files_open(mount, dir->path + 1, &dir->fd);
}

static const struct cgroup_hierarchy *find_hierarchy(const struct cgroup_host *host, const char *controllers) {
    for (size_t i = 0; i < host->count; i++)
        if (strcmp(host->hierarchies[i].controllers, controllers) == 0)
            return &host->hierarchies[i];
    return NULL;
}

bool cgroup_lists(const char *controllers, const char *controller) {
    return cgroup_v1_has(controllers, controller);
}

int cgroup_open(struct arena *arena, const struct cgroup_host *host, const char *const *controllers,
                const char *const *paths, size_t count, struct cgroup *out, struct error *err) {
    own_cgroup group = {.world = host->world};
    for (size_t i = 0; i < count; i++) {
        const struct cgroup_hierarchy *h = find_hierarchy(host, controllers[i]);
        if (!h || group.count == CGROUP_HIERARCHIES_MAX)
            continue; /* not mounted any more: nothing there to open or to remove */
        if (!cgroup_files_check(paths[i]))
            return error_set(err, EINVAL, "cgroup path \"%s\" is not valid", paths[i]);
        struct cgroup_dir *dir = &group.dirs[group.count++];
        *dir = (struct cgroup_dir){.controllers = h->controllers, .mount = h->mount, .unified = h->unified, .fd = -1};
        dir->path = arena_strdup(arena, paths[i]);
        if (!dir->path)
            return error_memory(err);
        int r = open_dir(dir);
        if (r < 0 && r != -ENOENT)
            return error_code(err, -r, "open cgroup %s%s", dir->mount, dir->path);
    }
    *out = group;
    group.count = 0;
    return 0;
}

/* ---- making it ---- */

/* A directory that was there before must be empty and thawed, or the container would share it or never run. */
static int check_free(const struct cgroup_dir *dir, struct error *err) {
    own_pids pids = {.items = NULL};
    bool populated = false, frozen = false;
    int r = 0;
    if (dir->unified)
        r = cgroup_v2_events(dir->fd, &populated, &frozen);
    else if (cgroup_v1_has(dir->controllers, "freezer"))
        r = cgroup_v1_frozen(dir->fd, &frozen);
    if (r == 0 && (populated || !dir->unified))
        r = cgroup_files_pids(dir->fd, &pids);
    if (r < 0)
        return error_code(err, -r, "look into cgroup %s%s", dir->mount, dir->path);
    if (populated || pids.count > 0)
        return error_set(err, EBUSY, "container's cgroup is not empty: %zu process(es) found in %s%s", pids.count,
                         dir->mount, dir->path);
    if (frozen)
        return error_set(err, EBUSY, "container's cgroup unexpectedly frozen: %s%s", dir->mount, dir->path);
    return 0;
}

static int make_dir(struct cgroup_dir *dir, bool *made, struct error *err) {
    own_fd mount = -1;
    const char *path = dir->path + 1;
    int r = cgroup_files_mount(dir->mount, &mount);
    if (r < 0)
        return error_code(err, -r, "open %s", dir->mount);
    r = -ENOENT;
    for (int attempt = 0; r == -ENOENT && attempt < MAKE_ATTEMPTS; attempt++) {
        r = cgroup_files_make(mount, path, made);
        if (r < 0)
            return error_code(err, -r, "make cgroup %s%s", dir->mount, dir->path);
        r = cgroup_files_open(mount, path, &dir->fd); /* ENOENT: somebody was quicker to remove it */
    }
    if (r < 0)
        return error_code(err, -r, "open cgroup %s%s", dir->mount, dir->path);
    if (!*made) {
        r = check_free(dir, err);
        if (r < 0)
            return r;
    }
    if (dir->unified && strcmp(dir->mount, CGROUP_ROOT) == 0)
        cgroup_v2_enable_all(mount, path);
    if (!dir->unified && cgroup_v1_has(dir->controllers, "cpuset")) {
        r = cgroup_v1_seed_cpuset(mount, path);
        if (r < 0)
            return error_code(err, -r, "give cgroup %s%s the cpus and mems of its parents", dir->mount, dir->path);
    }
    return 0;
}

/* Takes back what make_dir did; what it did not make, and what is in use since, stays. */
static void unmake_dir(struct cgroup_dir *dir, bool made) {
    own_fd mount = -1;
    fd_drop(&dir->fd);
    if (cgroup_files_mount(dir->mount, &mount) < 0)
        return;
    if (made)
        cgroup_files_remove(mount, dir->path + 1, cgroup_files_now() + UNMAKE_MS);
    cgroup_files_remove_parents(mount, dir->path + 1);
}

int cgroup_make(struct cgroup *group, struct error *err) {
    bool made[CGROUP_HIERARCHIES_MAX] = {false};
    for (size_t i = 0; i < group->count; i++) {
        int r = make_dir(&group->dirs[i], &made[i], err);
        if (r == 0)
            continue;
        for (size_t undo = i + 1; undo > 0; undo--)
            unmake_dir(&group->dirs[undo - 1], made[undo - 1]);
        return r;
    }
    return 0;
}

int cgroup_mend(struct cgroup *group, struct error *err) {
    for (size_t i = 0; i < group->count; i++) {
        struct cgroup_dir *dir = &group->dirs[i];
        bool made;
        if (fd_has(dir->fd, "cgroup.procs") || errno != ENOENT)
            continue;
        fd_drop(&dir->fd);
        int r = make_dir(dir, &made, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int cgroup_exists(const struct cgroup *group, bool *in_use, struct error *err) {
    int there = 0;
    *in_use = false;
    for (size_t i = 0; i < group->count; i++) {
        struct cgroup_dir dir = group->dirs[i];
        int r = open_dir(&dir);
        if (r == -ENOENT)
            continue;
        if (r < 0)
            return error_code(err, -r, "open cgroup %s%s", dir.mount, dir.path);
        r = check_free(&dir, err);
        fd_drop(&dir.fd);
        if (r < 0 && r != -EBUSY)
            return r;
        *in_use |= r < 0;
        there = 1;
    }
    return there;
}

static bool systemd_knows(const struct cgroup_dir *dir) {
    static const char *const known[] = {"name=systemd", "cpu", "cpuacct", "blkio", "memory", "devices", "pids"};
    for (size_t i = 0; i < TABLE_COUNT(known); i++)
        if (cgroup_v1_has(dir->controllers, known[i]))
            return true;
    return dir->unified;
}

void cgroup_leave_parents(const struct cgroup *group) {
    for (size_t i = 0; i < group->count; i++) {
        own_fd mount = -1;
        if (systemd_knows(&group->dirs[i]) && cgroup_files_mount(group->dirs[i].mount, &mount) == 0)
            cgroup_files_unmark_parents(mount, group->dirs[i].path + 1);
    }
}

static bool is_forbidden(int r) {
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

/* Whether processes of the caller may be moved into a directory beside or below their own. */
static int check_entry(const struct cgroup_dir *dir, struct error *err) {
    own_fd mount = -1, parent = -1;
    char path[PATH_MAX];
    int r = faccessat(dir->fd, "cgroup.procs", W_OK, AT_EACCESS) < 0 ? -errno : 0;
    if (r == 0 && dir->unified) {
        /* The nearest common ancestor must let us, too. Looked up by path: ".." does not lead out of a mount. */
        snprintf(path, sizeof path, ".%.*s", (int)cgroup_files_parent(dir->path, strlen(dir->path)), dir->path);
        r = cgroup_files_mount(dir->mount, &mount);
        if (r == 0)
            r = cgroup_files_open(mount, path, &parent);
        if (r == 0 && faccessat(parent, "cgroup.procs", W_OK, AT_EACCESS) < 0)
            r = -errno;
    }
    return r < 0 ? error_code(err, -r, "move a process into cgroup %s%s", dir->mount, dir->path) : 0;
}

int cgroup_make_permitted(struct cgroup *group, struct error *err) {
    struct cgroup_dir permitted[CGROUP_HIERARCHIES_MAX], refused[CGROUP_HIERARCHIES_MAX];
    bool made[CGROUP_HIERARCHIES_MAX] = {false};
    size_t count = 0, out = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < group->count; i++) {
        struct cgroup_dir dir = group->dirs[i];
        made[count] = false;
        r = make_dir(&dir, &made[count], err);
        if (r == 0)
            r = check_entry(&dir, err);
        if (r == 0) {
            permitted[count++] = dir;
            continue;
        }
        unmake_dir(&dir, made[count]);
        if (is_forbidden(r)) {
            dir.fd = r;
            refused[out++] = dir;
            r = 0;
        }
    }
    for (size_t i = count; r < 0 && i > 0; i--)
        unmake_dir(&permitted[i - 1], made[i - 1]);
    if (r < 0)
        return r;
    memcpy(group->dirs, permitted, count * sizeof *permitted);
    memcpy(group->dirs + count, refused, out * sizeof *refused);
    group->count = count;
    group->refused = out;
    return 0;
}

/* ---- its files ---- */

static int refuse_removed(const struct cgroup_dir *dir, struct error *err) {
    return error_set(err, ENODEV, "the container's cgroup %s%s has been removed", dir->mount, dir->path);
}

int cgroup_check_there(const struct cgroup *group, struct error *err) {
    for (size_t i = 0; i < group->count; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        if (dir->fd >= 0 && fd_has(dir->fd, "cgroup.procs"))
            continue;
        if (dir->fd >= 0 && errno != ENOENT && errno != ENODEV)
            return error_sys(err, "look at cgroup %s%s", dir->mount, dir->path);
        return refuse_removed(dir, err);
    }
    return 0;
}

/* The directory that has the controller; cgroup2 stands in for every one that no v1 hierarchy has. */
static const struct cgroup_dir *find_dir(const struct cgroup *group, const char *controller) {
    const struct cgroup_dir *unified = NULL;
    for (size_t i = 0; i < group->count; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        if (dir->unified)
            unified = dir;
        else if (*controller && cgroup_v1_has(dir->controllers, controller))
            return dir;
    }
    return unified;
}

/* The directory that would have the controller if the caller had been allowed to make it. */
static const struct cgroup_dir *find_refused(const struct cgroup *group, const char *controller) {
    const struct cgroup_dir *unified = NULL;
    for (size_t i = 0; i < group->count + group->refused; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        if (dir->unified)
            unified = dir;
        else if (*controller && cgroup_v1_has(dir->controllers, controller))
            return i < group->count ? NULL : dir;
    }
    return unified && unified >= group->dirs + group->count ? unified : NULL;
}

static int find_open_dir(const struct cgroup *group, const char *controller, const char *file,
                         const struct cgroup_dir **out, struct error *err) {
    const struct cgroup_dir *dir = find_refused(group, controller);
    if (dir)
        return error_code(err, -dir->fd,
                          "no cgroup for controller %s: make cgroup %s%s, which is not delegated to uid %u",
                          *controller ? controller : "(cgroup2)", dir->mount, dir->path, (unsigned)geteuid());
    dir = find_dir(group, controller);
    if (!dir)
        return error_set(err, ENODEV, "%s: no cgroup hierarchy with the controller %s is mounted below %s", file,
                         *controller ? controller : "(cgroup2)", CGROUP_ROOT);
    if (dir->fd < 0) {
        refuse_removed(dir, err);
        return error_wrap(err, "%s", file);
    }
    if (strchr(file, '/'))
        return error_set(err, EINVAL, "\"%s\" is not the name of a cgroup file", file);
    *out = dir;
    return 0;
}

int cgroup_write(const struct cgroup *group, const char *controller, const char *file, const char *value,
                 struct error *err) {
    const struct cgroup_dir *dir = NULL;
    int r = find_open_dir(group, controller, file, &dir, err);
    if (r < 0)
        return r;
    r = cgroup_files_write(dir->fd, file, value);
    if (r == -ENOENT && dir->unified && *controller) {
        /* Beside v1 hierarchies a controller is enabled when first asked for; else this says why it could not be. */
        r = cgroup_v2_enable(dir, controller, err);
        if (r < 0)
            return error_wrap(err, "write \"%s\" to %s", value, file);
        r = cgroup_files_write(dir->fd, file, value);
    }
    if (r < 0)
        return error_code(err, -r, "write \"%s\" to %s of cgroup %s%s", value, file, dir->mount, dir->path);
    return 0;
}

int cgroup_read(const struct cgroup *group, const char *controller, const char *file, char *buffer, size_t size,
                struct error *err) {
    const struct cgroup_dir *dir = NULL;
    int r = find_open_dir(group, controller, file, &dir, err);
    if (r < 0)
        return r;
    r = fd_read_text(dir->fd, file, buffer, size);
    if (r < 0)
        return error_code(err, -r, "read %s of cgroup %s%s", file, dir->mount, dir->path);
    return 0;
}

int cgroup_open_file(const struct cgroup *group, const char *controller, const char *file, struct error *err) {
    const struct cgroup_dir *dir = NULL;
    int r = find_open_dir(group, controller, file, &dir, err);
    if (r < 0)
        return r;
    int fd = openat(dir->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? error_sys(err, "open %s of cgroup %s%s", file, dir->mount, dir->path) : fd;
}

bool cgroup_is_unified(const struct cgroup *group, const char *controller) {
    const struct cgroup_dir *dir = find_dir(group, controller);
    return dir && dir->unified;
}

/* ---- its processes ---- */

/* The directory that answers for the whole group: what changes nothing in the others is done here alone. */
static const struct cgroup_dir *main_dir(const struct cgroup *group) {
    const struct cgroup_dir *dir = find_dir(group, "freezer");
    for (size_t i = 0; i < group->count; i++)
        if (group->dirs[i].unified && group->dirs[i].fd >= 0)
            return &group->dirs[i];
    for (size_t i = 0; (!dir || dir->fd < 0) && i < group->count; i++)
        dir = &group->dirs[i];
    return dir && dir->fd >= 0 ? dir : NULL;
}

/* An O_PATH descriptor has extended attributes only by its name. */
static void name_dir(const struct cgroup_dir *dir, char name[static 32]) {
    snprintf(name, 32, "/proc/self/fd/%d", dir->fd);
}

bool cgroup_claim(const struct cgroup *group, const char *owner) {
    const struct cgroup_dir *dir = main_dir(group);
    char name[32];
    if (!dir)
        return false;
    name_dir(dir, name);
    return setxattr(name, OWNER_ATTRIBUTE, owner, strlen(owner), 0) == 0;
}

enum mark { MARK_UNKNOWN, MARK_OURS, MARK_OTHER, MARK_NONE };

/* Without the privilege to read it, the kernel says that there is no mark. An enum mark or -errno. */
static int read_mark(const struct cgroup_dir *dir, const char *owner, struct error *err) {
    uint64_t effective = 0, permitted, inheritable;
    char name[32], found[CGROUP_OWNER_MAX];
    name_dir(dir, name);
    ssize_t len = getxattr(name, OWNER_ATTRIBUTE, found, sizeof found);
    if (len >= 0)
        return (size_t)len == strlen(owner) && memcmp(found, owner, (size_t)len) == 0 ? MARK_OURS : MARK_OTHER;
    if (errno == ERANGE) /* longer than any name of ours */
        return MARK_OTHER;
    if (errno == EOPNOTSUPP)
        return MARK_UNKNOWN;
    if (errno != ENODATA)
        return error_sys(err, "look whose cgroup %s%s is", dir->mount, dir->path);
    if (sys_capget(0, &effective, &permitted, &inheritable) < 0 || !(effective >> CAP_SYS_ADMIN & 1) ||
        !namespace_user_is_first())
        return MARK_UNKNOWN;
    return MARK_NONE;
}

int cgroup_is_of_another(const struct cgroup *group, const char *owner, bool claimed, struct error *err) {
    const struct cgroup_dir *dir = main_dir(group);
    const int mark = dir ? read_mark(dir, owner, err) : MARK_UNKNOWN;
    return mark < 0 ? mark : mark == MARK_OTHER || (claimed && mark == MARK_NONE);
}

static bool same_name(const struct cgroup_dir *a, const struct cgroup_dir *b) {
    return strcmp(strrchr(a->path, '/'), strrchr(b->path, '/')) == 0;
}

size_t cgroup_leave_foreign(struct arena *arena, struct cgroup *group, const char *owner, const char **first) {
    const struct cgroup_dir *found = main_dir(group);
    const struct cgroup_dir main = found ? *found : (struct cgroup_dir){.path = "/"};
    struct error ignored; /* where the mark cannot be read, the group is not known for the owner's */
    const bool ours = found && (!owner || read_mark(found, owner, &ignored) == MARK_OURS);
    size_t kept = 0, left = 0;
    *first = NULL;
    for (size_t i = 0; i < group->count; i++) {
        struct cgroup_dir *dir = &group->dirs[i];
        if (dir->fd < 0 || (ours && same_name(dir, &main))) {
            group->dirs[kept++] = *dir;
            continue;
        }
        if (left++ == 0)
            *first = arena_printf(arena, "%s%s", dir->mount, dir->path);
        fd_drop(&dir->fd);
    }
    group->count = kept;
    return left;
}

static const struct cgroup_dir *unified_dir(const struct cgroup *group) {
    for (size_t i = 0; i < group->count; i++)
        if (group->dirs[i].unified)
            return &group->dirs[i];
    return NULL;
}

int cgroup_clone_fd(const struct cgroup *group) {
    const struct cgroup_dir *dir = unified_dir(group);
    return dir ? dir->fd : -1;
}

int cgroup_delegate(const struct cgroup *group, uid_t uid, struct error *err) {
    char list[4096] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads"; /* where the kernel has no list */
    const struct cgroup_dir *dir = unified_dir(group);
    if (!dir || dir->fd < 0)
        return error_set(err, ENODEV, "no cgroup2 directory to hand over to uid %u", (unsigned)uid);
    int r = fd_read_text(AT_FDCWD, DELEGATE_LIST, list, sizeof list);
    if (r < 0 && r != -ENOENT)
        return error_code(err, -r, "read %s", DELEGATE_LIST);
    if (fchownat(dir->fd, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
        return error_sys(err, "give cgroup %s%s to uid %u", dir->mount, dir->path, (unsigned)uid);
    for (char *rest = list, *file = strsep(&rest, "\n"); file; file = strsep(&rest, "\n"))
        if (*file && !strchr(file, '/') && fchownat(dir->fd, file, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno != ENOENT) /* not every kind of cgroup has them all */
            return error_sys(err, "give %s of cgroup %s%s to uid %u", file, dir->mount, dir->path, (unsigned)uid);
    return 0;
}

static int enter_dir(const struct cgroup_dir *dir, const char *pid) {
    if (dir->fd < 0)
        return -ENODEV;
    int r = cgroup_files_write(dir->fd, "cgroup.procs", pid);
    /* The cpu controller refuses a task that clone has not woken up yet; it takes but a moment. */
    for (int attempt = 0; r == -EINVAL && attempt < ENTER_ATTEMPTS; attempt++) {
        cgroup_files_nap();
        r = cgroup_files_write(dir->fd, "cgroup.procs", pid);
    }
    return r;
}

int cgroup_enter(const struct cgroup *group, pid_t pid, bool cloned, struct error *err) {
    char text[16];
    snprintf(text, sizeof text, "%d", pid);
    for (size_t i = 0; i < group->count; i++) {
        const struct cgroup_dir *dir = &group->dirs[i];
        if (cloned && dir->unified)
            continue;
        int r = enter_dir(dir, text);
        if (r < 0)
            return error_code(err, -r, "move process %s into cgroup %s%s", text, dir->mount, dir->path);
    }
    return 0;
}

/* Replaces a directory of the group by one below it. */
static int step_down(struct arena *arena, struct cgroup_dir *dir, const char *below, struct error *err) {
    own_fd fd = -1;
    int r = tidy(arena, below, &below, err);
    if (r < 0)
        return r;
    if (*below == '/')
        below++;
    if (!*below)
        return 0;
    const char *path = arena_printf(arena, "%s/%s", dir->path, below);
    if (!path)
        return error_memory(err);
    if (!cgroup_files_check(path))
        return error_set(err, EINVAL, "\"%s\" is not the path of a sub-cgroup", below);
    if (dir->fd < 0)
        return refuse_removed(dir, err);
    r = cgroup_files_open(dir->fd, below, &fd);
    if (r < 0)
        return error_code(err, -r, "open sub-cgroup %s%s", dir->mount, path);
    fd_drop(&dir->fd);
    dir->fd = fd_take(&fd);
    dir->path = path;
    return 0;
}

int cgroup_descend(struct arena *arena, struct cgroup *group, const char *controllers, const char *path,
                   struct error *err) {
    if (!controllers) {
        for (size_t i = 0; i < group->count; i++) {
            int r = step_down(arena, &group->dirs[i], path, err);
            if (r < 0)
                return r;
        }
        return 0;
    }
    while (*controllers) {
        size_t len = strcspn(controllers, ",");
        struct cgroup_dir *found = NULL;
        const char *name = arena_strndup(arena, controllers, len);
        if (!name)
            return error_memory(err);
        for (size_t i = 0; i < group->count; i++)
            if (!group->dirs[i].unified && cgroup_v1_has(group->dirs[i].controllers, name))
                found = &group->dirs[i];
        if (!found)
            return error_set(err, ENODEV, "no cgroup v1 hierarchy with the controller \"%s\"", name);
        int r = step_down(arena, found, path, err);
        if (r < 0)
            return r;
        controllers += len + (controllers[len] == ',');
    }
    return 0;
}

int cgroup_follow(struct arena *arena, struct cgroup *group, pid_t pid, struct error *err) {
    char file[48];
    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    own_memory char *text = NULL;
    int r = read_membership(file, &text, err);
    if (r < 0)
        return r;
    size_t len = 0;
    const char *own = cgroup_v2_own(text, &len);
    for (size_t i = 0; own && i < group->count; i++) {
        struct cgroup_dir *dir = &group->dirs[i];
        size_t base = strlen(dir->path);
        if (!dir->unified || len < base || strncmp(own, dir->path, base) != 0 || (len > base && own[base] != '/'))
            continue;
        const char *below = arena_strndup(arena, own + base, len - base);
        return below ? step_down(arena, dir, below, err) : error_memory(err);
    }
    return 0;
}

/* The path of "ID:CONTROLLERS:PATH" in the text of /proc/PID/cgroup (cgroups(7)); NULL: no such hierarchy. */
static const char *find_path(struct arena *arena, const char *text, const char *controllers) {
    const size_t len = strlen(controllers);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *list = line + strcspn(line, ":\n");
        if (*list == ':' && strncmp(list + 1, controllers, len) == 0 && list[1 + len] == ':')
            return arena_strndup(arena, list + len + 2, strcspn(list + len + 2, "\n"));
    }
    return NULL;
}

static int replace_removed(struct arena *arena, struct cgroup_dir *dir, const char *membership, pid_t pid,
                           struct error *err) {
    struct cgroup_dir now = *dir;
    now.path = find_path(arena, membership, dir->controllers);
    const char *why = NULL;
    if (!now.path)
        why = "is not found in its hierarchy";
    else if (strcmp(now.path, "/") == 0)
        why = "is in the root cgroup";
    else if (!cgroup_files_check(now.path))
        why = "is in a cgroup that cannot be seen from here";
    if (why)
        return error_set(err, ENODEV, "the container's cgroup %s%s has been removed, and process %d %s", dir->mount,
                         dir->path, (int)pid, why);
    int r = open_dir(&now);
    if (r < 0)
        return error_code(err, -r, "open cgroup %s%s of process %d, since %s has been removed", now.mount, now.path,
                          (int)pid, dir->path);
    *dir = now;
    return 0;
}

int cgroup_replace_removed(struct arena *arena, struct cgroup *group, pid_t pid, struct error *err) {
    char file[48];
    own_memory char *text = NULL;
    int r = 0;
    snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
    for (size_t i = 0; r == 0 && i < group->count; i++) {
        if (group->dirs[i].fd >= 0)
            continue;
        if (!text)
            r = read_membership(file, &text, err);
        if (r == 0)
            r = replace_removed(arena, &group->dirs[i], text, pid, err);
    }
    return r;
}

int cgroup_processes(struct arena *arena, const struct cgroup *group, pid_t **pids, size_t *count, struct error *err) {
    own_pids found = {.items = NULL};
    const struct cgroup_dir *dir = main_dir(group);
    int r = dir ? cgroup_files_pids(dir->fd, &found) : 0;
    if (r < 0)
        return error_code(err, -r, "list the processes of cgroup %s%s", dir->mount, dir->path);
    pid_t *copy = arena_array(arena, found.count, sizeof *copy);
    if (!copy)
        return error_memory(err);
    size_t kept = 0;
    for (size_t i = 0; i < found.count; i++)
        if (found.items[i] > 0)
            copy[kept++] = found.items[i];
    *pids = copy;
    *count = kept;
    return 0;
}

int cgroup_check_holds(const struct cgroup *group, pid_t pid, struct error *err) {
    own_pids pids = {.items = NULL};
    const struct cgroup_dir *dir = main_dir(group);
    if (!dir)
        return cgroup_check_there(group, err);
    int r = cgroup_files_pids(dir->fd, &pids);
    if (r < 0)
        return error_code(err, -r, "list the processes of cgroup %s%s", dir->mount, dir->path);
    for (size_t i = 0; i < pids.count; i++)
        if (pids.items[i] == pid)
            return 0;
    return error_set(err, ENODEV, "process %d has left cgroup %s%s, which was made for it", (int)pid, dir->mount,
                     dir->path);
}

/* The directory of the v1 freezer, NULL where there is none. */
static const struct cgroup_dir *find_freezer(const struct cgroup *group) {
    const struct cgroup_dir *dir = find_dir(group, "freezer");
    return dir && !dir->unified && dir->fd >= 0 ? dir : NULL;
}

int cgroup_frozen(const struct cgroup *group, bool *frozen, struct error *err) {
    const struct cgroup_dir *dir = main_dir(group), *freezer = find_freezer(group);
    bool populated = false, v2 = false, v1 = false;
    int r = dir && dir->unified ? cgroup_v2_events(dir->fd, &populated, &v2) : 0;
    if ((r == 0 || r == -ENODEV || r == -ENOENT) && !v2 && freezer) {
        dir = freezer;
        r = cgroup_v1_frozen(freezer->fd, &v1);
    }
    if (r < 0 && r != -ENODEV && r != -ENOENT)
        return error_code(err, -r, "look whether cgroup %s%s is frozen", dir->mount, dir->path);
    *frozen = v1 || v2;
    return 0;
}

static int refuse_freeze(const struct cgroup_dir *dir, bool freeze, int code, struct error *err) {
    if (code == ETIMEDOUT && freeze)
        return error_set(err, code, "cgroup %s%s does not freeze within %d s: a process in it cannot be stopped",
                         dir->mount, dir->path, FREEZE_MS / 1000);
    if (code == ETIMEDOUT || code == EBUSY)
        return error_set(err, EBUSY, "cgroup %s%s stays frozen: a cgroup above it is frozen", dir->mount, dir->path);
    if (code == ESRCH)
        return error_set(err, code, "no process is left in cgroup %s%s to be frozen", dir->mount, dir->path);
    return error_code(err, code, "%s cgroup %s%s", freeze ? "freeze" : "thaw", dir->mount, dir->path);
}

/*
 * cgroup2 where it is: frozen tasks can be killed there, and its end is an event. Thawing undoes either, and cgroup2
 * last: until then a failure leaves the group frozen.
 */
int cgroup_freeze(const struct cgroup *group, bool freeze, struct error *err) {
    const struct cgroup_dir *dir = main_dir(group), *freezer = find_freezer(group);
    int64_t deadline = cgroup_files_now() + (freeze ? FREEZE_MS : THAW_MS);
    int r = freezer && !freeze ? cgroup_v1_freeze(freezer->fd, false, deadline) : -ENOENT;
    if (r < 0 && r != -ENOENT)
        return refuse_freeze(freezer, freeze, -r, err);
    bool done = r == 0;
    r = dir && dir->unified ? cgroup_v2_freeze(dir->fd, freeze, deadline) : -ENOENT;
    if (r < 0 && r != -ENOENT)
        return refuse_freeze(dir, freeze, -r, err);
    done |= r == 0;
    if (freezer && !done) {
        r = cgroup_v1_freeze(freezer->fd, true, deadline);
        if (r < 0)
            return refuse_freeze(freezer, freeze, -r, err);
        done = true;
    }
    if (!done && cgroup_check_there(group, err) < 0)
        return -ENODEV;
    if (!done)
        return error_set(err, ENODEV, "no cgroup that can be frozen: neither cgroup2 nor the v1 freezer is there");
    return 0;
}

void cgroup_thaw_all(const struct cgroup *group) {
    const struct cgroup_dir *freezer = find_freezer(group);
    struct error ignored;
    (void)cgroup_freeze(group, false, &ignored);
    if (freezer)
        cgroup_v1_thaw_tree(freezer->fd);
}

/* Sends to all that are listed now. *count: how many; what has ended meanwhile is no error. */
static int signal_listed(int dirfd, int signal, size_t *count) {
    own_pids pids = {.items = NULL};
    int result = cgroup_files_pids(dirfd, &pids);
    *count = 0;
    for (size_t i = 0; i < pids.count; i++) {
        if (pids.items[i] <= 0)
            continue;
        if (kill(pids.items[i], signal) == 0)
            ++*count;
        else if (errno != ESRCH && result == 0)
            result = -errno;
    }
    return result;
}

/* Process by process. A frozen group neither forks nor ends meanwhile, so no number can mean somebody else. */
static int signal_each(const struct cgroup *group, const struct cgroup_dir *dir, int signal, struct error *err) {
    struct error ignored = ERROR_INIT;
    const struct cgroup_dir *freezer = find_freezer(group);
    bool frozen = false, thaw = false;
    if (cgroup_frozen(group, &frozen, &ignored) == 0 && !frozen)
        thaw = cgroup_freeze(group, true, &ignored) == 0;
    size_t count = 0;
    int r = signal_listed(dir->fd, signal, &count);
    /* Unfrozen, a process may have forked since it was listed. */
    for (int pass = 1; r == 0 && signal == SIGKILL && !frozen && !thaw && count > 0 && pass < KILL_PASSES; pass++)
        r = signal_listed(dir->fd, signal, &count);
    if (thaw)
        cgroup_freeze(group, false, &ignored);
    else if (signal == SIGKILL && freezer) /* who is frozen by v1 cannot even die */
        cgroup_v1_freeze(freezer->fd, false, 0);
    return r < 0 ? error_code(err, -r, "signal the processes of cgroup %s%s", dir->mount, dir->path) : 0;
}

int cgroup_signal(const struct cgroup *group, int signal, struct error *err) {
    const struct cgroup_dir *dir = main_dir(group), *freezer = find_freezer(group);
    if (!dir && cgroup_check_there(group, err) < 0)
        return -ENODEV;
    if (!dir)
        return error_set(err, ENODEV, "no cgroup to find the processes in");
    if (signal == SIGKILL && dir->unified && cgroup_v2_kill(dir->fd) == 0) {
        if (freezer)
            cgroup_v1_freeze(freezer->fd, false, 0);
        return 0;
    }
    return signal_each(group, dir, signal, err);
}

unsigned long cgroup_oom_kills(const struct cgroup *group) {
    const struct cgroup_dir *dir = find_dir(group, "memory");
    char text[1024];
    uint64_t kills = 0;
    if (!dir || dir->fd < 0)
        return 0;
    if (fd_read_text(dir->fd, dir->unified ? "memory.events" : "memory.oom_control", text, sizeof text) < 0)
        return 0;
    return cgroup_files_number(text, "oom_kill", &kills) ? (unsigned long)kills : 0;
}

uint64_t cgroup_memory_limit(const struct cgroup *group) {
    const struct cgroup_dir *dir = find_dir(group, "memory");
    const char *file = dir && dir->unified ? "memory.max" : "memory.limit_in_bytes";
    char text[32];
    uint64_t limit;
    if (!dir || dir->fd < 0 || fd_read_text(dir->fd, file, text, sizeof text) < 0 ||
        number_parse_u64(text, UINT64_MAX, &limit) < 0 || limit > INT64_MAX / 2) /* v1: the largest number of pages */
        return UINT64_MAX;
    return limit;
}

/* ---- removing it ---- */

static int refuse_survivors(const struct cgroup_dir *dir, int dirfd, struct error *err) {
    own_pids pids = {.items = NULL};
    char list[NAMED_SURVIVORS * 12 + 8] = "";
    size_t len = 0;
    int r = cgroup_files_pids(dirfd, &pids);
    if (r < 0)
        return error_set(err, EBUSY, "cgroup %s%s is not empty, and its processes cannot be listed: %s", dir->mount,
                         dir->path, error_text(-r));
    for (size_t i = 0; i < pids.count && i < NAMED_SURVIVORS; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, " %d", pids.items[i]);
    if (pids.count > NAMED_SURVIVORS)
        snprintf(list + len, sizeof list - len, " ...");
    return error_set(err, EBUSY, "cgroup %s%s is not empty: %zu process(es) left:%s", dir->mount, dir->path, pids.count,
                     list);
}

/* SIGKILL to what is in this very directory: a process may have moved in one hierarchy only. */
static void kill_dir(const struct cgroup_dir *dir, int dirfd) {
    size_t count;
    if (!dir->unified || cgroup_v2_kill(dirfd) < 0)
        signal_listed(dirfd, SIGKILL, &count);
}

/* Waits for a busy directory to become empty, or for the next moment when that is worth another look. */
static int wait_dir(const struct cgroup_dir *dir, int dirfd, int64_t deadline) {
    if (!dir->unified)
        return cgroup_v1_wait(dirfd, deadline);
    bool populated = false, frozen = false;
    int r = cgroup_v2_events(dirfd, &populated, &frozen);
    if (r < 0 || populated)
        return r < 0 ? r : cgroup_v2_wait_empty(dirfd, deadline);
    if (cgroup_files_left(deadline) == 0)
        return -ETIMEDOUT;
    cgroup_files_nap(); /* empty and yet busy: a directory was made in it just now */
    return 0;
}

static int remove_dir(const struct cgroup_dir *dir, bool kill, int64_t deadline, struct error *err) {
    own_fd mount = -1, fd = -1;
    int r = cgroup_files_mount(dir->mount, &mount);
    if (r < 0)
        return r == -ENOENT ? 0 : error_code(err, -r, "open %s", dir->mount);
    const char *path = dir->path + 1;
    /* What lives in there is killed before its sub-cgroups are removed: it might make more of them meanwhile. */
    r = cgroup_files_rmdir(mount, path);
    for (bool first = true; r == -EBUSY; first = false) {
        if (!first)
            r = cgroup_files_remove(mount, path, deadline);
        if (r == -ETIMEDOUT)
            return error_set(err, EBUSY, "cgroup %s%s has more sub-cgroups than can be removed in time: try again",
                             dir->mount, dir->path);
        if (r != -EBUSY)
            break;
        r = fd < 0 ? cgroup_files_open(mount, path, &fd) : 0;
        if (r == 0 && kill)
            kill_dir(dir, fd);
        if (r == 0 && !first)
            r = wait_dir(dir, fd, deadline);
        if (r == -ETIMEDOUT)
            return refuse_survivors(dir, fd, err);
        if (r < 0 && r != -ENOENT && r != -ENODEV)
            break;
        r = -EBUSY;
    }
    if (r < 0)
        return error_code(err, -r, "remove cgroup %s%s", dir->mount, dir->path);
    cgroup_files_remove_parents(mount, path);
    return 0;
}

int cgroup_remove(const struct cgroup *group, bool kill, int deadline_ms, struct error *err) {
    int64_t deadline = cgroup_files_now() + (deadline_ms > 0 ? deadline_ms : 0);
    const struct cgroup_dir *freezer = find_freezer(group);
    if (kill && freezer)
        cgroup_v1_thaw_tree(freezer->fd);
    int result = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct error later = ERROR_INIT;
        int r = remove_dir(&group->dirs[i], kill, deadline, result < 0 ? &later : err);
        if (r < 0 && result == 0)
            result = r;
    }
    return result;
}
