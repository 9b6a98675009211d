/* SPDX-License-Identifier: Apache-2.0 */
/* streams: see streams.h. */
#include "life/streams.h"

#include <sys/stat.h>
#include <unistd.h>

static bool is_given(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

bool streams_to_give(void) {
    return is_given(0) || is_given(1) || is_given(2);
}

void streams_give(uid_t user) {
    for (int fd = 0; fd < 3; fd++)
        if (is_given(fd))
            (void)!fchown(fd, user, (gid_t)-1); /* without the right to it the pipe is the caller's own */
}
