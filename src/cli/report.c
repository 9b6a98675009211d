/* SPDX-License-Identifier: Apache-2.0 */
/* report: see report.h. Runs in the command line; needs no privilege but that of opening the log. */
#include "cli/report.h"

#include "base/fd.h"
#include "cli/codes.h"
#include "cli/failure.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* One message, whatever it is made into. `error` is NULL below REPORT_ERROR. */
struct report_line {
    enum report_level level;
    const char *text;
    const struct berth_error *error;
};

struct report_target {
    const char *prefix; /* of the value of --log */
    int (*open)(struct report *report, const char *rest, struct berth_error *error);
    int (*write)(struct report *report, const struct report_line *line);
};

static const struct {
    const char *name;
    int priority; /* of syslog(3) and the journal */
} levels[] = {
    [REPORT_DEBUG] = {"debug", LOG_DEBUG},
    [REPORT_INFO] = {"info", LOG_INFO},
    [REPORT_WARNING] = {"warning", LOG_WARNING},
    [REPORT_ERROR] = {"error", LOG_ERR},
};

static void stderr_write(const struct report_line *line) {
    own_output output = OUTPUT_INIT;
    output_add(&output, "berth: ");
    if (line->level != REPORT_ERROR)
        output_format(&output, "%s: ", levels[line->level].name);
    output_clean(&output, line->text, false);
    output_add(&output, "\n");
    fd_write_all(STDERR_FILENO, output.data, output.len); /* there is nobody left to tell */
}

static void time_now(char text[static 32]) {
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        strcpy(text, "1970-01-01T00:00:00Z");
}

/* The keys of a log line in their order; a value that is empty is left out. */
static void line_compose(struct text *output, const struct report_line *line, enum report_format format) {
    char now[32], number[16] = "";
    time_now(now);
    const struct berth_error *error = line->error;
    const char *code = error ? code_name(error->code) : NULL;
    if (error)
        snprintf(number, sizeof number, "%d", error->code);
    const struct {
        const char *key, *value;
        bool bare; /* a number: no quotes in JSON; a word: no quotes in text */
    } fields[] = {
        {"time", now, false},
        {"level", levels[line->level].name, format == REPORT_TEXT},
        {"msg", line->text, false},
        {"code", code ? code : "", format == REPORT_TEXT},
        {"step", error ? error->step : "", false},
        {"path", error ? error->place : "", false},
        {"errno", number, true},
    };
    bool json = format == REPORT_JSON;
    const char *separator = json ? "{" : "";
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *quote = fields[i].bare ? "" : "\"";
        if (!*fields[i].value && i > 2)
            continue;
        output_format(output, json ? "%s\"%s\":%s" : "%s%s=%s", separator, fields[i].key, quote);
        output_clean(output, fields[i].value, true);
        output_add(output, quote);
        separator = json ? "," : " ";
    }
    output_add(output, json ? "}\n" : "\n");
}

static int file_open(struct report *report, const char *rest, struct berth_error *error) {
    struct stat st;
    /* O_NONBLOCK for the open alone: a FIFO that no process reads is an error, not a wait for ever. */
    report->fd = open(rest, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    if (report->fd >= 0 && fcntl(report->fd, F_SETFL, O_APPEND) == 0)
        return 0;
    const int code = errno;
    if (code == ENXIO && stat(rest, &st) == 0 && S_ISFIFO(st.st_mode))
        return failure_set(error, code, "cannot open the log %s: no process reads the FIFO", rest);
    return failure_code(error, code, "cannot open the log %s", rest);
}

/* One write: lines of several processes in the same file (O_APPEND) do not mix. */
static int file_write(struct report *report, const struct report_line *line) {
    own_output output = OUTPUT_INIT;
    line_compose(&output, line, report->format);
    return output.failed ? -ENOMEM : fd_write_all(report->fd, output.data, output.len);
}

static int journal_open(struct report *report, const char *rest, struct berth_error *error) {
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    report->identifier = *rest ? rest : "berth";
    report->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (report->fd < 0 || connect(report->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return failure_code(error, errno, "cannot open the log journald:%s", rest);
    return 0;
}

/* The journal's own protocol: one datagram, a KEY=VALUE line each (systemd, "Native Journal Protocol"). */
static int journal_write(struct report *report, const struct report_line *line) {
    own_output output = OUTPUT_INIT;
    output_add(&output, "MESSAGE=");
    output_clean(&output, line->text, false);
    output_format(&output, "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=", levels[line->level].priority);
    output_clean(&output, report->identifier, false);
    if (line->error)
        output_format(&output, "\nERRNO=%d", line->error->code);
    output_add(&output, "\n");
    return output.failed ? -ENOMEM : fd_send(report->fd, output.data, output.len, NULL, 0);
}

static int syslog_open(struct report *report, const char *rest, struct berth_error *error) {
    (void)error;
    report->identifier = *rest ? rest : "berth";
    openlog(report->identifier, LOG_PID, LOG_DAEMON);
    return 0;
}

static int syslog_write(struct report *report, const struct report_line *line) {
    (void)report;
    own_output output = OUTPUT_INIT;
    output_clean(&output, line->text, false);
    if (!output.failed)
        syslog(levels[line->level].priority, "%.*s", (int)output.len, output.data ? output.data : "");
    return 0;
}

/* The last row takes what no other prefix took. */
static const struct report_target targets[] = {
    {"journald:", journal_open, journal_write},
    {"syslog:", syslog_open, syslog_write},
    {"file:", file_open, file_write},
    {"", file_open, file_write},
};

static void line_write(struct report *report, const struct report_line *line) {
    if (!report->target || line->level == REPORT_ERROR)
        stderr_write(line);
    if (!report->target)
        return;
    int r = report->target->write(report, line);
    if (r < 0) {
        struct berth_error error;
        failure_code(&error, -r, "cannot write to the log");
        stderr_write(&(struct report_line){.level = REPORT_WARNING, .text = error.text});
    }
}

/* A reader that has gone must not end the command in the middle of its work. */
static void line_tell(struct report *report, const struct report_line *line) {
    void (*saved)(int) = signal(SIGPIPE, SIG_IGN);
    line_write(report, line);
    signal(SIGPIPE, saved);
}

static void sink(void *context, int level, const char *message) {
    if (level < REPORT_DEBUG || level > REPORT_ERROR)
        level = REPORT_WARNING;
    line_tell(context, &(struct report_line){.level = (enum report_level)level, .text = message});
}

int report_open(const struct report_config *config, struct report *report, struct berth_error *error) {
    enum report_level level = config->level;
    if (level == REPORT_LEVEL_UNSET)
        level = config->log && config->format == REPORT_JSON ? REPORT_ERROR : REPORT_WARNING;
    if (config->log) {
        const struct report_target *target = targets;
        while (strncmp(config->log, target->prefix, strlen(target->prefix)) != 0)
            target++;
        int r = target->open(report, config->log + strlen(target->prefix), error);
        if (r < 0)
            return r;
        report->target = target;
        report->format = config->format;
    }
    berth_log((int)level, sink, report);
    return 0;
}

void report_error(struct report *report, const struct berth_error *error) {
    line_tell(report, &(struct report_line){.level = REPORT_ERROR, .text = error->text, .error = error});
}
