/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu: requests to CRIU (criu.org, "RPC"; criu(8)), the program that dumps processes into files and brings them back.
 * `criu swrk FD` serves one request over a SOCK_SEQPACKET socket and asks back in between (notifications). Spoken by
 * hand, on kernel/protobuf: the library for it would bring two more into a static program. Runs in life; needs root.
 */
#ifndef BERTH_KERNEL_CRIU_H
#define BERTH_KERNEL_CRIU_H

#include "base/error.h"
#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Looks the program up in PATH. ENOENT: "criu is not installed ..." */
int criu_find(char *path, size_t size, struct error *err);

/* The numbers are the protocol's. */
enum criu_request { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_FEATURES = 9 };

enum criu_cgroups {
    CRIU_CGROUPS_DEFAULT, /* CRIU's own choice */
    CRIU_CGROUPS_SOFT,
    CRIU_CGROUPS_FULL,
    CRIU_CGROUPS_STRICT,
    CRIU_CGROUPS_IGNORE
};

enum criu_network_lock { CRIU_LOCK_DEFAULT, CRIU_LOCK_IPTABLES, CRIU_LOCK_NFTABLES, CRIU_LOCK_SKIP };

struct criu_pair {
    const char *key, *value;
};

struct criu_pairs {
    const struct criu_pair *items;
    size_t count;
};

/* CRIU in a mount namespace of its own must reach it in there: so it is opened again by its path, and compared. */
struct criu_directory {
    int fd;
    const char *path;
};

/* A descriptor of ours that takes the place of something that was outside of the dumped processes. */
struct criu_inherit {
    const char *key;
    int fd; /* 0, 1 and 2 reach CRIU under these numbers, others under one of its own */
};

struct criu_options {
    struct criu_directory images; /* fd -1 for CRIU_FEATURES */
    struct criu_directory work;   /* for the log; fd -1: the images' */
    const char *log;              /* name of the log in there */
    pid_t pid;                    /* dump: root of the process tree */
    const char *root;
    const char *parent; /* images of an earlier pre-dump, relative to `images`: only what changed since is written */
    const char *config_file; /* its settings overrule these; CRIU ignores it when it is missing */
    const char *freeze_cgroup;
    const char *lsm_profile, *lsm_mount_context;
    const char *page_server; /* address; NULL: none */
    unsigned page_server_port;
    uint32_t empty_namespaces; /* CLONE_NEW* whose contents are not dumped, and which are made empty at restore */
    enum criu_cgroups cgroups;
    enum criu_network_lock network_lock;
    bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, link_remap, external_unix, shell_job,
        lazy_pages, file_locks, auto_dedup, track_memory;
    bool sibling;             /* restore: the root task becomes a child of the caller's, not of CRIU */
    bool evasive_devices;     /* restore: a device node of another path will do */
    struct criu_pairs mounts; /* dump: mount point in the container -> name; restore: name -> source on the host */
    struct criu_pairs joins;  /* restore: kind of a namespace ("ipc") -> path of the one to join */
    struct criu_pairs cgroup_roots; /* restore: v1 controller, or "" for cgroup2 -> path of the container's cgroup */
    const char *const *external;    /* dump: "net[<inode>]:<key>" and the like */
    size_t external_count;
    const struct criu_inherit *inherit;
    size_t inherit_count;
};

#define CRIU_OPTIONS_INIT                                                                                              \
    {                                                                                                                  \
        .images = {.fd = -1}, .work = {.fd = -1 }                                                                      \
    }

/* What CRIU asks for while it works. Others than these are answered without a word. */
enum criu_event {
    CRIU_EVENT_OTHER,
    CRIU_EVENT_STARTED, /* of ours: the program runs (pid) and has no request yet */
    CRIU_EVENT_PRE_DUMP,
    CRIU_EVENT_POST_DUMP,
    CRIU_EVENT_NETWORK_LOCK,
    CRIU_EVENT_NETWORK_UNLOCK,
    CRIU_EVENT_SETUP_NAMESPACES,      /* restore: the root task exists, in its namespaces, and waits: pid */
    CRIU_EVENT_POST_SETUP_NAMESPACES, /* restore: mounts and the like are there */
    CRIU_EVENT_POST_RESTORE,          /* restore: all is as it was, nothing runs yet: pid */
    CRIU_EVENT_ORPHAN_PTS_MASTER,     /* the master of a terminal whose other end was outside: fd */
    CRIU_EVENT_STATUS_READY           /* lazy pages: the page server is listening */
};

struct criu_notice {
    enum criu_event event;
    pid_t pid; /* as the caller's pid namespace knows it; 0: none */
    int fd;    /* -1: none; closed after the call unless it was taken (fd_take) */
};

/* Returns 0, or a negative errno with *err filled: then CRIU takes back what it has done. */
typedef int criu_notify(void *context, struct criu_notice *notice, struct error *err);

/* Where a restored container finds its root: a tree attached in a mount namespace that CRIU has for itself. */
struct criu_root {
    int tree; /* detached (mount_clone), or where the kernel has none: an O_PATH descriptor... */
    bool detached;
    const char *path; /* ...of this directory, which is then bound */
    const char *at;   /* an empty directory */
};

struct criu_call {
    const char *program; /* of criu_find */
    enum criu_request request;
    const struct criu_options *options;
    const struct criu_root *root; /* NULL: CRIU runs in the caller's mount namespace */
    criu_notify *notify;          /* may be NULL */
    void *context;
};

struct criu_answer {
    pid_t pid;                      /* restore: the root task */
    bool tracks_memory, lazy_pages; /* features: what this CRIU can do on this kernel */
};

/*
 * Starts CRIU, lets it serve one request, and waits for its end. Environment and standard streams are the caller's.
 * On failure the text says what CRIU had to say, with the errors that end its log, and a notification's own error
 * goes before that. EREMOTEIO stands for a failure that CRIU has no errno for.
 */
int criu_run(const struct criu_call *call, struct criu_answer *answer, struct error *err);

#endif
