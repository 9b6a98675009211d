/* SPDX-License-Identifier: Apache-2.0 */
/*
 * racer: exchanges two names over and over, as a hostile container does in a volume that it shares with one that is
 * being created (CVE-2021-30465 and its kin). racer A B [A B]...: says "ready" on standard output once it has begun,
 * and how often it has exchanged when SIGTERM ends it. Needs write access to the directories, nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcntl.h>
#include <linux/fs.h>

static volatile sig_atomic_t ended;

static void end(int signal) {
    (void)signal;
    ended = 1;
}

static int exchange(const char *a, const char *b) {
    return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

int main(int argc, char **argv) {
    unsigned long count = 0;
    if (argc < 3 || argc % 2 == 0) {
        fprintf(stderr, "usage: racer A B [A B]...\n");
        return 2;
    }
    signal(SIGTERM, end);
    do {
        for (int i = 1; i + 1 < argc; i += 2) {
            if (exchange(argv[i], argv[i + 1]) < 0) {
                fprintf(stderr, "racer: %s and %s: %s\n", argv[i], argv[i + 1], strerror(errno));
                return 1;
            }
        }
        if (count++ == 0) {
            puts("ready");
            fflush(stdout);
        }
    } while (!ended);
    printf("%lu\n", count);
    return 0;
}
