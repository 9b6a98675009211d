/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of kernel/run: real programs, no privilege. Called as "--probe" it is the program that looks at itself. */
#include "kernel/run.h"

#include "tap.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static const char *const envp[] = {"PATH=/usr/bin:/bin", "WORD=given", NULL};
static char self[4096];
static struct run_result result;
static struct error err;

static int shell_at(const char *script, int input, int directory, int64_t timeout_ms) {
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct run_program program = {"/bin/sh", argv, envp, input, directory, -1, timeout_ms,
                                        0,         0,    NULL, NULL,  0,         0};
    memset(&result, 0, sizeof result);
    return run_program(&program, &result, &err);
}

static int shell(const char *script) {
    return shell_at(script, -1, -1, 0);
}

static int start(const char *path, int64_t timeout_ms) {
    const char *const argv[] = {"word", "--probe", NULL};
    const struct run_program program = {path, argv, envp, -1, -1, -1, timeout_ms, 0, 0, NULL, NULL, 0, 0};
    memset(&result, 0, sizeof result);
    err = (struct error)ERROR_INIT;
    return run_program(&program, &result, &err);
}

static int memory_file(const char *text) {
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(99);
    return fd;
}

/* ---- the program that looks at itself ---- */

static int probe(void) {
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    int blocked = 0, pdeathsig = -1;
    for (int s = 1; s < NSIG; s++)
        blocked += sigismember(&mask, s) == 1;
    prctl(PR_GET_PDEATHSIG, &pdeathsig);
    printf("fds");
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    static const int watched[] = {SIGINT, SIGQUIT, SIGUSR1, SIGPIPE, SIGCHLD, SIGTERM};
    int odd = 0;
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        struct sigaction now;
        odd += sigaction(watched[i], NULL, &now) != 0 || now.sa_handler != SIG_DFL;
    }
    printf(", %d blocked, %d odd, session %s, pdeathsig %d\n", blocked, odd, getsid(0) == getpid() ? "own" : "other",
           pdeathsig);
    return 0;
}

static const char clean[] = "fds 0 1 2, 0 blocked, 0 odd, session own, pdeathsig 0\n";

static int descriptors_open(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ---- the points ---- */

static void test_status(void) {
    is_number(shell("exit 0"), 0, "a program that succeeds");
    ok(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0, "its status");
    ok(!result.timed_out && result.elapsed_ms >= 0 && result.output_len == 0, "no deadline, no output");
    is_text(result.output, "", "empty output is a string");
    is_number(shell("exit 42"), 0, "a program that fails has run");
    ok(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 42, "exit code 42");
    shell("ulimit -c 0; kill -SEGV $$");
    ok(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGSEGV, "a signal as status");
    shell("kill -KILL $$");
    ok(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL, "SIGKILL as status");
    shell("echo out; echo \"$WORD\" >&2; echo $0");
    is_text(result.output, "out\ngiven\nsh\n", "stdout and stderr together, environment and argv as given");
    is_number(result.output_len, 13, "their length");
}

static void test_directory(void) {
    int directory = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    shell_at("pwd", -1, directory, 0);
    is_text(result.output, "/usr\n", "the working directory is that of the descriptor");
    close(directory);
}

static void test_input(void) {
    int file = memory_file("the state");
    for (int i = 0; i < 2; i++) {
        shell_at("cat", file, -1, 0);
        is_text(result.output, "the state", "input is read from its start, time %d", i + 1);
    }
    is_number(shell_at("exec 0<&-; exit 5", file, -1, 0), 0, "a program that closes its input");
    is_number(WEXITSTATUS(result.status), 5, "its exit code");
    if (ftruncate(file, 1 << 20) == 0)
        shell_at("exit 6", file, -1, 0);
    is_number(WEXITSTATUS(result.status), 6, "a program that leaves 1 MiB unread");
    close(file);

    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], "piped\n", 6) == 6)
        shell_at("read x; echo $x", ends[0], -1, 0);
    is_text(result.output, "piped\n", "a pipe as input");
    close(ends[0]);
    close(ends[1]);
    shell("cat; echo end");
    is_text(result.output, "end\n", "no input: at its end at once");
    is_number(shell_at("true", 900, -1, 0), -EBADF, "a bad input descriptor is refused");
}

static void test_flood(void) {
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    is_number(shell("head -c 104857600 /dev/zero | tr '\\0' x; echo THE END"), 0, "100 MB of output");
    getrusage(RUSAGE_SELF, &after);
    is_number(result.output_len, RUN_OUTPUT_MAX, "as much as fits is kept");
    ok(memcmp(result.output + RUN_OUTPUT_MAX - 9, "xTHE END\n", 10) == 0, "and it is the end");
    ok(after.ru_maxrss - before.ru_maxrss < 1024, "memory grew by %ld KiB", after.ru_maxrss - before.ru_maxrss);
    shell("for i in 1 2 3 4 5 6 7 8 9; do printf '%0600d' $i; /bin/true; done");
    int misplaced = result.output_len != RUN_OUTPUT_MAX;
    for (int i = 0; i < 7; i++)
        misplaced += result.output[RUN_OUTPUT_MAX - 1 - 600 * i] != '9' - i;
    is_number(misplaced, 0, "small pieces that overflow together keep their order");
}

/* The program stops us, fills the pipe and ends; somebody it leaves behind lets us go on once it is a zombie. */
static void test_left_in_pipe(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        shell("p=$PPID; me=$$; kill -STOP $p; head -c 60000 /dev/zero; echo LAST;"
              "(until grep -q ') Z' /proc/$me/stat; do :; done; kill -CONT $p) & exit 7");
        bool last = memcmp(result.output + RUN_OUTPUT_MAX - 5, "LAST\n", 5) == 0;
        _exit(WEXITSTATUS(result.status) == 7 && last ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    is_number(status, 0, "what is still in the pipe at the end is read");
}

/* The named pipe's end of file is the event that every process which held it is gone. */
static bool writers_gone(int fifo) {
    char c;
    struct pollfd p = {.fd = fifo, .events = POLLIN};
    while (poll(&p, 1, 10000) == 1)
        if (read(fifo, &c, 1) == 0)
            return true;
    return false;
}

static void test_deadline(const char *directory) {
    char path[256], script[1024];
    snprintf(path, sizeof path, "%s/fifo", directory);
    mkfifo(path, 0600);
    int fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(script, sizeof script, "exec 3>%s; sleep 300 & (trap '' TERM HUP; sleep 300); sleep 300", path);
    is_number(shell_at(script, -1, -1, 300), 0, "a program that outlives its deadline");
    ok(result.timed_out && WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL, "is killed");
    ok(result.elapsed_ms >= 299 && result.elapsed_ms < 10000, "after %lld ms", (long long)result.elapsed_ms);
    ok(writers_gone(fifo), "and its whole group with it");
    close(fifo);
    unlink(path);
    shell_at("while :; do echo flood; done", -1, -1, 200);
    ok(result.timed_out && result.output_len == RUN_OUTPUT_MAX, "a flood does not hold off the deadline");
    shell_at("exit 3", -1, -1, 60000);
    ok(!result.timed_out && WEXITSTATUS(result.status) == 3, "a deadline that is not reached changes nothing");
    shell_at("exit 4", -1, -1, INT64_MAX);
    is_number(WEXITSTATUS(result.status), 4, "the longest deadline does not overflow");
}

static void test_background(void) {
    shell("echo mine; sleep 300 & echo $!");
    int pid = 0;
    ok(sscanf(result.output, "mine\n%d", &pid) == 1 && pid > 1, "output of a program that leaves a child behind");
    ok(WIFEXITED(result.status) && result.elapsed_ms < 60000, "which holds the pipe and is not waited for");
    if (pid > 1)
        ok(kill(pid, SIGKILL) == 0, "nor killed");
    /* One that writes for ever must not keep us in the last draining either. */
    shell("(while :; do echo flood || exit; done) & echo first");
    ok(WIFEXITED(result.status), "nor one that goes on writing");
}

static void test_cancel(void) {
    int stop[2];
    ok(pipe2(stop, O_CLOEXEC) == 0 && write(stop[1], "x", 1) == 1, "somebody asks to stop");
    const char *const argv[] = {"sh", "-c", "echo begun; sleep 1000 & sleep 1000", NULL};
    const struct run_program program = {"/bin/sh", argv, envp, -1, -1, -1, 0, stop[0], 0, NULL, NULL, 0, 0};
    err = (struct error)ERROR_INIT;
    is_number(run_program(&program, &result, &err), 0, "a program that is cancelled has run");
    ok(result.cancelled && !result.timed_out, "and was cancelled, not timed out");
    ok(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL, "by being killed");
    close(stop[1]);
    close(stop[0]);
}

static int confine_self(const void *context) {
    umask(*(const mode_t *)context);
    return 0;
}

static int confine_fails(const void *context) {
    (void)context;
    return -EXDEV;
}

static void test_confined(void) {
    const char *const argv[] = {"sh", "-c", "umask", NULL};
    const mode_t mask = 0123;
    const struct run_program program = {"/bin/sh", argv, envp, -1, -1, -1, 0, 0, 0, confine_self, &mask, 0, 0};
    const struct run_program failing = {"/bin/sh", argv, envp, -1, -1, -1, 0, 0, 0, confine_fails, NULL, 0, 0};
    err = (struct error)ERROR_INIT;
    is_number(run_program(&program, &result, &err), 0, "a program that is confined has run");
    is_text(result.output, "0123\n", "so");
    is_number(run_program(&failing, &result, &err), -EXDEV, "one that cannot be confined has not");
    ok(strstr(err.text, "confine /bin/sh") != NULL, "says so (%s)", err.text);
}

/* flock(2): the lock goes with the open file, which the program has, too. */
static void test_kept(const char *directory) {
    const char *const argv[] = {"sh", "-c", "ls -m /proc/self/fd; ls -l /proc/self/fd/3", NULL};
    own_fd lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct run_program program = {"/bin/sh", argv, envp, -1, -1, lock, 0, 0, 0, NULL, NULL, 0, 0};
    err = (struct error)ERROR_INIT;
    is_number(run_program(&program, &result, &err), 0, "a program that keeps a descriptor has run");
    ok(strncmp(result.output, "0, 1, 2, 3, 4\n", 14) == 0, "it has that one beside its streams: %s", result.output);
    ok(strstr(result.output, directory) != NULL, "as its 3");
    ok(fcntl(lock, F_GETFD) == FD_CLOEXEC, "the caller's stays what it was");
}

static void test_redirected(void) {
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    char text[32] = "";
    own_fd file = memory_file("");
    const struct run_program out = {"/bin/sh", argv, envp, -1, -1, -1, 0, 0, 0, NULL, NULL, file, 0};
    is_number(run_program(&out, &result, &err), 0, "a program whose standard output goes elsewhere has run");
    is_text(result.output, "err\n", "its standard error is kept");
    const struct run_program both = {"/bin/sh", argv, envp, -1, -1, -1, 0, 0, 0, NULL, NULL, file, file};
    is_number(run_program(&both, &result, &err), 0, "so has one that has neither of ours");
    is_text(result.output, "", "nothing is kept of that");
    ok(pread(file, text, sizeof text - 1, 0) == 12, "all else is in the file");
    is_text(text, "out\nout\nerr\n", "in its order");
}

static void test_refused(const char *directory) {
    char path[256];
    is_number(start("/nonexistent/program", 0), -ENOENT, "a program that is not there");
    is_text(err.text, "cannot execute /nonexistent/program: no such file or directory", "the text");
    is_number(err.code, ENOENT, "the code");
    is_number(start("/etc/passwd", 0), -EACCES, "a file that is no program");
    is_number(start("/etc/passwd/x", 0), -ENOTDIR, "a path through a file");
    snprintf(path, sizeof path, "%s/script", directory);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    bool written = write(fd, "#!/nonexistent/shell\n", 21) == 21;
    close(fd);
    ok(written && start(path, 0) == -ENOENT, "a script whose interpreter is not there");
    ok(strstr(err.text, "its interpreter or loader") != NULL, "is told apart");
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    written = write(fd, "plain text", 10) == 10;
    close(fd);
    ok(written && start(path, 0) == -ENOEXEC, "a file without any format");
    unlink(path);
    fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    is_number(shell_at("true", -1, fd, 0), -ENOTDIR, "a working directory that is none");
    ok(strstr(err.text, "enter the working directory for /bin/sh") != NULL, "says so");
    close(fd);
    result.status = 77;
    const char *const argv[] = {"x", NULL};
    const struct run_program absent = {"/nonexistent", argv, envp, -1, -1, -1, 0, 0, 0, NULL, NULL, 0, 0};
    run_program(&absent, &result, &err);
    is_number(result.status, 77, "a failure leaves the result untouched");
}

static void test_surroundings(void) {
    int extra = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as an engine may leave them open */
    dup2(extra, 100);
    dup2(extra, 1000);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
    sigset_t blocked, before, after;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    start(self, 0);
    is_text(result.output, clean, "the program finds a clean house");
    sigprocmask(SIG_SETMASK, &before, &after);
    ok(sigismember(&after, SIGUSR1) && sigismember(&after, SIGTERM) && !sigismember(&after, SIGINT),
       "the caller's mask is as it was");
    struct sigaction now;
    ok(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_IGN, "its dispositions too");
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, 0);
    close(100);
    close(1000);
    close(extra);
}

/* All of 0-2 closed in the caller: the pipes of run then have these numbers. */
static void test_streams_closed(void) {
    fflush(stdout);
    int saved[3], r, file = memory_file("input");
    for (int fd = 0; fd <= 2; fd++) {
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 20);
        close(fd);
    }
    r = start(self, 0);
    bool same = strcmp(result.output, clean) == 0;
    int input = dup(file); /* becomes 0 */
    shell_at("cat; echo said; echo warned >&2", input, -1, 0);
    close(input);
    for (int fd = 0; fd <= 2; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    ok(r == 0 && same, "a caller without standard streams");
    is_text(result.output, "inputsaid\nwarned\n", "and one whose input is its descriptor 0");
    close(file);
}

static void test_children(void) {
    signal(SIGCHLD, SIG_IGN);
    shell("exit 9");
    ok(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 9, "the status with SIGCHLD ignored");
    struct sigaction now;
    ok(sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN, "which is ignored again afterwards");
    struct sigaction nowait = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &nowait, NULL);
    shell("exit 10");
    is_number(WEXITSTATUS(result.status), 10, "the status with SA_NOCLDWAIT");
    ok(sigaction(SIGCHLD, NULL, &now) == 0 && (now.sa_flags & SA_NOCLDWAIT), "which is set again afterwards");
    signal(SIGCHLD, SIG_DFL);
    ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no zombie is left by any of these");
}

static volatile sig_atomic_t ticks;
static void tick(int number) {
    (void)number;
    ticks = ticks + 1;
}

static void test_interrupted(void) {
    struct sigaction action = {.sa_handler = tick};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval fast = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &fast, NULL);
    int r = shell("sleep 0.2; echo through");
    setitimer(ITIMER_REAL, &off, NULL);
    ok(r == 0 && ticks > 1 && strcmp(result.output, "through\n") == 0, "handlers of the caller (%d) disturb nothing",
       (int)ticks);
    signal(SIGALRM, SIG_DFL);
}

/* An old kernel, or a filter around us, that has no close_range: in a process of its own, for a filter stays. */
static void test_without_close_range(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {.len = 4, .filter = code};
        dup2(1, 100);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
            _exit(2);
        start(self, 0);
        _exit(syscall(SYS_close_range, 500, 500, 0) < 0 && strcmp(result.output, clean) == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    is_number(status, 0, "no descriptor is left open without close_range either");
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--probe") == 0)
        return probe();
    setvbuf(stdout, NULL, _IOLBF, 0);
    char directory[] = "/tmp/berth-run-XXXXXX";
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (!mkdtemp(directory) || len <= 0)
        return 99;
    int open_before = descriptors_open();
    test_status();
    test_directory();
    test_input();
    test_flood();
    test_left_in_pipe();
    test_deadline(directory);
    test_background();
    test_cancel();
    test_confined();
    test_kept(directory);
    test_redirected();
    test_refused(directory);
    test_surroundings();
    test_streams_closed();
    test_children();
    test_interrupted();
    test_without_close_range();
    is_number(descriptors_open(), open_before, "no descriptor of ours is left open");
    rmdir(directory);
    return tap_done();
}
