/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth-systemd: asks systemd for what berth wants of it: org.freedesktop.systemd1(5) over sd-bus(3). A program of its
 * own, since berth is static and most calls of it have nothing to do with systemd: libsystemd is loaded where it is
 * used. Runs in life as a child (kernel/systemd.c), with berth's privileges, and takes nothing from a container.
 *
 *     berth-systemd start|stop|reset|look|set|attach|find  <REQUEST
 *
 *   start   makes the transient unit, and waits until it is there
 *   stop    stops the unit and forgets it; it is success that there is none
 *   reset   stop for a unit of ours; EEXIST for one of somebody else's
 *   look    that EEXIST alone
 *   set     gives it new properties until the next boot
 *   attach  moves a process into its cgroup
 *   find    prints the manager's own cgroup
 *
 * The request is lines of text, a word and what belongs to it:
 *   bus system|user; unit NAME; owner TEXT (how the description of our units begins); pid NUMBER;
 *   property NAME SIGNATURE VALUE; try NAME SIGNATURE VALUE (left out where this systemd does not know it)
 * A VALUE is text for s, a decimal number for b, i, u, x, t and d, hexadecimal bytes for ay; the items of as, a(ss) and
 * a(st) are separated by ITEM_END.
 *
 * Exit status: 0; or an errno value, with one line of text on the standard error. It ends by SIGALRM
 * at the deadline, and holds open until then what the parent gave it as descriptor 3.
 */
#include "systemd/protocol.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SERVICE "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"
#define UNIT SERVICE ".Unit"
#define PRIVATE_BUS "unix:path=/run/systemd/private"
#define REQUEST_MAX ((size_t)1024 * 1024)

struct property {
    const char *name, *signature, *value;
    bool optional;
    struct property *next;
};

struct request {
    bool user;
    const char *unit, *owner;
    uint32_t pid;
    struct property *first, **last;
};

/* What there is of a call: the connection, the last error, the job that is waited for. */
struct talk {
    const struct request *request;
    sd_bus *bus;
    sd_bus_error error;
    char *job;
    char result[32]; /* of the job, once it is removed */
};

static int fail(int code, const char *what, const char *unit, const char *why) {
    fprintf(stderr, "%s%s%s: %s\n", what, unit ? " " : "", unit ? unit : "", why);
    return code > 0 && code < 256 ? code : EIO;
}

static int fail_call(struct talk *t, const char *method, int r) {
    const char *text = t->error.message ? t->error.message : strerror(-r);
    return fail(-r, method, t->request->unit, text);
}

/* ---- the request ---- */

static int add_property(struct request *request, char *rest, bool optional) {
    struct property *property = calloc(1, sizeof *property);
    const char *name = strsep(&rest, " "), *signature = strsep(&rest, " ");
    if (!property || !signature) {
        free(property);
        return -EINVAL;
    }
    *property =
        (struct property){.name = name, .signature = signature, .value = rest ? rest : "", .optional = optional};
    *request->last = property;
    request->last = &property->next;
    return 0;
}

static int take_line(struct request *request, char *line) {
    char *rest = line;
    const char *word = strsep(&rest, " ");
    if (!rest)
        return -EINVAL;
    if (strcmp(word, "property") == 0 || strcmp(word, "try") == 0)
        return add_property(request, rest, *word == 't');
    if (strcmp(word, "bus") == 0)
        request->user = strcmp(rest, "user") == 0;
    else if (strcmp(word, "unit") == 0)
        request->unit = rest;
    else if (strcmp(word, "owner") == 0)
        request->owner = rest;
    else if (strcmp(word, "pid") == 0)
        request->pid = (uint32_t)strtoul(rest, NULL, 10);
    else
        return -EINVAL;
    return 0;
}

static int read_request(struct request *request) {
    char *text = malloc(REQUEST_MAX);
    size_t len = text ? fread(text, 1, REQUEST_MAX - 1, stdin) : 0;
    *request = (struct request){.last = &request->first};
    if (!text || ferror(stdin) || !feof(stdin)) {
        free(text);
        return -EIO;
    }
    text[len] = '\0';
    /* The lines stay where they are: the request points into them until we end. */
    for (char *line; (line = strsep(&text, "\n")) && *line;) {
        int r = take_line(request, line);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- properties ---- */

/* The next item of a list, NULL behind the last one. */
static const char *next_item(char **list) {
    return *list && **list ? strsep(list, ITEM_END) : NULL;
}

static int append_number(sd_bus_message *message, char type, const char *text) {
    char *end;
    errno = 0;
    double real = type == 'd' ? strtod(text, &end) : 0;
    long long whole = type == 'd' || type == 't' ? 0 : strtoll(text, &end, 10);
    unsigned long long large = type == 't' ? strtoull(text, &end, 10) : 0;
    if (errno || end == text || *end)
        return -EINVAL;
    switch (type) {
    case 'd':
        return sd_bus_message_append_basic(message, type, &real);
    case 't':
        return sd_bus_message_append_basic(message, type, &(uint64_t){large});
    case 'x':
        return sd_bus_message_append_basic(message, type, &(int64_t){whole});
    case 'u':
        return whole < 0 || whole > UINT32_MAX
                   ? -ERANGE
                   : sd_bus_message_append_basic(message, type, &(uint32_t){(uint32_t)whole});
    case 'i':
        return whole < INT32_MIN || whole > INT32_MAX
                   ? -ERANGE
                   : sd_bus_message_append_basic(message, type, &(int32_t){(int32_t)whole});
    case 'b':
        return sd_bus_message_append_basic(message, type, &(int){whole != 0});
    default:
        return -EINVAL;
    }
}

static int append_bytes(sd_bus_message *message, const char *hex) {
    uint8_t bytes[PROPERTY_BYTES_MAX];
    size_t len = 0;
    for (; hex[0] && hex[1] && len < sizeof bytes; hex += 2) {
        const char digits[] = {hex[0], hex[1], '\0'};
        bytes[len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return *hex ? -EINVAL : sd_bus_message_append_array(message, 'y', bytes, len);
}

/* Items of one or two fields; the second field is of the given type, text or a number. */
static int append_list(sd_bus_message *message, const char *signature, char *list) {
    const char *inner = signature + 1; /* behind the 'a' */
    const bool pairs = *inner == '(';
    const char fields[] = {'s', pairs ? inner[2] : '\0', '\0'};
    int r = sd_bus_message_open_container(message, 'a', inner);
    for (const char *item; r >= 0 && (item = next_item(&list));) {
        const char *second = pairs ? next_item(&list) : NULL;
        if (pairs && !second)
            return -EINVAL;
        if (pairs)
            r = sd_bus_message_open_container(message, 'r', fields);
        if (r >= 0)
            r = sd_bus_message_append_basic(message, 's', item);
        if (r >= 0 && pairs)
            r = fields[1] == 's' ? sd_bus_message_append_basic(message, 's', second)
                                 : append_number(message, fields[1], second);
        if (r >= 0 && pairs)
            r = sd_bus_message_close_container(message);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, const struct property *property) {
    const char *signature = property->signature;
    int r;
    char *list = strdup(property->value); /* a second try takes it apart once more */
    if (!list)
        return -ENOMEM;
    if (strcmp(signature, "s") == 0)
        r = sd_bus_message_append_basic(message, 's', property->value);
    else if (strcmp(signature, "ay") == 0)
        r = append_bytes(message, property->value);
    else if (strcmp(signature, "as") == 0 || strcmp(signature, "a(ss)") == 0 || strcmp(signature, "a(st)") == 0)
        r = append_list(message, signature, list);
    else
        r = signature[1] ? -EINVAL : append_number(message, signature[0], property->value);
    free(list);
    return r;
}

static int append_property(sd_bus_message *message, const struct property *property) {
    int r = sd_bus_message_open_container(message, 'r', "sv");
    if (r >= 0)
        r = sd_bus_message_append_basic(message, 's', property->name);
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'v', property->signature);
    if (r >= 0)
        r = append_value(message, property);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_properties(struct talk *t, sd_bus_message *message) {
    const struct request *request = t->request;
    int r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0 && request->pid > 0)
        r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, request->pid);
    for (const struct property *p = request->first; r >= 0 && p; p = p->next) {
        r = append_property(message, p);
        if (r < 0)
            sd_bus_error_setf(&t->error, "berth.Value", "%s: \"%.64s\" is not a value for it", p->name, p->value);
    }
    return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- calls ---- */

static int connect_bus(struct talk *t) {
    int r = t->request->user ? sd_bus_open_user(&t->bus) : sd_bus_open_system(&t->bus);
    if (r >= 0 || t->request->user)
        return r;
    /* Without a message bus: systemd's own socket, which takes root only. */
    r = sd_bus_new(&t->bus);
    if (r >= 0)
        r = sd_bus_set_address(t->bus, PRIVATE_BUS);
    return r < 0 ? r : sd_bus_start(t->bus);
}

static int new_call(struct talk *t, const char *method, sd_bus_message **message) {
    sd_bus_error_free(&t->error);
    return sd_bus_message_new_method_call(t->bus, message, SERVICE, MANAGER_PATH, MANAGER, method);
}

/* Sends the message and takes its reference. Without a time limit: see above. */
static int send_call(struct talk *t, sd_bus_message *message, sd_bus_message **reply) {
    int r = sd_bus_call(t->bus, message, UINT64_MAX, &t->error, reply);
    sd_bus_message_unref(message);
    return r;
}

/* JobRemoved(id, job, unit, result) */
static int on_job_removed(sd_bus_message *message, void *context, sd_bus_error *error) {
    struct talk *t = context;
    const char *job, *unit, *result;
    uint32_t id;
    (void)error;
    if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0 && t->job && strcmp(job, t->job) == 0)
        snprintf(t->result, sizeof t->result, "%s", result);
    return 0;
}

/* Before the call whose job is waited for; the reply to this one comes first, so nobody waits for it. */
static int watch_jobs(struct talk *t) {
    return sd_bus_match_signal_async(t->bus, NULL, SERVICE, MANAGER_PATH, MANAGER, "JobRemoved", on_job_removed, NULL,
                                     t);
}

/* *reply names the job; its reference is taken. Success is the job's. */
static int wait_job(struct talk *t, const char *method, sd_bus_message *reply) {
    const char *job;
    int r = sd_bus_message_read(reply, "o", &job);
    free(t->job);
    t->job = r < 0 ? NULL : strdup(job);
    t->result[0] = '\0';
    sd_bus_message_unref(reply);
    while (r >= 0 && !t->result[0]) {
        r = sd_bus_process(t->bus, NULL);
        if (r == 0)
            r = sd_bus_wait(t->bus, UINT64_MAX);
    }
    if (r < 0)
        return fail_call(t, method, r);
    return strcmp(t->result, "done") == 0 ? 0 : fail(EIO, method, t->request->unit, t->result);
}

static int call_job(struct talk *t, const char *method, sd_bus_message *message) {
    sd_bus_message *reply = NULL;
    int r = send_call(t, message, &reply);
    return r < 0 ? r : wait_job(t, method, reply);
}

static bool no_such_unit(const struct talk *t) {
    return sd_bus_error_has_name(&t->error, SERVICE ".NoSuchUnit");
}

/* Takes back what is remembered of a unit that has failed. */
static void reset_failed(struct talk *t) {
    sd_bus_message *message, *reply = NULL;
    if (new_call(t, "ResetFailedUnit", &message) < 0)
        return;
    if (sd_bus_message_append(message, "s", t->request->unit) < 0) {
        sd_bus_message_unref(message);
        return;
    }
    if (send_call(t, message, &reply) >= 0)
        sd_bus_message_unref(reply);
}

static int stop_unit(struct talk *t) {
    static const char method[] = "StopUnit";
    sd_bus_message *message = NULL;
    int r = watch_jobs(t);
    if (r >= 0)
        r = new_call(t, method, &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", t->request->unit, "replace");
    if (r >= 0)
        r = call_job(t, method, message);
    if (r < 0 && no_such_unit(t))
        return 0;
    if (r < 0)
        return fail_call(t, method, r);
    reset_failed(t);
    return r;
}

/* Reads a text property of our unit; *text is the caller's to free, NULL when there is no such unit. */
static int read_property(struct talk *t, const char *property, char **text) {
    sd_bus_message *message, *reply = NULL;
    const char *path;
    *text = NULL;
    int r = new_call(t, "GetUnit", &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "s", t->request->unit);
    if (r >= 0)
        r = send_call(t, message, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &path);
    if (r >= 0)
        r = sd_bus_get_property_string(t->bus, SERVICE, path, UNIT, property, &t->error, text);
    sd_bus_message_unref(reply);
    return r < 0 && no_such_unit(t) ? 0 : r;
}

/* 1: there is one, and it is ours; 0: there is none; else an exit status. */
static int look_at_unit(struct talk *t, char **state) {
    char *description = NULL;
    int r = read_property(t, "Description", &description);
    if (r >= 0 && description)
        r = read_property(t, "ActiveState", state);
    if (r < 0) {
        free(description);
        return -fail_call(t, "look at", r);
    }
    bool there = description && *state,
         ours = there && strncmp(description, t->request->owner, strlen(t->request->owner)) == 0;
    if (there && !ours)
        fprintf(stderr, "unit %s exists already, and is not berth's: \"%s\"\n", t->request->unit, description);
    free(description);
    return there && !ours ? -EEXIST : there;
}

static int verb_reset(struct talk *t) {
    char *state = NULL;
    int r = look_at_unit(t, &state);
    free(state);
    return r < 0 ? -r : r > 0 ? stop_unit(t) : 0;
}

static int verb_look(struct talk *t) {
    char *state = NULL;
    int r = look_at_unit(t, &state);
    free(state);
    return r < 0 ? -r : 0;
}

/* A left-over of ours that has failed is no obstacle; what is active is, whosever it is. */
static int clear_left_over(struct talk *t) {
    char *state = NULL;
    int r = look_at_unit(t, &state);
    bool dead = r > 0 && (strcmp(state, "failed") == 0 || strcmp(state, "inactive") == 0);
    if (r > 0 && !dead)
        r = -fail(EEXIST, "unit", t->request->unit, "exists already, and is active");
    free(state);
    if (dead)
        reset_failed(t);
    return r < 0 ? r : 0;
}

/* "Cannot set property X, or unknown property." in systemd's words: takes it out if it is one that need not be. */
static bool leave_out(struct talk *t, struct request *request) {
    const char *text = t->error.message ? t->error.message : "";
    for (struct property **p = &request->first; *p; p = &(*p)->next) {
        const char *at = (*p)->optional ? strstr(text, (*p)->name) : NULL;
        if (at && strchr(" ,.=", at[strlen((*p)->name)])) {
            if (!(*p)->next)
                request->last = p;
            *p = (*p)->next; /* stays allocated: we end soon */
            return true;
        }
    }
    return false;
}

static int try_start(struct talk *t) {
    static const char method[] = "StartTransientUnit";
    sd_bus_message *message = NULL;
    int r = new_call(t, method, &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ss", t->request->unit, "fail");
    if (r >= 0)
        r = append_properties(t, message);
    if (r >= 0)
        r = sd_bus_message_append(message, "a(sa(sv))", 0);
    return r < 0 ? r : call_job(t, method, message);
}

static int verb_start(struct talk *t) {
    bool cleared = false;
    int r = watch_jobs(t);
    while (r >= 0) {
        r = try_start(t);
        if (r >= 0)
            return r;
        if (!cleared && sd_bus_error_has_name(&t->error, SERVICE ".UnitExists")) {
            cleared = true;
            r = clear_left_over(t);
            if (r < 0)
                return -r;
        } else if (leave_out(t, (struct request *)(uintptr_t)t->request)) {
            r = 0;
        }
    }
    return fail_call(t, "StartTransientUnit", r);
}

static int verb_set(struct talk *t) {
    static const char method[] = "SetUnitProperties";
    sd_bus_message *reply = NULL;
    int r;
    do {
        sd_bus_message *message = NULL;
        r = new_call(t, method, &message);
        if (r >= 0)
            r = sd_bus_message_append(message, "sb", t->request->unit, 1);
        if (r >= 0)
            r = append_properties(t, message);
        if (r >= 0)
            r = send_call(t, message, &reply);
    } while (r < 0 && leave_out(t, (struct request *)(uintptr_t)t->request));
    sd_bus_message_unref(reply);
    return r < 0 ? fail_call(t, method, r) : 0;
}

static int verb_attach(struct talk *t) {
    static const char method[] = "AttachProcessesToUnit";
    sd_bus_message *message = NULL, *reply = NULL;
    int r = new_call(t, method, &message);
    if (r >= 0)
        r = sd_bus_message_append(message, "ssau", t->request->unit, "", 1, t->request->pid);
    if (r >= 0)
        r = send_call(t, message, &reply);
    sd_bus_message_unref(reply);
    return r < 0 ? fail_call(t, method, r) : 0;
}

static int verb_find(struct talk *t) {
    char *path = NULL;
    int r = sd_bus_get_property_string(t->bus, SERVICE, MANAGER_PATH, MANAGER, "ControlGroup", &t->error, &path);
    if (r >= 0)
        printf("%s\n", path);
    free(path);
    return r < 0 ? fail_call(t, "ControlGroup of the manager", r) : 0;
}

static const struct {
    const char *name;
    int (*run)(struct talk *t);
    bool needs_unit;
} verbs[] = {
    {"start", verb_start, true}, {"stop", stop_unit, true},     {"reset", verb_reset, true}, {"look", verb_look, true},
    {"set", verb_set, true},     {"attach", verb_attach, true}, {"find", verb_find, false},
};

int main(int argc, char **argv) {
    struct request request;
    alarm(DEADLINE_SECONDS);
    int r = read_request(&request);
    if (r < 0)
        return fail(-r, "read the request", NULL, strerror(-r));
    struct talk t = {.request = &request, .error = SD_BUS_ERROR_NULL};
    for (size_t i = 0; argc == 2 && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0 || (verbs[i].needs_unit && (!request.unit || !request.owner)))
            continue;
        r = connect_bus(&t);
        r = r < 0
                ? fail(-r, request.user ? "connect to the user's bus" : "connect to the system bus", NULL, strerror(-r))
                : verbs[i].run(&t);
        sd_bus_flush_close_unref(t.bus);
        return r;
    }
    return fail(EINVAL, "berth-systemd", NULL, "a part of berth, not to be called by hand");
}
