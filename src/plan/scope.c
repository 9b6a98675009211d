/* SPDX-License-Identifier: Apache-2.0 */
/* scope: see scope.h. Pure; runs in life. */
#include "plan/scope.h"

#include "base/table.h"
#include "oci_types.h"
#include "plan/resources.h"
#include "systemd/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE ".scope"
#define SLICE ".slice"
#define UNIT_NAME_MAX 255 /* systemd.unit(5) */
#define SECOND 1000000    /* us */
#define CPU_STEP 10000    /* us in a second: systemd keeps whole percents of a processor */

/* ---- names ---- */

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text), part = strlen(end);
    return len >= part && strcmp(text + len - part, end) == 0;
}

static bool is_unit_name(const char *name) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
    return *name && !name[strspn(name, allowed)];
}

static int check_length(const char *unit, struct error *err) {
    size_t len = strlen(unit);
    return len <= UNIT_NAME_MAX
               ? 0
               : error_refuse(err, "/linux/cgroupsPath", "unit name \"%.64s...\" has %zu bytes, %d at most", unit, len,
                              UNIT_NAME_MAX);
}

/* "a-b-c.slice" lies in "a-b.slice", and that in "a.slice"; "-.slice" is the root. NULL: that is no slice. */
static const char *slice_path(struct arena *arena, const char *slice) {
    size_t len = strlen(slice) - strlen(SLICE);
    const char *path = "";
    if (strcmp(slice, "-" SLICE) == 0)
        return path;
    for (size_t i = 0; path && i < len; i++) {
        if (slice[i] == '-' && (i == 0 || slice[i - 1] == '-' || i + 1 == len))
            return NULL;
        if (i + 1 == len || slice[i + 1] == '-')
            path = arena_printf(arena, "%s/%.*s" SLICE, path, (int)i + 1, slice);
    }
    return len > 0 ? path : NULL;
}

static int name_unit(struct arena *arena, const char *prefix, const char *name, const char **out, struct error *err) {
    if (ends_with(name, SLICE))
        return error_refuse(err, "/linux/cgroupsPath", "a slice (%.128s) holds no processes: name a scope", name);
    const char *unit =
        *prefix ? arena_printf(arena, "%s-%s" SCOPE, prefix, name) : arena_printf(arena, "%s" SCOPE, name);
    if (!unit)
        return error_memory(err);
    if (!*name || !is_unit_name(unit))
        return error_refuse(err, "/linux/cgroupsPath", "\"%.128s\" is not a name that systemd takes for a unit", unit);
    int r = check_length(unit, err);
    if (r < 0)
        return r;
    *out = unit;
    return 0;
}

int scope_plan_name(struct arena *arena, const char *cgroups_path, const char *id, bool rootless,
                    struct plan_scope *out, struct error *err) {
    char *text = cgroups_path ? arena_strdup(arena, cgroups_path) : arena_printf(arena, ":berth:%s", id);
    if (!text)
        return error_memory(err);
    const char *slice = strsep(&text, ":"), *prefix = text ? strsep(&text, ":") : NULL, *name = text;
    if (!name || strchr(name, ':'))
        return error_refuse(
            err, "/linux/cgroupsPath",
            "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"%.128s\" "
            "instead",
            cgroups_path);
    if (!*slice)
        slice = rootless ? "user" SLICE : "system" SLICE;
    int r = check_length(slice, err);
    if (r < 0)
        return r;
    const char *path = ends_with(slice, SLICE) && is_unit_name(slice) ? slice_path(arena, slice) : NULL;
    if (!path)
        return error_refuse(err, "/linux/cgroupsPath", "invalid slice name \"%.128s\"", slice);
    r = name_unit(arena, prefix, name, &out->unit, err);
    if (r < 0)
        return r;
    out->slice = slice;
    out->path = arena_printf(arena, "%s/%s", path, out->unit);
    return out->path ? 0 : error_memory(err);
}

/* ---- properties ---- */

static int add(struct arena *arena, struct scope_properties *list, const char *name, const char *signature,
               const char *value, struct error *err) {
    if (!value)
        return error_memory(err);
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 32;
        struct scope_property *items = arena_array(arena, room, sizeof *items);
        if (!items)
            return error_memory(err);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = (struct scope_property){.name = name, .signature = signature, .value = value};
    return 0;
}

/* One that repeats what a file says. */
static int add_limit(struct arena *arena, struct scope_properties *list, const char *name, const char *signature,
                     const char *value, struct error *err) {
    int r = add(arena, list, name, signature, value, err);
    if (r == 0)
        list->items[list->count - 1].optional = true;
    return r;
}

/* How the value of a file becomes that of a property. */
struct row {
    const char *file, *property;
    int (*convert)(struct arena *arena, const struct row *row, const char *value, struct scope_properties *out,
                   struct error *err);
};

static const char *infinity(struct arena *arena) {
    return arena_printf(arena, "%" PRIu64, UINT64_MAX);
}

/* A number; "max" and -1 are no limit. */
static int convert_number(struct arena *arena, const struct row *row, const char *value, struct scope_properties *out,
                          struct error *err) {
    bool none = strcmp(value, "max") == 0 || strcmp(value, "-1") == 0;
    if (!none && value[strspn(value, "0123456789")])
        return 0; /* another form of the file ("unified"), for which there is no property */
    return add_limit(arena, out, row->property, "t", none ? infinity(arena) : value, err);
}

static int add_quota(struct arena *arena, uint64_t quota, uint64_t period, struct scope_properties *out,
                     struct error *err) {
    if (period == 0 || quota > UINT64_MAX / SECOND)
        return 0;
    uint64_t per_second = (quota * SECOND + period - 1) / period;
    per_second = (per_second + CPU_STEP - 1) / CPU_STEP * CPU_STEP;
    int r = add_limit(arena, out, "CPUQuotaPerSecUSec", "t", arena_printf(arena, "%" PRIu64, per_second), err);
    return r < 0 ? r : add_limit(arena, out, "CPUQuotaPeriodUSec", "t", arena_printf(arena, "%" PRIu64, period), err);
}

/* cpu.max: "QUOTA PERIOD". systemd rounds up to whole percents; the file keeps what was asked for. */
static int convert_cpu_max(struct arena *arena, const struct row *row, const char *value, struct scope_properties *out,
                           struct error *err) {
    uint64_t quota, period;
    if (strncmp(value, "max", 3) == 0)
        return add_limit(arena, out, row->property, "t", infinity(arena), err);
    return sscanf(value, "%" SCNu64 " %" SCNu64, &quota, &period) == 2 ? add_quota(arena, quota, period, out, err) : 0;
}

/* cpu.idle: no weight at all is how systemd says it (252). */
static int convert_idle(struct arena *arena, const struct row *row, const char *value, struct scope_properties *out,
                        struct error *err) {
    return strcmp(value, "1") == 0 ? add_limit(arena, out, row->property, "t", "0", err) : 0;
}

/* cpuset.cpus and cpuset.mems: a bit each, the lowest first, as bytes (systemd, "AllowedCPUs"). */
static int convert_list(struct arena *arena, const struct row *row, const char *value, struct scope_properties *out,
                        struct error *err) {
    uint8_t bits[PROPERTY_BYTES_MAX] = {0};
    size_t len = 0;
    for (const char *c = value; *c;) {
        char *end;
        unsigned long first = strtoul(c, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (end == c || (*end && *end != ',') || last < first || last >= 8 * sizeof bits)
            return 0; /* the kernel may know more forms of it than we do */
        for (unsigned long bit = first; bit <= last; bit++)
            bits[bit / 8] |= (uint8_t)(1u << bit % 8);
        len = last / 8 + 1 > len ? last / 8 + 1 : len;
        c = end + (*end == ',');
    }
    char *hex = arena_alloc(arena, 2 * len + 1);
    if (!hex)
        return error_memory(err);
    hex[0] = '\0';
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bits[i]);
    return add_limit(arena, out, row->property, "ay", hex, err);
}

static int convert_oom_group(struct arena *arena, const struct row *row, const char *value,
                             struct scope_properties *out, struct error *err) {
    return add_limit(arena, out, row->property, "s", strcmp(value, "1") == 0 ? "kill" : "continue", err);
}

/* The files that are not here have no property: systemd leaves them alone. */
static const struct row rows[] = {
    {"memory.max", "MemoryMax", convert_number},
    {"memory.swap.max", "MemorySwapMax", convert_number},
    {"memory.low", "MemoryLow", convert_number},
    {"memory.min", "MemoryMin", convert_number},
    {"memory.high", "MemoryHigh", convert_number},
    {"memory.zswap.max", "MemoryZSwapMax", convert_number},
    {"memory.oom.group", "OOMPolicy", convert_oom_group},
    {"cpu.weight", "CPUWeight", convert_number},
    {"cpu.idle", "CPUWeight", convert_idle},
    {"cpu.max", "CPUQuotaPerSecUSec", convert_cpu_max},
    {"cpuset.cpus", "AllowedCPUs", convert_list},
    {"cpuset.mems", "AllowedMemoryNodes", convert_list},
    {"io.weight", "IOWeight", convert_number},
    {"pids.max", "TasksMax", convert_number},
    /* cgroup v1 */
    {"memory.limit_in_bytes", "MemoryLimit", convert_number},
    {"cpu.shares", "CPUShares", convert_number},
    {"blkio.weight", "BlockIOWeight", convert_number},
};

static const char *find_value(const struct resource_write *writes, size_t count, const char *file) {
    for (size_t i = count; i > 0; i--)
        if (writes[i - 1].value && strcmp(writes[i - 1].file, file) == 0)
            return writes[i - 1].value;
    return NULL;
}

/* cgroup v1 has a file each; the quota alone means the kernel's own period. */
static int add_quota_v1(struct arena *arena, const struct resource_write *writes, size_t count,
                        struct scope_properties *out, struct error *err) {
    const char *quota = find_value(writes, count, "cpu.cfs_quota_us");
    const char *period = find_value(writes, count, "cpu.cfs_period_us");
    if (!quota)
        return 0;
    if (*quota == '-')
        return add_limit(arena, out, "CPUQuotaPerSecUSec", "t", infinity(arena), err);
    return add_quota(arena, strtoull(quota, NULL, 10), period ? strtoull(period, NULL, 10) : 100000, out, err);
}

/* In the order of the writes, of which the last to a file counts: with several of one name systemd takes the last. */
int scope_plan_limits(struct arena *arena, const struct resource_write *writes, size_t count,
                      struct scope_properties *out, struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct resource_write *w = &writes[i];
        /* Where a device is named the property would be another one, with the path of a node. */
        const bool whole = !w->line || strcmp(w->line, "default") == 0;
        for (size_t k = 0; r == 0 && w->value && whole && k < TABLE_COUNT(rows); k++)
            if (strcmp(rows[k].file, w->file) == 0)
                r = rows[k].convert(arena, &rows[k], w->value, out, err);
            else if (w->alternative_file && strcmp(rows[k].file, w->alternative_file) == 0)
                r = rows[k].convert(arena, &rows[k], w->alternative_value, out, err);
    }
    return r < 0 ? r : add_quota_v1(arena, writes, count, out, err);
}

/* ---- device rules ---- */

/*
 * "c 1:3 rwm" as an item of DeviceAllow: a node under /dev/char or /dev/block, or all minors of a driver by its number
 * (240), or all devices of a kind. A rule for one minor of all drivers cannot be said; it stands in the list of the
 * cgroup alone.
 */
static const char *device_item(struct arena *arena, const char *line) {
    char type, major[16], minor[16], access[8];
    if (sscanf(line, "%c %15[0-9*]:%15[0-9*] %7[rwm]", &type, major, minor, access) != 4 ||
        (type != 'c' && type != 'b'))
        return NULL;
    const char *kind = type == 'c' ? "char" : "block";
    if (*minor != '*')
        return *major == '*' ? NULL
                             : arena_printf(arena, "/dev/%s/%s:%s" ITEM_END "%s" ITEM_END, kind, major, minor, access);
    return arena_printf(arena, "%s-%s" ITEM_END "%s" ITEM_END, kind, major, access);
}

/*
 * cgroup v1 alone: there systemd writes its own list whenever it looks at the unit again (daemon-reload), and without
 * one it would allow everything. A program of cgroup2 that is not its own systemd leaves in place.
 */
static int add_devices(struct arena *arena, const struct plan_resources *resources, struct scope_properties *out,
                       struct error *err) {
    const char *allowed = "";
    bool denied = false;
    for (size_t i = 0; i < resources->count; i++) {
        const struct resource_write *w = &resources->writes[i];
        bool deny = strcmp(w->file, "devices.deny") == 0;
        if (!deny && strcmp(w->file, "devices.allow") != 0)
            continue;
        if (strcmp(w->value, "a") == 0) {
            denied = deny;
            allowed = "";
            continue;
        }
        const char *item = deny ? NULL : device_item(arena, w->value);
        if (item && !(allowed = arena_printf(arena, "%s%s", allowed, item)))
            return error_memory(err);
    }
    if (!denied)
        return 0;
    int r = add(arena, out, "DevicePolicy", "s", "strict", err);
    return r < 0 ? r : add(arena, out, "DeviceAllow", "a(ss)", allowed, err);
}

/* ---- annotations: text of GVariant, as g_variant_parse(3) has it, as far as units have such values ---- */

static bool parse_string(struct arena *arena, const char **text, const char **out) {
    const char quote = **text;
    if (quote != '\'' && quote != '"')
        return false;
    const char *c = *text + 1;
    char *copy = arena_alloc(arena, strlen(c) + 1), *end = copy;
    for (; copy && *c && *c != quote; c++) {
        if (*c == '\\' && (c[1] == quote || c[1] == '\\'))
            c++;
        if ((unsigned char)*c < ' ')
            return false; /* a request is made of lines */
        *end++ = *c;
    }
    if (!copy || *c != quote)
        return false;
    *end = '\0';
    *text = c + 1;
    *out = copy;
    return true;
}

static const char *skip_blanks(const char *text) {
    return text + strspn(text, " ");
}

/* "['a', 'b']" */
static bool parse_strings(struct arena *arena, const char *text, struct scope_property *out) {
    const char *list = "", *item;
    if (*text != '[')
        return false;
    text = skip_blanks(text + 1);
    while (*text != ']') {
        if (!parse_string(arena, &text, &item) || !(list = arena_printf(arena, "%s%s" ITEM_END, list, item)))
            return false;
        text = skip_blanks(text);
        if (*text == ',')
            text = skip_blanks(text + 1);
        else if (*text != ']')
            return false;
    }
    out->signature = "as";
    out->value = list;
    return !text[1];
}

static const struct {
    const char *word, *signature;
} number_types[] = {{"uint64 ", "t"}, {"int64 ", "x"}, {"uint32 ", "u"}, {"int32 ", "i"}, {"double ", "d"}, {"", "i"}};

/* "uint64 5", "-3" */
static bool parse_number(struct arena *arena, const char *text, struct scope_property *out) {
    size_t i = 0;
    while (strncmp(text, number_types[i].word, strlen(number_types[i].word)) != 0)
        i++;
    text = skip_blanks(text + strlen(number_types[i].word));
    size_t sign = *text == '-', digits = strspn(text + sign, "0123456789");
    bool real = text[sign + digits] == '.';
    if (digits == 0 || text[sign + digits + (real ? 1 + strspn(text + sign + digits + 1, "0123456789") : 0)])
        return false;
    out->signature = real && !*number_types[i].word ? "d" : number_types[i].signature;
    out->value = text;
    (void)arena;
    return !real || *out->signature == 'd';
}

static bool parse_value(struct arena *arena, const char *text, struct scope_property *out) {
    const char *rest = text;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        out->signature = "b";
        out->value = *text == 't' ? "1" : "0";
        return true;
    }
    if (parse_string(arena, &rest, &out->value)) {
        out->signature = "s";
        return !*rest;
    }
    return parse_strings(arena, text, out) || parse_number(arena, text, out);
}

/* "TimeoutStopSec" in seconds is what people write; the bus has "TimeoutStopUSec" in microseconds. */
static bool convert_seconds(struct arena *arena, struct scope_property *p) {
    size_t len = strlen(p->name);
    if (len < 5 || strcmp(p->name + len - 3, "Sec") != 0 || p->name[len - 4] < 'a' || p->name[len - 4] > 'z')
        return true;
    if (!strchr("tixud", *p->signature) || *p->value == '-')
        return false;
    double seconds = strtod(p->value, NULL);
    if (seconds > (double)(UINT64_MAX / SECOND / 2))
        return false;
    p->name = arena_printf(arena, "%.*sUSec", (int)len - 3, p->name);
    p->value = arena_printf(arena, "%" PRIu64, (uint64_t)(seconds * SECOND));
    p->signature = "t";
    return p->name && p->value;
}

static int add_annotation(struct arena *arena, const struct oci_string_entry *row, struct scope_properties *out,
                          struct error *err) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct scope_property p = {.name = row->key + strlen(SCOPE_ANNOTATION)};
    char place[104];
    snprintf(place, sizeof place, "/annotations/%s", row->key);
    if (strlen(p.name) < 3 || p.name[strspn(p.name, letters)])
        return error_refuse(err, place, "annotation %.128s name incorrect: not the name of a unit's property",
                            row->key);
    if (!parse_value(arena, row->value, &p))
        return error_refuse(err, place,
                            "annotation %.128s: \"%.64s\" is not the text of a GVariant such as 'text', true, "
                            "uint64 5 or ['a', 'b']",
                            row->key, row->value);
    if (!convert_seconds(arena, &p))
        return error_refuse(err, place, "annotation %.128s: \"%.64s\" is not a time in seconds", row->key, row->value);
    return add(arena, out, p.name, p.signature, p.value, err);
}

/* ---- all of it ---- */

static int add_basics(struct arena *arena, const char *id, bool unified, struct plan_scope *scope, struct error *err) {
    const struct {
        const char *name, *signature, *value;
    } basics[] = {
        {"Description", "s", arena_printf(arena, SCOPE_OWNER "%.200s", id)},
        {"Slice", "s", scope->slice},
        {"Delegate", "b", "1"},
        {"CollectMode", "s", "inactive-or-failed"}, /* nobody is there to look at a unit that has failed */
        {"DefaultDependencies", "b", "0"},
        {"CPUAccounting", "b", "1"},
        {"MemoryAccounting", "b", "1"},
        {"TasksAccounting", "b", "1"},
        {unified ? "IOAccounting" : "BlockIOAccounting", "b", "1"},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < TABLE_COUNT(basics); i++)
        r = add(arena, &scope->properties, basics[i].name, basics[i].signature, basics[i].value, err);
    if (r == 0)
        scope->properties.items[scope->properties.count - 1].optional = true; /* newer ones have forgotten BlockIO */
    return r;
}

int scope_plan_properties(struct arena *arena, const char *id, const struct oci_string_map *annotations,
                          const struct plan_resources *resources, bool unified, struct plan_scope *scope,
                          struct error *err) {
    int r = add_basics(arena, id, unified, scope, err);
    for (size_t i = 0; r == 0 && i < annotations->count; i++)
        if (strncmp(annotations->items[i].key, SCOPE_ANNOTATION, strlen(SCOPE_ANNOTATION)) == 0)
            r = add_annotation(arena, &annotations->items[i], &scope->properties, err);
    if (r == 0 && !unified)
        r = add_devices(arena, resources, &scope->properties, err);
    return r < 0 ? r : scope_plan_limits(arena, resources->writes, resources->count, &scope->properties, err);
}
