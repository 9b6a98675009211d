/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of kernel/sys: what stands in for a system call that the kernel lacks. No privilege. */
#include "kernel/sys.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* From here on the calling process has no close_range(2). */
static bool forbid_close_range(int error) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = 4, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static const int numbers[] = {3, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 4096, 5000};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static void open_all(void) {
    for (size_t i = 0; i < NUMBERS; i++)
        dup2(1, numbers[i]);
}

static bool only_others_open(unsigned first, unsigned last) {
    bool right = true;
    for (size_t i = 0; i < NUMBERS; i++) {
        const bool within = (unsigned)numbers[i] >= first && (unsigned)numbers[i] <= last;
        right &= (fcntl(numbers[i], F_GETFD) < 0) == within;
    }
    return right && fcntl(1, F_GETFD) >= 0;
}

static int close_ranges(void) {
    static const unsigned ranges[][2] = {{3, ~0u}, {64, 64},     {65, 127},   {200, 100},  {128, 1024},  {1024, 4096},
                                         {3, 63},  {5000, 5000}, {4097, ~0u}, {6000, ~0u}, {1025, 4999}, {4, 62}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        open_all();
        sys_close_range(ranges[i][0], ranges[i][1]);
        if (!only_others_open(ranges[i][0], ranges[i][1]))
            return 10 + (int)i;
    }
    return 0;
}

/* In a process of its own, since a filter stays. With a `limit` of open files that is set when they are open. */
static void closes(int error, rlim_t limit, const char *name) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        open_all();
        if (error && !forbid_close_range(error))
            _exit(1);
        if (limit == 0)
            _exit(close_ranges());
        struct rlimit low = {.rlim_cur = limit, .rlim_max = limit};
        if (setrlimit(RLIMIT_NOFILE, &low) < 0)
            _exit(2);
        sys_close_range(65, ~0u);
        _exit(only_others_open(65, ~0u) ? 0 : 3);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    is_number(WEXITSTATUS(status), 0, "%s", name);
}

/* A table as large as can be: all that is open is found, and the time does not matter. */
static void test_large(void) {
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        now.rlim_cur = now.rlim_max < 1u << 20 ? now.rlim_max : 1u << 20;
        const int highest = (int)now.rlim_cur - 1;
        if (setrlimit(RLIMIT_NOFILE, &now) < 0 || dup2(1, highest) != highest || !forbid_close_range(ENOSYS))
            _exit(1);
        sys_close_range(3, (unsigned)highest - 1);
        if (fcntl(highest, F_GETFD) < 0)
            _exit(2);
        sys_close_range(3, ~0u);
        _exit(fcntl(highest, F_GETFD) < 0 ? 0 : 3);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    is_number(WEXITSTATUS(status), 0, "the highest number that there may be is closed");
}

int main(void) {
    closes(0, 0, "close_range(2) itself");
    closes(ENOSYS, 0, "close_range is missing");
    closes(EPERM, 0, "close_range is forbidden");
    closes(ENOSYS, 10, "close_range is missing, and the limit of open files is lower than what is open");
    test_large();
    return tap_done();
}
