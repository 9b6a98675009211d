/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: one parser for every command line of berth, driven by tables. Pure: it reads argv and writes where the
 * rows say; nothing is printed.
 *
 * Accepted: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -n=VALUE, flags bundled as -rf (the last of them may take
 * a value), and a long name behind a single dash (-no-subreaper), which goes before bundled letters. A flag is true
 * when it stands alone and takes =true and =false. Of an option given twice the last one counts. Names are never
 * abbreviated. "--" ends the options, "-" alone is a positional. --help and -h are known everywhere without a row.
 */
#ifndef BERTH_CLI_OPTIONS_H
#define BERTH_CLI_OPTIONS_H

#include "base/arena.h"
#include "base/table.h"

#include <berth/berth.h>
#include <stddef.h>

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *, pointing into argv; an empty value is refused */
    OPTION_STRING, /* the same, empty or not */
    OPTION_NUMBER, /* unsigned, decimal */
    OPTION_CHOICE, /* int, the value of one of row->choices */
    OPTION_LIST    /* struct option_list; each time it is given adds one entry, nothing is split */
};

struct option_list {
    size_t count;
    const char **items; /* in the parser's arena, the strings in argv */
};

struct option_row {
    const char *name; /* long name, at least two characters, without dashes */
    char letter;      /* short name, 0 for none */
    enum option_kind kind;
    size_t offset;       /* of the field in the struct of values; the type of the field is the kind's */
    const char *metavar; /* what help calls the value; NULL for a flag */
    const char *help;    /* NULL: not shown in help */
    const struct name_value *choices;
    size_t choice_count;
};

/* Rows as they are written in a table: kind without its prefix, offset, names, what help says. */
#define OPTION_ROW(kind_, offset_, name_, letter_, metavar_, help_)                                                    \
    {                                                                                                                  \
        .name = (name_), .letter = (letter_), .kind = OPTION_##kind_, .offset = (offset_), .metavar = (metavar_),      \
        .help = (help_)                                                                                                \
    }
#define OPTION_CHOICE_ROW(choices_, offset_, name_, letter_, metavar_, help_)                                          \
    {                                                                                                                  \
        .name = (name_), .letter = (letter_), .kind = OPTION_CHOICE, .offset = (offset_), .metavar = (metavar_),       \
        .help = (help_), .choices = (choices_), .choice_count = TABLE_COUNT(choices_)                                  \
    }

struct option_table {
    const struct option_row *rows;
    size_t count;
};

enum option_order {
    OPTION_ORDER_ANY,  /* options stand before, between and behind the positionals */
    OPTION_ORDER_FIRST /* the first positional ends the options: what follows belongs to someone else */
};

struct option_input {
    const struct option_table *table;
    const struct option_table *globals; /* those that stand before the command, to tell where one belongs; or NULL */
    enum option_order order;
    unsigned enough;     /* this many positionals end the parsing, whatever follows; 0: any number is read */
    void *values;        /* the struct that the offsets of the table are of, holding the defaults */
    struct arena *arena; /* memory of lists */
    unsigned count;
    char **args; /* without the program's or the command's name; reordered by the parser */
};

enum { OPTIONS_DONE = 0, OPTIONS_HELP = 1 };

/*
 * Returns OPTIONS_DONE with the positionals in input->args[0 .. *positionals), in their order, or OPTIONS_HELP when
 * help was asked for and nothing before was wrong, or -EINVAL (-ERANGE, -ENOMEM).
 */
int options_parse(const struct option_input *input, unsigned *positionals, struct berth_error *error);

#endif
