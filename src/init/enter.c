/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter: the first steps of the new process: waiting for life to place it, namespaces that are joined or that can be
 * made only from inside, session and keyring. Runs in init before pivot.
 */
#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "kernel/lsm.h"
#include "kernel/namespace.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The permission word of keyctl_setperm(3). Who possesses the keyring (the container's processes) may do everything.
 * The same user may search it, since that is what an exec needs to join it; it may not see it (the name would stand in
 * /proc/keys), read it or link to it: root of another container is the same user. Nobody else may do anything.
 */
#define KEYRING_PERMISSIONS 0x3f080000u
#define KEY_UNPOSSESSED_SEARCH 0x00080808u

/* Nobody in the container may look into us through ptrace or /proc while we hold descriptors of the host
 * (CVE-2016-9962); exec makes the payload dumpable again. */
static int hide(struct error *err) {
    return prctl(PR_SET_DUMPABLE, 0) < 0 ? error_sys(err, "prctl PR_SET_DUMPABLE") : 0;
}

/* A tree that life has cloned in our mount namespace takes the place of the descriptor that it is a clone of. */
static int adopt_source(struct init *init, struct handoff_message *message) {
    struct held_source *source = held_source_at(init->plan, init->held, message->index);
    if (!source || !source->inside) {
        fd_drop(&message->fd);
        return -EPROTO;
    }
    fd_drop(&source->fd);
    source->fd = fd_take(&message->fd);
    source->detached = true;
    return 0;
}

static int wait_placed(struct init *init, struct error *err) {
    struct handoff_message message = {.kind = HANDOFF_NONE};
    int r = 0;
    while (r == 0 && message.kind != HANDOFF_PLACED) {
        r = handoff_receive(init->channel, HANDOFF_TO_INIT, &message);
        if (r == 0)
            _exit(1); /* life is gone: there is nobody to tell */
        if (r > 0 && message.kind == HANDOFF_SOURCE)
            r = adopt_source(init, &message);
        else if (r > 0)
            r = message.kind == HANDOFF_PLACED ? 0 : -EPROTO;
    }
    return r < 0 ? error_code(err, -r, "wait to be placed") : 0;
}

int enter_arrive(struct init *init, struct error *err) {
    /* An ordinary user's life may write our id maps only as long as our files in /proc are its own (proc(5)). Nobody
     * else is in our new user namespace meanwhile. */
    const bool mapped = init->unprivileged && init->wait_placed && init->plan->namespaces.recipe.map_ids;
    int hidden = mapped ? 0 : hide(err);
    if (hidden < 0)
        return hidden;
    prctl(PR_SET_NAME, "berth:[INIT]");
    sys_signals_default(); /* also what the caller ignored: the payload starts like any other program */
    umask(0);              /* modes are meant as they are given */
    int r = init->wait_placed ? wait_placed(init, err) : 0;
    return r == 0 && mapped ? hide(err) : r;
}

int enter_placed(struct init *init, struct error *err) {
    prctl(PR_SET_NAME, "berth:[INIT]");
    return init->wait_placed ? wait_placed(init, err) : 0;
}

/*
 * A createContainer hook is executed in the container's namespaces, but its path means a file of the runtime's mount
 * namespace (config.md, "createContainer Hooks"). In a namespace that is joined somebody else decides what lies at that
 * path, and at the paths of its interpreter and libraries. So the hook gets the runtime's root directory.
 */
static int hold_runtime_root(struct init *init, struct error *err) {
    const struct plan *plan = init->plan;
    if (plan->namespaces.modes[NS_MOUNT] != NS_JOIN || plan->hooks.at[HOOK_CREATE_CONTAINER].count == 0)
        return 0;
    init->runtime_root = fd_open("/", O_PATH | O_DIRECTORY);
    return init->runtime_root < 0 ? error_sys(err, "open the runtime's root for createContainer hooks") : 0;
}

int enter_namespaces(struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    struct namespace_join joins[NS_COUNT];
    size_t count = 0;
    for (unsigned k = 0; k < NS_COUNT; k++)
        if (ns->modes[k] == NS_JOIN)
            joins[count++] =
                (struct namespace_join){init->held->namespaces[k], ns_flag((enum ns_kind)k), ns_name((enum ns_kind)k)};
    int r = hold_runtime_root(init, err);
    return r < 0 ? r : namespace_join_all(joins, count, err);
}

int enter_join(struct init *init, struct error *err) {
    const struct spawn_recipe *recipe = &init->plan->namespaces.recipe;
    /* The process in between has joined, and we were born inside. */
    return recipe->refork || !recipe->join ? 0 : enter_namespaces(init, err);
}

int enter_become_root(struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    if (ns->modes[NS_USER] == NS_INHERIT)
        return 0;
    int r = sys_setresgid(0, 0, 0);
    if (r < 0)
        return error_code(err, -r, "become group 0 of the user namespace (is it mapped?)");
    r = sys_setresuid(0, 0, 0);
    return r < 0 ? error_code(err, -r, "become user 0 of the user namespace (is it mapped?)") : hide(err);
}

int enter_late_namespaces(struct init *init, struct error *err) {
    static const enum ns_kind kinds[] = {NS_IPC, NS_CGROUP};
    char hint[NAMESPACE_HINT_SIZE];
    for (size_t i = 0; i < TABLE_COUNT(kinds); i++) {
        const uint64_t flag = init->plan->namespaces.recipe.unshare & ns_flag(kinds[i]);
        int r = flag && unshare((int)flag) < 0 ? -errno : 0;
        if (r < 0)
            return error_code(err, -r, "make %s namespace%s", ns_name(kinds[i]), namespace_hint(r, flag, hint));
    }
    return 0;
}

int enter_container(struct init *init, struct error *err) {
    const struct held_container *container = &init->held->container;
    int r = namespace_join_process(container->pidfd, container->pid, container->joins, err);
    if (r < 0)
        return r;
    if (container->root >= 0 && (fchdir(container->root) < 0 || chroot(".") < 0))
        return error_sys(err, "enter the container's root");
    init->root.fd = fd_open("/", O_PATH | O_DIRECTORY);
    return init->root.fd < 0 ? error_sys(err, "open the container's root") : 0;
}

int enter_session(struct init *init, struct error *err) {
    (void)init;
    return setsid() < 0 ? error_sys(err, "setsid") : 0;
}

/*
 * The processors that an exec asks for within the cgroup; with no wish all that the cgroup has, as with the peers: the
 * caller's own affinity is none of the container's business.
 */
int enter_affinity(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    struct plan_cpus all;
    if (process->cpus_final) {
        int r = sys_sched_setaffinity(process->cpus_final->bits, sizeof all.bits);
        if (r == 0)
            return 0;
        return error_at(err, -r, "affinity", "/process/execCPUAffinity/final",
                        "set the processors of execCPUAffinity.final%s",
                        r == -EINVAL ? ": the container's cgroup has none of them" : "");
    }
    if (process->cpus_initial)
        return 0;
    memset(&all, 0xff, sizeof all);
    (void)sys_sched_setaffinity(all.bits, sizeof all.bits); /* all that there are: nothing is lost when it fails */
    return 0;
}

static int join_keyring(struct init *init, const char *name, int *ring, struct error *err) {
    const char *label = init->plan->process.selinux_label;
    int r = label ? init_procfs(init, err) : 0;
    if (r < 0)
        return r;
    r = label ? lsm_selinux_keys(&init->proc, label) : 0;
    if (r < 0)
        return error_code(err, -r, "label the session keyring: write `/proc/self/attr/keycreate`");
    *ring = sys_keyctl_join(name);
    r = label ? lsm_selinux_keys(&init->proc, "") : 0;
    return r < 0 ? error_code(err, -r, "write `/proc/self/attr/keycreate`") : 0;
}

/* "keyring;uid;gid;permissions;name" (keyctl_describe(3)) */
static int describe_keyring(uid_t *uid, uint32_t *permissions) {
    char text[512], *end;
    int64_t n = sys_keyctl_describe(KEY_SPEC_SESSION_KEYRING, text, sizeof text);
    if (n < 0)
        return (int)n;
    text[sizeof text - 1] = '\0';
    char *field = strchr(text, ';');
    *uid = field ? (uid_t)strtoll(field + 1, &end, 10) : 0;
    field = field && *end == ';' ? strchr(end + 1, ';') : NULL;
    *permissions = field ? (uint32_t)strtoul(field + 1, &end, 16) : 0;
    return field && *end == ';' ? 0 : -EPROTO;
}

/*
 * The kernel joins the keyring of that name when there is one which we may search without possessing it, and makes it
 * otherwise. One that was just made can be searched by its possessors only.
 */
static int secure_keyring(const struct init *init, struct error *err) {
    uid_t uid = 0;
    uint32_t permissions = 0;
    int r = describe_keyring(&uid, &permissions);
    if (r < 0)
        return error_code(err, -r, "ask for the owner of the session keyring");
    const bool found = permissions & KEY_UNPOSSESSED_SEARCH;
    if (uid != getuid() || (found && !init->plan->keyring_is_ours))
        return error_set(err, EEXIST, "the session keyring that was to be made is somebody else's (user %u)",
                         (unsigned)uid);
    r = found ? 0 : sys_keyctl_permissions(KEY_SPEC_SESSION_KEYRING, KEYRING_PERMISSIONS);
    return r < 0 ? error_code(err, -r, "permissions of the session keyring") : 0;
}

/* 0, 1 where no keyring can be made and the caller has been warned, or -errno. */
static int make_keyring(struct init *init, struct error *err) {
    int ring = -1;
    int r = join_keyring(init, init->plan->keyring, &ring, err);
    if (r < 0)
        return r;
    if (ring == -ENOSYS || ring == -EPERM) {
        /* Left out of the kernel, or an outer container's seccomp filter forbids it: go on as the peers do. */
        init_warn(init, "session keyring not made: %s", error_text(-ring));
        return 1;
    }
    if (ring < 0)
        return error_code(err, -ring, "make a session keyring%s",
                          ring == -EDQUOT ? " (the user has as many keys as kernel.keys.maxkeys and maxbytes allow; a "
                                            "container made with --no-new-keyring needs none)"
                                          : "");
    return secure_keyring(init, err);
}

/*
 * Until its permissions are set, all processes of its user see a new keyring and its name in /proc/keys. So it is made
 * as a user that nobody else is, a random one, and given to our own user when nothing is to be seen any more. *made:
 * whether nothing is left to do. It needs the host's user namespace. In another one that user is not mapped, or, where
 * all ids are mapped, the kernel does not let us set permissions and owner.
 */
static int make_keyring_unseen(struct init *init, bool *made, struct error *err) {
    const uid_t own = getuid();
    uint32_t stranger;
    if (getrandom(&stranger, sizeof stranger, 0) != sizeof stranger)
        return error_sys(err, "random user for the session keyring");
    stranger = (stranger | 0x80000000u) & ~1u; /* -1 would mean no change */
    if (sys_setresuid(stranger, (uid_t)-1, (uid_t)-1) < 0)
        return 0;
    struct error tried = ERROR_INIT;
    int r = make_keyring(init, &tried);
    *made = r == 1 || (r == 0 && sys_keyctl_chown(KEY_SPEC_SESSION_KEYRING, own) == 0);
    int back = sys_setresuid(own, (uid_t)-1, (uid_t)-1);
    if (back < 0)
        return error_code(err, -back, "become user %u again", (unsigned)own);
    if (r >= 0 || r == -EACCES)
        return 0;
    *err = tried;
    return r;
}

int enter_keyring(struct init *init, struct error *err) {
    bool made = false;
    if (!init->plan->keyring)
        return 0;
    int r = init->plan->keyring_is_ours ? 0 : make_keyring_unseen(init, &made, err);
    if (r == 0 && !made)
        r = make_keyring(init, err);
    return r < 0 ? r : 0;
}

int enter_loopback(struct init *init, struct error *err) {
    return init->plan->namespaces.modes[NS_NETWORK] == NS_NEW ? namespace_loopback_up(err) : 0;
}
