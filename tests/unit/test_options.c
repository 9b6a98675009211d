/* SPDX-License-Identifier: Apache-2.0 */
/* test_options: the parser of the command line, numbers, signals. Links cli/{options,signals,failure} and base. */
#include "tap.h"

#include "base/arena.h"
#include "base/table.h"
#include "cli/options.h"
#include "cli/signals.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

enum { COLOUR_RED = 1, COLOUR_BLUE = 2 };
static const struct name_value colours[] = {{"red", COLOUR_RED}, {"blue", COLOUR_BLUE}};

struct values {
    bool detach, force, no_subreaper;
    const char *bundle, *file;
    unsigned number;
    int colour;
    struct option_list env;
};

#define FIELD(member) offsetof(struct values, member)

static const struct option_row rows[] = {
    OPTION_ROW(FLAG, FIELD(detach), "detach", 'd', NULL, ""),
    OPTION_ROW(FLAG, FIELD(force), "force", 'f', NULL, ""),
    OPTION_ROW(FLAG, FIELD(no_subreaper), "no-subreaper", 0, NULL, ""),
    OPTION_ROW(TEXT, FIELD(bundle), "bundle", 'b', "DIR", ""),
    OPTION_ROW(TEXT, FIELD(file), "file", 0, "FILE", ""),
    OPTION_ROW(NUMBER, FIELD(number), "preserve-fds", 'n', "N", ""),
    OPTION_CHOICE_ROW(colours, FIELD(colour), "colour", 'c', "red|blue", ""),
    OPTION_ROW(LIST, FIELD(env), "env", 'e', "K=V", ""),
};
static const struct option_table table = {rows, TABLE_COUNT(rows)};

#define ARGS_MAX 16

/* One command line and all that came of it. */
struct parsed {
    struct arena arena;
    struct values values;
    char *args[ARGS_MAX];
    unsigned positionals;
    int result;
    struct berth_error error;
};

/* `line` is split at blanks; "@" stands for an argument that is empty. */
static void parse(struct parsed *parsed, enum option_order order, const char *line) {
    arena_drop(&parsed->arena);
    memset(parsed, 0, sizeof *parsed);
    parsed->positionals = UINT_MAX;
    char *copy = arena_strdup(&parsed->arena, line), *rest = copy;
    unsigned count = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest)) && count < ARGS_MAX;)
        parsed->args[count++] = strcmp(word, "@") == 0 ? word + 1 : word;
    struct option_input input = {.table = &table,
                                 .order = order,
                                 .values = &parsed->values,
                                 .arena = &parsed->arena,
                                 .count = count,
                                 .args = parsed->args};
    parsed->result = options_parse(&input, &parsed->positionals, &parsed->error);
}

static void test_accepted(void) {
    /* Each line says the same in another way: --bundle /b --force, positional c1. */
    static const char *const lines[] = {
        "--bundle /b --force c1",
        "--bundle=/b c1 --force",
        "-b /b -f c1",
        "-b/b -f c1",
        "c1 -f -b=/b",
        "-fb /b c1",
        "-fb/b c1",
        "-fb=/b c1",
        "-bundle /b -force c1",
        "-bundle=/b c1 -f",
        "-f=true -b/b c1",
        "--force=true --bundle /b -- c1",
        "-f -b/a -b/b c1",
        "--force=false -b/b -f c1",
    };
    for (size_t i = 0; i < TABLE_COUNT(lines); i++) {
        struct parsed p = {.result = 0};
        parse(&p, OPTION_ORDER_ANY, lines[i]);
        bool right = p.result == OPTIONS_DONE && p.values.force && p.values.bundle && !strcmp(p.values.bundle, "/b") &&
                     p.positionals == 1 && !strcmp(p.args[0], "c1") && !p.values.detach;
        if (!ok(right, "accepted: %s", lines[i]))
            printf("# result %d, %s\n", p.result, p.error.text);
        arena_drop(&p.arena);
    }
}

static void test_refused(void) {
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"--bogus", "unknown option --bogus"},
        {"--bundl /b", "unknown option --bundl, did you mean \"--bundle\"?"},
        {"--bundles=/b", "unknown option --bundles=/b, did you mean \"--bundle\"?"},
        {"-x", "unknown option -x"},
        {"-fx", "unknown option -fx"},
        {"-9", "unknown option -9"},
        {"---force", "unknown option ---force, did you mean \"--force\"?"},
        {"--=x", "unknown option --=x"},
        {"--b /b", "unknown option --b"},
        {"--bundle", "flag needs an argument: --bundle"},
        {"-bundle", "flag needs an argument: --bundle"},
        {"-b", "flag needs an argument: -b"},
        {"-fb", "flag needs an argument: -b"},
        {"--env", "flag needs an argument: --env"},
        {"--bundle=", "--bundle: the value is empty"},
        {"-b @", "-b: the value is empty"},
        {"--force=yes", "--force: expected true or false, found \"yes\""},
        {"--force=", "--force: expected true or false, found \"\""},
        {"-f=1", "-f: expected true or false, found \"1\""},
        {"--colour green", "--colour: \"green\" is none of red, blue"},
        {"-cRED", "-c: \"RED\" is none of red, blue"},
        {"--preserve-fds x", "--preserve-fds: expected a number, found \"x\""},
        {"--preserve-fds -1", "--preserve-fds: expected a number, found \"-1\""},
        {"--preserve-fds 0x3", "--preserve-fds: expected a number, found \"0x3\""},
        {"--preserve-fds 03", "--preserve-fds: expected a number, found \"03\""},
        {"--preserve-fds +3", "--preserve-fds: expected a number, found \"+3\""},
        {"--preserve-fds @", "--preserve-fds: expected a number, found \"\""},
        {"--preserve-fds 4294967296", "--preserve-fds: 4294967296 is too large"},
        {"-n99999999999999999999", "-n: 99999999999999999999 is too large"},
        {"c1 --bogus", "unknown option --bogus"},
        {"-f --bogus --help", "unknown option --bogus"},
    };
    for (size_t i = 0; i < TABLE_COUNT(cases); i++) {
        struct parsed p = {.result = 0};
        parse(&p, OPTION_ORDER_ANY, cases[i].line);
        ok(p.result < 0 && p.result == -p.error.code, "refused: %s", cases[i].line);
        is_text(p.error.text, cases[i].text, "  and says why");
        ok(p.positionals == UINT_MAX, "  and leaves the count alone");
        arena_drop(&p.arena);
    }
}

/* With `enough` nothing behind one positional too many is looked at: it is that which is wrong. */
static void test_enough(void) {
    for (unsigned enough = 0; enough < 4; enough++) {
        char *args[] = {(char[]){"c1"}, (char[]){"-f"}, (char[]){"sh"}, (char[]){"--bogus"}};
        own_arena arena = ARENA_INIT;
        struct values values = {.force = false};
        struct berth_error error = {.code = 0};
        const struct option_input input = {.table = &table,
                                           .globals = &table,
                                           .enough = enough,
                                           .values = &values,
                                           .arena = &arena,
                                           .count = TABLE_COUNT(args),
                                           .args = args};
        unsigned positionals = UINT_MAX;
        int r = options_parse(&input, &positionals, &error);
        bool ended = enough == 1 || enough == 2;
        is_number(r, ended ? OPTIONS_DONE : -EINVAL, "enough %u: whether the last argument is read", enough);
        is_number(positionals, ended ? enough : UINT_MAX, "and the count");
        ok(values.force == (enough != 1), "and the option before it");
    }
}

static void test_values(void) {
    struct parsed p = {.result = 0};
    parse(&p, OPTION_ORDER_ANY, "-n 4294967295 -c blue --env A=1 -eB=2,3 x --env=C -e @ -no-subreaper");
    is_number(p.result, OPTIONS_DONE, "values of all kinds");
    is_number(p.values.number, UINT_MAX, "the largest number");
    is_number(p.values.colour, COLOUR_BLUE, "a choice");
    ok(p.values.no_subreaper, "a long name behind one dash");
    if (ok(p.values.env.count == 4, "a list has an entry for each time it is given")) {
        is_text(p.values.env.items[1], "B=2,3", "an entry is not split");
        is_text(p.values.env.items[2], "C", "entries keep their order");
        is_text(p.values.env.items[3], "", "an entry may be empty");
    }
    parse(&p, OPTION_ORDER_ANY, "--bundle --force");
    is_text(p.values.bundle, "--force", "a value is the next argument, whatever it looks like");
    ok(!p.values.force, "and is not taken for an option");
    parse(&p, OPTION_ORDER_ANY, "--bundle=a=b");
    is_text(p.values.bundle, "a=b", "only the first = separates");
    parse(&p, OPTION_ORDER_ANY, "--file - -");
    is_text(p.values.file, "-", "a value of one dash");
    ok(p.positionals == 1 && !strcmp(p.args[0], "-"), "a positional of one dash");
    parse(&p, OPTION_ORDER_ANY, "-f --force=false");
    ok(p.result == 0 && !p.values.force, "=false takes a flag back");
    parse(&p, OPTION_ORDER_ANY, "");
    ok(p.result == 0 && p.positionals == 0 && !p.values.bundle, "an empty command line");
    arena_drop(&p.arena);
}

static void test_order(void) {
    struct parsed p = {.result = 0};
    parse(&p, OPTION_ORDER_ANY, "a -f b --bundle /b c -- -d --");
    ok(p.result == 0 && p.positionals == 5, "positionals among options");
    is_text(p.args[0], "a", "keep their order");
    is_text(p.args[2], "c", "keep their order");
    is_text(p.args[3], "-d", "an option behind -- is a positional");
    is_text(p.args[4], "--", "and so is a second --");
    ok(!p.values.detach && p.values.force, "options before -- only");
    parse(&p, OPTION_ORDER_FIRST, "-f exec -d --bogus -- --bundle");
    ok(p.result == 0 && p.positionals == 5, "the first positional ends the options");
    is_text(p.args[0], "exec", "what follows");
    is_text(p.args[2], "--bogus", "is left");
    is_text(p.args[3], "--", "as it is");
    ok(p.values.force && !p.values.detach, "options before it only");
    parse(&p, OPTION_ORDER_FIRST, "-f -- -d x");
    ok(p.result == 0 && p.positionals == 2 && !p.values.detach, "-- before the first positional");
    arena_drop(&p.arena);
}

static void test_help(void) {
    static const char *const lines[] = {"--help", "-h", "-help", "c1 --help", "-fh", "--help --bogus", "-b x -h"};
    for (size_t i = 0; i < TABLE_COUNT(lines); i++) {
        struct parsed p = {.result = 0};
        parse(&p, OPTION_ORDER_ANY, lines[i]);
        is_number(p.result, OPTIONS_HELP, "help: %s", lines[i]);
        arena_drop(&p.arena);
    }
    struct parsed p = {.result = 0};
    parse(&p, OPTION_ORDER_FIRST, "create --help");
    is_number(p.result, OPTIONS_DONE, "--help behind the first positional is not ours");
    parse(&p, OPTION_ORDER_ANY, "-- --help");
    is_number(p.result, OPTIONS_DONE, "--help behind -- is a positional");
    parse(&p, OPTION_ORDER_ANY, "--bundle --help");
    is_text(p.values.bundle, "--help", "--help as a value is a value");
    arena_drop(&p.arena);
}

static void test_numbers(void) {
    static const struct {
        const char *text;
        int result;
        uint64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"00", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"-0", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
    };
    for (size_t i = 0; i < TABLE_COUNT(cases); i++) {
        uint64_t value = 0;
        is_number(number_parse_u64(cases[i].text, UINT64_MAX, &value), cases[i].result, "number \"%s\"", cases[i].text);
        ok(value == cases[i].value, "  its value");
    }
    uint64_t limited = 7;
    ok(number_parse_u64("8", 7, &limited) == -ERANGE && limited == 7, "a number above the limit");
    int64_t low = 0;
    ok(number_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &low) == 0 && low == INT64_MIN,
       "the least number");
    ok(number_parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &low) == -ERANGE, "one more than the greatest");
    ok(number_parse_i64("-", INT64_MIN, INT64_MAX, &low) == -EINVAL, "a sign alone");
}

static void test_signals(void) {
    const struct {
        const char *text;
        int number; /* -1: refused */
    } cases[] = {
        {"9", SIGKILL},
        {"0", 0},
        {"64", 64},
        {"KILL", SIGKILL},
        {"SIGKILL", SIGKILL},
        {"kill", SIGKILL},
        {"sigkill", SIGKILL},
        {"SigTerm", SIGTERM},
        {"HUP", SIGHUP},
        {"CLD", SIGCHLD},
        {"CHLD", SIGCHLD},
        {"IOT", SIGABRT},
        {"POLL", SIGIO},
        {"SIGVTALRM", SIGVTALRM},
        {"STKFLT", SIGSTKFLT},
        {"SYS", SIGSYS},
        {"WINCH", SIGWINCH},
        {"RTMIN", 34},
        {"SIGRTMIN+3", 37},
        {"rtmin+0", 34},
        {"RTMIN+30", 64},
        {"SIGRTMAX", 64},
        {"RTMAX-1", 63},
        {"rtmax-30", 34},
        {"", -1},
        {"-9", -1},
        {"65", -1},
        {"09", -1},
        {"9 ", -1},
        {"FOO", -1},
        {"SIG", -1},
        {"SIGSIGKILL", -1},
        {"SIG9", -1},
        {"KILLER", -1},
        {"RTMIN+31", -1},
        {"RTMIN-1", -1},
        {"RTMAX+1", -1},
        {"RTMIN+", -1},
        {"RTMIN+-1", -1},
        {"RTMINX", -1},
        {"A-NAME-LONGER-THAN-ANY-SIGNAL-HAS", -1},
    };
    for (size_t i = 0; i < TABLE_COUNT(cases); i++) {
        int number = -1;
        int r = signal_parse(cases[i].text, &number);
        is_number(number, cases[i].number, "signal \"%s\"", cases[i].text);
        is_number(r, cases[i].number < 0 ? -EINVAL : 0, "  its result");
    }
}

/* Every signal from 1 to 31 has a name. */
static void test_signal_names(void) {
    static const char *const names[] = {
        "HUP",  "INT",  "QUIT", "ILL",    "TRAP",  "ABRT", "BUS",  "FPE",  "KILL", "USR1", "SEGV",
        "USR2", "PIPE", "ALRM", "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "PROF", "VTALRM", "WINCH", "IO",   "PWR",  "SYS",  "TERM",
    };
    unsigned seen = 0;
    for (size_t i = 0; i < TABLE_COUNT(names); i++) {
        int number = 0;
        if (signal_parse(names[i], &number) == 0)
            seen |= 1u << number;
    }
    is_number(seen, 0xfffffffe, "names of all signals below the real-time ones");
}

int main(void) {
    test_accepted();
    test_refused();
    test_enough();
    test_values();
    test_order();
    test_help();
    test_numbers();
    test_signals();
    test_signal_names();
    return tap_done();
}
