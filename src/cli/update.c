/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: new limits, from a JSON document or from options, of which such a document is made. Runs in the command line.
 */
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/verb.h"

#include "base/fd.h"
#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define DOCUMENT_MAX ((size_t)16 * 1024 * 1024)

enum property {
    MEMORY,
    MEMORY_RESERVATION,
    MEMORY_SWAP,
    KERNEL_MEMORY,
    KERNEL_MEMORY_TCP,
    CPU_SHARE,
    CPU_QUOTA,
    CPU_PERIOD,
    CPU_BURST,
    CPU_RT_RUNTIME,
    CPU_RT_PERIOD,
    CPU_IDLE,
    CPUSET_CPUS,
    CPUSET_MEMS,
    PIDS_LIMIT,
    BLKIO_WEIGHT,
    PROPERTY_COUNT
};

struct update_options {
    const char *values[PROPERTY_COUNT];
    const char *resources, *l3_cache_schema, *mem_bw_schema;
};

#define FIELD(member) offsetof(struct update_options, member)
#define VALUE(property) (offsetof(struct update_options, values) + (property) * sizeof(const char *))

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(resources), "resources", 'r', "FILE",
               "limits as JSON, as linux.resources of config.json; -: from standard input"),
    OPTION_ROW(TEXT, VALUE(MEMORY), "memory", 0, "BYTES", "memory; -1: no limit"),
    OPTION_ROW(TEXT, VALUE(MEMORY_RESERVATION), "memory-reservation", 0, "BYTES", "memory kept from being reclaimed"),
    OPTION_ROW(TEXT, VALUE(MEMORY_SWAP), "memory-swap", 0, "BYTES", "memory and swap together; -1: no limit"),
    OPTION_ROW(TEXT, VALUE(CPU_SHARE), "cpu-share", 0, "NUMBER", "weight against others, 2 to 262144"),
    OPTION_ROW(TEXT, VALUE(CPU_QUOTA), "cpu-quota", 0, "USEC", "processor time in each period; -1: no limit"),
    OPTION_ROW(TEXT, VALUE(CPU_PERIOD), "cpu-period", 0, "USEC", "the period of the quota"),
    OPTION_ROW(TEXT, VALUE(CPU_BURST), "cpu-burst", 0, "USEC", "unused quota that may be saved up"),
    OPTION_ROW(TEXT, VALUE(CPU_RT_RUNTIME), "cpu-rt-runtime", 0, "USEC", "realtime in each realtime period (v1)"),
    OPTION_ROW(TEXT, VALUE(CPU_RT_PERIOD), "cpu-rt-period", 0, "USEC", "the realtime period (v1)"),
    OPTION_ROW(TEXT, VALUE(CPU_IDLE), "cpu-idle", 0, "0|1", "1: only the processor time that nobody else wants"),
    OPTION_ROW(STRING, VALUE(CPUSET_CPUS), "cpuset-cpus", 0, "LIST", "processors, as 0-2,5"),
    OPTION_ROW(STRING, VALUE(CPUSET_MEMS), "cpuset-mems", 0, "LIST", "memory nodes"),
    OPTION_ROW(TEXT, VALUE(PIDS_LIMIT), "pids-limit", 0, "NUMBER", "processes and threads; -1: no limit"),
    OPTION_ROW(TEXT, VALUE(BLKIO_WEIGHT), "blkio-weight", 0, "NUMBER", "weight of block I/O, 10 to 1000"),
    OPTION_ROW(TEXT, FIELD(l3_cache_schema), "l3-cache-schema", 0, "TEXT", "Intel RDT: L3 cache"),
    OPTION_ROW(TEXT, FIELD(mem_bw_schema), "mem-bw-schema", 0, "TEXT", "Intel RDT: memory bandwidth"),
    OPTION_ROW(TEXT, VALUE(KERNEL_MEMORY), "kernel-memory", 0, "BYTES", "obsolete, without effect"),
    OPTION_ROW(TEXT, VALUE(KERNEL_MEMORY_TCP), "kernel-memory-tcp", 0, "BYTES", "obsolete, without effect"),
};

/* ---- numbers ---- */

/* Bytes: a decimal number, then k, m, g, t or p for powers of 1024, in either case, and then b or ib; or -1. */
static int parse_size(const char *text, int64_t *out) {
    static const char units[] = "kmgtp";
    size_t digits = strspn(text, "0123456789");
    char number[24] = "";
    uint64_t value, scale = 1;
    if (strcmp(text, "-1") == 0) {
        *out = -1;
        return 0;
    }
    if (digits == 0)
        return -EINVAL;
    if (digits >= sizeof number)
        return -ERANGE;
    memcpy(number, text, digits);
    const char *rest = text + digits;
    const char *unit = *rest ? strchr(units, *rest | 0x20) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        scale *= 1024;
    rest += unit != NULL;
    if (*rest && strcasecmp(rest, "b") != 0 && (!unit || strcasecmp(rest, "ib") != 0))
        return -EINVAL;
    int r = number_parse_u64(number, INT64_MAX, &value);
    if (r == 0 && (uint64_t)INT64_MAX / scale < value)
        r = -ERANGE;
    if (r == 0)
        *out = (int64_t)(value * scale);
    return r;
}

static int add_size(struct text *output, const char *text) {
    int64_t value = 0;
    int r = parse_size(text, &value);
    output_format(output, "%" PRId64, value);
    return r;
}

static int add_signed(struct text *output, const char *text) {
    int64_t value = 0;
    int r = number_parse_i64(text, INT64_MIN, INT64_MAX, &value);
    output_format(output, "%" PRId64, value);
    return r;
}

static int add_unsigned(struct text *output, const char *text) {
    uint64_t value = 0;
    int r = number_parse_u64(text, UINT64_MAX, &value);
    output_format(output, "%" PRIu64, value);
    return r;
}

static int add_weight(struct text *output, const char *text) {
    uint64_t value = 0;
    int r = number_parse_u64(text, UINT16_MAX, &value);
    output_format(output, "%" PRIu64, value);
    return r;
}

static int add_text(struct text *output, const char *text) {
    output_add(output, "\"");
    output_clean(output, text, true);
    output_add(output, "\"");
    return 0;
}

/* ---- the document ---- */

/* Properties of one section stand together. */
static const struct {
    const char *section, *key, *option;
    int (*add)(struct text *output, const char *text);
} properties[PROPERTY_COUNT] = {
    [MEMORY] = {"memory", "limit", "memory", add_size},
    [MEMORY_RESERVATION] = {"memory", "reservation", "memory-reservation", add_size},
    [MEMORY_SWAP] = {"memory", "swap", "memory-swap", add_size},
    [KERNEL_MEMORY] = {"memory", "kernel", "kernel-memory", add_size},
    [KERNEL_MEMORY_TCP] = {"memory", "kernelTCP", "kernel-memory-tcp", add_size},
    [CPU_SHARE] = {"cpu", "shares", "cpu-share", add_unsigned},
    [CPU_QUOTA] = {"cpu", "quota", "cpu-quota", add_signed},
    [CPU_PERIOD] = {"cpu", "period", "cpu-period", add_unsigned},
    [CPU_BURST] = {"cpu", "burst", "cpu-burst", add_unsigned},
    [CPU_RT_RUNTIME] = {"cpu", "realtimeRuntime", "cpu-rt-runtime", add_signed},
    [CPU_RT_PERIOD] = {"cpu", "realtimePeriod", "cpu-rt-period", add_unsigned},
    [CPU_IDLE] = {"cpu", "idle", "cpu-idle", add_signed},
    [CPUSET_CPUS] = {"cpu", "cpus", "cpuset-cpus", add_text},
    [CPUSET_MEMS] = {"cpu", "mems", "cpuset-mems", add_text},
    [PIDS_LIMIT] = {"pids", "limit", "pids-limit", add_signed},
    [BLKIO_WEIGHT] = {"blockIO", "weight", "blkio-weight", add_weight},
};

static int compose(struct text *output, const char *const *values, struct berth_error *error) {
    const char *section = NULL;
    output_add(output, "{");
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        if (!values[i])
            continue;
        if (section && strcmp(section, properties[i].section) == 0)
            output_format(output, ",\"%s\":", properties[i].key);
        else
            output_format(output, "%s\"%s\":{\"%s\":", section ? "}," : "", properties[i].section, properties[i].key);
        section = properties[i].section;
        int r = properties[i].add(output, values[i]);
        if (r == -ERANGE)
            return failure_set(error, ERANGE, "update: --%s: %s is out of range", properties[i].option, values[i]);
        if (r < 0)
            return failure_set(error, EINVAL, "update: --%s: expected a number%s, found \"%s\"", properties[i].option,
                               properties[i].add == add_size ? " of bytes (or one with k, m, g, t or p behind it)" : "",
                               values[i]);
    }
    output_add(output, section ? "}}" : "}");
    return output->failed ? failure_set(error, ENOMEM, "out of memory") : 0;
}

static int read_document(const char *name, char **text, size_t *len, struct berth_error *error) {
    const bool given = strcmp(name, "-") == 0;
    own_fd file = given ? -1 : fd_open(name, O_RDONLY);
    int r = !given && file < 0 ? -errno : fd_read_all(given ? STDIN_FILENO : file, DOCUMENT_MAX, text, len);
    return r < 0 ? failure_code(error, -r, "update: read resources from %s", given ? "standard input" : name) : 0;
}

static const char *first_given(const struct update_options *options) {
    for (size_t i = 0; i < PROPERTY_COUNT; i++)
        if (options->values[i])
            return properties[i].option;
    return NULL;
}

static int update(const struct call *call, struct berth_error *error) {
    const struct update_options *options = call->options;
    const char *option = first_given(options);
    own_output output = OUTPUT_INIT;
    own_memory char *document = NULL;
    struct berth_update request = {.resources = NULL};
    if (options->l3_cache_schema || options->mem_bw_schema)
        return failure_set(error, ENOTSUP, "update: --%s is not supported yet",
                           options->l3_cache_schema ? "l3-cache-schema" : "mem-bw-schema");
    if (options->resources && option)
        return failure_set(error, EINVAL, "update: --%s cannot be given together with --resources", option);
    int r = options->resources ? read_document(options->resources, &document, &request.size, error)
                               : compose(&output, options->values, error);
    if (r < 0)
        return r;
    request.resources = document ? document : output.data;
    if (!document)
        request.size = output.len;
    return berth_update(call->runtime, call->args[0], &request, error);
}

const struct verb verb_update = {
    .name = "update",
    .arguments = "ID",
    .summary = "change the limits of a container",
    .details = "BYTES may end in k, m, g, t or p for powers of 1024. What is not named, or is 0, stays as it is.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct update_options),
    .min = 1,
    .max = 1,
    .run = update,
};
