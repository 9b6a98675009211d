/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/copy: a directory with all kinds of things in it, into another one. As any user; owners, device
 * nodes and other file systems only as root.
 */
#include "base/own.h"
#include "kernel/copy.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIG ((size_t)3 * 1024 * 1024 + 17)

static struct error err;
static int source = -1; /* scratch/from */

static void must(bool done, const char *what) {
    if (!done) {
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int directory(const char *name) {
    must(mkdirat(scratch_fd, name, 0700) == 0, name);
    int fd = openat(scratch_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(fd >= 0, name);
    return fd;
}

static void file(int dir, const char *name, const char *content, size_t size, mode_t mode) {
    own_fd fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, content, size) == (ssize_t)size && fchmod(fd, mode) == 0, name);
}

static void set_times(int dir, const char *name, long seconds) {
    const struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 123456789},
                                      {.tv_sec = seconds + 1, .tv_nsec = 987654321}};
    must(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0, name);
}

/* What the copies are compared with. */
static const struct entry {
    const char *name;
    mode_t mode; /* with type */
    const char *target;
    uid_t uid;
    gid_t gid;
    bool root_only;
} entries[] = {
    {"empty", S_IFREG | 0600, NULL, 0, 0, false},
    {"small", S_IFREG | 0644, NULL, 0, 0, false},
    {"big", S_IFREG | 0640, NULL, 0, 0, false},
    {"readonly", S_IFREG | 0400, NULL, 0, 0, false},
    {"program", S_IFREG | 04755, NULL, 0, 0, false}, /* chown takes set-uid away, so it is set after that */
    {"group-program", S_IFREG | 02711, NULL, 0, 0, false},
    {"odd\nname \xff", S_IFREG | 0644, NULL, 0, 0, false},
    {".hidden", S_IFREG | 0644, NULL, 0, 0, false},
    {"fifo", S_IFIFO | 0622, NULL, 0, 0, false},
    {"link", S_IFLNK | 0777, "small", 0, 0, false},
    {"absolute", S_IFLNK | 0777, "/etc/passwd", 0, 0, false},
    {"dangling", S_IFLNK | 0777, "../../nowhere", 0, 0, false},
    {"to-directory", S_IFLNK | 0777, "dir", 0, 0, false},
    {"dir", S_IFDIR | 0751, NULL, 0, 0, false},
    {"dir/inner", S_IFREG | 0604, NULL, 0, 0, false},
    {"dir/deeper", S_IFDIR | 01777, NULL, 0, 0, false},
    {"dir/deeper/link", S_IFLNK | 0777, "../../big", 0, 0, false},
    {"locked", S_IFDIR | 0500, NULL, 0, 0, false}, /* filled before it is locked */
    {"locked/file", S_IFREG | 0400, NULL, 0, 0, false},
    {"void", S_IFDIR | 0755, NULL, 0, 0, false},
    {"device", S_IFCHR | 0620, NULL, 0, 0, true},
    {"block", S_IFBLK | 0600, NULL, 0, 0, true},
    {"owned", S_IFREG | 0644, NULL, 1234, 5678, true},
    {"owned-program", S_IFREG | 06755, NULL, 1234, 5678, true},
    {"owned-dir", S_IFDIR | 02755, NULL, 4321, 8765, true},
    {"owned-dir/file", S_IFREG | 0644, NULL, 99, 98, true},
    {"owned-link", S_IFLNK | 0777, "owned", 77, 78, true},
};

static bool skipped(const struct entry *e) {
    return e->root_only && geteuid() != 0;
}

static char big[BIG];

static void make_source(void) {
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 7 + i / 4096);
    source = directory("from");
    for (size_t i = 0; i < COUNT(entries); i++) {
        const struct entry *e = &entries[i];
        if (skipped(e))
            continue;
        bool is_big = strcmp(e->name, "big") == 0;
        switch (e->mode & S_IFMT) {
        case S_IFREG:
            file(source, e->name, is_big ? big : e->name,
                 is_big                          ? BIG
                 : strcmp(e->name, "empty") == 0 ? 0
                                                 : strlen(e->name),
                 0600);
            break;
        case S_IFLNK:
            must(symlinkat(e->target, source, e->name) == 0, e->name);
            break;
        case S_IFDIR:
            must(mkdirat(source, e->name, 0700) == 0, e->name);
            break;
        default:
            must(mknodat(source, e->name, (e->mode & S_IFMT) | 0600, makedev(1, S_ISCHR(e->mode) ? 3 : 9)) == 0,
                 e->name);
        }
    }
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/from/socket", scratch_fd);
    must(bind(listening, (struct sockaddr *)&address, sizeof address) == 0, "socket");
    close(listening);
    /* From the inside out: what is written into a directory changes its time, and a locked one takes nothing more. */
    for (size_t i = COUNT(entries); i-- > 0;) {
        const struct entry *e = &entries[i];
        if (skipped(e))
            continue;
        if (e->uid || e->gid)
            must(fchownat(source, e->name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) == 0, e->name);
        if (!S_ISLNK(e->mode))
            must(fchmodat(source, e->name, e->mode & 07777, 0) == 0, e->name);
        set_times(source, e->name, 1000000000 + (long)i * 1000);
    }
}

static bool same_content(int dir, const char *name) {
    static char copy[BIG + 1];
    own_fd a = openat(source, name, O_RDONLY | O_CLOEXEC), b = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (a < 0 || b < 0 || fstat(a, &st) < 0)
        return false;
    size_t used = 0;
    for (ssize_t n = 1; n > 0; used += n > 0 ? (size_t)n : 0)
        n = read(b, copy + used, sizeof copy - used);
    static char original[BIG + 1];
    size_t wanted = 0;
    for (ssize_t n = 1; n > 0; wanted += n > 0 ? (size_t)n : 0)
        n = read(a, original + wanted, sizeof original - wanted);
    return used == wanted && memcmp(copy, original, used) == 0;
}

static void check_entry(int to, const struct entry *e) {
    struct stat a, b;
    char target[PATH_MAX] = "";
    const char *name = strchr(e->name, '\n') ? "a name with a newline" : e->name;
    if (skipped(e)) {
        ok(true, "%s # SKIP needs root", name);
        return;
    }
    if (!ok(fstatat(source, e->name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
                fstatat(to, e->name, &b, AT_SYMLINK_NOFOLLOW) == 0,
            "%s: is there", name))
        return;
    if (!ok(b.st_mode == e->mode, "%s: type and mode %o", name, (unsigned)e->mode))
        printf("# got %o\n", (unsigned)b.st_mode);
    ok(b.st_uid == a.st_uid && b.st_gid == a.st_gid, "%s: owner", name);
    if (geteuid() == 0)
        ok(b.st_uid == e->uid && b.st_gid == e->gid, "%s: owner %u:%u", name, (unsigned)e->uid, (unsigned)e->gid);
    ok(a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec, "%s: time of change", name);
    if (S_ISREG(e->mode))
        ok(b.st_ino != a.st_ino && same_content(to, e->name), "%s: content, in a file of its own", name);
    if (S_ISLNK(e->mode))
        ok(readlinkat(to, e->name, target, sizeof target - 1) > 0 && strcmp(target, e->target) == 0,
           "%s: where it leads", name);
    if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
        ok(b.st_rdev == a.st_rdev, "%s: device number", name);
}

/* How many names there are in a directory. */
static int names_in(int dir) {
    own_fd fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_directory stream = fdopendir(fd);
    int count = 0;
    if (stream)
        fd_take(&fd);
    while (stream && readdir(stream))
        count++;
    return count - 2;
}

static void test_all(void) {
    own_fd to = directory("to");
    struct stat st;
    int before = open_descriptors();
    must(fchmodat(scratch_fd, "from", 01775, 0) == 0 && fchmodat(scratch_fd, "to", 0751, 0) == 0, "modes");
    if (!ok(copy_directory(source, to, &err) == 0, "a directory is copied"))
        printf("# %s\n", err.text);
    is_number(open_descriptors(), before, "no descriptor is left behind");
    for (size_t i = 0; i < COUNT(entries); i++)
        check_entry(to, &entries[i]);
    ok(fstatat(to, "socket", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode), "a socket is copied as a socket");
    is_number(names_in(to), names_in(source), "nothing else is missing, and nothing more is there");
    ok(fstat(to, &st) == 0 && (st.st_mode & 07777) == 0751, "the directory itself keeps its mode");
    ok(fstatat(source, "socket", &st, AT_SYMLINK_NOFOLLOW) == 0 && same_content(source, "big"),
       "the original is as it was");
}

/* Holes stay holes: a file of some gigabytes with a few written blocks (lastlog) must fit into a small tmpfs. */
static void test_sparse(void) {
    own_fd from = directory("sparse"), to = directory("sparse-copy");
    own_fd fd = openat(from, "file", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    const off_t middle = (off_t)3 << 30, size = (off_t)5 << 30;
    struct stat st;
    char text[4] = "";
    must(pwrite(fd, "one", 3, 0) == 3 && pwrite(fd, "two", 3, middle) == 3 && ftruncate(fd, size) == 0, "sparse");
    is_number(copy_directory(from, to, &err), 0, "a sparse file is copied");
    own_fd copy = openat(to, "file", O_RDONLY | O_CLOEXEC);
    ok(fstat(copy, &st) == 0 && st.st_size == size && st.st_blocks < 4096, "size %lld, %lld blocks",
       (long long)st.st_size, (long long)st.st_blocks);
    ok(pread(copy, text, 3, 0) == 3 && strcmp(text, "one") == 0, "what stands at its begin");
    ok(pread(copy, text, 3, middle) == 3 && strcmp(text, "two") == 0, "what stands behind the hole");
}

/* Extended attributes, among them access lists and the capabilities of programs. */
static void test_attributes(void) {
    static const struct vfs_cap_data caps = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                             .data = {{.permitted = 1u << CAP_NET_RAW}}};
    own_fd from = directory("attributes"), to = directory("attributes-copy");
    char value[64];
    file(from, "program", "x", 1, 0755);
    must(mkdirat(from, "dir", 0755) == 0, "dir");
    own_fd program = openat(from, "program", O_RDONLY | O_CLOEXEC), dir = openat(from, "dir", O_RDONLY | O_CLOEXEC);
    bool users =
        fsetxattr(program, "user.note", "file", 4, 0) == 0 && fsetxattr(dir, "user.note", "directory", 9, 0) == 0;
    must(geteuid() != 0 || fchown(program, 1234, 5678) == 0, "owner");
    bool capable = fsetxattr(program, "security.capability", &caps, sizeof caps, 0) == 0;
    is_number(copy_directory(from, to, &err), 0, "files with extended attributes are copied");
    own_fd program_copy = openat(to, "program", O_RDONLY | O_CLOEXEC),
           dir_copy = openat(to, "dir", O_RDONLY | O_CLOEXEC);
    ok(!users || (fgetxattr(program_copy, "user.note", value, sizeof value) == 4 && memcmp(value, "file", 4) == 0),
       "attribute of a file%s", users ? "" : " # SKIP the file system has none");
    ok(!users || (fgetxattr(dir_copy, "user.note", value, sizeof value) == 9 && memcmp(value, "directory", 9) == 0),
       "attribute of a directory%s", users ? "" : " # SKIP the file system has none");
    ok(!capable || (fgetxattr(program_copy, "security.capability", value, sizeof value) == (ssize_t)sizeof caps &&
                    memcmp(value, &caps, sizeof caps) == 0),
       "capabilities of a program%s", capable ? "" : " # SKIP needs CAP_SETFCAP");
}

static void test_failures(void) {
    own_fd from = directory("from2"), to = directory("to2");
    file(from, "a", "new", 3, 0644);
    file(to, "a", "old", 3, 0644);
    ok(copy_directory(from, to, &err) < 0, "what is there already is not written over");
    ok(strstr(err.text, "a") && err.code > 0, "with a text (%s)", err.text);
    is_text(scratch_read("to2/a"), "old", "and is as it was");
    own_fd linked = directory("to3");
    must(symlinkat("../outside", linked, "a") == 0, "link");
    ok(copy_directory(from, linked, &err) < 0, "a link in the way is not followed");
    ok(faccessat(scratch_fd, "outside", F_OK, 0) < 0, "nothing is made where it leads");
    scratch_write("plain", "", 0600);
    own_fd plain = openat(scratch_fd, "plain", O_PATH | O_CLOEXEC);
    ok(copy_directory(from, plain, &err) < 0, "a file is no place to copy to");
    ok(copy_directory(plain, to, &err) < 0, "nor one to copy from");
    own_fd empty = directory("empty"), target = directory("to4");
    is_number(copy_directory(empty, target, &err), 0, "an empty directory is copied");
    is_number(names_in(target), 0, "as one");
    if (geteuid() != 0) {
        must(fchmodat(from, "a", 0, 0) == 0, "mode 0");
        own_fd other = directory("to5");
        is_number(copy_directory(from, other, &err), -EACCES, "what may not be read is an error");
    }
}

/* Directories one in the other; the number that are below the first. */
static void test_depth(int depth, bool good) {
    char name[32], step[8];
    snprintf(name, sizeof name, "deep%d", depth);
    int dir = directory(name), top = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    for (int i = 0; i < depth; i++) {
        snprintf(step, sizeof step, "%d", i);
        must(mkdirat(dir, step, 0755) == 0, step);
        int next = openat(dir, step, O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(dir);
        dir = next;
    }
    close(dir);
    snprintf(name, sizeof name, "deep%d-copy", depth);
    own_fd to = directory(name);
    is_number(copy_directory(top, to, &err), good ? 0 : -ELOOP, "%d levels below the first are %s", depth,
              good ? "copied" : "too many");
    close(top);
}

/* In a mount namespace of its own, where another file system lies in the directory. */
static void test_other_file_system(void) {
    if (geteuid() != 0) {
        ok(true, "other file systems # SKIP needs root");
        return;
    }
    own_fd from = directory("crossing"), to = directory("crossing-copy");
    must(mkdirat(from, "mounted", 0755) == 0, "mounted");
    file(from, "beside", "x", 1, 0644);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char path[PATH_MAX + 32];
        struct stat st;
        snprintf(path, sizeof path, "%s/crossing/mounted", scratch);
        if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            sys_mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
            _exit(77);
        own_fd inside = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        file(inside, "foreign", "x", 1, 0644);
        path[strlen(path) - strlen("/mounted")] = '\0';
        own_fd here = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); /* in this mount namespace: `from` is not */
        if (fstatat(here, "mounted/foreign", &st, 0) < 0)
            _exit(77);
        if (copy_directory(here, to, &err) < 0)
            _exit(1);
        bool beside = fstatat(to, "beside", &st, 0) == 0, foreign = fstatat(to, "mounted/foreign", &st, 0) == 0;
        _exit(!beside || foreign);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        ok(true, "other file systems # SKIP no mount namespace to be had");
    else
        is_number(status, 0, "what is on another file system is not copied");
}

int main(void) {
    alarm(60);  /* a hang is a failure */
    umask(077); /* modes must not depend on it */
    scratch_make();
    make_source();
    test_all();
    test_sparse();
    test_attributes();
    test_failures();
    test_depth(1, true);
    test_depth(64, true);
    test_depth(65, false);
    test_depth(70, false);
    test_other_file_system();
    close(source);
    (void)!fchmodat(scratch_fd, "from/locked", 0700, 0);
    (void)!fchmodat(scratch_fd, "to/locked", 0700, 0);
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
