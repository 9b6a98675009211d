/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/mountfd: what the mount API makes and what mount(2) makes in its place must look the same in
 * mountinfo. Root only, in a mount namespace of the test's own that nothing leaves.
 */
#include "base/own.h"
#include "kernel/mountfd.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <sched.h>
#include <sys/statvfs.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum way { BY_API, BY_CALL, WAY_COUNT };
static const char *const ways[] = {"by the mount API", "by mount(2)"};

static struct error err;

static void take(enum way way) {
    mount_force_classic(way == BY_CALL);
}

/* --- looking at mounts ------------------------------------------------------------------------------------------- */

/* One line of proc_pid_mountinfo(5) without its numbers. */
struct seen {
    bool there;
    uint64_t attributes; /* MOUNT_ATTR_* as the mount's own options have them */
    char options[128], propagation[64], type[32], source[64], superblock[256];
};

static const struct {
    const char *word;
    uint64_t attribute;
} words[] = {
    {"ro", MOUNT_ATTR_RDONLY},       {"nosuid", MOUNT_ATTR_NOSUID},         {"nodev", MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC},   {"nodiratime", MOUNT_ATTR_NODIRATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
    {"noatime", MOUNT_ATTR_NOATIME},
};

static bool has_word(const char *list, const char *word) {
    size_t len = strlen(word);
    for (const char *c = list;; c++) {
        if (strncmp(c, word, len) == 0 && (c[len] == ',' || c[len] == '\0'))
            return true;
        c = strchr(c, ',');
        if (!c)
            return false;
    }
}

/* Neither relatime nor noatime is strict. */
static uint64_t attributes_of(const char *options) {
    uint64_t attributes = 0;
    for (size_t i = 0; i < COUNT(words); i++)
        if (has_word(options, words[i].word))
            attributes |= words[i].attribute;
    if (!has_word(options, "relatime") && !has_word(options, "noatime"))
        attributes |= MOUNT_ATTR_STRICTATIME;
    return attributes;
}

static void parse_line(char *line, struct seen *out) {
    char *save = NULL, *field = strtok_r(line, " ", &save);
    for (int i = 1; field && i < 6; i++)
        field = strtok_r(NULL, " ", &save);
    *out = (struct seen){.there = field != NULL};
    if (!field)
        return;
    snprintf(out->options, sizeof out->options, "%s", field);
    out->attributes = attributes_of(field);
    while ((field = strtok_r(NULL, " ", &save)) && strcmp(field, "-") != 0) {
        size_t len = strlen(out->propagation);
        if (strncmp(field, "propagate_from", 14) != 0)
            snprintf(out->propagation + len, sizeof out->propagation - len, "%.*s ", (int)strcspn(field, ":"), field);
    }
    if ((field = strtok_r(NULL, " ", &save)))
        snprintf(out->type, sizeof out->type, "%s", field);
    if ((field = strtok_r(NULL, " ", &save)))
        snprintf(out->source, sizeof out->source, "%s", field);
    if ((field = strtok_r(NULL, " ", &save)))
        snprintf(out->superblock, sizeof out->superblock, "%s", field);
}

/* The mount that is on top at a path below the scratch directory ("" for itself); how many there are. */
static int look(const char *name, struct seen *out) {
    char path[PATH_MAX + 64], line[8192];
    int count = 0;
    FILE *stream = fopen("/proc/self/mountinfo", "re");
    snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : scratch, name[0] == '/' || !*name ? "" : "/", name);
    *out = (struct seen){.there = false};
    while (stream && fgets(line, sizeof line, stream)) {
        char at[PATH_MAX];
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1 && strcmp(at, path) == 0) {
            parse_line(line, out);
            count++;
        }
    }
    if (stream)
        fclose(stream);
    return count;
}

static int mount_count(void) {
    char line[8192];
    int count = 0;
    FILE *stream = fopen("/proc/self/mountinfo", "re");
    while (stream && fgets(line, sizeof line, stream))
        count++;
    if (stream)
        fclose(stream);
    return count;
}

/* mount(2) makes the superblock read-only with the mount, fsmount(2) the mount alone: of no account for a new one. */
static const char *superblock_of(const struct seen *seen) {
    return seen->superblock +
           (strncmp(seen->superblock, "ro", 2) == 0 || strncmp(seen->superblock, "rw", 2) == 0 ? 2 : 0);
}

static bool alike(const struct seen *a, const struct seen *b) {
    return a->there == b->there && a->attributes == b->attributes && strcmp(a->options, b->options) == 0 &&
           strcmp(a->propagation, b->propagation) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->source, b->source) == 0 && strcmp(superblock_of(a), superblock_of(b)) == 0;
}

static void show(const struct seen *seen) {
    printf("# %s | %s| %s | %s | %s\n", seen->options, seen->propagation, seen->type, seen->source, seen->superblock);
}

/* --- things to mount on ------------------------------------------------------------------------------------------ */

static int place(const char *name) {
    (void)!mkdirat(scratch_fd, name, 0755);
    int fd = openat(scratch_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        printf("Bail out! %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return fd;
}

static void off(const char *name) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    while (sys_umount2(path, SYS_UMOUNT_DETACH) == 0)
        ;
}

/* Mounts it on scratch/NAME and looks at it there. */
static int make(enum way way, const struct mount_new *new, const char *name, struct seen *seen) {
    own_fd target = place(name), mounted = -1;
    take(way);
    int r = mount_filesystem(new, target, &mounted, &err);
    look(name, seen);
    return r;
}

/* --- new file systems -------------------------------------------------------------------------------------------- */

static const uint64_t atimes[] = {MOUNT_ATTR_RELATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME};

static uint64_t attributes_from(unsigned number) {
    static const uint64_t bits[] = {MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID,     MOUNT_ATTR_NODEV,
                                    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOSYMFOLLOW};
    uint64_t attributes = atimes[number / 64 % 3];
    for (unsigned i = 0; i < 6; i++)
        attributes |= number >> i & 1 ? bits[i] : 0;
    return attributes;
}

static void test_attributes(void) {
    int failed = 0, differ = 0, wrong = 0;
    for (unsigned number = 0; number < 192; number++) {
        struct seen seen[WAY_COUNT];
        const struct mount_new new = {
            .type = "tmpfs", .source = "shm", .data = "size=64k", .attributes = attributes_from(number)};
        for (enum way way = BY_API; way < WAY_COUNT; way++) {
            failed += make(way, &new, "new", &seen[way]) < 0;
            wrong += seen[way].attributes != new.attributes;
            if (seen[way].attributes != new.attributes && wrong == 1)
                printf("# %s, attributes %#llx: %s\n", ways[way], (unsigned long long)new.attributes,
                       seen[way].options);
            off("new");
        }
        differ += !alike(&seen[BY_API], &seen[BY_CALL]);
    }
    is_number(failed, 0, "192 sets of attributes: all are mounted");
    is_number(wrong, 0, "192 sets of attributes: each has its own and no other");
    is_number(differ, 0, "192 sets of attributes: both ways look the same");
}

static void test_filesystems(void) {
    static const struct {
        const char *name;
        struct mount_new new;
        const char *superblock; /* words that must be there */
    } cases[] = {
        {"no data", {.type = "tmpfs", .source = "tmpfs"}, ""},
        {"data",
         {.type = "tmpfs", .source = "x", .data = "size=128k,mode=700,nr_inodes=20,uid=5"},
         "size=128k mode=700 nr_inodes=20 uid=5"},
        {"data with nothing between commas",
         {.type = "tmpfs", .source = "x", .data = ",size=64k,,mode=711,"},
         "size=64k mode=711"},
        {"sync", {.type = "tmpfs", .source = "x", .superblock = MS_SYNCHRONOUS}, "sync"},
        {"dirsync", {.type = "tmpfs", .source = "x", .superblock = MS_DIRSYNC}, "dirsync"},
        {"lazytime", {.type = "tmpfs", .source = "x", .superblock = MS_LAZYTIME}, "lazytime"},
        {"sync and dirsync",
         {.type = "tmpfs", .source = "x", .superblock = MS_SYNCHRONOUS | MS_DIRSYNC, .data = "size=64k"},
         "sync dirsync size=64k"},
        {"proc",
         {.type = "proc", .source = "proc", .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
         ""},
        {"mqueue", {.type = "mqueue", .source = "mqueue", .attributes = MOUNT_ATTR_NOSUID}, ""},
        {"devpts",
         {.type = "devpts", .source = "devpts", .data = "newinstance,ptmxmode=0666,mode=0620"},
         "mode=620 ptmxmode=666"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen[WAY_COUNT];
        for (enum way way = BY_API; way < WAY_COUNT; way++) {
            if (!ok(make(way, &cases[i].new, "new", &seen[way]) == 0, "%s, %s: mounted", cases[i].name, ways[way]))
                printf("# %s\n", err.text);
            char wanted[128];
            snprintf(wanted, sizeof wanted, "%s", cases[i].superblock);
            for (char *word = strtok(wanted, " "); word; word = strtok(NULL, " "))
                ok(has_word(seen[way].superblock, word), "%s, %s: %s is there", cases[i].name, ways[way], word);
            is_text(seen[way].type, cases[i].new.type, "%s, %s: its type", cases[i].name, ways[way]);
            is_text(seen[way].source, cases[i].new.source, "%s, %s: its source", cases[i].name, ways[way]);
            off("new");
        }
        if (!ok(alike(&seen[BY_API], &seen[BY_CALL]), "%s: both ways look the same", cases[i].name))
            show(&seen[BY_API]), show(&seen[BY_CALL]);
    }
}

static void test_root_of_mount(void) {
    const struct mount_new new = {.type = "tmpfs", .source = "x"};
    const struct mount_new silent = {.type = "tmpfs", .source = "x", .classic_flags = MS_SILENT};
    own_fd target = place("new"), mounted = -1;
    struct stat a, b;
    take(BY_API);
    is_number(mount_filesystem(&new, target, &mounted, &err), 0, "a mount");
    ok(mounted >= 0 && fstat(mounted, &a) == 0 && fstatat(scratch_fd, "new", &b, 0) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino,
       "its root is handed on");
    ok(fcntl(mounted, F_GETFD) & FD_CLOEXEC, "closed by exec");
    off("new");
    take(BY_CALL);
    fd_drop(&mounted);
    is_number(mount_filesystem(&new, target, &mounted, &err), 0, "by mount(2)");
    is_number(mounted, -1, "it has to be looked for");
    off("new");
    take(BY_API);
    is_number(mount_filesystem(&silent, target, &mounted, &err), 0, "a flag that only mount(2) knows");
    is_number(mounted, -1, "is left to mount(2)");
    off("new");
}

static void test_detached(void) {
    const struct mount_new new = {.type = "tmpfs", .source = "x", .data = "size=64k", .attributes = MOUNT_ATTR_NOSUID};
    own_fd tree = -1, target = place("new"), other = place("other");
    struct seen seen;
    int before = mount_count(), untouched = 4711;
    take(BY_CALL);
    is_number(mount_detached(&new, &untouched, &err), -ENOSYS, "mount(2) cannot make a detached one");
    is_number(untouched, 4711, "out is untouched");
    is_number(mount_clone(target, false), -ENOSYS, "nor clone one");
    take(BY_API);
    is_number(mount_detached(&new, &tree, &err), 0, "a detached one is made");
    is_number(mount_count(), before, "and is nowhere");
    own_fd copy = mount_clone(tree, false);
    ok(copy >= 0 && (fcntl(copy, F_GETFD) & FD_CLOEXEC), "and cloned");
    is_number(mount_attach(tree, target), 0, "it is attached");
    is_number(mount_attach(copy, other), 0, "its clone, too");
    ok(look("new", &seen) == 1 && seen.attributes == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RELATIME),
       "the one looks right (%s)", seen.options);
    ok(look("other", &seen) == 1 && seen.attributes == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RELATIME), "the other, too (%s)",
       seen.options);
    own_fd made = openat(scratch_fd, "new/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ok(made >= 0 && faccessat(scratch_fd, "other/file", F_OK, 0) == 0, "they are one file system");
    fd_drop(&made);
    is_number(mount_attach(tree, other), 0, "an attached one is moved");
    off("new"), off("other");
}

static void test_failures(void) {
    static const struct {
        const char *name;
        struct mount_new new;
        int code;
        const char *word;
    } cases[] = {
        {"an unknown file system", {.type = "nosuchfs", .source = "x"}, ENODEV, "nosuchfs"},
        {"data that it does not know", {.type = "tmpfs", .source = "x", .data = "size=64k,bogus"}, EINVAL, "tmpfs"},
        {"a value that is none", {.type = "tmpfs", .source = "x", .data = "size=lots"}, EINVAL, "tmpfs"},
    };
    scratch_write("plain", "", 0600);
    own_fd plain = openat(scratch_fd, "plain", O_PATH | O_CLOEXEC), target = place("new");
    int mounts = mount_count(), descriptors = open_descriptors();
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        take(way);
        for (size_t i = 0; i < COUNT(cases); i++) {
            int mounted = 4711;
            is_number(mount_filesystem(&cases[i].new, target, &mounted, &err), -cases[i].code, "%s, %s", cases[i].name,
                      ways[way]);
            ok(strstr(err.text, cases[i].word), "%s, %s: by name (%s)", cases[i].name, ways[way], err.text);
            is_number(mounted, 4711, "%s, %s: out is untouched", cases[i].name, ways[way]);
            if (way == BY_API && cases[i].new.data)
                ok(strstr(err.text, strrchr(cases[i].new.data, ',') ? "bogus" : "size"),
                   "%s: in the kernel's words (%s)", cases[i].name, err.text);
        }
        int mounted = 4711;
        const struct mount_new good = {.type = "tmpfs", .source = "x"};
        ok(mount_filesystem(&good, plain, &mounted, &err) < 0, "a file is no target, %s (%s)", ways[way], err.text);
        is_number(mounted, 4711, "a file as target, %s: out is untouched", ways[way]);
        ok(mount_bind_onto(plain, target, false, &mounted) < 0, "a file is not bound on a directory, %s", ways[way]);
    }
    is_number(mount_count(), mounts, "nothing was mounted");
    is_number(open_descriptors(), descriptors, "no descriptor is left behind");
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

static const struct change {
    uint64_t set, clear;
} changes[] = {
    {MOUNT_ATTR_RDONLY, 0},
    {0, MOUNT_ATTR_RDONLY},
    {MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0},
    {MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID},
    {0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY},
    {MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NODIRATIME},
    {MOUNT_ATTR_NODIRATIME, 0},
    {0, MOUNT_ATTR_NODIRATIME},
    {MOUNT_ATTR_NOSYMFOLLOW, 0},
    {0, MOUNT_ATTR_NOSYMFOLLOW},
    {MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {MOUNT_ATTR_NOATIME | MOUNT_ATTR_RDONLY, MOUNT_ATTR__ATIME | MOUNT_ATTR_NOSUID},
    {MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME},
};

/* From every set of attributes by every change: what is not named stays. */
static void test_changes(void) {
    int failed = 0, wrong = 0, tried = 0;
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        for (unsigned number = 0; number < 192; number++) {
            const struct mount_new new = {.type = "tmpfs", .source = "x", .attributes = attributes_from(number)};
            for (size_t i = 0; i < COUNT(changes); i++) {
                struct seen seen;
                own_fd target = place("new"), mounted = -1;
                take(BY_API);
                failed += mount_filesystem(&new, target, &mounted, &err) < 0;
                take(way);
                failed += mount_change(mounted, changes[i].set, changes[i].clear, false) < 0;
                look("new", &seen);
                uint64_t want = (new.attributes & ~changes[i].clear) | changes[i].set;
                tried++;
                if (seen.attributes != want && wrong++ < 3)
                    printf("# %s: %#llx set %#llx clear %#llx is %s, want %#llx\n", ways[way],
                           (unsigned long long)new.attributes, (unsigned long long)changes[i].set,
                           (unsigned long long)changes[i].clear, seen.options, (unsigned long long)want);
                off("new");
            }
        }
    }
    is_number(failed, 0, "%d changes: all are made", tried);
    is_number(wrong, 0, "%d changes: what is named changes, and nothing else", tried);
    own_fd anything = place("new");
    take(BY_CALL);
    is_number(mount_change(anything, 0, 0, false), 0, "a change of nothing is none");
}

/* Names of mount points that mountinfo writes with escapes, one in the other and one over the other. */
static const char *const tree_names[] = {
    "tree",           "tree/a",           "tree/a/deep",         "tree/with space",
    "tree/new\nline", "tree/back\\slash", "tree/tab\there\\040", "tree/hash#",
    "tree/a/deep/er",
};

static void tree_make(void) {
    const struct mount_new new = {
        .type = "tmpfs", .source = "x", .attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_STRICTATIME};
    take(BY_API);
    for (size_t i = 0; i < COUNT(tree_names); i++) {
        own_fd target = place(tree_names[i]), mounted = -1;
        if (mount_filesystem(&new, target, &mounted, &err) < 0)
            printf("# %s\n", err.text);
    }
    /* What only begins like it is none of it. */
    own_fd beside = place("tree2"), mounted = -1;
    mount_filesystem(&new, beside, &mounted, &err);
}

/* The attributes of each mount of the tree by statvfs(3), since names with a newline are hard to find in mountinfo. */
static int tree_count(unsigned long flags, unsigned long without) {
    int count = 0;
    for (size_t i = 0; i < COUNT(tree_names); i++) {
        struct statvfs fs;
        own_fd fd = openat(scratch_fd, tree_names[i], O_PATH | O_CLOEXEC);
        count += fstatvfs(fd, &fs) == 0 && (fs.f_flag & flags) == flags && !(fs.f_flag & without);
    }
    return count;
}

static void test_tree(void) {
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        struct statvfs beside;
        tree_make();
        own_fd top = openat(scratch_fd, "tree", O_PATH | O_CLOEXEC),
               other = openat(scratch_fd, "tree2", O_PATH | O_CLOEXEC);
        int before = open_descriptors();
        take(way);
        is_number(mount_change(top, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, true), 0,
                  "a tree is changed, %s", ways[way]);
        is_number(tree_count(ST_RDONLY | ST_NOSUID, ST_NODEV | ST_NOATIME | ST_RELATIME), COUNT(tree_names),
                  "all of it, and nothing else of it, %s", ways[way]);
        ok(fstatvfs(other, &beside) == 0 && !(beside.f_flag & (ST_RDONLY | ST_NOSUID)), "what is beside it is not, %s",
           ways[way]);
        is_number(mount_change(top, 0, MOUNT_ATTR_RDONLY, false), 0, "one mount of it is changed, %s", ways[way]);
        is_number(tree_count(ST_NOSUID, ST_RDONLY), 1, "and no other, %s", ways[way]);
        is_number(mount_change(top, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME | MOUNT_ATTR_RDONLY, true), 0,
                  "the tree once more, %s", ways[way]);
        is_number(tree_count(ST_NOSUID | ST_NOATIME, ST_RDONLY), COUNT(tree_names), "all of it, %s", ways[way]);
        is_number(open_descriptors(), before, "no descriptor is left behind, %s", ways[way]);
        off("tree"), off("tree2");
    }
}

/* --- binds and propagation --------------------------------------------------------------------------------------- */

static void test_binds(void) {
    const struct mount_new new = {.type = "tmpfs", .source = "x", .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME};
    own_fd target = place("tree"), mounted = -1, below = -1;
    take(BY_API);
    mount_filesystem(&new, target, &mounted, &err);
    own_fd inside = place("tree/inner");
    mount_filesystem(&new, inside, &below, &err);
    scratch_write("tree/file", "content", 0644);
    scratch_write("onto", "", 0644);
    for (int recursive = 0; recursive < 2; recursive++) {
        struct seen seen[WAY_COUNT], inner[WAY_COUNT];
        for (enum way way = BY_API; way < WAY_COUNT; way++) {
            const char *how = recursive ? "with what is below" : "alone";
            own_fd here = place("bound"), bound = 4711;
            take(way);
            is_number(mount_bind_onto(mounted, here, recursive, &bound), 0, "a mount is bound %s, %s", how, ways[way]);
            ok((bound >= 0) == (way == BY_API), "its root is %s, %s", way == BY_API ? "handed on" : "to be looked for",
               ways[way]);
            is_number(look("bound", &seen[way]), 1, "it is there, %s", ways[way]);
            is_number(look("bound/inner", &inner[way]), recursive, "%s, %s", how, ways[way]);
            is_text(scratch_read("bound/file"), "content", "and is the same, %s", ways[way]);
            off("bound/inner"), off("bound");
            if (bound == 4711)
                bound = -1;
        }
        ok(alike(&seen[BY_API], &seen[BY_CALL]) && alike(&inner[BY_API], &inner[BY_CALL]), "both ways look the same");
        ok(seen[BY_CALL].attributes == new.attributes, "with the attributes of the original (%s)",
           seen[BY_CALL].options);
    }
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        own_fd file = openat(scratch_fd, "tree/file", O_PATH | O_CLOEXEC),
               onto = openat(scratch_fd, "onto", O_PATH | O_CLOEXEC), bound = -1;
        take(way);
        is_number(mount_bind_onto(file, onto, false, &bound), 0, "a file is bound on a file, %s", ways[way]);
        is_text(scratch_read("onto"), "content", "and is the same, %s", ways[way]);
        off("onto");
    }
    off("tree");
}

static void test_propagation(void) {
    static const struct {
        const char *name;
        unsigned long flags;
        const char *want; /* of a mount that has a peer */
    } cases[] = {
        {"private", MS_PRIVATE, ""},
        {"shared", MS_SHARED, "shared "},
        {"slave", MS_SLAVE, "master "},
        {"unbindable", MS_UNBINDABLE, "unbindable "},
        {"rprivate", MS_PRIVATE | MS_REC, ""},
        {"rshared", MS_SHARED | MS_REC, "shared "},
        {"rslave", MS_SLAVE | MS_REC, "master "},
        {"runbindable", MS_UNBINDABLE | MS_REC, "unbindable "},
    };
    const struct mount_new new = {.type = "tmpfs", .source = "x", .attributes = MOUNT_ATTR_NODEV};
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (enum way way = BY_API; way < WAY_COUNT; way++) {
            struct seen outer, inner;
            own_fd target = place("peer"), mounted = -1, here = place("bound"), bound = -1, below = -1;
            take(BY_API);
            mount_filesystem(&new, target, &mounted, &err);
            own_fd inside = place("peer/inner");
            mount_filesystem(&new, inside, &below, &err);
            mount_propagation(mounted, MS_SHARED | MS_REC);
            mount_bind_onto(mounted, here, true, &bound);
            take(way);
            is_number(mount_propagation(bound, cases[i].flags), 0, "%s, %s", cases[i].name, ways[way]);
            look("bound", &outer), look("bound/inner", &inner);
            is_text(outer.propagation, cases[i].want, "%s, %s: the mount", cases[i].name, ways[way]);
            is_text(inner.propagation, cases[i].flags & MS_REC ? cases[i].want : "shared ", "%s, %s: the one below",
                    cases[i].name, ways[way]);
            ok(outer.attributes == (MOUNT_ATTR_NODEV | MOUNT_ATTR_RELATIME), "%s, %s: nothing else", cases[i].name,
               ways[way]);
            off("bound/inner"), off("bound"), off("peer/inner"), off("peer");
        }
    }
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        struct seen top;
        take(way);
        is_number(mount_propagation_root(MS_SHARED), 0, "the root is shared, %s", ways[way]);
        look("/", &top);
        ok(strstr(top.propagation, "shared"), "as mountinfo says, %s", ways[way]);
        is_number(mount_propagation_root(MS_PRIVATE | MS_REC), 0, "the root is private, %s", ways[way]);
        look("/", &top);
        is_text(top.propagation, "", "as mountinfo says, %s", ways[way]);
    }
}

static void test_reconfigure(void) {
    static const struct {
        const char *name, *data;
        unsigned long before, superblock;
        const char *words;
    } cases[] = {
        {"a larger size", "size=256k", 0, 0, "size=256k"},
        {"sync", NULL, 0, MS_SYNCHRONOUS, "sync size=64k"},
        {"both", "size=128k", 0, MS_SYNCHRONOUS, "sync size=128k"},
        {"a size where sync is on", "size=128k", MS_SYNCHRONOUS, 0, "sync size=128k"},
        {"nothing", NULL, 0, 0, "size=64k"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen[WAY_COUNT];
        for (enum way way = BY_API; way < WAY_COUNT; way++) {
            const struct mount_new new = {.type = "tmpfs",
                                          .source = "x",
                                          .data = "size=64k",
                                          .superblock = cases[i].before,
                                          .attributes =
                                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NODIRATIME};
            own_fd target = place("new"), mounted = -1;
            take(BY_API);
            mount_filesystem(&new, target, &mounted, &err);
            take(way);
            if (!ok(mount_reconfigure(mounted, cases[i].data, cases[i].superblock, &err) == 0, "reconfigured: %s, %s",
                    cases[i].name, ways[way]))
                printf("# %s\n", err.text);
            look("new", &seen[way]);
            char wanted[64];
            snprintf(wanted, sizeof wanted, "%s", cases[i].words);
            for (char *word = strtok(wanted, " "); word; word = strtok(NULL, " "))
                ok(has_word(seen[way].superblock, word), "%s, %s: %s is there (%s)", cases[i].name, ways[way], word,
                   seen[way].superblock);
            ok(seen[way].attributes == new.attributes, "%s, %s: the mount's own attributes stay (%s)", cases[i].name,
               ways[way], seen[way].options);
            off("new");
        }
        ok(alike(&seen[BY_API], &seen[BY_CALL]), "%s: both ways look the same", cases[i].name);
    }
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        const struct mount_new new = {.type = "tmpfs", .source = "x"};
        own_fd target = place("new"), mounted = -1;
        take(BY_API);
        mount_filesystem(&new, target, &mounted, &err);
        take(way);
        is_number(mount_reconfigure(mounted, "size=lots", 0, &err), -EINVAL, "a value that is none, %s (%s)", ways[way],
                  err.text);
        off("new");
    }
}

/* Values that are too long for fsconfig(2), and commas in them. */
static void test_overlay(void) {
    char data[PATH_MAX], path[PATH_MAX];
    own_fd target = place("new");
    close(place("with,comma")), close(place("plainly")), close(place("upper")), close(place("work"));
    scratch_write("with,comma/file", "seen", 0644);
    memset(path, 'd', 200);
    path[200] = '\0';
    close(place(path));
    for (enum way way = BY_API; way < WAY_COUNT; way++) {
        own_fd mounted = -1;
        snprintf(data, sizeof data, "lowerdir=%.1000s/with\\,comma:%.1000s/plainly", scratch, scratch);
        const struct mount_new comma = {.type = "overlay", .source = "overlay", .data = data};
        take(way);
        int r = mount_filesystem(&comma, target, &mounted, &err);
        if (r == -ENODEV) {
            ok(true, "overlay # SKIP the kernel has none");
            return;
        }
        if (!ok(r == 0, "a value with a comma, %s", ways[way]))
            printf("# %s\n", err.text);
        is_text(scratch_read("new/file"), "seen", "and what it names is there, %s", ways[way]);
        off("new");
        fd_drop(&mounted);
        snprintf(data, sizeof data, "lowerdir=%.1000s/with\\,comma:%.1000s/%.200s:%.1000s/plainly", scratch, scratch,
                 path, scratch);
        if (!ok(mount_filesystem(&comma, target, &mounted, &err) == 0, "a value of %zu bytes, %s", strlen(data),
                ways[way]))
            printf("# %s\n", err.text);
        is_text(scratch_read("new/file"), "seen", "and what it names is there, %s", ways[way]);
        off("new");
    }
}

int main(void) {
    alarm(60); /* a hang is a failure */
    if (geteuid() != 0) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        printf("1..0 # SKIP no mount namespace to be had: %s\n", strerror(errno));
        return 0;
    }
    own_fd probe = sys_fsopen("tmpfs", 0);
    if (probe < 0) {
        printf("1..0 # SKIP no mount API to compare with: %s\n", strerror(errno));
        return 0;
    }
    fd_drop(&probe);
    scratch_make();
    test_attributes();
    test_filesystems();
    test_root_of_mount();
    test_detached();
    test_failures();
    test_changes();
    test_tree();
    test_binds();
    test_propagation();
    test_reconfigure();
    test_overlay();
    ok(scratch_remove(), "the scratch directory is gone");
    return tap_done();
}
