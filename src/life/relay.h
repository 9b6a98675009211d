/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: the foreground half of `run` and `exec`: forwards signals to the container's process, copies terminal
 * bytes both ways, and waits for the end on a pidfd. Runs in life, in a process of one thread.
 */
#ifndef BERTH_LIFE_RELAY_H
#define BERTH_LIFE_RELAY_H

#include "base/error.h"
#include "base/own.h"
#include "kernel/run.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct relay {
    int signal_fd;                /* -1: not open */
    int stop_fd;                  /* readable while a signal that asks to stop is pending; never read from */
    uint64_t old_mask;            /* the caller's mask; the container's process must get this, not ours */
    struct run_children children; /* keeps the process waitable where SIGCHLD came to us ignored */
    int tty;                      /* our own terminal in raw mode, -1 none */
    struct termios tty_saved;
};

#define RELAY_INIT                                                                                                     \
    { .signal_fd = -1, .stop_fd = -1, .tty = -1 }

/*
 * Blocks every signal that can be forwarded and opens a signalfd: nothing sent from here on is lost. To be called
 * before the process is made. Left alone are SIGCHLD and what the caller has ignored (nohup, a job of a script):
 * that was not meant for the container either.
 */
int relay_open(struct relay *relay, struct error *err);

/*
 * Waits, before relay_wait, until `fd` is readable, or until SIGINT, SIGTERM, SIGHUP or SIGQUIT asks to stop: -EINTR.
 * The signal stays pending: it does its work when relay_close restores the mask. With process >= 0 also until that one
 * has ended and left nothing to read: -ESRCH. On a relay that is not open (or NULL) these signals are not blocked.
 */
int relay_await(const struct relay *relay, int fd, int process, struct error *err);

/*
 * Fits the container's terminal, before its program is started, to where its output goes. On the terminal that
 * relay_raw makes raw each terminal's own translation stays: a program that draws has its bytes on the screen as they
 * are. Anywhere else (a pipe, a file, another terminal) lines end in LF as the program wrote them, and the translation
 * of our terminal's output stays on, since a filter may write to it.
 *
 * Of the settings of our terminal, the container's gets one: that keys are sent in UTF-8, a property of the keyboard
 * and the screen that no program inside can find out. All others belong to whoever uses the terminal now, such as a
 * shell that edits lines; a program starts with the kernel's, as with other runtimes.
 */
void relay_fit(int master);

/*
 * Makes our terminal raw (fd 0, when it is one and we are in its foreground) from before the program's first
 * instruction on: what it asks the terminal for would be echoed and held back until a line ends (termios(3)). From here
 * on keys raise no signals for us, so not before anything that Ctrl-C is to interrupt. Until relay_wait or relay_close.
 */
void relay_raw(struct relay *relay);

/*
 * Until the process behind pidfd, a child of ours, has ended and its output is written.
 *
 * Signals are forwarded with pidfd_send_signal; not SIGPIPE, which our own writes raise, and SIGWINCH resizes the pty
 * instead when there is one. After the end SIGINT, SIGTERM, SIGHUP and SIGQUIT give up output that still waits for its
 * reader; what comes after the return stays pending for the caller until relay_close.
 *
 * With master >= 0 (it becomes non-blocking): copies 0 -> master and master -> 1 through a ring buffer each and polls
 * only the side that can move, so that a stopped reader stops the copying and nothing spins. Never blocks in a write,
 * and never makes a descriptor non-blocking that others share. A closed reader makes the output go nowhere while the
 * process runs on. The end of stdin is passed on as the end of the terminal's input (tty_type_end), for as long as
 * somebody reads it. After the end of the process the master is drained,
 * so that no byte of its output is lost; descendants that keep the terminal open are not waited for. Our terminal
 * is raw meanwhile (relay_raw), and its size is the pty's.
 *
 * *status: exit code or 128 + signal.
 */
int relay_wait(struct relay *relay, int pidfd, int master, int *status, struct error *err);

/* Restores terminal, signal mask and SIGCHLD; safe on a relay that was never opened, and twice. Keeps errno. */
void relay_close(struct relay *relay);
#define own_relay own(relay_close) struct relay

#endif
