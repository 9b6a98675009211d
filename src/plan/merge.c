/* SPDX-License-Identifier: Apache-2.0 */
/* merge: see merge.h. Pure; runs in life. A new property of memory, cpu or pids is a row in the table. */
#include "plan/merge.h"

#include "base/table.h"
#include "oci_types.h"

#include <stdint.h>
#include <string.h>

#define PLACE "/linux/resources/"

enum kind {
    KIND_AMOUNT, /* 64 bits, signed or not; 0 names nothing */
    KIND_NUMBER, /* 64 bits; any value that is there names it */
    KIND_SWITCH, /* bool, the same */
    KIND_TEXT    /* const char *; "" names nothing */
};

struct row {
    const char *place; /* below PLACE */
    enum kind kind;
    size_t section, value, present; /* of the property: section in struct oci_resources, the others in that */
};

#define ROW(kind_, part, name_, place_)                                                                                \
    {                                                                                                                  \
        .place = (place_), .kind = KIND_##kind_, .section = offsetof(struct oci_resources, part),                      \
        .value = offsetof(struct oci_##part, name_), .present = offsetof(struct oci_##part, has_##name_)               \
    }
#define TEXT_ROW(part, name_, place_)                                                                                  \
    {                                                                                                                  \
        .place = (place_), .kind = KIND_TEXT, .section = offsetof(struct oci_resources, part),                         \
        .value = offsetof(struct oci_##part, name_)                                                                    \
    }

static const struct row rows[] = {
    ROW(AMOUNT, memory, limit, "memory/limit"),
    ROW(AMOUNT, memory, reservation, "memory/reservation"),
    ROW(AMOUNT, memory, swap, "memory/swap"),
    ROW(NUMBER, memory, swappiness, "memory/swappiness"),
    ROW(SWITCH, memory, disable_oom_killer, "memory/disableOOMKiller"),
    ROW(SWITCH, memory, use_hierarchy, "memory/useHierarchy"),
    ROW(SWITCH, memory, check_before_update, "memory/checkBeforeUpdate"),
    ROW(AMOUNT, cpu, shares, "cpu/shares"),
    ROW(AMOUNT, cpu, quota, "cpu/quota"),
    ROW(NUMBER, cpu, burst, "cpu/burst"),
    ROW(AMOUNT, cpu, period, "cpu/period"),
    ROW(AMOUNT, cpu, realtime_runtime, "cpu/realtimeRuntime"),
    ROW(AMOUNT, cpu, realtime_period, "cpu/realtimePeriod"),
    ROW(NUMBER, cpu, idle, "cpu/idle"),
    TEXT_ROW(cpu, cpus, "cpu/cpus"),
    TEXT_ROW(cpu, mems, "cpu/mems"),
    ROW(AMOUNT, pids, limit, "pids/limit"),
};

static const char *find_section(const struct oci_resources *resources, const struct row *row) {
    const char *section;
    memcpy(&section, (const char *)resources + row->section, sizeof section);
    return section;
}

static bool is_named(const struct oci_resources *change, const struct row *row) {
    const char *section = find_section(change, row), *text = NULL;
    bool present = false;
    uint64_t amount = 0;
    if (!section)
        return false;
    if (row->kind == KIND_TEXT) {
        memcpy(&text, section + row->value, sizeof text);
        return text && *text;
    }
    memcpy(&present, section + row->present, sizeof present);
    if (row->kind == KIND_AMOUNT)
        memcpy(&amount, section + row->value, sizeof amount);
    return present && (row->kind != KIND_AMOUNT || amount != 0);
}

static const size_t sizes[] = {
    [KIND_AMOUNT] = sizeof(uint64_t),
    [KIND_NUMBER] = sizeof(uint64_t),
    [KIND_SWITCH] = sizeof(bool),
    [KIND_TEXT] = sizeof(const char *),
};

static void take(struct oci_resources *out, const struct oci_resources *change, const struct row *row) {
    const bool present = true;
    char *section;
    memcpy(&section, (const char *)out + row->section, sizeof section);
    memcpy(section + row->value, find_section(change, row) + row->value, sizes[row->kind]);
    if (row->kind != KIND_TEXT)
        memcpy(section + row->present, &present, sizeof present);
}

/* A section of the result's own: what the old one has, or empty. */
static void *copy_section(struct arena *arena, const void *old, size_t size) {
    void *copy = arena_alloc(arena, size);
    if (copy && old)
        memcpy(copy, old, size);
    return copy;
}

/* The sections that have no row here: resources_plan refuses each that asks for something, so whole ones will do. */
static void take_sections(struct oci_resources *out, const struct oci_resources *change) {
    if (change->unified.count > 0)
        out->unified = change->unified;
    if (change->hugepage_limits.count > 0)
        out->hugepage_limits = change->hugepage_limits;
    if (change->rdma.count > 0)
        out->rdma = change->rdma;
    if (change->block_io)
        out->block_io = change->block_io;
    if (change->network)
        out->network = change->network;
}

int merge_resources(struct arena *arena, const struct oci_resources *old, const struct oci_resources *change,
                    const struct oci_resources **out, struct error *err) {
    static const struct oci_resources none = {.memory = NULL};
    const struct oci_resources *from = old ? old : &none;
    struct oci_resources *merged = copy_section(arena, from, sizeof *merged);
    if (!merged)
        return error_memory(err);
    merged->memory = copy_section(arena, from->memory, sizeof *merged->memory);
    merged->cpu = copy_section(arena, from->cpu, sizeof *merged->cpu);
    merged->pids = copy_section(arena, from->pids, sizeof *merged->pids);
    if (!merged->memory || !merged->cpu || !merged->pids)
        return error_memory(err);
    for (size_t i = 0; i < TABLE_COUNT(rows); i++)
        if (is_named(change, &rows[i]))
            take(merged, change, &rows[i]);
    if (merge_names(change, PLACE "memory/limit") && change->memory->limit == -1 &&
        !merge_names(change, PLACE "memory/swap")) {
        merged->memory->swap = -1;
        merged->memory->has_swap = true;
    }
    if (!merged->pids->has_limit) /* which the specification requires of the section */
        merged->pids = NULL;
    take_sections(merged, change);
    *out = merged;
    return 0;
}

bool merge_names(const struct oci_resources *change, const char *place) {
    for (size_t i = 0; i < TABLE_COUNT(rows); i++)
        if (strncmp(place, PLACE, sizeof PLACE - 1) == 0 && strcmp(place + sizeof PLACE - 1, rows[i].place) == 0)
            return is_named(change, &rows[i]);
    return false;
}
