/* SPDX-License-Identifier: Apache-2.0 */
/* delete: undoes what create did, from what it has recorded, at whatever point it or the container ended. Life. */
#include "base/own.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>

int operation_delete(const struct berth_runtime *runtime, const char *id, bool force, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, true, &store, &c, err);
    if (r == -ENOENT && force)
        return 0;
    if (r == 0)
        r = lifecycle_check(force ? OPERATION_DELETE_FORCE : OPERATION_DELETE, c.status, id, err);
    return r < 0 ? r : container_destroy(&store, &c, true, err);
}
