/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of life/exec_request: users as numbers, and the container's process with the caller's changes. */
#include "life/exec_request.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct error err;
static struct arena arena = ARENA_INIT;

static void test_users(void) {
    static const struct {
        const char *text;
        bool good;
        uint32_t uid, gid;
    } cases[] = {
        {"0", true, 0, 7},
        {"1", true, 1, 7},
        {"1:2", true, 1, 2},
        {"1000:0", true, 1000, 0},
        {"4294967294:4294967294", true, 4294967294, 4294967294},
        {"", false, 0, 0},
        {":", false, 0, 0},
        {"1:", false, 0, 0},
        {":1", false, 0, 0},
        {"4294967295", false, 0, 0},
        {"1:4294967295", false, 0, 0},
        {"4294967296", false, 0, 0},
        {"99999999999999999999999", false, 0, 0},
        {"18446744073709551616", false, 0, 0},
        {"-1", false, 0, 0},
        {"+1", false, 0, 0},
        {"0x1", false, 0, 0},
        {"01", false, 0, 0},
        {"1:01", false, 0, 0},
        {"00", false, 0, 0},
        {" 1", false, 0, 0},
        {"1 ", false, 0, 0},
        {"1a", false, 0, 0},
        {"1:2:3", false, 0, 0},
        {"1::2", false, 0, 0},
        {"root", false, 0, 0},
        {"1.0", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t uid = 99, gid = 7;
        int r = exec_request_user(cases[i].text, &uid, &gid, &err);
        is_number(r, cases[i].good ? 0 : -EINVAL, "user \"%s\"", cases[i].text);
        is_number(uid, cases[i].good ? cases[i].uid : 99, "uid of \"%s\"", cases[i].text);
        is_number(gid, cases[i].good ? cases[i].gid : 7, "gid of \"%s\"", cases[i].text);
    }
}

static const char *const shell[] = {"sh", "-c", "true", NULL};
static const char *items_env[] = {"PATH=/bin", "A=1"};
static const char *items_args[] = {"init"};
static const char *items_caps[] = {"CAP_KILL"};
static uint32_t items_groups[] = {5};

/* What the container has. */
static struct oci_user own_user;
static struct oci_capabilities own_caps;
static struct oci_box own_size = {.height = 10, .width = 20};
static struct oci_process own;

static void begin(void) {
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    own_user = (struct oci_user){.uid = 3, .gid = 4, .additional_gids = {.count = 1, .items = items_groups}};
    own_caps = (struct oci_capabilities){.bounding = {1, items_caps}, .inheritable = {1, items_caps}};
    own = (struct oci_process){.terminal = true,
                               .console_size = &own_size,
                               .cwd = "/own",
                               .user = &own_user,
                               .capabilities = &own_caps,
                               .args = {1, items_args},
                               .env = {2, items_env}};
}

static void test_unchanged(void) {
    struct oci_process out = {.cwd = NULL};
    begin();
    const struct berth_exec request = {.id = "c", .args = shell};
    is_number(exec_request_process(&arena, &request, &own, &out, &err), 0, "a program alone");
    is_number((long long)out.args.count, 3, "its arguments");
    is_text(out.args.items[2], "true", "the last one");
    is_text(out.cwd, "/own", "the container's directory");
    is_number(out.user->uid, 3, "its user");
    is_number((long long)out.env.count, 2, "its environment");
    ok(!out.terminal && !out.console_size, "no terminal unless asked for");
    is_number((long long)out.capabilities->bounding.count, 1, "its capabilities");
    ok(!out.no_new_privileges, "no_new_privs as it was");
    is_text(own.args.items[0], "init", "the container's own is not changed");
    is_number(exec_request_process(&arena, &request, NULL, &out, &err), -EINVAL, "a container without a process");
}

static void test_changed(void) {
    static const char *const env[] = {"A=2", "B=3", NULL}, *const caps[] = {"CAP_NET_RAW", "cap_chown", NULL},
                             *const groups[] = {"6", "4294967294", NULL};
    struct oci_process out = {.cwd = NULL};
    begin();
    const struct berth_exec request = {.id = "c",
                                       .args = shell,
                                       .env = env,
                                       .cwd = "/tmp",
                                       .user = "8",
                                       .caps = caps,
                                       .additional_gids = groups,
                                       .terminal = true,
                                       .no_new_privs = true};
    is_number(exec_request_process(&arena, &request, &own, &out, &err), 0, "everything changed");
    is_number((long long)out.env.count, 4, "environment appended");
    is_text(out.env.items[3], "B=3", "at the end");
    is_text(out.cwd, "/tmp", "directory");
    is_number(out.user->uid, 8, "user");
    is_number(out.user->gid, 4, "group kept");
    is_number((long long)out.user->additional_gids.count, 3, "groups appended");
    is_number(out.user->additional_gids.items[2], 4294967294, "the last one");
    is_number((long long)out.capabilities->bounding.count, 3, "bounding");
    is_number((long long)out.capabilities->effective.count, 2, "effective");
    is_number((long long)out.capabilities->permitted.count, 2, "permitted");
    is_number((long long)out.capabilities->inheritable.count, 1, "inheritable is never added to (CVE-2022-29162)");
    is_number((long long)out.capabilities->ambient.count, 2, "ambient, as far as inheritable allows");
    ok(out.terminal && out.console_size == &own_size, "a terminal in the config's size");
    ok(out.no_new_privileges, "no_new_privs");
    is_number(own_user.uid, 3, "the container's own user is not changed");
    is_number((long long)own_caps.bounding.count, 1, "nor its capabilities");
}

static void refused(const struct berth_exec *request, const char *word, const char *name) {
    struct oci_process out = {.cwd = "untouched"};
    begin();
    is_number(exec_request_process(&arena, request, &own, &out, &err), -EINVAL, "%s: refused", name);
    ok(strstr(err.text, word), "%s: named in \"%s\"", name, err.text);
    is_text(out.cwd, "untouched", "%s: out is untouched", name);
}

static void test_refused(void) {
    static const char *const caps[] = {"CAP_WINGS", NULL}, *const groups[] = {"users", NULL},
                             *const big[] = {"4294967295", NULL};
    refused(&(const struct berth_exec){.args = shell, .user = "daemon"}, "daemon", "a user's name");
    refused(&(const struct berth_exec){.args = shell, .caps = caps}, "CAP_WINGS", "an unknown capability");
    refused(&(const struct berth_exec){.args = shell, .additional_gids = groups}, "users", "a group's name");
    refused(&(const struct berth_exec){.args = shell, .additional_gids = big}, "4294967295", "a group that is none");
}

static void test_files(void) {
    struct oci_process out = {.cwd = NULL};
    char path[] = "/tmp/test_exec_request.XXXXXX";
    static const char good[] = "{\"args\":[\"id\"],\"cwd\":\"/\",\"user\":{\"uid\":1,\"gid\":2}}",
                      bad[] = "{\"args\":[\"id\"],\n \"cwd\":7}";
    int fd = mkstemp(path);
    begin();
    ok(fd >= 0 && write(fd, good, sizeof good - 1) == (ssize_t)sizeof good - 1, "a file is written");
    const struct berth_exec request = {.id = "c", .process = path};
    is_number(exec_request_process(&arena, &request, &own, &out, &err), 0, "a process from a file");
    is_text(out.args.items[0], "id", "its program");
    is_number(out.user->gid, 2, "its group");
    is_number((long long)out.env.count, 0, "not the container's environment");
    ok(out.capabilities == &own_caps, "but its capabilities, where the file has none");
    ok(ftruncate(fd, 0) == 0 && pwrite(fd, bad, sizeof bad - 1, 0) > 0, "a bad file is written");
    ok(exec_request_process(&arena, &request, &own, &out, &err) < 0, "a bad file is refused");
    ok(strstr(err.text, ":2:") && strstr(err.text, "/cwd"), "with line and place: %s", err.text);
    is_text(err.place, "/cwd", "the place for the log");
    unlink(path);
    close(fd);
    is_number(exec_request_process(&arena, &request, &own, &out, &err), -ENOENT, "a file that is not there");
    is_number(exec_request_process(&arena, &(const struct berth_exec){.process = "/"}, &own, &out, &err), -EISDIR,
              "a directory");
}

/* A process from a file that has this text; NULL when it is not taken. */
static const struct oci_process *process_from(const char *text) {
    static struct oci_process out;
    char path[] = "/tmp/test_exec_request.XXXXXX";
    int fd = mkstemp(path);
    const struct berth_exec request = {.id = "c", .process = path};
    bool taken = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
                 exec_request_process(&arena, &request, &own, &out, &err) == 0;
    unlink(path);
    close(fd);
    return taken ? &out : NULL;
}

/* What bounds the container bounds a process from a file as well, unless the file says something else. */
static void test_bounds(void) {
    static struct oci_rlimit own_limit = {.type = OCI_RLIMIT_TYPE_CORE, .hard = 7};
    static struct oci_cpu_affinity own_affinity;
    const struct oci_process *out;
    begin();
    own.apparmor_profile = "own-profile";
    own.selinux_label = "own:label";
    own.rlimits.count = 1;
    own.rlimits.items = &own_limit;
    own.exec_cpu_affinity = &own_affinity;
    out = process_from("{\"args\":[\"id\"],\"cwd\":\"/\"}");
    if (!ok(out != NULL, "a file that says nothing of bounds: %s", err.text))
        return;
    ok(out->capabilities == &own_caps, "it has the container's capabilities");
    is_text(out->apparmor_profile, "own-profile", "its AppArmor profile");
    is_text(out->selinux_label, "own:label", "its SELinux label");
    ok(out->rlimits.count == 1 && out->rlimits.items == &own_limit, "its limits");
    ok(out->exec_cpu_affinity == &own_affinity, "its processors");
    out = process_from("{\"args\":[\"id\"],\"cwd\":\"/\",\"apparmorProfile\":\"other-profile\","
                       "\"selinuxLabel\":\"other:label\",\"capabilities\":{},"
                       "\"rlimits\":[{\"type\":\"RLIMIT_NPROC\",\"soft\":1,\"hard\":2}],"
                       "\"execCPUAffinity\":{\"initial\":\"0\"}}");
    if (!ok(out != NULL, "a file that has all of them: %s", err.text))
        return;
    ok(out->capabilities != &own_caps && out->capabilities->bounding.count == 0, "the capabilities are the file's");
    is_text(out->apparmor_profile, "other-profile", "the AppArmor profile, too");
    is_text(out->selinux_label, "other:label", "the SELinux label");
    ok(out->rlimits.count == 1 && out->rlimits.items[0].hard == 2, "the limits");
    ok(out->exec_cpu_affinity != &own_affinity, "the processors");
}

int main(void) {
    test_users();
    test_unchanged();
    test_changed();
    test_refused();
    test_files();
    test_bounds();
    arena_drop(&arena);
    return tap_done();
}
