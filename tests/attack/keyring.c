/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring: the keyrings of the kernel from the command line, for a program of a container and for an attacker. Words
 * are done in turn, each prints a line "WORD: " with its result or the reason why it failed: join NAME     join the
 * session keyring of that name, or make it open          let everybody do everything with the session keyring put NAME
 * VALUE, get NAME    a key of type "user" in the session keyring show          what keyctl_describe(3) says of the
 * session keyring serial        the number of the session keyring list SERIAL, describe SERIAL, link SERIAL, search
 * SERIAL NAME    another keyring, by its number spy SECONDS   read /proc/keys, and join each keyring "_ses.*" that is
 * shown there; counts hold FILE     wait until the FIFO can be read Runs on the host as any user and inside containers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SESSION KEY_SPEC_SESSION_KEYRING

static long keyctl(int operation, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return syscall(SYS_keyctl, operation, a, b, c, d);
}

static long keyctl_session(int operation, unsigned long b, unsigned long c) {
    return keyctl(operation, (unsigned long)SESSION, b, c, 0);
}

static void tell(const char *word, long result, const char *text) {
    if (result < 0)
        text = strerror(errno);
    printf("%s: %s\n", word, text);
    fflush(stdout);
}

static long search(long ring, const char *name, char *text, size_t size) {
    long key = keyctl(KEYCTL_SEARCH, (unsigned long)ring, (unsigned long)"user", (unsigned long)name, 0);
    long n = key < 0 ? key : keyctl(KEYCTL_READ, (unsigned long)key, (unsigned long)text, size - 1, 0);
    text[n > 0 && n < (long)size ? n : 0] = '\0';
    return n;
}

static char **perform(char **argv) {
    const char *word = *argv++;
    char text[4096] = "";
    long r = -1;
    errno = EINVAL;
    if (strcmp(word, "join") == 0) {
        r = keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)*argv++, 0, 0, 0);
    } else if (strcmp(word, "open") == 0) {
        r = keyctl_session(KEYCTL_SETPERM, 0x3f3f3f3f, 0);
    } else if (strcmp(word, "put") == 0) {
        r = syscall(SYS_add_key, "user", argv[0], argv[1], strlen(argv[1]), SESSION);
        argv += 2;
    } else if (strcmp(word, "get") == 0) {
        r = search(SESSION, *argv++, text, sizeof text);
    } else if (strcmp(word, "show") == 0) {
        r = keyctl_session(KEYCTL_DESCRIBE, (unsigned long)text, sizeof text);
    } else if (strcmp(word, "serial") == 0) {
        r = keyctl_session(KEYCTL_GET_KEYRING_ID, 0, 0);
        snprintf(text, sizeof text, "%ld", r);
    } else if (strcmp(word, "list") == 0) {
        r = keyctl(KEYCTL_READ, strtoul(*argv++, NULL, 10), (unsigned long)text, sizeof text, 0);
        snprintf(text, sizeof text, "%ld bytes", r);
    } else if (strcmp(word, "describe") == 0) {
        r = keyctl(KEYCTL_DESCRIBE, strtoul(*argv++, NULL, 10), (unsigned long)text, sizeof text, 0);
    } else if (strcmp(word, "link") == 0) {
        r = keyctl(KEYCTL_LINK, strtoul(*argv++, NULL, 10), (unsigned long)SESSION, 0, 0);
    } else if (strcmp(word, "search") == 0) {
        r = search(strtol(argv[0], NULL, 10), argv[1], text, sizeof text);
        argv += 2;
    } else if (strcmp(word, "hold") == 0) {
        char byte;
        int fd = strcmp(*argv, "-") == 0 ? 0 : open(*argv, O_RDONLY | O_CLOEXEC);
        argv++;
        r = read(fd, &byte, 1);
    }
    tell(word, r, text);
    return argv;
}

int main(int argc, char **argv) {
    (void)argc;
    for (argv++; *argv;)
        argv = perform(argv);
    return 0;
}
