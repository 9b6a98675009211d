/* SPDX-License-Identifier: Apache-2.0 */
/* merge: see merge.h. Pure; runs in life. A new property of memory, cpu or pids is a row in the table. */
#include "plan/merge.h"

#include "base/table.h"
#include "oci_types.h"

#include <errno.h>
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

/* ---- lists: what names the same thing replaces it, what is new goes behind ---- */

typedef bool same_item(const void *a, const void *b);

/* *items and *count become those of the merged list; 0 or -ENOMEM. */
static int merge_list(struct arena *arena, void **items, size_t *count, const void *new, size_t new_count, size_t size,
                      same_item *same) {
    if (new_count == 0)
        return 0;
    char *merged = arena_array(arena, *count + new_count, size);
    if (!merged)
        return -ENOMEM;
    if (*count > 0)
        memcpy(merged, *items, *count * size);
    size_t total = *count;
    for (size_t i = 0; i < new_count; i++) {
        const char *item = (const char *)new + i *size;
        size_t at = 0;
        while (at < total && !same(merged + at * size, item))
            at++;
        memcpy(merged + at * size, item, size);
        total += at == total;
    }
    *items = merged;
    *count = total;
    return 0;
}

static bool same_throttle(const void *a, const void *b) {
    const struct oci_throttle_device *x = a, *y = b;
    return x->major == y->major && x->minor == y->minor;
}

static bool same_weight(const void *a, const void *b) {
    const struct oci_weight_device *x = a, *y = b;
    return x->major == y->major && x->minor == y->minor;
}

static bool same_page(const void *a, const void *b) {
    const struct oci_hugepage_limit *x = a, *y = b;
    return strcmp(x->page_size, y->page_size) == 0;
}

static bool same_interface(const void *a, const void *b) {
    const struct oci_interface_priority *x = a, *y = b;
    return strcmp(x->name, y->name) == 0;
}

static bool same_rdma(const void *a, const void *b) {
    const struct oci_rdma_entry *x = a, *y = b;
    return strcmp(x->key, y->key) == 0;
}

static bool same_text(const void *a, const void *b) {
    const struct oci_string_entry *x = a, *y = b;
    return strcmp(x->key, y->key) == 0;
}

#define MERGE(list, same)                                                                                              \
    merge_list(arena, (void **)&out->list.items, &out->list.count, change->list.items, change->list.count,             \
               sizeof *change->list.items, same)

static int merge_block_io(struct arena *arena, struct oci_block_io *out, const struct oci_block_io *change) {
    if (change->has_weight && change->weight) {
        out->has_weight = true;
        out->weight = change->weight;
    }
    if (change->has_leaf_weight && change->leaf_weight) {
        out->has_leaf_weight = true;
        out->leaf_weight = change->leaf_weight;
    }
    int r = MERGE(weight_device, same_weight);
    if (r == 0)
        r = MERGE(throttle_read_bps_device, same_throttle);
    if (r == 0)
        r = MERGE(throttle_write_bps_device, same_throttle);
    if (r == 0)
        r = MERGE(throttle_read_iops_device, same_throttle);
    return r < 0 ? r : MERGE(throttle_write_iops_device, same_throttle);
}

static int merge_network(struct arena *arena, struct oci_network *out, const struct oci_network *change) {
    if (change->has_class_id && change->class_id) {
        out->has_class_id = true;
        out->class_id = change->class_id;
    }
    return MERGE(priorities, same_interface);
}

/* The sections that have no row here. */
static int merge_sections(struct arena *arena, struct oci_resources *out, const struct oci_resources *change) {
    int r = MERGE(unified, same_text);
    if (r == 0)
        r = MERGE(hugepage_limits, same_page);
    if (r == 0)
        r = MERGE(rdma, same_rdma);
    if (r == 0 && change->block_io) {
        out->block_io = copy_section(arena, out->block_io, sizeof *out->block_io);
        r = out->block_io ? merge_block_io(arena, out->block_io, change->block_io) : -ENOMEM;
    }
    if (r == 0 && change->network) {
        out->network = copy_section(arena, out->network, sizeof *out->network);
        r = out->network ? merge_network(arena, out->network, change->network) : -ENOMEM;
    }
    return r;
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
    if (merge_sections(arena, merged, change) < 0)
        return error_memory(err);
    *out = merged;
    return 0;
}

bool merge_names(const struct oci_resources *change, const char *place) {
    for (size_t i = 0; i < TABLE_COUNT(rows); i++)
        if (strncmp(place, PLACE, sizeof PLACE - 1) == 0 && strcmp(place + sizeof PLACE - 1, rows[i].place) == 0)
            return is_named(change, &rows[i]);
    return false;
}
