/* SPDX-License-Identifier: Apache-2.0 */
/* store: see store.h. */
#include "life/store.h"
#include "kernel/sys.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "kernel/namespace.h"
#include "life/document.h"
#include "life/record.h"
#include "life/snapshot.h"
#include "oci.h"
#include "plan/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SECONDS 10
#define DEPTH_MAX 32 /* of directories that damage has put in the place of our files */
#define RECORD_MAX ((size_t)16 * 1024 * 1024)

void store_drop(struct store *store) {
    fd_drop(&store->fd);
}

/*
 * Root of a user namespace is mostly an ordinary user after all: engines run us so and name the user's directory. But a
 * login as root inside such a container has that variable as well, and USER says so (the rule of runc).
 */
static bool root_is_own(const char *runtime_dir) {
    const char *user = getenv("USER");
    return geteuid() == 0 && (!runtime_dir || namespace_user_is_first() || (user && strcmp(user, "root") == 0));
}

static int default_root(char *buffer, size_t size, struct error *err) {
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    if (root_is_own(runtime_dir)) {
        snprintf(buffer, size, "/run/berth");
        return 0;
    }
    if (!runtime_dir || runtime_dir[0] != '/')
        return error_set(err, ENOENT,
                         "without privilege the state root is $XDG_RUNTIME_DIR/berth, but XDG_RUNTIME_DIR is "
                         "%s%.128s%s (or use --root)",
                         runtime_dir && *runtime_dir ? "\"" : "", runtime_dir && *runtime_dir ? runtime_dir : "not set",
                         runtime_dir && *runtime_dir ? "\", which is not an absolute path" : "");
    return snprintf(buffer, size, "%s/berth", runtime_dir) < (int)size
               ? 0
               : error_code(err, ENAMETOOLONG, "XDG_RUNTIME_DIR");
}

/* mkdir -p, each missing directory 0700. */
static int make_parents(char *path) {
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *slash = '/';
        if (r < 0)
            return r;
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

#define LINKS_MAX 40 /* as the kernel's own limit, path_resolution(7) */

/*
 * Whether a symbolic link that lies in `dir` may lead the way: it belongs to root, to us, or to the owner of "/" (in a
 * user namespace the host's root is not mapped, and its id is that of all others who are not; so nobody else may be
 * able to put a link there).
 */
static bool link_is_trusted(int dir, uid_t owner) {
    struct stat top, holder;
    if (owner == 0 || owner == geteuid())
        return true;
    return stat("/", &top) == 0 && owner == top.st_uid && fstat(dir, &holder) == 0 && holder.st_uid == owner &&
           !(holder.st_mode & 022);
}

/* Puts the target of the link in front of `rest`, the components that are to follow it. */
static int expand_link(int link, char *rest) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof target);
    size_t len = strlen(rest);
    if (n < 0)
        return -errno;
    if ((size_t)n + len + 2 > PATH_MAX)
        return -ENAMETOOLONG;
    memmove(rest + n + 1, rest, len + 1);
    memcpy(rest, target, (size_t)n);
    rest[n] = '/';
    return 0;
}

/*
 * Opens the directory of an absolute path component by component, so that no link of somebody else is followed: in /tmp
 * it could lead to any directory of ours. -EPERM: there is such a link.
 */
static int open_directory(const char *path) {
    char rest[PATH_MAX], name[NAME_MAX + 1];
    /* As a rule there is no link on the way, and one call says so. */
    const struct open_how straight = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int direct = sys_openat2(AT_FDCWD, path, &straight);
    if (direct >= 0)
        return direct;
    own_fd dir = fd_open("/", O_PATH | O_DIRECTORY);
    snprintf(rest, sizeof rest, "%s", path);
    for (int links = 0; dir >= 0 && rest[strspn(rest, "/")];) {
        char *begin = rest + strspn(rest, "/");
        size_t len = strcspn(begin, "/");
        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, begin, len);
        name[len] = '\0';
        memmove(rest, begin + len, strlen(begin + len) + 1);
        struct stat st;
        own_fd next = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 || fstat(next, &st) < 0)
            return -errno;
        if (!S_ISLNK(st.st_mode)) {
            fd_drop(&dir);
            dir = fd_take(&next);
            continue;
        }
        int r = links++ == LINKS_MAX ? -ELOOP : link_is_trusted(dir, st.st_uid) ? expand_link(next, rest) : -EPERM;
        if (r < 0)
            return r;
        if (rest[0] == '/') {
            fd_drop(&dir);
            dir = fd_open("/", O_PATH | O_DIRECTORY);
        }
    }
    int fd = dir < 0 ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int store_open(const char *root, bool make, struct store *out, struct error *err) {
    struct store store = {.fd = -1};
    struct stat st;
    int r = 0;
    if (!root)
        r = default_root(store.root, sizeof store.root, err);
    else if (root[0] != '/' || strspn(root, "/") == strlen(root))
        r = error_set(err, EINVAL, "state root \"%s\" must be an absolute path other than /", root);
    else if (snprintf(store.root, sizeof store.root, "%s", root) >= (int)sizeof store.root)
        r = error_code(err, ENAMETOOLONG, "state root");
    if (r < 0)
        return r;
    own_fd fd = open_directory(store.root);
    if (fd == -ENOENT && make) {
        mode_t saved = umask(077);
        r = make_parents(store.root);
        umask(saved);
        if (r < 0)
            return error_code(err, -r, "make state root %s", store.root);
        store.made = true;
        fd = open_directory(store.root);
    }
    if (fd == -EPERM)
        return error_set(err, EPERM, "state root %s: a symbolic link on the way belongs to neither root nor uid %u",
                         store.root, (unsigned)geteuid());
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_code(err, fd < 0 ? -fd : errno, "open state root %s", store.root);
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return error_set(err, EPERM, "state root %s must belong to uid %u and be writable by nobody else", store.root,
                         (unsigned)geteuid());
    store.fd = fd_take(&fd);
    *out = store;
    return 0;
}

static void on_alarm(int signal) {
    (void)signal; /* only there to interrupt flock */
}

/*
 * flock(2) without waiting. A network file system may have no locks at all. Then we go on without one, as other
 * runtimes do, and say so: an id is still given to one create only, by renameat2(2).
 */
static int try_lock(int dir) {
    static bool warned;
    if (flock(dir, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != ENOLCK && errno != EOPNOTSUPP)
        return -errno;
    if (!warned)
        log_warning("the file system of the state root cannot lock files (%s): two commands on one container are not "
                    "kept apart",
                    error_text(errno));
    warned = true;
    return 0;
}

static int error_busy(struct error *err, const char *id) {
    return error_set(err, EBUSY, "container %s is busy: another command has been working on it for %d seconds", id,
                     LOCK_SECONDS);
}

static int wait_for_lock(int dir, const char *id, struct error *err) {
    int r = try_lock(dir);
    if (r != -EWOULDBLOCK)
        return r < 0 ? error_code(err, -r, "lock container %s", id) : 0;
    struct sigaction action = {.sa_handler = on_alarm}, saved;
    sigset_t mask, saved_mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    sigaction(SIGALRM, &action, &saved);
    sigprocmask(SIG_UNBLOCK, &mask, &saved_mask);
    alarm(LOCK_SECONDS);
    r = flock(dir, LOCK_EX) < 0 ? -errno : 0;
    alarm(0);
    sigprocmask(SIG_SETMASK, &saved_mask, NULL);
    sigaction(SIGALRM, &saved, NULL);
    if (r == -EINTR)
        return error_busy(err, id);
    return r < 0 ? error_code(err, -r, "lock container %s", id) : 0;
}

int store_lock(int dir, const char *id, struct error *err) {
    struct stat st;
    int r = wait_for_lock(dir, id, err);
    if (r < 0)
        return r;
    if (fstat(dir, &st) < 0)
        return error_sys(err, "look at the state directory of %s", id);
    return st.st_nlink > 0 ? 0 : error_set(err, ENOENT, "container does not exist: %s", id);
}

void store_unlock(int dir) {
    flock(dir, LOCK_UN);
}

/* Whether the name leads to the directory that we hold: 1, 0 when it is gone or another one has the name, or -errno. */
static int is_named(int store, const char *name, int dir) {
    struct stat held, named;
    if (fstat(dir, &held) < 0)
        return -errno;
    if (fstatat(store, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    return held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

#define ASIDE_SIZE 32

/*
 * The name under which the directory of a new container is made: nobody takes it for a container, since no id begins
 * with a dot. It is told by the id, so that what a killed create has left is found again; ids that share a name are in
 * each other's way for an instant only.
 */
static const char *aside_name(const char *id, char name[static ASIDE_SIZE]) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    snprintf(name, ASIDE_SIZE, ".new.%016llx", (unsigned long long)hash);
    return name;
}

/* Opens and locks the directory aside. -EBUSY: another create is at it; -ESTALE: it went meanwhile. */
static int lock_aside(const struct store *store, const char *aside, int *dir) {
    own_fd fd = openat(store->fd, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESTALE : -errno;
    int r = try_lock(fd);
    if (r < 0)
        return r == -EWOULDBLOCK ? -EBUSY : r;
    if (is_named(store->fd, aside, fd) <= 0)
        return -ESTALE;
    *dir = fd_take(&fd);
    return 0;
}

/* Without renameat2(2) or its flag a name that appears between the two calls is taken for a directory that is there. */
static int rename_new(int store, const char *aside, const char *id) {
    struct stat st;
    int r = sys_rename_new(store, aside, id);
    if (r != -ENOSYS && r != -EINVAL && r != -EPERM)
        return r;
    if (fstatat(store, id, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(store, aside, store, id) < 0 ? -errno : 0;
}

/* -EBUSY and -ESTALE as lock_aside, -EEXIST or -ENOTEMPTY: somebody has the id. */
static int try_reserve(const struct store *store, const char *id, const char *aside, int *dir) {
    own_fd fd = -1;
    mode_t saved = umask(0);
    const bool made = mkdirat(store->fd, aside, 0700) == 0;
    int r = !made && errno != EEXIST ? -errno : 0;
    umask(saved);
    if (r < 0)
        return r;
    r = lock_aside(store, aside, &fd);
    const bool locked = r == 0;
    if (locked)
        r = rename_new(store->fd, aside, id);
    if (r == -ENOENT) /* a create that failed has taken it away under our hands */
        return -ESTALE;
    if (r < 0 && (locked || (made && r != -EBUSY)))
        unlinkat(store->fd, aside, AT_REMOVEDIR);
    if (r == 0)
        *dir = fd_take(&fd);
    return r;
}

/*
 * Made aside, locked, and only then given its name: whoever finds a directory without a record and without a lock knows
 * that its create has died. Another create, or a delete that removes what a killed create has left, may hold the
 * directory aside for an instant, so we try again.
 */
int store_reserve(const struct store *store, const char *id, int *dir, struct error *err) {
    char aside[ASIDE_SIZE];
    int r = try_reserve(store, id, aside_name(id, aside), dir);
    for (int attempt = 0; (r == -ESTALE || r == -EBUSY) && attempt < LOCK_SECONDS * 1000; attempt++) {
        if (r == -EBUSY)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        r = try_reserve(store, id, aside, dir);
    }
    if (r == -EEXIST || r == -ENOTEMPTY)
        return error_set(err, EEXIST, "container with given ID already exists: %s", id);
    if (r == -EBUSY)
        return error_busy(err, id);
    if (r < 0)
        return error_code(err, -r, "make state directory %s/%s", store->root, id);
    return 0;
}

void store_forget_new(const struct store *store, const char *id) {
    char aside[ASIDE_SIZE];
    own_fd fd = -1;
    if (lock_aside(store, aside_name(id, aside), &fd) == 0)
        unlinkat(store->fd, aside, AT_REMOVEDIR);
}

int store_enter(const struct store *store, const char *id, bool lock, int *dir, struct error *err) {
    int r = plan_check_id(id, err);
    if (r < 0)
        return r;
    own_fd fd = openat(store->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ENOENT, "container does not exist: %s", id);
    if (fd < 0)
        return error_sys(err, "open state directory %s/%s", store->root, id);
    r = lock ? store_lock(fd, id, err) : 0;
    if (r < 0)
        return r;
    *dir = fd_take(&fd);
    return 0;
}

int store_busy(int dir) {
    /* A lock belongs to the open file, so the question needs a file opened anew. */
    own_fd other = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (other < 0)
        return errno == ENOENT ? 0 : -errno; /* removed meanwhile */
    if (flock(other, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? 1 : -errno;
    return 0;
}

int store_write(int dir, const struct oci_record *record, struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    int r = document_sealed(OCI_DOCUMENT_RECORD, record, &text, &len);
    if (r == 0 && len > RECORD_MAX) /* it could not be read again */
        return error_set(err, EFBIG, "state record would take %zu bytes (are the annotations that long?)", len);
    if (r < 0)
        return error_code(err, -r, "write state record");
    mode_t saved = umask(0);
    own_fd fd = document_make(dir, "record.new");
    umask(saved);
    r = fd < 0 ? fd : fd_write_all(fd, text, len);
    if (r == 0 && renameat(dir, "record.new", dir, "record.json") < 0)
        r = -errno;
    if (r < 0)
        unlinkat(dir, "record.new", 0);
    return r < 0 ? error_code(err, -r, "write state record") : 0;
}

static void *arena_take(void *context, size_t size) {
    return arena_alloc(context, size);
}

/* Out of memory or descriptors, and without permission, the record may well be sound. */
static int refuse_text(int r, struct error *err) {
    if (r != -EBADMSG && r != -EFBIG && r != -EIO)
        return error_wrap(err, "state record");
    return error_blame(err, "record", NULL, "state record is damaged");
}

/* A record is written first and removed last, so one that has gone where the config is kept is no create cut off. */
static int read_text(int dir, char **text, size_t *len, struct error *err) {
    int r = document_read(dir, "record.json", RECORD_MAX, text, len, err);
    if (r == -ENOENT && fd_has(dir, SNAPSHOT_CONFIG))
        r = document_read(dir, "record.json", RECORD_MAX, text, len, err); /* a create may have made both just now */
    else if (r == -ENOENT)
        return error_code(err, ENODATA, "read state record");
    if (r == -ENOENT)
        r = error_set(err, EBADMSG, "record.json is missing");
    return r < 0 ? refuse_text(r, err) : 0;
}

static int read_record(int dir, struct arena *arena, struct oci_record **out, struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    int r = read_text(dir, &text, &len, err);
    if (r < 0)
        return r;
    const struct oci_allocator allocator = {.alloc = arena_take, .ctx = arena};
    struct oci_error oci;
    r = oci_record_read(&allocator, text, len, out, &oci);
    if (r == -ENOMEM)
        return error_memory(err);
    return r < 0 ? refuse_text(error_set(err, EBADMSG, "%s", oci.text), err) : 0;
}

int store_read(int dir, const char *id, struct arena *arena, const struct oci_record **out, struct error *err) {
    struct oci_record *record;
    int r = read_record(dir, arena, &record, err);
    if (r == 0 && record_check(record, id, err) < 0)
        r = error_wrap(err, "state record is damaged");
    else if (r == 0)
        r = record_leave_boot(record, err);
    if (r == 0)
        *out = record;
    return r;
}

bool store_is_damage(const struct error *err) {
    return strcmp(err->step, "record") == 0;
}

int store_salvage(int dir, const char *id, struct arena *arena, const struct oci_record **out, struct error *err) {
    struct oci_record *record = NULL;
    int r = read_record(dir, arena, &record, err);
    if (r < 0 && r != -ENODATA && !store_is_damage(err))
        return r;
    if (r < 0)
        record = NULL;
    record_salvage(record, id);
    r = record ? record_leave_boot(record, err) : 0;
    if (r == 0)
        *out = record;
    return r;
}

/*
 * Removes what has a name of ours, whatever it is: damage may have put a directory there. Nothing is removed through a
 * link, and a mount point is not entered (EBUSY, rmdir(2)).
 */
static int remove_any(int dir, const char *name, int depth) {
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY || depth == 0)
        return -errno;
    own_fd fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    own_directory stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return -errno;
    fd_take(&fd);
    const struct dirent *entry;
    int r;
    while ((r = fd_next_entry(stream, &entry)) > 0)
        if ((r = remove_any(dirfd(stream), entry->d_name, depth - 1)) < 0)
            break;
    return r < 0 ? r : unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int store_remove(const struct store *store, const char *id, int dir, struct error *err) {
    static const char *const names[] = {"notify",        "start",         "record.new", SNAPSHOT_ASIDE,
                                        SNAPSHOT_CONFIG, SNAPSHOT_FILTER, STORE_ROOT,   "record.json"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof names / sizeof *names; i++)
        r = remove_any(dir, names[i], DEPTH_MAX);
    /* Somebody may have moved ours away by hand, and another container may be there now. */
    if (r == 0)
        r = is_named(store->fd, id, dir);
    if (r > 0)
        r = unlinkat(store->fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
    return r < 0 ? error_code(err, -r, "remove state directory %s/%s", store->root, id) : 0;
}

int store_gate_listen(int dir, int *out, struct error *err) {
    /* Through the directory's descriptor: an id may be longer than what fits into sun_path (unix(7): 108 bytes). */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/start", dir);
    own_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_sys(err, "make start socket");
    mode_t saved = umask(0177);
    int r = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    umask(saved);
    if (r < 0 || listen(fd, 16) < 0)
        return error_code(err, r < 0 ? -r : errno, "bind start socket");
    *out = fd_take(&fd);
    return 0;
}

int store_gate_connect(int dir, int timeout_s, int *out) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = timeout_s};
    struct stat st;
    /* Through a descriptor of the socket itself: connect(2) would follow a link to another container's. */
    own_fd gate = openat(dir, "start", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (gate < 0 || fstat(gate, &st) < 0)
        return -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", gate);
    own_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (timeout_s ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return errno == EAGAIN ? -EBUSY : -errno;
    *out = fd_take(&fd);
    return 0;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int store_ids(const struct store *store, struct arena *arena, const char ***ids, size_t *count, struct error *err) {
    struct error ignored;
    size_t used = 0, room = 64;
    const char **list = arena_array(arena, room, sizeof *list);
    own_fd fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_directory stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream || !list)
        return list ? error_sys(err, "list %s", store->root) : error_memory(err);
    fd_take(&fd);
    const struct dirent *entry;
    int r;
    while ((r = fd_next_entry(stream, &entry)) > 0) {
        if (plan_check_id(entry->d_name, &ignored) < 0)
            continue;
        if (used + 1 == room) {
            const char **grown = arena_array(arena, room * 2, sizeof *grown);
            if (!grown)
                return error_memory(err);
            memcpy(grown, list, used * sizeof *list);
            list = grown;
            room *= 2;
        }
        list[used] = arena_strdup(arena, entry->d_name);
        if (!list[used++])
            return error_memory(err);
    }
    if (r < 0)
        return error_code(err, -r, "list %s", store->root);
    qsort(list, used, sizeof *list, compare_ids);
    list[used] = NULL;
    *ids = list;
    *count = used;
    return 0;
}
