/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: the processes of a container on standard output: their numbers, or the lines that ps(1) has for them. Runs in the
 * command line; ps is found by PATH.
 */
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/verb.h"

#include "base/fd.h"
#include "base/table.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024) /* of what ps may print */
#define BLANKS " \t"

enum { PS_TABLE, PS_JSON };

struct ps_options {
    int format;
};

#define FIELD(member) offsetof(struct ps_options, member)

static const struct name_value formats[] = {{"table", PS_TABLE}, {"json", PS_JSON}};

static const struct option_row rows[] = {
    OPTION_CHOICE_ROW(formats, FIELD(format), "format", 'f', "table|json",
                      "what ps(1) tells (the default) or an array of process ids"),
};

struct processes {
    pid_t *pids;
    size_t count;
};

static bool has_process(const struct processes *processes, uint64_t pid) {
    for (size_t i = 0; i < processes->count; i++)
        if ((uint64_t)processes->pids[i] == pid)
            return true;
    return false;
}

static int print_json(const struct processes *processes, struct berth_error *error) {
    own_output output = OUTPUT_INIT;
    for (size_t i = 0; i < processes->count; i++)
        output_format(&output, "%s%d", i ? "," : "[", processes->pids[i]);
    output_add(&output, processes->count ? "]\n" : "[]\n");
    return output_print(&output, error);
}

/* ---- running ps ---- */

static const char *const usual[] = {"ps", "-ef", NULL};

/* What ps printed is in two files of their own: nothing of it may be lost, and a pipe would have to be drained. */
struct ps_output {
    int out, err;
};

static void ps_output_drop(struct ps_output *files) {
    fd_drop(&files->out);
    fd_drop(&files->err);
}

static int read_back(int fd, char **text) {
    size_t len;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    return fd_read_all(fd, TEXT_MAX, text, &len);
}

_Noreturn static void become_ps(const struct ps_output *files, const char *const *argv) {
    if (dup2(files->out, STDOUT_FILENO) >= 0 && dup2(files->err, STDERR_FILENO) >= 0)
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(errno == ENOENT ? 127 : 126);
}

static int tell_failure(int status, const char *said, struct berth_error *error) {
    const int len = (int)strcspn(said, "\n");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && len == 0)
        return failure_set(error, ENOENT, "cannot run ps: no such program in PATH");
    if (WIFEXITED(status))
        return failure_set(error, EINVAL, "ps ended with exit status %d: %.*s", WEXITSTATUS(status), len, said);
    return failure_set(error, EINVAL, "ps was killed by signal %d", WTERMSIG(status));
}

static int run_ps(const char *const *argv, char **text, struct berth_error *error) {
    own(ps_output_drop) struct ps_output files = {memfd_create("ps", MFD_CLOEXEC), memfd_create("ps", MFD_CLOEXEC)};
    own_memory char *said = NULL;
    int status = 0;
    if (files.out < 0 || files.err < 0)
        return failure_code(error, errno, "make room for the output of ps");
    signal(SIGCHLD, SIG_DFL); /* ignored, as a caller may have left it, the status would be lost */
    pid_t pid = fork();
    if (pid == 0)
        become_ps(&files, argv);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0)
        return failure_code(error, errno, "make a process for ps");
    int r = read_back(files.err, &said);
    if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return tell_failure(status, said, error);
    if (r == 0)
        r = read_back(files.out, text);
    return r < 0 ? failure_code(error, -r, "read the output of ps") : 0;
}

/* ---- its lines ---- */

/* The field of that index, between blanks; NULL when there are fewer. */
static const char *find_field(const char *line, size_t index, size_t *len) {
    for (;; index--) {
        line += strspn(line, BLANKS);
        *len = strcspn(line, BLANKS);
        if (*len == 0 || index == 0)
            return *len ? line : NULL;
        line += *len;
    }
}

static bool find_column(const char *heading, size_t *index) {
    size_t len;
    const char *field;
    for (*index = 0; (field = find_field(heading, *index, &len)); ++*index)
        if (len == 3 && strncmp(field, "PID", len) == 0)
            return true;
    return false;
}

static bool read_pid(const char *line, size_t column, uint64_t *pid) {
    size_t len;
    char number[16] = "";
    const char *field = find_field(line, column, &len);
    if (!field || len >= sizeof number)
        return false;
    memcpy(number, field, len);
    return number_parse_u64(number, INT_MAX, pid) == 0;
}

/* The name of a program is its own choice: not every ps shows it so that a terminal is safe. */
static void line_add(struct text *output, const char *line) {
    output_clean(output, line, false);
    output_add(output, "\n");
}

static int print_lines(char *text, const struct processes *processes, struct berth_error *error) {
    own_output output = OUTPUT_INIT;
    char *rest = text;
    const char *line = strsep(&rest, "\n");
    size_t column;
    if (!find_column(line, &column))
        return failure_set(error, EINVAL, "ps prints no column PID, which tells the container's processes from others");
    line_add(&output, line);
    while ((line = strsep(&rest, "\n"))) {
        uint64_t pid;
        if (!*line)
            continue;
        if (!read_pid(line, column, &pid))
            return failure_set(error, EINVAL,
                               "ps prints no process id where its heading has PID; columns with blanks "
                               "in them must stand behind it");
        if (has_process(processes, pid))
            line_add(&output, line);
    }
    return output_print(&output, error);
}

static int print_table(const struct call *call, const struct processes *processes, struct berth_error *error) {
    const char *const *argv = usual;
    own_memory char *text = NULL;
    if (call->count > 1) { /* the container's id makes room for the program's name */
        const char **own_argv = arena_array(call->arena, call->count + 1, sizeof *own_argv);
        if (!own_argv)
            return failure_set(error, ENOMEM, "out of memory");
        own_argv[0] = usual[0];
        memcpy(own_argv + 1, call->args + 1, (call->count - 1) * sizeof *own_argv);
        argv = own_argv;
    }
    int r = run_ps(argv, &text, error);
    if (r == 0)
        r = print_lines(text, processes, error);
    return r < 0 ? failure_wrap(error, "ps %s", call->args[0]) : 0;
}

static int ps(const struct call *call, struct berth_error *error) {
    const struct ps_options *options = call->options;
    struct processes processes = {.pids = NULL};
    if (options->format == PS_JSON && call->count > 1)
        return failure_set(error, EINVAL, "ps: with --format json nothing may stand behind the id, found \"%s\"",
                           call->args[1]);
    int r = berth_processes(call->runtime, call->args[0], &processes.pids, &processes.count, error);
    if (r < 0)
        return r;
    r = options->format == PS_JSON ? print_json(&processes, error) : print_table(call, &processes, error);
    memory_drop(&processes.pids);
    return r;
}

const struct verb verb_ps = {
    .name = "ps",
    .arguments = "ID [ARGUMENT...]",
    .summary = "list the processes of a container",
    .details = "ARGUMENTs are for ps(1) and stand in place of -ef; its output must have a column PID.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .order = OPTION_ORDER_FIRST,
    .options_size = sizeof(struct ps_options),
    .min = 1,
    .max = VERB_ANY,
    .run = ps,
};
