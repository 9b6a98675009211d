/* SPDX-License-Identifier: Apache-2.0 */
/* help: see help.h. Runs in the command line; needs no privilege. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static const struct option_row help_row = {
    .name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "print this text"};

/* "-b, --bundle DIR" */
static void row_name(const struct option_row *row, char *text, size_t size) {
    char letter[5] = "    ";
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(text, size, "  %s--%s%s%s", letter, row->name, row->metavar ? " " : "", row->metavar ? row->metavar : "");
}

static void row_add(struct text *output, const struct option_row *row, size_t width) {
    char name[80];
    row_name(row, name, sizeof name);
    output_column(output, name, width);
    output_format(output, "  %s\n", row->help);
}

static void options_add(struct text *output, const struct option_table *table) {
    size_t width = 0;
    char name[80];
    for (size_t i = 0; i < table->count; i++) {
        row_name(&table->rows[i], name, sizeof name);
        if (table->rows[i].help && strlen(name) > width)
            width = strlen(name);
    }
    row_name(&help_row, name, sizeof name);
    if (strlen(name) > width)
        width = strlen(name);
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].help)
            row_add(output, &table->rows[i], width);
    row_add(output, &help_row, width);
}

void help_program(struct text *output, const struct option_table *globals) {
    output_add(output, "Usage: berth [OPTIONS] COMMAND [ARGUMENTS]\n\n"
                       "Runs OCI containers from bundles.\n\nCommands:\n");
    for (const struct verb *const *verb = verbs; *verb; verb++) {
        output_add(output, "  ");
        output_column(output, (*verb)->name, 12);
        output_format(output, "%s\n", (*verb)->summary);
    }
    output_add(output, "\nOptions, before the command:\n");
    options_add(output, globals);
    output_add(output, "\nberth help COMMAND tells about one command, and so does berth COMMAND --help.\n");
}

void help_verb(struct text *output, const struct verb *verb) {
    output_format(output, "Usage: berth %s [OPTIONS]%s%s\n\n", verb->name, *verb->arguments ? " " : "",
                  verb->arguments);
    output_format(output, "%c%s.\n", verb->summary[0] - 'a' + 'A', verb->summary + 1);
    if (verb->details)
        output_add(output, verb->details);
    output_add(output, "\nOptions:\n");
    options_add(output, &verb->options);
}
