/* SPDX-License-Identifier: Apache-2.0 */
/* idmaps: see idmaps.h. */
#include "life/idmaps.h"

#include "kernel/namespace.h"
#include "kernel/run.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define HELPER_MS 30000 /* subid ranges may come from a directory service */
#define HELPER_ROWS 340 /* the kernel takes no more (user_namespaces(7)) */
#define OUTPUT_SHOWN 400

extern char **environ;

_Static_assert(sizeof(struct namespace_map) == sizeof(struct plan_id_mapping), "the same three numbers");

struct kind {
    const char *file, *helper, *id, *place;
    bool groups;
};
static const struct kind users = {"uid_map", "newuidmap", "uid", "/linux/uidMappings", false};
static const struct kind groups = {"gid_map", "newgidmap", "gid", "/linux/gidMappings", true};

/* Along PATH, absolute directories only: what it finds runs as set-user-ID root. */
static bool find_program(const char *path, const char *name, char *out, size_t size) {
    for (const char *c = path;;) {
        size_t len = strcspn(c, ":");
        struct stat st;
        int n = snprintf(out, size, "%.*s/%s", (int)len, c, name);
        if (*c == '/' && n > 0 && (size_t)n < size && stat(out, &st) == 0 && S_ISREG(st.st_mode) &&
            access(out, X_OK) == 0)
            return true;
        if (!c[len])
            return false;
        c += len + 1;
    }
}

static const char *search_path(void) {
    const char *path = getenv("PATH");
    return path && *path ? path : DEFAULT_PATH;
}

/* What it has said, as one line of printable text. */
static const char *tidy(struct run_result *result) {
    size_t len = result->output_len;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)result->output[i] < ' ')
            result->output[i] = ' ';
    while (len > 0 && result->output[len - 1] == ' ')
        len--;
    result->output[len] = '\0';
    return len > OUTPUT_SHOWN ? result->output + len - OUTPUT_SHOWN : result->output;
}

static int run_helper(const struct kind *kind, const char *program, const char *const *argv, struct error *err) {
    const struct run_program run = {.path = program,
                                    .argv = argv,
                                    .envp = (const char *const *)environ,
                                    .stdin_fd = -1,
                                    .directory_fd = -1,
                                    .timeout_ms = HELPER_MS};
    struct run_result result;
    int r = run_program(&run, &result, err);
    if (r < 0)
        return r;
    if (result.timed_out)
        return error_set(err, ETIMEDOUT, "%s did not end within %d s", program, HELPER_MS / 1000);
    if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
        return 0;
    const char *said = tidy(&result);
    return error_set(err, EPERM, "%s failed%s%s (what uid %u may map stands in /etc/sub%s)", program, *said ? ": " : "",
                     said, (unsigned)geteuid(), kind->id);
}

/* newuidmap PID INSIDE OUTSIDE SIZE... */
static int write_by_helper(const struct kind *kind, pid_t pid, const struct plan_id_mapping *maps, size_t count,
                           struct error *err) {
    char program[PATH_MAX], numbers[1 + 3 * HELPER_ROWS][12];
    const char *argv[2 + sizeof numbers / sizeof *numbers + 1] = {kind->helper, numbers[0]};
    size_t used = 1;
    if (count > HELPER_ROWS)
        return error_set(err, E2BIG, "%zu mappings are more than the kernel takes (%d)", count, HELPER_ROWS);
    if (!find_program(search_path(), kind->helper, program, sizeof program))
        return error_set(
            err, EPERM,
            "without privileges only the own %s can be mapped, alone, unless there is %s(1) (package uidmap), "
            "which is not in PATH (%s)",
            kind->id, kind->helper, search_path());
    snprintf(numbers[0], sizeof *numbers, "%d", (int)pid);
    for (size_t i = 0; i < count; i++) {
        const uint32_t row[] = {maps[i].inside, maps[i].outside, maps[i].size};
        for (size_t k = 0; k < 3; k++, used++) {
            snprintf(numbers[used], sizeof *numbers, "%u", row[k]);
            argv[1 + used] = numbers[used];
        }
    }
    argv[1 + used] = NULL;
    return run_helper(kind, program, argv, err);
}

static int write_map(const struct kind *kind, pid_t pid, const struct plan_id_mapping *maps, size_t count,
                     struct error *err) {
    const struct namespace_map *rows = (const struct namespace_map *)maps;
    const bool own = count == 1 && maps->size == 1 && maps->outside == (kind->groups ? getegid() : geteuid());
    int r = namespace_write_map(pid, kind->file, rows, count, err);
    if (r == -EPERM && own && kind->groups) {
        r = namespace_deny_groups(pid, err);
        if (r == 0)
            r = namespace_write_map(pid, kind->file, rows, count, err);
    }
    if (r == -EPERM && !own) {
        struct error helper = ERROR_INIT;
        r = write_by_helper(kind, pid, maps, count, &helper);
        if (r < 0 && geteuid() == 0)
            error_code(err, EPERM, "write %s (root of a user namespace can map only what is mapped there)", kind->file);
        else if (r < 0)
            *err = helper;
    }
    return r < 0 ? error_blame(err, "id maps", kind->place, "map ids of the user namespace (config %s)", kind->place)
                 : 0;
}

int idmaps_write(pid_t pid, const struct plan_namespaces *namespaces, struct error *err) {
    int r = write_map(&users, pid, namespaces->uids, namespaces->uid_count, err);
    return r < 0 ? r : write_map(&groups, pid, namespaces->gids, namespaces->gid_count, err);
}
