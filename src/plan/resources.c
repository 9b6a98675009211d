/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resources: see resources.h. Pure; runs in life. The two tables below are the order of the writes: a new property is
 * a row in each, and a reader of its value where none of those here fits.
 */
#include "plan/resources.h"

#include "base/table.h"
#include "oci_types.h"
#include "plan/device_rules.h"
#include "plan/resource_lists.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PLACE "/linux/resources/"
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define CPU_PERIOD_DEFAULT 100000 /* us; the kernel's own */

struct planner {
    struct arena *arena;
    struct error *err;
    const struct oci_resources *resources;
    struct plan_resources *out;
    size_t room;
};

struct row {
    const char *place; /* below PLACE */
    const char *controller;
    const char *file; /* NULL: this world cannot express it, so a value that asks for something is refused */
    /* The text to write; leaves *text NULL when the property is absent or asks for nothing. */
    int (*read)(struct planner *p, const struct row *row, const char **text);
    size_t section, value, present; /* of the property: section in struct oci_resources, the others in that */
    bool reorder;                   /* struct resource_write */
    const char *implied[2];         /* values that hold without the file or the controller, too */
};

#define FIELD(part, type, name)                                                                                        \
    .section = offsetof(struct oci_resources, part), .value = offsetof(struct oci_##type, name),                       \
    .present = offsetof(struct oci_##type, has_##name)
#define TEXT(part, type, name)                                                                                         \
    .section = offsetof(struct oci_resources, part), .value = offsetof(struct oci_##type, name)

/* ---- reading a property ---- */

/* Where the property of the row is; NULL when its section is absent. */
static const char *find_section(const struct planner *p, const struct row *row) {
    const char *section;
    memcpy(&section, (const char *)p->resources + row->section, sizeof section);
    return section;
}

static bool is_present(const struct planner *p, const struct row *row) {
    const char *section = find_section(p, row);
    bool present = false;
    if (section)
        memcpy(&present, section + row->present, sizeof present);
    return present;
}

static int64_t get_signed(const struct planner *p, const struct row *row) {
    int64_t value = 0;
    if (is_present(p, row))
        memcpy(&value, find_section(p, row) + row->value, sizeof value);
    return value;
}

static uint64_t get_unsigned(const struct planner *p, const struct row *row) {
    uint64_t value = 0;
    if (is_present(p, row))
        memcpy(&value, find_section(p, row) + row->value, sizeof value);
    return value;
}

static int keep(struct planner *p, const char *made, const char **text) {
    *text = made;
    return made ? 0 : error_memory(p->err);
}

static int keep_signed(struct planner *p, int64_t value, const char **text) {
    return keep(p, arena_printf(p->arena, "%" PRId64, value), text);
}

static int keep_unsigned(struct planner *p, uint64_t value, const char **text) {
    return keep(p, arena_printf(p->arena, "%" PRIu64, value), text);
}

#define refuse(p, row, ...) error_refuse((p)->err, full_place(p, row), __VA_ARGS__)

static const char *full_place(struct planner *p, const struct row *row) {
    const char *place = arena_printf(p->arena, PLACE "%s", row->place);
    return place ? place : PLACE;
}

/* Bytes; -1 none ("max" is what cgroup2 calls it), 0 as engines mean it: not asked for. */
static int read_bytes(struct planner *p, const struct row *row, const char *none, const char **text) {
    int64_t value = get_signed(p, row);
    if (value < -1)
        return refuse(p, row, "%" PRId64 " is neither a number of bytes nor -1 for no limit", value);
    if (value == -1)
        return keep(p, arena_strdup(p->arena, none), text);
    return value ? keep_signed(p, value, text) : 0;
}

static int read_bytes_v1(struct planner *p, const struct row *row, const char **text) {
    return read_bytes(p, row, "-1", text);
}

static int read_bytes_v2(struct planner *p, const struct row *row, const char **text) {
    return read_bytes(p, row, "max", text);
}

/* A limit of a kind that cgroup2 does not have: none (-1) is what it gives anyway. */
static int read_limit(struct planner *p, const struct row *row, const char **text) {
    return get_signed(p, row) == -1 ? 0 : read_bytes(p, row, "-1", text);
}

/* A number for which 0 means that it was not asked for. */
static int read_unsigned(struct planner *p, const struct row *row, const char **text) {
    uint64_t value = get_unsigned(p, row);
    return value ? keep_unsigned(p, value, text) : 0;
}

static int read_signed(struct planner *p, const struct row *row, const char **text) {
    int64_t value = get_signed(p, row);
    return value ? keep_signed(p, value, text) : 0;
}

/* true; false is what the kernel does by itself. */
static int read_switch(struct planner *p, const struct row *row, const char **text) {
    bool value = false;
    if (is_present(p, row))
        memcpy(&value, find_section(p, row) + row->value, sizeof value);
    return value ? keep(p, arena_strdup(p->arena, "1"), text) : 0;
}

static int read_text(struct planner *p, const struct row *row, const char **text) {
    const char *section = find_section(p, row), *value = NULL;
    if (section)
        memcpy(&value, section + row->value, sizeof value);
    if (value && *value)
        *text = value;
    return 0;
}

/* ---- memory ---- */

static int64_t memory_limit(const struct planner *p) {
    const struct oci_memory *memory = p->resources->memory;
    return memory && memory->has_limit ? memory->limit : 0;
}

/* Memory and swap together, as v1 counts; an unlimited memory takes the limit off both. */
static int read_swap_v1(struct planner *p, const struct row *row, const char **text) {
    int64_t limit = memory_limit(p), swap = get_signed(p, row);
    if (limit > 0 && swap > 0 && swap < limit)
        return refuse(p, row, "memory and swap together (%" PRId64 ") are less than the memory limit %" PRId64, swap,
                      limit);
    if (limit == -1 && swap == 0)
        return keep(p, arena_strdup(p->arena, "-1"), text);
    return read_bytes_v1(p, row, text);
}

/* cgroup2 counts swap alone. */
static int read_swap_v2(struct planner *p, const struct row *row, const char **text) {
    int64_t limit = memory_limit(p), swap = get_signed(p, row);
    if (limit == -1 && swap == 0)
        return keep(p, arena_strdup(p->arena, "max"), text);
    if (swap <= 0 || limit == -1)
        return read_bytes_v2(p, row, text);
    if (limit <= 0)
        return refuse(p, row, "a limit for memory and swap together needs a memory limit on cgroup2");
    if (swap < limit)
        return refuse(p, row, "memory and swap together (%" PRId64 ") are less than the memory limit %" PRId64, swap,
                      limit);
    return keep_signed(p, swap - limit, text);
}

/* 0 is a wish here: to swap as late as possible. */
static int read_swappiness(struct planner *p, const struct row *row, const char **text) {
    uint64_t value = get_unsigned(p, row);
    if (value > 100)
        return refuse(p, row, "swappiness %" PRIu64 " is not in 0 to 100", value);
    return is_present(p, row) ? keep_unsigned(p, value, text) : 0;
}

/* ---- cpu ---- */

static bool is_idle(const struct planner *p) {
    const struct oci_cpu *cpu = p->resources->cpu;
    return cpu && cpu->has_idle && cpu->idle == 1;
}

static int read_idle(struct planner *p, const struct row *row, const char **text) {
    int64_t value = get_signed(p, row);
    if (value != 0 && value != 1)
        return refuse(p, row, "cpu idle %" PRId64 " is neither 0 nor 1", value);
    return is_present(p, row) ? keep_signed(p, value, text) : 0;
}

/* v1 would silently take the nearest share that it knows. An idle group has no share, and refuses one. */
static int read_shares_v1(struct planner *p, const struct row *row, const char **text) {
    uint64_t shares = get_unsigned(p, row);
    if (shares == 0 || is_idle(p))
        return 0;
    if (shares < SHARES_MIN || shares > SHARES_MAX)
        return refuse(p, row, "cpu shares %" PRIu64 " are not in %d to %d", shares, SHARES_MIN, SHARES_MAX);
    return keep_unsigned(p, shares, text);
}

static int read_shares_v2(struct planner *p, const struct row *row, const char **text) {
    uint64_t shares = get_unsigned(p, row);
    if (shares == 0 || is_idle(p))
        return 0;
    return keep_unsigned(p, resources_cpu_weight(shares), text);
}

static int read_quota_v1(struct planner *p, const struct row *row, const char **text) {
    int64_t quota = get_signed(p, row);
    return quota ? keep_signed(p, quota < 0 ? -1 : quota, text) : 0;
}

/* cgroup2 has one file for quota and period: it is written for the quota when there is one, else for the period. */
static int write_cpu_max(struct planner *p, int64_t quota, uint64_t period, const char **text) {
    if (period == 0)
        period = CPU_PERIOD_DEFAULT;
    return keep(p,
                quota > 0 ? arena_printf(p->arena, "%" PRId64 " %" PRIu64, quota, period)
                          : arena_printf(p->arena, "max %" PRIu64, period),
                text);
}

static int read_quota_v2(struct planner *p, const struct row *row, const char **text) {
    const struct oci_cpu *cpu = p->resources->cpu;
    int64_t quota = get_signed(p, row);
    return quota ? write_cpu_max(p, quota, cpu->has_period ? cpu->period : 0, text) : 0;
}

static int read_period_v2(struct planner *p, const struct row *row, const char **text) {
    const struct oci_cpu *cpu = p->resources->cpu;
    uint64_t period = get_unsigned(p, row);
    return period && !(cpu->has_quota && cpu->quota) ? write_cpu_max(p, 0, period, text) : 0;
}

static int read_burst(struct planner *p, const struct row *row, const char **text) {
    const struct oci_cpu *cpu = p->resources->cpu;
    uint64_t burst = get_unsigned(p, row);
    if (cpu && cpu->has_quota && cpu->quota > 0 && burst > (uint64_t)cpu->quota)
        return refuse(p, row, "cpu burst %" PRIu64 " is more than the quota %" PRId64, burst, cpu->quota);
    return is_present(p, row) ? keep_unsigned(p, burst, text) : 0;
}

unsigned long resources_cpu_weight(unsigned long shares) {
    if (shares == 0)
        return 0;
    if (shares <= SHARES_MIN)
        return 1;
    if (shares >= SHARES_MAX)
        return 10000;
    /* A curve through (2, 1), (1024, 100) and (262144, 10000): both worlds' least, default and most. */
    double l = log2((double)shares);
    return (unsigned long)ceil(pow(10, (l * l + 125 * l) / 612 - 7.0 / 34));
}

/* ---- pids ---- */

/*
 * 0 asks for nothing. By specification 1.3.0 it should be a limit, and runc 1.4 makes it 1. But Podman up to 5 writes 0
 * for --pids-limit=-1 and documents 0 as unlimited (under runc 1.4 its containers could not fork, podman issue 29422),
 * and earlier versions of the specification meant the same; Docker leaves 0 out. Nobody needs a real 0: no process
 * could be cloned into the group.
 */
static int read_pids(struct planner *p, const struct row *row, const char **text) {
    int64_t limit = get_signed(p, row);
    if (limit < 0)
        return keep(p, arena_strdup(p->arena, "max"), text);
    return limit ? keep_signed(p, limit, text) : 0;
}

/* ---- the tables ---- */

/* clang-format off */
static const struct row rows_v1[] = {
    /* before any limit: it decides what they count */
    {"memory/useHierarchy", "memory", "memory.use_hierarchy", read_switch, FIELD(memory, memory, use_hierarchy)},
    {"memory/limit", "memory", "memory.limit_in_bytes", read_bytes_v1,
     FIELD(memory, memory, limit), .reorder = true, .implied = {"-1"}},
    {"memory/swap", "memory", "memory.memsw.limit_in_bytes", read_swap_v1,
     FIELD(memory, memory, swap), .reorder = true, .implied = {"-1"}},
    {"memory/reservation", "memory", "memory.soft_limit_in_bytes", read_bytes_v1,
     FIELD(memory, memory, reservation), .implied = {"-1"}},
    {"memory/kernel", "memory", "memory.kmem.limit_in_bytes", read_bytes_v1,
     FIELD(memory, memory, kernel), .implied = {"-1"}},
    {"memory/kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes", read_bytes_v1,
     FIELD(memory, memory, kernel_tcp), .implied = {"-1"}},
    {"memory/swappiness", "memory", "memory.swappiness", read_swappiness, FIELD(memory, memory, swappiness)},
    {"memory/disableOOMKiller", "memory", "memory.oom_control", read_switch, FIELD(memory, memory, disable_oom_killer)},
    /* idle before shares: a group that is still idle refuses them */
    {"cpu/idle", "cpu", "cpu.idle", read_idle, FIELD(cpu, cpu, idle), .implied = {"0"}},
    {"cpu/shares", "cpu", "cpu.shares", read_shares_v1, FIELD(cpu, cpu, shares)},
    {"cpu/realtimePeriod", "cpu", "cpu.rt_period_us", read_unsigned, FIELD(cpu, cpu, realtime_period), .reorder = true},
    {"cpu/realtimeRuntime", "cpu", "cpu.rt_runtime_us", read_signed,
     FIELD(cpu, cpu, realtime_runtime), .reorder = true},
    {"cpu/period", "cpu", "cpu.cfs_period_us", read_unsigned, FIELD(cpu, cpu, period), .reorder = true},
    {"cpu/quota", "cpu", "cpu.cfs_quota_us", read_quota_v1, FIELD(cpu, cpu, quota), .reorder = true, .implied = {"-1"}},
    {"cpu/burst", "cpu", "cpu.cfs_burst_us", read_burst, FIELD(cpu, cpu, burst), .reorder = true, .implied = {"0"}},
    {"cpu/cpus", "cpuset", "cpuset.cpus", read_text, TEXT(cpu, cpu, cpus)},
    {"cpu/mems", "cpuset", "cpuset.mems", read_text, TEXT(cpu, cpu, mems)},
    {"pids/limit", "pids", "pids.max", read_pids, FIELD(pids, pids, limit), .implied = {"max"}},
};

static const struct row rows_v2[] = {
    /* useHierarchy: cgroup2 is always hierarchical */
    {"memory/swap", "memory", "memory.swap.max", read_swap_v2, FIELD(memory, memory, swap), .implied = {"0", "max"}},
    {"memory/limit", "memory", "memory.max", read_bytes_v2, FIELD(memory, memory, limit), .implied = {"max"}},
    {"memory/reservation", "memory", "memory.low", read_bytes_v2, FIELD(memory, memory, reservation)},
    {"memory/kernel", "memory", NULL, read_limit, FIELD(memory, memory, kernel)},
    {"memory/kernelTCP", "memory", NULL, read_limit, FIELD(memory, memory, kernel_tcp)},
    {"memory/swappiness", "memory", NULL, read_swappiness, FIELD(memory, memory, swappiness)},
    {"memory/disableOOMKiller", "memory", NULL, read_switch, FIELD(memory, memory, disable_oom_killer)},
    {"cpu/idle", "cpu", "cpu.idle", read_idle, FIELD(cpu, cpu, idle), .implied = {"0"}},
    {"cpu/shares", "cpu", "cpu.weight", read_shares_v2, FIELD(cpu, cpu, shares)},
    {"cpu/realtimePeriod", "cpu", NULL, read_unsigned, FIELD(cpu, cpu, realtime_period)},
    {"cpu/realtimeRuntime", "cpu", NULL, read_signed, FIELD(cpu, cpu, realtime_runtime)},
    {"cpu/period", "cpu", "cpu.max", read_period_v2, FIELD(cpu, cpu, period), .reorder = true},
    {"cpu/quota", "cpu", "cpu.max", read_quota_v2, FIELD(cpu, cpu, quota), .reorder = true},
    {"cpu/burst", "cpu", "cpu.max.burst", read_burst, FIELD(cpu, cpu, burst), .reorder = true, .implied = {"0"}},
    {"cpu/cpus", "cpuset", "cpuset.cpus", read_text, TEXT(cpu, cpu, cpus)},
    {"cpu/mems", "cpuset", "cpuset.mems", read_text, TEXT(cpu, cpu, mems)},
    {"pids/limit", "pids", "pids.max", read_pids, FIELD(pids, pids, limit), .implied = {"max"}},
};
/* clang-format on */

/* ---- the list ---- */

static int add_write(struct planner *p, const struct resource_write *write) {
    struct plan_resources *out = p->out;
    if (out->count == p->room) {
        size_t room = p->room ? p->room * 2 : 32;
        struct resource_write *grown = arena_array(p->arena, room, sizeof *grown);
        if (!grown)
            return error_memory(p->err);
        if (out->count > 0)
            memcpy(grown, out->writes, out->count * sizeof *grown);
        out->writes = grown;
        p->room = room;
    }
    out->writes[out->count++] = *write;
    return 0;
}

static int add_to_list(struct resource_list *list, const struct resource_write *write) {
    return add_write(list->context, write);
}

static int plan_row(struct planner *p, const struct row *row) {
    const char *text = NULL;
    int r = row->read(p, row, &text);
    if (r < 0 || !text)
        return r;
    if (!row->file)
        return refuse(p, row, "cgroup2 has nothing like this");
    struct resource_write write = {
        .controller = row->controller,
        .file = row->file,
        .value = text,
        .place = full_place(p, row),
        .reorder = row->reorder,
    };
    for (size_t i = 0; i < TABLE_COUNT(row->implied); i++)
        write.optional |= row->implied[i] && strcmp(row->implied[i], text) == 0;
    return add_write(p, &write);
}

static int plan_rows(struct planner *p, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int r = plan_row(p, &rows[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int plan_limit(struct planner *p, bool unified) {
    const struct oci_memory *memory = p->resources->memory;
    int64_t limit = memory_limit(p);
    if (limit <= 0)
        return 0;
    if (unified && memory->has_check_before_update && memory->check_before_update)
        p->out->usage_below = (uint64_t)limit;
    return keep_signed(p, limit, &p->out->memory_limit);
}

/* An absent list leaves devices alone; an empty one allows the default devices only. */
static int plan_devices(struct planner *p, bool unified) {
    struct device_rules rules;
    struct device_line *lines = NULL;
    size_t count = 0;
    if (!p->resources->devices.items)
        return 0;
    int r = device_rules_collect(p->arena, &p->resources->devices, &rules, p->err);
    if (r == 0 && unified)
        return device_rules_compile(p->arena, &rules, &p->out->device_program, &p->out->device_count, p->err);
    if (r == 0)
        r = device_rules_lines(p->arena, &rules, &lines, &count, p->err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct resource_write write = {
            .controller = "devices",
            .file = lines[i].allow ? "devices.allow" : "devices.deny",
            .value = lines[i].text,
            .place = lines[i].place,
        };
        r = add_write(p, &write);
    }
    return r;
}

int resources_plan(struct arena *arena, const struct oci_resources *resources, bool unified, struct plan_resources *out,
                   struct error *err) {
    struct plan_resources plan = {.writes = NULL};
    struct planner planner = {.arena = arena, .err = err, .resources = resources, .out = &plan};
    int r = 0;
    if (resources) {
        r = unified ? plan_rows(&planner, rows_v2, TABLE_COUNT(rows_v2))
                    : plan_rows(&planner, rows_v1, TABLE_COUNT(rows_v1));
        if (r == 0)
            r = plan_limit(&planner, unified);
        struct resource_list list = {
            .arena = arena, .err = err, .unified = unified, .add = add_to_list, .context = &planner};
        if (r == 0)
            r = resource_lists_plan(&list, resources);
        if (r == 0)
            r = plan_devices(&planner, unified);
        if (r == 0)
            r = resource_lists_plan_unified(&list, resources);
    }
    if (r < 0)
        return r;
    *out = plan;
    return 0;
}
