/* SPDX-License-Identifier: Apache-2.0 */
/* criu_log: see criu_log.h. */
#include "kernel/criu_log.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 6
#define LINE_MAX_SHOWN 200

struct lines {
    char text[LINES_MAX][LINE_MAX_SHOWN + 1];
    unsigned count; /* ever kept; the last LINES_MAX are there, each at its number modulo that */
};

/* Said on every failure, or on a run that goes well all the same. */
static bool says_nothing(const char *message) {
    static const char *const empty[] = {"Dumping FAILED",   "Pre-dumping FAILED",
                                        "Restoring FAILED", "rlimit: Can't setup RLIMIT_NOFILE for self",
                                        "exited, status=",  "cg: cgroupd: recv req error"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        if (strncmp(message, empty[i], strlen(empty[i])) == 0)
            return true;
    return false;
}

/* "(00.039497)   1: Error (criu/files-reg.c:1790): TEXT": the text, or NULL for another line. */
static const char *error_part(const char *line) {
    const char *error = strstr(line, "Error (");
    const char *text = error ? strstr(error, "): ") : NULL;
    return text ? text + 3 : NULL;
}

static const char *kept(const struct lines *lines, unsigned index) {
    return lines->text[index % LINES_MAX];
}

static void keep(struct lines *lines, const char *message) {
    unsigned first = lines->count > LINES_MAX ? lines->count - LINES_MAX : 0;
    char *to = lines->text[lines->count % LINES_MAX];
    char shown[LINE_MAX_SHOWN + 1];
    snprintf(shown, sizeof shown, "%s", message);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    for (unsigned i = first; i < lines->count; i++)
        if (strcmp(kept(lines, i), shown) == 0)
            return;
    snprintf(to, sizeof lines->text[0], "%s", shown);
    lines->count++;
}

static int read_lines(int dir, const char *name, struct lines *lines) {
    char line[4096];
    own_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    FILE *log = fd < 0 ? NULL : fdopen(fd, "r");
    if (!log)
        return -errno;
    fd_take(&fd);
    while (fgets(line, sizeof line, log)) {
        line[strcspn(line, "\n")] = '\0';
        const char *message = error_part(line);
        if (message && !says_nothing(message))
            keep(lines, message);
    }
    fclose(log);
    return 0;
}

int criu_log_errors(int dir, const char *name, char buffer[static CRIU_LOG_TEXT_MAX]) {
    struct lines lines = {.count = 0};
    buffer[0] = '\0';
    int r = read_lines(dir, name, &lines);
    if (r < 0)
        return r;
    unsigned first = lines.count > LINES_MAX ? lines.count - LINES_MAX : 0;
    size_t len = 0;
    for (unsigned i = first; i < lines.count; i++)
        len += strlen(kept(&lines, i)) + 2;
    while (first < lines.count && len > CRIU_LOG_TEXT_MAX)
        len -= strlen(kept(&lines, first++)) + 2;
    len = 0;
    for (unsigned i = first; i < lines.count; i++)
        len += (size_t)snprintf(buffer + len, CRIU_LOG_TEXT_MAX - len, "%s%s", len ? "; " : "", kept(&lines, i));
    return (int)(lines.count - first);
}

void criu_log_path(int dir, const char *name, char *buffer, size_t size) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t n = readlink(link, path, sizeof path - 1);
    buffer[0] = '\0';
    if (n > 0 && (size_t)n < sizeof path && path[0] == '/')
        snprintf(buffer, size, "%.*s/%s", (int)n, path, name);
}
