/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: what the new process asks of life and waits for: hooks of the runtime, and the start. Runs in init.
 */
#include "base/fd.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/hook.h"
#include "init/init.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int gate_runtime_hooks(struct init *init, struct error *err) {
    struct handoff_message message = {.fd = -1};
    int r = handoff_send(init->channel, HANDOFF_HOOKS, -1, NULL);
    if (r == 0)
        r = handoff_receive(init->channel, HANDOFF_TO_INIT, &message);
    if (r == 0)
        _exit(1); /* a hook failed or life is gone: it knows more than we do */
    if (r < 0 || message.kind != HANDOFF_HOOKED)
        return error_code(err, r < 0 ? -r : EPROTO, "wait for the hooks of the runtime");
    own_fd state = message.fd;
    /* The root of the container with its mounts; the bundle lies in the host's. */
    const struct hook_call call = {.state_fd = state,
                                   .directory_fd = init->root.fd,
                                   .root_fd = init->runtime_root,
                                   .output = init->held->hook_output,
                                   .envp = (const char *const *)environ};
    const mode_t ours = umask(022); /* what the other hooks of create get from life */
    r = hook_run(&init->plan->hooks, HOOK_CREATE_CONTAINER, &call, err);
    umask(ours);
    return r;
}

static int compare_fds(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

void init_close_others(const struct init *init, int *keep, size_t count) {
    unsigned first = 3 + init->held->preserved;
    for (size_t a = 1; a < count; a++) /* a handful: insertion sort */
        for (size_t b = a; b > 0 && compare_fds(&keep[b - 1], &keep[b]) > 0; b--) {
            int t = keep[b];
            keep[b] = keep[b - 1];
            keep[b - 1] = t;
        }
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)first)
            continue;
        if ((unsigned)keep[i] > first)
            sys_close_range(first, (unsigned)keep[i] - 1);
        first = (unsigned)keep[i] + 1;
    }
    sys_close_range(first, ~0u);
}

/* Signals that do not end a process by default, and those of faults, which the kernel forces on us (signal(7)). */
#define NO_END                                                                                                         \
    (SYS_SIGNAL_BIT(SIGCHLD) | SYS_SIGNAL_BIT(SIGCONT) | SYS_SIGNAL_BIT(SIGURG) | SYS_SIGNAL_BIT(SIGWINCH) |           \
     SYS_SIGNAL_BIT(SIGSTOP) | SYS_SIGNAL_BIT(SIGTSTP) | SYS_SIGNAL_BIT(SIGTTIN) | SYS_SIGNAL_BIT(SIGTTOU))
#define FAULTS                                                                                                         \
    (SYS_SIGNAL_BIT(SIGSEGV) | SYS_SIGNAL_BIT(SIGBUS) | SYS_SIGNAL_BIT(SIGFPE) | SYS_SIGNAL_BIT(SIGILL) |              \
     SYS_SIGNAL_BIT(SIGTRAP) | SYS_SIGNAL_BIT(SIGSYS))

/* Not for what the kernel sends for something that we do ourselves, as SIGXFSZ: the call then fails, and we say why. */
static void end_when_asked(int number, siginfo_t *info, void *context) {
    (void)context;
    if (info->si_code <= 0 && info->si_pid != 1)
        _exit(128 + number);
}

/*
 * The kernel keeps default actions from the first process of a PID namespace (pid_namespaces(7)). Its program may rely
 * on that; as long as we wait in its place, a signal ends us like any other process. The exec takes the handlers away.
 */
static void heed_signals(void) {
    struct sigaction action = {.sa_sigaction = end_when_asked, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (getpid() != 1)
        return;
    sigemptyset(&action.sa_mask);
    for (int number = 1; number <= SYS_SIGNALS_MAX; number++)
        if (!((NO_END | FAULTS) & SYS_SIGNAL_BIT(number)))
            (void)sigaction(number, &action, NULL); /* KILL cannot be had, nor the C library's own (32 to 34) */
}

/* The files for the output of hooks, if hooks of the container are to come. */
static struct hook_output output_to_come(const struct init *init) {
    const bool hooks = init->plan->hooks.at[HOOK_START_CONTAINER].count > 0;
    return hooks ? init->held->hook_output : (struct hook_output)HOOK_OUTPUT_INIT;
}

int gate_ready(struct init *init, struct error *err) {
    struct handoff_message message = {.fd = -1};
    if (init->gate >= 0)
        heed_signals();
    /* The wait may be long; nothing of the host is to be had from us meanwhile. */
    const struct hook_output output = output_to_come(init);
    int keep[] = {init->channel, init->gate, init->root.fd, output.out, output.err};
    init_close_others(init, keep, sizeof keep / sizeof *keep);
    init->proc.fd = -1;
    int r = handoff_send(init->channel, HANDOFF_READY, -1, NULL);
    if (r < 0)
        return error_code(err, -r, "tell that the container is ready");
    if (init->gate < 0)
        return 0;
    /* Until life has written down who we are nobody could find us: then its end is ours, too. */
    if (handoff_receive(init->channel, HANDOFF_TO_INIT, &message) <= 0 || message.kind != HANDOFF_COMMITTED)
        _exit(1);
    fd_drop(&init->channel);
    return 0;
}

int gate_told(struct init *init, struct error *err) {
    int r = handoff_send(init->channel, HANDOFF_READY, -1, NULL);
    return r < 0 ? error_code(err, -r, "tell that the process is ready") : 0;
}

int gate_descriptors(struct init *init, struct error *err) {
    const struct hook_output output = output_to_come(init);
    int keep[] = {init->channel, init->state_fd, output.out, output.err};
    (void)err;
    init_close_others(init, keep, sizeof keep / sizeof *keep);
    init->gate = init->root.fd = -1;
    return 0;
}

/* `start` sends START over a connection of its own; whoever connects and goes away without a word just looked. */
static int wait_gate(struct init *init, struct handoff_message *message) {
    for (;;) {
        own_fd caller = accept4(init->gate, NULL, NULL, SOCK_CLOEXEC);
        if (caller < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (caller < 0)
            return -errno;
        int r = handoff_receive(caller, HANDOFF_TO_INIT, message);
        if (r < 0) {
            struct error broken = ERROR_INIT;
            error_code(&broken, -r, "receive the start message");
            handoff_send_error(caller, &broken);
        }
        if (r <= 0 || message->kind != HANDOFF_START)
            continue;
        /* Without this word the end of the connection would mean that we have died, not that the program runs. */
        r = handoff_send(caller, HANDOFF_READY, -1, NULL);
        if (r < 0)
            continue;
        init->channel = fd_take(&caller);
        return 0;
    }
}

int gate_wait(struct init *init, struct error *err) {
    struct handoff_message message = {.fd = -1};
    if (init->gate >= 0) {
        int r = wait_gate(init, &message);
        if (r < 0)
            return error_code(err, -r, "wait for start");
        init->debug = strcmp(message.error.text, HANDOFF_TELL) == 0;
    } else {
        int r = handoff_receive(init->channel, HANDOFF_TO_INIT, &message);
        if (r == 0)
            _exit(1); /* run was killed between create and start */
        if (r < 0 || message.kind != HANDOFF_START)
            return error_code(err, r < 0 ? -r : EPROTO, "wait for start");
    }
    init->state_fd = message.fd;
    if (!init->plan->has_process)
        return error_refuse(err, "/process", "the config has no process to start");
    return 0;
}
