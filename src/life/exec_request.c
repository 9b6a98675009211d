/* SPDX-License-Identifier: Apache-2.0 */
/* exec_request: see exec_request.h. */
#include "life/exec_request.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/own.h"
#include "oci.h"
#include "plan/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void *arena_take(void *context, size_t size) {
    return arena_alloc(context, size);
}

static void log_unknown(void *context, const char *pointer, const char *near) {
    char hint[NEAREST_HINT_SIZE];
    (void)context;
    log_debug("process: unknown property %s ignored%s", pointer, nearest_hint(near, hint));
}

static int read_process(struct arena *arena, const char *name, struct oci_process *out, struct error *err) {
    struct stat st;
    own_memory char *text = NULL;
    size_t len;
    /* /dev/stdin and a pipe of the shell are as good as a file. */
    own_fd fd = fd_open(name, O_RDONLY | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_sys(err, "open %s", name);
    int r = S_ISDIR(st.st_mode) ? -EISDIR : fd_read_all(fd, OCI_MAX_SIZE, &text, &len);
    if (r < 0)
        return error_code(err, -r, "read %s", name);
    const struct oci_allocator allocator = {.alloc = arena_take, .ctx = arena};
    const struct oci_read_options options = {.unknown = log_wanted(LOG_LEVEL_DEBUG) ? log_unknown : NULL,
                                             .nearest = nearest_of};
    struct oci_error oci;
    void *process;
    r = oci_read(OCI_DOCUMENT_PROCESS, &allocator, &options, text, len, &process, &oci);
    if (r < 0) {
        error_set(err, -r, "%s:%u:%u: %s", name, oci.line, oci.column, oci.text);
        return error_blame(err, "process", oci.pointer, NULL);
    }
    *out = *(const struct oci_process *)process;
    return 0;
}

/* One number of ids; *rest is what stands behind it. */
static bool parse_id(const char *text, uint32_t *out, const char **rest) {
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || (digits > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    if (value >= UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    *rest = text + digits;
    return true;
}

int exec_request_user(const char *text, uint32_t *uid, uint32_t *gid, struct error *err) {
    uint32_t user, group = *gid;
    const char *rest;
    bool good = parse_id(text, &user, &rest);
    if (good && *rest == ':')
        good = parse_id(rest + 1, &group, &rest);
    if (!good || *rest)
        return error_set(err, EINVAL, "user \"%.64s\" is not UID or UID:GID in decimal numbers below 4294967295", text);
    *uid = user;
    *gid = group;
    return 0;
}

static size_t count_strings(const char *const *list) {
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

/* `before` and what the caller adds, as one list. */
static int append(struct arena *arena, const struct oci_string_array *before, const char *const *more,
                  struct oci_string_array *out, struct error *err) {
    size_t count = count_strings(more);
    const char **items = arena_array(arena, before->count + count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < before->count; i++)
        items[i] = before->items[i];
    for (size_t i = 0; i < count; i++)
        items[before->count + i] = more[i];
    *out = (struct oci_string_array){.count = before->count + count, .items = items};
    return 0;
}

static int change_user(struct arena *arena, const struct berth_exec *request, struct oci_process *process,
                       struct error *err) {
    size_t count = count_strings(request->additional_gids);
    struct oci_user *user = arena_alloc(arena, sizeof *user);
    if (!user)
        return error_memory(err);
    if (process->user)
        *user = *process->user;
    if (request->user) {
        int r = exec_request_user(request->user, &user->uid, &user->gid, err);
        if (r < 0)
            return r;
    }
    process->user = user;
    if (count == 0)
        return 0;
    uint32_t *groups = arena_array(arena, user->additional_gids.count + count, sizeof *groups);
    if (!groups)
        return error_memory(err);
    for (size_t i = 0; i < user->additional_gids.count; i++)
        groups[i] = user->additional_gids.items[i];
    for (size_t i = 0; i < count; i++) {
        const char *rest;
        if (!parse_id(request->additional_gids[i], &groups[user->additional_gids.count + i], &rest) || *rest)
            return error_set(err, EINVAL, "additional group \"%.64s\" is not a decimal number below 4294967295",
                             request->additional_gids[i]);
    }
    user->additional_gids.items = groups;
    user->additional_gids.count += count;
    return 0;
}

/*
 * Never to the inheritable set (CVE-2022-29162). A capability can only be ambient if it is inheritable (init drops the
 * others), so another user's program gets those of them that the config has made inheritable, as with runc.
 */
static int change_caps(struct arena *arena, const struct berth_exec *request, struct oci_process *process,
                       struct error *err) {
    char hint[NEAREST_HINT_SIZE];
    if (!request->caps || !request->caps[0])
        return 0;
    for (size_t i = 0; request->caps[i]; i++)
        if (!process_cap_known(request->caps[i]))
            return error_set(err, EINVAL, "--cap: unknown capability \"%.64s\"%s", request->caps[i],
                             nearest_hint(process_cap_nearest(request->caps[i]), hint));
    struct oci_capabilities *caps = arena_alloc(arena, sizeof *caps);
    if (!caps)
        return error_memory(err);
    if (process->capabilities)
        *caps = *process->capabilities;
    int r = append(arena, &caps->bounding, request->caps, &caps->bounding, err);
    if (r == 0)
        r = append(arena, &caps->effective, request->caps, &caps->effective, err);
    if (r == 0)
        r = append(arena, &caps->permitted, request->caps, &caps->permitted, err);
    if (r == 0)
        r = append(arena, &caps->ambient, request->caps, &caps->ambient, err);
    process->capabilities = caps;
    return r;
}

static int change_process(struct arena *arena, const struct berth_exec *request, struct oci_process *process,
                          struct error *err) {
    static const struct oci_string_array none = {.count = 0};
    int r = append(arena, &none, request->args, &process->args, err);
    if (r == 0)
        r = append(arena, &process->env, request->env, &process->env, err);
    if (r == 0)
        r = change_user(arena, request, process, err);
    if (r == 0)
        r = change_caps(arena, request, process, err);
    if (r < 0)
        return r;
    process->terminal = request->terminal;
    if (!request->terminal)
        process->console_size = NULL;
    if (request->cwd)
        process->cwd = request->cwd;
    if (request->process_label)
        process->selinux_label = request->process_label;
    if (request->apparmor)
        process->apparmor_profile = request->apparmor;
    if (request->no_new_privs)
        process->no_new_privileges = true;
    return 0;
}

/* What the file leaves out is not without bounds, but as the container has it. */
static void inherit(const struct oci_process *own, struct oci_process *process) {
    if (!process->capabilities)
        process->capabilities = own->capabilities;
    if (process->rlimits.count == 0)
        process->rlimits = own->rlimits;
    if (!process->apparmor_profile)
        process->apparmor_profile = own->apparmor_profile;
    if (!process->selinux_label)
        process->selinux_label = own->selinux_label;
    if (!process->exec_cpu_affinity)
        process->exec_cpu_affinity = own->exec_cpu_affinity;
}

int exec_request_process(struct arena *arena, const struct berth_exec *request, const struct oci_process *own,
                         struct oci_process *out, struct error *err) {
    struct oci_process process;
    if (request->process) {
        int r = read_process(arena, request->process, &process, err);
        if (r < 0)
            return r;
        if (own)
            inherit(own, &process);
        if (request->terminal)
            process.terminal = true;
        *out = process;
        return 0;
    }
    if (!own)
        return error_set(err, EINVAL, "the container's config has no process to take over: --process is needed");
    process = *own;
    int r = change_process(arena, request, &process, err);
    if (r == 0)
        *out = process;
    return r;
}
