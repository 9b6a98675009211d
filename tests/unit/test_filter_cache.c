/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit test of life/filter_cache: what it takes from its directory, what it leaves there, and that nothing found there
 * can change a filter. The three functions of plan/filter are stood in for, so that their calls can be counted. Runs
 * anywhere; as root it also tries entries of another owner.
 */
#include "life/filter_cache.h"

#include "base/fd.h"
#include "base/own.h"
#include "tap.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ----------------------------------------------------------------------------------- the stand-in of plan/filter -- */

/* The cache only hands a section on, so this test has a kind of its own. */
struct oci_seccomp {
    uint32_t seed;  /* what program it compiles to */
    uint32_t count; /* its length */
    int refuse;     /* an errno: filter_compile fails */
};

static unsigned compilations;

static const char *key_of(const struct oci_seccomp *seccomp, size_t *len) {
    static char key[24]; /* a multiple of eight: no padding, every byte of an entry counts */
    memset(key, 'k', sizeof key);
    memcpy(key, seccomp, sizeof *seccomp);
    *len = sizeof key;
    return key;
}

int filter_key(struct arena *arena, const struct oci_seccomp *seccomp, const char **key, size_t *len, unsigned *flags,
               struct error *err) {
    const char *bytes = key_of(seccomp, len);
    char *copy = arena_strndup(arena, bytes, *len);
    if (!copy)
        return error_memory(err);
    *key = copy;
    *flags = seccomp->seed % 7;
    return 0;
}

static struct sock_filter instruction(const struct oci_seccomp *seccomp, size_t i) {
    return (struct sock_filter){.code = 6, .jt = 1, .jf = 2, .k = seccomp->seed * 1000003U + (uint32_t)i};
}

int filter_compile(struct arena *arena, const struct oci_seccomp *seccomp, struct plan_filter *out, struct error *err) {
    compilations++;
    if (seccomp->refuse)
        return error_refuse(err, "/linux/seccomp", "the test wants it so");
    struct sock_filter *program = arena_array(arena, seccomp->count, sizeof *program);
    if (!program)
        return error_memory(err);
    for (size_t i = 0; i < seccomp->count; i++)
        program[i] = instruction(seccomp, i);
    *out = (struct plan_filter){program, seccomp->count, seccomp->seed % 7, seccomp->seed % 5};
    return 0;
}

static unsigned reviews, strict_reviews;
static bool review_refuses;

int filter_review(struct arena *arena, const struct oci_seccomp *seccomp, bool fail_unknown, struct error *err) {
    (void)arena, (void)seccomp;
    reviews++;
    strict_reviews += fail_unknown;
    return review_refuses ? error_refuse(err, "/linux/seccomp/syscalls", "the test wants it so") : 0;
}

static bool filter_right(const struct plan_filter *filter, const struct oci_seccomp *seccomp) {
    if (!filter->program || filter->count != seccomp->count || filter->flags != seccomp->seed % 7 ||
        filter->unknown != seccomp->seed % 5)
        return false;
    for (size_t i = 0; i < filter->count; i++) {
        struct sock_filter want = instruction(seccomp, i);
        if (memcmp(&filter->program[i], &want, sizeof want) != 0)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------ the room -- */

static int root = -1;
static const char directory[] = ".cache/seccomp";

/* Gets the filter; true when it is the right one. *compiled says whether that took a compilation. */
static bool get(const struct oci_seccomp *seccomp, bool *compiled) {
    own_arena arena = ARENA_INIT;
    struct error err = ERROR_INIT;
    struct plan_filter filter = {0};
    unsigned before = compilations;
    int r = filter_cache_get(&arena, root, seccomp, false, &filter, &err);
    *compiled = compilations != before;
    return r == 0 && filter_right(&filter, seccomp);
}

static void is_got(const struct oci_seccomp *seccomp, bool want_compiled, const char *what) {
    bool compiled;
    ok(get(seccomp, &compiled), "%s: the right filter", what);
    ok(compiled == want_compiled, "%s: %s", what, want_compiled ? "compiled" : "from the cache");
}

/* What the damage was for: it is not used, it is replaced, and then there is a good entry again. */
static void is_replaced(const struct oci_seccomp *seccomp, const char *what) {
    is_got(seccomp, true, what);
    is_got(seccomp, false, what);
}

static size_t names_count(int dirfd, char *last, size_t size) {
    own_directory stream = fdopendir(openat(dirfd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    size_t count = 0;
    const struct dirent *e;
    while (stream && (e = readdir(stream))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        count++;
        if (last)
            snprintf(last, size, "%s/%s", directory, e->d_name);
    }
    return count;
}

static void room_clear(void) {
    own_directory stream = fdopendir(openat(root, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *e;
    while (stream && (e = readdir(stream)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlinkat(dirfd(stream), e->d_name, 0) < 0)
            unlinkat(dirfd(stream), e->d_name, AT_REMOVEDIR);
    unlinkat(root, directory, AT_REMOVEDIR);
    if (unlinkat(root, ".cache", AT_REMOVEDIR) < 0)
        unlinkat(root, ".cache", 0);
}

/* The path of the one entry that storing this section makes in an empty cache. */
static const char *entry_path(const struct oci_seccomp *seccomp) {
    static char path[300];
    bool compiled;
    room_clear();
    get(seccomp, &compiled);
    if (names_count(root, path, sizeof path) != 1)
        path[0] = '\0';
    return path;
}

static char *file_read(const char *path, size_t *len) {
    own_fd fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char *data = NULL;
    return fd >= 0 && fd_read_all(fd, 1 << 20, &data, len) == 0 ? data : NULL;
}

static void file_write(const char *path, const char *data, size_t len, mode_t mode) {
    unlinkat(root, path, 0);
    own_fd fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0)
        printf("# cannot write %s\n", path);
}

static bool mode_is(const char *path, mode_t want) {
    struct stat st;
    return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode == want;
}

/* ------------------------------------------------------------------------------------------------------- the cases --
 */

static const struct oci_seccomp one = {.seed = 11, .count = 40};

static void test_plain(void) {
    const struct oci_seccomp two = {.seed = 12, .count = 4096}, tiny = {.seed = 13, .count = 1};
    const char *path = entry_path(&one);
    ok(*path != '\0', "a miss leaves one entry");
    ok(mode_is(path, S_IFREG | 0600), "the entry is a file of mode 0600");
    ok(mode_is(".cache", S_IFDIR | 0700) && mode_is(directory, S_IFDIR | 0700), "its directories have mode 0700");
    is_got(&one, false, "second time");
    is_got(&two, true, "another section");
    is_got(&two, false, "another section, second time");
    is_got(&tiny, true, "one instruction");
    is_got(&tiny, false, "one instruction, second time");
    is_got(&one, false, "the first again");
    is_number(names_count(root, NULL, 0), 3, "three entries, nothing else");

    own_arena arena = ARENA_INIT;
    struct error err = ERROR_INIT;
    struct plan_filter filter = {.program = &(struct sock_filter){0}, .count = 1, .flags = 1, .unknown = 1};
    is_number(filter_cache_get(&arena, root, NULL, false, &filter, &err), 0, "no section is no error");
    ok(!filter.program && !filter.count && !filter.flags && !filter.unknown, "no section, no filter");
}

/* What the filter leaves out is said each time, also when the filter comes from the cache. */
static void test_review(void) {
    const struct oci_seccomp remarkable = {.seed = 11, .count = 3}, plain = {.seed = 10, .count = 3};
    own_arena arena = ARENA_INIT;
    struct error err = ERROR_INIT;
    struct plan_filter filter;
    room_clear();
    for (unsigned i = 1; i <= 3; i++) {
        reviews = strict_reviews = 0;
        is_number(filter_cache_get(&arena, root, &remarkable, i == 3, &filter, &err), 0, "time %u", i);
        ok(reviews == 1 && strict_reviews == (i == 3), "reviewed, time %u", i);
        filter_cache_get(&arena, root, &plain, true, &filter, &err);
        is_number(reviews, 1, "nothing to review in another one");
    }
    review_refuses = true;
    filter.count = 77;
    is_number(filter_cache_get(&arena, root, &remarkable, true, &filter, &err), -EINVAL, "a refusal is passed on");
    is_number(filter.count, 77, "the result is left alone");
    review_refuses = false;
}

static void test_refusal(void) {
    const struct oci_seccomp bad = {.seed = 5, .count = 4, .refuse = 1};
    own_arena arena = ARENA_INIT;
    struct error err = ERROR_INIT;
    struct plan_filter filter = {.count = 77};
    room_clear();
    is_number(filter_cache_get(&arena, root, &bad, false, &filter, &err), -EINVAL, "a refusal is passed on");
    is_text(err.place, "/linux/seccomp", "with its place");
    is_number(filter.count, 77, "the result is left alone");
    is_number(names_count(root, NULL, 0), 0, "and nothing is stored");
}

static void test_damage(void) {
    const char *path = entry_path(&one);
    size_t len = 0, wrong = 0, kept = 0;
    own_memory char *good = file_read(path, &len);
    ok(good && len > 40 * sizeof(struct sock_filter), "the entry can be read");
    if (!good)
        return;
    bool compiled;
    for (size_t i = 0; i < len; i++) { /* every byte, a bit of it */
        good[i] = (char)(good[i] ^ 1 << i % 8);
        file_write(path, good, len, 0600);
        good[i] = (char)(good[i] ^ 1 << i % 8);
        wrong += !get(&one, &compiled) || !compiled;
        kept += !get(&one, &compiled) || compiled;
    }
    is_number(wrong, 0, "no entry with a flipped bit is used");
    is_number(kept, 0, "and each is replaced");
    for (size_t cut = 0; cut < len; cut++) {
        file_write(path, good, cut, 0600);
        wrong += !get(&one, &compiled) || !compiled;
        kept += !get(&one, &compiled) || compiled;
    }
    is_number(wrong, 0, "no shortened entry is used");
    is_number(kept, 0, "and each is replaced");
    own_memory char *longer = calloc(1, len + 8);
    memcpy(longer, good, len);
    file_write(path, longer, len + 8, 0600);
    is_replaced(&one, "an entry with something behind it");
    own_memory char *huge = calloc(1, 1 << 20);
    file_write(path, huge, 1 << 20, 0600);
    is_replaced(&one, "an entry of a MiB");
}

static void test_guises(void) {
    static const mode_t modes[] = {0644, 0660, 0601, 0400, 0700, 04600, 02600};
    const char *path = entry_path(&one);
    size_t len = 0;
    own_memory char *good = file_read(path, &len);
    if (!ok(good != NULL, "the entry can be read"))
        return;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char what[32];
        file_write(path, good, len, modes[i]);
        snprintf(what, sizeof what, "mode 0%o", (unsigned)modes[i]);
        is_replaced(&one, what);
        ok(mode_is(path, S_IFREG | 0600), "%s: 0600 again", what);
    }
    file_write("elsewhere", good, len, 0600);
    unlinkat(root, path, 0);
    ok(symlinkat("../../elsewhere", root, path) == 0, "a symbolic link to a good entry");
    is_replaced(&one, "a symbolic link");
    ok(mode_is(path, S_IFREG | 0600), "a file stands in place of the link");
    unlinkat(root, "elsewhere", 0);

    unlinkat(root, path, 0);
    ok(mkfifoat(root, path, 0600) == 0, "a FIFO without a writer");
    is_replaced(&one, "a FIFO");

    unlinkat(root, path, 0);
    ok(mkdirat(root, path, 0700) == 0, "a directory");
    is_got(&one, true, "a directory");
    is_number(names_count(root, NULL, 0), 1, "no half-made file stays beside the directory");
    unlinkat(root, path, AT_REMOVEDIR);
    is_replaced(&one, "the directory is gone");

    if (geteuid() == 0) {
        ok(fchownat(root, path, 65534, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0, "an entry of another user");
        is_replaced(&one, "an entry of another user");
    } else {
        ok(true, "an entry of another user # SKIP needs root");
    }
}

/* Two keys with one name do not happen by chance; so the entry of one section is put under the name of another. */
static void test_collision(void) {
    const struct oci_seccomp other = {.seed = 12, .count = 40};
    size_t len = 0;
    own_memory char *foreign = file_read(entry_path(&other), &len);
    const char *path = entry_path(&one);
    if (!ok(foreign != NULL, "the entry can be read"))
        return;
    file_write(path, foreign, len, 0600);
    is_replaced(&one, "an entry with another key");
}

static void test_no_room(void) {
    room_clear();
    file_write(".cache", "", 0, 0600);
    is_got(&one, true, "a file where the directory should be");
    is_got(&one, true, "a file where the directory should be, second time");
    room_clear();
    int saved = root;
    root = -1;
    is_got(&one, true, "no state root");
    root = saved;
    mode_t mask = umask(0777);
    is_got(&one, true, "a umask that takes everything");
    umask(mask);
    /* The directories got mode 0 then; root goes in all the same, others must be let in. */
    if (fchmodat(root, ".cache", 0700, 0) == 0 && fchmodat(root, directory, 0700, 0) == 0)
        is_got(&one, geteuid() != 0, "after such a umask");
}

static void test_prune(void) {
    struct oci_seccomp many = {.count = 3};
    const char *stale = ".cache/seccomp/.0123456789abcdef.1.1";
    bool compiled;
    size_t wrong = 0, most = 0;
    entry_path(&one);
    file_write(stale, "half", 4, 0600);
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    utimensat(root, stale, old, 0);
    for (many.seed = 100; many.seed < 400; many.seed++) {
        wrong += !get(&many, &compiled) || !compiled;
        size_t count = names_count(root, NULL, 0);
        most = count > most ? count : most;
    }
    is_number(wrong, 0, "300 sections");
    ok(most <= 256 && most >= 200, "the cache never had more than 256 entries (%zu)", most);
    many.seed = 399;
    is_got(&many, false, "the newest is there");
    many.seed = 100;
    is_got(&many, true, "an old one is not");
    ok(faccessat(root, stale, F_OK, AT_SYMLINK_NOFOLLOW) < 0, "what a crash left is gone");
}

/* One of several processes that read, write and remove the same few entries. The exit status counts wrong filters. */
static int worker(unsigned number) {
    unsigned wrong = 0;
    for (unsigned i = 0; i < 400; i++) {
        const struct oci_seccomp seccomp = {.seed = 50 + i % 4, .count = 500 + i % 4};
        bool compiled;
        wrong += !get(&seccomp, &compiled);
        char path[300];
        if (i % 16 == number && names_count(root, path, sizeof path) > 0)
            unlinkat(root, path, 0);
    }
    return wrong > 100 ? 100 : (int)wrong;
}

static void test_together(void) {
    pid_t pids[8];
    room_clear();
    fflush(stdout);
    for (unsigned i = 0; i < 8; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(worker(i));
    }
    for (unsigned i = 0; i < 8; i++) {
        int status = -1;
        ok(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status), "worker %u ends", i);
        is_number(WEXITSTATUS(status), 0, "worker %u got the right filter each time", i);
    }
    ok(names_count(root, NULL, 0) <= 4, "no half-made file is left");
}

int main(void) {
    const char *base = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/filter-cache-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path) || (root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        perror(path);
        return 1;
    }
    alarm(120); /* whatever blocks is a failure */
    test_plain();
    test_review();
    test_refusal();
    test_damage();
    test_guises();
    test_collision();
    test_no_room();
    test_prune();
    test_together();
    room_clear();
    close(root);
    ok(rmdir(path) == 0, "the directory is empty at the end");
    return tap_done();
}
