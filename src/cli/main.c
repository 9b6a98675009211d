/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: global options, then one verb. Nothing is read or opened before the command line is known to be right, so
 * that --version and --help cost a few microseconds. Needs no privilege of its own.
 */
#include "cli/failure.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/verb.h"

#include "base/fd.h"
#include "base/table.h"

#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct globals {
    const char *log, *root, *ignored;
    int log_format, log_level, cgroup_manager, rootless;
    bool debug, systemd_cgroup, version;
};

#define FIELD(member) offsetof(struct globals, member)

static const struct name_value log_formats[] = {{"text", REPORT_TEXT}, {"json", REPORT_JSON}};
static const struct name_value log_levels[] = {
    {"error", REPORT_ERROR}, {"warning", REPORT_WARNING}, {"info", REPORT_INFO}, {"debug", REPORT_DEBUG}};
static const struct name_value cgroup_managers[] = {
    {"cgroupfs", BERTH_CGROUP_FILES}, {"systemd", BERTH_CGROUP_SYSTEMD}, {"disabled", BERTH_CGROUP_DISABLED}};
static const struct name_value rootless_values[] = {{"true", 1}, {"false", 0}, {"auto", -1}};

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(root), "root", 0, "DIR", "where the state of containers is kept (default: /run/berth)"),
    OPTION_ROW(TEXT, FIELD(log), "log", 0, "TARGET", "log to FILE, file:PATH, journald:ID or syslog:ID"),
    OPTION_CHOICE_ROW(log_formats, FIELD(log_format), "log-format", 0, "text|json",
                      "format of the log file (default: text)"),
    OPTION_CHOICE_ROW(log_levels, FIELD(log_level), "log-level", 0, "LEVEL",
                      "least level that is logged: error, warning, info or debug"),
    OPTION_ROW(FLAG, FIELD(debug), "debug", 0, NULL, "the same as --log-level debug"),
    OPTION_CHOICE_ROW(cgroup_managers, FIELD(cgroup_manager), "cgroup-manager", 0, "MANAGER",
                      "cgroupfs (the default), systemd or disabled"),
    OPTION_ROW(FLAG, FIELD(systemd_cgroup), "systemd-cgroup", 's', NULL, "the same as --cgroup-manager systemd"),
    OPTION_CHOICE_ROW(rootless_values, FIELD(rootless), "rootless", 0, "true|false|auto",
                      "accepted for compatibility, without effect"),
    OPTION_ROW(TEXT, FIELD(ignored), "criu", 0, "PATH", "accepted for compatibility, without effect"),
    OPTION_ROW(FLAG, FIELD(version), "version", 'v', NULL, "print the version, also -V"),
    OPTION_ROW(FLAG, FIELD(version), "version", 'V', NULL, NULL),
};

static const struct option_table table = {rows, TABLE_COUNT(rows)};

/* In the words and the order of crun. */
#if BERTH_HAS_SYSTEMD
#define SYSTEMD "+SYSTEMD "
#else
#define SYSTEMD ""
#endif

static const char version_text[] =
    "berth version " BERTH_VERSION "\n"
    "commit: " BERTH_COMMIT "\n"
    "spec: " BERTH_SPEC_VERSION "\n" SYSTEMD "+SELINUX +APPARMOR +CAP +SECCOMP +EBPF +CRIU +YAJL\n";

static int version_print(struct berth_error *error) {
    int r = fd_write_all(STDOUT_FILENO, version_text, sizeof version_text - 1);
    return r < 0 ? failure_code(error, -r, "cannot write to standard output") : 0;
}

/* `verb` NULL: of the program. */
static int help_print(const struct verb *verb, struct berth_error *error) {
    own_output output = OUTPUT_INIT;
    if (verb)
        help_verb(&output, verb);
    else
        help_program(&output, &table);
    return output_print(&output, error);
}

static int help(const struct call *call, struct berth_error *error) {
    const struct verb *verb = NULL;
    int r = call->count > 0 ? verb_find(call->args[0], &verb, error) : 0;
    return r < 0 ? r : help_print(verb, error);
}

const struct verb verb_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "tell about berth, or about one command",
    .max = 1,
    .run = help,
};

/*
 * musl's malloc gives blocks back to the kernel as soon as none of their size is in use: those that files are read into
 * and documents written to would be mapped and unmapped again and again. One that stays, for as long as the program,
 * keeps them.
 */
static void *volatile heap_kept;

static void heap_keep(void) {
    enum { BLOCK = 4096 };
    heap_kept = malloc(BLOCK); /* without it things only take longer */
}

/* Without /dev/null, one end of a pipe does as well. The number is the lowest free one, so pipe(2) reads there. */
static int stream_occupy(int fd) {
    int ends[2];
    if (pipe(ends) < 0)
        return -errno;
    int r = fd == STDIN_FILENO && dup2(ends[1], fd) < 0 ? -errno : 0;
    close(ends[1]);
    return r;
}

/*
 * A standard stream that the caller closed would lend its number to the next file opened, and output meant for it
 * would end up there. The number is taken by a descriptor that fails as a closed one does: EBADF.
 */
static int streams_guard(struct berth_error *error) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        int got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* open(2) takes the lowest free */
        int r = got < 0 && (errno == ENOENT || errno == ENOTDIR) ? stream_occupy(fd) : got < 0 ? -errno : 0;
        if (r < 0)
            return failure_code(error, -r, "cannot open /dev/null");
    }
    return 0;
}

/* The directory as an absolute path: what the library keeps must not depend on where it was started. */
static int root_locate(struct arena *arena, const char **root, struct berth_error *error) {
    if (!*root || **root == '/')
        return 0;
    own_memory char *here = getcwd(NULL, 0);
    if (!here)
        return failure_code(error, errno, "--root %s: cannot tell the current directory", *root);
    *root = arena_printf(arena, "%s/%s", here, *root);
    return *root ? 0 : failure_set(error, ENOMEM, "out of memory");
}

static int arguments_check(const struct verb *verb, char **args, unsigned count, struct berth_error *error) {
    if (count < verb->min)
        return failure_set(error, EINVAL, "%s: an argument is missing: berth %s %s", verb->name, verb->name,
                           verb->arguments);
    if (count > verb->max)
        return failure_set(error, EINVAL, "%s: unexpected argument \"%s\"%s%s", verb->name, args[verb->max],
                           verb->surplus ? ": " : "", verb->surplus ? verb->surplus : "");
    return 0;
}

/* Parses the verb's own arguments and runs it: exit status or negative errno. */
static int verb_run_with(struct call *call, struct berth_error *error) {
    const struct verb *verb = call->verb;
    void *values = arena_alloc(call->arena, verb->options_size);
    if (!values)
        return failure_set(error, ENOMEM, "out of memory");
    call->options = values;
    struct option_input input = {.table = &verb->options,
                                 .globals = &table,
                                 .order = verb->order,
                                 .enough = verb->max + 1, /* of "run c1 sh -c x" it is sh that is wrong, not -c */
                                 .values = values,
                                 .arena = call->arena,
                                 .count = call->count,
                                 .args = call->args};
    int r = options_parse(&input, &call->count, error);
    if (r < 0)
        return failure_wrap(error, "%s", verb->name);
    if (r == OPTIONS_HELP)
        return help_print(verb, error);
    r = arguments_check(verb, call->args, call->count, error);
    return r < 0 ? r : verb->run(call, error);
}

/* What stands behind the global options: args[0] is the verb. */
static int command_run(const struct globals *globals, struct call *call, struct berth_error *error) {
    struct report_config config = {.log = globals->log,
                                   .format = (enum report_format)globals->log_format,
                                   .level = globals->debug ? REPORT_DEBUG : (enum report_level)globals->log_level};
    int r = streams_guard(error);
    if (r == 0)
        r = report_open(&config, call->report, error);
    if (r < 0)
        return r;
    r = verb_find(call->args[0], &call->verb, error);
    if (r < 0)
        return r;
    if (call->verb->enters) {
        r = berth_protect(call->argv, error);
        if (r < 0)
            return r;
        heap_keep();
    }
    struct berth_runtime runtime = {.root = globals->root,
                                    .cgroup_manager = globals->systemd_cgroup
                                                          ? BERTH_CGROUP_SYSTEMD
                                                          : (enum berth_cgroup_manager)globals->cgroup_manager};
    call->runtime = &runtime;
    call->args++;
    call->count--;
    /* A file that would grow beyond RLIMIT_FSIZE is an error of the write, not our death half-way (setrlimit(2)). */
    sigset_t size;
    sigemptyset(&size);
    sigaddset(&size, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &size, NULL);
    r = root_locate(call->arena, &runtime.root, error);
    return r < 0 ? r : verb_run_with(call, error);
}

static int program_run(struct call *call, struct berth_error *error) {
    struct globals globals = {.log_level = REPORT_LEVEL_UNSET};
    struct option_input input = {.table = &table,
                                 .order = OPTION_ORDER_FIRST,
                                 .values = &globals,
                                 .arena = call->arena,
                                 .count = call->count,
                                 .args = call->args};
    int r = options_parse(&input, &call->count, error);
    if (r < 0)
        return r;
    if (r == OPTIONS_HELP || (call->count == 0 && !globals.version))
        return help_print(NULL, error);
    return globals.version ? version_print(error) : command_run(&globals, call, error);
}

int main(int argc, char **argv) {
    own_arena arena = ARENA_INIT;
    struct report report = REPORT_INIT;
    struct berth_error error = {.code = 0};
    /* The parser reorders what it is given. */
    char **args = arena_array(&arena, (size_t)argc + 1, sizeof *args);
    struct call call = {.arena = &arena, .report = &report, .argv = argv};
    if (args && argc > 1) {
        memcpy(args, argv + 1, (size_t)argc * sizeof *args);
        call.count = (unsigned)argc - 1;
        call.args = args;
    }
    int status = args ? program_run(&call, &error) : failure_set(&error, ENOMEM, "out of memory");
    if (status >= 0)
        return status;
    report_error(&report, &error);
    return call.verb && call.verb->failure ? call.verb->failure : 1;
}
