/* SPDX-License-Identifier: Apache-2.0 */
/* list: the containers of one state root on standard output. Runs in the command line. */
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/verb.h"

#include "base/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIST_TABLE, LIST_JSON };

struct list_options {
    int format;
    bool quiet;
};

#define FIELD(member) offsetof(struct list_options, member)

static const struct name_value formats[] = {{"table", LIST_TABLE}, {"json", LIST_JSON}};

static const struct option_row rows[] = {
    OPTION_CHOICE_ROW(formats, FIELD(format), "format", 'f', "table|json",
                      "a table for people (the default) or an array of JSON objects"),
    OPTION_ROW(FLAG, FIELD(quiet), "quiet", 'q', NULL, "ids alone, one a line"),
};

enum { COLUMN_ID, COLUMN_PID, COLUMN_STATUS, COLUMN_BUNDLE, COLUMN_CREATED, COLUMN_OWNER, COLUMN_COUNT };

/* One line of the table; the heading is one too. */
struct list_line {
    const char *cells[COLUMN_COUNT];
};

static const struct list_line heading = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};

struct list_table {
    struct arena *arena;
    struct list_line *lines;
    size_t count, room;
};

static int table_grow(struct list_table *table) {
    size_t room = table->room ? table->room * 2 : 16;
    struct list_line *lines = arena_array(table->arena, room, sizeof *lines);
    if (!lines)
        return -ENOMEM;
    if (table->count > 0)
        memcpy(lines, table->lines, table->count * sizeof *lines);
    table->lines = lines;
    table->room = room;
    return 0;
}

/* A cell of its own memory; a bundle's path may hold what would upset a terminal or the table. */
static const char *cell(struct arena *arena, const char *text) {
    own_output clean = OUTPUT_INIT;
    output_clean(&clean, text ? text : "", false);
    return clean.failed ? NULL : arena_strndup(arena, clean.data ? clean.data : "", clean.len);
}

static int table_each(void *context, const struct berth_container *container) {
    struct list_table *table = context;
    if (table->count == table->room && table_grow(table) < 0)
        return -ENOMEM;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", container->pid);
    const char *texts[COLUMN_COUNT] = {container->id,   pid, container->status, container->bundle, container->created,
                                       container->owner};
    struct list_line *line = &table->lines[table->count];
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (!(line->cells[i] = cell(table->arena, texts[i])))
            return -ENOMEM;
    table->count++;
    return 0;
}

static void line_add(struct text *output, const struct list_line *line, const size_t width[static COLUMN_COUNT]) {
    for (size_t i = 0; i + 1 < COLUMN_COUNT; i++)
        output_column(output, line->cells[i], width[i] + 3);
    output_add(output, line->cells[COLUMN_COUNT - 1]);
    output_add(output, "\n");
}

static void table_compose(struct text *output, const struct list_table *table) {
    size_t width[COLUMN_COUNT];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        width[i] = strlen(heading.cells[i]);
        for (size_t k = 0; k < table->count; k++)
            if (strlen(table->lines[k].cells[i]) > width[i])
                width[i] = strlen(table->lines[k].cells[i]);
    }
    line_add(output, &heading, width);
    for (size_t k = 0; k < table->count; k++)
        line_add(output, &table->lines[k], width);
}

static int quiet_each(void *context, const struct berth_container *container) {
    output_format(context, "%s\n", container->id);
    return 0;
}

static int list(const struct call *call, struct berth_error *error) {
    const struct list_options *options = call->options;
    own_output output = OUTPUT_INIT;
    struct list_table table = {.arena = call->arena};
    own_memory char *json = NULL;
    int r;
    if (options->quiet)
        r = berth_list(call->runtime, quiet_each, &output, error);
    else if (options->format == LIST_JSON)
        r = berth_list_json(call->runtime, &json, error);
    else
        r = berth_list(call->runtime, table_each, &table, error);
    if (r < 0)
        return *error->text ? r : failure_set(error, -r, "out of memory");
    if (json)
        return output_print_json(json, error);
    if (!options->quiet)
        table_compose(&output, &table);
    return output_print(&output, error);
}

const struct verb verb_list = {
    .name = "list",
    .arguments = "",
    .summary = "list containers",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct list_options),
    .run = list,
};
