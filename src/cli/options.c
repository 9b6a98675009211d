/* SPDX-License-Identifier: Apache-2.0 */
/* options: see options.h. Runs in the command line before anything else; needs no privilege. */
#include "cli/options.h"

#include "base/nearest.h"
#include "cli/failure.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Where the parser stands, for the functions below. */
struct option_walk {
    const struct option_input *input;
    unsigned next; /* index of the first argument not yet looked at */
    bool help;
    struct berth_error *error;
};

/* One value on its way into its field; `shown` is the option as its user wrote it. */
struct option_value {
    const struct option_row *row;
    const char *shown;
    const char *text;
};

typedef int option_store(struct option_walk *walk, const struct option_value *value, void *field);

static int store_flag(struct option_walk *walk, const struct option_value *value, void *field) {
    bool on = strcmp(value->text, "true") == 0;
    if (!on && strcmp(value->text, "false") != 0)
        return failure_set(walk->error, EINVAL, "%s: expected true or false, found \"%s\"", value->shown, value->text);
    *(bool *)field = on;
    return 0;
}

static int store_string(struct option_walk *walk, const struct option_value *value, void *field) {
    (void)walk;
    *(const char **)field = value->text;
    return 0;
}

static int store_text(struct option_walk *walk, const struct option_value *value, void *field) {
    if (!*value->text)
        return failure_set(walk->error, EINVAL, "%s: the value is empty", value->shown);
    return store_string(walk, value, field);
}

static int store_number(struct option_walk *walk, const struct option_value *value, void *field) {
    uint64_t number;
    int r = number_parse_u64(value->text, UINT_MAX, &number);
    if (r == -ERANGE)
        return failure_set(walk->error, ERANGE, "%s: %s is too large", value->shown, value->text);
    if (r < 0)
        return failure_set(walk->error, EINVAL, "%s: expected a number, found \"%s\"", value->shown, value->text);
    *(unsigned *)field = (unsigned)number;
    return 0;
}

static int store_choice(struct option_walk *walk, const struct option_value *value, void *field) {
    const struct option_row *row = value->row;
    const struct name_value *choice = table_find(row->choices, row->choice_count, value->text);
    if (choice) {
        *(int *)field = (int)choice->value;
        return 0;
    }
    char names[160] = "";
    for (size_t i = 0, len = 0; i < row->choice_count && len < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "", row->choices[i].name);
    return failure_set(walk->error, EINVAL, "%s: \"%s\" is none of %s", value->shown, value->text, names);
}

static int store_list(struct option_walk *walk, const struct option_value *value, void *field) {
    struct option_list *list = field;
    if (!list->items) /* as many as there are arguments always suffice */
        list->items = arena_array(walk->input->arena, walk->input->count, sizeof *list->items);
    if (!list->items)
        return failure_set(walk->error, ENOMEM, "out of memory");
    list->items[list->count++] = value->text;
    return 0;
}

static option_store *const stores[] = {
    [OPTION_FLAG] = store_flag,     [OPTION_TEXT] = store_text,     [OPTION_STRING] = store_string,
    [OPTION_NUMBER] = store_number, [OPTION_CHOICE] = store_choice, [OPTION_LIST] = store_list,
};

static int value_store(struct option_walk *walk, const struct option_value *value) {
    return stores[value->row->kind](walk, value, (char *)walk->input->values + value->row->offset);
}

/* Stores `attached` or, where the option needs a value and none is attached, the argument that follows. */
static int option_take(struct option_walk *walk, const struct option_row *row, const char *shown,
                       const char *attached) {
    struct option_value value = {.row = row, .shown = shown, .text = attached};
    if (!attached && row->kind == OPTION_FLAG)
        value.text = "true";
    else if (!attached && walk->next < walk->input->count)
        value.text = walk->input->args[walk->next++];
    else if (!attached)
        return failure_set(walk->error, EINVAL, "flag needs an argument: %s", shown);
    return value_store(walk, &value);
}

static const struct option_row *row_named(const struct option_table *table, const char *name, size_t len) {
    for (size_t i = 0; i < table->count; i++)
        if (strncmp(table->rows[i].name, name, len) == 0 && !table->rows[i].name[len])
            return &table->rows[i];
    return NULL;
}

static const struct option_row *row_lettered(const struct option_table *table, char letter) {
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    return NULL;
}

/* An option that the table does not have: `name` is what stands behind its dashes, up to a '='. */
static int refuse_unknown(struct option_walk *walk, const char *arg, const char *name, size_t len) {
    const struct option_table *table = walk->input->table, *globals = walk->input->globals;
    char word[48], wanted[64] = "", hint[NEAREST_HINT_SIZE];
    if (globals && row_named(globals, name, len))
        return failure_set(walk->error, EINVAL, "unknown option %s: it stands before the command", arg);
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), name);
    struct nearest nearest = NEAREST(word);
    for (size_t i = 0; i < table->count; i++)
        nearest_try(&nearest, table->rows[i].name);
    if (nearest.name)
        snprintf(wanted, sizeof wanted, "--%s", nearest.name);
    return failure_set(walk->error, EINVAL, "unknown option %s%s", arg, nearest_hint(*wanted ? wanted : NULL, hint));
}

static int take_long(struct option_walk *walk, const struct option_row *row, const char *arg) {
    const char *equals = strchr(arg, '=');
    char shown[64];
    snprintf(shown, sizeof shown, "--%s", row->name);
    return option_take(walk, row, shown, equals ? equals + 1 : NULL);
}

/* -n, -nVALUE, -n=VALUE, or several flags in one. */
static int take_letters(struct option_walk *walk, const char *arg) {
    for (const char *c = arg + 1; *c; c++) {
        const struct option_row *row = row_lettered(walk->input->table, *c);
        const char shown[] = {'-', *c, '\0'};
        if (!row && *c == 'h') {
            walk->help = true;
            continue;
        }
        if (!row)
            return refuse_unknown(walk, arg, arg + 1, strcspn(arg + 1, "="));
        bool attached = c[1] == '=' || (c[1] && row->kind != OPTION_FLAG);
        if (attached || row->kind != OPTION_FLAG)
            return option_take(walk, row, shown, attached ? c + 1 + (c[1] == '=') : NULL);
        int r = option_take(walk, row, shown, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int take_option(struct option_walk *walk, const char *arg) {
    bool two_dashes = arg[1] == '-';
    const char *name = arg + 1 + two_dashes;
    size_t len = strcspn(name, "=");
    const struct option_row *row = len > 1 ? row_named(walk->input->table, name, len) : NULL;
    if (row)
        return take_long(walk, row, arg);
    if (strcmp(name, "help") == 0) {
        walk->help = true;
        return 0;
    }
    return two_dashes ? refuse_unknown(walk, arg, name, len) : take_letters(walk, arg);
}

int options_parse(const struct option_input *input, unsigned *positionals, struct berth_error *error) {
    struct option_walk walk = {.input = input, .error = error};
    unsigned found = 0;
    bool ended = false; /* no option from here on */
    while (walk.next < input->count && (found == 0 || found != input->enough)) {
        char *arg = input->args[walk.next++];
        bool option = !ended && arg[0] == '-' && arg[1];
        if (option && strcmp(arg, "--") == 0) {
            ended = true;
        } else if (option) {
            int r = take_option(&walk, arg);
            if (r < 0 || walk.help)
                return r < 0 ? r : OPTIONS_HELP;
        } else {
            input->args[found++] = arg; /* found <= next: nothing unread is overwritten */
            ended |= input->order == OPTION_ORDER_FIRST;
        }
    }
    *positionals = found;
    return OPTIONS_DONE;
}
