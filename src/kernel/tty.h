/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty: pseudo terminals. The slave is had by TIOCGPTPEER from the master (Linux 4.13), never by a path: a name under
 * /dev/pts may be a trap (CVE-2025-52565). Runs in life (size, raw mode, console socket) and in init (open, adopt).
 */
#ifndef BERTH_KERNEL_TTY_H
#define BERTH_KERNEL_TTY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

/*
 * Opens a new pty of the devpts whose root directory is devpts_fd (O_PATH will do): its own "ptmx" beneath it, checked
 * to be a devpts's and character device 5:2 before it is opened, and again afterwards. -EXDEV: it is not. Both fds
 * O_CLOEXEC | O_NOCTTY.
 */
int tty_open(int devpts_fd, int *master, int *slave, struct error *err);

/* setsid, TIOCSCTTY, and the slave on 0, 1 and 2; `slave` itself stays open. Init only. */
int tty_adopt(int slave, struct error *err);

int tty_resize(int fd, uint16_t rows, uint16_t columns, struct error *err);
/* 0 or -errno (-ENOTTY); a size of 0x0, which is no size, is not copied: -ENODATA. */
int tty_copy_size(int from, int to);

/* Whether both descriptors are of one terminal, by whatever name they were opened (/dev/tty, /dev/pts/0). */
bool tty_is_same(int a, int b);

/*
 * Raw mode for a person's terminal; *saved for tty_restore. 0 or -errno; ENOTTY is returned silently as -ENOTTY.
 * With `output` what is written to the terminal is not translated either; without, a line feed still begins a new line.
 * In a background process this and tty_restore raise SIGTTOU unless it is blocked or ignored (tcsetattr(3)).
 */
int tty_raw(int fd, bool output, struct termios *saved);
void tty_restore(int fd, const struct termios *saved); /* keeps errno */

/* Clears ONLCR of the pty: a line feed that the program writes is not read from the master as CR LF. 0 or -errno. */
int tty_keep_newlines(int master);

/*
 * Whether what is typed is UTF-8 (IUTF8): as at `from`, where the keys come from. Backspace takes a whole letter then,
 * while the kernel reads lines. 0 or -errno (-ENOTTY).
 */
int tty_copy_encoding(int from, int master);

/*
 * Types the end of file (VEOF, "^D"; termios(3)) at the pty, unless input waits for the program already. For a line
 * that is not complete the first one ends the line only. 1: typed; 0: input waits, or the pty has no such key; -errno.
 */
int tty_type_end(int master);

/* The name of the slave as the container sees it ("/dev/pts/0"), for the console socket's payload. */
int tty_name(int master, char *buffer, size_t size, struct error *err);

/*
 * Connects to the AF_UNIX stream socket at `path` and sends the master with `name` as data (one message). Does not
 * wait: a listener whose queue of connections is full is an error (EAGAIN).
 */
int tty_send(const char *path, int master, const char *name, struct error *err);

#endif
