/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of handoff: the direction and the descriptors of every kind of message, packets that break the rules, the
 * end of the peer, and texts that a hostile peer has not terminated. No privilege.
 */
#include "base/fd.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "scratch.h"
#include "tap.h"

#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The drawing in handoff.h, as a table. */
static const struct {
    enum handoff_kind kind;
    enum handoff_direction direction;
    unsigned fds_min, fds_max;
} drawing[] = {
    {HANDOFF_BORN, HANDOFF_TO_LIFE, 1, 1},   /* + pidfd of the init process */
    {HANDOFF_SOURCE, HANDOFF_TO_INIT, 1, 1}, /* + detached tree */
    {HANDOFF_PLACED, HANDOFF_TO_INIT, 0, 0},  {HANDOFF_CONSOLE, HANDOFF_TO_LIFE, 1, 1}, /* + pty master */
    {HANDOFF_HOOKS, HANDOFF_TO_LIFE, 0, 0},   {HANDOFF_HOOKED, HANDOFF_TO_INIT, 0, 1}, /* + state for createContainer */
    {HANDOFF_READY, HANDOFF_TO_LIFE, 0, 0},   {HANDOFF_COMMITTED, HANDOFF_TO_INIT, 0, 0},
    {HANDOFF_START, HANDOFF_TO_INIT, 0, 1}, /* + state for startContainer */
    {HANDOFF_WARNING, HANDOFF_TO_LIFE, 0, 0}, {HANDOFF_DEBUG, HANDOFF_TO_LIFE, 0, 0},
    {HANDOFF_ERROR, HANDOFF_TO_LIFE, 0, 0},
};

/* What is on the wire, as one who knows the layout would forge it; test_layout makes sure that it is this. */
struct wire {
    uint32_t kind, index;
    struct error error;
};

static int life, init; /* the two ends */
static struct error err;

static void open_pair(void) {
    if (handoff_open(&life, &init, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static void close_pair(void) {
    close(life);
    close(init);
}

/* A message that must stay as it is when nothing is received. */
static struct handoff_message blank(void) {
    struct handoff_message message;
    memset(&message, 0x5a, sizeof message);
    return message;
}

static bool is_blank(const struct handoff_message *message) {
    struct handoff_message sentinel = blank();
    return memcmp(message, &sentinel, sizeof sentinel) == 0;
}

static void test_pair(void) {
    open_pair();
    int kind = 0;
    socklen_t len = sizeof kind;
    ok(getsockopt(life, SOL_SOCKET, SO_TYPE, &kind, &len) == 0 && kind == SOCK_SEQPACKET, "one packet is one message");
    ok((fcntl(life, F_GETFD) & FD_CLOEXEC) && (fcntl(init, F_GETFD) & FD_CLOEXEC), "neither end gets into a program");
    close_pair();
}

static void test_rules(void) {
    is_number(COUNT(drawing), HANDOFF_KIND_COUNT - 1, "every kind is in the drawing");
    for (size_t i = 0; i < COUNT(drawing); i++) {
        const struct handoff_rule *rule = &handoff_rules[drawing[i].kind];
        ok(rule->name && *rule->name, "kind %d has a name", (int)drawing[i].kind);
        ok(rule->direction == drawing[i].direction && rule->fds_min == drawing[i].fds_min &&
               rule->fds_max == drawing[i].fds_max,
           "%s goes as drawn", rule->name);
    }
}

/* Every kind, in both directions, with no, one and two descriptors: exactly what the drawing has comes through. */
static void test_kinds(void) {
    open_pair();
    struct wire packet = {.kind = 0};
    int before = open_descriptors();
    for (size_t i = 0; i < COUNT(drawing); i++) {
        for (int direction = HANDOFF_TO_LIFE; direction <= HANDOFF_TO_INIT; direction++) {
            for (unsigned fds = 0; fds < 3; fds++) {
                const char *name = handoff_rules[drawing[i].kind].name;
                const char *where = direction == HANDOFF_TO_LIFE ? "life" : "init";
                int from = direction == HANDOFF_TO_LIFE ? init : life, to = direction == HANDOFF_TO_LIFE ? life : init;
                bool good = drawing[i].direction == (enum handoff_direction)direction && fds >= drawing[i].fds_min &&
                            fds <= drawing[i].fds_max;
                const int given[] = {life, init};
                struct handoff_message message = blank();
                packet.kind = drawing[i].kind;
                if (fd_send(from, &packet, sizeof packet, given, fds) < 0)
                    printf("# cannot send %s\n", name);
                int r = handoff_receive(to, (enum handoff_direction)direction, &message);
                is_number(r, good ? 1 : -EPROTO, "%s to %s with %u descriptors is %s", name, where, fds,
                          good ? "taken" : "refused");
                if (r != 1) {
                    ok(is_blank(&message), "%s to %s with %u descriptors: out is untouched", name, where, fds);
                    continue;
                }
                ok(message.kind == drawing[i].kind && (message.fd >= 0) == (fds == 1), "%s: kind and descriptor", name);
                fd_drop(&message.fd);
            }
        }
    }
    is_number(open_descriptors(), before, "no descriptor is left behind by what was refused");
    close_pair();
}

static void test_send(void) {
    open_pair();
    struct handoff_message message = blank();
    own_fd file = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct stat sent, received;
    is_number(handoff_send(init, HANDOFF_CONSOLE, file, "/dev/pts/7"), 0, "a descriptor and a text");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 1, "arrive");
    is_text(message.error.text, "/dev/pts/7", "the text");
    ok(message.fd != file && fstat(file, &sent) == 0 && fstat(message.fd, &received) == 0 &&
           sent.st_ino == received.st_ino && sent.st_dev == received.st_dev,
       "the descriptor is another one of the same file");
    ok(fcntl(message.fd, F_GETFD) & FD_CLOEXEC, "and is closed by exec");
    fd_drop(&message.fd);
    is_number(handoff_send_source(life, file, 4000000000u), 0, "a source");
    is_number(handoff_receive(init, HANDOFF_TO_INIT, &message), 1, "arrives");
    ok(message.kind == HANDOFF_SOURCE && message.index == 4000000000u && message.fd >= 0, "with its index");
    fd_drop(&message.fd);
    is_number(handoff_send(life, HANDOFF_START, -1, NULL), 0, "a message without anything");
    is_number(handoff_receive(init, HANDOFF_TO_INIT, &message), 1, "arrives");
    is_number(message.fd, -1, "without a descriptor");
    is_text(message.error.text, "", "and without a text");
    char large[4096];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    is_number(handoff_send(init, HANDOFF_WARNING, -1, large), 0, "a text that is too long");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 1, "arrives");
    ok(strlen(message.error.text) == sizeof message.error.text - 1 && strncmp(message.error.text, large, 100) == 0,
       "cut at its end");
    struct error error = ERROR_INIT;
    error_code(&error, EACCES, "mount tmpfs");
    error_blame(&error, "mount", "/mounts/3", NULL);
    is_number(handoff_send_error(init, &error), 0, "an error");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 1, "arrives");
    ok(message.kind == HANDOFF_ERROR && message.error.code == EACCES, "with its code");
    is_text(message.error.text, "mount tmpfs: permission denied", "its text");
    is_text(message.error.step, "mount", "its step");
    is_text(message.error.place, "/mounts/3", "and its place");
    close_pair();
}

static void test_order(void) {
    open_pair();
    char text[16];
    int wrong = 0;
    struct handoff_message message;
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "%d", i);
        handoff_send(init, i % 2 ? HANDOFF_WARNING : HANDOFF_HOOKS, -1, text);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "%d", i);
        wrong += handoff_receive(life, HANDOFF_TO_LIFE, &message) != 1 || strcmp(message.error.text, text) != 0 ||
                 message.kind != (i % 2 ? HANDOFF_WARNING : HANDOFF_HOOKS);
    }
    is_number(wrong, 0, "messages stay apart and in order");
    close_pair();
}

/* --- broken packets ---------------------------------------------------------------------------------------------- */

static void test_layout(void) {
    open_pair();
    static char raw[8192];
    struct wire packet;
    handoff_send(life, HANDOFF_PLACED, -1, "hello");
    ssize_t n = recv(init, raw, sizeof raw, 0);
    is_number(n, sizeof packet, "a packet is as long as it is here");
    memcpy(&packet, raw, sizeof packet);
    ok(packet.kind == HANDOFF_PLACED && strcmp(packet.error.text, "hello") == 0, "and is built as here");
    close_pair();
}

static void test_sizes(void) {
    static const struct {
        const char *name;
        ssize_t by;
    } cases[] = {{"one byte", 1 - (ssize_t)sizeof(struct wire)},
                 {"the kind alone", 4 - (ssize_t)sizeof(struct wire)},
                 {"one byte too few", -1},
                 {"one byte too many", 1},
                 {"twice as much", sizeof(struct wire)},
                 {"100 kB", 100000}};
    static unsigned char raw[sizeof(struct wire) + 100000];
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int with_fd = 0; with_fd < 2; with_fd++) {
            open_pair();
            struct wire packet = {.kind = with_fd ? HANDOFF_BORN : HANDOFF_READY};
            struct handoff_message message = blank();
            memcpy(raw, &packet, sizeof packet);
            int before = open_descriptors();
            fd_send(init, raw, (size_t)((ssize_t)sizeof packet + cases[i].by), &init, (size_t)with_fd);
            is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), -EPROTO, "%s%s: refused", cases[i].name,
                      with_fd ? " with a descriptor" : "");
            ok(is_blank(&message), "%s: out is untouched", cases[i].name);
            is_number(open_descriptors(), before, "%s: no descriptor is left behind", cases[i].name);
            close_pair();
        }
    }
}

static void test_kinds_unknown(void) {
    static const uint32_t kinds[] = {HANDOFF_NONE, HANDOFF_KIND_COUNT, HANDOFF_KIND_COUNT + 1, 255,       256,
                                     65536,        INT32_MAX,          (uint32_t)INT32_MIN,    UINT32_MAX};
    open_pair();
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct wire packet = {.kind = kinds[i]};
        struct handoff_message message = blank();
        for (int direction = HANDOFF_TO_LIFE; direction <= HANDOFF_TO_INIT; direction++) {
            fd_send(direction == HANDOFF_TO_LIFE ? init : life, &packet, sizeof packet, NULL, 0);
            is_number(handoff_receive(direction == HANDOFF_TO_LIFE ? life : init, (enum handoff_direction)direction,
                                      &message),
                      -EPROTO, "kind %u to %s is refused", kinds[i], direction == HANDOFF_TO_LIFE ? "life" : "init");
        }
        ok(is_blank(&message), "kind %u: out is untouched", kinds[i]);
    }
    close_pair();
}

static void test_many_fds(void) {
    open_pair();
    struct wire packet = {.kind = HANDOFF_BORN};
    struct handoff_message message = blank();
    int fds[FD_PASS_MAX], before = open_descriptors();
    for (size_t i = 0; i < FD_PASS_MAX; i++)
        fds[i] = i % 2 ? life : init;
    static const size_t counts[] = {2, 3, 63, 64};
    for (size_t i = 0; i < COUNT(counts); i++) {
        is_number(fd_send(init, &packet, sizeof packet, fds, counts[i]), 0, "%zu descriptors are sent", counts[i]);
        is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), -EPROTO, "%zu descriptors are refused", counts[i]);
        is_number(open_descriptors(), before, "%zu descriptors are all closed", counts[i]);
    }
    is_number(handoff_send(init, HANDOFF_READY, -1, NULL), 0, "a good message behind bad ones");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 1, "is taken");
    close_pair();
}

static bool holds_end(const char *text, size_t size) {
    return memchr(text, '\0', size) != NULL;
}

/* All bytes of the error are the same, none of them NUL: nothing that is read as text may run on. */
static void test_unterminated(void) {
    open_pair();
    for (size_t i = 0; i < COUNT(drawing); i++) {
        struct wire packet;
        struct handoff_message message = blank();
        bool to_life = drawing[i].direction == HANDOFF_TO_LIFE;
        memset(&packet, i % 2 ? 0xff : 'A', sizeof packet);
        packet.kind = drawing[i].kind;
        fd_send(to_life ? init : life, &packet, sizeof packet, &init, drawing[i].fds_min);
        const char *name = handoff_rules[drawing[i].kind].name;
        if (!ok(handoff_receive(to_life ? life : init, drawing[i].direction, &message) == 1,
                "%s without an end of text", name))
            continue;
        ok(holds_end(message.error.text, sizeof message.error.text) &&
               holds_end(message.error.step, sizeof message.error.step) &&
               holds_end(message.error.place, sizeof message.error.place),
           "%s: step, place and text end inside", name);
        fd_drop(&message.fd);
    }
    close_pair();
}

/* --- the end of the peer ----------------------------------------------------------------------------------------- */

static void test_end(void) {
    struct handoff_message message = blank();
    open_pair();
    close(init);
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 0, "a peer that is gone is the end");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 0, "and stays it");
    ok(is_blank(&message), "out is untouched");
    is_number(handoff_send(life, HANDOFF_PLACED, -1, NULL), -EPIPE, "sending to it fails, without a signal");
    close(life);
    open_pair();
    handoff_send(init, HANDOFF_READY, -1, "last words");
    close(init);
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 1, "what it has said before is heard");
    is_text(message.error.text, "last words", "to the end");
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 0, "then it is gone");
    close(life);
    open_pair();
    handoff_send(life, HANDOFF_PLACED, -1, NULL);
    close(init);
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 0,
              "a peer that died with a message unread is gone, too");
    close(life);
    open_pair();
    send(init, "", 0, 0);
    ok(handoff_receive(life, HANDOFF_TO_LIFE, &message) <= 0, "a packet of nothing is no message");
    send(init, "", 0, 0);
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), -EPROTO, "nor is it the end");
    close_pair();
}

/* A process is waited for only until it dies. */
static void test_death(void) {
    open_pair();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct handoff_message go;
        close(life);
        handoff_receive(init, HANDOFF_TO_INIT, &go);
        raise(SIGKILL);
    }
    close(init);
    handoff_send(life, HANDOFF_START, -1, NULL);
    struct handoff_message message;
    is_number(handoff_receive(life, HANDOFF_TO_LIFE, &message), 0, "a killed process is the end of the wire");
    int status;
    ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "it was killed");
    close(life);
}

int main(void) {
    alarm(60); /* a hang is a failure */
    test_pair();
    test_rules();
    test_kinds();
    test_send();
    test_order();
    test_layout();
    test_sizes();
    test_kinds_unknown();
    test_many_fds();
    test_unterminated();
    test_end();
    test_death();
    return tap_done();
}
