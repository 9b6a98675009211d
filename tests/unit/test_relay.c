/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit test of life/relay and kernel/tty. Three processes a scene: this one plays the person, a second one the
 * foreground runtime, a third the container. The person's terminal is a pty, or plain pipes. Needs /dev/pts, no
 * privilege.
 *
 *   person  -- screen ------------ 0,1 [ runtime: relay_wait ] master ---- slave 0,1,2  container
 *           -- tell ---------------------------------------------------------- hear -->
 *           <- heard --------------------------------------------------------- say ----
 */
#include "base/fd.h"
#include "kernel/sys.h"
#include "kernel/tty.h"
#include "life/relay.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define WAIT_MS 20000
#define BULK (10 * 1000 * 1000)

enum streams { TERMINAL, PIPES, NO_INPUT, ENDED_INPUT };

struct scene {
    enum streams streams;
    bool without_pty;      /* the container has no terminal */
    bool background;       /* the runtime is a background job of the person's terminal */
    bool children_ignored; /* the runtime inherits SIGCHLD ignored */
    int early_signal;      /* raised between relay_open and the start of the container */
    int ignored_signal;    /* ignored by the runtime */
    bool no_session;       /* the container does not adopt the pty: no session, no hangup at its end */
    int (*container)(void);

    bool full; /* the pipe of the runtime's stdout has no room at the start */

    pid_t runtime;
    struct termios modes; /* of the person's terminal before it all */
    int screen;           /* the person's end: of the pty, or of the runtime's stdout */
    int keys;             /* of the pty, or of the runtime's stdin */
    int slave;            /* the person's own terminal as programs see it; -1 with pipes */
    int tell, heard;
};

static int hear = -1, say = -1; /* the container's ends */

static void die(const char *what) {
    printf("Bail out! %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(99);
}

static void pair_open(int *master, int *slave) {
    struct error err = ERROR_INIT;
    int devpts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (devpts < 0 || tty_open(devpts, master, slave, &err) < 0)
        die(err.text);
    close(devpts);
}

static void pipe_open(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0)
        die("pipe");
}

/* ---- the runtime ---- */

static pid_t container_start(const struct scene *scene, const struct relay *relay, int master, int slave) {
    struct error err = ERROR_INIT;
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The dispositions first would let a signal through that is to stay pending. */
    sys_signal_mask(SIG_SETMASK, relay->old_mask | (scene->early_signal ? SYS_SIGNAL_BIT(scene->early_signal) : 0),
                    NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    close(master);
    if (slave >= 0 && scene->no_session)
        for (int fd = 0; fd <= 2; fd++)
            dup2(slave, fd);
    else if (slave >= 0 && tty_adopt(slave, &err) < 0)
        _exit(98);
    close(slave);
    _exit(scene->container());
}

/* The exit code is the status that the relay gave, or one above 200. */
static int runtime(const struct scene *scene) {
    struct error err = ERROR_INIT;
    sigset_t before, after;
    int master = -1, slave = -1, status = 0;
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    if (scene->children_ignored)
        signal(SIGCHLD, SIG_IGN);
    if (scene->ignored_signal)
        signal(scene->ignored_signal, SIG_IGN);
    sigprocmask(SIG_SETMASK, NULL, &before);
    struct relay relay = RELAY_INIT;
    if (relay_open(&relay, &err) < 0)
        return 201;
    if (scene->early_signal)
        raise(scene->early_signal);
    if (!scene->without_pty)
        pair_open(&master, &slave);
    pid_t pid = container_start(scene, &relay, master, slave);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    close(hear);
    close(say);
    if (slave >= 0)
        close(slave);
    if (relay_wait(&relay, pidfd, master, &status, &err) < 0)
        return 202;
    relay_close(&relay);
    relay_close(&relay);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int s = 1; s < NSIG; s++)
        if (sigismember(&before, s) != sigismember(&after, s))
            return 203;
    if (scene->children_ignored && signal(SIGCHLD, SIG_DFL) != SIG_IGN)
        return 204;
    signal(SIGCHLD, SIG_DFL);
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
        return 205;
    return status;
}

/* The runtime as a background job: a shell leads the session of the terminal and stays in its foreground. */
static void background_become(int slave) {
    struct error err = ERROR_INIT;
    if (tty_adopt(slave, &err) < 0)
        die(err.text);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        return;
    }
    int status = 0;
    waitpid(job, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 210);
}

/* ---- the person ---- */

#define PIPE_FULL 65536

static void fill(int fd) {
    static const char zeros[PIPE_FULL];
    fcntl(fd, F_SETPIPE_SZ, PIPE_FULL);
    if (write(fd, zeros, sizeof zeros) != PIPE_FULL)
        die("fill");
}

static void scene_start(struct scene *scene) {
    int to[2], from[2], input[2], output[2];
    pipe_open(to);
    pipe_open(from);
    scene->slave = -1;
    if (scene->streams == TERMINAL) {
        pair_open(&scene->screen, &scene->slave);
        input[0] = output[1] = scene->slave;
        input[1] = output[0] = scene->screen;
    } else {
        pipe_open(input);
        pipe_open(output);
    }
    if (scene->slave >= 0)
        tcgetattr(scene->slave, &scene->modes);
    if (scene->full)
        fill(output[1]);
    fflush(stdout);
    scene->runtime = fork();
    if (scene->runtime == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hear = to[0];
        say = from[1];
        close(to[1]);
        close(from[0]);
        dup2(input[0], 0);
        dup2(output[1], 1);
        if (scene->background)
            background_become(scene->slave);
        const int spare[] = {input[0], input[1], output[0], output[1]};
        for (size_t i = 0; i < 4; i++)
            if (spare[i] > 2)
                close(spare[i]);
        if (scene->streams == NO_INPUT)
            close(0);
        _exit(runtime(scene));
    }
    close(to[0]);
    close(from[1]);
    scene->tell = to[1];
    scene->heard = from[0];
    scene->keys = input[1];
    scene->screen = output[0];
    if (scene->streams != TERMINAL) {
        close(input[0]);
        close(output[1]);
    }
    if (scene->streams == ENDED_INPUT || scene->streams == NO_INPUT) {
        close(scene->keys);
        scene->keys = -1;
    }
}

/* The exit code of the runtime, 300 + signal if one ended it. */
static int scene_end(struct scene *scene) {
    int status = -1, *fds[] = {&scene->screen, &scene->keys, &scene->slave, &scene->tell, &scene->heard};
    if (waitpid(scene->runtime, &status, 0) < 0)
        die("wait");
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] == &scene->keys && scene->keys == scene->screen)
            scene->keys = -1;
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 300 + WTERMSIG(status);
}

/* Reads until `want` has come from fd, or its end; false after WAIT_MS. */
static bool expect(int fd, const char *want) {
    char text[4096];
    size_t used = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (used < sizeof text - 1 && poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = read(fd, text + used, sizeof text - 1 - used);
        used += n > 0 ? (size_t)n : 0;
        text[used] = '\0';
        if (strstr(text, want))
            return true;
        if (n <= 0)
            break;
    }
    printf("# expected \"%s\", got \"%.*s\"\n", want, (int)used, text);
    return false;
}

static bool is_at_end(int fd) {
    char c;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, WAIT_MS) == 1 && read(fd, &c, 1) <= 0;
}

static void send_text(int fd, const char *text) {
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        die("write");
}

static int64_t cpu_us(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        die("cpu clock");
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static void pass_ms(long ms) {
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

/* CPU time in µs that the runtime takes in 400 ms once it came to rest; it has 5 s for that. */
static int64_t idle_cost(const struct scene *scene) {
    int64_t before = cpu_us(scene->runtime);
    for (int turn = 0; turn < 100; turn++) {
        pass_ms(50);
        int64_t now = cpu_us(scene->runtime);
        if (now - before < 1000)
            break;
        before = now;
    }
    before = cpu_us(scene->runtime);
    pass_ms(400);
    return cpu_us(scene->runtime) - before;
}

/* A spinning process would take some 400,000. */
#define IDLE_MAX_US 8000
#define is_idle(scene, ...)                                                                                            \
    do {                                                                                                               \
        int64_t idle_took = idle_cost(scene);                                                                          \
        if (!ok(idle_took < IDLE_MAX_US, __VA_ARGS__))                                                                 \
            printf("# took %lld us of CPU in 400 ms\n", (long long)idle_took);                                         \
    } while (0)

/* ---- what containers do ---- */

static void say_text(const char *text) {
    send_text(say, text);
}

static void wait_told(void) {
    char c;
    if (read(hear, &c, 1) < 0)
        _exit(97);
}

static int exit_seven(void) {
    return 7;
}

static int kill_itself(void) {
    raise(SIGKILL);
    return 0;
}

static int echo_line(void) {
    char line[256];
    send_text(1, "ready\n");
    ssize_t n = read(0, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    send_text(1, "got ");
    send_text(1, line);
    return 4;
}

static int wait_and_leave(void) {
    say_text("up");
    wait_told();
    return 6;
}

static int ready_and_wait(void) {
    send_text(1, "ready");
    wait_told();
    return 6;
}

/* Raw, since a terminal that collects lines and echoes would throw surplus keys away instead of holding them back. */
static int ignore_keys(void) {
    struct termios raw;
    tcgetattr(0, &raw);
    cfmakeraw(&raw);
    tcsetattr(0, TCSANOW, &raw);
    return wait_and_leave();
}

/* 10 MB that tell their place, without the terminal's own translation; then the end, at once. */
static unsigned char bulk_byte(size_t at) {
    return (unsigned char)((at * 2654435761u) >> 13);
}

static void bulk_write(size_t len) {
    struct termios raw;
    unsigned char block[5000];
    if (tcgetattr(1, &raw) == 0) {
        raw.c_oflag = 0;
        tcsetattr(1, TCSANOW, &raw);
    }
    for (size_t at = 0; at < len;) {
        size_t span = len - at < sizeof block ? len - at : sizeof block;
        for (size_t i = 0; i < span; i++)
            block[i] = bulk_byte(at + i);
        ssize_t n = write(1, block, span);
        if (n <= 0)
            _exit(96);
        at += (size_t)n;
    }
}

static int write_bulk(void) {
    bulk_write(BULK);
    return 5;
}

static int write_some(void) {
    bulk_write(12000);
    return 5;
}

static int write_little(void) {
    bulk_write(100);
    return 5;
}

static int write_and_wait(void) {
    bulk_write(12000);
    return wait_and_leave();
}

static int write_for_ever(void) {
    say_text("up");
    while (getppid() > 0) /* always */
        bulk_write(BULK);
    return 0;
}

/* Takes every signal by name of its number; leaves at SIGTERM. */
static int tell_signals(void) {
    char word[32];
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGCHLD);
    sigprocmask(SIG_SETMASK, &all, NULL);
    say_text("up;");
    for (;;) {
        int number = sigwaitinfo(&all, NULL);
        snprintf(word, sizeof word, "%d;", number);
        say_text(word);
        if (number == SIGTERM)
            return 11;
    }
}

static int tell_size(void) {
    char word[64];
    struct winsize size;
    sigset_t change;
    sigemptyset(&change);
    sigaddset(&change, SIGWINCH);
    sigprocmask(SIG_BLOCK, &change, NULL);
    wait_told();
    while (sigtimedwait(&change, NULL, &(struct timespec){0}) > 0) /* those of the first size */
        continue;
    for (int i = 0; i < 2; i++) {
        ioctl(0, TIOCGWINSZ, &size);
        snprintf(word, sizeof word, "%ux%u;", size.ws_col, size.ws_row);
        say_text(word);
        if (i == 0)
            sigwaitinfo(&change, NULL);
    }
    return 0;
}

/* Reads its input to the end, a second time to the end again, and once more in raw mode, where the end is a key. */
static int read_to_ends(void) {
    char text[64];
    struct termios raw;
    for (int i = 0; i < 2; i++)
        for (ssize_t n = 1; n > 0;)
            n = read(0, text, sizeof text);
    tcgetattr(0, &raw);
    cfmakeraw(&raw);
    tcsetattr(0, TCSAFLUSH, &raw); /* an end that was typed just now would be a NUL byte */
    return read(0, text, 1) == 1 ? text[0] : 94;
}

/* Closes the terminal while it lives on, and comes back to it. */
static int close_and_return(void) {
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    say_text("closed");
    wait_told();
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0)
        return 95;
    send_text(tty, "back again\n");
    return 8;
}

static int leave_child(void) {
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, 0);
        signal(SIGHUP, SIG_IGN);
        wait_told(); /* holds the slave, until the person's scene ends */
        _exit(0);
    }
    bulk_write(3000);
    return 9;
}

static int leave_flood(void) {
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, 0);
        static char block[65536];
        say_text("flood");
        while (write(1, block, sizeof block) > 0)
            continue;
        _exit(0);
    }
    wait_told();
    return 10;
}

/* ---- the points ---- */

static void test_codes(void) {
    struct scene scene = {.streams = PIPES, .without_pty = true, .container = exit_seven};
    scene_start(&scene);
    is_number(scene_end(&scene), 7, "exit code 7 without a terminal");
    scene.container = kill_itself;
    scene_start(&scene);
    is_number(scene_end(&scene), 137, "SIGKILL is 137");
    scene = (struct scene){.streams = TERMINAL, .container = exit_seven};
    scene_start(&scene);
    is_number(scene_end(&scene), 7, "exit code 7 with a terminal");
    scene.children_ignored = true;
    scene_start(&scene);
    is_number(scene_end(&scene), 7, "exit code 7 with SIGCHLD ignored by inheritance");
    int wrong = 0;
    for (int i = 0; i < 50; i++) { /* the end may come at any point of the start */
        scene = (struct scene){.streams = i % 2 ? TERMINAL : NO_INPUT, .container = exit_seven};
        scene_start(&scene);
        wrong += scene_end(&scene) != 7;
    }
    is_number(wrong, 0, "fifty processes that end at once");
}

static bool modes_equal(const struct termios *a, const struct termios *b) {
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

static void test_terminal(void) {
    struct termios during, after;
    struct scene scene = {.streams = TERMINAL, .container = echo_line};
    scene_start(&scene);
    int slave = dup(scene.slave);
    ok(scene.modes.c_lflag & ICANON, "the person's terminal is in its usual mode before");
    ok(expect(scene.screen, "ready\r\n"), "output comes to the screen");
    tcgetattr(slave, &during);
    ok(!(during.c_lflag & (ICANON | ECHO | ISIG)) && !(during.c_oflag & OPOST), "the terminal is raw");
    send_text(scene.keys, "typed\r");
    ok(expect(scene.screen, "typed\r\ngot typed\r\n"), "keys come to the process, echoed by its terminal once");
    int screen = dup(scene.screen);
    is_number(scene_end(&scene), 4, "the exit code");
    tcgetattr(slave, &after);
    ok(modes_equal(&scene.modes, &after), "the modes are restored");
    ok(!(fcntl(slave, F_GETFL) & O_NONBLOCK), "the person's descriptor was not made non-blocking");
    close(slave);
    close(screen);

    scene = (struct scene){.streams = TERMINAL, .container = echo_line};
    scene_start(&scene);
    ok(expect(scene.screen, "ready\r\n"), "another one");
    send_text(scene.keys, "\003");
    is_number(scene_end(&scene), 130, "^C is a key of the container's terminal");
}

/* Reads all that comes; how much came, or -1 at a wrong byte. */
static long bulk_read(int fd) {
    size_t at = 0;
    unsigned char block[65536];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = read(fd, block, sizeof block);
        if (n <= 0)
            return (long)at;
        for (ssize_t i = 0; i < n; i++)
            if (block[i] != bulk_byte(at + (size_t)i))
                return -1;
        at += (size_t)n;
    }
    return -2;
}

static void test_bytes(void) {
    struct scene scene = {.streams = PIPES, .container = write_bulk};
    scene_start(&scene);
    is_number(bulk_read(scene.screen), BULK, "10 MB to a pipe, all of them");
    is_number(scene_end(&scene), 5, "the exit code");

    scene = (struct scene){.streams = TERMINAL, .container = write_bulk};
    scene_start(&scene);
    close(scene.slave); /* so that the screen ends with the runtime */
    scene.slave = -1;
    is_number(bulk_read(scene.screen), BULK, "10 MB to a terminal, all of them");
    is_number(scene_end(&scene), 5, "the exit code");

    long least = 12000;
    for (int i = 0; i < 50; i++) {
        scene = (struct scene){.streams = NO_INPUT, .container = write_some};
        scene_start(&scene);
        long came = is_at_end(scene.heard) ? bulk_read(scene.screen) : -3; /* reads once the container is gone */
        least = came < least ? came : least;
        scene_end(&scene);
    }
    is_number(least, 12000, "fifty times 12 kB whose reader comes after the end");
}

static void test_stopped_reader(void) {
    struct scene scene = {.streams = PIPES, .container = write_for_ever};
    scene_start(&scene);
    ok(expect(scene.heard, "up"), "a process that writes for ever to a pipe that nobody reads");
    is_idle(&scene, "does not make the relay spin");
    kill(scene.runtime, SIGTERM);
    ok(is_at_end(scene.heard), "signals still pass");
    /* Now the relay has a full ring, and waits for its reader, who comes late. */
    is_idle(&scene, "nor does it spin after the end");
    ok(bulk_read(scene.screen) > 65536, "the rest comes");
    is_number(scene_end(&scene), 143, "the exit code");

    scene = (struct scene){.streams = TERMINAL, .container = write_for_ever};
    scene_start(&scene);
    ok(expect(scene.heard, "up"), "the same with a terminal that is not read");
    is_idle(&scene, "does not spin");
    kill(scene.runtime, SIGTERM);
    ok(is_at_end(scene.heard), "and is not stuck in a write: signals still pass");
    close(scene.screen); /* the person hangs up */
    scene.screen = scene.keys = -1;
    is_number(scene_end(&scene), 143, "the exit code");

    scene = (struct scene){.streams = TERMINAL, .container = ignore_keys};
    scene_start(&scene);
    ok(expect(scene.heard, "up"), "a process that does not read its input");
    char keys[4096];
    memset(keys, 'k', sizeof keys);
    fcntl(scene.keys, F_SETFL, O_NONBLOCK);
    struct pollfd writable = {.fd = scene.keys, .events = POLLOUT};
    for (int i = 0; i < 200 && poll(&writable, 1, 100) == 1; i++)
        if (write(scene.keys, keys, sizeof keys) < 0 && errno != EAGAIN)
            break;
    is_idle(&scene, "while keys pile up: no spinning");
    send_text(scene.tell, "x");
    is_number(scene_end(&scene), 6, "and its end is seen");
}

static void test_closed(void) {
    struct scene scene = {.streams = PIPES, .container = write_bulk};
    scene_start(&scene);
    char byte;
    ok(read(scene.screen, &byte, 1) == 1, "a reader of one byte");
    close(scene.screen);
    scene.screen = -1;
    is_number(scene_end(&scene), 5, "leaves the process running to its end, and us alive");

    static const struct {
        enum streams streams;
        const char *name;
    } inputs[] = {{ENDED_INPUT, "an input at its end"}, {NO_INPUT, "an input that is not there"}};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        scene = (struct scene){.streams = inputs[i].streams, .container = wait_and_leave};
        scene_start(&scene);
        ok(expect(scene.heard, "up"), "%s", inputs[i].name);
        is_idle(&scene, "no spinning");
        send_text(scene.tell, "x");
        is_number(scene_end(&scene), 6, "the exit code");
    }

    scene = (struct scene){.streams = ENDED_INPUT, .container = read_to_ends};
    scene_start(&scene);
    is_number(scene_end(&scene), 4, "an input at its end is so for each who reads it, in raw mode as the key ^D");
    scene = (struct scene){.streams = PIPES, .container = read_to_ends};
    scene_start(&scene);
    send_text(scene.keys, "a line\nhalf");
    close(scene.keys);
    scene.keys = -1;
    is_number(scene_end(&scene), 4, "the end comes behind half a line, too");

    scene = (struct scene){.streams = TERMINAL, .container = close_and_return};
    scene_start(&scene);
    ok(expect(scene.heard, "closed"), "a process that closes its terminal and lives on");
    is_idle(&scene, "no spinning");
    send_text(scene.tell, "x");
    ok(expect(scene.screen, "back again"), "what it writes when it comes back arrives");
    is_number(scene_end(&scene), 8, "the exit code");
}

static void test_descendants(void) {
    struct scene scene = {.streams = PIPES, .no_session = true, .container = leave_child};
    scene_start(&scene);
    is_number(bulk_read(scene.screen), 3000, "a descendant that keeps the terminal is not waited for, no byte lost");
    is_number(scene_end(&scene), 9, "the exit code");
    scene = (struct scene){.streams = PIPES, .no_session = true, .container = leave_flood};
    scene_start(&scene);
    ok(expect(scene.heard, "flood"), "a descendant that floods the terminal");
    send_text(scene.tell, "x");
    char sip[64]; /* slower than the flood, so that there is always more */
    size_t came = 0;
    for (ssize_t n; came < 16u << 20 && (n = read(scene.screen, sip, sizeof sip)) > 0;)
        came += (size_t)n;
    ok(came < 16u << 20, "is cut off some time after the end");
    close(scene.screen);
    scene.screen = -1;
    is_number(scene_end(&scene), 10, "does not hold us either");
}

static void test_late_reader(void) {
    static char block[PIPE_FULL];
    struct scene scene = {.streams = NO_INPUT, .full = true, .container = write_little};
    scene_start(&scene);
    ok(is_at_end(scene.heard), "a process that left its last bytes to a reader who is behind");
    is_idle(&scene, "is waited for without spinning");
    for (size_t came = 0; came < PIPE_FULL;) {
        ssize_t n = read(scene.screen, block, PIPE_FULL - came);
        if (n <= 0)
            break;
        came += (size_t)n;
    }
    is_number(bulk_read(scene.screen), 100, "they arrive");
    is_number(scene_end(&scene), 5, "the exit code");

    scene_start(&scene);
    ok(is_at_end(scene.heard), "another one, whose reader never reads");
    is_idle(&scene, "we are at rest");
    kill(scene.runtime, SIGUSR1);
    is_idle(&scene, "a signal for the process that is gone is nothing to us");
    kill(scene.runtime, SIGTERM);
    is_number(scene_end(&scene), 5, "but SIGTERM ends the waiting, with the exit code of the process");

    scene_start(&scene);
    ok(is_at_end(scene.heard), "a third one, whose reader goes away");
    is_idle(&scene, "we are at rest");
    close(scene.screen);
    scene.screen = -1;
    is_number(scene_end(&scene), 5, "no SIGPIPE ends us");

    scene = (struct scene){.streams = NO_INPUT, .full = true, .container = write_and_wait};
    scene_start(&scene);
    ok(expect(scene.heard, "up"), "12 kB for a pipe that is full");
    is_idle(&scene, "we are at rest");
    ok(read(scene.screen, block, 4096) == 4096, "room for 4 kB of them");
    is_idle(&scene, "we have used it");
    kill(scene.runtime, SIGTERM);
    ok(is_at_end(scene.heard), "and are not stuck in the write: signals still pass");
    close(scene.screen);
    scene.screen = -1;
    is_number(scene_end(&scene), 143, "the exit code");
}

static void test_signals(void) {
    for (int with = 0; with < 2; with++) {
        const char *name = with ? "with" : "without";
        struct scene scene = {.streams = PIPES, .without_pty = !with, .container = tell_signals};
        scene_start(&scene);
        ok(expect(scene.heard, "up;"), "a process that tells its signals, %s terminal", name);
        static const int sent[] = {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGABRT};
        int missed = 0;
        for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
            char want[16];
            kill(scene.runtime, sent[i]);
            snprintf(want, sizeof want, "%d;", sent[i]);
            missed += !expect(scene.heard, want);
        }
        is_number(missed, 0, "gets those that are sent to us");
        kill(scene.runtime, SIGCHLD);
        kill(scene.runtime, SIGPIPE);
        kill(scene.runtime, SIGRTMIN + 3);
        char want[16];
        snprintf(want, sizeof want, "%d;", SIGRTMIN + 3);
        char got[64] = "";
        struct pollfd p = {.fd = scene.heard, .events = POLLIN};
        ssize_t n = poll(&p, 1, WAIT_MS) == 1 ? read(scene.heard, got, sizeof got - 1) : -1;
        got[n > 0 ? n : 0] = '\0';
        is_text(got, want, "a real-time signal, but neither SIGCHLD nor SIGPIPE");
        kill(scene.runtime, SIGTERM);
        is_number(scene_end(&scene), 11, "leaves at SIGTERM with its own code");
    }
    struct scene scene = {.streams = PIPES, .without_pty = true, .early_signal = SIGUSR2, .container = tell_signals};
    scene_start(&scene);
    char early[16];
    snprintf(early, sizeof early, "%d;", SIGUSR2);
    ok(expect(scene.heard, early), "a signal from before the start is not lost");
    kill(scene.runtime, SIGTERM);
    scene_end(&scene);
}

static void test_ignored(void) {
    struct scene scene = {.streams = PIPES, .without_pty = true, .ignored_signal = SIGHUP, .container = tell_signals};
    scene_start(&scene);
    ok(expect(scene.heard, "up;"), "under nohup");
    kill(scene.runtime, SIGHUP);
    kill(scene.runtime, SIGTERM);
    char got[16] = "", want[16];
    snprintf(want, sizeof want, "%d;", SIGTERM);
    if (read(scene.heard, got, sizeof got - 1) < 0)
        die("read");
    is_text(got, want, "SIGHUP is not forwarded");
    is_number(scene_end(&scene), 11, "the exit code");
}

static void test_size(void) {
    struct error err = ERROR_INIT;
    struct scene scene = {.streams = TERMINAL, .container = tell_size};
    scene_start(&scene);
    is_number(tty_resize(scene.screen, 33, 111, &err), 0, "the person's window has a size");
    kill(scene.runtime, SIGWINCH); /* whichever comes first, this or the size taken at the start */
    is_idle(&scene, "at rest");
    send_text(scene.tell, "x");
    ok(expect(scene.heard, "111x33;"), "the container's terminal has it");
    tty_resize(scene.screen, 44, 122, &err);
    kill(scene.runtime, SIGWINCH);
    ok(expect(scene.heard, "122x44;"), "and follows it, with SIGWINCH to the process");
    is_number(scene_end(&scene), 0, "the exit code");
    is_number(tty_resize(hear, 1, 1, &err), -EBADF, "resizing nothing is an error");
}

static void test_background(void) {
    struct termios during;
    struct scene scene = {.streams = TERMINAL, .background = true, .container = ready_and_wait};
    scene_start(&scene);
    ok(expect(scene.screen, "ready"), "a background job of the person's shell writes to the screen");
    tcgetattr(scene.slave, &during);
    ok(modes_equal(&scene.modes, &during), "does not touch the terminal's modes");
    send_text(scene.keys, "mine\n");
    ok(expect(scene.slave, "mine\n"), "nor takes keys that are not for it");
    send_text(scene.tell, "x");
    is_number(scene_end(&scene), 6, "the exit code");
}

/* ---- kernel/tty by itself ---- */

static void test_tty_open(void) {
    int master, slave, again = -7;
    struct error err = ERROR_INIT;
    char name[64], small[4];
    pair_open(&master, &slave);
    ok((fcntl(master, F_GETFD) & FD_CLOEXEC) && (fcntl(slave, F_GETFD) & FD_CLOEXEC), "both ends are O_CLOEXEC");
    is_number(tty_name(master, name, sizeof name, &err), 0, "the slave has a name");
    is_text(name, ttyname(slave), "the right one");
    is_number(tty_name(master, small, sizeof small, &err), -ENAMETOOLONG, "which may not fit");
    struct termios saved;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    is_number(tty_raw(nothing, true, &saved), -ENOTTY, "/dev/null cannot be raw");
    is_number(tty_copy_size(nothing, master), -ENOTTY, "and has no size");
    is_number(tty_copy_size(slave, master), -ENODATA, "a fresh pty has none either");
    int other = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    is_number(tty_open(other, &again, &again, &err), -EXDEV, "a directory that is no devpts is refused");
    is_number(again, -7, "the descriptors are untouched");
    close(master);
    close(slave);
    close(nothing);
    close(other);
}

static void test_tty_end(void) {
    int master, slave, pipe_ends[2];
    char text[8];
    struct termios modes;
    pair_open(&master, &slave);
    pipe_open(pipe_ends);
    ok(tty_is_same(slave, slave) && tty_is_same(slave, master), "a terminal is the same as itself");
    ok(!tty_is_same(slave, pipe_ends[0]) && !tty_is_same(pipe_ends[0], pipe_ends[0]), "a pipe is no terminal");
    is_number(tty_keep_newlines(master), 0, "lines are to end as they were written");
    send_text(slave, "a\n");
    ok(read(master, text, sizeof text) == 2 && memcmp(text, "a\n", 2) == 0, "and do");
    is_number(tty_keep_newlines(pipe_ends[0]), -ENOTTY, "a pipe has no modes");
    is_number(tty_type_end(master), 1, "the end is typed where nothing waits");
    is_number(tty_type_end(master), 0, "once");
    is_number(read(slave, text, sizeof text), 0, "it is an end of file");
    send_text(master, "half");
    is_number(tty_type_end(master), 1, "behind half a line");
    is_number(tty_type_end(master), 0, "which waits then");
    is_number(read(slave, text, sizeof text), 4, "it ends the line");
    is_number(tty_type_end(master), 1, "the next one");
    is_number(read(slave, text, sizeof text), 0, "is the end of file");
    tcgetattr(slave, &modes);
    modes.c_cc[VEOF] = _POSIX_VDISABLE;
    tcsetattr(slave, TCSANOW, &modes);
    is_number(tty_type_end(master), 0, "a terminal without the key");
    is_number(tty_type_end(pipe_ends[1]), -ENOTTY, "nor has a pipe");
    close(master), close(slave), close(pipe_ends[0]), close(pipe_ends[1]);
}

/* Sends a master over a console socket at `path`, which `depth` makes longer than sun_path. */
static void test_tty_send(bool far) {
    char directory[512] = "/tmp/berth-relay-XXXXXX", path[600];
    if (!mkdtemp(directory))
        die("mkdtemp");
    size_t base = strlen(directory);
    if (far) {
        directory[base] = '/';
        memset(directory + base + 1, 'd', 120);
        directory[base + 121] = '\0';
        mkdir(directory, 0700);
    }
    snprintf(path, sizeof path, "%s/socket", directory);
    int inside = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), here = open(".", O_RDONLY | O_CLOEXEC);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), master, slave;
    if (fchdir(inside) < 0 || bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 1) < 0 ||
        fchdir(here) < 0)
        die("listen");
    pair_open(&master, &slave);
    struct error err = ERROR_INIT;
    is_number(tty_send(path, master, "/dev/pts/5", &err), 0, "a terminal is sent to a console socket%s",
              far ? " with a long path" : "");
    int peer = accept(server, NULL, NULL), fds[1];
    char name[64] = "";
    size_t count = 1;
    ssize_t n = fd_receive(peer, name, sizeof name - 1, fds, &count);
    ok(n == 10 && count == 1 && strcmp(name, "/dev/pts/5") == 0, "with its name");
    send_text(slave, "through");
    ok(expect(fds[0], "through"), "and it is that terminal");
    unlinkat(inside, "socket", 0);
    is_number(tty_send(path, master, "x", &err), -ENOENT, "a socket that is not there");
    close(fds[0]), close(peer), close(master), close(slave), close(server), close(inside), close(here);
    rmdir(directory);
    directory[base] = '\0';
    rmdir(directory);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    alarm(240);
    test_tty_open();
    test_tty_end();
    test_tty_send(false);
    test_tty_send(true);
    test_codes();
    test_terminal();
    test_bytes();
    test_stopped_reader();
    test_closed();
    test_descendants();
    test_late_reader();
    test_signals();
    test_ignored();
    test_size();
    test_background();
    return tap_done();
}
