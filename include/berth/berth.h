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
    const char *root; /* absolute path of the state root; NULL: /run/berth, or $XDG_RUNTIME_DIR/berth without privilege */
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
 * Deletes a stopped or created container; `force` kills a running one first, undoes a create that was cut off at any
 * point, and takes an id that does not exist for success.
 */
int berth_delete(const struct berth_runtime *runtime, const char *id, bool force, struct berth_error *error);

/* The state of one container as JSON (runtime.md "State"), indented, without a trailing newline. */
int berth_state(const struct berth_runtime *runtime, const char *id, char **json, struct berth_error *error);

struct berth_container {
    const char *id;
    const char *status;  /* "creating" "created" "running" "paused" "stopped" */
    pid_t pid;           /* 0 when there is none */
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

/* A config.json to start from; `rootless` for a caller without privilege (user namespace mapping its own ids). */
int berth_spec(bool rootless, char **json, struct berth_error *error);

/* What this build can do: runtime-spec features.md. */
int berth_features(char **json, struct berth_error *error);

#ifdef __cplusplus
}
#endif

#endif
