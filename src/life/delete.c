/* SPDX-License-Identifier: Apache-2.0 */
/* delete: undoes what create did, from what it has recorded, at whatever point it or the container ended. Life. */
#include "base/own.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>

int operation_delete(const struct berth_runtime *runtime, const char *id, bool force, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = store_open(runtime->root, false, &store, err);
    if (r == 0 && force) /* first: a start that waits for it has the lock until it ends */
        container_kill(&store, id);
    if (r == 0)
        r = container_open(&store, id, CONTAINER_CHANGE, &c, err);
    if (r == -ENOENT && force && store.fd >= 0)
        store_forget_new(&store, id);
    if (r == -ENOENT)
        return force ? 0 : error_set(err, ENOENT, "container does not exist: %s", id);
    if (r < 0 && force && store_is_damage(err)) {
        const struct error why = *err;
        return container_discard(&store, id, &why, err);
    }
    if (r < 0)
        return container_name_way_out(id, err);
    r = container_await_end(&c, err);
    if (r == 0)
        r = container_check(&c, force ? OPERATION_DELETE_FORCE : OPERATION_DELETE, err);
    return r < 0 ? r : container_destroy(&store, &c, true, err);
}
