/* SPDX-License-Identifier: Apache-2.0 */
/* systemd: see systemd.h. */
#include "kernel/systemd.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/run.h"
#include "kernel/selfexe.h"
#include "systemd/protocol.h"

#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "berth-systemd"

extern char **environ;

bool systemd_booted(void) {
    struct stat st;
    return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

/* Beside berth (a build directory), where it is installed relative to berth, or where the build was configured for. */
static int find_program(char *path, size_t size, struct error *err) {
    static const char *const from_berth[] = {"/" PROGRAM, "/" BERTH_LIBEXEC_FROM_BIN "/" PROGRAM};
    const char *self = selfexe_path(), *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof from_berth / sizeof *from_berth; i++) {
        int n = snprintf(path, size, "%.*s%s", (int)(slash - self), self, from_berth[i]);
        if (n < (int)size && access(path, X_OK) == 0)
            return 0;
    }
    snprintf(path, size, "%s", BERTH_LIBEXEC_DIR "/" PROGRAM);
    if (access(path, X_OK) == 0)
        return 0;
    return error_set(err, ENOENT,
                     "the systemd cgroup manager needs the program " PROGRAM ", which is neither beside berth, "
                     "nor in " BERTH_LIBEXEC_FROM_BIN " from there, nor in " BERTH_LIBEXEC_DIR);
}

__attribute__((format(printf, 2, 3))) static int add_line(int fd, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vdprintf(fd, format, args);
    va_end(args);
    return n < 0 ? -EIO : 0;
}

static int write_request(int fd, const struct systemd_unit *unit) {
    int r = add_line(fd, "bus %s\n", unit->user ? "user" : "system");
    if (r == 0 && unit->name)
        r = add_line(fd, "unit %s\nowner %s\n", unit->name, unit->owner);
    if (r == 0 && unit->pid > 0)
        r = add_line(fd, "pid %d\n", (int)unit->pid);
    for (size_t i = 0; r == 0 && i < unit->count; i++) {
        const struct systemd_property *p = &unit->properties[i];
        r = add_line(fd, "%s %s %s %s\n", p->optional ? "try" : "property", p->name, p->signature, p->value);
    }
    return r;
}

/* `method`: what systemd is asked, for messages. */
static int call(const char *verb, const char *method, const struct systemd_unit *unit, struct run_result *result,
                struct error *err) {
    char path[PATH_MAX];
    const char *const argv[] = {PROGRAM, verb, NULL};
    int r = find_program(path, sizeof path, err);
    own_fd request = r < 0 ? -1 : memfd_create("request", MFD_CLOEXEC);
    if (r < 0)
        return r;
    r = request < 0 ? -errno : write_request(request, unit);
    if (r < 0)
        return error_code(err, -r, "write a request for systemd");
    const struct run_program program = {.path = path,
                                        .argv = argv,
                                        .envp = (const char *const *)environ,
                                        .stdin_fd = request,
                                        .directory_fd = -1,
                                        .keep_fd = unit->lock,
                                        .timeout_ms = DEADLINE_SECONDS * 1000};
    r = run_program(&program, result, err);
    if (r < 0)
        return error_wrap(err, "execute %s", path);
    if (result->timed_out || (WIFSIGNALED(result->status) && WTERMSIG(result->status) == SIGALRM))
        return error_set(err, ETIMEDOUT, "systemd did not answer %s within %d s", method, DEADLINE_SECONDS);
    if (result->status == 0)
        return 0;
    result->output[strcspn(result->output, "\n")] = '\0';
    int code = WIFEXITED(result->status) ? WEXITSTATUS(result->status) : EIO;
    return error_set(err, code, "systemd: %s%s", result->output[0] ? result->output : "no word from " PROGRAM " at ",
                     result->output[0] ? "" : method);
}

int systemd_start(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("start", "StartTransientUnit", unit, &result, err);
}

int systemd_stop(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("stop", "StopUnit", unit, &result, err);
}

int systemd_reset(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("reset", "StopUnit", unit, &result, err);
}

int systemd_look(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("look", "GetUnit", unit, &result, err);
}

int systemd_set(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("set", "SetUnitProperties", unit, &result, err);
}

int systemd_attach(const struct systemd_unit *unit, struct error *err) {
    struct run_result result;
    return call("attach", "AttachProcessesToUnit", unit, &result, err);
}

int systemd_find(bool user, char *path, size_t size, struct error *err) {
    struct run_result result;
    const struct systemd_unit manager = {.user = user, .lock = -1};
    int r = call("find", "ControlGroup", &manager, &result, err);
    if (r < 0)
        return r;
    result.output[strcspn(result.output, "\n")] = '\0';
    if (result.output[0] != '/' && result.output[0])
        return error_set(err, EPROTO, "systemd: its own cgroup is \"%.64s\"", result.output);
    if ((size_t)snprintf(path, size, "%s", strcmp(result.output, "/") == 0 ? "" : result.output) >= size)
        return error_set(err, ENAMETOOLONG, "systemd: the path of its own cgroup is too long");
    return 0;
}
