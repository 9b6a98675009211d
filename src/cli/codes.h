/* SPDX-License-Identifier: Apache-2.0 */
/* codes: the names of errno values, as programs that read the log want them. Pure. */
#ifndef BERTH_CLI_CODES_H
#define BERTH_CLI_CODES_H

/* "EACCES"; NULL for a value that has no name. Where two names share a value it is the older: EAGAIN, EDEADLK. */
const char *code_name(int code);

#endif
