/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: from START to the payload: finding the program, hooks of the container, the seccomp filter, exec, and a
 * diagnosis when that fails. Runs in init after pivot with the payload's credentials. Nothing is looked up with the
 * C library's databases: they would load code of the image.
 */
#include "base/fd.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/hook.h"
#include "init/init.h"
#include "kernel/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWD_MAX ((size_t)10 * 1024 * 1024)

/* The home directory in one line of passwd(5) when the line is the user's; the number is compared as a number. */
static bool passwd_home(char *line, uint32_t uid, const char **home) {
    char *fields[7], *rest = line;
    for (int i = 0; i < 7; i++) {
        fields[i] = rest ? rest : line + strlen(line);
        char *colon = rest ? strchr(rest, ':') : NULL;
        rest = colon ? colon + 1 : NULL;
        if (colon)
            *colon = '\0';
    }
    char *end;
    unsigned long number = strtoul(fields[2], &end, 10);
    if (!*fields[2] || *end || number != uid || fields[5][0] != '/')
        return false;
    *home = fields[5];
    return true;
}

/* Reads the image's user database in small pieces: a regular file of bounded size or nothing. */
static bool find_home(struct init *init, char *buffer, size_t size, const char **home) {
    struct stat st;
    own_fd path = resolve_path(init->root, "/etc/passwd", 0);
    if (path < 0 || fstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > PASSWD_MAX)
        return false;
    own_fd fd = resolve_open(init->root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    size_t used = 0, total = 0;
    bool skipping = false; /* the rest of a line that is longer than the buffer: it is nobody's */
    for (ssize_t n = 1; n > 0 && total < PASSWD_MAX;) {
        n = read(fd, buffer + used, size - 1 - used);
        if (n < 0)
            return false;
        used += (size_t)n;
        total += (size_t)n;
        buffer[used] = '\0';
        char *line = buffer, *end;
        while ((end = strchr(line, '\n')) || (n == 0 && *line)) {
            if (end)
                *end = '\0';
            if (!skipping && passwd_home(line, init->plan->process.uid, home))
                return true;
            line = end ? end + 1 : line + strlen(line);
            skipping = false;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
        if (used == size - 1) {
            used = 0;
            skipping = true;
        }
    }
    return false;
}

static void set_home(struct init *init) {
    char buffer[4096];
    const char *home = "/";
    if (init->plan->process.env_home < 0)
        return;
    find_home(init, buffer, sizeof buffer, &home);
    snprintf(init->home, sizeof init->home, "HOME=%s", home);
    init->plan->process.env[init->plan->process.env_home] = init->home;
}

/* Where the kernel cannot tell in advance, execve will. */
static int may_execute(const char *path, const struct stat *st) {
    int r = sys_may_execute(path);
    if (r != -ENOSYS && r != -EPERM) /* a kernel before 5.8; an outer container's seccomp filter */
        return r;
    return st->st_mode & 0111 ? 0 : -EACCES;
}

/* 0: a program that may be executed; otherwise why not. */
static int check_program(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return may_execute(path, &st);
}

/* What people often miss in args[0], to be put before the errno text; "" where nothing is known. */
static const char *explain(const char *name, int code, char *text, size_t size) {
    struct stat st;
    *text = '\0';
    if (code == ENOENT && strchr(name, ' '))
        snprintf(text, size, ": words are not split, each is an element of process.args");
    else if (code == EACCES && stat(name, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
        snprintf(text, size, ": not executable (mode %04o)", (unsigned)st.st_mode & 07777);
    return text;
}

static int lookup_in_path(struct init *init, const char *name, struct error *err) {
    int worst = -ENOENT;
    char why[80];
    for (const char *c = init->plan->process.path;;) {
        size_t len = strcspn(c, ":");
        int n = snprintf(init->program, sizeof init->program, "%.*s%s%s", (int)len, c, len ? "/" : "./", name);
        int r = n < 0 || (size_t)n >= sizeof init->program ? -ENAMETOOLONG : check_program(init->program);
        if (r == 0)
            return 0;
        /* execvp(3): one that may not be executed is told of, whatever comes after it. */
        if (r != -ENOENT && r != -ENOTDIR && r != -ENAMETOOLONG && worst != -EACCES)
            worst = r;
        if (!c[len])
            break;
        c += len + 1;
    }
    if (worst == -ENOENT)
        return error_set(err, ENOENT, "exec: \"%s\"%s: executable file not found in $PATH (looked in %s)", name,
                         explain(name, ENOENT, why, sizeof why), init->plan->process.path);
    return error_code(err, -worst, "exec: \"%s\": found in $PATH (%s), but none may be executed", name,
                      init->plan->process.path);
}

int launch_lookup(struct init *init, struct error *err) {
    const char *name = init->plan->process.args[0];
    char why[80];
    int r;
    set_home(init);
    if (!strchr(name, '/')) {
        r = lookup_in_path(init, name, err);
    } else {
        snprintf(init->program, sizeof init->program, "%s", name);
        r = strlen(name) < sizeof init->program ? check_program(name) : -ENAMETOOLONG;
        if (r == -EISDIR) /* in the words of execve(2), which engines look for */
            r = error_code(err, EACCES, "exec: \"%s\": is a directory", name);
        else if (r < 0)
            error_code(err, -r, "exec: \"%s\"%s", name, explain(name, -r, why, sizeof why));
    }
    return r < 0 ? error_blame(err, "exec", "/process/args/0", NULL) : r;
}

/* For a hook, too: needs no_new_privs or CAP_SYS_ADMIN. */
static int load_filter(const void *context) {
    const struct plan_filter *filter = context;
    const struct sock_fprog program = {.len = (unsigned short)filter->count,
                                       .filter = (struct sock_filter *)(uintptr_t)filter->program};
    int r = sys_seccomp_filter(filter->flags, &program);
    if (r == -EINVAL && filter->flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW) /* a kernel before 4.17 */
        r = sys_seccomp_filter(filter->flags & ~(unsigned)SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
    return r < 0 ? r : 0;
}

int launch_filter(struct init *init, struct error *err) {
    int r = init->plan->filter.program ? load_filter(&init->plan->filter) : 0;
    return r < 0 ? error_at(err, -r, "seccomp", "/linux/seccomp", "load seccomp filter") : 0;
}

/* With no_new_privs we load the filter behind the hooks, since it may forbid us to run any: each loads it for itself.
 */
int launch_start_hooks(struct init *init, struct error *err) {
    if (init->plan->hooks.at[HOOK_START_CONTAINER].count == 0)
        return 0;
    const struct plan *plan = init->plan;
    const bool own_filter = plan->process.no_new_privs && plan->filter.program;
    const struct hook_call call = {.state_fd = init->state_fd,
                                   .directory_fd = -1,
                                   .output = init->held->hook_output,
                                   .envp = plan->process.env,
                                   .confine = own_filter ? load_filter : NULL,
                                   .context = &plan->filter};
    int r = hook_run(&plan->hooks, HOOK_START_CONTAINER, &call, err);
    fd_drop(&init->state_fd);
    fd_drop(&init->held->hook_output.out);
    fd_drop(&init->held->hook_output.err);
    if (r < 0)
        return r;
    /* Without this word an end from here on could be one in the middle of a hook. */
    r = handoff_send(init->channel, HANDOFF_HOOKS, -1, NULL);
    return r < 0 ? error_code(err, -r, "tell that the startContainer hooks are done") : 0;
}

static bool diagnose_interpreter(const char *path, const char *what, const char *interpreter, struct error *err) {
    int r = check_program(interpreter);
    if (r < 0)
        error_code(err, -r, "exec: \"%s\": %s %s", path, what, interpreter);
    return r < 0;
}

/* "#!interpreter [argument]" (execve(2)): what is wrong with the interpreter, if anything. */
static bool diagnose_script(const char *path, char *head, struct error *err) {
    char *line = head + 2 + strspn(head + 2, " \t");
    line[strcspn(line, "\n")] = '\0';
    size_t len = strcspn(line, " \t");
    bool carriage_return = len > 0 && strchr(line, '\r') != NULL;
    if (!carriage_return)
        line[len] = '\0';
    else
        line[strcspn(line, "\r")] = '\0';
    if (carriage_return)
        error_set(
            err, ENOENT,
            "exec: \"%s\": no such file or directory: its first line \"#!%s\" ends in a carriage return (DOS line "
            "end)",
            path, line);
    else if (!*line)
        error_set(err, ENOEXEC, "exec: \"%s\": its first line \"#!\" names no interpreter", path);
    else
        return diagnose_interpreter(path, "interpreter of its first line", line, err);
    return true;
}

/* The dynamic loader that an ELF file names (elf(5), PT_INTERP). */
static bool diagnose_elf(const char *path, int fd, const char *head, struct error *err) {
    Elf64_Ehdr header;
    memcpy(&header, head, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    for (unsigned i = 0; i < header.e_phnum && i < 64; i++) {
        Elf64_Phdr segment;
        char loader[256];
        if (pread(fd, &segment, sizeof segment, (off_t)(header.e_phoff + i * sizeof segment)) != sizeof segment)
            return false;
        if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > sizeof loader)
            continue;
        if (pread(fd, loader, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz)
            return false;
        loader[segment.p_filesz - 1] = '\0';
        return diagnose_interpreter(path, "the file exists, but its interpreter", loader, err);
    }
    return false;
}

/* execve says ENOENT for three things; look again and tell them apart. */
static int diagnose(const char *path, int code, struct error *err) {
    char head[256] = {0};
    own_fd fd = fd_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head - 1, 0);
    bool told = false;
    if (n >= 2 && head[0] == '#' && head[1] == '!')
        told = diagnose_script(path, head, err);
    else if (n >= (ssize_t)sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0)
        told = diagnose_elf(path, fd, head, err);
    if (!told)
        error_code(err, code, "exec: \"%s\"%s", path, code == ENOEXEC ? ": not a program for this machine" : "");
    error_blame(err, "exec", "/process/args/0", NULL);
    return -code;
}

int launch_exec(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    execve(init->program, (char *const *)(uintptr_t)process->args, (char *const *)(uintptr_t)process->env);
    return diagnose(init->program, errno, err);
}
