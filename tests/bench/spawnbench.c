// SPDX-License-Identifier: Apache-2.0
//
// spawnbench: runs commands in interleaved rounds and prints what each one took. Runs inside the benchmark's view, as
// root for the runtimes' sake; needs no privilege itself.
//
//   spawnbench ROUNDS SEED < PLAN
//
// A plan is lines of fields parted by tabs. A scenario is a name and its steps; one round runs every scenario once, in
// an order drawn anew each time, so that whatever disturbs the machine falls on all of them alike.
//   scenario NAME
//   run      STEP ARG...               spawn ARG..., wait for its end; it must exit with 0
//   flood    STEP COUNT WIDTH ARG...   spawn it COUNT times, WIDTH at a time; "{}" in an argument is the running number
//   reap     STEP FILE                 wait for the end of the process whose pid FILE holds
//   undo     ARG...                    spawned, not measured, when a step of the scenario failed
//
// Output, one line a step and round:  NAME STEP NANOSECONDS CPU_NANOSECONDS MAXRSS_KIB  (tabs). The time runs from
// before vfork until the process is reaped. MAXRSS is wait4's: the largest single process among the command and those
// it waited for itself (and never less than spawnbench's own 0.7 MiB, which vfork hands on). Round 0 warms up and is
// not printed. A scenario with a failed step prints "NAME STEP failed", what the command wrote on stderr, and is left
// out from then on; the exit code is then 1.
//
// The spawner is static, small and uses vfork: its own cost is the same for all commands, some 0.2 ms.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FLOOD_MAX = 4096, // commands of one flood
    FIELDS_MAX = 32,
    STEPS_MAX = 16,
    SCENARIOS_MAX = 64,
    FLOOD = -1,
    DEADLINE_SECONDS = 60, // a command that takes longer is killed and counts as failed
};

struct step {
    char *field[FIELDS_MAX + 1]; // kind, name, arguments; NULL-terminated
    size_t count;
};

struct scenario {
    char *name;
    struct step step[STEPS_MAX];
    size_t steps;
    bool failed;
};

struct sample {
    int64_t ns, cpu_ns;
    long maxrss_kib;
};

extern char **environ;

static struct scenario scenarios[SCENARIOS_MAX];
static size_t scenario_count;
static int output_fd;                   // memfd: stdout and stderr of the commands
static volatile sig_atomic_t child_pid; // what the deadline kills; FLOOD; or 0 for nothing

static void die(const char *what) {
    fprintf(stderr, "spawnbench: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_deadline(int signal) {
    (void)signal;
    if (child_pid > 0)
        kill((pid_t)child_pid, SIGKILL);
    else if (child_pid == FLOOD)
        _exit(3); // there are many: leave them to whoever reads the message that is missing
}

// One line of the plan. The fields point into `line`, which is kept.
static void plan_add(char *line) {
    struct step step = {0};
    for (char *save = NULL, *f = strtok_r(line, "\t", &save); f; f = strtok_r(NULL, "\t", &save)) {
        errno = E2BIG;
        if (step.count == FIELDS_MAX)
            die("plan line");
        step.field[step.count++] = f;
    }
    if (step.count == 0)
        return;
    errno = EINVAL;
    if (step.count < 2)
        die(step.field[0]);
    if (strcmp(step.field[0], "scenario") == 0) {
        if (scenario_count == SCENARIOS_MAX)
            die("too many scenarios");
        scenarios[scenario_count++].name = step.field[1];
        return;
    }
    if (scenario_count == 0 || scenarios[scenario_count - 1].steps == STEPS_MAX)
        die("step without room");
    struct scenario *s = &scenarios[scenario_count - 1];
    s->step[s->steps++] = step;
}

static void plan_read(void) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        plan_add(line);
        line = NULL; // the plan keeps it
        size = 0;
    }
}

// Returns the pid. Between vfork and exec the child touches nothing but its descriptors.
static pid_t spawn(char **argv) {
    pid_t pid = vfork();
    if (pid < 0)
        die("vfork");
    if (pid == 0) {
        if (dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0)
            execvpe(argv[0], argv, environ);
        _exit(127);
    }
    return pid;
}

static int64_t cpu_ns(const struct rusage *usage) {
    const struct timeval *user = &usage->ru_utime, *system = &usage->ru_stime;
    return ((int64_t)(user->tv_sec + system->tv_sec) * 1000000 + user->tv_usec + system->tv_usec) * 1000;
}

// `pid` -1: any child; *ended says which.
static bool wait_any(pid_t pid, pid_t *ended, struct sample *out) {
    int status;
    struct rusage usage;
    while ((*ended = wait4(pid, &status, 0, &usage)) < 0) {
        if (errno != EINTR)
            die("wait4");
    }
    if (usage.ru_maxrss > out->maxrss_kib)
        out->maxrss_kib = usage.ru_maxrss;
    out->cpu_ns += cpu_ns(&usage);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool wait_for(pid_t pid, struct sample *out) {
    return wait_any(pid, &pid, out);
}

static bool step_run(const struct step *step, struct sample *out) {
    char **argv = (char **)&step->field[2];
    pid_t pid = spawn(argv);
    child_pid = pid;
    bool ok = wait_for(pid, out);
    child_pid = 0;
    return ok;
}

// argv with "{}" replaced by n. The strings live in a buffer that the next call reuses: the child has exec'ed by then.
static char **numbered(const struct step *step, int n) {
    static char text[FIELDS_MAX][512];
    static char *argv[FIELDS_MAX + 1];
    size_t at = 0;
    for (size_t i = 4; i < step->count; i++, at++) {
        const char *from = step->field[i], *mark = strstr(from, "{}");
        if (mark)
            snprintf(text[at], sizeof(text[at]), "%.*s%d%s", (int)(mark - from), from, n, mark + 2);
        else
            snprintf(text[at], sizeof(text[at]), "%s", from);
        argv[at] = text[at];
    }
    argv[at] = NULL;
    return argv;
}

static bool step_flood(const struct step *step, struct sample *out) {
    int count = atoi(step->field[2]), width = atoi(step->field[3]), alive = 0;
    static pid_t pids[FLOOD_MAX];
    bool ok = true;
    errno = E2BIG;
    if (count > FLOOD_MAX)
        die("flood");
    child_pid = FLOOD;
    for (int n = 0; n < count || alive > 0;) {
        if (n < count && alive < width) {
            pids[n] = spawn(numbered(step, n));
            n++;
            alive++;
            continue;
        }
        pid_t ended;
        bool good = wait_any(-1, &ended, out);
        // Orphans of the commands come to us, too: how they end is nobody's concern.
        for (int i = 0; i < n; i++) {
            if (pids[i] != ended)
                continue;
            pids[i] = 0;
            ok = good && ok;
            alive--;
        }
    }
    child_pid = 0;
    return ok;
}

// The process is ours to reap once its runtime has gone, for spawnbench is a subreaper, as an engine's shim is.
static bool step_reap(const struct step *step, struct sample *out) {
    char text[32] = "";
    int file = open(step->field[2], O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t len = read(file, text, sizeof(text) - 1);
    close(file);
    if (len <= 0)
        return false;
    pid_t pid = atoi(text);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    bool ended = poll(&end, 1, DEADLINE_SECONDS * 1000) == 1;
    close(pidfd);
    if (ended)
        wait_for(pid, out); // how it ended does not matter: it was killed
    out->maxrss_kib = 0;    // the payload's memory, not the runtime's
    return ended;
}

static bool step_take(const struct step *step, struct sample *out) {
    static const struct {
        const char *kind;
        bool (*run)(const struct step *, struct sample *);
    } kinds[] = {{"run", step_run}, {"flood", step_flood}, {"reap", step_reap}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(step->field[0], kinds[i].kind) != 0)
            continue;
        if (ftruncate(output_fd, 0) != 0 || lseek(output_fd, 0, SEEK_SET) != 0)
            die("memfd");
        alarm(DEADLINE_SECONDS);
        int64_t before = now_ns();
        bool ok = kinds[i].run(step, out);
        out->ns = now_ns() - before;
        alarm(0);
        return ok;
    }
    errno = EINVAL;
    die(step->field[0]);
    return false;
}

static void scenario_fail(struct scenario *s, const char *step) {
    s->failed = true;
    printf("%s\t%s\tfailed\n", s->name, step);
    char text[4096];
    ssize_t len = pread(output_fd, text, sizeof(text), 0);
    fprintf(stderr, "%s: %s failed: %.*s\n", s->name, step, len > 0 ? (int)len : 0, text);
    for (size_t i = 0; i < s->steps; i++) {
        struct sample ignored = {0};
        if (strcmp(s->step[i].field[0], "undo") == 0)
            wait_for(spawn(&s->step[i].field[1]), &ignored);
    }
}

static void scenario_run(struct scenario *s, bool print) {
    for (size_t i = 0; i < s->steps && !s->failed; i++) {
        struct sample sample = {0};
        const struct step *step = &s->step[i];
        if (strcmp(step->field[0], "undo") == 0)
            continue;
        if (!step_take(step, &sample))
            scenario_fail(s, step->field[1]);
        else if (print)
            printf("%s\t%s\t%lld\t%lld\t%ld\n", s->name, step->field[1], (long long)sample.ns, (long long)sample.cpu_ns,
                   sample.maxrss_kib);
    }
}

static void shuffle(size_t *order, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)random() % i, held = order[i - 1];
        order[i - 1] = order[other];
        order[other] = held;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: spawnbench ROUNDS SEED < PLAN\n");
        return 2;
    }
    long rounds = atol(argv[1]);
    srandom((unsigned)atol(argv[2]));
    plan_read();
    output_fd = memfd_create("output", MFD_CLOEXEC);
    if (output_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        die("setup");
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        die("/dev/null");
    struct sigaction deadline = {.sa_handler = on_deadline};
    sigaction(SIGALRM, &deadline, NULL);

    size_t order[SCENARIOS_MAX];
    for (size_t i = 0; i < scenario_count; i++)
        order[i] = i;
    for (long round = 0; round <= rounds; round++) {
        shuffle(order, scenario_count);
        for (size_t i = 0; i < scenario_count; i++)
            scenario_run(&scenarios[order[i]], round > 0);
    }
    for (size_t i = 0; i < scenario_count; i++) {
        if (scenarios[i].failed)
            return 1;
    }
    return 0;
}
