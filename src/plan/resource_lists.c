/* SPDX-License-Identifier: Apache-2.0 */
/* resource_lists: see resource_lists.h. Pure; runs in life. */
#include "plan/resource_lists.h"

#include "base/table.h"
#include "oci_types.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLACE "/linux/resources/"
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

/* A place that stays in the arena, since writes point to it. */
__attribute__((format(printf, 2, 3))) static const char *place_of(struct resource_list *list, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *place = arena_printf(list->arena, PLACE "%s", text);
    return place ? place : PLACE;
}

/* Adds it when its texts could be made. */
static int add(struct resource_list *list, const struct resource_write *write) {
    bool made = write->value && write->file && (!write->alternative_file || write->alternative_value);
    return made ? list->add(list, write) : error_memory(list->err);
}

static int refuse_v2(struct resource_list *list, const char *place) {
    return error_refuse(list->err, place, "cgroup2 has nothing like this");
}

/* ---- blockIO ---- */

/* cgroup2 counts from 1 to 10000 what v1 and BFQ count from 10 to 1000. */
unsigned resources_io_weight(unsigned weight) {
    return 1 + (weight - WEIGHT_MIN) * 9999 / (WEIGHT_MAX - WEIGHT_MIN);
}

static int check_weight(struct resource_list *list, unsigned weight, const char *place) {
    if (weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)
        return 0;
    return error_refuse(list->err, place, "weight %u is not in %d to %d", weight, WEIGHT_MIN, WEIGHT_MAX);
}

/* `device`: "8:0", or NULL for all that have none of their own. BFQ's file stands in for the usual one where it is. */
static int add_weight(struct resource_list *list, unsigned weight, const char *device, const char *place) {
    struct resource_write w = {.place = place, .line = device ? device : "default"};
    const char *prefix = device ? arena_printf(list->arena, "%s ", device) : "";
    int r = check_weight(list, weight, place);
    if (r < 0)
        return r;
    if (!prefix)
        return error_memory(list->err);
    w.value = arena_printf(list->arena, "%s%u", prefix, weight);
    if (list->unified) {
        w.controller = "io";
        w.file = "io.bfq.weight";
        w.alternative_file = "io.weight";
        w.alternative_value = arena_printf(list->arena, "%s%u", prefix, resources_io_weight(weight));
        w.reset = device ? arena_printf(list->arena, "%sdefault", prefix) : "default 100";
    } else {
        w.controller = "blkio";
        w.file = device ? "blkio.bfq.weight_device" : "blkio.bfq.weight";
        w.alternative_file = device ? "blkio.weight_device" : "blkio.weight";
        w.alternative_value = w.value;
        w.reset = device ? arena_printf(list->arena, "%s0", prefix) : NULL;
    }
    return add(list, &w);
}

static int add_leaf_weight(struct resource_list *list, unsigned weight, const char *device, const char *place) {
    if (list->unified)
        return refuse_v2(list, place);
    int r = check_weight(list, weight, place);
    const struct resource_write w = {.controller = "blkio",
                                     .file = device ? "blkio.leaf_weight_device" : "blkio.leaf_weight",
                                     .value = device ? arena_printf(list->arena, "%s %u", device, weight)
                                                     : arena_printf(list->arena, "%u", weight),
                                     .line = device,
                                     .reset = device ? arena_printf(list->arena, "%s 0", device) : NULL,
                                     .place = place};
    return r < 0 ? r : add(list, &w);
}

/* "MAJOR:MINOR". */
static int name_device(struct resource_list *list, int64_t major, int64_t minor, const char *place, const char **out) {
    if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
        return error_refuse(list->err, place, "%" PRId64 ":%" PRId64 " is not the number of a device", major, minor);
    *out = arena_printf(list->arena, "%" PRId64 ":%" PRId64, major, minor);
    return *out ? 0 : error_memory(list->err);
}

static int plan_weights(struct resource_list *list, const struct oci_block_io *io) {
    int r = 0;
    if (io->has_weight && io->weight)
        r = add_weight(list, io->weight, NULL, place_of(list, "blockIO/weight"));
    if (r == 0 && io->has_leaf_weight && io->leaf_weight)
        r = add_leaf_weight(list, io->leaf_weight, NULL, place_of(list, "blockIO/leafWeight"));
    for (size_t i = 0; r == 0 && i < io->weight_device.count; i++) {
        const struct oci_weight_device *row = &io->weight_device.items[i];
        const char *place = place_of(list, "blockIO/weightDevice/%zu", i), *device = NULL;
        r = name_device(list, row->major, row->minor, place, &device);
        if (r == 0 && row->has_weight && row->weight)
            r = add_weight(list, row->weight, device, place);
        if (r == 0 && row->has_leaf_weight && row->leaf_weight)
            r = add_leaf_weight(list, row->leaf_weight, device, place);
    }
    return r;
}

/* The four lists of rates. */
static const struct rate {
    const char *name, *file, *key; /* file of v1, key in io.max of cgroup2 */
    size_t list;
} rates[] = {
    {"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps",
     offsetof(struct oci_block_io, throttle_read_bps_device)},
    {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps",
     offsetof(struct oci_block_io, throttle_write_bps_device)},
    {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops",
     offsetof(struct oci_block_io, throttle_read_iops_device)},
    {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops",
     offsetof(struct oci_block_io, throttle_write_iops_device)},
};

static const struct oci_throttle_device_array *rates_of(const struct oci_block_io *io, const struct rate *rate) {
    return (const struct oci_throttle_device_array *)(const void *)((const char *)io + rate->list);
}

/* A rate of 0 is no limit: v1 takes it so, cgroup2 calls it max. */
static int add_rate(struct resource_list *list, const struct rate *rate, const struct oci_throttle_device *row,
                    const char *place) {
    const char *device = NULL;
    int r = name_device(list, row->major, row->minor, place, &device);
    if (r < 0)
        return r;
    struct resource_write w = {.place = place, .line = device};
    if (list->unified) {
        /* One line a device, of which a write changes the keys that it names. */
        w.controller = "io";
        w.file = "io.max";
        w.value = row->rate ? arena_printf(list->arena, "%s %s=%" PRIu64, device, rate->key, row->rate)
                            : arena_printf(list->arena, "%s %s=max", device, rate->key);
        w.line = arena_printf(list->arena, "%s %s=", device, rate->key);
        w.reset = arena_printf(list->arena, "%s %s=max", device, rate->key);
    } else {
        w.controller = "blkio";
        w.file = rate->file;
        w.value = arena_printf(list->arena, "%s %" PRIu64, device, row->rate);
        w.reset = arena_printf(list->arena, "%s 0", device);
    }
    return add(list, &w);
}

static int plan_rates(struct resource_list *list, const struct oci_block_io *io) {
    for (size_t k = 0; k < TABLE_COUNT(rates); k++) {
        const struct oci_throttle_device_array *rows = rates_of(io, &rates[k]);
        for (size_t i = 0; i < rows->count; i++) {
            int r = add_rate(list, &rates[k], &rows->items[i], place_of(list, "blockIO/%s/%zu", rates[k].name, i));
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* ---- hugepageLimits ---- */

/*
 * What may be reserved first, then what may be used; older kernels know the latter alone (rsvd: Linux 5.7). On a hybrid
 * host the controller may be cgroup2's.
 */
static int add_hugepages(struct resource_list *list, const struct oci_hugepage_limit *row, const char *place) {
    for (int reserved = 1; reserved >= 0; reserved--) {
        const char *part = reserved ? ".rsvd" : "", *value = arena_printf(list->arena, "%" PRIu64, row->limit);
        const char *v1 = arena_printf(list->arena, "hugetlb.%s%s.limit_in_bytes", row->page_size, part);
        const char *v2 = arena_printf(list->arena, "hugetlb.%s%s.max", row->page_size, part);
        if (!v1 || !v2)
            return error_memory(list->err);
        const struct resource_write w = {.controller = "hugetlb",
                                         .file = list->unified ? v2 : v1,
                                         .value = value,
                                         .alternative_file = list->unified ? NULL : v2,
                                         .alternative_value = list->unified ? NULL : value,
                                         .place = place,
                                         .may_lack = reserved};
        int r = add(list, &w);
        if (r < 0)
            return r;
    }
    return 0;
}

static int plan_hugepages(struct resource_list *list, const struct oci_resources *resources) {
    const struct oci_hugepage_limit_array *rows = &resources->hugepage_limits;
    for (size_t i = 0; i < rows->count; i++) {
        const char *place = place_of(list, "hugepageLimits/%zu", i);
        for (size_t before = 0; before < i; before++)
            if (strcmp(rows->items[before].page_size, rows->items[i].page_size) == 0)
                return error_refuse(list->err, place, "duplicate page size %s", rows->items[i].page_size);
        int r = add_hugepages(list, &rows->items[i], place);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- network ---- */

static int plan_network(struct resource_list *list, const struct oci_network *network) {
    int r = 0;
    if (network->has_class_id && network->class_id) {
        const struct resource_write w = {.controller = "net_cls",
                                         .file = "net_cls.classid",
                                         .value = arena_printf(list->arena, "%" PRIu32, network->class_id),
                                         .place = place_of(list, "network/classID")};
        r = list->unified ? refuse_v2(list, w.place) : add(list, &w);
    }
    for (size_t i = 0; r == 0 && i < network->priorities.count; i++) {
        const struct oci_interface_priority *row = &network->priorities.items[i];
        const char *place = place_of(list, "network/priorities/%zu", i);
        if (!*row->name || row->name[strcspn(row->name, " \t\n")])
            return error_refuse(list->err, place, "\"%.32s\" is not the name of an interface", row->name);
        const struct resource_write w = {.controller = "net_prio",
                                         .file = "net_prio.ifpriomap",
                                         .value = arena_printf(list->arena, "%s %" PRIu32, row->name, row->priority),
                                         .line = row->name,
                                         .reset = arena_printf(list->arena, "%s 0", row->name),
                                         .place = place};
        r = list->unified ? refuse_v2(list, place) : add(list, &w);
    }
    return r;
}

/* ---- rdma ---- */

static const char *rdma_limit(struct resource_list *list, const char *key, bool has, uint32_t limit) {
    return has ? arena_printf(list->arena, " %s=%" PRIu32, key, limit) : "";
}

static int plan_rdma(struct resource_list *list, const struct oci_resources *resources) {
    for (size_t i = 0; i < resources->rdma.count; i++) {
        const struct oci_rdma_entry *row = &resources->rdma.items[i];
        const char *place = place_of(list, "rdma/%.64s", row->key);
        if (row->key[strcspn(row->key, " \t\n")])
            return error_refuse(list->err, place, "\"%.32s\" is not the name of a device", row->key);
        const char *handles = rdma_limit(list, "hca_handle", row->value.has_hca_handles, row->value.hca_handles);
        const char *objects = rdma_limit(list, "hca_object", row->value.has_hca_objects, row->value.hca_objects);
        const struct resource_write w = {
            .controller = "rdma",
            .file = "rdma.max",
            .value = handles && objects ? arena_printf(list->arena, "%s%s%s", row->key, handles, objects) : NULL,
            .line = row->key,
            .reset = arena_printf(list->arena, "%s hca_handle=max hca_object=max", row->key),
            .place = place};
        int r = add(list, &w);
        if (r < 0)
            return r;
    }
    return 0;
}

int resource_lists_plan(struct resource_list *list, const struct oci_resources *resources) {
    int r = resources->block_io ? plan_weights(list, resources->block_io) : 0;
    if (r == 0 && resources->block_io)
        r = plan_rates(list, resources->block_io);
    if (r == 0)
        r = plan_hugepages(list, resources);
    if (r == 0 && resources->network)
        r = plan_network(list, resources->network);
    return r < 0 ? r : plan_rdma(list, resources);
}

/* ---- unified ---- */

/* Of the files of cgroup2 itself only these are limits: the others would move, kill or freeze behind our back. */
static const char *const core_files[] = {"cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"};

static int check_unified(struct resource_list *list, const char *file, const char *place) {
    const char *dot = strchr(file, '.');
    if (strchr(file, '/') || !dot || dot == file || !dot[1] || strlen(file) > NAME_MAX)
        return error_refuse(list->err, place, "unified: \"%.64s\" is not the name of a cgroup2 file", file);
    if (strncmp(file, "cgroup.", 7) != 0)
        return 0;
    for (size_t i = 0; i < TABLE_COUNT(core_files); i++)
        if (strcmp(file, core_files[i]) == 0)
            return 0;
    return error_refuse(list->err, place, "unified: %.64s is not a limit, and not for a config to write", file);
}

/* One line of a value. In files with a line a device, an update must know which one it is about. */
static int add_unified(struct resource_list *list, const char *file, const char *value, size_t len, const char *place) {
    const char *text = arena_strndup(list->arena, value, len);
    size_t word = strcspn(value, " \n"), name = strcspn(file, ".");
    bool keyed = word < len && memchr(value, ':', word);
    const struct resource_write w = {.controller =
                                         strncmp(file, "cgroup.", 7) == 0 ? "" : arena_strndup(list->arena, file, name),
                                     .file = file,
                                     .value = text,
                                     .line = keyed ? arena_strndup(list->arena, value, word) : NULL,
                                     .place = place};
    return w.controller ? add(list, &w) : error_memory(list->err);
}

int resource_lists_plan_unified(struct resource_list *list, const struct oci_resources *resources) {
    for (size_t i = 0; i < resources->unified.count; i++) {
        const struct oci_string_entry *row = &resources->unified.items[i];
        const char *place = place_of(list, "unified/%.80s", row->key);
        if (!list->unified)
            return error_refuse(list->err, place, "invalid configuration: cannot set unified resources on cgroup v1");
        int r = check_unified(list, row->key, place);
        for (const char *line = row->value; r == 0 && *line;) {
            size_t len = strcspn(line, "\n");
            if (len > 0)
                r = add_unified(list, row->key, line, len, place);
            line += len + (line[len] == '\n');
        }
        if (r < 0)
            return r;
    }
    return 0;
}
