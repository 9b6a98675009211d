/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: one process, by descriptor within a run and by pid and start time across runs (the kernel may have given the
 * pid to another process meanwhile). Runs in life; needs no privilege but for signals.
 *
 * The descriptor is a pidfd. Where pidfd_open(2) is missing or forbidden it is the directory /proc/PID, which stays
 * that of the same process, too: when the process has been reaped, its files are gone, even if the pid is used again.
 * The functions here take both; poll(2) does not, since a directory is always ready.
 */
#ifndef BERTH_KERNEL_PROCESS_H
#define BERTH_KERNEL_PROCESS_H

#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When the process started, in clock ticks since boot (proc_pid_stat(5), field 22). */
int process_start_time(pid_t pid, uint64_t *start_time);

/* The state of its first thread in the same file ('R', 'S', 'D', 'Z' ...); 0: it is gone. */
char process_state(pid_t pid);

/*
 * Whether it is number 1 of a PID namespace below ours, so that all in there end with it: the last number of NSpid
 * (Linux 4.1), not the first. 0 or -errno (-ESRCH: it is gone).
 */
int process_is_first(pid_t pid, bool *first);

/*
 * Whether it has ended or nothing can keep it from ending: all its threads are on their way out, or have SIGKILL. False
 * as well when that cannot be told.
 */
bool process_is_ending(pid_t pid);

/*
 * Opens the process if it is still the one that started then and has not ended: descriptor, or -ESRCH. *executed:
 * whether it has executed a program since it was forked.
 */
int process_open(pid_t pid, uint64_t start_time, bool *executed);

/* A descriptor of a process that cannot be reaped meanwhile, or whose identity is checked afterwards; -ESRCH. */
int process_hold(pid_t pid);

/* Whether that would be a pidfd: 0 or -errno. */
int process_check_pidfds(void);

/* The pid of the process, as seen by the caller; -ESRCH when it is gone. */
pid_t process_pid(int pidfd);

/* 0 or -errno (-ESRCH: ended). */
int process_signal(int pidfd, int signal);

/* Waits for the end up to `timeout_ms` (-1: for ever): 0, -ETIMEDOUT or -errno. Does not reap. */
int process_wait(int pidfd, int timeout_ms);

/*
 * poll(2) where fds[which] is a process, or -1. It waits for PROCESS_END, and POLLIN is the answer when it has ended.
 * Without a pidfd the process is looked at every few milliseconds.
 */
#define PROCESS_END (POLLIN | POLLOUT)
int process_poll(struct pollfd *fds, nfds_t count, nfds_t which, int timeout_ms);

/* Reaps a child: *status as waitpid gives it. 0 or -errno (-ECHILD: no child of ours). */
int process_reap(int pidfd, int *status);

#endif
