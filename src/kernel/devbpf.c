/* SPDX-License-Identifier: Apache-2.0 */
/* devbpf: see devbpf.h. Runs in life; needs CAP_BPF or CAP_SYS_ADMIN, and write access to the cgroup. */
#include "kernel/devbpf.h"

#include "base/own.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define LOG_SIZE 65536u
#define LOG_SHOWN 400u
#define ATTACHED_MAX 64 /* the kernel's own limit for one cgroup, BPF_CGROUP_MAX_PROGS */
#define REPLACE_ATTEMPTS 8

static int call_bpf(int command, union bpf_attr *attr) {
    long r = syscall(SYS_bpf, command, attr, sizeof *attr);
    return r < 0 ? -errno : (int)r;
}

static uint64_t address(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

static int load(const struct bpf_insn *program, size_t count, char *log) {
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = address(program),
        .insn_cnt = (uint32_t)count,
        .license = address("Apache-2.0"),
        .prog_name = "berth_device",
    };
    if (log) {
        attr.log_buf = address(log);
        attr.log_size = LOG_SIZE;
        attr.log_level = 1;
    }
    return call_bpf(BPF_PROG_LOAD, &attr);
}

/* Before Linux 5.11 programs count against RLIMIT_MEMLOCK; it is put back, since the container inherits our limits. */
static int load_with_memory(const struct bpf_insn *program, size_t count) {
    struct rlimit before, raised = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (getrlimit(RLIMIT_MEMLOCK, &before) < 0)
        return -errno;
    if (setrlimit(RLIMIT_MEMLOCK, &raised) < 0) {
        raised.rlim_cur = raised.rlim_max = before.rlim_max;
        if (before.rlim_cur == before.rlim_max || setrlimit(RLIMIT_MEMLOCK, &raised) < 0)
            return -EPERM;
    }
    int fd = load(program, count, NULL);
    setrlimit(RLIMIT_MEMLOCK, &before);
    return fd;
}

/* Loads once more, now with the verifier's log: its end says what is wrong. */
static int refuse_program(const struct bpf_insn *program, size_t count, int code, struct error *err) {
    own_memory char *log = code == EINVAL || code == EACCES ? calloc(1, LOG_SIZE) : NULL;
    if (!log)
        return error_code(err, code, "load the device program");
    int fd = load(program, count, log);
    fd_drop(&fd);
    size_t len = strlen(log);
    while (len > 0 && log[len - 1] == '\n')
        log[--len] = '\0';
    const char *shown = len > LOG_SHOWN ? log + len - LOG_SHOWN : log;
    return error_code(err, code, "load the device program: the verifier says \"%s\"", shown);
}

static int query(int cgroup_fd, uint32_t *ids, uint32_t *count) {
    union bpf_attr attr = {.query = {.target_fd = (uint32_t)cgroup_fd, .attach_type = BPF_CGROUP_DEVICE}};
    attr.query.prog_ids = address(ids);
    attr.query.prog_cnt = ATTACHED_MAX;
    int r = call_bpf(BPF_PROG_QUERY, &attr);
    *count = r < 0 ? 0 : attr.query.prog_cnt;
    return r;
}

/* A descriptor of the program with that id. */
static int open_program(uint32_t id) {
    union bpf_attr attr = {.prog_id = id};
    return call_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int attach(int cgroup_fd, int program, int replaced) {
    union bpf_attr attr = {
        .target_fd = (uint32_t)cgroup_fd,
        .attach_bpf_fd = (uint32_t)program,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    if (replaced >= 0) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)replaced;
    }
    return call_bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int cgroup_fd, uint32_t id) {
    own_fd program = open_program(id);
    if (program < 0)
        return program == -ENOENT ? 0 : program;
    union bpf_attr attr = {
        .target_fd = (uint32_t)cgroup_fd, .attach_bpf_fd = (uint32_t)program, .attach_type = BPF_CGROUP_DEVICE};
    int r = call_bpf(BPF_PROG_DETACH, &attr);
    return r == -ENOENT ? 0 : r;
}

/* In the place of the first in one step where the kernel can; the others, and the first if it cannot, are detached. */
static int attach_instead(int cgroup_fd, int program, const uint32_t *ids, uint32_t count) {
    uint32_t first = 0;
    int r = -EINVAL;
    if (count > 0) {
        own_fd replaced = open_program(ids[0]);
        r = replaced < 0 ? replaced : attach(cgroup_fd, program, replaced);
        first = r == 0;
    }
    if (r == -EINVAL)
        r = attach(cgroup_fd, program, -1);
    for (uint32_t i = first; r == 0 && i < count; i++)
        r = detach(cgroup_fd, ids[i]);
    return r;
}

int devbpf_attach(int cgroup_fd, const struct bpf_insn *program, size_t count, struct error *err) {
    if (count == 0 || count > INT_MAX)
        return error_set(err, EINVAL, "a device program of %zu instructions", count);
    own_fd loaded = load(program, count, NULL);
    if (loaded == -EPERM)
        loaded = load_with_memory(program, count);
    if (loaded < 0)
        return refuse_program(program, count, -loaded, err);
    /* ENOENT: the program that was to be replaced is gone already; look again. */
    int r = -ENOENT;
    for (int attempt = 0; r == -ENOENT && attempt < REPLACE_ATTEMPTS; attempt++) {
        uint32_t ids[ATTACHED_MAX], attached;
        r = query(cgroup_fd, ids, &attached);
        if (r < 0)
            return error_code(err, -r, "list the device programs of the cgroup");
        r = attach_instead(cgroup_fd, loaded, ids, attached);
    }
    return r < 0 ? error_code(err, -r, "attach the device program to the cgroup") : 0;
}
