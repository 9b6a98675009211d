/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libberth: OCI containers as C calls; the berth command line is its first user.
 *
 * Every call returns 0 or a negative errno and fills *error when it fails; out parameters are untouched then, and
 * the system is as it was before the call. The library keeps no state in the process but the log sink; it must be
 * called from a single-threaded process (namespaces are a property of threads), and it changes umask and signal
 * disposition only within a call. Texts that come back are malloc'd and the caller's to free.
 */
#ifndef BERTH_BERTH_H
#define BERTH_BERTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BERTH_SPEC_VERSION "1.3.0"

struct berth_error {
    int code;        /* errno value */
    char step[36];   /* the step that failed, as "mount" or "exec"; may be empty */
    char place[104]; /* JSON pointer into config.json, as "/mounts/1"; may be empty */
    char text[880];  /* one line for people */
};

enum berth_cgroup_manager { BERTH_CGROUP_FILES, BERTH_CGROUP_SYSTEMD, BERTH_CGROUP_DISABLED };

/* What holds for a whole call: the global options of the command line. Zeroed: all defaults. */
struct berth_runtime {
    /* Absolute path of the state root; NULL: /run/berth, or $XDG_RUNTIME_DIR/berth without privilege. */
    const char *root;
    enum berth_cgroup_manager cgroup_manager;
};

struct berth_create {
    const char *id;             /* [A-Za-z0-9_+-][A-Za-z0-9_+.-]*, at most 1024 bytes */
    const char *bundle;         /* NULL: the current directory */
    const char *config;         /* NULL: config.json in the bundle */
    const char *console_socket; /* AF_UNIX stream socket that gets the pty master */
    const char *pid_file;       /* written last, decimal without a newline */
    const char *pidfd_socket;   /* AF_UNIX stream socket that gets a pidfd of the init process */
    unsigned preserve_fds;      /* this many descriptors from 3 (plus LISTEN_FDS) on reach the container */
    bool no_pivot;              /* MS_MOVE and chroot instead of pivot_root, for root on a ramfs */
    bool no_new_keyring;        /* stay in the caller's session keyring */
};

enum berth_run_flags {
    BERTH_RUN_DETACH = 1, /* return once the process runs */
    BERTH_RUN_KEEP = 2    /* leave the stopped container for a later delete */
};

/* Text of the log sink: level 0 debug, 1 info, 2 warning, 3 error. Messages below `level` are not made. */
typedef void berth_log_sink(void *context, int level, const char *message);
void berth_log(int level, berth_log_sink *sink, void *context);

/*
 * Makes the program file of the calling process unreachable for containers (CVE-2019-5736): executes it again, with
 * the same arguments and environment, from a read-only place, unless it runs from one already; then it returns 0.
 * To be called at the start of main, before create or run, with main's argv.
 */
int berth_protect(char *const *argv, struct berth_error *error);

/* create, start, run: runtime-spec runtime.md "Operations". *status of a foreground run: exit code or 128 + signal. */
int berth_create(const struct berth_runtime *runtime, const struct berth_create *create, struct berth_error *error);
int berth_start(const struct berth_runtime *runtime, const char *id, struct berth_error *error);
int berth_run(const struct berth_runtime *runtime, const struct berth_create *create, unsigned flags, int *status,
              struct berth_error *error);

/*
 * One more process in a running (or created) container. `process` names a file with the whole OCI process; without it
 * the process is the one of the container's config, with `args` in place of its own and changed by the fields below.
 * Fields that are NULL, 0 or false change nothing.
 */
struct berth_exec {
    const char *id;
    const char *process;
    const char *const *args; /* NULL-terminated; not with `process` */
    const char *const *env;  /* NULL-terminated "NAME=value", appended */
    const char *cwd;
    const char *user;                   /* "UID" or "UID:GID", decimal: names are never looked up */
    const char *const *caps;            /* NULL-terminated names, added to bounding, effective and permitted */
    const char *const *additional_gids; /* NULL-terminated decimal numbers, appended */
    const char *const *cgroups;         /* NULL-terminated "SUB" or, on cgroup v1, "CONTROLLER[,CONTROLLER]:SUB" */
    const char *process_label, *apparmor;
    const char *console_socket, *pid_file, *pidfd_socket; /* as for create */
    unsigned preserve_fds;
    bool terminal;
    bool no_new_privs;
    bool ignore_paused; /* in a paused container too: the process runs when it is resumed */
};

/* Makes it and, without BERTH_RUN_DETACH, waits for its end: *status is its exit code or 128 + signal. */
int berth_exec(const struct berth_runtime *runtime, const struct berth_exec *exec, unsigned flags, int *status,
               struct berth_error *error);

/* Sends a signal to the init process, or with `all` to every process of the container. */
int berth_kill(const struct berth_runtime *runtime, const char *id, int signal, bool all, struct berth_error *error);

/*
 * The processes of a container as the caller's pid namespace numbers them, in no order; *pids is malloc'd, the caller's
 * to free. They are those of its cgroup and of the cgroups below. Without a cgroup: those of the pid namespace that its
 * init process is the first of (not of namespaces below that one), or else the init process alone. A stopped container
 * has what its init process left behind: as a rule none.
 */
int berth_processes(const struct berth_runtime *runtime, const char *id, pid_t **pids, size_t *count,
                    struct berth_error *error);

/*
 * Stops all processes of a created or running container by its cgroup (cgroup.freeze of cgroup2, Linux 5.2, or the
 * freezer of cgroup v1), and lets them go on. ENODEV: there is nothing to freeze by. A pause that is not complete
 * within ten seconds is taken back: ETIMEDOUT.
 */
int berth_pause(const struct berth_runtime *runtime, const char *id, struct berth_error *error);
int berth_resume(const struct berth_runtime *runtime, const char *id, struct berth_error *error);

struct berth_update {
    const char *resources; /* JSON: an object as /linux/resources of config.json */
    size_t size;           /* of it, in bytes */
};

/*
 * Changes limits of a created, running or paused container to what `update` names; all else stays as it is, and so does
 * what is 0 or "" there, but for swappiness, burst and idle. A memory limit of -1 without a swap limit takes the latter
 * off, too. Device rules never change; kernel memory limits are ignored with a warning. The whole of the new limits is
 * checked before the first is set; when one cannot be set, those before it get their old values back.
 */
int berth_update(const struct berth_runtime *runtime, const char *id, const struct berth_update *update,
                 struct berth_error *error);

/*
 * Deletes a stopped or created container; `force` kills a running one first, undoes a create that was cut off at any
 * point, and takes an id that does not exist for success.
 */
int berth_delete(const struct berth_runtime *runtime, const char *id, bool force, struct berth_error *error);

enum berth_criu_cgroups {
    BERTH_CRIU_CGROUPS_DEFAULT, /* CRIU's own choice */
    BERTH_CRIU_CGROUPS_SOFT,
    BERTH_CRIU_CGROUPS_FULL,
    BERTH_CRIU_CGROUPS_STRICT,
    BERTH_CRIU_CGROUPS_IGNORE
};

enum berth_criu_lock {
    BERTH_CRIU_LOCK_DEFAULT,
    BERTH_CRIU_LOCK_IPTABLES,
    BERTH_CRIU_LOCK_NFTABLES,
    BERTH_CRIU_LOCK_SKIP
};

/* What checkpoint and restore have in common; criu(8) says more about each. Zeroed: all defaults. */
struct berth_criu {
    const char *image_path; /* directory of the images; NULL: "checkpoint" in the current directory */
    const char *work_path;  /* directory of the log; NULL: the images' */
    enum berth_criu_cgroups cgroups;
    enum berth_criu_lock network_lock;
    bool tcp_established; /* established TCP connections too */
    bool ext_unix_sk;     /* connections of UNIX sockets to processes outside too */
    bool shell_job;       /* a terminal of the caller's too */
    bool file_locks;
    bool lazy_pages; /* memory is brought over when it is used */
    bool auto_dedup;
};

struct berth_checkpoint {
    const char *id;
    struct berth_criu criu;
    const char *parent_path; /* images of an earlier pre-dump, relative to the image path */
    const char *page_server; /* "ADDRESS:PORT": memory goes there instead of into the images */
    unsigned status_fd;      /* with lazy_pages: gets a zero byte when pages can be fetched; 0: none */
    bool leave_running;      /* the container goes on; otherwise it is deleted */
    bool pre_dump;           /* memory alone; the container goes on */
    bool tcp_skip_in_flight; /* connections that are not accepted yet are left out */
    bool link_remap;         /* files that have been deleted but have links elsewhere too */
};

/*
 * Writes the processes of a running or paused container into files, by the program criu in PATH, which needs root. When
 * it fails, the container runs on; what was written and CRIU's log (dump.log) stay.
 */
int berth_checkpoint(const struct berth_runtime *runtime, const struct berth_checkpoint *checkpoint,
                     struct berth_error *error);

struct berth_restore {
    /* Of it: id, bundle, config, console_socket, pid_file, pidfd_socket; no_pivot has no meaning. */
    struct berth_create create;
    struct berth_criu criu;
    const char *lsm_profile; /* "apparmor:NAME" or "selinux:LABEL" in place of the one in the images */
    const char *lsm_mount_context;
    bool tcp_close; /* TCP connections in the images come back closed */
};

/*
 * Makes a container of a bundle and of what berth_checkpoint has written, running at once. Without BERTH_RUN_DETACH it
 * waits for its end and deletes it, as berth_run; *status the same. CRIU's log is restore.log.
 */
int berth_restore(const struct berth_runtime *runtime, const struct berth_restore *restore, unsigned flags, int *status,
                  struct berth_error *error);

/* The state of one container as JSON (runtime.md "State"), indented, without a trailing newline. */
int berth_state(const struct berth_runtime *runtime, const char *id, char **json, struct berth_error *error);

struct berth_container {
    const char *id;
    const char *status; /* "creating" "created" "running" "paused" "stopped" */
    pid_t pid;          /* 0 when there is none */
    const char *bundle;
    const char *rootfs;
    const char *created; /* RFC 3339, UTC */
    const char *owner;   /* user name, or the number where it has none */
};

/* Calls `each` for every container, sorted by id; a non-zero return ends the walk and is returned. The pointers live
 * for the call only. A default root that does not exist has no container; a root named by the caller is an error. */
int berth_list(const struct berth_runtime *runtime, int (*each)(void *context, const struct berth_container *container),
               void *context, struct berth_error *error);
/* All of them as a JSON array of state objects ("[]" when there is none). */
int berth_list_json(const struct berth_runtime *runtime, char **json, struct berth_error *error);

/*
 * What the kernel has counted for a container, as one line of JSON without a newline:
 * {"type":"stats","id":...,"data":...}; berth-events(1) describes the data. ENODEV: it has no cgroup, by which to
 * count.
 */
int berth_stats(const struct berth_runtime *runtime, const char *id, char **json, struct berth_error *error);

struct berth_events {
    const char *id;
    int64_t interval; /* nanoseconds from one line of berth_stats to the next, above 0 */
    int reader;       /* the pipe or socket that lines go to: the call ends when nobody reads it any more; -1: none */
};

/*
 * Calls `each` with the line of berth_stats after every interval, and with {"type":"oom","id":...} when the kernel has
 * killed a process of the container for want of memory (on cgroup v1: of its own cgroup, not of one below), until the
 * container ends: 0. A non-zero return of `each` ends it and is returned. Lines live for the call only.
 */
int berth_events(const struct berth_runtime *runtime, const struct berth_events *events,
                 int (*each)(void *context, const char *line), void *context, struct berth_error *error);

/* A config.json to start from; `rootless` for a caller without privilege (user namespace mapping its own ids). */
int berth_spec(bool rootless, char **json, struct berth_error *error);

/* What this build can do: runtime-spec features.md. */
int berth_features(char **json, struct berth_error *error);

#ifdef __cplusplus
}
#endif

#endif
