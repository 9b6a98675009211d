/* SPDX-License-Identifier: Apache-2.0 */
/* criu: see criu.h. */
#include "kernel/criu.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/table.h"
#include "kernel/cgroup.h"
#include "kernel/criu_log.h"
#include "kernel/mountfd.h"
#include "kernel/process.h"
#include "kernel/protobuf.h"
#include "kernel/run.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "criu"
#define INHERIT_MAX 32
#define ANSWER_MAX 65536
#define LOG_LEVEL 4
#define REQUEST_NOTIFY 6

/* The numbers that descriptors have in CRIU. */
enum { NUMBER_SOCKET = 3, NUMBER_IMAGES, NUMBER_WORK, NUMBER_INHERIT, NUMBER_END = NUMBER_INHERIT + INHERIT_MAX };

extern char **environ;

int criu_find(char *path, size_t size, struct error *err) {
    const char *search = getenv("PATH");
    for (const char *at = search ? search : "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"; *at;) {
        size_t len = strcspn(at, ":");
        struct stat st;
        int n = snprintf(path, size, "%.*s/" PROGRAM, (int)len, at);
        if (len > 0 && *at == '/' && n > 0 && (size_t)n < size && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
            access(path, X_OK) == 0)
            return 0;
        at += len + (at[len] == ':');
    }
    return error_set(err, ENOENT, "the program criu was not found in PATH: it has to be installed");
}

/* ---- the request (criu's rpc.proto, message criu_opts and those in it) ---- */

enum field_kind { FIELD_FLAG, FIELD_TEXT, FIELD_BITS, FIELD_PID };

struct field {
    unsigned number;
    enum field_kind kind;
    size_t offset;
};

#define FIELD(number_, kind_, member)                                                                                  \
    { (number_), FIELD_##kind_, offsetof(struct criu_options, member) }

static const struct field fields[] = {
    FIELD(2, PID, pid),
    FIELD(3, FLAG, leave_running),
    FIELD(4, FLAG, external_unix),
    FIELD(5, FLAG, tcp_established),
    FIELD(6, FLAG, evasive_devices),
    FIELD(7, FLAG, shell_job),
    FIELD(8, FLAG, file_locks),
    FIELD(10, TEXT, log),
    FIELD(13, TEXT, root),
    FIELD(14, TEXT, parent),
    FIELD(15, FLAG, track_memory),
    FIELD(16, FLAG, auto_dedup),
    FIELD(18, FLAG, link_remap),
    FIELD(26, FLAG, sibling),
    FIELD(38, BITS, empty_namespaces),
    FIELD(44, TEXT, freeze_cgroup),
    FIELD(46, FLAG, tcp_skip_in_flight),
    FIELD(48, FLAG, lazy_pages),
    FIELD(51, TEXT, config_file),
    FIELD(52, FLAG, tcp_close),
    FIELD(53, TEXT, lsm_profile),
    FIELD(63, TEXT, lsm_mount_context),
};

/* Of criu_opts, those that are more than a copy. */
enum {
    OPTION_IMAGES = 1,
    OPTION_LOG_LEVEL = 9,
    OPTION_PAGE_SERVER = 11,
    OPTION_NOTIFY = 12,
    OPTION_WORK = 17,
    OPTION_MOUNT = 23,
    OPTION_MANAGE_CGROUPS = 24,
    OPTION_CGROUP_ROOT = 25,
    OPTION_INHERIT = 27,
    OPTION_CGROUPS_MODE = 34,
    OPTION_EXTERNAL = 37,
    OPTION_JOIN = 39,
    OPTION_ORPHAN_PTS_MASTER = 50,
    OPTION_NETWORK_LOCK = 64
};

static void add_field(struct protobuf *m, const struct criu_options *options, const struct field *field) {
    const void *at = (const char *)options + field->offset;
    switch (field->kind) {
    case FIELD_FLAG:
        if (*(const bool *)at)
            protobuf_number(m, field->number, 1);
        break;
    case FIELD_TEXT:
        if (*(const char *const *)at)
            protobuf_text(m, field->number, *(const char *const *)at);
        break;
    case FIELD_BITS:
        if (*(const uint32_t *)at)
            protobuf_number(m, field->number, *(const uint32_t *)at);
        break;
    case FIELD_PID:
        if (*(const pid_t *)at)
            protobuf_number(m, field->number, *(const pid_t *)at);
        break;
    }
}

static void add_pairs(struct protobuf *m, unsigned number, const struct criu_pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        own_protobuf pair = PROTOBUF_INIT;
        protobuf_text(&pair, 1, pairs->items[i].key);
        protobuf_text(&pair, 2, pairs->items[i].value);
        protobuf_message(m, number, &pair);
    }
}

static int inherit_number(const struct criu_options *options, size_t index) {
    int fd = options->inherit[index].fd;
    return fd <= STDERR_FILENO ? fd : NUMBER_INHERIT + (int)index;
}

static void add_inherited(struct protobuf *m, const struct criu_options *options) {
    for (size_t i = 0; i < options->inherit_count; i++) {
        own_protobuf inherit = PROTOBUF_INIT;
        protobuf_text(&inherit, 1, options->inherit[i].key);
        protobuf_number(&inherit, 2, inherit_number(options, i));
        protobuf_message(m, OPTION_INHERIT, &inherit);
    }
}

static void add_choices(struct protobuf *m, const struct criu_options *options) {
    static const int modes[] = {
        [CRIU_CGROUPS_SOFT] = 3, [CRIU_CGROUPS_FULL] = 4, [CRIU_CGROUPS_STRICT] = 5, [CRIU_CGROUPS_IGNORE] = 0};
    static const int locks[] = {[CRIU_LOCK_IPTABLES] = 1, [CRIU_LOCK_NFTABLES] = 2, [CRIU_LOCK_SKIP] = 3};
    protobuf_number(m, OPTION_MANAGE_CGROUPS, 1);
    if (options->cgroups != CRIU_CGROUPS_DEFAULT)
        protobuf_number(m, OPTION_CGROUPS_MODE, modes[options->cgroups]);
    if (options->network_lock != CRIU_LOCK_DEFAULT)
        protobuf_number(m, OPTION_NETWORK_LOCK, locks[options->network_lock]);
    if (!options->page_server)
        return;
    own_protobuf server = PROTOBUF_INIT;
    protobuf_text(&server, 1, options->page_server);
    protobuf_number(&server, 2, options->page_server_port);
    protobuf_message(m, OPTION_PAGE_SERVER, &server);
}

static void add_options(struct protobuf *request, const struct criu_options *options) {
    own_protobuf m = PROTOBUF_INIT;
    for (size_t i = 0; i < TABLE_COUNT(fields); i++)
        add_field(&m, options, &fields[i]);
    if (options->images.fd >= 0)
        protobuf_number(&m, OPTION_IMAGES, NUMBER_IMAGES);
    if (options->work.fd >= 0)
        protobuf_number(&m, OPTION_WORK, NUMBER_WORK);
    protobuf_number(&m, OPTION_LOG_LEVEL, LOG_LEVEL);
    protobuf_number(&m, OPTION_NOTIFY, 1);
    protobuf_number(&m, OPTION_ORPHAN_PTS_MASTER, 1);
    add_choices(&m, options);
    add_pairs(&m, OPTION_MOUNT, &options->mounts);
    add_pairs(&m, OPTION_CGROUP_ROOT, &options->cgroup_roots);
    add_pairs(&m, OPTION_JOIN, &options->joins);
    add_inherited(&m, options);
    for (size_t i = 0; i < options->external_count; i++)
        protobuf_text(&m, OPTION_EXTERNAL, options->external[i]);
    protobuf_message(request, 2, &m);
}

/* message criu_req: 1 type, 2 opts, 3 notify_success, 5 features */
static void add_request(struct protobuf *m, const struct criu_call *call) {
    protobuf_number(m, 1, call->request);
    if (call->request != CRIU_FEATURES) {
        add_options(m, call->options);
        return;
    }
    own_protobuf features = PROTOBUF_INIT;
    protobuf_number(&features, 1, 1);
    protobuf_number(&features, 2, 1);
    protobuf_message(m, 5, &features);
}

static int send_message(int socket, const struct protobuf *m, struct error *err) {
    if (m->failed)
        return error_memory(err);
    int r = fd_send(socket, m->data, m->len, NULL, 0);
    if (r == -EPIPE)
        return r;
    return r < 0 ? error_code(err, -r, "talk to criu") : 0;
}

/* ---- the answer (message criu_resp) ---- */

struct response {
    unsigned type;
    bool success;
    int code; /* cr_errno, a positive errno, 0 when CRIU has none */
    pid_t pid;
    char text[256];  /* cr_errmsg */
    char script[40]; /* of a notification */
    bool tracks_memory, lazy_pages;
};

static void copy_text(struct protobuf_reader text, char *buffer, size_t size) {
    size_t len = text.left < size - 1 ? text.left : size - 1;
    if (len)
        memcpy(buffer, text.at, len);
    buffer[len] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
}

/* One of the messages within the answer: `numbers` says where its fields go, the field's number being the index. */
static int read_inner(struct protobuf_reader inner, unsigned outer, struct response *out) {
    struct protobuf_field f;
    int r;
    while ((r = protobuf_next(&inner, &f)) > 0) {
        if (outer == 4 && f.number == 1) /* restore: pid */
            out->pid = (pid_t)f.value;
        else if (outer == 5 && f.number == 1) /* notify: script, pid */
            copy_text(f.data, out->script, sizeof out->script);
        else if (outer == 5 && f.number == 2)
            out->pid = (pid_t)f.value;
        else if (outer == 8 && f.number == 1) /* features */
            out->tracks_memory = f.value;
        else if (outer == 8 && f.number == 2)
            out->lazy_pages = f.value;
    }
    return r;
}

static int read_response(const void *data, size_t len, struct response *out) {
    struct protobuf_reader reader = {data, len};
    struct protobuf_field f;
    int r;
    *out = (struct response){.type = 0};
    while ((r = protobuf_next(&reader, &f)) > 0) {
        if (f.number == 1)
            out->type = (unsigned)f.value;
        else if (f.number == 2)
            out->success = f.value;
        else if (f.number == 7)
            out->code = (int)f.value < 0 ? -(int)f.value : (int)f.value;
        else if (f.number == 9)
            copy_text(f.data, out->text, sizeof out->text);
        else if (f.data.at)
            r = read_inner(f.data, f.number, out);
        if (r < 0)
            return r;
    }
    return r;
}

/* ---- the program ---- */

struct worker {
    int socket, pidfd;
};

/* CRIU sees the end of file, takes back what it was about, and ends. Waited for: processes are frozen till then. */
static void worker_drop(struct worker *worker) {
    int status;
    fd_drop(&worker->socket);
    if (worker->pidfd >= 0)
        (void)process_reap(worker->pidfd, &status);
    fd_drop(&worker->pidfd);
}

/* Nothing of it is seen in the caller's mount namespace, and it goes with the last process in this one. */
static int attach_root(const struct criu_root *root, struct error *err) {
    int r = mount_propagation_root(MS_SLAVE | MS_REC);
    own_fd at = r < 0 ? -1 : fd_open(root->at, O_PATH | O_DIRECTORY);
    own_fd source = at < 0 || root->detached ? -1 : fd_open(root->path, O_PATH | O_DIRECTORY);
    if (r == 0 && (at < 0 || (!root->detached && source < 0)))
        r = -errno;
    if (r == 0)
        r = root->detached ? mount_attach(root->tree, at) : mount_bind_onto(source, at, true, &(int){-1});
    return r < 0 ? error_code(err, -r, "bind the root %s for criu", root->path) : 0;
}

/* What CRIU gets at which number; fd -1: nothing. All are lifted above these numbers first, *control too, and stay
 * open. */
static int place_descriptors(const struct criu_options *options, int socket, int images, int work, int *control) {
    int source[NUMBER_END];
    for (int i = 0; i < NUMBER_END; i++)
        source[i] = -1;
    source[NUMBER_SOCKET] = socket;
    source[NUMBER_IMAGES] = images;
    source[NUMBER_WORK] = work;
    for (size_t i = 0; i < options->inherit_count; i++)
        source[NUMBER_INHERIT + i] = options->inherit[i].fd > STDERR_FILENO ? options->inherit[i].fd : -1;
    *control = fcntl(*control, F_DUPFD_CLOEXEC, NUMBER_END);
    if (*control < 0)
        return -errno;
    for (int i = NUMBER_SOCKET; i < NUMBER_END; i++)
        if (source[i] >= 0 && (source[i] = fcntl(source[i], F_DUPFD_CLOEXEC, NUMBER_END)) < 0)
            return -errno;
    for (int i = NUMBER_SOCKET; i < NUMBER_END; i++)
        if (source[i] < 0)
            close(i);
        else if (dup2(source[i], i) < 0)
            return -errno;
    if (*control > NUMBER_END)
        sys_close_range(NUMBER_END, (unsigned)*control - 1);
    sys_close_range((unsigned)*control + 1, UINT_MAX);
    return 0;
}

/* The same directory as a file of our own mount namespace: -ESTALE when another one is at its path. */
static int reopen(const struct criu_directory *directory) {
    struct stat held, found;
    if (directory->fd < 0)
        return -1;
    own_fd fd = fd_open(directory->path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || fstat(fd, &found) < 0 || fstat(directory->fd, &held) < 0)
        return -errno;
    return held.st_dev == found.st_dev && held.st_ino == found.st_ino ? fd_take(&fd) : -ESTALE;
}

/*
 * The new process up to exec. CRIU looks for descriptors that it is told of in the process that made the socket: here
 * that is itself, so the socket is made now, and its other end goes to the caller over *control.
 */
static int worker_prepare(const struct criu_call *call, int *control, struct error *err) {
    const struct criu_options *options = call->options;
    int ends[2], images = options->images.fd, work = options->work.fd;
    int r = call->root ? attach_root(call->root, err) : 0;
    if (r < 0)
        return r;
    if (call->root) {
        images = reopen(&options->images);
        work = reopen(&options->work);
    }
    if ((options->images.fd >= 0 && images < 0) || (options->work.fd >= 0 && work < 0))
        return error_code(err, images < 0 ? -images : -work, "open the directory of the images for criu");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_sys(err, "socket for criu");
    r = fd_send(*control, err, sizeof *err, &ends[0], 1);
    if (r == 0)
        r = place_descriptors(options, ends[1], images, work, control);
    return r < 0 ? error_code(err, -r, "descriptors of criu") : 0;
}

_Noreturn static void worker_become(const struct criu_call *call, int control) {
    struct error err = ERROR_INIT;
    const char number[] = {'0' + NUMBER_SOCKET, '\0'};
    const char *const argv[] = {PROGRAM, "swrk", number, NULL};
    if (worker_prepare(call, &control, &err) == 0) {
        /* A key press is for the caller, who tells CRIU in good order; only a terminal that is handed on ties it to
         * ours. */
        if (!call->options->shell_job)
            setsid();
        sys_signals_default();
        execve(call->program, (char *const *)(uintptr_t)argv, environ);
        error_sys(&err, "execute %s", call->program);
    }
    fd_send(control, &err, sizeof err, NULL, 0);
    _exit(127);
}

/* First comes the socket; then nothing, when the program runs, or the error that it has failed with before. */
static int worker_await(struct worker *worker, int control, struct error *err) {
    struct error failed;
    for (;;) {
        size_t count = 1;
        int fd = -1;
        ssize_t n = fd_receive_packet(control, &failed, sizeof failed, &fd, &count);
        if (n == 0 && worker->socket >= 0)
            return 0;
        if (n != (ssize_t)sizeof failed)
            return error_code(err, n < 0 ? (int)-n : EPROTO, "start criu");
        if (count == 0) {
            *err = failed;
            return err->code > 0 ? -err->code : -EPROTO;
        }
        fd_drop(&worker->socket);
        worker->socket = fd;
    }
}

static int worker_start(const struct criu_call *call, struct worker *worker, struct error *err) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_sys(err, "socket for the start of criu");
    own_fd control = ends[0], theirs = ends[1];
    const struct spawn spawn = {.flags = call->root ? CLONE_NEWNS : 0, .cgroup_fd = -1};
    pid_t pid = spawn_process(&spawn, &worker->pidfd, err);
    if (pid == 0) {
        fd_drop(&control);
        worker_become(call, theirs);
    }
    if (pid < 0)
        return error_wrap(err, "make a process for criu");
    fd_drop(&theirs);
    return worker_await(worker, control, err);
}

/* ---- the conversation ---- */

static const struct name_value events[] = {
    {"pre-dump", CRIU_EVENT_PRE_DUMP},
    {"post-dump", CRIU_EVENT_POST_DUMP},
    {"network-lock", CRIU_EVENT_NETWORK_LOCK},
    {"network-unlock", CRIU_EVENT_NETWORK_UNLOCK},
    {"setup-namespaces", CRIU_EVENT_SETUP_NAMESPACES},
    {"post-setup-namespaces", CRIU_EVENT_POST_SETUP_NAMESPACES},
    {"post-restore", CRIU_EVENT_POST_RESTORE},
    {"orphan-pts-master", CRIU_EVENT_ORPHAN_PTS_MASTER},
    {"status-ready", CRIU_EVENT_STATUS_READY},
};

/* Asks the caller and tells CRIU. *refused keeps the first error: CRIU goes on to its own end after it. */
static int on_notification(const struct criu_call *call, int socket, const struct response *response, int *fd,
                           struct error *refused, struct error *err) {
    const struct name_value *event = table_find(events, TABLE_COUNT(events), response->script);
    struct criu_notice notice = {
        .event = event ? (enum criu_event)event->value : CRIU_EVENT_OTHER, .pid = response->pid, .fd = fd_take(fd)};
    struct error failed = ERROR_INIT;
    log_debug("criu: %s", response->script);
    int r = call->notify ? call->notify(call->context, &notice, &failed) : 0;
    fd_drop(&notice.fd);
    if (r < 0 && refused->code == 0)
        *refused = failed;
    own_protobuf answer = PROTOBUF_INIT;
    protobuf_number(&answer, 1, REQUEST_NOTIFY);
    protobuf_number(&answer, 3, r == 0);
    return send_message(socket, &answer, err);
}

/* Until CRIU has given its answer. -EPIPE with *err untouched: it is gone. */
static int converse(const struct criu_call *call, int socket, struct response *response, struct error *refused,
                    struct error *err) {
    own_memory unsigned char *buffer = malloc(ANSWER_MAX);
    own_protobuf request = PROTOBUF_INIT;
    if (!buffer)
        return error_memory(err);
    add_request(&request, call);
    int r = send_message(socket, &request, err);
    while (r == 0) {
        own_fd fd = -1;
        size_t count = 1;
        ssize_t n = fd_receive_packet(socket, buffer, ANSWER_MAX, &fd, &count);
        if (n == 0)
            return -EPIPE;
        if (n < 0)
            return error_code(err, (int)-n, "talk to criu");
        if (read_response(buffer, (size_t)n, response) < 0)
            return error_set(err, EPROTO, "criu gave an answer that is not understood");
        if (response->type != REQUEST_NOTIFY)
            return 0;
        r = on_notification(call, socket, response, &fd, refused, err);
    }
    return r;
}

static const struct name_value requests[] = {
    {"dump", CRIU_DUMP}, {"restore", CRIU_RESTORE}, {"pre-dump", CRIU_PRE_DUMP}, {"feature check", CRIU_FEATURES}};

/* The directory of the log, -1: it writes none. */
static int log_directory(const struct criu_options *options) {
    return !options->log ? -1 : options->work.fd >= 0 ? options->work.fd : options->images.fd;
}

/* What is known of a failure that CRIU has told, or died of: its log says most. */
static int describe(const struct criu_call *call, const struct response *response, struct error *err) {
    char lines[CRIU_LOG_TEXT_MAX] = "", log[PATH_MAX] = "";
    int dir = log_directory(call->options), code = response->code > 0 ? response->code : EREMOTEIO;
    if (dir >= 0 && criu_log_errors(dir, call->options->log, lines) >= 0)
        criu_log_path(dir, call->options->log, log, sizeof log);
    if (!*lines)
        snprintf(lines, sizeof lines, "%s",
                 *response->text      ? response->text
                 : response->code > 0 ? error_text(code)
                                      : "it gave no reason");
    return error_set(err, code, "criu %s failed: %s%s%s%s", table_name(requests, TABLE_COUNT(requests), call->request),
                     lines, *log ? " (log: " : "", log, *log ? ")" : "");
}

static int run_worker(const struct criu_call *call, struct criu_answer *answer, struct error *err) {
    own_children children;
    own(worker_drop) struct worker worker = {-1, -1};
    struct response response = {.type = 0};
    struct error refused = ERROR_INIT, failed = ERROR_INIT;
    int status = 0;
    run_children_hold(&children);
    if (call->options->inherit_count > INHERIT_MAX)
        return error_set(err, E2BIG, "more than %d descriptors for criu", INHERIT_MAX);
    int r = worker_start(call, &worker, err);
    if (r < 0)
        return r;
    if (log_directory(call->options) >= 0)
        unlinkat(log_directory(call->options), call->options->log, 0); /* an older one would be quoted */
    struct criu_notice started = {.event = CRIU_EVENT_STARTED, .pid = process_pid(worker.pidfd), .fd = -1};
    r = call->notify ? call->notify(call->context, &started, err) : 0;
    if (r < 0)
        return r;
    r = converse(call, worker.socket, &response, &refused, &failed);
    fd_drop(&worker.socket);
    int reaped = process_reap(worker.pidfd, &status);
    fd_drop(&worker.pidfd);
    if (refused.code) {
        *err = refused;
        return -err->code;
    }
    /* After a pre-dump CRIU waits for another request and takes it for a failure that none comes. */
    bool clean = reaped < 0 || status == 0 || call->request == CRIU_PRE_DUMP || call->request == CRIU_FEATURES;
    if (r == -EPIPE)
        snprintf(response.text, sizeof response.text, "it ended without an answer, by %s %d",
                 WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    else if (r < 0)
        snprintf(response.text, sizeof response.text, "%.200s", failed.text);
    if (r < 0 || !response.success || !clean)
        return describe(call, &response, err);
    *answer = (struct criu_answer){
        .pid = response.pid, .tracks_memory = response.tracks_memory, .lazy_pages = response.lazy_pages};
    return 0;
}

/* CRIU mounts each cgroup hierarchy for itself, without options, which the host's cgroup2 loses then. */
int criu_run(const struct criu_call *call, struct criu_answer *answer, struct error *err) {
    struct cgroup_options options;
    struct error late = ERROR_INIT;
    int r = cgroup_options_read(&options, err);
    if (r < 0)
        return r;
    r = run_worker(call, answer, err);
    if (cgroup_options_keep(&options, &late) < 0)
        log_warning("%s", late.text);
    return r;
}
