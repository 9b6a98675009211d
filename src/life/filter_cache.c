/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_cache: see filter_cache.h. Runs in life; needs no privilege beyond the state root.
 *
 * An entry is named by a hash of its key and is only ever replaced as a whole, so readers and writers need no lock.
 * The checksum is there for what a crash may leave of a file that was never synced; it guards against accidents, the
 * owner and the mode guard against others.
 */
#include "life/filter_cache.h"

#include "base/checksum.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CACHE_PARENT ".cache"
#define CACHE_DIRECTORY CACHE_PARENT "/seccomp"
#define CACHE_MOST 256 /* entries; with more of them the oldest go */
#define CACHE_KEEP 192 /* until this many are left */
#define NAME_SIZE 17   /* an entry's: the hash of its key, 16 hexadecimal digits */
#define ASIDE_SIZE 64  /* while it is written: ".<hash>.<pid>.<nanoseconds>" */

#define ENTRY_MAGIC 0x31464c4948544542 /* "BETHILF1" in memory on a little-endian machine */

/* The head of an entry. Behind it stand the key, padded to a multiple of eight bytes, and the instructions. */
struct entry {
    uint64_t magic;    /* kind and version of the format, and the byte order */
    uint64_t checksum; /* of the instructions, beginning with the numbers below */
    uint32_t key_len, count, unknown, zero;
};

static size_t round_up(size_t size) {
    return (size + 7) & ~(size_t)7;
}

static uint64_t entry_checksum(const struct entry *entry, const void *program) {
    uint64_t hash = CHECKSUM_START ^ ((uint64_t)entry->count << 32 | entry->unknown);
    return checksum_bytes(hash, program, entry->count * sizeof(struct sock_filter));
}

static size_t entry_size(size_t key_len, size_t count) {
    return sizeof(struct entry) + round_up(key_len) + count * sizeof(struct sock_filter);
}

/* ----------------------------------------------------------------------------------------------------- look-up -- */

/* The entry's descriptor and size if it is a file that only we could have written and that may hold this key. */
static int entry_open(int root_fd, const char *name, size_t key_len, size_t *size) {
    char path[sizeof CACHE_DIRECTORY + NAME_SIZE];
    struct stat st;
    snprintf(path, sizeof path, CACHE_DIRECTORY "/%s", name);
    /* O_NONBLOCK: a FIFO must not hold us up. */
    own_fd fd = openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 07777) != 0600)
        return -1;
    if (st.st_size < 0 || (size_t)st.st_size <= entry_size(key_len, 0) ||
        (size_t)st.st_size > entry_size(key_len, BPF_MAXINSNS))
        return -1;
    *size = (size_t)st.st_size;
    return fd_take(&fd);
}

/* Whether the cache has it; then program, count and unknown of *out are set. A damaged entry is as good as none. */
static bool entry_load(struct arena *arena, int root_fd, const char *name, const char *key, size_t key_len,
                       struct plan_filter *out) {
    size_t size = 0;
    own_fd fd = entry_open(root_fd, name, key_len, &size);
    if (fd < 0)
        return false;
    const char *data = arena_alloc(arena, size);
    if (!data || fd_read(fd, (char *)data, size) != (ssize_t)size)
        return false;
    const struct entry *entry = (const void *)data;
    const void *program = data + entry_size(key_len, 0);
    const bool sound = entry->magic == ENTRY_MAGIC && entry->key_len == key_len && entry->zero == 0 &&
                       size == entry_size(key_len, entry->count) && memcmp(data + sizeof *entry, key, key_len) == 0 &&
                       entry->checksum == entry_checksum(entry, program);
    if (!sound) {
        log_debug("seccomp filter %s in the cache is damaged: compiled anew", name);
        return false;
    }
    out->program = program;
    out->count = entry->count;
    out->unknown = entry->unknown;
    return true;
}

/* ------------------------------------------------------------------------------------------------------- store -- */

/* The cache's directory, made when absent; -1 when there can be none. */
static int directory_open(int root_fd) {
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int fd = openat(root_fd, CACHE_DIRECTORY, flags);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(root_fd, CACHE_PARENT, 0700) < 0 && errno != EEXIST)
        return -1;
    if (mkdirat(root_fd, CACHE_DIRECTORY, 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(root_fd, CACHE_DIRECTORY, flags);
}

/* The bytes of an entry (malloc; the caller frees), NULL when out of memory. */
static char *entry_bytes(const char *key, size_t key_len, const struct plan_filter *filter, size_t *size) {
    struct entry entry = {
        .magic = ENTRY_MAGIC,
        .key_len = (uint32_t)key_len,
        .count = (uint32_t)filter->count,
        .unknown = (uint32_t)filter->unknown,
    };
    entry.checksum = entry_checksum(&entry, filter->program);
    char *bytes = calloc(1, entry_size(key_len, filter->count));
    if (!bytes)
        return NULL;
    memcpy(bytes, &entry, sizeof entry);
    memcpy(bytes + sizeof entry, key, key_len);
    memcpy(bytes + entry_size(key_len, 0), filter->program, filter->count * sizeof *filter->program);
    *size = entry_size(key_len, filter->count);
    return bytes;
}

static bool file_fill(int directory, const char *name, const void *data, size_t size) {
    own_fd fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    /* fchmod: the umask of a caller may have taken bits away that a look-up asks for. */
    if (fchmod(fd, 0600) == 0 && fd_write_all(fd, data, size) == 0)
        return true;
    unlinkat(directory, name, 0);
    return false;
}

static void entry_store(int directory, const char *name, const char *key, size_t key_len,
                        const struct plan_filter *filter) {
    if (key_len > UINT32_MAX)
        return;
    size_t size = 0;
    own_memory char *bytes = entry_bytes(key, key_len, filter, &size);
    char aside[ASIDE_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* Two writers with one such name would have to share pid and instant (pid namespaces): the later one gives up. */
    snprintf(aside, sizeof aside, ".%.16s.%d.%lld", name, (int)getpid(),
             (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    if (!bytes || !file_fill(directory, aside, bytes, size))
        return;
    if (renameat(directory, aside, directory, name) < 0)
        unlinkat(directory, aside, 0);
}

/* ------------------------------------------------------------------------------------------------------- prune -- */

struct aged {
    struct timespec time;
    char name[ASIDE_SIZE];
};

static int aged_compare(const void *a, const void *b) {
    const struct timespec *x = &((const struct aged *)a)->time, *y = &((const struct aged *)b)->time;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* The names in the directory, of ours as of half-written files that a crash left. NULL: none, or out of memory. */
static struct aged *directory_list(DIR *stream, size_t *count) {
    struct aged *list = NULL;
    size_t used = 0, room = 0;
    const struct dirent *e;
    while ((e = readdir(stream))) {
        struct stat st;
        size_t len = strlen(e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || len >= ASIDE_SIZE ||
            fstatat(dirfd(stream), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (used == room) {
            struct aged *grown = reallocarray(list, room += CACHE_MOST, sizeof *list);
            if (!grown)
                break;
            list = grown;
        }
        memcpy(list[used].name, e->d_name, len + 1);
        list[used++].time = st.st_mtim;
    }
    *count = used;
    return list;
}

/* Names first, so that the usual case costs no fstatat. */
static bool directory_crowded(DIR *stream) {
    size_t count = 0;
    while (readdir(stream))
        count++;
    rewinddir(stream);
    return count > CACHE_MOST + 2; /* "." and ".." */
}

/* Adopts `directory`. */
static void directory_prune(int directory) {
    own_directory stream = fdopendir(directory);
    if (!stream) {
        fd_drop(&directory);
        return;
    }
    if (!directory_crowded(stream))
        return;
    size_t count = 0;
    own_memory struct aged *list = directory_list(stream, &count);
    if (!list)
        return;
    qsort(list, count, sizeof *list, aged_compare);
    for (size_t i = 0; i + CACHE_KEEP < count; i++)
        unlinkat(dirfd(stream), list[i].name, 0);
}

/* --------------------------------------------------------------------------------------------------------- get -- */

/* The filter of the section, from the cache or compiled; errors are those of filter_key and filter_compile. */
static int filter_get(struct arena *arena, int root_fd, const struct oci_seccomp *seccomp, struct plan_filter *out,
                      struct error *err) {
    const char *key;
    size_t key_len;
    int r = filter_key(arena, seccomp, &key, &key_len, &out->flags, err);
    if (r < 0)
        return r;
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%016llx", (unsigned long long)checksum_bytes(CHECKSUM_START, key, key_len));
    if (entry_load(arena, root_fd, name, key, key_len, out))
        return 0;
    r = filter_compile(arena, seccomp, out, err);
    if (r < 0)
        return r;
    own_fd directory = directory_open(root_fd);
    if (directory >= 0) {
        entry_store(directory, name, key, key_len, out);
        directory_prune(fd_take(&directory));
    }
    return 0;
}

int filter_cache_get(struct arena *arena, int root_fd, const struct oci_seccomp *seccomp, bool fail_unknown,
                     struct plan_filter *out, struct error *err) {
    struct plan_filter filter = {0};
    int r = seccomp ? filter_get(arena, root_fd, seccomp, &filter, err) : 0;
    if (r == 0 && filter.unknown > 0)
        r = filter_review(arena, seccomp, fail_unknown, err);
    if (r == 0)
        *out = filter;
    return r;
}
