/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of kernel/cgroup and kernel/devbpf on the cgroups of the host as they are: legacy, hybrid or unified. Needs
 * root. Everything happens below a cgroup of its own, /berth-test-PID, which is removed at the end.
 */
#include "base/own.h"
#include "kernel/cgroup.h"
#include "kernel/devbpf.h"
#include "kernel/sys.h"
#include "oci_types.h"
#include "plan/resources.h"
#include "tap.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct arena arena = ARENA_INIT;
static struct error err;
static struct cgroup_host host;
static char top[64]; /* "/berth-test-PID" */

/* A call that gives 0; else the reason is shown. */
#define succeeds(call, ...)                                                                                            \
    do {                                                                                                               \
        if (!ok((call) == 0, __VA_ARGS__))                                                                             \
            printf("# %s\n", err.text);                                                                                \
    } while (0)

static const char *below(const char *name) {
    return arena_printf(&arena, "%s/%s", top, name);
}

static struct cgroup located(const char *path) {
    struct cgroup group = CGROUP_INIT;
    if (cgroup_locate(&arena, &host, path, "id", &group, &err) < 0)
        printf("# locate %s: %s\n", path, err.text);
    return group;
}

static struct cgroup made(const char *name) {
    struct cgroup group = located(below(name));
    if (cgroup_make(&group, &err) < 0)
        printf("# make %s: %s\n", name, err.text);
    return group;
}

static bool exists(const struct cgroup_dir *dir, const char *path) {
    return access(arena_printf(&arena, "%s%s", dir->mount, path), F_OK) == 0;
}

static void test_lists(void) {
    static const struct {
        const char *controllers, *controller;
        bool want;
    } rows[] = {
        {"freezer", "freezer", true},
        {"perf_event,freezer", "freezer", true}, /* mounted together */
        {"freezer,perf_event", "freezer", true},
        {"cpuacct", "cpu", false},
        {"name=freezer", "freezer", false},
        {"", "freezer", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(cgroup_lists(rows[i].controllers, rows[i].controller) == rows[i].want, "\"%s\" %s %s", rows[i].controllers,
           rows[i].want ? "has" : "has not", rows[i].controller);
}

/* In how many of the hierarchies it is there. */
static size_t count_existing(const struct cgroup *group, const char *path) {
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++)
        count += exists(&group->dirs[i], path);
    return count;
}

/* A process that waits for signals. */
static pid_t sleeper(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    return pid;
}

/* Ends and reaps it; the signal that ended it. */
static int reap(pid_t pid) {
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static bool is_alive(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static bool lists(const struct cgroup *group, pid_t pid) {
    pid_t *pids = NULL;
    size_t count = 0;
    if (cgroup_processes(&arena, group, &pids, &count, &err) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* How many lines of /proc/PID/cgroup end so. */
static size_t count_lines(pid_t pid, const char *end) {
    own_fd fd = open(arena_printf(&arena, "/proc/%d/cgroup", pid), O_RDONLY | O_CLOEXEC);
    char text[8192];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    size_t count = 0;
    const char *line = arena_printf(&arena, "%s\n", end);
    for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
        count++;
    return count;
}

static size_t count_fds(void) {
    own_directory dir = opendir("/proc/self/fd");
    size_t count = 0;
    while (dir && readdir(dir))
        count++;
    return count;
}

/* ---- no kernel needed ---- */

static void test_locate(void) {
    const struct cgroup_host given = {
        .world = CGROUP_HYBRID,
        .count = 2,
        .hierarchies = {{.controllers = "memory", .mount = "/m", .own = "/a/b"},
                        {.controllers = "", .mount = "/u", .own = "/a/b", .unified = true}}};
    static const struct {
        const char *path, *v1, *v2;
    } cases[] = {
        {"/docker/x", "/docker/x", "/docker/x"},
        {"x/y", "/a/b/x/y", "/a/x/y"},
        {NULL, "/a/id", "/a/id"},
        {"", "/a/id", "/a/id"},
        {"/a:b/..c", "/a:b/..c", "/a:b/..c"},
        {"/x/", "/x", "/x"},
        {"//x//y", "/x/y", "/x/y"},
        {"/./x/./y/.", "/x/y", "/x/y"},
        {"./x//y/", "/a/b/x/y", "/a/x/y"},
    };
    static const char *const bad[] = {"/", "//", "/.", ".", "./", "/..", "/a/../b", "../a", "a/.."};
    struct cgroup group = CGROUP_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        succeeds(cgroup_locate(&arena, &given, cases[i].path, "id", &group, &err), "path %zu is taken", i);
        is_text(group.dirs[0].path, cases[i].v1, "path %zu in v1", i);
        is_text(group.dirs[1].path, cases[i].v2, "path %zu in cgroup2", i);
        ok(group.dirs[0].fd == -1, "and not opened");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_number(cgroup_locate(&arena, &given, bad[i], "id", &group, &err), -EINVAL, "\"%s\" is refused", bad[i]);
    char name[NAME_MAX + 3] = "/";
    memset(name + 1, 'n', NAME_MAX + 1);
    is_number(cgroup_locate(&arena, &given, name, "id", &group, &err), -EINVAL, "a name of 256 bytes is refused");
    name[NAME_MAX + 1] = '\0';
    succeeds(cgroup_locate(&arena, &given, name, "id", &group, &err), "one of 255 is taken");
    static char path[2 * PATH_MAX];
    for (size_t i = 0; i < sizeof path - 2; i += 2)
        memcpy(path + i, "/p", 3);
    is_number(cgroup_locate(&arena, &given, path, "id", &group, &err), -EINVAL, "a path of 8 KiB is refused");
    const struct cgroup_host outside = {
        .world = CGROUP_LEGACY, .count = 1, .hierarchies = {{.controllers = "memory", .mount = "/m", .own = "/../x"}}};
    is_number(cgroup_locate(&arena, &outside, NULL, "id", &group, &err), -EINVAL,
              "an own cgroup outside of the namespace is refused");
}

static void test_none(void) {
    const struct cgroup_host none = {.world = CGROUP_NONE};
    struct cgroup group = CGROUP_INIT;
    succeeds(cgroup_locate(&arena, &none, "/x", "id", &group, &err), "no cgroups: located");
    succeeds(cgroup_make(&group, &err), "no cgroups: made");
    is_number(cgroup_clone_fd(&group), -1, "no cgroups: nothing to clone into");
    succeeds(cgroup_enter(&group, 1, false, &err), "no cgroups: entered");
    is_number(cgroup_write(&group, "memory", "memory.max", "1", &err), -ENODEV, "no cgroups: no file");
    is_number(cgroup_freeze(&group, true, &err), -ENODEV, "no cgroups: not frozen");
    is_number(cgroup_signal(&group, 9, &err), -ENODEV, "no cgroups: no signal");
    succeeds(cgroup_remove(&group, true, 0, &err), "no cgroups: removed");
}

/* ---- making and removing ---- */

static void test_make(void) {
    struct cgroup group = made("one/two");
    is_number(count_existing(&group, below("one/two")), group.count, "made in all %zu hierarchies", group.count);
    bool opened = group.count > 0;
    for (size_t i = 0; i < group.count; i++)
        opened &= group.dirs[i].fd >= 0;
    ok(opened, "and open in all");
    struct cgroup again = located(below("one/two"));
    succeeds(cgroup_make(&again, &err), "an empty one that is there is taken");
    cgroup_drop(&again);
    succeeds(cgroup_remove(&group, false, 0, &err), "removed");
    is_number(count_existing(&group, below("one/two")), 0, "it is gone");
    is_number(count_existing(&group, below("one")), 0, "and so is the parent that was made");
    is_number(count_existing(&group, top), group.count, "but not the one that is in use");
    succeeds(cgroup_remove(&group, true, 0, &err), "removing it again is no error");
    is_number(cgroup_write(&group, "", "cgroup.procs", "0", &err) < 0, 1, "nothing can be written there");
    cgroup_drop(&group);
}

static void test_foreign_parent(void) {
    struct cgroup group = located(below("foreign/child"));
    for (size_t i = 0; i < group.count; i++)
        mkdir(arena_printf(&arena, "%s%s", group.dirs[i].mount, below("foreign")), 0755);
    succeeds(cgroup_make(&group, &err), "made below a parent of somebody else");
    succeeds(cgroup_remove(&group, false, 0, &err), "removed");
    is_number(count_existing(&group, below("foreign")), group.count, "their parent stays");
    for (size_t i = 0; i < group.count; i++)
        rmdir(arena_printf(&arena, "%s%s", group.dirs[i].mount, below("foreign")));
    cgroup_drop(&group);
}

static void test_occupied(void) {
    struct cgroup group = made("busy"), again = located(below("busy"));
    pid_t pid = sleeper();
    succeeds(cgroup_enter(&group, pid, false, &err), "entered");
    is_number(count_lines(pid, below("busy")), group.count, "the process sits there, in all of them");
    is_number(cgroup_make(&again, &err), -EBUSY, "a busy one is refused");
    ok(strstr(err.text, "container's cgroup is not empty: 1 process(es) found"), "by the known text: %s", err.text);
    is_number(count_existing(&group, below("busy")), group.count, "and left in place");
    is_number(cgroup_remove(&group, false, 20, &err), -EBUSY, "it is not removed without kill");
    ok(strstr(err.text, arena_printf(&arena, " %d", pid)), "the survivor is named: %s", err.text);
    ok(is_alive(pid), "and alive");
    succeeds(cgroup_remove(&group, true, 5000, &err), "it is with kill");
    is_number(reap(pid), SIGKILL, "the process was killed");
    is_number(count_existing(&group, below("busy")), 0, "gone in all");
    cgroup_drop(&group);
}

static void test_frozen_leftover(void) {
    struct cgroup group = made("cold"), again = located(below("cold"));
    succeeds(cgroup_freeze(&group, true, &err), "an empty one freezes");
    is_number(cgroup_make(&again, &err), -EBUSY, "a frozen one is refused");
    ok(strstr(err.text, "container's cgroup unexpectedly frozen"), "by the known text: %s", err.text);
    succeeds(cgroup_remove(&group, false, 0, &err), "frozen, it is removed");
    cgroup_drop(&group);
}

static void test_failed_make(void) {
    struct cgroup group = located(below("half/done"));
    struct cgroup_dir *last = &group.dirs[group.count - 1];
    last->mount = "/sys/fs/cgroup/no-such-mount";
    is_number(cgroup_make(&group, &err), -ENOENT, "a hierarchy that is not there: refused");
    is_number(count_existing(&group, below("half")), 0, "and all that was made is removed, parents too");
    bool closed = true;
    for (size_t i = 0; i < group.count; i++)
        closed &= group.dirs[i].fd == -1;
    ok(closed, "and closed");
    cgroup_drop(&group);
}

/* Sub-cgroups, `depth` below each other, in every hierarchy; a process in the deepest of each. */
static void nest(const struct cgroup *group, int depth, pid_t pid) {
    for (size_t i = 0; i < group->count; i++) {
        own_fd at = openat(group->dirs[i].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int level = 0; level < depth; level++) {
            mkdirat(at, "side", 0755);
            mkdirat(at, "down", 0755);
            int next = openat(at, "down", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            fd_drop(&at);
            at = next;
        }
        own_fd procs = openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (strcmp(group->dirs[i].controllers, "cpuset") != 0) /* needs cpus and mems first */
            dprintf(procs, "%d", pid);
    }
}

static void test_nested(void) {
    struct cgroup group = made("nested");
    pid_t pid = sleeper();
    nest(&group, 60, pid);
    ok(lists(&group, pid), "a process 60 levels below is listed");
    is_number(cgroup_remove(&group, false, 20, &err), -EBUSY, "and keeps the group");
    succeeds(cgroup_signal(&group, SIGTERM, &err), "signalled");
    is_number(reap(pid), SIGTERM, "down there, too");
    succeeds(cgroup_remove(&group, false, 5000, &err), "removed with all below");
    is_number(count_existing(&group, below("nested")), 0, "gone");
    cgroup_drop(&group);
    group = made("nested");
    pid = sleeper();
    nest(&group, 300, pid);
    succeeds(cgroup_remove(&group, true, 10000, &err), "300 levels, killed and removed");
    is_number(reap(pid), SIGKILL, "killed");
    cgroup_drop(&group);
}

/* Two at a time make and remove below one parent, which comes and goes with them. */
static void test_concurrent(void) {
    enum { PROCESSES = 4, ROUNDS = 60 };
    pid_t pids[PROCESSES];
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        int failed = 0;
        for (int round = 0; round < ROUNDS && !failed; round++) {
            struct cgroup group = located(arena_printf(&arena, "%s/shared/deep/%d-%d", top, i, round));
            failed |= cgroup_make(&group, &err) < 0 || cgroup_remove(&group, false, 100, &err) < 0;
            cgroup_drop(&group);
        }
        if (failed)
            fprintf(stderr, "# %s\n", err.text);
        _exit(failed);
    }
    int failed = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        failed += status != 0;
    }
    is_number(failed, 0, "%d processes make and remove below the same parent", PROCESSES);
    struct cgroup group = located(below("shared"));
    is_number(count_existing(&group, below("shared")), 0, "which is gone in the end");
    cgroup_drop(&group);
}

/* ---- processes ---- */

static void test_open(void) {
    struct cgroup group = made("record"), again = CGROUP_INIT;
    const char *controllers[CGROUP_HIERARCHIES_MAX], *paths[CGROUP_HIERARCHIES_MAX];
    for (size_t i = 0; i < group.count; i++) {
        controllers[i] = group.dirs[i].controllers;
        paths[i] = group.dirs[i].path;
    }
    pid_t pid = sleeper();
    cgroup_enter(&group, pid, false, &err);
    succeeds(cgroup_open(&arena, &host, controllers, paths, group.count, &again, &err), "opened from a record");
    ok(again.count == group.count && lists(&again, pid), "it finds its process");
    ok(cgroup_is_of_another(&again, "first", false, &err) == 0, "nobody's by name: not another's");
    ok(cgroup_is_of_another(&again, "first", true, &err) == 1, "unless it had a name");
    ok(cgroup_claim(&group, "first"), "it gets one");
    ok(cgroup_is_of_another(&again, "first", false, &err) == 0, "the first one's");
    cgroup_claim(&group, "second");
    ok(cgroup_is_of_another(&again, "first", false, &err) == 1 &&
           cgroup_is_of_another(&again, "second one", false, &err) == 1,
       "then another's");
    ok(cgroup_is_of_another(&again, "second", false, &err) == 0, "who knows it");
    succeeds(cgroup_remove(&again, true, 5000, &err), "and removes it");
    reap(pid);
    cgroup_drop(&again);
    succeeds(cgroup_open(&arena, &host, controllers, paths, group.count, &again, &err), "what is gone opens, too");
    ok(again.count == group.count && again.dirs[0].fd == -1, "as gone");
    bool frozen = true;
    ok(cgroup_frozen(&again, &frozen, &err) == 0 && !frozen, "what is gone is not frozen");
    succeeds(cgroup_remove(&again, true, 0, &err), "and is removed");
    paths[0] = "/../x";
    is_number(cgroup_open(&arena, &host, controllers, paths, group.count, &again, &err), -EINVAL,
              "a bad path is refused");
    cgroup_drop(&again);
    cgroup_drop(&group);
}

static void test_clone(void) {
    struct cgroup group = made("clone");
    int fd = cgroup_clone_fd(&group);
    if (host.world == CGROUP_LEGACY) {
        is_number(fd, -1, "no cgroup2: nothing to clone into");
        cgroup_remove(&group, true, 0, &err);
        cgroup_drop(&group);
        return;
    }
    fflush(stdout);
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned)fd};
    pid_t pid = sys_clone3(&args);
    if (pid == 0) {
        for (;;)
            pause();
    }
    is_number(pid > 0 ? count_lines(pid, arena_printf(&arena, "0::%s", below("clone"))) : 0, 1, "cloned into it");
    succeeds(cgroup_enter(&group, pid, true, &err), "the others are entered");
    is_number(count_lines(pid, below("clone")), group.count, "all of them");
    ok(lists(&group, pid), "listed");
    succeeds(cgroup_signal(&group, SIGUSR1, &err), "signalled");
    is_number(reap(pid), SIGUSR1, "and gone");
    succeeds(cgroup_remove(&group, false, 5000, &err), "removed");
    cgroup_drop(&group);
}

/* A process that says something every moment; how much is in the pipe tells whether it runs. */
static pid_t talker(int *read_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            while (write(ends[1], "x", 1) == 1)
                ;
            poll(&(struct pollfd){.fd = ends[1], .events = POLLOUT}, 1, -1);
        }
    }
    close(ends[1]);
    *read_end = ends[0];
    return pid;
}

/* Empties the pipe; whether anything new comes within the time. */
static bool talks(int fd, int timeout_ms) {
    char buffer[65536];
    while (read(fd, buffer, sizeof buffer) > 0)
        ;
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, timeout_ms) > 0;
}

static void test_freeze(void) {
    struct cgroup group = made("freeze");
    own_fd fd = -1;
    bool frozen = true;
    pid_t pid = talker(&fd);
    cgroup_enter(&group, pid, false, &err);
    ok(cgroup_frozen(&group, &frozen, &err) == 0 && !frozen, "not frozen at first");
    ok(talks(fd, 5000), "and running");
    succeeds(cgroup_freeze(&group, true, &err), "frozen");
    ok(cgroup_frozen(&group, &frozen, &err) == 0 && frozen, "it says so");
    ok(!talks(fd, 50), "and nothing runs in it");
    succeeds(cgroup_freeze(&group, true, &err), "frozen twice");
    succeeds(cgroup_freeze(&group, false, &err), "thawed");
    ok(cgroup_frozen(&group, &frozen, &err) == 0 && !frozen, "it says so");
    ok(talks(fd, 5000), "and runs");
    cgroup_freeze(&group, true, &err);
    succeeds(cgroup_signal(&group, SIGKILL, &err), "killed while frozen");
    is_number(reap(pid), SIGKILL, "it dies all the same");
    succeeds(cgroup_remove(&group, false, 5000, &err), "removed");
    cgroup_drop(&group);
}

static void leave(int signal) {
    (void)signal;
    _exit(7);
}

static void test_frozen_signal(void) {
    struct cgroup group = made("frozen-signal");
    bool frozen = false;
    /* A handler, not the default: cgroup2 lets a fatal signal through, which thaws the group for a moment. */
    void (*before)(int) = signal(SIGTERM, leave);
    pid_t pid = sleeper();
    signal(SIGTERM, before);
    cgroup_enter(&group, pid, false, &err);
    cgroup_freeze(&group, true, &err);
    succeeds(cgroup_signal(&group, SIGTERM, &err), "signalled while frozen");
    ok(cgroup_frozen(&group, &frozen, &err) == 0 && frozen && is_alive(pid), "it waits, and stays frozen");
    cgroup_freeze(&group, false, &err);
    int status = -1;
    ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7, "delivered when thawed");
    pid = sleeper();
    cgroup_enter(&group, pid, false, &err);
    cgroup_freeze(&group, true, &err);
    succeeds(cgroup_remove(&group, true, 5000, &err), "a frozen group is killed and removed");
    is_number(reap(pid), SIGKILL, "its process, too");
    cgroup_drop(&group);
}

/* Somebody else may have used the v1 freezer of a hybrid host. */
static void test_v1_freezer(void) {
    struct cgroup group = made("v1-freezer");
    bool frozen = false;
    pid_t pid = sleeper();
    cgroup_enter(&group, pid, false, &err);
    if (cgroup_write(&group, "freezer", "freezer.state", "FROZEN", &err) < 0) {
        ok(true, "v1 freezer # SKIP %s", err.text);
    } else {
        ok(cgroup_frozen(&group, &frozen, &err) == 0 && frozen, "seen as frozen");
        succeeds(cgroup_freeze(&group, false, &err), "thawed");
        ok(cgroup_frozen(&group, &frozen, &err) == 0 && !frozen, "seen as thawed");
        cgroup_write(&group, "freezer", "freezer.state", "FROZEN", &err);
    }
    succeeds(cgroup_remove(&group, true, 5000, &err), "killed and removed");
    is_number(reap(pid), SIGKILL, "its process is dead");
    cgroup_drop(&group);
}

/* ---- files and limits ---- */

static void test_files(void) {
    struct cgroup group = made("files");
    char text[256] = "";
    is_number(cgroup_write(&group, "no-such", "no-such.max", "1", &err), -ENODEV, "an unknown controller is refused");
    ok(strstr(err.text, "no-such"), "by name: %s", err.text);
    is_number(cgroup_read(&group, "no-such", "x", text, sizeof text, &err) < 0, 1, "nor is it read");
    is_number(cgroup_write(&group, "", "../cgroup.procs", "0", &err) < 0, 1, "a path is no file name");
    if (cgroup_write(&group, "pids", "pids.max", "33", &err) == 0) {
        succeeds(cgroup_read(&group, "pids", "pids.max", text, sizeof text, &err), "read back");
        is_text(text, "33", "what was written");
        is_number(cgroup_write(&group, "pids", "pids.max", "many", &err), -EINVAL, "nonsense is refused");
        ok(strstr(err.text, "\"many\" to pids.max") && strstr(err.text, "invalid argument"), "and shown: %s", err.text);
        is_number(cgroup_write(&group, "pids", "pids.nothing", "1", &err), -ENOENT, "a missing file is ENOENT");
    } else {
        ok(true, "pids # SKIP %s", err.text);
    }
    succeeds(cgroup_remove(&group, false, 0, &err), "removed");
    cgroup_drop(&group);
}

/* cgroup2: whichever controller the root has is passed down, beside v1 hierarchies only when it is asked for. */
static void test_enable(void) {
    struct cgroup group = made("enable/deep/down");
    int fd = cgroup_clone_fd(&group);
    char text[256] = "", list[256] = "";
    own_fd root =
        fd < 0 ? -1 : open(host.world == CGROUP_UNIFIED ? CGROUP_ROOT : CGROUP_ROOT "/unified", O_RDONLY | O_CLOEXEC);
    own_fd all = root < 0 ? -1 : openat(root, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
    ssize_t n = all < 0 ? 0 : read(all, list, sizeof list - 1);
    bool has = n > 0 && strstr(list, "hugetlb");
    list[strcspn(list, "\n")] = '\0';
    if (has) {
        bool unified = host.world == CGROUP_UNIFIED;
        ok(cgroup_read(&group, "", "cgroup.controllers", text, sizeof text, &err) == 0 &&
               !strstr(text, "hugetlb") == !unified,
           "a controller that nobody asked for is %s: \"%s\"", unified ? "enabled" : "not enabled", text);
        succeeds(cgroup_write(&group, "hugetlb", "hugetlb.2MB.max", "2097152", &err), "written");
        ok(cgroup_read(&group, "hugetlb", "hugetlb.2MB.max", text, sizeof text, &err) == 0, "readable");
        is_text(text, "2097152", "as written");
        ok(cgroup_read(&group, "", "cgroup.controllers", text, sizeof text, &err) == 0, "listed");
        is_text(text, unified ? list : "hugetlb", unified ? "and all others" : "and it alone");
    } else {
        ok(true, "enable # SKIP no hugetlb controller on cgroup2");
    }
    succeeds(cgroup_remove(&group, false, 0, &err), "removed");
    cgroup_drop(&group);
}

static void test_busy_parent(void) {
    struct cgroup parent = made("holds"), group = CGROUP_INIT;
    if (host.world != CGROUP_UNIFIED && host.world != CGROUP_HYBRID) {
        ok(true, "a parent with processes # SKIP no cgroup2");
        cgroup_remove(&parent, false, 0, &err);
        cgroup_drop(&parent);
        return;
    }
    pid_t pid = sleeper();
    group = made("holds/inner");
    cgroup_enter(&parent, pid, false, &err);
    int r = cgroup_write(&group, "hugetlb", "hugetlb.2MB.max", "0", &err);
    is_number(r, -ENODEV, "a parent that holds processes gives no controller");
    ok(strstr(err.text, "processes sit in that") || strstr(err.text, "not available"), "and that is said: %s",
       err.text);
    succeeds(cgroup_remove(&group, false, 0, &err), "removed");
    succeeds(cgroup_remove(&parent, true, 5000, &err), "parent removed");
    reap(pid);
    cgroup_drop(&group);
    cgroup_drop(&parent);
}

static void test_oom(void) {
    struct cgroup group = made("oom");
    bool unified = host.world == CGROUP_UNIFIED;
    if (cgroup_write(&group, "memory", unified ? "memory.max" : "memory.limit_in_bytes", "8388608", &err) < 0) {
        ok(true, "oom # SKIP %s", err.text);
    } else {
        is_number(cgroup_oom_kills(&group), 0, "no kill yet");
        int gate[2];
        if (pipe2(gate, O_CLOEXEC) < 0)
            return;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            char byte;
            if (read(gate[0], &byte, 1) != 1)
                _exit(1);
            volatile char *memory = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (size_t i = 0; memory != MAP_FAILED && i < 64 << 20; i += 4096)
                memory[i] = 1;
            _exit(0);
        }
        cgroup_enter(&group, pid, false, &err);
        ok(write(gate[1], "x", 1) == 1, "let go");
        close(gate[0]);
        close(gate[1]);
        is_number(reap(pid), SIGKILL, "64 MiB in 8 are killed");
        ok(cgroup_oom_kills(&group) >= 1, "and counted");
    }
    succeeds(cgroup_remove(&group, true, 5000, &err), "removed");
    cgroup_drop(&group);
}

/* As resources.h says: a write that may be reordered gets a second chance at the end. */
static int apply(const struct cgroup *group, const struct oci_resources *resources) {
    struct plan_resources plan;
    int r = resources_plan(&arena, resources, host.world == CGROUP_UNIFIED, &plan, &err);
    bool again[32] = {false};
    for (size_t i = 0; i < plan.count && r == 0; i++) {
        const struct resource_write *w = &plan.writes[i];
        r = cgroup_write(group, w->controller, w->file, w->value, &err);
        again[i] = w->reorder && (r == -EINVAL || r == -EBUSY);
        if (again[i] || (w->optional && (r == -ENOENT || r == -ENODEV)))
            r = 0;
    }
    for (size_t i = 0; i < plan.count && r == 0; i++)
        if (again[i])
            r = cgroup_write(group, plan.writes[i].controller, plan.writes[i].file, plan.writes[i].value, &err);
    return r;
}

static void reads(const struct cgroup *group, const char *controller, const char *file, const char *want) {
    char text[256] = "";
    int r = cgroup_read(group, controller, file, text, sizeof text, &err);
    is_text(r < 0 ? err.text : text, want, "%s", file);
}

static void test_apply(void) {
    struct cgroup group = made("apply/it");
    struct oci_memory memory = {.limit = 64 << 20, .has_limit = true, .swap = 128 << 20, .has_swap = true};
    struct oci_cpu cpu = {.shares = 2048, .has_shares = true, .quota = 20000, .has_quota = true, .period = 50000};
    struct oci_pids pids = {.limit = 20, .has_limit = true};
    struct oci_resources all = {.memory = &memory, .cpu = &cpu, .pids = &pids};
    bool unified = host.world == CGROUP_UNIFIED;
    memory.has_reservation = cpu.has_period = cpu.has_burst = true;
    memory.reservation = 32 << 20;
    cpu.burst = 10000;
    cpu.cpus = cpu.mems = "0";
    int r = apply(&group, &all);
    if (r == -ENODEV) {
        ok(true, "limits # SKIP %s", err.text);
    } else if (ok(r == 0, "limits are applied: %s", r ? err.text : "")) {
        reads(&group, "memory", unified ? "memory.max" : "memory.limit_in_bytes", "67108864");
        reads(&group, "memory", unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
              unified ? "67108864" : "134217728");
        reads(&group, "memory", unified ? "memory.low" : "memory.soft_limit_in_bytes", "33554432");
        reads(&group, "cpu", unified ? "cpu.weight" : "cpu.shares", unified ? "174" : "2048");
        reads(&group, "cpu", unified ? "cpu.max" : "cpu.cfs_quota_us", unified ? "20000 50000" : "20000");
        reads(&group, "cpu", unified ? "cpu.max.burst" : "cpu.cfs_burst_us", "10000");
        reads(&group, "cpuset", "cpuset.cpus", "0");
        reads(&group, "pids", "pids.max", "20");
        /* Both up, then both down, each of which has an order of its own. */
        memory.limit = 256 << 20, memory.swap = 512 << 20, cpu.quota = 90000, cpu.burst = 80000;
        succeeds(apply(&group, &all), "raised");
        reads(&group, "memory", unified ? "memory.max" : "memory.limit_in_bytes", "268435456");
        reads(&group, "cpu", unified ? "cpu.max.burst" : "cpu.cfs_burst_us", "80000");
        memory.limit = 16 << 20, memory.swap = 16 << 20, cpu.quota = 5000, cpu.burst = 0;
        succeeds(apply(&group, &all), "lowered");
        reads(&group, "memory", unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
              unified ? "0" : "16777216");
        reads(&group, "cpu", unified ? "cpu.max" : "cpu.cfs_quota_us", unified ? "5000 50000" : "5000");
        memory.limit = -1, memory.swap = 0;
        succeeds(apply(&group, &all), "no memory limit any more");
        reads(&group, "memory", unified ? "memory.max" : "memory.limit_in_bytes",
              unified ? "max" : "9223372036854771712");
        pid_t pid = sleeper();
        succeeds(cgroup_enter(&group, pid, false, &err), "a process enters it");
        succeeds(cgroup_signal(&group, SIGKILL, &err), "and is killed");
        reap(pid);
    }
    succeeds(cgroup_remove(&group, true, 5000, &err), "removed");
    cgroup_drop(&group);
}

/* ---- devices ---- */

static struct oci_device_rule device_rules[] = {
    {.allow = false, .has_allow = true, .access = "rwm"},
    {.allow = true,
     .has_allow = true,
     .type = OCI_DEVICE_RULE_TYPE_C,
     .major = 10,
     .has_major = true,
     .minor = 229,
     .has_minor = true,
     .access = "rwm"},
    {.allow = true, .has_allow = true, .type = OCI_DEVICE_RULE_TYPE_B, .major = 8, .has_major = true, .access = "r"},
};

static const struct plan_resources *planned_devices(bool unified, size_t count) {
    static struct plan_resources plan;
    struct oci_resources resources = {.devices = {count, device_rules}};
    if (resources_plan(&arena, &resources, unified, &plan, &err) < 0)
        printf("# %s\n", err.text);
    return &plan;
}

/* Opens it in a process of the group: 0 or the errno. */
static int open_inside(const struct cgroup *group, const char *path) {
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) < 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        if (read(gate[0], &byte, 1) != 1)
            _exit(255);
        _exit(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) < 0 ? errno : 0);
    }
    int status = -1, r = cgroup_enter(group, pid, false, &err);
    if (r == 0 && write(gate[1], "x", 1) != 1)
        r = -1;
    close(gate[0]);
    close(gate[1]);
    waitpid(pid, &status, 0);
    return r == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned attached(int fd) {
    uint32_t ids[64];
    union bpf_attr attr = {.query = {.target_fd = (uint32_t)fd, .attach_type = BPF_CGROUP_DEVICE}};
    attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attr.query.prog_cnt = 64;
    return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) < 0 ? 999 : attr.query.prog_cnt;
}

static void test_device_lines(void) {
    struct cgroup group = made("device-lines");
    const struct plan_resources *plan = planned_devices(false, 3);
    char text[4096] = "";
    if (cgroup_read(&group, "devices", "devices.list", text, sizeof text, &err) < 0) {
        ok(true, "v1 devices # SKIP %s", err.text);
    } else {
        is_number(open_inside(&group, "/dev/kmsg"), 0, "unrestricted, kmsg opens");
        int r = 0;
        for (size_t i = 0; i < plan->count && r == 0; i++)
            r = cgroup_write(&group, plan->writes[i].controller, plan->writes[i].file, plan->writes[i].value, &err);
        is_number(r, 0, "all lines are written: %s", r ? err.text : "");
        cgroup_read(&group, "devices", "devices.list", text, sizeof text, &err);
        ok(strncmp(text, "c 10:229 rwm\nb 8:* r\nc *:* m\n", 29) == 0, "devices.list begins with the config's rules");
        is_number(open_inside(&group, "/dev/null"), 0, "null opens");
        is_number(open_inside(&group, "/dev/kmsg"), EPERM, "kmsg does not");
    }
    succeeds(cgroup_remove(&group, false, 5000, &err), "removed");
    cgroup_drop(&group);
}

static void test_device_program(void) {
    struct cgroup group = made("device-program");
    const struct plan_resources *plan = planned_devices(true, 3);
    int fd = cgroup_clone_fd(&group);
    if (fd < 0) {
        ok(true, "device program # SKIP no cgroup2");
    } else {
        is_number(open_inside(&group, "/dev/kmsg"), 0, "unrestricted, kmsg opens");
        succeeds(devbpf_attach(fd, plan->device_program, plan->device_count, &err), "attached");
        is_number(attached(fd), 1, "one program");
        is_number(open_inside(&group, "/dev/null"), 0, "null opens");
        is_number(open_inside(&group, "/dev/urandom"), 0, "urandom opens");
        is_number(open_inside(&group, "/dev/kmsg"), EPERM, "kmsg does not");
        device_rules[0].allow = true;
        plan = planned_devices(true, 1);
        succeeds(devbpf_attach(fd, plan->device_program, plan->device_count, &err), "attached again");
        device_rules[0].allow = false;
        is_number(attached(fd), 1, "in the place of the first");
        is_number(open_inside(&group, "/dev/kmsg"), 0, "and kmsg opens");
        const struct bpf_insn bad[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1}};
        ok(devbpf_attach(fd, bad, 1, &err) < 0, "a bad program is refused");
        ok(strstr(err.text, "verifier"), "with the verifier's word: %s", err.text);
        is_number(attached(fd), 1, "and the old one stays");
    }
    succeeds(cgroup_remove(&group, false, 5000, &err), "removed");
    cgroup_drop(&group);
}

/* ---- the frame ---- */

/* Out of the caller's cgroups first: what they are is none of this test's business. */
static int body(void) {
    alarm(300); /* a hang is a failure, too, and what it leaves behind is removed */
    struct cgroup self = located(below("self"));
    if (!ok(cgroup_make(&self, &err) == 0 && cgroup_enter(&self, getpid(), false, &err) == 0, "a cgroup of its own"))
        return printf("# %s\n", err.text), 1;
    size_t fds = count_fds();
    test_make();
    test_foreign_parent();
    test_occupied();
    test_frozen_leftover();
    test_failed_make();
    test_nested();
    test_concurrent();
    test_open();
    test_clone();
    test_freeze();
    test_frozen_signal();
    test_v1_freezer();
    test_files();
    test_enable();
    test_busy_parent();
    test_apply();
    test_oom();
    test_device_lines();
    test_device_program();
    is_number(count_fds(), fds, "no descriptor is left open");
    cgroup_drop(&self);
    return tap_done();
}

static int run_body(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int r = body();
        arena_drop(&arena);
        exit(r);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    struct cgroup all = located(top);
    int r = cgroup_remove(&all, true, 5000, &err);
    if (r < 0)
        printf("# left behind: %s\n", err.text);
    return r < 0 || !WIFEXITED(status) ? 1 : WEXITSTATUS(status);
}

int main(void) {
    if (geteuid() != 0) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    snprintf(top, sizeof top, "/berth-test-%d", getpid());
    if (cgroup_host_probe(&arena, &host, &err) < 0 || host.world == CGROUP_NONE) {
        printf("1..0 # SKIP no cgroups: %s\n", err.text);
        return 0;
    }
    static const char *const worlds[] = {"none", "legacy", "hybrid", "unified"};
    printf("# world: %s, %zu hierarchies\n", worlds[host.world], host.count);
    test_lists();
    test_locate();
    test_none();
    int r = run_body();
    arena_drop(&arena);
    return r;
}
