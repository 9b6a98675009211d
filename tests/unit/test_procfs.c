/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/procfs: files of a /proc that can be trusted, and refusals of one that cannot. As any user; what
 * somebody may have mounted over /proc is tried as root, in a mount namespace of the test's own, with openat2 and where
 * it is forbidden by a filter, and the same where the kernel does not tell on which mount a file is.
 */
#include "base/own.h"
#include "kernel/procfs.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROC_MAGIC 0x9fa0 /* statfs(2) */

static struct error err;

static bool is_procfs(int fd) {
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == PROC_MAGIC;
}

/* The mounts of this process, as text; to see whether a call has left one. */
static char *mounts(void) {
    static char text[2][65536];
    static int turn;
    turn = !turn;
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    for (ssize_t n = 1; fd >= 0 && n > 0; used += n > 0 ? (size_t)n : 0)
        n = read(fd, text[turn] + used, sizeof text[turn] - 1 - used);
    text[turn][used] = '\0';
    close(fd);
    return text[turn];
}

static void test_files(const struct procfs *proc, const char *name) {
    char text[4096], want[128] = "";
    ok(proc->fd >= 0 && is_procfs(proc->fd), "%s: is a procfs", name);
    ok(fcntl(proc->fd, F_GETFD) & FD_CLOEXEC, "%s: is closed by exec", name);
    is_number(procfs_read(proc, "sys/kernel/ostype", text, sizeof text), 0, "%s: a sysctl is read", name);
    is_text(text, "Linux", "%s: without the newline at its end", name);
    is_number(procfs_read(proc, "self/stat", text, sizeof text), 0, "%s: a file of one's own", name);
    is_number(atoi(text), getpid(), "%s: is of this process", name);
    is_number(procfs_read(proc, "self/comm", text, sizeof text), 0, "%s: another one", name);
    prctl(PR_GET_NAME, want);
    is_text(text, want, "%s: is, too", name);
    is_number(procfs_read(proc, "sys/kernel/ostype", text, 4), 0, "%s: a buffer that is too small", name);
    is_text(text, "Lin", "%s: is filled and terminated", name);
    snprintf(want, sizeof want, "%d/comm", (int)getpid());
    own_fd file = procfs_open(proc, want, O_RDONLY);
    ok(file >= 0 && (fcntl(file, F_GETFD) & FD_CLOEXEC), "%s: a file by pid, closed by exec", name);
    is_number(procfs_write(proc, "self/comm", "berth-test"), 0, "%s: a file is written", name);
    is_number(procfs_read(proc, "self/comm", text, sizeof text), 0, "%s: and read", name);
    is_text(text, "berth-test", "%s: as written", name);
    ok(procfs_write(proc, "self/oom_score_adj", "nonsense") < 0, "%s: what the kernel refuses is an error", name);
    is_number(procfs_write(proc, "self/oom_score_adj", "100000"), -EINVAL, "%s: in the kernel's own words", name);
    is_number(procfs_read(proc, "none", text, sizeof text), -ENOENT, "%s: a file that is not there", name);
    is_number(procfs_write(proc, "self/none", "x"), -ENOENT, "%s: is not made", name);
    is_number(procfs_open(proc, "sys/kernel", O_WRONLY), -EISDIR, "%s: a directory is not written to", name);
}

/* What leads out of a procfs, or to another process than one thinks. */
static void test_ways_out(const struct procfs *proc, const char *name) {
    static const char *const paths[] = {
        "self/exe",
        "self/cwd",
        "self/root",
        "self/fd/0",
        "self/ns/mnt",
        "self/root/etc/passwd",
        "self/cwd/x",
        "self/fd/0/x",
        "mounts",
        "self",
        "thread-self",
        "thread-self/comm",
        "net/dev",
        "..",
        "../etc/passwd",
        "self/../../x",
        "self/root/proc/self/comm",
        "/etc/passwd",
        "/proc/self/comm",
        "self/task/../../../..",
    };
    for (size_t i = 0; i < COUNT(paths); i++) {
        own_fd fd = procfs_open(proc, paths[i], O_RDONLY);
        ok(fd < 0, "%s: %s is not opened (%d)", name, paths[i], fd);
        own_fd path = procfs_open(proc, paths[i], O_PATH); /* the link itself may be had, not what it leads to */
        ok(path < 0 || is_procfs(path), "%s: %s does not lead out by O_PATH, either", name, paths[i]);
    }
    static char longest[8192] = "self/";
    memset(longest + 5, 'x', sizeof longest - 6);
    ok(procfs_open(proc, longest, O_RDONLY) < 0, "%s: a long name is refused", name);
    ok(procfs_open(proc, longest + 5, O_RDONLY) < 0, "%s: a long name without self, too", name);
}

static void test_both(const char *how) {
    char name[64];
    own_procfs host = PROCFS_INIT, own = PROCFS_INIT;
    int before = open_descriptors();
    snprintf(name, sizeof name, "%s, /proc", how);
    is_number(procfs_open_host(&host, &err), 0, "%s: is opened", name);
    test_files(&host, name);
    test_ways_out(&host, name);
    snprintf(name, sizeof name, "%s, a private one", how);
    static char mounts_before[65536];
    snprintf(mounts_before, sizeof mounts_before, "%s", mounts());
    is_number(procfs_open_private(&own, &err), 0, "%s: is opened", name);
    is_text(mounts(), mounts_before, "%s: is mounted nowhere", name);
    test_files(&own, name);
    test_ways_out(&own, name);
    procfs_drop(&host);
    procfs_drop(&own);
    is_number(open_descriptors(), before, "%s: no descriptor is left behind", how);
}

/* --- a /proc that lies ------------------------------------------------------------------------------------------- */

static void bind(const char *source, const char *target) {
    if (sys_mount(source, target, NULL, MS_BIND, NULL) < 0)
        printf("# cannot bind %s on %s\n", source, target);
}

/* Over single files and directories of /proc. */
static void test_covered(const char *how) {
    char text[256], target[64];
    bool private_is_private;
    own_procfs host = PROCFS_INIT, own = PROCFS_INIT;
    scratch_write("fake", "faked\n", 0644);
    char fake[PATH_MAX + 8];
    snprintf(fake, sizeof fake, "%s/fake", scratch);
    bind(fake, "/proc/sys/kernel/ostype");
    bind("/proc/sys/kernel/hostname",
         "/proc/sys/kernel/domainname"); /* another file of the same procfs: CVE-2025-52881 */
    snprintf(target, sizeof target, "/proc/%d/comm", (int)getpid());
    bind(fake, target);
    snprintf(target, sizeof target, "/proc/%d/attr", (int)getpid());
    bind(scratch, target);
    sys_mount("tmpfs", "/proc/sys/vm", "tmpfs", 0, NULL);
    is_number(procfs_open_host(&host, &err), 0, "%s: /proc with covered files", how);
    static const char *const covered[] = {"sys/kernel/ostype", "self/comm", "self/attr/current", "self/attr/fake",
                                          "sys/vm/swappiness"};
    for (size_t i = 0; i < COUNT(covered); i++)
        ok(procfs_read(&host, covered[i], text, sizeof text) < 0, "%s: covered %s is not read", how, covered[i]);
    ok(procfs_write(&host, "self/comm", "x") < 0, "%s: a covered file is not written", how);
    ok(procfs_read(&host, "sys/kernel/domainname", text, sizeof text) < 0,
       "%s: a file covered by another one of procfs is not read", how);
    is_number(procfs_read(&host, "sys/kernel/osrelease", text, sizeof text), 0, "%s: one that is not covered is read",
              how);
    is_text(scratch_read("fake"), "faked\n", "%s: what covers it is untouched", how);
    is_number(procfs_open_private(&own, &err), 0, "%s: a private procfs beside it", how);
    private_is_private = procfs_read(&own, "sys/kernel/ostype", text, sizeof text) == 0;
    ok(private_is_private, "%s: shows what is covered", how);
    is_text(text, "Linux", "%s: and shows the truth", how);
}

/* /proc itself is something else. Each in a mount namespace of its own. */
static void test_replaced(const char *how) {
    own_procfs proc = PROCFS_INIT;
    char self[64];
    if (unshare(CLONE_NEWNS) < 0 || sys_mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0)
        printf("# cannot cover /proc\n");
    int r = procfs_open_host(&proc, &err);
    ok(r < 0 && proc.fd == -1, "%s: a tmpfs on /proc is refused (%d)", how, r);
    ok(strstr(err.text, "/proc"), "%s: with a text (%s)", how, err.text);
    sys_umount2("/proc", SYS_UMOUNT_DETACH);
    static const char *const inner[] = {"/proc/sys", "/proc/self", "/proc/1"};
    for (size_t i = 0; i < COUNT(inner); i++) {
        snprintf(self, sizeof self, "%s", inner[i]);
        if (unshare(CLONE_NEWNS) < 0)
            printf("# cannot unshare\n");
        bind(self, "/proc");
        ok(procfs_open_host(&proc, &err) < 0 && proc.fd == -1, "%s: %s on /proc is refused", how, inner[i]);
        sys_umount2("/proc", SYS_UMOUNT_DETACH);
    }
    is_number(procfs_open_host(&proc, &err), 0, "%s: the true one is taken", how);
}

/* Without mount ids of statx(2) and without fdinfo there is no proof left: nothing is opened. */
static void test_unproven(const char *how) {
    char text[256], target[64];
    own_procfs host = PROCFS_INIT;
    snprintf(target, sizeof target, "/proc/%d/fdinfo", (int)getpid());
    bind(scratch, target);
    is_number(procfs_open_host(&host, &err), 0, "%s: /proc with fdinfo covered", how);
    ok(procfs_read(&host, "sys/kernel/osrelease", text, sizeof text) < 0, "%s: a file whose mount is not known", how);
    ok(procfs_write(&host, "self/comm", "x") < 0, "%s: is not written either", how);
}

/* openat2, and statx where wanted, answer with the given errno from here on, as old kernels and the filters of outer
 * containers have it. */
static bool forbid(int code, bool mount_ids) {
    const unsigned other = mount_ids ? SYS_openat2 : SYS_statx;
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = COUNT(program), .filter = program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sys_seccomp_filter(0, &filter) == 0;
}

static void all(const char *how, bool mount_ids, bool root) {
    test_both(how);
    if (!root) {
        ok(true, "%s: a covered /proc # SKIP needs root", how);
        return;
    }
    if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        ok(true, "%s: a covered /proc # SKIP no mount namespace to be had", how);
        return;
    }
    test_replaced(how);
    test_covered(how);
    if (!mount_ids)
        test_unproven(how);
}

/* In a child, since neither a filter nor a mount namespace can be left again; its points go on with the numbers. */
static void in_child(const char *how, int code, bool mount_ids, bool root) {
    int counts[2] = {0, 0}, wire[2], status = 0;
    if (pipe(wire) < 0)
        exit(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (code && !forbid(code, mount_ids))
            ok(false, "%s: no filter to be had", how);
        all(how, mount_ids, root);
        fflush(stdout);
        counts[0] = tap_count;
        counts[1] = tap_failed;
        _exit(write(wire[1], counts, sizeof counts) == sizeof counts ? 0 : 1);
    }
    close(wire[1]);
    bool told = read(wire[0], counts, sizeof counts) == sizeof counts;
    close(wire[0]);
    if (told) {
        tap_count = counts[0];
        tap_failed = counts[1];
    }
    ok(waitpid(pid, &status, 0) == pid && status == 0 && told, "%s: came to its end", how);
}

int main(void) {
    alarm(60); /* a hang is a failure */
    scratch_make();
    bool root = geteuid() == 0;
    in_child("with openat2", 0, true, root);
    in_child("without openat2 (ENOSYS)", ENOSYS, true, root);
    in_child("without openat2 (EPERM)", EPERM, true, root);
    in_child("without openat2 and statx (ENOSYS)", ENOSYS, false, root);
    in_child("without openat2 and statx (EPERM)", EPERM, false, root);
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
