/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/resolve: paths inside a root, by openat2 and by the walker that stands in for it. Both must say
 * the same of every path, and what they say is written down here. No privilege.
 */
#include "base/own.h"
#include "kernel/resolve.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const ways[] = {"openat2", "walker"};
static struct root root;  /* scratch/root */
static ino_t outside_ino; /* scratch/outside, which is beside it */

/* The tree; links with a target, directories end in '/', files do not. */
static const struct {
    const char *name, *target;
} tree[] = {
    {"a/", NULL},
    {"a/b/", NULL},
    {"a/b/file", NULL},
    {"a/file", NULL},
    {"file", NULL},
    {"outside-name/", NULL},
    {"usr/", NULL},
    {"usr/bin/", NULL},
    {"usr/bin/sh", NULL},
    {"bin", "usr/bin"},                /* relative, to a directory */
    {"a/up", "../usr"},                /* relative, upwards */
    {"a/b/far", "../../../../../usr"}, /* upwards beyond the root: stays at it */
    {"abs", "/usr/bin"},               /* absolute: from the root */
    {"absfile", "/usr/bin/sh"},
    {"absup", "/../../usr"},
    {"toroot", "/"},
    {"todot", "."},
    {"todotdot", ".."},
    {"tofile", "a/file"},
    {"slashed", "usr/bin/"},
    {"chain1", "chain2"},
    {"chain2", "chain3"},
    {"chain3", "a"},
    {"dangling", "nowhere"},
    {"dangling-abs", "/nowhere/at/all"},
    {"dangling-out", "../outside/new"},
    {"out", "../outside"}, /* would lead out if ".." could */
    {"out-abs", NULL},     /* made below: the absolute path of outside */
    {"self", "self"},
    {"loop1", "loop2"},
    {"loop2", "loop1"},
    {"loopdir", "loopdir/x"},
};

static void must(bool done, const char *what) {
    if (!done) {
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void make_tree(void) {
    char target[PATH_MAX];
    struct stat st;
    umask(0);
    scratch_make();
    must(mkdirat(scratch_fd, "root", 0755) == 0 && mkdirat(scratch_fd, "outside", 0755) == 0, "make root");
    must(scratch_write("outside/secret", "secret", 0600), "make secret");
    root.fd = openat(scratch_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(root.fd >= 0, "open root");
    for (size_t i = 0; i < COUNT(tree); i++) {
        const char *name = tree[i].name;
        char path[64];
        snprintf(path, sizeof path, "root/%s", name);
        if (name[strlen(name) - 1] == '/')
            must(mkdirat(root.fd, name, 0755) == 0, name);
        else if (tree[i].target)
            must(symlinkat(tree[i].target, root.fd, name) == 0, name);
        else if (strcmp(name, "out-abs") != 0)
            must(scratch_write(path, name, 0644), name);
    }
    snprintf(target, sizeof target, "%.*s/outside", PATH_MAX - 20, scratch);
    must(symlinkat(target, root.fd, "out-abs") == 0, "out-abs");
    must(fstatat(scratch_fd, "outside", &st, 0) == 0, "stat outside");
    outside_ino = st.st_ino;
}

/* Whether two descriptors or a descriptor and a name are one thing. */
static bool same(int fd, const char *name) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && fstatat(root.fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static const char *shown(const char *path) {
    static char text[72];
    snprintf(text, sizeof text, strlen(path) > 60 ? "%.60s..." : "%s", path);
    return text;
}

/* --- existing paths ---------------------------------------------------------------------------------------------- */

enum { D = RESOLVE_DIRECTORY, E = RESOLVE_NO_LINK_AT_END, L = RESOLVE_NO_LINKS };

static const struct path_case {
    const char *path;
    unsigned flags;
    const char *want; /* what it is, by a plain name; NULL: `code` */
    int code;
} path_cases[] = {
    {"", 0, ".", 0},
    {"/", 0, ".", 0},
    {"///", 0, ".", 0},
    {".", 0, ".", 0},
    {"/./.", 0, ".", 0},
    {"..", 0, ".", 0}, /* ".." of the root is the root */
    {"/..", 0, ".", 0},
    {"../../../..", 0, ".", 0},
    {"../../a/../../a", 0, "a", 0},
    {"a", 0, "a", 0},
    {"/a", 0, "a", 0},
    {"//a//b", 0, "a/b", 0},
    {"a/", 0, "a", 0},
    {"a/.", 0, "a", 0},
    {"a/./b/./", 0, "a/b", 0},
    {"a/..", 0, ".", 0},
    {"a/b/..", 0, "a", 0},
    {"a/b/../../usr/bin/../bin/sh", 0, "usr/bin/sh", 0},
    {"a/b/../../../../../usr", 0, "usr", 0},
    {"file", 0, "file", 0},
    {"a/b/file", 0, "a/b/file", 0},
    /* Links. */
    {"bin", 0, "usr/bin", 0},
    {"bin/sh", 0, "usr/bin/sh", 0},
    {"bin/", 0, "usr/bin", 0},
    {"bin/..", 0, "usr", 0}, /* of where the link leads, not of where it is */
    {"a/up/bin/sh", 0, "usr/bin/sh", 0},
    {"a/b/far", 0, "usr", 0},
    {"a/b/far/bin", 0, "usr/bin", 0},
    {"abs", 0, "usr/bin", 0},
    {"abs/sh", 0, "usr/bin/sh", 0},
    {"abs/../bin/sh", 0, "usr/bin/sh", 0},
    {"absfile", 0, "usr/bin/sh", 0},
    {"absup", 0, "usr", 0},
    {"toroot", 0, ".", 0},
    {"toroot/toroot/toroot/a", 0, "a", 0},
    {"a/../todot/a", 0, "a", 0},
    {"todotdot", 0, ".", 0},
    {"todotdot/todotdot/a", 0, "a", 0},
    {"tofile", 0, "a/file", 0},
    {"slashed/sh", 0, "usr/bin/sh", 0},
    {"chain1", 0, "a", 0},
    {"chain1/b", 0, "a/b", 0},
    /* Not there. */
    {"none", 0, NULL, ENOENT},
    {"a/none", 0, NULL, ENOENT},
    {"none/..", 0, NULL, ENOENT},
    {"none/../a", 0, NULL, ENOENT},
    {"dangling", 0, NULL, ENOENT},
    {"dangling/x", 0, NULL, ENOENT},
    {"dangling-abs", 0, NULL, ENOENT},
    {"dangling-out", 0, NULL, ENOENT},
    {"out", 0, NULL, ENOENT},
    {"out/secret", 0, NULL, ENOENT},
    {"out-abs", 0, NULL, ENOENT},
    {"out-abs/secret", 0, NULL, ENOENT},
    {"../outside", 0, NULL, ENOENT},
    {"../outside/secret", 0, NULL, ENOENT},
    {"a/../../outside/secret", 0, NULL, ENOENT},
    {"bin/../../../outside/secret", 0, NULL, ENOENT},
    /* A file in the way. */
    {"file/x", 0, NULL, ENOTDIR},
    {"a/file/b", 0, NULL, ENOTDIR},
    {"tofile/x", 0, NULL, ENOTDIR},
    {"file/", 0, NULL, ENOTDIR},
    {"file/.", 0, NULL, ENOTDIR},
    {"file/..", 0, NULL, ENOTDIR},
    {"tofile/", 0, NULL, ENOTDIR},
    {"tofile/..", 0, NULL, ENOTDIR},
    {"absfile/../sh", 0, NULL, ENOTDIR},
    /* Loops. */
    {"self", 0, NULL, ELOOP},
    {"self/x", 0, NULL, ELOOP},
    {"loop1", 0, NULL, ELOOP},
    {"loop2/a/b", 0, NULL, ELOOP},
    {"loopdir", 0, NULL, ELOOP},
    /* A directory is wanted. */
    {"a", D, "a", 0},
    {"", D, ".", 0},
    {"bin", D, "usr/bin", 0},
    {"file", D, NULL, ENOTDIR},
    {"tofile", D, NULL, ENOTDIR},
    {"none", D, NULL, ENOENT},
    {"dangling", D, NULL, ENOENT},
    /* The link itself at the end. */
    {"bin", E, "bin", 0},
    {"dangling", E, "dangling", 0},
    {"self", E, "self", 0},
    {"out-abs", E, "out-abs", 0},
    {"a/../bin", E, "bin", 0},
    {"bin/sh", E, "usr/bin/sh", 0},
    {"a/up/bin", E, "usr/bin", 0},
    {"a", E, "a", 0},
    {"bin/", E, "usr/bin", 0}, /* a slash behind it: what it leads to (path_resolution(7)) */
    {"bin/.", E, "usr/bin", 0},
    {"bin", E | D, NULL, ENOTDIR},
    {"a", E | D, "a", 0},
    /* No link anywhere. */
    {"a/b/file", L, "a/b/file", 0},
    {"a/../usr/bin/sh", L, "usr/bin/sh", 0},
    {"bin", L, NULL, ELOOP},
    {"bin/sh", L, NULL, ELOOP},
    {"a/up/bin", L, NULL, ELOOP},
    {"dangling", L, NULL, ELOOP},
    {"toroot", L, NULL, ELOOP},
    {"none", L, NULL, ENOENT},
    {"bin", L | D, NULL, ELOOP},
};

static void check_path(const struct path_case *c, const char *way) {
    own_fd fd = resolve_path(root, c->path, c->flags);
    if (!c->want) {
        is_number(fd, -c->code, "%s: \"%s\" (flags %u) is %s", way, shown(c->path), c->flags, strerror(c->code));
        return;
    }
    if (!ok(fd >= 0 && same(fd, c->want), "%s: \"%s\" (flags %u) is %s", way, shown(c->path), c->flags, c->want))
        printf("# got %d\n", fd);
    ok(fd < 0 || ((fcntl(fd, F_GETFL) & O_PATH) && (fcntl(fd, F_GETFD) & FD_CLOEXEC)),
       "%s: \"%s\" by O_PATH | O_CLOEXEC", way, shown(c->path));
}

static void test_paths(const char *way) {
    for (size_t i = 0; i < COUNT(path_cases); i++)
        check_path(&path_cases[i], way);
}

/*
 * path_resolution(7): 40 links are followed, not 41. The kernel counts some of them twice when it has to begin again
 * with locks (its RCU walk failed), so of openat2 only half as many are sure to be followed.
 */
static void test_link_count(const char *way) {
    for (int number = 1; number <= 41; number++) {
        char name[32], target[32];
        snprintf(name, sizeof name, "hop%d", number);
        snprintf(target, sizeof target, "hop%d", number - 1);
        (void)!symlinkat(number == 1 ? "a" : target, root.fd, name);
    }
    const char *last = way == ways[0] ? "hop20" : "hop40";
    own_fd many = resolve_path(root, last, 0), more = resolve_path(root, "hop41", 0);
    ok(many >= 0 && same(many, "a"), "%s: %s links are followed", way, last + 3);
    is_number(more, -ELOOP, "%s: 41 are not", way);
}

static void test_long_paths(const char *way) {
    static char path[2 * PATH_MAX];
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = '\0';
    (void)!mkdirat(root.fd, name, 0755);
    own_fd fd = resolve_path(root, name, 0);
    ok(fd >= 0 && same(fd, name), "%s: a name of 255 bytes", way);
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = '\0';
    is_number(resolve_path(root, name, 0), -ENAMETOOLONG, "%s: a name of 256 bytes is too long", way);
    snprintf(path, sizeof path, "a/%s", name);
    is_number(resolve_path(root, path, 0), -ENAMETOOLONG, "%s: also further down", way);
    static const struct {
        size_t len;
        int code;
    } lengths[] = {{PATH_MAX - 2, 0},
                   {PATH_MAX - 1, 0},
                   {PATH_MAX, ENAMETOOLONG},
                   {PATH_MAX + 1, ENAMETOOLONG},
                   {2 * PATH_MAX - 1, ENAMETOOLONG}};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        memset(path, '/', lengths[i].len);
        path[lengths[i].len - 1] = 'a';
        path[lengths[i].len] = '\0';
        own_fd found = resolve_path(root, path, 0);
        if (lengths[i].code)
            is_number(found, -lengths[i].code, "%s: a path of %zu bytes is too long", way, lengths[i].len);
        else
            ok(found >= 0 && same(found, "a"), "%s: a path of %zu bytes", way, lengths[i].len);
    }
}

/* Links whose targets are as long as can be, one behind the other: together longer than any buffer for a path. */
static void test_long_links(const char *way) {
    static char target[PATH_MAX];
    memset(target, '/', sizeof target);
    memcpy(target + PATH_MAX - 3, "a", 2);
    (void)!unlinkat(root.fd, "longlink", 0);
    must(symlinkat(target, root.fd, "longlink") == 0, "longlink");
    own_fd fd = resolve_path(root, "longlink", 0);
    ok(fd >= 0 && same(fd, "a"), "%s: a link of %zu bytes", way, strlen(target));
    memset(target, 'x', sizeof target);
    for (size_t i = 0; i < PATH_MAX - 1; i += 2)
        memcpy(target + i, "./", 2);
    memcpy(target + PATH_MAX - 8, "none", 5);
    (void)!unlinkat(root.fd, "longlink", 0);
    must(symlinkat(target, root.fd, "longlink") == 0, "longlink");
    int r = resolve_path(root, "longlink/and/more", 0);
    ok(r == -ENOENT || r == -ENAMETOOLONG, "%s: a long link and more behind it fails (%d)", way, r);
}

/* A magic link leads out of any root. procfs is there whoever asks, so the root of this is the host's. */
static void test_magic_links(const char *way) {
    own_fd host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct root all = {host};
    char own[64];
    snprintf(own, sizeof own, "/proc/%d/status", (int)getpid());
    own_fd plain = resolve_path(all, own, 0);
    ok(plain >= 0, "%s: a plain file of procfs is found", way);
    static const char *const magic[] = {"fd/0",  "exe",    "cwd",    "root",       "root/etc",
                                        "cwd/x", "ns/mnt", "fd/0/x", "task/../exe"};
    for (size_t i = 0; i < COUNT(magic); i++) {
        char path[96];
        snprintf(path, sizeof path, "/proc/%d/%s", (int)getpid(), magic[i]);
        is_number(resolve_path(all, path, 0), -ELOOP, "%s: the magic link %s is refused", way, magic[i]);
        is_number(resolve_open(all, path, O_RDONLY), -ELOOP, "%s: %s is not opened", way, magic[i]);
        int r = resolve_make(all, path, RESOLVE_MAKE_FILE, 0);
        is_number(r, -ELOOP, "%s: nothing is made behind %s", way, magic[i]);
        if (r >= 0)
            close(r);
    }
    must(symlinkat("/proc/self/fd/3", root.fd, "tomagic") == 0 || errno == EEXIST, "tomagic");
    int r = resolve_path(root, "tomagic", 0);
    is_number(r, -ENOENT, "%s: a link to /proc finds the root's /proc, which is not there", way);
}

/* --- opening, making, parents ------------------------------------------------------------------------------------ */

static void test_open(const char *way) {
    static const struct {
        const char *path;
        int flags;
        const char *want; /* content */
        int code;
    } cases[] = {
        {"file", O_RDONLY, "file", 0},
        {"/a/b/file", O_RDONLY, "a/b/file", 0},
        {"a/../file", O_RDONLY, "file", 0},
        {"bin/sh", O_RDONLY, "usr/bin/sh", 0},
        {"tofile", O_RDONLY, "a/file", 0}, /* a link at the end is followed, as in resolve_path */
        {"absfile", O_RDWR, "usr/bin/sh", 0},
        {"none", O_RDONLY, NULL, ENOENT},
        {"dangling", O_RDONLY, NULL, ENOENT},
        {"out/secret", O_RDONLY, NULL, ENOENT},
        {"../outside/secret", O_RDONLY, NULL, ENOENT},
        {"out-abs/secret", O_RDONLY, NULL, ENOENT},
        {"file/x", O_RDONLY, NULL, ENOTDIR},
        {"self", O_RDONLY, NULL, ELOOP},
        {"a", O_WRONLY, NULL, EISDIR},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        own_fd fd = resolve_open(root, cases[i].path, cases[i].flags);
        char text[64] = "";
        if (cases[i].code) {
            is_number(fd, -cases[i].code, "%s: opening %s is %s", way, cases[i].path, strerror(cases[i].code));
            continue;
        }
        if (!ok(fd >= 0 && read(fd, text, sizeof text - 1) >= 0, "%s: %s is opened", way, cases[i].path))
            printf("# got %d\n", fd);
        is_text(text, cases[i].want, "%s: %s is what it should be", way, cases[i].path);
        ok(fd < 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC), "%s: %s by O_CLOEXEC", way, cases[i].path);
    }
    static const char *const directories[] = {"a", "a/", "bin", "/", "", "a/..", "."};
    for (size_t i = 0; i < COUNT(directories); i++) {
        own_fd fd = resolve_open(root, directories[i], O_RDONLY | O_DIRECTORY);
        ok(fd >= 0, "%s: directory \"%s\" is opened (%d)", way, directories[i], fd);
    }
}

static mode_t mode_of(const char *name) {
    struct stat st;
    return fstatat(root.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode : 0;
}

/* What is made is made below the first way's or the second way's own directory. */
static void test_make(const char *way) {
    static const struct {
        const char *path;
        enum resolve_make what;
        const char *want; /* where it is then; NULL: `code` */
        int code;
    } cases[] = {
        {"%s/dir", RESOLVE_MAKE_DIRECTORY, "%s/dir", 0},
        {"/%s//d1/./d2/", RESOLVE_MAKE_DIRECTORY, "%s/d1/d2", 0},
        {"%s/d3/d4/d5", RESOLVE_MAKE_DIRECTORY, "%s/d3/d4/d5", 0},
        {"%s/f1", RESOLVE_MAKE_FILE, "%s/f1", 0},
        {"%s/d6/d7/f2", RESOLVE_MAKE_FILE, "%s/d6/d7/f2", 0},
        {"../../%s/up", RESOLVE_MAKE_DIRECTORY, "%s/up", 0},
        {"%s/to-here/new", RESOLVE_MAKE_DIRECTORY, "%s/here/new", 0},
        {"%s/to-here/newfile", RESOLVE_MAKE_FILE, "%s/here/newfile", 0},
        {"%s/abs-here/x/y", RESOLVE_MAKE_DIRECTORY, "%s/here/x/y", 0},
        {"%s/to-here/../beside", RESOLVE_MAKE_DIRECTORY, "%s/beside", 0},
        /* There already. */
        {"", RESOLVE_MAKE_DIRECTORY, ".", 0},
        {"/", RESOLVE_MAKE_DIRECTORY, ".", 0},
        {"%s/here", RESOLVE_MAKE_DIRECTORY, "%s/here", 0},
        {"%s/to-here", RESOLVE_MAKE_DIRECTORY, "%s/here", 0},
        {"%s/file", RESOLVE_MAKE_FILE, "%s/file", 0},
        {"%s/to-file", RESOLVE_MAKE_FILE, "%s/file", 0},
        {"%s/file", RESOLVE_MAKE_DIRECTORY, "%s/file", 0}, /* taken as it is */
        {"%s/here", RESOLVE_MAKE_FILE, "%s/here", 0},
        /* In the way. */
        {"%s/file/x", RESOLVE_MAKE_DIRECTORY, NULL, ENOTDIR},
        {"%s/file/x/y", RESOLVE_MAKE_FILE, NULL, ENOTDIR},
        {"%s/to-file/x", RESOLVE_MAKE_DIRECTORY, NULL, ENOTDIR},
        {"%s/none/../x", RESOLVE_MAKE_DIRECTORY, NULL, ENOENT},
        {"%s/loop", RESOLVE_MAKE_DIRECTORY, NULL, ELOOP},
        {"%s/loop/x", RESOLVE_MAKE_FILE, NULL, ELOOP},
        /* The target of a dangling link is made inside the root, wherever it leads. */
        {"%s/dangling", RESOLVE_MAKE_DIRECTORY, "%s/nothing", 0},
        {"%s/dangling-file", RESOLVE_MAKE_FILE, "%s/nofile", 0},
        {"%s/dangling-up/x", RESOLVE_MAKE_DIRECTORY, "%s/nowhere/at/all/x", 0},
        {"%s/dangling-chain/x/y", RESOLVE_MAKE_FILE, "%s/nothing/x/y", 0},
        {"%s/dangling-back", RESOLVE_MAKE_DIRECTORY, NULL, ENOENT},
        {"%s/dangling-out/x", RESOLVE_MAKE_DIRECTORY, "%s-out/made/x", 0},
        {"%s/dangling-abs", RESOLVE_MAKE_FILE, "%s-abs/made", 0},
    };
    char path[256], want[256], target[2 * PATH_MAX];
    static const char *const links[][2] = {{"to-here", "here"},
                                           {"to-file", "file"},
                                           {"loop", "loop"},
                                           {"dangling", "nothing"},
                                           {"dangling-file", "nofile"},
                                           {"dangling-up", "here/.././nowhere/at/all"},
                                           {"dangling-chain", "dangling"},
                                           {"dangling-back", "gone/../back"}};
    must(mkdirat(root.fd, way, 0755) == 0, way);
    snprintf(path, sizeof path, "%s/here", way);
    must(mkdirat(root.fd, path, 0700) == 0, path);
    snprintf(path, sizeof path, "root/%s/file", way);
    must(scratch_write(path, "kept", 0600), path);
    for (size_t i = 0; i < COUNT(links); i++) {
        snprintf(path, sizeof path, "%s/%s", way, links[i][0]);
        must(symlinkat(links[i][1], root.fd, path) == 0, path);
    }
    snprintf(path, sizeof path, "%s/abs-here", way);
    snprintf(want, sizeof want, "/%s/here", way);
    must(symlinkat(want, root.fd, path) == 0, path);
    snprintf(path, sizeof path, "%s/dangling-abs", way);
    snprintf(target, sizeof target, "/%s-abs/made", way);
    must(symlinkat(target, root.fd, path) == 0, path);
    snprintf(path, sizeof path, "%s/dangling-out", way);
    snprintf(target, sizeof target, "../../../%s-out/made", way);
    must(symlinkat(target, root.fd, path) == 0, path);
    for (size_t i = 0; i < COUNT(cases); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof path, cases[i].path, way);
        snprintf(want, sizeof want, cases[i].want ? cases[i].want : "", way);
#pragma GCC diagnostic pop
        const char *what = cases[i].what == RESOLVE_MAKE_FILE ? "file" : "directory";
        own_fd fd = resolve_make(root, path, cases[i].what, 0);
        if (!cases[i].want) {
            ok(cases[i].code ? fd == -cases[i].code : fd < 0, "%s: no %s is made at \"%s\" (%d)", way, what, path, fd);
            continue;
        }
        if (!ok(fd >= 0 && same(fd, want), "%s: %s \"%s\" is %s", way, what, path, want))
            printf("# got %d\n", fd);
        ok(fd < 0 || ((fcntl(fd, F_GETFL) & O_PATH) && (fcntl(fd, F_GETFD) & FD_CLOEXEC)),
           "%s: \"%s\" by O_PATH | O_CLOEXEC", way, path);
    }
    static const struct {
        const char *name;
        mode_t mode;
    } modes[] = {{"dir", S_IFDIR | 0755},  {"d1", S_IFDIR | 0755},    {"d1/d2", S_IFDIR | 0755},
                 {"f1", S_IFREG | 0644},   {"d6/d7", S_IFDIR | 0755}, {"d6/d7/f2", S_IFREG | 0644},
                 {"here", S_IFDIR | 0700}, {"file", S_IFREG | 0600}};
    for (size_t i = 0; i < COUNT(modes); i++) {
        snprintf(path, sizeof path, "%s/%s", way, modes[i].name);
        ok(mode_of(path) == modes[i].mode, "%s: %s has mode %o", way, modes[i].name, (unsigned)modes[i].mode);
    }
    snprintf(path, sizeof path, "root/%s/file", way);
    is_text(scratch_read(path), "kept", "%s: what is there keeps its content", way);
    struct stat st;
    snprintf(path, sizeof path, "%s-out", way);
    ok(fstatat(scratch_fd, path, &st, 0) < 0, "%s: nothing is made outside", way);
    snprintf(path, sizeof path, "%s/back", way);
    ok(mode_of(path) == 0, "%s: nothing is made behind a missing directory and \"..\"", way);
}

/* The place that a path leads to, with links at its end followed. */
static void test_place(const char *way) {
    static const struct {
        const char *path, *parent, *name; /* parent NULL: `code` */
        int code;
    } cases[] = {
        {"a/x", "a", "x", 0},
        {"bin", "usr", "bin", 0},
        {"tofile", "a", "file", 0},
        {"chain1", ".", "a", 0},
        {"dangling", ".", "nowhere", 0},
        {"file", ".", "file", 0},
        {"../../x", ".", "x", 0},
        {"", NULL, NULL, EINVAL},
        {"/", NULL, NULL, EINVAL},
        {"a/..", NULL, NULL, EINVAL},
        {"toroot", NULL, NULL, EINVAL},
        {"self", NULL, NULL, ELOOP},
        {"file/x", NULL, NULL, ENOTDIR},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[NAME_MAX + 1] = "";
        own_fd fd = resolve_place(root, cases[i].path, name);
        if (!cases[i].parent)
            is_number(fd, -cases[i].code, "%s: the place of \"%s\" is refused", way, cases[i].path);
        else
            ok(fd >= 0 && same(fd, cases[i].parent) && strcmp(name, cases[i].name) == 0,
               "%s: the place of \"%s\" is %s in %s (%d, %s)", way, cases[i].path, cases[i].name, cases[i].parent, fd,
               name);
    }
}

static void test_parent(const char *way) {
    static const struct {
        const char *path, *parent, *name; /* parent NULL: `code` */
        int code;
    } cases[] = {
        {"x", ".", "x", 0},
        {"/x", ".", "x", 0},
        {"a/x", "a", "x", 0},
        {"//a//b//x", "a/b", "x", 0},
        {"bin/x", "usr/bin", "x", 0},
        {"abs/../x", "usr", "x", 0},
        {"../../x", ".", "x", 0},
        {"a/b/far/x", "usr", "x", 0},
        {"bin", ".", "bin", 0}, /* the link itself */
        {"...", ".", "...", 0},
        {"..x", ".", "..x", 0},
        {"", NULL, NULL, EINVAL},
        {"/", NULL, NULL, EINVAL},
        {"a/", NULL, NULL, EINVAL},
        {".", NULL, NULL, EINVAL},
        {"..", NULL, NULL, EINVAL},
        {"a/.", NULL, NULL, EINVAL},
        {"a/..", NULL, NULL, EINVAL},
        {"/..", NULL, NULL, EINVAL},
        {"none/x", NULL, NULL, ENOENT},
        {"dangling/x", NULL, NULL, ENOENT},
        {"out/secret", NULL, NULL, ENOENT},
        {"out-abs/secret", NULL, NULL, ENOENT},
        {"file/x", NULL, NULL, ENOTDIR},
        {"tofile/x", NULL, NULL, ENOTDIR},
        {"self/x", NULL, NULL, ELOOP},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = NULL;
        own_fd fd = resolve_parent(root, cases[i].path, false, &name);
        if (!cases[i].parent) {
            is_number(fd, -cases[i].code, "%s: the parent of \"%s\" is %s", way, cases[i].path,
                      strerror(cases[i].code));
            continue;
        }
        if (!ok(fd >= 0 && same(fd, cases[i].parent), "%s: the parent of \"%s\" is %s", way, cases[i].path,
                cases[i].parent))
            printf("# got %d\n", fd);
        is_text(name, cases[i].name, "%s: and its name in there", way);
    }
    char path[64];
    const char *name = NULL;
    snprintf(path, sizeof path, "%s/p1/p2/x", way);
    own_fd made = resolve_parent(root, path, true, &name);
    path[strlen(path) - 2] = '\0';
    ok(made >= 0 && same(made, path), "%s: a missing parent is made", way);
    ok(mode_of(path) == (S_IFDIR | 0755), "%s: as a directory 0755", way);
    own_fd existing = resolve_parent(root, "bin/x", true, &name);
    ok(existing >= 0 && same(existing, "usr/bin"), "%s: one that is there is taken", way);
    own_fd file = resolve_parent(root, "file/x", true, &name);
    is_number(file, -ENOTDIR, "%s: a file is nobody's parent, asked for or made", way);
    snprintf(path, sizeof path, "%s/dangling-parent", way);
    must(symlinkat("made-parent", root.fd, path) == 0, path);
    snprintf(path, sizeof path, "%s/dangling-parent/x", way);
    own_fd dangling = resolve_parent(root, path, true, &name);
    snprintf(path, sizeof path, "%s/made-parent", way);
    ok(dangling >= 0 && same(dangling, path), "%s: one is made where a dangling link leads", way);
    test_place(way);
}

/* --- races ------------------------------------------------------------------------------------------------------- */

/*
 * A peer swaps a directory and a link that leads out, and moves a directory out of the root and back, as fast as it
 * can. Whatever is found or made meanwhile is inside.
 */
static pid_t start_racer(int dir, atomic_int *turns) {
    char target[2 * PATH_MAX];
    snprintf(target, sizeof target, "%s/outside", scratch);
    must(mkdirat(dir, "d", 0755) == 0 && mkdirat(dir, "d/e", 0755) == 0 && symlinkat(target, dir, "l") == 0, "race");
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (;; (*turns)++) {
        syscall(SYS_renameat2, dir, "d", dir, "l", 1 << 1); /* RENAME_EXCHANGE */
        syscall(SYS_renameat2, dir, "d", scratch_fd, "outside/moved", 0);
        syscall(SYS_renameat2, scratch_fd, "outside/moved", dir, "d", 0);
    }
}

static void test_races(const char *way) {
    static const char *const paths[] = {"d", "l", "d/e", "l/e/..", "d/e/../..", "d/e/../../../../outside"};
    enum { TURNS = 3000 };
    int outside = 0, found = 0, round = 0;
    char top[32], path[96];
    struct stat st;
    snprintf(top, sizeof top, "race-%s", way);
    must(mkdirat(root.fd, top, 0755) == 0, top);
    own_fd dir = openat(root.fd, top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atomic_int *turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(turns != MAP_FAILED, "mmap");
    pid_t racer = start_racer(dir, turns);
    for (; *turns < TURNS && waitpid(racer, NULL, WNOHANG) == 0; round++) {
        snprintf(path, sizeof path, "%s/%s", top, paths[(size_t)round % COUNT(paths)]);
        own_fd fd = resolve_path(root, path, 0);
        found += fd >= 0;
        outside += fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == outside_ino;
        snprintf(path, sizeof path, "%s/%s/secret", top, round % 2 ? "d" : "l");
        own_fd secret = resolve_open(root, path, O_RDONLY);
        outside += secret >= 0;
        snprintf(path, sizeof path, "%s/%s", top, round % 2 ? "d/new" : "l/x/new");
        own_fd made = resolve_make(root, path, RESOLVE_MAKE_DIRECTORY, 0);
        outside += made >= 0 && same(made, "../outside");
    }
    kill(racer, SIGKILL);
    waitpid(racer, NULL, 0);
    ok(found > 0 && *turns >= TURNS, "%s: %d of %d were found while the tree was changed %d times", way, found, round,
       (int)*turns);
    is_number(outside, 0, "%s: nothing outside was found in the race", way);
    ok(fstatat(scratch_fd, "outside/new", &st, AT_SYMLINK_NOFOLLOW) < 0 &&
           fstatat(scratch_fd, "outside/x", &st, AT_SYMLINK_NOFOLLOW) < 0,
       "%s: nothing was made outside in the race", way);
    (void)!renameat(scratch_fd, "outside/moved", dir, "moved");
    munmap(turns, sizeof *turns);
}

/* Exchanges two files for as long as its parent lives. */
static pid_t start_exchange(const char *a, const char *b) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        syscall(SYS_renameat2, root.fd, a, root.fd, b, 1 << 1); /* RENAME_EXCHANGE */
}

/* The walker looks at a file and then opens its name: when the name has come to mean another file, it says so. */
static void test_exchange(void) {
    const time_t end = time(NULL) + 20;
    int opened = 0, again = 0, other = 0;
    must(close(openat(root.fd, "one", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) == 0, "one");
    must(close(openat(root.fd, "two", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) == 0, "two");
    pid_t racer = start_exchange("one", "two");
    while ((!opened || !again) && !other && time(NULL) < end) {
        own_fd fd = resolve_open(root, "one", O_RDONLY);
        opened += fd >= 0;
        again += fd == -EAGAIN;
        other += fd < 0 && fd != -EAGAIN;
    }
    kill(racer, SIGKILL);
    waitpid(racer, NULL, 0);
    ok(opened > 0 && other == 0, "walker: of two files that are exchanged one is opened (%d times)", opened);
    ok(again > 0, "walker: but not when it is another one than was looked at (%d times)", again);
}

int main(void) {
    alarm(60); /* a hang is a failure */
    make_tree();
    for (size_t i = 0; i < COUNT(ways); i++) {
        resolve_force_walker(i == 1);
        own_fd probe = open("/", O_PATH | O_CLOEXEC);
        const struct open_how how = {.flags = O_PATH | O_CLOEXEC};
        own_fd works = sys_openat2(probe, ".", &how);
        if (i == 0 && works < 0) {
            ok(true, "openat2 # SKIP is missing or forbidden here");
            continue;
        }
        fd_drop(&works);
        fd_drop(&probe);
        int before = open_descriptors();
        test_paths(ways[i]);
        test_link_count(ways[i]);
        test_long_paths(ways[i]);
        test_long_links(ways[i]);
        test_magic_links(ways[i]);
        test_open(ways[i]);
        test_make(ways[i]);
        test_parent(ways[i]);
        is_number(open_descriptors(), before, "%s: no descriptor is left behind", ways[i]);
    }
    for (size_t i = 0; i < COUNT(ways); i++) { /* last: what it makes is in the way of the others */
        resolve_force_walker(i == 1);
        int before = open_descriptors();
        test_races(ways[i]);
        if (i == 1)
            test_exchange();
        is_number(open_descriptors(), before, "%s: nor by a race", ways[i]);
    }
    close(root.fd);
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
