/* SPDX-License-Identifier: Apache-2.0 */
/* signals: see signals.h. Runs in the command line; needs no privilege. signal(7). */
#include "cli/signals.h"

#include "base/nearest.h"
#include "base/table.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

static const struct name_value names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},       {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"IOT", SIGIOT},   {"BUS", SIGBUS},   {"FPE", SIGFPE},       {"KILL", SIGKILL},
    {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},
    {"TERM", SIGTERM},     {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},  {"CONT", SIGCONT},     {"STOP", SIGSTOP},
    {"STKFLT", SIGSTKFLT}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
    {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ}, {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},         {"POLL", SIGPOLL}, {"PWR", SIGPWR},   {"SYS", SIGSYS},
};

/*
 * The numbers that kill(1), Docker and nearly every payload mean, whatever this program's own libc has: glibc keeps 32
 * and 33 for itself (signal(7)), musl 34 too.
 */
#define REALTIME_FIRST 34
#define REALTIME_LAST 64

/* "RTMIN+n" counts up from the first of them, "RTMAX-n" down from the last. */
static int realtime_parse(const char *name, int *signal) {
    bool down = strncmp(name, "RTMAX", 5) == 0;
    if (!down && strncmp(name, "RTMIN", 5) != 0)
        return -EINVAL;
    uint64_t distance = 0;
    if (name[5] && name[5] != (down ? '-' : '+'))
        return -EINVAL;
    if (name[5] && number_parse_u64(name + 6, (uint64_t)(REALTIME_LAST - REALTIME_FIRST), &distance) < 0)
        return -EINVAL;
    *signal = down ? REALTIME_LAST - (int)distance : REALTIME_FIRST + (int)distance;
    return 0;
}

int signal_parse(const char *text, int *signal) {
    uint64_t number;
    if (number_parse_u64(text, (uint64_t)REALTIME_LAST, &number) == 0) {
        *signal = (int)number;
        return 0;
    }
    char name[16];
    size_t len = strlen(text);
    if (len >= sizeof name)
        return -EINVAL;
    for (size_t i = 0; i <= len; i++) /* without a locale: these are ASCII words */
        name[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    const char *bare = strncmp(name, "SIG", 3) == 0 ? name + 3 : name;
    const struct name_value *found = table_find(names, TABLE_COUNT(names), bare);
    if (!found)
        return realtime_parse(bare, signal);
    *signal = (int)found->value;
    return 0;
}

const char *signal_nearest(const char *text) {
    struct nearest nearest = NEAREST(strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text);
    for (size_t i = 0; i < TABLE_COUNT(names); i++)
        nearest_try(&nearest, names[i].name);
    return nearest.name;
}
