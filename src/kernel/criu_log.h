/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu_log: what CRIU wrote into its log before it failed: for the one line that an error has. Runs in life; needs no
 * privilege beyond the file.
 */
#ifndef BERTH_KERNEL_CRIU_LOG_H
#define BERTH_KERNEL_CRIU_LOG_H

#include <stddef.h>

#define CRIU_LOG_TEXT_MAX 560

/*
 * The last error lines of `name` in `dir`, without time and source line, each once, joined by "; ", the oldest first;
 * what says nothing is left out ("Dumping FAILED."). Those that do not fit are left out from the oldest on. Returns
 * how many there are, or -errno when the log cannot be read: the buffer is then empty.
 */
int criu_log_errors(int dir, const char *name, char buffer[static CRIU_LOG_TEXT_MAX]);

/* The log's path, as well as it can be told; "" otherwise. */
void criu_log_path(int dir, const char *name, char *buffer, size_t size);

#endif
