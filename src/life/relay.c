/* SPDX-License-Identifier: Apache-2.0 */
/* relay: see relay.h. Runs in life, in the foreground of `run` and `exec`; needs no privilege. */
#include "life/relay.h"

#include "base/fd.h"
#include "base/log.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "kernel/tty.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE 16384
#define DRAIN_MAX (1u << 20)  /* after the end: more than a pty can hold, less than a flood of descendants */
#define HANGUP_PAUSE_MS 100   /* how long a terminal that no process has open is left alone */
#define END_PAUSE_MAX_MS 1000 /* between two looks whether the program has read the end of its input */
#define SIGNAL_BATCH 8

/* One direction: a ring between a descriptor to read and one to write. */
struct flow {
    int from;     /* -1: nothing more comes */
    int to;       /* -1: the reader is gone, what comes is thrown away */
    size_t limit; /* the longest write that poll's word is good for */
    size_t start, used;
    char ring[RING_SIZE];
};

struct session {
    struct relay *relay;
    int pidfd;
    int master;
    struct flow in, out;
    bool hung;      /* the pty has no slave open: poll would answer at once, for ever */
    int64_t end_at; /* when the end of our input is to be typed (again), monotonic ms; 0: our input has not ended */
    int end_pause;  /* from then until the next time */
    bool ended;     /* the process is reaped */
    bool given_up;  /* asked to stop while output waits for its reader */
    size_t drained;
    int status;
};

/* ---- a direction ---- */

static bool flow_has_room(const struct flow *flow) {
    return flow->from >= 0 && flow->used < RING_SIZE;
}

static bool flow_has_data(const struct flow *flow) {
    return flow->to >= 0 && flow->used > 0;
}

/* One read into the free part that is contiguous. Bytes, 0 at the end, -errno. */
static ssize_t flow_fill(struct flow *flow) {
    size_t at = (flow->start + flow->used) % RING_SIZE, span = RING_SIZE - at;
    if (span > RING_SIZE - flow->used)
        span = RING_SIZE - flow->used;
    ssize_t n = fd_read(flow->from, flow->ring + at, span);
    if (n > 0 && flow->to >= 0)
        flow->used += (size_t)n;
    return n;
}

static void flow_forget(struct flow *flow) {
    flow->start = flow->used = 0;
}

/* One write. Bytes or -errno. */
static ssize_t flow_pour(struct flow *flow) {
    size_t span = RING_SIZE - flow->start;
    if (span > flow->used)
        span = flow->used;
    if (span > flow->limit)
        span = flow->limit;
    ssize_t n = write(flow->to, flow->ring + flow->start, span);
    if (n < 0)
        return -errno;
    flow->start = (flow->start + (size_t)n) % RING_SIZE;
    flow->used -= (size_t)n;
    if (flow->used == 0)
        flow->start = 0; /* longer spans */
    return n;
}

static bool passing(ssize_t r) {
    return r == -EAGAIN || r == -EINTR;
}

/*
 * A terminal's POLLOUT promises room for one byte only, and O_NONBLOCK belongs to the open file description, which
 * our standard streams share with a shell: so a description of our own, which the link in /proc gives. -1: none.
 */
static int terminal_reopen(int fd, int access) {
    char path[32];
    struct stat ours, shared;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own_fd opened = fd_open(path, access | O_NONBLOCK | O_NOCTTY);
    if (opened < 0 || fstat(opened, &ours) < 0 || fstat(fd, &shared) < 0)
        return -1;
    if (!S_ISCHR(ours.st_mode) || ours.st_rdev != shared.st_rdev || ours.st_ino != shared.st_ino)
        return -1;
    return fd_take(&opened);
}

/* The descriptor to copy with instead of standard stream `fd`, and the longest write to it that cannot block. */
static int stream_choose(int fd, int access, int *opened, size_t *limit) {
    *limit = PIPE_BUF; /* what POLLOUT promises for a pipe (pipe(7)); a socket promises more */
    if (!isatty(fd))
        return fd;
    *opened = terminal_reopen(fd, access);
    *limit = *opened >= 0 ? RING_SIZE : 1;
    return *opened >= 0 ? *opened : fd;
}

/* ---- our terminal ---- */

static void size_follow(int master) {
    for (int fd = 0; fd <= 2; fd++)
        if (tty_copy_size(fd, master) == 0)
            return;
}

/* A background job must not touch the terminal: its modes and its keys are the foreground's. */
static bool terminal_is_anothers(void) {
    pid_t foreground = tcgetpgrp(0);
    return foreground > 0 && foreground != getpgrp();
}

/* Whether what the container's terminal shows goes to the terminal that we make raw, and nowhere else. */
static bool screen_is_ours(void) {
    return !terminal_is_anothers() && tty_is_same(0, 1);
}

void relay_fit(int master) {
    int r = screen_is_ours() ? 0 : tty_keep_newlines(master);
    if (r < 0)
        log_warning("keep the line ends of the container's terminal as they are: %s", error_text(-r));
    (void)tty_copy_encoding(STDIN_FILENO, master); /* as the kernel has it where we have no terminal */
}

void relay_raw(struct relay *relay) {
    if (relay->tty < 0 && !terminal_is_anothers() && tty_raw(0, screen_is_ours(), &relay->tty_saved) == 0)
        relay->tty = 0;
}

static void terminal_release(struct relay *relay) {
    if (relay->tty >= 0)
        tty_restore(relay->tty, &relay->tty_saved);
    relay->tty = -1;
}

/* ---- signals ---- */

/* A shell that continues a stopped job may have set the terminal to modes of its own. */
static void terminal_again(const struct relay *relay) {
    struct termios shells;
    if (relay->tty >= 0 && !terminal_is_anothers())
        tty_raw(relay->tty, screen_is_ours(), &shells);
}

#define STOPS (SYS_SIGNAL_BIT(SIGINT) | SYS_SIGNAL_BIT(SIGTERM) | SYS_SIGNAL_BIT(SIGHUP) | SYS_SIGNAL_BIT(SIGQUIT))

static bool signal_asks_to_stop(int number) {
    return (SYS_SIGNAL_BIT(number) & STOPS) != 0;
}

static void signal_pass(struct session *session, int number) {
    if (number == SIGWINCH && session->master >= 0) {
        size_follow(session->master);
        return;
    }
    if (number == SIGPIPE)
        return;
    if (number == SIGCONT)
        terminal_again(session->relay);
    if (session->ended) {
        session->given_up |= signal_asks_to_stop(number);
        return;
    }
    int r = process_signal(session->pidfd, number);
    if (r < 0 && r != -ESRCH) /* ESRCH: it has just ended */
        log_warning("forward signal %d to the container's process: %s", number, error_text(-r));
}

static void signals_pass(struct session *session) {
    struct signalfd_siginfo batch[SIGNAL_BATCH];
    ssize_t n = fd_read(session->relay->signal_fd, batch, sizeof batch);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof batch[0]; i++)
        signal_pass(session, (int)batch[i].ssi_signo);
}

/* ---- the copying ---- */

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Warns, but not where a terminal has hung up (EIO) or a reader is gone (EPIPE): that is an end, not a loss. */
static void tell_loss(const char *direction, ssize_t r) {
    if (r < 0 && r != -EIO && r != -EPIPE)
        log_warning("the %s of the container's terminal is lost from here on: %s", direction, error_text((int)-r));
}

static void input_read(struct session *session) {
    ssize_t n = flow_fill(&session->in);
    if (n > 0 || passing(n))
        return;
    tell_loss("input", n);
    session->in.from = -1;
    if (!terminal_is_anothers()) /* a background job may not read, and its input has not ended */
        session->end_at = now_ms();
}

/* Our input has ended, all of it is in the pty, and there may be somebody who reads its end. */
static bool end_is_next(const struct session *session) {
    return session->end_at > 0 && !session->ended && !session->hung && session->in.used == 0;
}

/*
 * A pipe is at its end for everybody who reads it, a terminal for one read: the end is typed whenever the program has
 * read all that there was. Not in advance: a program that leaves the mode of whole lines would read a NUL byte instead
 * (n_tty). Nothing tells when the program has read, so we look, and ever less often.
 */
static void end_type(struct session *session) {
    (void)tty_type_end(session->master);
    session->end_at = now_ms() + session->end_pause;
    session->end_pause = session->end_pause < END_PAUSE_MAX_MS / 2 ? session->end_pause * 2 : END_PAUSE_MAX_MS;
}

/* The slave may be closed just now (EIO) and opened again: the bytes are lost as on any terminal, the way stays. */
static void input_write(struct session *session) {
    ssize_t n = flow_pour(&session->in);
    if (n < 0 && !passing(n))
        flow_forget(&session->in);
}

static void output_write(struct session *session) {
    ssize_t n = flow_pour(&session->out);
    if (n < 0 && !passing(n)) {
        tell_loss("output", n);
        session->out.to = -1;
        flow_forget(&session->out);
    }
}

static void master_move(struct session *session, short events) {
    ssize_t n = 0;
    if (flow_has_room(&session->out))
        n = flow_fill(&session->out);
    if (events & POLLOUT && flow_has_data(&session->in))
        input_write(session);
    /* No slave is open, and there was nothing to read or nowhere to put it. While the process lives it may open one. */
    session->hung = n <= 0 && (events & (POLLHUP | POLLERR));
}

/*
 * The process is gone: what it wrote is in the pty already, and a read that finds nothing (EAGAIN) has looked
 * everywhere, since it waits for the kernel's worker that moves bytes from the slave's to the master's side. EIO: no
 * slave is open any more.
 */
static void master_drain(struct session *session) {
    while (flow_has_room(&session->out)) {
        ssize_t n = flow_fill(&session->out);
        session->drained += n > 0 ? (size_t)n : 0;
        if (n > 0 && session->drained <= DRAIN_MAX)
            continue;
        if (!passing(n))
            tell_loss("output", n);
        session->out.from = -1;
    }
}

static int session_reap(struct session *session, struct error *err) {
    int status, r = process_reap(session->pidfd, &status);
    if (r < 0)
        return error_code(err, -r, "status of the container's process");
    session->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    session->ended = true;
    session->in.from = -1;
    flow_forget(&session->in);
    return 0;
}

enum { ON_SIGNAL, ON_END, ON_INPUT, ON_MASTER, ON_OUTPUT, ON_COUNT };

static struct pollfd wanted(int fd, short events) {
    return (struct pollfd){.fd = events ? fd : -1, .events = events}; /* even with no events poll would tell of HUP */
}

static void polls_set(const struct session *session, struct pollfd polls[static ON_COUNT]) {
    short master = 0;
    if (!session->ended && !session->hung)
        master = (short)((flow_has_room(&session->out) ? POLLIN : 0) | (flow_has_data(&session->in) ? POLLOUT : 0));
    polls[ON_SIGNAL] = wanted(session->relay->signal_fd, POLLIN);
    polls[ON_END] = wanted(session->pidfd, session->ended ? 0 : PROCESS_END);
    polls[ON_INPUT] = wanted(session->in.from, flow_has_room(&session->in) ? POLLIN : 0);
    polls[ON_MASTER] = wanted(session->master, master);
    polls[ON_OUTPUT] = wanted(session->out.to, flow_has_data(&session->out) ? POLLOUT : 0);
}

/* How long to wait for something to move, in ms. */
static int session_patience(const struct session *session) {
    if (session->given_up)
        return 0;
    if (session->hung)
        return HANGUP_PAUSE_MS;
    if (!end_is_next(session))
        return -1;
    const int64_t left = session->end_at - now_ms();
    return left > 0 ? (int)left : 0;
}

/* One turn: waits for whatever can move and moves it. */
static int session_turn(struct session *session, struct error *err) {
    struct pollfd polls[ON_COUNT];
    polls_set(session, polls);
    const int timeout = session_patience(session);
    session->hung = false;
    int n = process_poll(polls, ON_COUNT, ON_END, timeout);
    if (n < 0)
        return errno == EINTR ? 0 : error_sys(err, "wait for the container's process");
    if (n == 0 && session->given_up)
        session->out.to = -1;
    if (end_is_next(session) && now_ms() >= session->end_at)
        end_type(session);
    if (polls[ON_SIGNAL].revents)
        signals_pass(session);
    if (polls[ON_INPUT].revents)
        input_read(session);
    if (polls[ON_MASTER].revents)
        master_move(session, polls[ON_MASTER].revents);
    if (polls[ON_OUTPUT].revents)
        output_write(session);
    return polls[ON_END].revents ? session_reap(session, err) : 0;
}

static int session_run(struct session *session, struct error *err) {
    for (;;) {
        if (session->ended)
            master_drain(session);
        if (session->ended && session->out.from < 0 && !flow_has_data(&session->out))
            return 0;
        int r = session_turn(session, err);
        if (r < 0)
            return r;
    }
}

static int session_copy(struct session *session, struct error *err) {
    own_fd keyboard = -1;
    own_fd screen = -1;
    int flags = fcntl(session->master, F_GETFL);
    if (flags < 0 || fcntl(session->master, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_sys(err, "make the terminal's master non-blocking");
    size_t unused;
    session->in.from = terminal_is_anothers() ? -1 : stream_choose(0, O_RDONLY, &keyboard, &unused);
    session->in.to = session->master;
    session->in.limit = RING_SIZE;
    session->out.from = session->master;
    session->out.to = stream_choose(1, O_WRONLY, &screen, &session->out.limit);
    size_follow(session->master);
    relay_raw(session->relay);
    int r = session_run(session, err);
    terminal_release(session->relay);
    return r;
}

int relay_wait(struct relay *relay, int pidfd, int master, int *status, struct error *err) {
    struct session session = {.relay = relay, .pidfd = pidfd, .master = master, .end_pause = 1};
    session.in.from = session.in.to = session.out.from = session.out.to = -1;
    int r = master >= 0 ? session_copy(&session, err) : session_run(&session, err);
    if (r == 0)
        *status = session.status;
    return r;
}

/* ---- open and close ---- */

static int signals_open(uint64_t set, struct error *err) {
    own_fd fd = sys_signal_fd(set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_code(err, -fd, "signalfd");
    if (fd > STDERR_FILENO)
        return fd_take(&fd);
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* never in the place of a standard stream that came to us closed */
    return raised < 0 ? error_sys(err, "signalfd") : raised;
}

int relay_open(struct relay *relay, struct error *err) {
    uint64_t forwarded = ~SYS_SIGNAL_BIT(SIGCHLD);
    for (int number = 1; number <= SYS_SIGNALS_MAX; number++)
        if (sys_signal_ignored(number))
            forwarded &= ~SYS_SIGNAL_BIT(number);
    own_fd all = signals_open(forwarded, err);
    if (all < 0)
        return all;
    own_fd stops = signals_open(forwarded & STOPS, err);
    if (stops < 0)
        return stops;
    sys_signal_mask(SIG_BLOCK, forwarded, &relay->old_mask);
    run_children_hold(&relay->children);
    relay->signal_fd = fd_take(&all);
    relay->stop_fd = fd_take(&stops);
    return 0;
}

int relay_await(const struct relay *relay, int fd, int process, struct error *err) {
    struct pollfd polls[] = {{.fd = fd, .events = POLLIN},
                             {.fd = relay ? relay->stop_fd : -1, .events = POLLIN},
                             {.fd = process, .events = PROCESS_END}};
    if (polls[1].fd < 0 && process < 0)
        return 0; /* the read itself will wait */
    while (process_poll(polls, 3, 2, -1) < 0)
        if (errno != EINTR)
            return error_sys(err, "wait for the new process");
    if (polls[0].revents)
        return 0; /* before a signal: it may be word that there is nothing to interrupt any more */
    if (polls[1].revents)
        return error_set(err, EINTR, "interrupted by a signal");
    /* What it has sent before its end is there by now. */
    if (polls[2].revents && poll(polls, 1, 0) == 0)
        return error_set(err, ESRCH, "the process in between ended before the new one was born");
    return 0;
}

/* A write to a closed reader left this one pending; with the mask restored it would end us. */
static void pipe_signal_forget(uint64_t old_mask) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const struct timespec now = {0};
    if (!(old_mask & SYS_SIGNAL_BIT(SIGPIPE)))
        sigtimedwait(&pipe, NULL, &now);
}

void relay_close(struct relay *relay) {
    int saved = errno;
    terminal_release(relay);
    if (relay->signal_fd >= 0) {
        fd_drop(&relay->signal_fd);
        fd_drop(&relay->stop_fd);
        pipe_signal_forget(relay->old_mask);
        run_children_release(&relay->children);
        sys_signal_mask(SIG_SETMASK, relay->old_mask, NULL);
    }
    errno = saved;
}
