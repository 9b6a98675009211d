/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: asks the kernel, from inside a container, what no tool of busybox asks. Built static by the suites; each word
 * of the command line is one question, each answer one line "name: value".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void answer(const char *name, int result) {
    printf("%s: %s\n", name, result < 0 ? strerror(errno) : "done");
}

static void ask_ids(void) {
    printf("uid: %u\neuid: %u\ngid: %u\negid: %u\n", getuid(), geteuid(), getgid(), getegid());
}

static void ask_pty(void) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || unlockpt(fd) < 0)
        answer("pty", -1);
    else
        printf("pty: %s\n", ptsname(fd));
}

/* Puts a character into the input of whoever reads the terminal at standard input. */
static void ask_tiocsti(void) {
    answer("tiocsti", ioctl(0, TIOCSTI, "!"));
    char paste[] = {3, 0};
    answer("tioclinux", ioctl(0, TIOCLINUX, paste));
}

static void ask_session(void) {
    printf("sid: %d\npgid: %d\npid: %d\n", getsid(0), getpgid(0), getpid());
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY);
    answer("tty", fd);
    if (fd >= 0)
        close(fd);
}

static void ask_keyring(void) {
    long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    char text[256];
    if (id < 0 || syscall(SYS_keyctl, KEYCTL_DESCRIBE, id, text, sizeof text) < 0)
        answer("keyring", -1);
    else
        printf("keyring: %s\n", text);
}

static void ask_limits(void) {
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)i, &limit) == 0)
            printf("limit%d: %llu %llu\n", i, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
}

/* Descriptors that are open, found without opening one. */
static void ask_fds(void) {
    struct stat st;
    for (int fd = 0; fd < 4096; fd++)
        if (fstat(fd, &st) == 0)
            printf("fd: %d\n", fd);
}

/* A call of 2019 that fails with EINVAL where it is known. */
static void ask_clone3(void) {
    answer("clone3", (int)syscall(SYS_clone3, NULL, 0));
}

static void ask_privileges(void) {
    printf("dumpable: %d\nnonewprivs: %d\nsecurebits: %d\nkeepcaps: %d\npdeathsig: ", prctl(PR_GET_DUMPABLE),
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
    int signal = 0;
    prctl(PR_GET_PDEATHSIG, &signal);
    printf("%d\n", signal);
}

/* personality(2) changes nothing that the probe minds, and takes any number: its argument is what a filter looks at. */
static void ask_personality(const char *number) {
    unsigned long argument = strtoul(number, NULL, 0);
    long result = syscall(SYS_personality, argument);
    printf("personality %s: %s\n", number, result < 0 ? strerror(errno) : "done");
}

/* A call with four of the numbers 0 to 9 as arguments, "1234"; one that never succeeds, but for a filter's answer. */
static void ask_arguments(const char *numbers) {
    long result = syscall(SYS_keyctl, -1000L - (numbers[0] - '0'), (long)(numbers[1] - '0'), (long)(numbers[2] - '0'),
                          (long)(numbers[3] - '0'));
    printf("arguments %s: %d\n", numbers, result < 0 ? errno : 0);
}

/* What can be had of another process: "nothing", or the names of what was. */
static void ask_spy(const char *pid) {
    static const char *const links[] = {"exe", "cwd", "root"}, *const files[] = {"fdinfo/0", "mem", "maps", "environ"};
    char path[64], text[256];
    int had = 0;
    printf("spy:");
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%s/fd/%d", pid, fd);
        if (readlink(path, text, sizeof text) >= 0)
            had += printf(" fd%d", fd);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        snprintf(path, sizeof path, "/proc/%s/%s", pid, links[i]);
        if (readlink(path, text, sizeof text) >= 0)
            had += printf(" %s", links[i]);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/%s/%s", pid, files[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        had += printf(" %s", files[i]);
        close(fd);
    }
    if (ptrace(PTRACE_SEIZE, (pid_t)atoi(pid), NULL, NULL) == 0)
        had += printf(" ptrace");
    int pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
    if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0)
        had += printf(" pidfd_getfd");
    puts(had ? "" : " nothing");
}

/* A call by its number, "462" or "462,5" with a first argument; the answer is an errno value. */
static void ask_syscall(const char *words) {
    char *end;
    long number = strtol(words, &end, 0), argument = *end == ',' ? strtol(end + 1, NULL, 0) : 0;
    long result = syscall(number, argument, 0L, 0L, 0L, 0L, 0L);
    printf("syscall %s: %d\n", words, result < 0 ? errno : 0);
}

static const struct {
    const char *name;
    void (*ask)(const char *);
} numbered[] = {
    {"personality=", ask_personality}, {"arguments=", ask_arguments}, {"spy=", ask_spy}, {"syscall=", ask_syscall}};

static int ask_numbered(const char *word) {
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
        size_t len = strlen(numbered[i].name);
        if (strncmp(word, numbered[i].name, len) == 0) {
            numbered[i].ask(word + len);
            return 1;
        }
    }
    return 0;
}

static const struct {
    const char *name;
    void (*ask)(void);
} questions[] = {
    {"ids", ask_ids},         {"pty", ask_pty},       {"tiocsti", ask_tiocsti},       {"session", ask_session},
    {"keyring", ask_keyring}, {"limits", ask_limits}, {"privileges", ask_privileges}, {"fds", ask_fds},
    {"clone3", ask_clone3},
};

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        size_t q = 0;
        if (ask_numbered(argv[i]))
            continue;
        while (q < sizeof questions / sizeof *questions && strcmp(questions[q].name, argv[i]) != 0)
            q++;
        if (q == sizeof questions / sizeof *questions) {
            fprintf(stderr, "probe: no such question: %s\n", argv[i]);
            return 2;
        }
        questions[q].ask();
        fflush(stdout);
    }
    return 0;
}
