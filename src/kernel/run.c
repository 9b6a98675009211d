/* SPDX-License-Identifier: Apache-2.0 */
/* run: see run.h. Runs in life and in init before and after pivot; needs no privilege. */
#include "kernel/run.h"

#include "base/fd.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define KILL_GRACE_MS 2000
#define LIFT 5 /* the first descriptor number that has no meaning in a new process */

/* What the new process was about when it failed before exec; the words finish the sentence "cannot ...". */
enum start_stage { STAGE_ROOT, STAGE_DIRECTORY, STAGE_STREAMS, STAGE_CONFINE, STAGE_EXEC, STAGE_INTERPRETER };
static const char *const stage_words[] = {
    [STAGE_ROOT] = "enter the root directory for",
    [STAGE_DIRECTORY] = "enter the working directory for",
    [STAGE_STREAMS] = "set up the streams of",
    [STAGE_CONFINE] = "confine",
    [STAGE_EXEC] = "execute",
    [STAGE_INTERPRETER] = "execute",
};

struct start_report {
    enum start_stage stage;
    int code;
};

/* One run under way, host side. */
struct run {
    pid_t pid;
    int pidfd;
    int output; /* read end of the program's stdout and stderr; -1 at its end */
    int report; /* read end of the pipe that carries a start_report; exec closes the other end */
    int64_t started_ms;
    int64_t deadline_ms; /* INT64_MAX: none */
};
#define RUN_INIT                                                                                                       \
    { .pid = -1, .pidfd = -1, .output = -1, .report = -1 }

static int64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void run_children_hold(struct run_children *children) {
    children->changed = false;
    if (sigaction(SIGCHLD, NULL, &children->old) < 0)
        return;
    bool ignored = !(children->old.sa_flags & SA_SIGINFO) && children->old.sa_handler == SIG_IGN;
    if (!ignored && !(children->old.sa_flags & SA_NOCLDWAIT))
        return;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    children->changed = sigaction(SIGCHLD, &plain, NULL) == 0;
}

void run_children_release(struct run_children *children) {
    int saved = errno;
    if (children->changed)
        sigaction(SIGCHLD, &children->old, NULL);
    children->changed = false;
    errno = saved;
}

/* ---- the new process, from fork to exec ---- */

/* An input at its end without a path: the empty pipe. /dev/null may be absent here, or not what it seems. */
static int input_open(int stdin_fd) {
    int ends[2];
    if (stdin_fd >= 0)
        return fcntl(stdin_fd, F_DUPFD_CLOEXEC, LIFT);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    int input = fcntl(ends[0], F_DUPFD_CLOEXEC, LIFT);
    close(ends[0]);
    close(ends[1]);
    return input;
}

/*
 * Input on 0, outputs on 1 and 2, what is kept on 3, the report on 4 until exec, nothing else. All are lifted above
 * these numbers first, since a caller with closed standard streams may hold any of them as 0, 1 or 2.
 */
static int streams_place(const struct run_program *program, int output, int *report) {
    bool keeps = program->keep_fd > 0;
    int input = input_open(program->stdin_fd);
    int lifted_output = fcntl(program->output_fd > 0 ? program->output_fd : output, F_DUPFD_CLOEXEC, LIFT);
    int lifted_error = fcntl(program->error_fd > 0 ? program->error_fd : output, F_DUPFD_CLOEXEC, LIFT);
    int lifted_report = fcntl(*report, F_DUPFD_CLOEXEC, LIFT);
    int lifted_keep = keeps ? fcntl(program->keep_fd, F_DUPFD_CLOEXEC, LIFT) : 0;
    if (input < 0 || lifted_output < 0 || lifted_error < 0 || lifted_report < 0 || lifted_keep < 0)
        return -errno;
    if (dup2(input, 0) < 0 || dup2(lifted_output, 1) < 0 || dup2(lifted_error, 2) < 0 ||
        dup3(lifted_report, 4, O_CLOEXEC) < 0 || (keeps && dup2(lifted_keep, 3) < 0))
        return -errno;
    *report = 4;
    if (!keeps)
        close(3);
    sys_close_range(LIFT, UINT_MAX);
    return 0;
}

static int program_exec(const struct run_program *program, int output, int *report, enum start_stage *stage) {
    *stage = STAGE_ROOT;
    if (program->root_fd > 0 && (fchdir(program->root_fd) < 0 || chroot(".") < 0))
        return -errno;
    *stage = STAGE_DIRECTORY;
    if (program->directory_fd >= 0 && fchdir(program->directory_fd) < 0)
        return -errno;
    *stage = STAGE_STREAMS;
    int r = streams_place(program, output, report);
    if (r < 0)
        return r;
    setsid();              /* cannot fail: a fresh child leads no group */
    sys_signals_default(); /* ignored ones would stay so over exec; blocked till here, no handler of the caller runs */
    *stage = STAGE_CONFINE;
    r = program->confine ? program->confine(program->context) : 0;
    if (r < 0)
        return r;
    *stage = STAGE_EXEC;
    execve(program->path, (char *const *)(uintptr_t)program->argv, (char *const *)(uintptr_t)program->envp);
    r = -errno;
    if (r == -ENOENT && access(program->path, F_OK) == 0)
        *stage = STAGE_INTERPRETER;
    return r;
}

_Noreturn static void program_become(const struct run_program *program, int output, int report) {
    struct start_report failed;
    memset(&failed, 0, sizeof failed);
    failed.code = -program_exec(program, output, &report, &failed.stage);
    fd_write_all(report, &failed, sizeof failed);
    _exit(127);
}

/* ---- the host side ---- */

static int program_fork(struct run *run, const struct run_program *program, struct error *err) {
    int output[2], report[2];
    if (pipe2(output, O_CLOEXEC) < 0)
        return error_sys(err, "pipe for the output of %s", program->path);
    run->output = output[0];
    own_fd output_end = output[1];
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
        return error_sys(err, "pipe for the start of %s", program->path);
    run->report = report[0];
    own_fd report_end = report[1];
    if (fcntl(run->output, F_SETFL, O_NONBLOCK) < 0)
        return error_sys(err, "pipe for the output of %s", program->path);

    uint64_t old;
    sys_signal_mask(SIG_SETMASK, ~UINT64_C(0), &old);
    run->pid = spawn_process(&(struct spawn){.cgroup_fd = -1}, &run->pidfd, err);
    if (run->pid == 0)
        program_become(program, output_end, report_end);
    sys_signal_mask(SIG_SETMASK, old, NULL);
    return run->pid < 0 ? error_wrap(err, "make a process for %s", program->path) : 0;
}

/* The whole group; and the process by itself, which may not have come to setsid yet. Not reaped: the pid is ours. */
static void run_kill(const struct run *run) {
    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
}

/* Leaves nothing behind, on every way out. */
static void run_drop(struct run *run) {
    if (run->pid > 0) {
        run_kill(run);
        waitpid(run->pid, NULL, 0);
    }
    fd_drop(&run->pidfd);
    fd_drop(&run->output);
    fd_drop(&run->report);
}

static void output_keep(struct run_result *result, const char *data, size_t len) {
    if (len > RUN_OUTPUT_MAX) {
        data += len - RUN_OUTPUT_MAX;
        len = RUN_OUTPUT_MAX;
    }
    size_t old = result->output_len, stay = RUN_OUTPUT_MAX - len;
    if (stay > old)
        stay = old;
    memmove(result->output, result->output + (old - stay), stay);
    memcpy(result->output + stay, data, len);
    result->output_len = stay + len;
    result->output[result->output_len] = '\0';
}

/* One read, so that a flood cannot keep us from the deadline. Returns the bytes, 0 when there is nothing to come. */
static size_t output_read(struct run *run, struct run_result *result) {
    char chunk[16384];
    ssize_t n = fd_read(run->output, chunk, sizeof chunk);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0) {
        fd_drop(&run->output);
        return 0;
    }
    output_keep(result, chunk, (size_t)n);
    return (size_t)n;
}

/* What the pipe holds now and no more: a descendant may write for ever. */
static void output_finish(struct run *run, struct run_result *result) {
    int waiting = 0;
    if (run->output < 0 || ioctl(run->output, FIONREAD, &waiting) < 0)
        return;
    for (size_t left = (size_t)waiting, n; left > 0 && (n = output_read(run, result)) > 0;)
        left -= n < left ? n : left;
}

static int poll_timeout(int64_t deadline_ms) {
    if (deadline_ms == INT64_MAX)
        return -1;
    int64_t left = deadline_ms - clock_ms();
    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

/* Until the program has ended. Returns 0, -ETIMEDOUT when it outlived even SIGKILL, or the errno of poll. */
static int run_watch(struct run *run, int cancel_fd, struct run_result *result) {
    for (;;) {
        int timeout = poll_timeout(run->deadline_ms);
        struct pollfd fds[] = {{.fd = run->pidfd, .events = PROCESS_END},
                               {.fd = run->output, .events = POLLIN},
                               {.fd = cancel_fd > 0 && !result->cancelled ? cancel_fd : -1, .events = POLLIN}};
        if (process_poll(fds, 3, 0, timeout) < 0) {
            if (errno != EINTR)
                return -errno;
            continue;
        }
        if (fds[1].revents)
            output_read(run, result);
        if (fds[0].revents)
            return 0;
        result->cancelled |= fds[2].revents != 0;
        if (timeout != 0 && !fds[2].revents)
            continue;
        if (result->timed_out || (result->cancelled && !fds[2].revents))
            return -ETIMEDOUT;
        result->timed_out = !result->cancelled;
        run_kill(run);
        run->deadline_ms = clock_ms() + KILL_GRACE_MS;
    }
}

/* 0 when the program was executed, else the error that the new process reported. */
static int start_check(const struct run *run, const struct run_program *program, struct error *err) {
    struct start_report failed;
    if (fd_read(run->report, &failed, sizeof failed) != (ssize_t)sizeof failed)
        return 0;
    return error_code(err, failed.code, "cannot %s %s%s", stage_words[failed.stage], program->path,
                      failed.stage == STAGE_INTERPRETER ? ": its interpreter or loader" : "");
}

static int run_finish(struct run *run, const struct run_program *program, struct run_result *result,
                      struct error *err) {
    int r = run_watch(run, program->cancel_fd, result);
    if (r < 0 && r != -ETIMEDOUT)
        return error_code(err, -r, "wait for %s", program->path);
    result->status = SIGKILL;
    if (r == 0)
        r = process_reap(run->pidfd, &result->status);
    run->pid = -1; /* reaped, taken by a handler of the caller, or given up */
    if (r < 0 && r != -ETIMEDOUT)
        return error_code(err, -r, "status of %s", program->path);
    result->elapsed_ms = clock_ms() - run->started_ms;
    output_finish(run, result);
    return start_check(run, program, err);
}

static int run_start(struct run *run, const struct run_program *program, struct error *err) {
    if (program->stdin_fd >= 0 && lseek(program->stdin_fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return error_sys(err, "rewind the input of %s", program->path);
    run->started_ms = clock_ms();
    run->deadline_ms = INT64_MAX;
    if (program->timeout_ms > 0 && program->timeout_ms < INT64_MAX - run->started_ms)
        run->deadline_ms = run->started_ms + program->timeout_ms;
    return program_fork(run, program, err);
}

int run_program(const struct run_program *program, struct run_result *result, struct error *err) {
    own_children children;
    run_children_hold(&children);
    own(run_drop) struct run run = RUN_INIT;
    struct run_result made;
    memset(&made, 0, sizeof made);
    int r = run_start(&run, program, err);
    if (r == 0)
        r = run_finish(&run, program, &made, err);
    if (r == 0)
        *result = made;
    return r;
}
