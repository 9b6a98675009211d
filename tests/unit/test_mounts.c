/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of plan/mounts: every option of config.md "Linux mount options" and what it comes to, and the rules for
 * destinations and sources. No privilege.
 */
#include "base/log.h"
#include "oci_types.h"
#include "plan/mounts.h"
#include "tap.h"

#include <errno.h>
#include <linux/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* mount_setattr(2), Linux 5.14 */
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BUNDLE "/bundles/b1"

static const struct plan_namespaces namespaces; /* all inherited */
static struct arena arena = ARENA_INIT;
static struct error err;
static struct plan_mounts plan;
static struct plan_mount row; /* the last one of the plan */
static char warning[512];

static void take_warning(void *context, enum log_level level, const char *message) {
    (void)context;
    if (level == LOG_LEVEL_WARNING)
        snprintf(warning, sizeof warning, "%s", message);
}

static int make_rows(struct oci_mount *rows, size_t count) {
    const struct oci_config config = {.mounts = {.items = rows, .count = count}};
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    memset(&plan, 0x5a, sizeof plan);
    memset(&row, 0x5a, sizeof row);
    warning[0] = '\0';
    int r = mounts_plan(&arena, &config, BUNDLE, &namespaces, NULL, NULL, &plan, &err);
    if (r == 0 && plan.count == count && count > 0)
        row = plan.items[count - 1];
    return r;
}

static bool untouched(void) {
    struct plan_mounts sentinel;
    memset(&sentinel, 0x5a, sizeof sentinel);
    return memcmp(&plan, &sentinel, sizeof plan) == 0;
}

/* One mount with options given as words separated by blanks. */
static int make(const char *type, const char *source, const char *destination, const char *options) {
    static char words[512];
    static const char *items[32];
    struct oci_mount mount = {.type = type, .source = source, .destination = destination, .options = {.items = items}};
    snprintf(words, sizeof words, "%s", options);
    for (char *word = strtok(words, " "); word && mount.options.count < COUNT(items); word = strtok(NULL, " "))
        items[mount.options.count++] = word;
    return make_rows(&mount, 1);
}

static int tmpfs(const char *options) {
    return make("tmpfs", "tmpfs", "/mnt", options);
}

/* --- every option ------------------------------------------------------------------------------------------------ */

#define ATIME MOUNT_ATTR__ATIME

static const struct option_case {
    const char *name;
    uint64_t set, clear, tree_set, tree_clear;
    unsigned long superblock, classic;
} option_cases[] = {
    {"defaults", 0, 0, 0, 0, 0, 0},
    {"ro", MOUNT_ATTR_RDONLY, 0, 0, 0, 0, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY, 0, 0, 0, 0},
    {"nosuid", MOUNT_ATTR_NOSUID, 0, 0, 0, 0, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID, 0, 0, 0, 0},
    {"nodev", MOUNT_ATTR_NODEV, 0, 0, 0, 0, 0},
    {"dev", 0, MOUNT_ATTR_NODEV, 0, 0, 0, 0},
    {"noexec", MOUNT_ATTR_NOEXEC, 0, 0, 0, 0, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC, 0, 0, 0, 0},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0, 0, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME, 0, 0, 0, 0},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0, 0, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0, 0},
    /* The three modes of atime share one field of the word, so the field is cleared whenever one of them is meant;
     * relatime is the kernel's default and the 0 of that field. */
    {"noatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0, 0, 0},
    {"atime", 0, ATIME, 0, 0, 0, 0},
    {"relatime", 0, ATIME, 0, 0, 0, 0},
    {"norelatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0, 0, 0}, /* what is left when neither of the others is meant */
    {"strictatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0, 0, 0},
    {"nostrictatime", 0, ATIME, 0, 0, 0, 0},
    /* The whole tree. */
    {"rro", 0, 0, MOUNT_ATTR_RDONLY, 0, 0, 0},
    {"rrw", 0, 0, 0, MOUNT_ATTR_RDONLY, 0, 0},
    {"rnosuid", 0, 0, MOUNT_ATTR_NOSUID, 0, 0, 0},
    {"rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID, 0, 0},
    {"rnodev", 0, 0, MOUNT_ATTR_NODEV, 0, 0, 0},
    {"rdev", 0, 0, 0, MOUNT_ATTR_NODEV, 0, 0},
    {"rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0, 0, 0},
    {"rexec", 0, 0, 0, MOUNT_ATTR_NOEXEC, 0, 0},
    {"rnodiratime", 0, 0, MOUNT_ATTR_NODIRATIME, 0, 0, 0},
    {"rdiratime", 0, 0, 0, MOUNT_ATTR_NODIRATIME, 0, 0},
    {"rnosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
    {"rsymfollow", 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
    {"rrelatime", 0, 0, 0, ATIME, 0, 0},
    {"rnorelatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
    {"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME, 0, 0},
    {"ratime", 0, 0, 0, ATIME, 0, 0},
    {"rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
    {"rnostrictatime", 0, 0, 0, ATIME, 0, 0},
    /* The superblock. */
    {"sync", 0, 0, 0, 0, MS_SYNCHRONOUS, 0},
    {"async", 0, 0, 0, 0, 0, 0},
    {"dirsync", 0, 0, 0, 0, MS_DIRSYNC, 0},
    {"lazytime", 0, 0, 0, 0, MS_LAZYTIME, 0},
    {"nolazytime", 0, 0, 0, 0, 0, 0},
    {"mand", 0, 0, 0, 0, MS_MANDLOCK, 0},
    {"nomand", 0, 0, 0, 0, 0, 0},
    /* Without a name in fsconfig(2). */
    {"iversion", 0, 0, 0, 0, 0, MS_I_VERSION},
    {"noiversion", 0, 0, 0, 0, 0, 0},
    {"silent", 0, 0, 0, 0, 0, MS_SILENT},
    {"loud", 0, 0, 0, 0, 0, 0},
};

static const struct {
    const char *name;
    unsigned long flags;
} propagations[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

static bool has_flags(const struct option_case *c) {
    return row.flags.set == c->set && row.flags.clear == c->clear && row.tree.set == c->tree_set &&
           row.tree.clear == c->tree_clear && row.superblock == c->superblock && row.classic_flags == c->classic &&
           row.classic == (c->classic != 0);
}

static void show_flags(void) {
    printf("# set %#llx clear %#llx, tree set %#llx clear %#llx, superblock %#lx, classic %#lx\n",
           (unsigned long long)row.flags.set, (unsigned long long)row.flags.clear, (unsigned long long)row.tree.set,
           (unsigned long long)row.tree.clear, row.superblock, row.classic_flags);
}

static bool is_range(const struct plan_id_mapping *range, uint32_t inside, uint32_t outside, uint32_t size) {
    return range->inside == inside && range->outside == outside && range->size == size;
}

static void test_idmap_option(void) {
    is_number(make("none", "/src", "/mnt", "bind idmap=uids=0-1000-10#10-2000-5;gids=0-3000-7"), 0,
              "idmap= with ranges");
    ok(plan.items[0].idmap == MOUNT_IDMAP_ONE && plan.items[0].uid_count == 2 && plan.items[0].gid_count == 1,
       "has as many ranges as it says");
    ok(is_range(&plan.items[0].uids[0], 0, 1000, 10) && is_range(&plan.items[0].uids[1], 10, 2000, 5) &&
           is_range(&plan.items[0].gids[0], 0, 3000, 7),
       "and these");
    static const char *const bad[] = {"uids=0-1000-10",
                                      "gids=0-1-1",
                                      "uids=0-1-1;gids=",
                                      "uids=0-1;gids=0-1-1",
                                      "uids=0-1-1-1;gids=0-1-1",
                                      "uids=-1-1-1;gids=0-1-1",
                                      "uids=0-1-99999999999;gids=0-1-1",
                                      "uids=0-1-1#;gids=0-1-1",
                                      "uids=0-1-0;gids=0-1-1",
                                      "uids=0-1-x;gids=0-1-1",
                                      "uids=@x-1-1;gids=0-1-1",
                                      "users=0-1-1;gids=0-1-1",
                                      "x",
                                      ""};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char options[128];
        snprintf(options, sizeof options, "bind idmap=%s", bad[i]);
        ok(make("none", "/src", "/mnt", options) < 0, "idmap=%s is refused (%s)", bad[i], err.text);
    }
}

static void test_options(void) {
    for (size_t i = 0; i < COUNT(option_cases); i++) {
        const struct option_case *c = &option_cases[i];
        is_number(tmpfs(c->name), 0, "%s: planned", c->name);
        if (!ok(has_flags(c), "%s: its flags and no other", c->name))
            show_flags();
        is_text(row.data, NULL, "%s: is no data of the file system", c->name);
        ok(row.kind == MOUNT_FILESYSTEM && row.propagation[0] == 0 && !row.copy_up, "%s: changes nothing else",
           c->name);
        if (c->superblock || c->classic)
            continue;
        char options[64];
        snprintf(options, sizeof options, "bind %s", c->name);
        is_number(make("none", "/src", "/mnt", options), 0, "%s: planned for a bind", c->name);
        ok(has_flags(c) && row.kind == MOUNT_BIND, "%s: the same for a bind", c->name);
    }
}

/* Options that are each other's opposite: the last one counts. */
static void test_opposites(void) {
    static const struct {
        const char *first, *second;
    } pairs[] = {
        {"ro", "rw"},
        {"nosuid", "suid"},
        {"nodev", "dev"},
        {"noexec", "exec"},
        {"nodiratime", "diratime"},
        {"nosymfollow", "symfollow"},
        {"noatime", "atime"},
        {"relatime", "norelatime"},
        {"strictatime", "nostrictatime"},
        {"noatime", "strictatime"},
        {"noatime", "relatime"},
        {"strictatime", "relatime"},
        {"rro", "rrw"},
        {"rnosuid", "rsuid"},
        {"rnodev", "rdev"},
        {"rnoexec", "rexec"},
        {"rnodiratime", "rdiratime"},
        {"rnosymfollow", "rsymfollow"},
        {"rnoatime", "ratime"},
        {"rrelatime", "rnorelatime"},
        {"rstrictatime", "rnostrictatime"},
        {"rnoatime", "rstrictatime"},
        {"sync", "async"},
        {"lazytime", "nolazytime"},
        {"mand", "nomand"},
        {"iversion", "noiversion"},
        {"silent", "loud"},
    };
    for (size_t i = 0; i < 2 * COUNT(pairs); i++) {
        const char *first = i % 2 ? pairs[i / 2].second : pairs[i / 2].first;
        const char *second = i % 2 ? pairs[i / 2].first : pairs[i / 2].second;
        char both[64];
        snprintf(both, sizeof both, "%s %s", first, second);
        tmpfs(second);
        struct plan_mount alone = row;
        is_number(tmpfs(both), 0, "%s: planned", both);
        ok(row.flags.set == alone.flags.set && row.flags.clear == alone.flags.clear && row.tree.set == alone.tree.set &&
               row.tree.clear == alone.tree.clear && row.superblock == alone.superblock &&
               row.classic_flags == alone.classic_flags && row.classic == alone.classic,
           "%s: is %s", both, second);
    }
}

/* mount_setattr(2): EINVAL when a mode of atime is set without the whole field in attr_clr, or a part of it cleared. */
static void test_pairs_are_valid(void) {
    int bad_atime = 0, both = 0, tried = 0;
    for (size_t i = 0; i < COUNT(option_cases); i++) {
        for (size_t k = 0; k < COUNT(option_cases); k++) {
            char options[64];
            snprintf(options, sizeof options, "%s %s", option_cases[i].name, option_cases[k].name);
            if (tmpfs(options) < 0)
                continue;
            const struct mount_flags *sets[] = {&row.flags, &row.tree};
            for (size_t s = 0; s < 2; s++) {
                uint64_t set = sets[s]->set, clear = sets[s]->clear;
                tried++;
                bad_atime += ((set & ATIME) && (clear & ATIME) != ATIME) ||
                             ((clear & ATIME) && (clear & ATIME) != ATIME) || (set & ATIME) == ATIME;
                both += (set & clear & ~(uint64_t)ATIME) != 0;
            }
        }
    }
    ok(tried == 2 * (int)(COUNT(option_cases) * COUNT(option_cases)), "all pairs of options were planned");
    is_number(bad_atime, 0, "no pair makes an atime that mount_setattr refuses");
    is_number(both, 0, "no pair sets and clears one attribute at once");
}

static void test_propagation(void) {
    for (size_t i = 0; i < COUNT(propagations); i++) {
        is_number(tmpfs(propagations[i].name), 0, "%s: planned", propagations[i].name);
        ok(row.propagation[0] == propagations[i].flags && row.propagation[1] == 0, "%s: its flags",
           propagations[i].name);
        ok(row.flags.set == 0 && row.flags.clear == 0 && !row.data, "%s: nothing else", propagations[i].name);
    }
    is_number(tmpfs("rslave rshared ro unbindable"), 0, "several propagations");
    ok(row.propagation[0] == (MS_SLAVE | MS_REC) && row.propagation[1] == (MS_SHARED | MS_REC) &&
           row.propagation[2] == MS_UNBINDABLE && row.propagation[3] == 0,
       "are kept in their order");
    is_number(tmpfs("slave shared slave private"), 0, "as many as there is room for");
    is_number(tmpfs("slave shared slave private rprivate"), -EINVAL, "one more is refused");
    ok(strstr(err.text, "propagation"), "with a reason (%s)", err.text);
}

/* The options that are honoured are told to engines by `features`: all of the specification's, and no stranger. */
static void test_names(void) {
    static const char *const others[] = {"bind",   "rbind",        "remount",      "tmpcopyup",    "idmap",
                                         "ridmap", "copy-symlink", "src-nofollow", "dest-nofollow"};
    const char *names[128] = {NULL};
    size_t count = mounts_option_names(names, COUNT(names)), strangers = 0;
    is_number(mounts_option_names(NULL, 0), count, "the number of options does not depend on the room");
    const char *two[3] = {NULL};
    is_number(mounts_option_names(two, 2), count, "the number is told when there is too little room");
    ok(two[0] && two[1] && !two[2], "and no more is written than fits");
    is_number(count, COUNT(option_cases) + COUNT(propagations) + COUNT(others), "as many options as here");
    for (size_t i = 0; i < count && i < COUNT(names); i++) {
        bool known = false;
        for (size_t k = 0; k < COUNT(option_cases); k++)
            known |= strcmp(option_cases[k].name, names[i]) == 0;
        for (size_t k = 0; k < COUNT(propagations); k++)
            known |= strcmp(propagations[k].name, names[i]) == 0;
        for (size_t k = 0; k < COUNT(others); k++)
            known |= strcmp(others[k], names[i]) == 0;
        strangers += !known;
        ok(i == 0 || strcmp(names[i - 1], names[i]) < 0, "%s is at its place in the order, each name once", names[i]);
    }
    is_number(strangers, 0, "and the same ones");
}

static void test_data(void) {
    is_number(tmpfs("nosuid size=64k mode=755 nr_inodes=10 noexec"), 0, "options of a file system");
    is_text(row.data, "size=64k,mode=755,nr_inodes=10", "are joined in their order");
    ok(row.flags.set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "beside those of the mount");
    is_number(tmpfs("acl x y z"), 0, "unknown words");
    is_text(row.data, "acl,x,y,z", "go to the file system");
    is_number(tmpfs("RO Nosuid"), 0, "options are known to the letter");
    is_text(row.data, "RO,Nosuid", "others go to the file system");
    is_number(tmpfs(""), 0, "no options");
    is_text(row.data, NULL, "no data");
    is_number(make("none", "/src", "/mnt", "bind size=1m"), 0, "options of a file system on a bind");
    ok(row.kind == MOUNT_BIND && strstr(warning, "size=1m") && strstr(warning, "/mounts/0"), "are warned about (%s)",
       warning);
    is_number(make("overlay", "overlay", "/mnt", "lowerdir=/a\\,b:/c upperdir=/u"), 0, "a comma within a value");
    is_text(row.data, "lowerdir=/a\\,b:/c,upperdir=/u", "keeps its backslash");
}

/* --- kinds ------------------------------------------------------------------------------------------------------- */

static void test_kinds(void) {
    static const struct {
        const char *type, *options;
        enum mount_kind kind;
        bool recursive;
    } cases[] = {
        {"tmpfs", "", MOUNT_FILESYSTEM, false},
        {"bind", "", MOUNT_BIND, false},
        {"bind", "rbind", MOUNT_BIND, true},
        {"bind", "bind", MOUNT_BIND, false},
        {"none", "bind", MOUNT_BIND, false},
        {"none", "rbind ro", MOUNT_BIND, true},
        {"tmpfs", "bind", MOUNT_BIND, false}, /* config.md: the type is ignored for binds */
        {"", "rbind", MOUNT_BIND, true},
        {NULL, "bind", MOUNT_BIND, false},
        {"cgroup", "ro", MOUNT_CGROUP, false},
        {"cgroup2", "", MOUNT_FILESYSTEM, false},
        {"cgroup", "rbind", MOUNT_BIND, true},
        {"tmpfs", "remount ro", MOUNT_REMOUNT, false},
        {"none", "remount bind ro", MOUNT_REMOUNT, false},
        {"none", "bind remount ro", MOUNT_REMOUNT, false},
        {"none", "rbind ro remount", MOUNT_REMOUNT, true},
        {NULL, "remount", MOUNT_REMOUNT, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *type = cases[i].type ? cases[i].type : "no type";
        is_number(make(cases[i].type, "/src", "/mnt", cases[i].options), 0, "%s with \"%s\"", type, cases[i].options);
        is_number(row.kind, cases[i].kind, "%s with \"%s\": its kind", type, cases[i].options);
        if (row.kind == MOUNT_BIND)
            ok(row.recursive == cases[i].recursive, "%s with \"%s\": %s", type, cases[i].options,
               cases[i].recursive ? "recursive" : "one mount");
    }
    is_number(make("tmpfs", "x", "/mnt", "tmpcopyup size=1m"), 0, "tmpcopyup");
    ok(row.copy_up, "tmpcopyup is noted");
    is_text(row.data, "size=1m", "and is no data");
}

static void test_sources(void) {
    static const struct {
        const char *type, *source, *options, *want;
    } cases[] = {
        {"none", "/host/dir", "bind", "/host/dir"},
        {"none", "vol", "bind", BUNDLE "/vol"},
        {"none", "a/b/c", "rbind", BUNDLE "/a/b/c"},
        {"none", "./vol", "bind", BUNDLE "/./vol"},
        {"none", "../other", "bind", BUNDLE "/../other"},
        {"tmpfs", "shm", "", "shm"},
        {"tmpfs", "", "", "tmpfs"},
        {"tmpfs", NULL, "", "tmpfs"},
        {"ext4", "dev/sda", "", "dev/sda"}, /* not a bind: it is the file system's own matter */
        {"proc", "proc", "nosuid", "proc"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *source = cases[i].source ? cases[i].source : "(none)";
        is_number(make(cases[i].type, cases[i].source, "/mnt", cases[i].options), 0, "source %s of %s", source,
                  cases[i].type);
        is_text(row.source, cases[i].want, "source %s of %s: what becomes of it", source, cases[i].type);
    }
}

static void test_destinations(void) {
    static const struct {
        const char *given, *clean;
    } cases[] = {
        {"/a", "/a"},
        {"/a/", "/a"},
        {"//a//b//", "/a/b"},
        {"/a/./b/.", "/a/b"},
        {"/a/../b", "/b"},
        {"/a/b/../../c", "/c"},
        {"/../a", "/a"},
        {"/../../../a", "/a"},
        {"/a/..", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/.", "/"},
        {"/..", "/"},
        {"a", "/a"},
        {"a/b", "/a/b"},
        {"../a", "/a"},
        {"./a", "/a"},
        {".", "/"},
        {"", "/"},
        {"/a/...", "/a/..."},
        {"/..a", "/..a"},
        {"/a..", "/a.."},
        {"/.a/..b", "/.a/..b"},
        {"/a b/c\n", "/a b/c\n"},
        {"/a/b/c/../../../../../x", "/x"},
        {"a/../..", "/"},
        {"/\xc3\xa4/\xff", "/\xc3\xa4/\xff"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        is_text(mounts_clean_path(&arena, cases[i].given), cases[i].clean, "\"%s\" is cleaned", cases[i].given);
    is_number(make("tmpfs", "t", "var//lib/../run/", ""), 0, "a relative destination (deprecated)");
    is_text(row.destination, "/var/run", "counts from the root and is clean");
}

/* Every path of up to six characters of "/.a": clean means that cleaning changes nothing and that nothing climbs. */
static void test_all_destinations(void) {
    static const char letters[] = "/.a";
    int tried = 0, wrong = 0;
    own_arena own_arena_ = ARENA_INIT;
    for (int number = 0; number < 3 * 3 * 3 * 3 * 3 * 3 * 3; number++) {
        char path[8];
        int rest = number;
        for (int i = 0; i < 7; i++, rest /= 3)
            path[i] = letters[rest % 3];
        path[7] = '\0';
        for (const char *p = path; *p; p++) {
            char *clean = mounts_clean_path(&own_arena_, p);
            char *again = clean ? mounts_clean_path(&own_arena_, clean) : NULL;
            size_t len = clean ? strlen(clean) : 0;
            bool good = clean && again && strcmp(clean, again) == 0 && clean[0] == '/' && !strstr(clean, "//") &&
                        (len == 1 || clean[len - 1] != '/');
            for (const char *c = clean; good && c; c = strchr(c + 1, '/')) {
                size_t n = strcspn(c + 1, "/");
                good = !(n == 1 && c[1] == '.') && !(n == 2 && c[1] == '.' && c[2] == '.');
            }
            wrong += !good;
            tried++;
        }
    }
    ok(wrong == 0 && tried > 10000, "%d paths of \"/\", \".\" and \"a\" come out clean", tried);
}

static void test_proc(void) {
    static const struct {
        const char *path;
        bool allowed;
    } paths[] = {
        {"/proc/cpuinfo", true},
        {"/proc/diskstats", true},
        {"/proc/meminfo", true},
        {"/proc/stat", true},
        {"/proc/swaps", true},
        {"/proc/uptime", true},
        {"/proc/loadavg", true},
        {"/proc/slabinfo", true},
        {"/proc/sys/kernel/ns_last_pid", true},
        {"/proc/sys/crypto/fips_enabled", true},
        {"/proc/cpuinfo/x", false},
        {"/proc/self", false},
        {"/proc/self/attr", false},
        {"/proc/1", false},
        {"/proc/sys", false},
        {"/proc/sys/kernel", false},
        {"/proc/sys/kernel/core_pattern", false},
        {"/proc/sysrq-trigger", false},
        {"/proc/cpu", false},
        {"/proc/CPUINFO", false},
        {"/procx/self", true},
        {"/x/proc/self", true},
        {"/proc", true},
    };
    for (size_t i = 0; i < COUNT(paths); i++) {
        ok(mounts_proc_allowed(paths[i].path) == paths[i].allowed, "%s is %s", paths[i].path,
           paths[i].allowed ? "allowed" : "not allowed");
        if (strcmp(paths[i].path, "/proc") == 0)
            continue;
        int want = paths[i].allowed ? 0 : -EINVAL;
        is_number(make("none", "/src", paths[i].path, "bind"), want, "a bind on %s", paths[i].path);
        is_number(make("tmpfs", "tmpfs", paths[i].path, ""), want, "a tmpfs on %s", paths[i].path);
    }
    is_number(make("tmpfs", "tmpfs", "/x/..//proc/./self/", ""), -EINVAL, "a detour to /proc is seen through");
    is_number(make("tmpfs", "tmpfs", "proc/self", ""), -EINVAL, "a relative way to /proc, too");
    is_number(make("proc", "proc", "/proc", ""), 0, "proc on /proc");
    is_number(make("none", "/proc", "/proc", "rbind"), 0, "a bind on /proc: life looks at what it is");
    is_number(make("tmpfs", "tmpfs", "/proc", ""), -EINVAL, "a tmpfs on /proc is refused");
    is_number(make("sysfs", "sysfs", "/proc", ""), -EINVAL, "a sysfs on /proc is refused");
    is_number(make("cgroup", "cgroup", "/proc", ""), -EINVAL, "cgroups on /proc are refused");
    is_number(make("cgroup", "cgroup", "/proc/self", ""), -EINVAL, "and below it");
}

struct refused_case {
    const char *name, *type, *source, *destination, *options, *word;
};

static void test_refused(void) {
    static const struct refused_case cases[] = {
        {"a bind without a source", "none", NULL, "/mnt", "bind", "/mnt"},
        {"a bind of an empty source", "none", "", "/mnt", "rbind", "/mnt"},
        {"no type", NULL, "/src", "/mnt", "ro", "type"},
        {"an empty type", "", "/src", "/mnt", "", "type"},
        {"no destination", "tmpfs", "t", NULL, "", "destination"},
        {"an empty destination", "tmpfs", "t", "", "", "destination"},
        {"the root as destination", "tmpfs", "t", "/", "", "mountpoint / is on the top of rootfs"},
        {"the root by a detour", "none", "/src", "/a/../..", "bind", "top of rootfs"},
        {"tmpcopyup of another file system", "ext4", "/dev/x", "/mnt", "tmpcopyup", "tmpcopyup"},
        {"tmpcopyup of a bind", "none", "/src", "/mnt", "bind tmpcopyup", "tmpcopyup"},
        {"idmap without mappings", "none", "/src", "/mnt", "bind idmap", "id-mapped"},
        {"ridmap without mappings", "none", "/src", "/mnt", "bind ridmap", "id-mapped"},
        {"idmap of a file system", "tmpfs", "t", "/mnt", "idmap", "only bind mounts"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct refused_case *c = &cases[i];
        is_number(make(c->type, c->source, c->destination, c->options), -EINVAL, "%s: refused", c->name);
        is_text(err.place, "/mounts/0", "%s: at its place", c->name);
        ok(strstr(err.text, c->word), "%s: by name (%s)", c->name, err.text);
        ok(untouched(), "%s: out is untouched", c->name);
    }
    struct oci_id_mapping map = {.container_id = 0, .host_id = 1000, .size = 1};
    struct oci_mount mapped[] = {{.type = "tmpfs", .source = "t", .destination = "/a"},
                                 {.type = "none",
                                  .source = "/s",
                                  .destination = "/b",
                                  .options = {1, (const char *[]){"bind"}},
                                  .uid_mappings = {1, &map}}};
    is_number(make_rows(mapped, 2), -EINVAL, "one of two id mappings of a mount: refused");
    is_text(err.place, "/mounts/1", "id mappings of a mount: at their place");
    ok(strstr(err.text, "uidMappings and gidMappings"), "one of two id mappings: by name (%s)", err.text);
}

/* config.md "Mounts": mappings of the mount's own, or those of the container's user namespace; each on its own tree. */
static void test_idmap(void) {
    static struct oci_id_mapping uid_rows[] = {{.container_id = 0, .host_id = 1000, .size = 5},
                                               {.container_id = 5, .host_id = 7, .size = 1}};
    static struct oci_id_mapping gid_rows[] = {{.container_id = 0, .host_id = 2000, .size = 6}};
    static struct plan_id_mapping own_uids[] = {{0, 100000, 65536}}, own_gids[] = {{0, 200000, 65536}};
    struct plan_namespaces user = {
        .modes = {[NS_USER] = NS_NEW}, .uids = own_uids, .gids = own_gids, .uid_count = 1, .gid_count = 1};
    static const struct {
        const char *option;
        bool mappings;
        enum mount_idmap want;
    } cases[] = {
        {"rw", true, MOUNT_IDMAP_ONE}, /* mappings alone are enough */
        {"idmap", true, MOUNT_IDMAP_ONE},    {"ridmap", true, MOUNT_IDMAP_TREE}, {"idmap", false, MOUNT_IDMAP_ONE},
        {"ridmap", false, MOUNT_IDMAP_TREE}, {"rw", false, MOUNT_IDMAP_NONE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *options[] = {"rbind", cases[i].option},
                   *name = cases[i].mappings ? "with mappings" : "without mappings";
        struct oci_mount mount = {.type = "none", .source = "/s", .destination = "/m", .options = {2, options}};
        const struct oci_config config = {.mounts = {1, &mount}};
        if (cases[i].mappings) {
            mount.uid_mappings = (struct oci_id_mapping_array){2, uid_rows};
            mount.gid_mappings = (struct oci_id_mapping_array){1, gid_rows};
        }
        arena_drop(&arena);
        if (!ok(mounts_plan(&arena, &config, BUNDLE, &user, NULL, NULL, &plan, &err) == 0, "%s %s: planned",
                cases[i].option, name))
            continue;
        const struct plan_mount *m = &plan.items[0];
        is_number(m->idmap, cases[i].want, "%s %s: how far it goes", cases[i].option, name);
        if (m->idmap == MOUNT_IDMAP_NONE)
            continue;
        uint32_t uid = cases[i].mappings ? 1000 : 100000, gid = cases[i].mappings ? 2000 : 200000;
        ok(m->uid_count == (cases[i].mappings ? 2 : 1) && m->uids[0].outside == uid && m->gid_count == 1 &&
               m->gids[0].outside == gid,
           "%s %s: by whose mappings", cases[i].option, name);
    }
    struct oci_id_mapping bad_rows[] = {{.container_id = 0, .host_id = 1000, .size = 5},
                                        {.container_id = 3, .host_id = 7, .size = 1}};
    const char *binds[] = {"bind"};
    struct oci_mount mount = {.type = "none",
                              .source = "/s",
                              .destination = "/m",
                              .options = {1, binds},
                              .uid_mappings = {1, uid_rows},
                              .gid_mappings = {2, bad_rows}};
    is_number(make_rows(&mount, 1), -EINVAL, "mappings that overlap are refused");
    is_text(err.place, "/mounts/0/gidMappings/1", "at their place");
}

static void test_rows(void) {
    const char *binds[] = {"bind"};
    struct oci_mount rows[] = {
        {.type = "proc", .source = "proc", .destination = "/proc"},
        {.type = "tmpfs", .source = "tmpfs", .destination = "/dev/"},
        {.type = "none", .source = "/x", .destination = "/dev/x", .options = {1, binds}},
    };
    is_number(make_rows(NULL, 0), 0, "no mounts");
    ok(plan.count == 0 && !plan.dev_is_bind, "no mounts: none planned");
    is_number(make_rows(rows, 3), 0, "three mounts");
    is_number(plan.count, 3, "three mounts: three planned");
    for (unsigned i = 0; i < 3 && plan.count == 3; i++)
        ok(plan.items[i].index == i, "row %u knows its place", i);
    is_text(plan.items[0].destination, "/proc", "the order is kept");
    ok(!plan.dev_is_bind, "a tmpfs on /dev is furnished");
    rows[1] = (struct oci_mount){.type = "none", .source = "/dev", .destination = "//dev/.", .options = {1, binds}};
    is_number(make_rows(rows, 3), 0, "a bind on /dev");
    ok(plan.dev_is_bind, "is left as it is");
}

/* One more, of the runtime's own, behind those of the config. */
static void test_extra(void) {
    struct oci_mount rows[] = {{.type = "proc", .source = "proc", .destination = "/proc"}};
    const struct oci_config config = {.mounts = {1, rows}}, empty = {.mounts = {0, NULL}};
    const struct plan_mount extra = {
        .kind = MOUNT_BIND, .index = 99, .destination = "/run/x", .source = "/y", .recursive = true};
    is_number(mounts_plan(&arena, &config, BUNDLE, &namespaces, NULL, &extra, &plan, &err), 0,
              "a mount of one's own beside another");
    is_number(plan.count, 2, "both are planned");
    is_text(plan.items[0].destination, "/proc", "the config's comes first");
    ok(plan.items[1].kind == MOUNT_BIND && plan.items[1].recursive && strcmp(plan.items[1].source, "/y") == 0,
       "then it");
    is_number(plan.items[1].index, 1, "with its own place");
    is_number(mounts_plan(&arena, &empty, BUNDLE, &namespaces, NULL, &extra, &plan, &err), 0,
              "a mount of one's own alone");
    ok(plan.count == 1 && plan.items[0].index == 0, "is planned");
}

int main(void) {
    log_configure(LOG_LEVEL_DEBUG, take_warning, NULL);
    test_options();
    test_opposites();
    test_pairs_are_valid();
    test_propagation();
    test_names();
    test_data();
    test_kinds();
    test_sources();
    test_destinations();
    test_all_destinations();
    test_proc();
    test_refused();
    test_idmap();
    test_rows();
    test_extra();
    arena_drop(&arena);
    test_idmap_option();
    return tap_done();
}
