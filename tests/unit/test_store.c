/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of life/store: the state root, a directory for each container, its lock, its record and its gate. As any
 * user, in a state root of the test's own. Takes ten seconds: so long a locked container is waited for.
 */
#include "base/own.h"
#include "life/store.h"
#include "scratch.h"
#include "tap.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena arena = ARENA_INIT;
static struct error err;
static struct store store = STORE_INIT;

static const char *below(const char *name) {
    return arena_printf(&arena, "%s/%s", scratch, name);
}

static mode_t mode_of(int dir, const char *name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & 07777 : 0;
}

static bool there(int dir, const char *name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- the state root ---------------------------------------------------------------------------------------------- */

static void test_root(void) {
    struct store out = {.fd = 4711};
    int before = open_descriptors();
    is_number(store_open(below("none"), false, &out, &err), -ENOENT, "a root that is not there");
    is_number(out.fd, 4711, "out is untouched");
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < COUNT(masks); i++) {
        const char *name = arena_printf(&arena, "made%zu/a/b", i);
        mode_t saved = umask(masks[i]);
        struct store made = STORE_INIT;
        is_number(store_open(below(name), true, &made, &err), 0, "a root is made (umask %o)", (unsigned)masks[i]);
        mode_t now = umask(saved);
        ok(now == masks[i], "the umask is what it was (%o)", (unsigned)masks[i]);
        is_number(mode_of(scratch_fd, name), 0700, "for its owner alone (umask %o)", (unsigned)masks[i]);
        is_number(mode_of(scratch_fd, arena_printf(&arena, "made%zu", i)), 0700, "so are its parents (umask %o)",
                  (unsigned)masks[i]);
        is_text(made.root, below(name), "its path is kept");
        ok(made.made && (fcntl(made.fd, F_GETFD) & FD_CLOEXEC), "it is new and closed by exec");
        store_drop(&made);
        is_number(made.fd, -1, "it is dropped");
        is_number(store_open(below(name), true, &made, &err), 0, "and opened again (umask %o)", (unsigned)masks[i]);
        ok(!made.made, "it is not new any more");
        store_drop(&made);
    }
    is_number(open_descriptors(), before, "no descriptor is left behind");
}

static void test_root_refused(void) {
    static const struct {
        mode_t mode;
        bool good;
    } modes[] = {{0700, true},  {0755, true},  {0711, true},  {0500, true},   {0770, false}, {0720, false},
                 {0702, false}, {0777, false}, {0722, false}, {01777, false}, {02770, false}};
    char path[32];
    for (size_t i = 0; i < COUNT(modes); i++) {
        struct store out = STORE_INIT;
        snprintf(path, sizeof path, "mode%o", (unsigned)modes[i].mode);
        (void)!mkdirat(scratch_fd, path, 0700);
        (void)!fchmodat(scratch_fd, path, modes[i].mode, 0);
        is_number(store_open(below(path), false, &out, &err), modes[i].good ? 0 : -EPERM, "a root of mode %o",
                  (unsigned)modes[i].mode);
        is_number(out.fd >= 0, modes[i].good, "mode %o: is %s", (unsigned)modes[i].mode,
                  modes[i].good ? "open" : "not opened");
        is_number(mode_of(scratch_fd, path), modes[i].mode, "mode %o: is not changed", (unsigned)modes[i].mode);
        store_drop(&out);
    }
    static const char *const names[] = {"relative", "", "./x", "../x", "/", "//", "///"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct store out = STORE_INIT;
        is_number(store_open(names[i], true, &out, &err), -EINVAL, "root \"%s\" is refused", names[i]);
        store_drop(&out);
    }
    struct store out = STORE_INIT;
    scratch_write("plain", "", 0600);
    is_number(store_open(below("plain"), true, &out, &err), -ENOTDIR, "a file is no root");
    is_number(store_open(below("plain/x"), true, &out, &err), -ENOTDIR, "nor is what would be in it");
    static char longest[2 * PATH_MAX];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    is_number(store_open(longest, true, &out, &err), -ENAMETOOLONG, "a path that is too long");
    /* Somebody else's: CVE-2015-1331. */
    bool root = geteuid() == 0;
    const char *foreign = root ? below("foreign") : "/usr";
    if (root && (mkdir(foreign, 0700) < 0 || chown(foreign, 65534, 65534) < 0))
        printf("# cannot give %s away\n", foreign);
    is_number(store_open(foreign, false, &out, &err), -EPERM, "a root of another user is refused");
    is_number(store_open(foreign, true, &out, &err), -EPERM, "also when it may be made");
    ok(strstr(err.text, foreign), "with its path (%s)", err.text);
    is_number(out.fd, -1, "out is untouched");
}

/* $XDG_RUNTIME_DIR is the place of an ordinary user. */
static void test_default_root(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct store out = STORE_INIT;
        int failed = 0;
        if (geteuid() == 0) {
            if (chown(below("runtime"), 65534, 65534) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
                _exit(99);
        }
        unsetenv("XDG_RUNTIME_DIR");
        failed |= store_open(NULL, true, &out, &err) == -ENOENT && strstr(err.text, "XDG_RUNTIME_DIR") ? 0 : 1;
        setenv("XDG_RUNTIME_DIR", "relative", 1);
        failed |= store_open(NULL, true, &out, &err) < 0 ? 0 : 2;
        setenv("XDG_RUNTIME_DIR", below("runtime"), 1);
        failed |= store_open(NULL, false, &out, &err) == -ENOENT ? 0 : 4;
        failed |= store_open(NULL, true, &out, &err) == 0 && out.made ? 0 : 8;
        failed |= strcmp(out.root, below("runtime/berth")) == 0 ? 0 : 16;
        _exit(failed);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    int failed = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    ok(!(failed & 1), "without XDG_RUNTIME_DIR an ordinary user has no root");
    ok(!(failed & 2), "a relative one is none");
    ok(!(failed & 4), "its root is not there at first");
    ok(!(failed & 8), "is made");
    ok(!(failed & 16), "and is $XDG_RUNTIME_DIR/berth");
}

/* --- a container's directory ------------------------------------------------------------------------------------- */

static void test_reserve(void) {
    int before = open_descriptors();
    own_fd dir = -1;
    int other = 4711;
    mode_t saved = umask(0777);
    is_number(store_reserve(&store, "c1", &dir, &err), 0, "a container is reserved");
    umask(saved);
    is_number(mode_of(store.fd, "c1"), 0700, "for its owner alone, whatever the umask");
    ok(fcntl(dir, F_GETFD) & FD_CLOEXEC, "closed by exec");
    ok(store_busy(dir), "and locked");
    is_number(store_reserve(&store, "c1", &other, &err), -EEXIST, "once only");
    ok(strstr(err.text, "container with given ID already exists"), "in the words that engines know (%s)", err.text);
    is_number(other, 4711, "out is untouched");
    fd_drop(&dir);
    is_number(store_reserve(&store, "c1", &other, &err), -EEXIST, "also when nobody works on it");
    is_number(store_enter(&store, "c1", false, &dir, &err), 0, "it is entered");
    ok(!store_busy(dir), "without a lock");
    fd_drop(&dir);
    is_number(store_enter(&store, "c1", true, &dir, &err), 0, "entered and locked");
    ok(store_busy(dir), "with a lock");
    is_number(store_enter(&store, "c1", false, &other, &err), 0, "a reader does not wait for it");
    ok(store_busy(other), "but sees it");
    close(other);
    fd_drop(&dir);
    is_number(open_descriptors(), before, "no descriptor is left behind");
}

static void test_enter_refused(void) {
    static const char *const bad[] = {"", ".", "..", "../store", "a/b", "/etc", ".cache", "a b", "c1/", "c1\n"};
    int dir = 4711;
    for (size_t i = 0; i < COUNT(bad); i++) {
        ok(store_enter(&store, bad[i], false, &dir, &err) < 0, "bad id %zu is not entered", i);
        ok(strstr(err.text, "invalid container ID format"), "bad id %zu: in the words that engines know", i);
    }
    is_number(store_enter(&store, "nobody", true, &dir, &err), -ENOENT, "a container that is not there");
    ok(strstr(err.text, "container does not exist"), "in the words that engines know (%s)", err.text);
    int made = symlinkat("c1", store.fd, "link");
    ok(made == 0 && store_enter(&store, "link", false, &dir, &err) < 0, "a link is not entered");
    made = openat(store.fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ok(made >= 0 && store_enter(&store, "file", false, &dir, &err) < 0, "nor a file");
    close(made);
    is_number(dir, 4711, "out is untouched");
    unlinkat(store.fd, "link", 0);
    unlinkat(store.fd, "file", 0);
    char id[300];
    memset(id, 'a', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    ok(store_reserve(&store, id, &dir, &err) < 0 && *err.text, "an id that no file name can be is refused (%.60s)",
       err.text);
    id[NAME_MAX] = '\0';
    own_fd longest = -1;
    is_number(store_reserve(&store, id, &longest, &err), 0, "one of 255 bytes is not");
    is_number(store_remove(&store, id, longest, &err), 0, "and is removed");
}

/* Runs in a child until something can be read from `until`; tells when it holds the lock. */
static pid_t hold_lock(const char *id, int tell, int until) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    own_fd dir = -1;
    char byte = 0;
    if (store_enter(&store, id, true, &dir, &err) < 0 || write(tell, "x", 1) != 1)
        _exit(1);
    _exit(read(until, &byte, 1) < 0);
}

/* Waits until the parent waits for a lock: proc_locks(5) has "->" in front of those that wait. */
static void wait_for_waiter(void) {
    char line[256], mine[32];
    snprintf(mine, sizeof mine, " %d ", (int)getppid());
    for (bool waits = false; !waits;) {
        FILE *stream = fopen("/proc/locks", "re");
        if (!stream)
            return;
        while (!waits && fgets(line, sizeof line, stream))
            waits = strstr(line, " -> FLOCK") && strstr(line, mine);
        fclose(stream);
    }
}

/* A second process waits until the first one is done, and not longer. */
static void test_lock(void) {
    int tell[2], until[2];
    char byte;
    own_fd dir = -1;
    is_number(pipe(tell) | pipe(until), 0, "pipes");
    pid_t holder = hold_lock("c1", tell[1], until[0]);
    is_number(read(tell[0], &byte, 1), 1, "another process has the lock");
    is_number(store_enter(&store, "c1", false, &dir, &err), 0, "it is entered without");
    ok(store_busy(dir), "and is seen to be busy");
    fd_drop(&dir);
    fflush(stdout);
    pid_t releaser = fork();
    if (releaser == 0) {
        wait_for_waiter();
        _exit(write(until[1], "x", 1) != 1);
    }
    is_number(store_enter(&store, "c1", true, &dir, &err), 0, "the lock comes when the other one lets go");
    ok(store_busy(dir), "and is held now");
    fd_drop(&dir);
    waitpid(holder, NULL, 0);
    waitpid(releaser, NULL, 0);
    holder = hold_lock("c1", tell[1], until[0]);
    is_number(read(tell[0], &byte, 1), 1, "another process has the lock again");
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    is_number(store_enter(&store, "c1", false, &dir, &err), 0, "it was killed");
    ok(!store_busy(dir), "and the lock went with it");
    fd_drop(&dir);
    for (int i = 0; i < 2; i++)
        close(tell[i]), close(until[i]);
}

/* A container that is deleted while one waits for it does not exist any more. */
static void test_lock_of_deleted(void) {
    own_fd dir = -1, mine = -1;
    is_number(store_reserve(&store, "doomed", &dir, &err), 0, "a container that will go");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        wait_for_waiter();
        _exit(store_remove(&store, "doomed", dir, &err) != 0);
    }
    close(fd_take(&dir)); /* the lock is the child's now: it has a copy of the descriptor */
    int r = store_enter(&store, "doomed", true, &mine, &err);
    is_number(r, -ENOENT, "one that was deleted meanwhile does not exist");
    ok(strstr(err.text, "container does not exist"), "in the words that engines know");
    int status = 1;
    waitpid(pid, &status, 0);
    is_number(status, 0, "it was deleted");
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs beside the others: how long a lock is waited for when nobody lets go, and what is left of the signals. */
static pid_t start_deadline(int *until) {
    int tell[2], hold[2];
    char byte;
    own_fd reserved = -1, dir = -1;
    if (pipe(tell) < 0 || pipe(hold) < 0 || store_reserve(&store, "stuck", &reserved, &err) < 0)
        return -1;
    fd_drop(&reserved);
    pid_t holder = hold_lock("stuck", tell[1], hold[0]);
    *until = hold[1];
    if (holder < 0 || read(tell[0], &byte, 1) != 1)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    close(hold[1]);
    sigset_t all, before, after;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigprocmask(SIG_SETMASK, NULL, &before);
    signal(SIGALRM, SIG_IGN);
    double started = seconds();
    int r = store_enter(&store, "stuck", true, &dir, &err), failed = 0;
    double took = seconds() - started;
    sigprocmask(SIG_SETMASK, NULL, &after);
    failed |= r == -EBUSY && strstr(err.text, "stuck") ? 0 : 1;
    failed |= took > 9 && took < 15 ? 0 : 2;
    for (int s = 1; s < 32; s++)
        failed |= sigismember(&before, s) == sigismember(&after, s) ? 0 : 4;
    failed |= signal(SIGALRM, SIG_DFL) == SIG_IGN ? 0 : 4;
    failed |= alarm(0) == 0 ? 0 : 8;
    failed |= dir == -1 ? 0 : 16;
    _exit(failed);
}

static void end_deadline(pid_t pid, int until) {
    int status = 255 << 8;
    if (pid > 0)
        waitpid(pid, &status, 0);
    ok(write(until, "x", 1) == 1 && wait(NULL) > 0, "the one that held a lock for so long is let go");
    close(until);
    int failed = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    ok(!(failed & 1), "a lock that nobody lets go of: EBUSY, with the id");
    ok(!(failed & 2), "after ten seconds");
    ok(!(failed & 4), "signals are as they were");
    ok(!(failed & 8), "no alarm is left");
    ok(!(failed & 16), "out is untouched");
}

/* --- the record -------------------------------------------------------------------------------------------------- */

static void test_record(void) {
    struct oci_string_entry annotations[] = {{"k", "v\n\"x\""}, {"e", ""}};
    const struct oci_record record = {.version = 1,
                                      .has_version = true,
                                      .id = "c1",
                                      .bundle = "/b",
                                      .created = "2026-01-01T00:00:00Z",
                                      .has_owner = true,
                                      .rootfs = "/b/rootfs",
                                      .pid = 4711,
                                      .has_pid = true,
                                      .start_time = UINT64_MAX,
                                      .has_start_time = true,
                                      .annotations = {2, annotations}};
    struct oci_record second = record;
    const struct oci_record *got = NULL;
    own_fd dir = -1;
    second.pid = 1;
    store_enter(&store, "c1", true, &dir, &err);
    is_number(store_read(dir, "c1", &arena, &got, &err), -ENODATA, "a container without a record");
    ok(got == NULL, "out is untouched");
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < COUNT(masks); i++) {
        unlinkat(dir, "record.json", 0);
        mode_t saved = umask(masks[i]);
        is_number(store_write(dir, &record, &err), 0, "a record is written (umask %o)", (unsigned)masks[i]);
        umask(saved);
        is_number(mode_of(dir, "record.json"), 0600, "for its owner alone (umask %o)", (unsigned)masks[i]);
    }
    ok(!there(dir, "record.new"), "nothing else is left");
    own_fd reader = openat(dir, "record.json", O_RDONLY | O_CLOEXEC);
    is_number(store_read(dir, "c1", &arena, &got, &err), 0, "it is read");
    ok(got && got->pid == 4711 && got->start_time == UINT64_MAX && got->annotations.count == 2, "numbers");
    is_text(got ? got->bundle : NULL, "/b", "and texts");
    ok(got && strcmp(got->annotations.items[0].value, "v\n\"x\"") == 0, "of any kind");
    is_number(store_write(dir, &second, &err), 0, "another one is written");
    is_number(store_read(dir, "c1", &arena, &got, &err), 0, "and read");
    is_number(got ? got->pid : 0, 1, "it has taken the place of the first");
    char text[8192] = "";
    ok(read(reader, text, sizeof text - 1) > 0 && strstr(text, "4711"),
       "whoever was reading the first still has it whole");
    /* What a killed write has left is no obstacle. */
    own_fd leftover = openat(dir, "record.new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ok(write(leftover, text, sizeof text) == sizeof text, "a half-written one is there");
    is_number(store_write(dir, &record, &err), 0, "and is written over");
    is_number(store_read(dir, "c1", &arena, &got, &err), 0, "to the end");
}

static void test_bad_records(void) {
    static const char *const texts[] = {"", "{", "[]", "{\"id\":5}", "nonsense", "{} {}"};
    own_fd dir = -1;
    const struct oci_record *got = NULL;
    store_enter(&store, "c1", true, &dir, &err);
    for (size_t i = 0; i < COUNT(texts); i++) {
        own_fd file = openat(dir, "record.json", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
        ok(write(file, texts[i], strlen(texts[i])) >= 0 && store_read(dir, "c1", &arena, &got, &err) < 0,
           "a damaged record is refused: %s", texts[i]);
        ok(got == NULL && strstr(err.text, "record"), "with a text (%s)", err.text);
    }
    unlinkat(dir, "record.json", 0);
    const struct oci_record good = {.version = 1,
                                    .has_version = true,
                                    .id = "c1",
                                    .bundle = "/b",
                                    .created = "2026-01-01T00:00:00Z",
                                    .has_owner = true,
                                    .rootfs = "/b/rootfs"};
    char record[4096];
    is_number(store_write(dir, &good, &err), 0, "a good record");
    own_fd written = openat(dir, "record.json", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(written, record, sizeof record - 1);
    record[n > 0 ? n : 0] = '\0';
    scratch_write("canary", record, 0600);
    unlinkat(dir, "record.json", 0);
    ok(symlinkat(below("canary"), dir, "record.json") == 0 && store_read(dir, "c1", &arena, &got, &err) < 0 &&
           got == NULL,
       "seen through a link is none");
    ok(symlinkat(below("canary"), dir, "record.new") == 0 &&
           store_write(dir, &(struct oci_record){.id = "c1"}, &err) < 0,
       "a link is not written through");
    is_text(scratch_read("canary"), record, "and what it leads to is untouched");
    unlinkat(dir, "record.json", 0);
    unlinkat(dir, "record.new", 0);
}

/* --- the gate ---------------------------------------------------------------------------------------------------- */

static void test_gate(void) {
    char id[NAME_MAX + 1];
    memset(id, 'g', NAME_MAX);
    id[NAME_MAX] = '\0'; /* longer than an address may be */
    own_fd dir = -1, listening = -1, caller = -1;
    is_number(store_reserve(&store, id, &dir, &err), 0, "a container with a long id");
    is_number(store_gate_connect(dir, 0, &caller), -ENOENT, "nobody waits at its gate");
    mode_t saved = umask(0);
    is_number(store_gate_listen(dir, &listening, &err), 0, "somebody waits there");
    umask(saved);
    is_number(mode_of(dir, "start"), 0600, "nobody else may come, whatever the umask");
    ok(fcntl(listening, F_GETFD) & FD_CLOEXEC, "closed by exec");
    is_number(store_gate_connect(dir, 0, &caller), 0, "start comes");
    ok(caller >= 0 && (fcntl(caller, F_GETFD) & FD_CLOEXEC), "closed by exec");
    own_fd accepted = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    char text[8] = "";
    ok(send(caller, "hello", 6, 0) == 6 && recv(accepted, text, sizeof text, 0) == 6 && strcmp(text, "hello") == 0,
       "and is heard");
    fd_drop(&accepted);
    fd_drop(&caller);
    int other = 4711;
    ok(store_gate_listen(dir, &other, &err) < 0 && other == 4711, "only one can wait there");
    fd_drop(&listening);
    int untouched = 4711;
    is_number(store_gate_connect(dir, 0, &untouched), -ECONNREFUSED, "who has gone does not wait");
    is_number(untouched, 4711, "out is untouched");
    is_number(store_remove(&store, id, dir, &err), 0, "the gate goes with the container");
}

/* --- removal and listing ----------------------------------------------------------------------------------------- */

static void test_remove(void) {
    own_fd dir = -1;
    static const char *const files[] = {"record.json", "record.new", "start"};
    is_number(store_reserve(&store, "full", &dir, &err), 0, "a container");
    for (size_t i = 0; i < COUNT(files); i++)
        close(openat(dir, files[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    (void)!mkdirat(dir, "notify", 0700);
    close(openat(dir, "notify/notify.sock", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    is_number(store_remove(&store, "full", dir, &err), 0, "is removed with what is of ours in it");
    ok(!there(store.fd, "full"), "and is gone");
    is_number(store_remove(&store, "full", dir, &err), 0, "removing it again is no error");
    fd_drop(&dir);
    is_number(store_reserve(&store, "full", &dir, &err), 0, "the id is free again");
    close(openat(dir, "foreign", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ok(store_remove(&store, "full", dir, &err) < 0 && *err.text, "one with a stranger in it is not removed (%s)",
       err.text);
    ok(there(dir, "foreign"), "the stranger is there still");
    unlinkat(dir, "foreign", 0);
    /* A link in place of a directory of ours leads nowhere: nothing outside is removed. */
    (void)!mkdirat(scratch_fd, "victim", 0700);
    scratch_write("victim/notify.sock", "canary", 0600);
    scratch_write("victim/record.json", "canary", 0600);
    (void)!symlinkat(below("victim"), dir, "notify");
    (void)!symlinkat(below("victim/record.json"), dir, "record.json");
    (void)store_remove(&store, "full", dir, &err);
    is_text(scratch_read("victim/notify.sock"), "canary", "nothing is removed through a link");
    is_text(scratch_read("victim/record.json"), "canary", "nor where a link leads");
    unlinkat(dir, "notify", 0);
    store_remove(&store, "full", dir, &err);
}

static void test_ids(void) {
    const char **ids = NULL;
    size_t count = 4711;
    own_store empty = STORE_INIT;
    is_number(store_open(below("empty"), true, &empty, &err), 0, "an empty root");
    is_number(store_ids(&empty, &arena, &ids, &count, &err), 0, "is listed");
    ok(count == 0 && ids && !ids[0], "as nothing");
    static const char *const others[] = {".cache", ".x", "a b", "x~"};
    for (size_t i = 0; i < COUNT(others); i++)
        (void)!mkdirat(empty.fd, others[i], 0700);
    enum { MANY = 200 };
    char id[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "c%03d", (i * 71) % MANY);
        (void)!mkdirat(empty.fd, id, 0700);
    }
    is_number(store_ids(&empty, &arena, &ids, &count, &err), 0, "a full one is listed");
    is_number(count, MANY, "each container, and nothing that is none");
    int wrong = 0;
    for (int i = 0; i < MANY && (size_t)i < count; i++) {
        snprintf(id, sizeof id, "c%03d", i);
        wrong += strcmp(ids[i], id) != 0;
    }
    is_number(wrong, 0, "in order");
    ok(ids[count] == NULL, "and a NULL at the end");
    is_number(store_ids(&empty, &arena, &ids, &count, &err), 0, "twice");
    is_number(count, MANY, "the same");
}

int main(void) {
    scratch_make();
    (void)!mkdirat(scratch_fd, "runtime", 0700);
    if (geteuid() == 0)
        (void)!fchmodat(scratch_fd, ".", 0711, 0);
    test_root();
    test_root_refused();
    test_default_root();
    is_number(store_open(below("store"), true, &store, &err), 0, "the root for the rest");
    int until = -1;
    pid_t deadline = start_deadline(&until);
    test_reserve();
    test_enter_refused();
    test_lock();
    test_lock_of_deleted();
    test_record();
    test_bad_records();
    test_gate();
    test_remove();
    test_ids();
    end_deadline(deadline, until);
    store_drop(&store);
    arena_drop(&arena);
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
