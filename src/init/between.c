/* SPDX-License-Identifier: Apache-2.0 */
/* between: see between.h. */
#include "init/between.h"

#include "handoff/handoff.h"
#include "kernel/spawn.h"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <unistd.h>

static int clone_init(struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    int r = enter_namespaces(init, err);
    if (r < 0)
        return r;
    const struct spawn spawn = {.flags = ns->recipe.clone | CLONE_PARENT, .cgroup_fd = -1};
    int pidfd = -1;
    pid_t pid = spawn_process(&spawn, &pidfd, err);
    if (pid < 0)
        return pid;
    if (pid == 0)
        init_main(init);
    r = handoff_send(init->channel, HANDOFF_BORN, pidfd, NULL);
    return r < 0 ? error_code(err, -r, "hand the new process on") : 0;
}

_Noreturn void between_main(struct init *init) {
    struct error err = ERROR_INIT;
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "berth:[JOIN]");
    if (clone_init(init, &err) < 0) {
        error_note(&err, "namespaces", "/linux/namespaces");
        handoff_send_error(init->channel, &err);
        _exit(1);
    }
    _exit(0);
}
