/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/fd: whole reads and writes, and descriptors over a socket. No privilege. */
#include "base/fd.h"
#include "base/own.h"
#include "scratch.h"
#include "tap.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `size` bytes that are all different from their neighbours. */
static char *pattern(size_t size) {
    char *data = malloc(size + 1);
    for (size_t i = 0; data && i < size; i++)
        data[i] = (char)('a' + i % 23);
    if (data)
        data[size] = '\0';
    return data;
}

/* A child that writes to a pipe piece by piece, so that the reader gets less than it asks for. */
static int slow_pipe(const char *data, size_t size, size_t piece) {
    int ends[2];
    if (pipe(ends) < 0)
        return -1;
    fflush(stdout);
    if (fork() == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        for (size_t i = 0; i < size; i += piece)
            if (write(ends[1], data + i, size - i < piece ? size - i : piece) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void test_read_all(void) {
    static const struct {
        size_t size, max;
        int result;
    } cases[] = {{0, 10, 0},
                 {1, 10, 0},
                 {10, 10, 0},
                 {11, 10, -EFBIG},
                 {4095, 100000, 0},
                 {4096, 100000, 0},
                 {4097, 100000, 0},
                 {65536, 65536, 0},
                 {65537, 65536, -EFBIG},
                 {1000000, 1000000, 0},
                 {1000000, 999999, -EFBIG},
                 {5, 0, -EFBIG}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int piped = 0; piped < 2; piped++) {
            const char *how = piped ? "a pipe" : "a file";
            own_memory char *data = pattern(cases[i].size), *got = NULL;
            size_t len = 4711;
            scratch_write("data", data, 0600);
            own_fd fd = piped ? slow_pipe(data, cases[i].size, 1000) : openat(scratch_fd, "data", O_RDONLY | O_CLOEXEC);
            is_number(fd_read_all(fd, cases[i].max, &got, &len), cases[i].result, "%zu bytes of %s, %zu at most",
                      cases[i].size, how, cases[i].max);
            fd_drop(&fd);
            if (piped)
                wait(NULL);
            if (cases[i].result < 0)
                ok(!got && len == 4711, "out is untouched");
            else
                ok(got && len == cases[i].size && memcmp(got, data, len + 1) == 0,
                   "are all there, and a NUL behind them");
        }
    }
    char *got = NULL;
    size_t len = 0;
    is_number(fd_read_all(-1, 10, &got, &len), -EBADF, "no descriptor");
    is_number(fd_read_all(scratch_fd, 10, &got, &len), -EISDIR, "a directory");
    ok(!got, "out is untouched");
}

static void test_read_text(void) {
    static const struct {
        const char *content, *want;
    } cases[] = {{"text\n", "text"}, {"text", "text"},   {"text\n\n\n", "text"}, {"", ""},
                 {"\n", ""},         {"a\nb\n", "a\nb"}, {" x \n", " x "},       {"0123456789", "0123456"}};
    char text[8];
    for (size_t i = 0; i < COUNT(cases); i++) {
        scratch_write("text", cases[i].content, 0600);
        memset(text, 'x', sizeof text);
        is_number(fd_read_text(scratch_fd, "text", text, sizeof text), 0, "text %zu is read", i);
        ok(strcmp(text, cases[i].want) == 0, "text %zu: without the ends of lines behind it", i);
    }
    is_number(fd_read_text(scratch_fd, "none", text, sizeof text), -ENOENT, "a file that is not there");
}

/* The same of a file that is open. */
static void test_text(void) {
    char text[6];
    scratch_write("text", "ab\n\n", 0600);
    own_fd fd = openat(scratch_fd, "text", O_RDONLY | O_CLOEXEC);
    is_number(fd_text(fd, text, sizeof text), 0, "an open file");
    is_text(text, "ab", "without the ends of lines behind it");
    is_number(fd_text(fd, text, sizeof text), 0, "at its end");
    is_text(text, "", "there is nothing more");
    is_number(fd_text(-1, text, sizeof text), -EBADF, "no descriptor");
}

static void test_write_all(void) {
    own_memory char *data = pattern(1000000), *got = NULL;
    size_t len = 0;
    int ends[2];
    is_number(pipe(ends), 0, "a pipe, which holds less than is written");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(fd_write_all(ends[1], data, 1000000) != 0);
    }
    close(ends[1]);
    is_number(fd_read_all(ends[0], 2000000, &got, &len), 0, "what is written comes through");
    ok(len == 1000000 && memcmp(got, data, len) == 0, "all of it");
    int status = 1;
    waitpid(pid, &status, 0);
    is_number(status, 0, "and the writer knows");
    close(ends[0]);
    is_number(fd_write_all(-1, "x", 1), -EBADF, "no descriptor");
    is_number(fd_write_all(-1, "x", 0), 0, "nothing to write");
    own_fd full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    is_number(fd_write_all(full, "x", 1), -ENOSPC, "a full device");
}

static void on_signal(int number) {
    (void)number;
}

/* In a child: sends a signal to the parent once it sleeps in its call. */
static void interrupt_parent(void) {
    char state[64], name[32];
    snprintf(name, sizeof name, "/proc/%d/stat", (int)getppid());
    do
        if (fd_read_text(AT_FDCWD, name, state, sizeof state) < 0)
            _exit(1);
    while (!strstr(state, ") S"));
    kill(getppid(), SIGUSR1);
}

/* Signals that do not end the program must end neither a read nor a write. */
static void test_interrupted(void) {
    const struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    enum { SIZE = 300000, PIECE = 5000 };
    own_memory char *data = pattern(SIZE);
    int ends[2], status = 1;
    char byte = 0;
    sigaction(SIGUSR1, &action, NULL);
    is_number(pipe(ends), 0, "a pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 3; i++)
            interrupt_parent();
        _exit(write(ends[1], "x", 1) != 1);
    }
    is_number(fd_read(ends[0], &byte, 1), 1, "a read that signals interrupt");
    ok(byte == 'x', "gets what was meant for it");
    waitpid(pid, NULL, 0);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        static char got[SIZE];
        close(ends[1]);
        for (size_t used = 0; used < SIZE;) {
            for (int i = 0; used < SIZE / 2 && i < 2; i++)
                interrupt_parent(); /* when it has written a part of it, and when there is no room for more */
            ssize_t n = read(ends[0], got + used, SIZE - used < PIECE ? SIZE - used : PIECE);
            if (n <= 0)
                _exit(1);
            used += (size_t)n;
        }
        _exit(memcmp(got, data, SIZE) != 0);
    }
    is_number(fd_write_all(ends[1], data, SIZE), 0, "a write that signals interrupt");
    close(ends[1]), close(ends[0]);
    waitpid(pid, &status, 0);
    is_number(status, 0, "writes all of it, in order");
    signal(SIGUSR1, SIG_DFL);
}

static void test_descriptors(int type, const char *name) {
    static const size_t counts[] = {0, 1, 2, 5, FD_PASS_MAX};
    int pair[2], sent[FD_PASS_MAX + 1], got[FD_PASS_MAX];
    char text[16];
    is_number(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0, "%s sockets", name);
    for (size_t i = 0; i < COUNT(sent); i++)
        sent[i] = i % 2 ? scratch_fd : pair[0];
    int before = open_descriptors();
    for (size_t i = 0; i < COUNT(counts); i++) {
        size_t count = FD_PASS_MAX;
        struct stat a, b;
        int wrong = 0;
        is_number(fd_send(pair[0], "hello", 6, sent, counts[i]), 0, "%s: %zu descriptors are sent", name, counts[i]);
        is_number(fd_receive(pair[1], text, sizeof text, got, &count), 6, "%s: and come", name);
        ok(count == counts[i] && strcmp(text, "hello") == 0, "%s: as many, with the data", name);
        for (size_t k = 0; k < count; k++) {
            wrong += fstat(got[k], &a) < 0 || fstat(sent[k], &b) < 0 || a.st_ino != b.st_ino ||
                     !(fcntl(got[k], F_GETFD) & FD_CLOEXEC);
            close(got[k]);
        }
        is_number(wrong, 0, "%s: the same files in their order, closed by exec", name);
    }
    /* More than there is room for. */
    static const size_t rooms[] = {0, 1, 3};
    for (size_t i = 0; i < COUNT(rooms); i++) {
        size_t count = rooms[i];
        is_number(fd_send(pair[0], "hello", 6, sent, rooms[i] + 1), 0, "%s: one more than there is room for", name);
        is_number(fd_receive(pair[1], text, sizeof text, got, &count), -EMSGSIZE, "%s: is refused (room for %zu)", name,
                  rooms[i]);
        is_number(open_descriptors(), before, "%s: and all of them are closed", name);
    }
    is_number(fd_send(pair[0], "hello", 6, sent, FD_PASS_MAX + 1), -EMSGSIZE, "%s: more than a message may have", name);
    is_number(open_descriptors(), before, "%s: no descriptor is left behind", name);
    close(pair[0]);
    size_t count = 1;
    is_number(fd_receive(pair[1], text, sizeof text, got, &count), 0, "%s: the end of the peer", name);
    is_number(fd_send(pair[1], "x", 1, NULL, 0), -EPIPE, "%s: who is gone hears nothing, and no signal comes", name);
    close(pair[1]);
}

static void test_cut(void) {
    int pair[2], got[2];
    char text[4];
    size_t count = 2;
    is_number(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0, "sockets for packets");
    int before = open_descriptors();
    is_number(fd_send(pair[0], "hello", 6, &scratch_fd, 1), 0, "a packet that is too large for its reader");
    is_number(fd_receive(pair[1], text, sizeof text, got, &count), -EMSGSIZE, "is refused");
    is_number(open_descriptors(), before, "with its descriptor");
    close(pair[0]), close(pair[1]);
}

/* Who ends with something of ours unread resets the connection, which is told before what was sent. */
static void test_last_words(void) {
    int pair[2], got = -1;
    char text[8];
    is_number(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0, "sockets of one who ends");
    is_number(fd_send(pair[1], "x", 1, NULL, 0), 0, "something that he never reads");
    is_number(fd_send(pair[0], "hello", 6, &scratch_fd, 1), 0, "last words");
    close(pair[0]);
    size_t count = 1;
    is_number(fd_receive_packet(pair[1], text, sizeof text, &got, &count), 6, "they come");
    ok(count == 1 && got >= 0 && strcmp(text, "hello") == 0, "with their descriptor");
    close(got);
    count = 1;
    is_number(fd_receive_packet(pair[1], text, sizeof text, &got, &count), 0, "and then the end");
    is_number((long)count, 0, "with no descriptor");
    close(pair[1]);
    is_number(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0, "sockets of one who says little");
    is_number(fd_send(pair[0], "", 0, NULL, 0), 0, "a packet of no bytes");
    is_number(fd_receive_packet(pair[1], text, sizeof text, &got, &count), -EPROTO, "is neither a packet nor the end");
    const struct timeval moment = {.tv_usec = 1000};
    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    is_number(fd_receive_packet(pair[1], text, sizeof text, &got, &count), -EAGAIN, "whose time runs out is told");
    close(pair[0]), close(pair[1]);
}

static void test_raise(void) {
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC), raised = fd_raise(fd, 100);
    ok(raised >= 100 && (fcntl(raised, F_GETFD) & FD_CLOEXEC), "a descriptor gets a higher number, closed by exec");
    ok(fcntl(fd, F_GETFD) < 0, "the old one is closed");
    is_number(fd_raise(raised, 1 << 30), -EINVAL, "one that is too high");
    ok(fcntl(raised, F_GETFD) >= 0, "leaves it as it was");
    close(raised);
}

int main(void) {
    alarm(60); /* a hang is a failure */
    scratch_make();
    test_read_all();
    test_read_text();
    test_text();
    test_write_all();
    test_interrupted();
    test_descriptors(SOCK_SEQPACKET, "packet");
    test_descriptors(SOCK_STREAM, "stream");
    test_cut();
    test_last_words();
    test_raise();
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
