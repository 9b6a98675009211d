/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of init/gate, and of the wait in init/enter: at each of the four waits one kind of message lets the new
 * process go on, and every other one, a broken packet and the end of life do not. Each wait in a process of its own.
 */
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "scratch.h"
#include "tap.h"

#include <sys/socket.h>
#include <sys/wait.h>

enum { WENT_ON = 42, FAILED = 43, ENDED = 1 };

/* What is sent beside the kinds of handoff.h. */
enum { GONE = HANDOFF_KIND_COUNT, BROKEN, ALL };

struct wait {
    const char *name;
    int (*wait)(struct init *init, struct error *err);
    enum handoff_kind says; /* what the new process says before it waits; NONE: nothing */
    int answer;             /* what it waits for */
    int otherwise;          /* how it ends without */
};

static const struct wait waits[] = {
    {"arrive", enter_arrive, HANDOFF_NONE, HANDOFF_PLACED, FAILED},
    {"hooks", gate_runtime_hooks, HANDOFF_HOOKS, HANDOFF_HOOKED, FAILED},
    {"ready", gate_ready, HANDOFF_READY, HANDOFF_COMMITTED, ENDED},
    {"start", gate_wait, HANDOFF_NONE, HANDOFF_START, FAILED},
};

/* inside: a tree is to come in the place of the root file system's source, by SOURCE. */
_Noreturn static void wait_as_init(const struct wait *wait, int channel, bool inside) {
    struct error err = ERROR_INIT;
    struct held held = {.bundle = -1, .rootfs = {.fd = -1, .inside = inside}};
    const struct plan plan = {.has_process = true};
    struct init init = {.plan = &plan,
                        .held = &held,
                        .channel = channel,
                        /* Only a process that waits for a later start has one, and COMMITTED is for that. */
                        .gate = wait->wait == gate_ready ? STDIN_FILENO : -1,
                        .wait_placed = true,
                        .root = {-1},
                        .proc = PROCFS_INIT,
                        .state_fd = -1};
    bool went_on = wait->wait(&init, &err) == 0;
    _exit(went_on && held.rootfs.detached == inside && (held.rootfs.fd >= 0) == inside ? WENT_ON : FAILED);
}

static int send_message(int channel, int what) {
    if (what == GONE)
        return 0;
    if (what == BROKEN)
        return send(channel, "broken", 6, MSG_NOSIGNAL) == 6 ? 0 : -1;
    own_fd fd = handoff_rules[what].fds_min ? open("/", O_PATH | O_CLOEXEC) : -1;
    return handoff_send(channel, (enum handoff_kind)what, fd, NULL);
}

/* How the new process ends when it is sent that, and PLACED behind it where a tree is to come. */
static int outcome(const struct wait *wait, int what, bool inside) {
    own_fd life = -1, init = -1;
    struct handoff_message message = {.fd = -1};
    struct error err = ERROR_INIT;
    int status = 0;
    if (handoff_open(&life, &init, &err) < 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(life);
        wait_as_init(wait, init, inside);
    }
    fd_drop(&init);
    bool said = wait->says == HANDOFF_NONE ||
                (handoff_receive(life, HANDOFF_TO_LIFE, &message) == 1 && message.kind == wait->says);
    bool sent = send_message(life, what) == 0 && (!inside || send_message(life, HANDOFF_PLACED) == 0);
    fd_drop(&life);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && said && sent ? WEXITSTATUS(status) : -1;
}

static const char *name_of(int what) {
    return what == GONE ? "the end of life" : what == BROKEN ? "a broken packet" : handoff_rules[what].name;
}

static void test_wait(const struct wait *wait) {
    for (int what = HANDOFF_NONE + 1; what < ALL; what++) {
        /* All kinds, also those that only life is to receive. */
        int expected = what == wait->answer ? WENT_ON : what == GONE ? ENDED : wait->otherwise;
        is_number(outcome(wait, what, false), expected, "%s: %s %s", wait->name, name_of(what),
                  expected == WENT_ON ? "lets it go on" : "does not let it go on");
    }
}

int main(void) {
    alarm(60); /* a hang is a failure */
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        test_wait(&waits[i]);
    is_number(outcome(&waits[0], HANDOFF_SOURCE, true), WENT_ON, "arrive: a tree that is to come is taken");
    return tap_done();
}
