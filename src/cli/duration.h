/* SPDX-License-Identifier: Apache-2.0 */
/* duration: spans of time as Go writes them, which scripts for other runtimes do: "5s", "1m30s", "1.5h". Pure. */
#ifndef BERTH_CLI_DURATION_H
#define BERTH_CLI_DURATION_H

#include <stdint.h>

/*
 * Nanoseconds of an optional sign and numbers, each with a unit behind it: ns, us (µs), ms, s, m, h. "0" alone needs
 * none. -EINVAL: not of this form; -ERANGE: more than 292 years.
 */
int duration_parse(const char *text, int64_t *out);

#endif
