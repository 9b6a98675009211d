/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse ERRNO SYSCALL... -- COMMAND...: runs the command, and all it starts, where the kernel seems to lack the named
 * system calls (ENOSYS) or an outer container forbids them (EPERM). "mountapi" stands for the five of Linux 5.2 and
 * mount_setattr(2). A seccomp filter, so it needs CAP_SYS_ADMIN: no_new_privs would change what is tested.
 * A test program; runs on the host.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define REFUSED_MAX 64

struct name {
    const char *name;
    int number;
};

static const struct name errors[] = {{"ENOSYS", ENOSYS}, {"EPERM", EPERM}, {"EACCES", EACCES}, {"EINVAL", EINVAL}};

static const struct name calls[] = {
    {"open_tree", SYS_open_tree},
    {"move_mount", SYS_move_mount},
    {"fsopen", SYS_fsopen},
    {"fsconfig", SYS_fsconfig},
    {"fsmount", SYS_fsmount},
    {"fspick", SYS_fspick},
    {"mount_setattr", SYS_mount_setattr},
    {"openat2", SYS_openat2},
    {"clone3", SYS_clone3},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"close_range", SYS_close_range},
    {"faccessat2", SYS_faccessat2},
    {"execveat", SYS_execveat},
    {"memfd_create", SYS_memfd_create},
    {"bpf", SYS_bpf},
    {"keyctl", SYS_keyctl},
    {"kexec_load", SYS_kexec_load}, /* nobody here calls it: the same filter without an effect */
};

static const char *const mountapi[] = {"open_tree", "move_mount", "fsopen",       "fsconfig",
                                       "fsmount",   "fspick",     "mount_setattr"};

static int find(const struct name *table, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].number;
    fprintf(stderr, "refuse: unknown name %s\n", name);
    exit(2);
}

struct refusal {
    struct sock_filter code[REFUSED_MAX + 3];
    unsigned short count;
};

static void refuse_call(struct refusal *refusal, const char *name) {
    unsigned short *count = &refusal->count;
    if (*count > REFUSED_MAX) {
        fprintf(stderr, "refuse: too many system calls\n");
        exit(2);
    }
    /* Its jump is set when the place of the refusal is known. */
    refusal->code[(*count)++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)find(calls, COUNT(calls), name), 0, 0);
}

static void refuse_name(struct refusal *refusal, const char *name) {
    if (strcmp(name, "mountapi") != 0) {
        refuse_call(refusal, name);
        return;
    }
    for (size_t i = 0; i < COUNT(mountapi); i++)
        refuse_call(refusal, mountapi[i]);
}

static void load(struct refusal *refusal, unsigned error) {
    refusal->code[refusal->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    refusal->code[refusal->count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    for (unsigned short i = 1; i + 1 < refusal->count; i++)
        refusal->code[i].jt = (unsigned char)(refusal->count - i - 1);
    refusal->count++;
    const struct sock_fprog program = {.len = refusal->count, .filter = refusal->code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
        perror("refuse: seccomp");
        exit(2);
    }
}

int main(int argc, char **argv) {
    struct refusal refusal = {.count = 1};
    /* The architecture is not looked at: the tests run programs of one only. */
    refusal.code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    int i = 2;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        refuse_name(&refusal, argv[i]);
    if (i + 1 >= argc) {
        fprintf(stderr, "usage: refuse ERRNO SYSCALL... -- COMMAND...\n");
        return 2;
    }
    load(&refusal, (unsigned)find(errors, COUNT(errors), argv[1]));
    execvp(argv[i + 1], argv + i + 1);
    perror("refuse: exec");
    return 2;
}
