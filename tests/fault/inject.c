/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject: runs a command and lets one system call of it fail, or kills it there. ptrace(2), so it needs CAP_SYS_PTRACE
 * for what the command makes undumpable. A test program; runs on the host.
 *
 *   inject --report FILE [--attach PID] COMMAND...                                       lists all calls
 *   inject --report FILE [--attach PID] --process P --index I --errno E COMMAND...       call I of P fails with E
 *   inject --report FILE [--attach PID] --process P --index I --kill one|all COMMAND...  P, or all, end before call I
 *   inject --report FILE [--attach PID] --process P --index I --hold FIFO COMMAND...      P waits before call I until
 *                                                          somebody has opened the FIFO for writing and closed it
 *   ... --number N: the first call of that number from I on, since a wait more or less moves all behind it
 *
 * Process 0 is the command, 1 the first one that it or a child of it makes, and so on; with --attach the one attached
 * comes first. A process but the command is followed up to its exec: what is behind is not the runtime any more.
 * Report: "main PID", then "call P I NUMBER FIRST-ARGUMENT" for each call (list) or for the one that was hit.
 * Exit status: the command's own, 128 + N when a signal ended it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/ptrace.h cannot be included together with sys/ptrace.h everywhere. */
#define SYSCALL_INFO 0x420e
#define SYSCALL_ENTRY 1
struct syscall_info {
    unsigned char op, pad[3];
    unsigned arch;
    unsigned long long instruction_pointer, stack_pointer, number, args[6];
};

#define TRACEES_MAX 64
#define OPTIONS                                                                                                        \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

enum action { ACTION_LIST, ACTION_ERRNO, ACTION_KILL_ONE, ACTION_KILL_ALL, ACTION_HOLD };

struct tracee {
    pid_t pid;
    int order;     /* of birth; -1: stopped, and its parent has not told of it yet */
    bool followed; /* its calls are counted */
    bool entered;  /* the next stop of a call is that of its end */
    bool replace;  /* the result of this call is to be replaced */
    long calls;
};

struct injection {
    enum action action;
    int process;
    long index, number;
    int error;
    const char *fifo;
    FILE *report;
    bool done;
    int born;
    pid_t main;
    struct tracee tracees[TRACEES_MAX];
};

static void die(const char *what) {
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* ---- registers ---- */

#if defined(__x86_64__)
static void set_number(pid_t pid, long number) {
    ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, orig_rax), (void *)number);
}

static void set_result(pid_t pid, long result) {
    ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, rax), (void *)result);
}
#elif defined(__aarch64__)
static void set_number(pid_t pid, long number) {
    int value = (int)number;
    struct iovec io = {&value, sizeof value};
    ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &io);
}

static void set_result(pid_t pid, long result) {
    struct user_regs_struct registers;
    struct iovec io = {&registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io);
    registers.regs[0] = (unsigned long long)result;
    ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &io);
}
#else
#error "registers of this architecture are not known here"
#endif

/* ---- tracees ---- */

static struct tracee *find(struct injection *in, pid_t pid) {
    for (size_t i = 0; i < TRACEES_MAX; i++)
        if (in->tracees[i].pid == pid)
            return &in->tracees[i];
    for (size_t i = 0; i < TRACEES_MAX; i++)
        if (in->tracees[i].pid == 0) {
            in->tracees[i] = (struct tracee){.pid = pid, .order = -1};
            return &in->tracees[i];
        }
    errno = E2BIG;
    die("too many processes");
    return NULL;
}

static bool wants_calls(const struct injection *in, const struct tracee *t) {
    if (!t->followed || in->done)
        return t->replace; /* the end of the call that is under way is still awaited */
    return in->action == ACTION_LIST || t->order == in->process;
}

static void resume(const struct injection *in, const struct tracee *t, int signal) {
    long request = wants_calls(in, t) ? PTRACE_SYSCALL : PTRACE_CONT;
    ptrace(request, t->pid, NULL, (void *)(long)signal);
}

static void be_born(struct injection *in, pid_t pid) {
    struct tracee *t = find(in, pid);
    bool waiting = t->order == -2; /* it had stopped before its parent told of it */
    t->order = in->born++;
    t->followed = t->order > 0;
    if (waiting)
        resume(in, t, 0);
}

/* ---- the call ---- */

static void hold(const char *fifo) {
    char byte;
    int fd = open(fifo, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("open the FIFO");
    while (read(fd, &byte, 1) > 0)
        ;
    close(fd);
}

static void hit(struct injection *in, struct tracee *t, const struct syscall_info *info) {
    in->done = true;
    switch (in->action) {
    case ACTION_ERRNO:
        t->replace = true;
        /* Linux closes the descriptor whatever close(2) returns. */
        if (info->number != SYS_close)
            set_number(t->pid, -1);
        break;
    case ACTION_KILL_ONE:
        kill(t->pid, SIGKILL);
        break;
    case ACTION_KILL_ALL:
        for (size_t i = 0; i < TRACEES_MAX; i++)
            if (in->tracees[i].pid > 0 && (in->tracees[i].followed || in->tracees[i].pid == in->main))
                kill(in->tracees[i].pid, SIGKILL);
        break;
    case ACTION_HOLD:
        hold(in->fifo);
        break;
    case ACTION_LIST:
        break;
    }
}

static void on_call(struct injection *in, struct tracee *t) {
    struct syscall_info info = {.op = 0};
    if (t->entered) {
        t->entered = false;
        if (t->replace)
            set_result(t->pid, -in->error);
        t->replace = false;
        return;
    }
    if (ptrace(SYSCALL_INFO, t->pid, (void *)sizeof info, &info) < 0 || info.op != SYSCALL_ENTRY)
        return;
    t->entered = true;
    bool reached =
        in->number < 0 ? t->calls == in->index : t->calls >= in->index && info.number == (unsigned long long)in->number;
    bool here = reached && in->action != ACTION_LIST && t->order == in->process && !in->done;
    if (in->action == ACTION_LIST || here)
        fprintf(in->report, "call %d %ld %llu %lld\n", t->order, t->calls, info.number, (long long)info.args[0]);
    t->calls++;
    if (here) {
        fflush(in->report);
        hit(in, t, &info);
    }
}

/* Whether it is let go: a payload, a hook or CRIU by now, which has to trace processes itself. */
static bool on_exec(struct tracee *t) {
    if (t->order > 0) {
        ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
        *t = (struct tracee){.pid = 0};
        return true;
    }
    t->followed = true; /* the command is there; from here on it may execute itself anew */
    return false;
}

static void on_stop(struct injection *in, pid_t pid, int status) {
    struct tracee *t = find(in, pid);
    int signal = WSTOPSIG(status), event = status >> 16;
    unsigned long message;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message) == 0)
            be_born(in, (pid_t)message);
    } else if (event == PTRACE_EVENT_EXEC) {
        if (on_exec(t))
            return;
    } else if (event == PTRACE_EVENT_STOP && t->order == -1) {
        t->order = -2;
        return; /* stays until its parent has told of it */
    } else if (event == 0 && signal == (SIGTRAP | 0x80)) {
        on_call(in, t);
    } else if (event == 0) {
        resume(in, t, signal);
        return;
    }
    resume(in, t, 0);
}

static pid_t start_command(char **command) {
    int gate[2];
    char byte;
    if (pipe(gate) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 1)
            _exit(125);
        close(gate[0]);
        execvp(command[0], command);
        _exit(125);
    }
    close(gate[0]);
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) < 0)
        die("trace the command");
    if (write(gate[1], "", 1) != 1)
        die("start the command");
    close(gate[1]);
    return pid;
}

static int watch(struct injection *in) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            die("wait");
        if (WIFSTOPPED(status)) {
            on_stop(in, pid, status);
            continue;
        }
        if (pid == in->main)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        find(in, pid)->pid = 0;
    }
}

static void attach(struct injection *in, pid_t pid) {
    struct tracee *t = find(in, pid);
    t->order = in->born++;
    t->followed = true;
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
        die("attach");
    int status;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        die("stop");
    resume(in, t, 0);
}

static void parse(struct injection *in, char **argv, char ***command, pid_t *attached) {
    for (; argv[0] && strncmp(argv[0], "--", 2) == 0 && argv[1]; argv += 2) {
        const char *name = argv[0] + 2, *value = argv[1];
        if (strcmp(name, "report") == 0)
            in->report = fopen(value, "we");
        else if (strcmp(name, "attach") == 0)
            *attached = atoi(value);
        else if (strcmp(name, "process") == 0)
            in->process = atoi(value);
        else if (strcmp(name, "index") == 0)
            in->index = atol(value);
        else if (strcmp(name, "number") == 0)
            in->number = atol(value);
        else if (strcmp(name, "errno") == 0)
            in->action = ACTION_ERRNO, in->error = atoi(value);
        else if (strcmp(name, "kill") == 0)
            in->action = strcmp(value, "all") == 0 ? ACTION_KILL_ALL : ACTION_KILL_ONE;
        else if (strcmp(name, "hold") == 0)
            in->action = ACTION_HOLD, in->fifo = value;
        else
            break;
    }
    *command = argv;
}

int main(int argc, char **argv) {
    struct injection in = {.action = ACTION_LIST, .number = -1, .born = 1};
    char **command;
    pid_t attached = 0;
    (void)argc;
    parse(&in, argv + 1, &command, &attached);
    if (!in.report || !*command) {
        fprintf(stderr, "usage: inject --report FILE [--attach PID] [--process P --index I [--number N] "
                        "--errno E | --kill one|all | --hold FIFO] COMMAND...\n");
        return 125;
    }
    if (attached)
        attach(&in, attached);
    in.main = start_command(command);
    fprintf(in.report, "main %d\n", (int)in.main);
    fflush(in.report);
    find(&in, in.main)->order = 0;
    int status = watch(&in);
    fclose(in.report);
    return status;
}
