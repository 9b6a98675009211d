/* SPDX-License-Identifier: Apache-2.0 */
/* select: see select.h. Runs in the command line; needs no privilege of its own. */
#include "cli/select.h"

#include "cli/failure.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

/* Ids that match, gathered before the first is touched: the walk must not see what it changes. */
struct match {
    struct arena *arena;
    regex_t *expression;
    bool live;
    const char **ids;
    size_t count, room;
};

static int match_each(void *context, const struct berth_container *container) {
    struct match *match = context;
    if (match->live && strcmp(container->status, "stopped") == 0)
        return 0;
    if (regexec(match->expression, container->id, 0, NULL, 0) != 0)
        return 0;
    if (match->count == match->room) {
        size_t room = match->room ? match->room * 2 : 16;
        const char **ids = arena_array(match->arena, room, sizeof *ids);
        if (!ids)
            return -ENOMEM;
        if (match->count > 0)
            memcpy(ids, match->ids, match->count * sizeof *ids);
        match->ids = ids;
        match->room = room;
    }
    const char *id = arena_strdup(match->arena, container->id);
    if (!id)
        return -ENOMEM;
    match->ids[match->count++] = id;
    return 0;
}

static int matches_find(const struct call *call, const char *text, struct match *match, struct berth_error *error) {
    regex_t expression;
    int wrong = regcomp(&expression, text, REG_EXTENDED | REG_NOSUB);
    if (wrong) {
        char reason[128];
        regerror(wrong, &expression, reason, sizeof reason);
        return failure_set(error, EINVAL, "%s: bad regular expression \"%s\": %s", call->verb->name, text, reason);
    }
    match->expression = &expression;
    int r = berth_list(call->runtime, match_each, match, error);
    match->expression = NULL;
    regfree(&expression);
    if (r < 0 && !*error->text) /* the walk was ended by match_each, which has only one reason */
        failure_set(error, -r, "out of memory");
    return r;
}

/* Applies to one container; *failed holds the failure before this one, if any. */
static void apply_one(const struct call *call, const struct selection *selection, const char *id, int *failed,
                      struct berth_error *error) {
    struct berth_error now = {.code = 0};
    int r = selection->apply(call, id, selection->context, &now);
    if (r >= 0)
        return;
    if (*failed < 0)
        report_error(call->report, error);
    *failed = r;
    *error = now;
}

int selection_apply(const struct call *call, const struct selection *selection, struct berth_error *error) {
    int failed = 0;
    for (unsigned i = 0; i < selection->count; i++) {
        if (!selection->regex) {
            apply_one(call, selection, selection->names[i], &failed, error);
            continue;
        }
        struct match match = {.arena = call->arena, .live = selection->live};
        int r = matches_find(call, selection->names[i], &match, error);
        if (r < 0)
            return r;
        for (size_t k = 0; k < match.count; k++)
            apply_one(call, selection, match.ids[k], &failed, error);
    }
    return failed;
}
