/* SPDX-License-Identifier: Apache-2.0 */
/* signals: what people and engines call a signal. Pure. */
#ifndef BERTH_CLI_SIGNALS_H
#define BERTH_CLI_SIGNALS_H

/*
 * The number of "9", "KILL", "SIGKILL" (any case), "RTMIN", "RTMIN+3", "RTMAX" or "RTMAX-2"; 0, which only asks
 * whether the process is there, is accepted. Returns 0, or -EINVAL for a name or number that is no signal.
 */
int signal_parse(const char *text, int *signal);

/* The name, without SIG, that a misspelt one was probably meant to be, or NULL. */
const char *signal_nearest(const char *text);

#endif
