/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container: one that exists, opened for an operation: its record, its cgroup, its process, and the state that is
 * observed in them. Runs in life.
 */
#ifndef BERTH_LIFE_CONTAINER_H
#define BERTH_LIFE_CONTAINER_H

#include "base/arena.h"
#include "base/error.h"
#include "kernel/cgroup.h"
#include "kernel/file_limit.h"
#include "life/lifecycle.h"
#include "life/store.h"
#include "oci_types.h"
#include "plan/hooks.h"

struct container {
    struct file_limit files; /* raised while it is open */
    struct arena arena;
    const char *id;
    int dir; /* state directory */
    const struct oci_record *record;
    struct cgroup group;
    bool partial;   /* opened with CONTAINER_LOOK or _START: the group may lack directories */
    bool displaced; /* another container has its cgroup, and its unit: the group is empty */
    int pidfd;      /* init process, -1 when it has ended */
    enum oci_status status;
    struct error doubt; /* its process lives, and this is why nobody knows whether it waits, runs or is paused */
};

#define CONTAINER_INIT                                                                                                 \
    { .dir = -1, .pidfd = -1 }
void container_drop(struct container *container);
#define own_container own(container_drop) struct container

enum container_use {
    CONTAINER_LOOK,   /* its state alone: of its cgroup only what tells that is opened */
    CONTAINER_USE,    /* as it is now: others may change it meanwhile */
    CONTAINER_START,  /* locked; of its cgroup what LOOK opens, and memory, which tells why a program was killed */
    CONTAINER_CHANGE, /* locked */
};

/*
 * Opens it and looks at its state. ENOENT: "container does not exist".
 * A container whose create was cut off before its first record has an empty one and is "creating" while somebody still
 * works on it, "stopped" otherwise.
 */
int container_open(const struct store *store, const char *id, enum container_use use, struct container *out,
                   struct error *err);

/*
 * Opens one that the caller has made, by its directory (taken over), which it has unlocked since: the id may be another
 * container's now. Returns 1, or 0 when it has been deleted meanwhile; then it is what `record` says (borrowed).
 */
int container_reopen(int *dir, const struct oci_record *record, struct container *out, struct error *err);

/* Whether the state is known for certain; else the reason why not. */
int container_check_known(const struct container *container, struct error *err);

/*
 * 0 when the operation is allowed in the container's state, else the refusal of the lifecycle table. In doubt it is
 * allowed if it is in every state of a container that lives, so that kill and delete --force have their way.
 */
int container_check(const struct container *container, enum operation operation, struct error *err);

bool container_may_be_paused(const struct container *container);

/* Whether its init process, which lived when it was opened, has ended since or nothing can keep it from ending. */
bool container_has_ended(const struct container *container);

/* ENODEV: its cgroup has been removed while it runs elsewhere, and another container was made in one of that path. */
int container_check_cgroup(const struct container *container, struct error *err);

/* For an error of container_open: names the way out if the container's record is damaged. Returns -err->code. */
int container_name_way_out(const char *id, struct error *err);

/* Opens the state root (NULL: the default) and the container in it; no root at all means no container, too. */
int container_find(const char *root, const char *id, enum container_use use, struct store *store, struct container *out,
                   struct error *err);

/* The state as runtime.md "State" has it, with the peers' additions, pid 0 when stopped. Pointers borrowed. */
void container_state(const struct oci_record *record, enum oci_status status, struct oci_state *out);

/* The state on a memfd for a hook's stdin: descriptor or -errno. */
int container_state_fd(const struct oci_record *record, enum oci_status status);

/* Runs the hooks of one point of the runtime namespace, state from the lifecycle table; cancel_fd as in hook.h. */
int container_hooks(struct arena *arena, const struct oci_record *record, enum hook_point point, int cancel_fd,
                    struct error *err);

/* Takes the root out of a mount namespace that is not the container's own; nothing to do otherwise. */
int container_unmount_root(const struct oci_record *record, struct error *err);

/*
 * Waits for the init process, which ends a moment after kill(2) has come back, if it is dying: the container is stopped
 * then. One that lives is not waited for. EBUSY: it does not die, and why.
 */
int container_await_end(struct container *container, struct error *err);

/* Kills its init process, as far as there is one, without waiting for whoever works on the container just now. */
void container_kill(const struct store *store, const char *id);

/*
 * A new name for the session keyring of a container. Keyrings are found by their names, and everybody in the user
 * namespace may choose one, so it has 128 random bits.
 */
int container_keyring(struct arena *arena, const char *id, const char **name, struct error *err);

/* Kills what lives, removes cgroup and mounts, runs poststop hooks, removes the state directory. */
int container_destroy(const struct store *store, struct container *container, bool hooks, struct error *err);

/*
 * The way out for a container whose record is damaged, which `why` says: removes its state, and of the rest what the
 * record still names and is known for the container's, with warnings of what may be left. Runs no hooks.
 */
int container_discard(const struct store *store, const char *id, const struct error *why, struct error *err);

#endif
