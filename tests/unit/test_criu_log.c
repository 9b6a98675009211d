/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of kernel/criu_log: which lines of a log say why it failed. No privilege. */
#include "kernel/criu_log.h"
#include "tap.h"

#include "scratch.h"

static void check(const char *log, int count, const char *want, const char *what) {
    char buffer[CRIU_LOG_TEXT_MAX] = "stale";
    if (!scratch_write("dump.log", log, 0600))
        exit(1);
    is_number(criu_log_errors(scratch_fd, "dump.log", buffer), count, "%s: how many", what);
    is_text(buffer, want, "%s", what);
}

static void test_lines(void) {
    check("", 0, "", "an empty log");
    check("(00.001) Dumping processes (pid: 7 comm: sh)\n(00.002) Warn  (criu/x.c:1): Error is a word\n", 0, "",
          "a log without an error");
    check("(00.039497) Error (criu/files-reg.c:1790): Can't lookup mount=104 for fd=1 path=/tmp/out\n", 1,
          "Can't lookup mount=104 for fd=1 path=/tmp/out", "time and place are cut");
    check("(00.147739)      7: Error (soccr/soccr.c:529): Can't connect inet socket back: Network is unreachable\n", 1,
          "Can't connect inet socket back: Network is unreachable", "the process, too");
    check("Error (criu/util.c:642): execvp(\"ip\", ...) failed: No such file or directory\n", 1,
          "execvp(\"ip\", ...) failed: No such file or directory", "a line without a time");
    check("Error (criu/a.c:1): no newline", 1, "no newline", "a line that has no end");
    check("Error (criu/a.c:1): a\nError (criu/a.c:2): b\nError (criu/a.c:1): a\n(1) Error (criu/a.c:3): b\n", 2, "a; b",
          "each once");
    check("(0) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n"
          "(1) Error (criu/a.c:1): the reason\n"
          "(2) Error (criu/util.c:657): exited, status=1\n"
          "(3) Error (criu/cr-dump.c:1975): Dumping FAILED.\n"
          "(4) Error (criu/cr-restore.c:2331): Restoring FAILED.\n",
          1, "the reason", "what says nothing is left out");
    check("Error (criu/a.c:1): bell \a and \x1b[1m\n", 1, "bell   and  [1m", "control characters become blanks");
}

static void test_many(void) {
    char log[16384] = "", buffer[CRIU_LOG_TEXT_MAX], path[PATH_MAX], want[PATH_MAX + 16];
    size_t len = 0;
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(log + len, sizeof log - len, "(%d) Error (criu/a.c:1): number %d\n(0) noise\n", i, i);
    check(log, 6, "number 14; number 15; number 16; number 17; number 18; number 19", "the last six of many");
    len = 0;
    for (int i = 0; i < 6; i++)
        len += (size_t)snprintf(log + len, sizeof log - len, "Error (criu/a.c:1): %d %0400d\n", i, 0);
    if (!scratch_write("dump.log", log, 0600))
        exit(1);
    int count = criu_log_errors(scratch_fd, "dump.log", buffer);
    ok(count >= 1 && count < 6, "long ones: %d fit", count);
    is_number(strlen(buffer), count * 200 + (count - 1) * 2, "each is cut");
    char last[8];
    snprintf(last, sizeof last, "%c", buffer[strlen(buffer) - 200]);
    is_text(last, "5", "and the last is among them");
    is_number(criu_log_errors(scratch_fd, "none.log", buffer), -ENOENT, "no log");
    is_text(buffer, "", "says nothing");
    criu_log_path(scratch_fd, "dump.log", path, sizeof path);
    snprintf(want, sizeof want, "%s/dump.log", scratch);
    is_text(path, want, "the log's path");
}

int main(void) {
    scratch_make();
    test_lines();
    test_many();
    scratch_remove();
    return tap_done();
}
