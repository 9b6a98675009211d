/* SPDX-License-Identifier: Apache-2.0 */
/* help: what --help prints, made from the same tables that the parser reads. */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H

#include "cli/output.h"
#include "cli/verb.h"

/* Usage of the program: its global options and all verbs. */
void help_program(struct text *output, const struct option_table *globals);

/* Usage of one verb. */
void help_verb(struct text *output, const struct verb *verb);

#endif
