/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/devbpf: the program that is attached is the only one of its cgroup afterwards, whatever was
 * there, and what stands further up holds as well. As root, in cgroups of the test's own.
 */
#include "kernel/devbpf.h"

#include "base/own.h"
#include "scratch.h"
#include "tap.h"

#include <linux/bpf.h>
#include <mntent.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ADDRESS(pointer) ((uint64_t)(uintptr_t)(pointer))

static struct error err;

/* One allows all, one denies all. */
static const struct bpf_insn allow[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
    {.code = BPF_JMP | BPF_EXIT},
};
static const struct bpf_insn deny[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT},
};

static int call(int command, union bpf_attr *attr) {
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* As somebody else does it: beside what is there. */
static bool attach_beside(int cgroup) {
    union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                           .insns = ADDRESS(deny),
                           .insn_cnt = sizeof deny / sizeof *deny,
                           .license = ADDRESS("GPL")};
    own_fd program = call(BPF_PROG_LOAD, &load);
    union bpf_attr attr = {.target_fd = (uint32_t)cgroup,
                           .attach_bpf_fd = (uint32_t)program,
                           .attach_type = BPF_CGROUP_DEVICE,
                           .attach_flags = BPF_F_ALLOW_MULTI};
    return program >= 0 && call(BPF_PROG_ATTACH, &attr) == 0;
}

/* How many programs the cgroup has of its own, or (effective) how many hold there; -1: not to be had. */
static int count(int cgroup, bool effective, uint32_t *flags) {
    uint32_t ids[64];
    union bpf_attr attr = {.query = {.target_fd = (uint32_t)cgroup, .attach_type = BPF_CGROUP_DEVICE}};
    attr.query.query_flags = effective ? BPF_F_QUERY_EFFECTIVE : 0;
    attr.query.prog_ids = ADDRESS(ids);
    attr.query.prog_cnt = sizeof ids / sizeof *ids;
    int r = call(BPF_PROG_QUERY, &attr);
    *flags = attr.query.attach_flags;
    return r < 0 ? -1 : (int)attr.query.prog_cnt;
}

static bool may_open(int cgroup_procs) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(write(cgroup_procs, "0", 1) == 1 && open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1);
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_alone(int cgroup, int procs) {
    static const int befores[] = {0, 1, 2, 5};
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        uint32_t flags = 0;
        bool made = true;
        const int own = count(cgroup, false, &flags);
        for (int k = own; k < befores[i]; k++)
            made &= attach_beside(cgroup);
        ok(made, "%d programs that deny all", befores[i]);
        is_number(devbpf_attach(cgroup, allow, sizeof allow / sizeof *allow, &err), 0, "one that allows is attached");
        is_number(count(cgroup, false, &flags), 1, "it is alone");
        is_number(flags, BPF_F_ALLOW_MULTI, "others may be attached beside it and below");
        ok(may_open(procs), "a device may be opened");
    }
    is_number(devbpf_attach(cgroup, deny, sizeof deny / sizeof *deny, &err), 0, "one that denies takes its place");
    ok(!may_open(procs), "no device may be opened");
}

static void test_below(int cgroup) {
    uint32_t flags;
    ok(mkdirat(cgroup, "below", 0755) == 0, "a cgroup below");
    own_fd below = openat(cgroup, "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_fd procs = openat(below, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    is_number(devbpf_attach(below, allow, sizeof allow / sizeof *allow, &err), 0, "below, one that allows is attached");
    is_number(count(below, true, &flags), 2, "both hold there");
    ok(!may_open(procs), "no device may be opened there");
    unlinkat(cgroup, "below", AT_REMOVEDIR);
}

static void test_refused(int cgroup) {
    static const struct bpf_insn wrong[] = {{.code = BPF_JMP | BPF_EXIT}}; /* without a result */
    uint32_t flags;
    int before = count(cgroup, false, &flags);
    is_number(devbpf_attach(cgroup, allow, 0, &err), -EINVAL, "a program of no instruction");
    ok(devbpf_attach(cgroup, wrong, 1, &err) < 0, "a program that the kernel refuses");
    ok(strstr(err.text, "verifier"), "in its words");
    is_number(count(cgroup, false, &flags), before, "what was attached stays");
}

/* A cgroup of the test's own where cgroup2 is mounted; its path, NULL: there is none. */
static const char *make_cgroup(void) {
    static char path[PATH_MAX];
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    const struct mntent *entry;
    path[0] = '\0';
    while (mounts && !path[0] && (entry = getmntent(mounts)))
        if (strcmp(entry->mnt_type, "cgroup2") == 0)
            snprintf(path, sizeof path, "%s/berth-test-%d", entry->mnt_dir, (int)getpid());
    if (mounts)
        endmntent(mounts);
    return path[0] && mkdir(path, 0755) == 0 ? path : NULL;
}

int main(void) {
    alarm(60); /* a hang is a failure */
    const char *path = geteuid() == 0 ? make_cgroup() : NULL;
    if (!path) {
        printf("1..0 # SKIP needs root and cgroup2\n");
        return 0;
    }
    int before = open_descriptors();
    {
        own_fd cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        own_fd procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        test_alone(cgroup, procs);
        test_below(cgroup);
        test_refused(cgroup);
    }
    is_number(open_descriptors(), before, "no descriptor is left behind");
    ok(rmdir(path) == 0, "the cgroup is gone");
    return tap_done();
}
