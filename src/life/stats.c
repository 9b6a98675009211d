/* SPDX-License-Identifier: Apache-2.0 */
/* stats: see stats.h. The table `document` at the end is the object, from top to bottom. */
#include "life/stats.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "life/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A line for each processor or disk: some ten thousands of either fit. */
#define FILE_MAX ((size_t)16 * 1024 * 1024)
#define CPU_MAX 65535 /* of a list of processors */

#define BLANKS " \t"

/* A file that was read, kept until the end: what belongs together is of one moment. */
struct text {
    const struct text *next;
    const char *controller, *name, *text; /* text NULL: there is none */
};

struct stats {
    const struct cgroup *group;
    FILE *out;
    bool more; /* a value stands before at this level: the next one comes behind a comma */
    struct arena arena;
    const struct text *texts;
    struct error *err;
};

/* Where one value comes from. */
struct source {
    const char *file; /* NULL: from nowhere */
    const char *key;  /* of the line it stands in; NULL: the file is the value */
    const char *plus; /* a file whose number is added */
    uint64_t scale;   /* 0: as it is */
};

struct row {
    const char *key; /* in the JSON object; NULL: the end of an object */
    int (*put)(struct stats *s, const struct row *row, const struct source *source);
    const char *controller; /* of cgroup v1; "" is cgroup2 itself */
    struct source v1, v2;
};

/* ---- text out ---- */

void stats_write_string(FILE *out, const char *text, size_t len) {
    putc('"', out);
    for (const char *c = text; c < text + len; c++) {
        if (*c == '"' || *c == '\\')
            putc('\\', out);
        if (*c >= 0x20 && *c < 0x7f)
            putc(*c, out);
        else
            fprintf(out, "\\u%04x", (unsigned char)*c);
    }
    putc('"', out);
}

static void separate(struct stats *s) {
    if (s->more)
        putc(',', s->out);
    s->more = true;
}

static void open_with(struct stats *s, char bracket) {
    putc(bracket, s->out);
    s->more = false;
}

static void close_with(struct stats *s, char bracket) {
    putc(bracket, s->out);
    s->more = true;
}

static void put_key(struct stats *s, const char *key, size_t len) {
    separate(s);
    stats_write_string(s->out, key, len);
    putc(':', s->out);
}

static void put_member(struct stats *s, const char *key, uint64_t value) {
    put_key(s, key, strlen(key));
    fprintf(s->out, "%" PRIu64, value);
}

/* ---- text in ---- */

/* Whether the file or all of its controller is missing, and not the reading of it. */
static bool is_missing(int r) {
    return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP;
}

/* A file of the container's cgroup; *out NULL: there is none. */
static int read_text(struct stats *s, const char *controller, const char *name, const char **out) {
    struct error missing = ERROR_INIT;
    own_memory char *text = NULL;
    size_t len = 0;
    if (cgroup_is_unified(s->group, controller)) /* one directory for them all */
        controller = "";
    for (const struct text *known = s->texts; known; known = known->next)
        if (strcmp(known->name, name) == 0 && strcmp(known->controller, controller) == 0) {
            *out = known->text;
            return 0;
        }
    own_fd fd = cgroup_open_file(s->group, controller, name, &missing);
    int r = fd < 0 ? fd : fd_read_all(fd, FILE_MAX, &text, &len);
    if (r < 0 && !is_missing(r))
        return error_code(s->err, -r, "read %s of the container's cgroup", name);
    struct text *kept = arena_alloc(&s->arena, sizeof *kept);
    char *copy = text ? arena_strndup(&s->arena, text, len) : NULL;
    if (!kept || (text && !copy))
        return error_memory(s->err);
    *kept = (struct text){.next = s->texts, .controller = controller, .name = name, .text = copy};
    s->texts = kept;
    *out = copy;
    return 0;
}

/* Steps over a decimal number that a blank, a colon or the end of the line follows, or "max": no limit. */
static bool take_number(const char **at, uint64_t *out) {
    const size_t len = strcspn(*at, BLANKS ":\n");
    char number[24] = "";
    if (len == 0 || len >= sizeof number)
        return false;
    memcpy(number, *at, len);
    if (strcmp(number, "max") == 0)
        *out = UINT64_MAX;
    else if (number_parse_u64(number, UINT64_MAX, out) < 0)
        return false;
    *at += len;
    return true;
}

/* What stands behind "KEY " or "KEY=" at the start of a line or of a word of it, up to the end of the text. */
static const char *find_word(const char *text, const char *key, const char *between, char behind) {
    const size_t len = strlen(key);
    while (*text) {
        if (strncmp(text, key, len) == 0 && text[len] == behind)
            return text + len + 1;
        text += strcspn(text, between);
        text += strspn(text, between);
    }
    return NULL;
}

static const char *next_line(const char *text) {
    text += strcspn(text, "\n");
    return text + (*text == '\n');
}

static int refuse(struct stats *s, const char *file, const char *found) {
    return error_set(s->err, EBADMSG, "%s of the container's cgroup: expected a number, found \"%.*s\"", file,
                     (int)strcspn(found, "\n"), found);
}

static int read_number(struct stats *s, const char *controller, const char *file, const char *key, uint64_t *out) {
    const char *text = NULL;
    uint64_t value = 0;
    int r = read_text(s, controller, file, &text);
    if (r < 0)
        return r;
    const char *at = text && key ? find_word(text, key, "\n", ' ') : text;
    const char *end = at;
    if (at && !take_number(&end, &value))
        return refuse(s, file, at);
    *out = value;
    return 0;
}

/* ---- values ---- */

static int begin(struct stats *s, const struct row *row, const struct source *source) {
    (void)source;
    put_key(s, row->key, strlen(row->key));
    open_with(s, '{');
    return 0;
}

static int end(struct stats *s, const struct row *row, const struct source *source) {
    (void)row, (void)source;
    close_with(s, '}');
    return 0;
}

static uint64_t add(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t scaled(uint64_t value, uint64_t scale) {
    return scale && value > UINT64_MAX / scale ? UINT64_MAX : value * (scale ? scale : 1);
}

static int put_number(struct stats *s, const struct row *row, const struct source *source) {
    uint64_t value = 0, more = 0;
    int r = source->file ? read_number(s, row->controller, source->file, source->key, &value) : 0;
    if (r == 0 && source->plus)
        r = read_number(s, row->controller, source->plus, NULL, &more);
    if (r == 0)
        put_member(s, row->key, add(scaled(value, source->scale), more));
    return r;
}

/* A number that may be negative. */
static int put_signed(struct stats *s, const struct row *row, const struct source *source) {
    const char *text = NULL;
    uint64_t value = 0;
    int r = source->file ? read_text(s, row->controller, source->file, &text) : 0;
    if (r < 0)
        return r;
    const bool negative = text && *text == '-';
    const char *at = text ? text + negative : NULL;
    if (at && !take_number(&at, &value))
        return refuse(s, source->file, text);
    put_key(s, row->key, strlen(row->key));
    fprintf(s->out, "%s%" PRIu64, negative ? "-" : "", value);
    return 0;
}

/* The opening of an array or object of what stands in a file; *text "" when there is none. */
static int begin_list(struct stats *s, const struct row *row, const struct source *source, char bracket,
                      const char **text) {
    *text = NULL;
    int r = source->file ? read_text(s, row->controller, source->file, text) : 0;
    if (r < 0)
        return r;
    *text = *text ? *text : "";
    put_key(s, row->key, strlen(row->key));
    open_with(s, bracket);
    return 0;
}

static void put_item(struct stats *s, uint64_t value) {
    separate(s);
    fprintf(s->out, "%" PRIu64, value);
}

/* "12 0 7": one number a processor. */
static int put_numbers(struct stats *s, const struct row *row, const struct source *source) {
    const char *at;
    uint64_t value;
    int r = begin_list(s, row, source, '[', &at);
    if (r < 0)
        return r;
    for (at += strspn(at, BLANKS "\n"); *at; at += strspn(at, BLANKS "\n")) {
        if (!take_number(&at, &value))
            return refuse(s, source->file, at);
        put_item(s, value);
    }
    close_with(s, ']');
    return 0;
}

/* "cpu user system" and then a line for each processor, "0 12 7": the column that source->key is the heading of. */
static int put_column(struct stats *s, const struct row *row, const struct source *source) {
    const char *line;
    int r = begin_list(s, row, source, '[', &line);
    if (r < 0)
        return r;
    const bool second = source->key && strcmp(source->key, "system") == 0;
    for (line = next_line(line); *line; line = next_line(line)) {
        const char *at = line;
        uint64_t cpu, user, system;
        if (!take_number(&at, &cpu) || *at++ != ' ' || !take_number(&at, &user) || *at++ != ' ' ||
            !take_number(&at, &system))
            return refuse(s, source->file, line);
        put_item(s, second ? system : user);
    }
    close_with(s, ']');
    return 0;
}

static bool take_cpu(const char **at, uint64_t *out) {
    const size_t len = strspn(*at, "0123456789");
    char number[8] = "";
    if (len == 0 || len >= sizeof number)
        return false;
    memcpy(number, *at, len);
    *at += len;
    return number_parse_u64(number, CPU_MAX, out) == 0;
}

/* "0-2,5": [0,1,2,5] (cpuset(7), "List format"). A list that comes from the kernel rises, which bounds what it says. */
static int put_cpu_list(struct stats *s, const struct row *row, const struct source *source) {
    const char *at;
    uint64_t first, last, least = 0;
    int r = begin_list(s, row, source, '[', &at);
    if (r < 0)
        return r;
    while (*at && *at != '\n') {
        const char *range = at;
        bool good = take_cpu(&at, &first);
        last = first;
        if (good && *at == '-')
            at++, good = take_cpu(&at, &last);
        if (!good || first < least || last < first || (*at && !strchr(",\n", *at)))
            return refuse(s, source->file, range);
        for (uint64_t cpu = first; cpu <= last; cpu++)
            put_item(s, cpu);
        least = last + 1;
        at += *at == ',';
    }
    close_with(s, ']');
    return 0;
}

/* "key number" lines as an object. A line of another form says nothing that has a place here. */
static int put_keys(struct stats *s, const struct row *row, const struct source *source) {
    const char *line;
    uint64_t value;
    int r = begin_list(s, row, source, '{', &line);
    if (r < 0)
        return r;
    for (; *line; line = next_line(line)) {
        const size_t len = strcspn(line, BLANKS "\n");
        const char *at = line + len + 1;
        if (len == 0 || line[len] != ' ' || !take_number(&at, &value) || (*at && *at != '\n'))
            continue;
        put_key(s, line, len);
        fprintf(s->out, "%" PRIu64, value);
    }
    close_with(s, '}');
    return 0;
}

/* ---- block devices ---- */

struct device {
    uint64_t major, minor;
};

static bool take_device(const char **at, struct device *out) {
    const char *text = *at;
    struct device device;
    if (!take_number(&text, &device.major) || *text++ != ':' || !take_number(&text, &device.minor) || *text == ':')
        return false;
    *at = text;
    *out = device;
    return true;
}

static void put_device(struct stats *s, const struct device *device, const char *op, size_t len, uint64_t value) {
    separate(s);
    open_with(s, '{');
    put_member(s, "major", device->major);
    put_member(s, "minor", device->minor);
    put_key(s, "op", strlen("op"));
    stats_write_string(s->out, op, len);
    put_member(s, "value", value);
    close_with(s, '}');
}

/* cgroup v1: "8:0 Read 4096" or "8:0 12"; a last line "Total 4096" is of no device. */
static int put_devices(struct stats *s, const struct row *row, const struct source *source) {
    const char *line;
    int r = begin_list(s, row, source, '[', &line);
    if (r < 0)
        return r;
    for (; *line; line = next_line(line)) {
        struct device device;
        uint64_t value;
        const char *at = line;
        if (!take_device(&at, &device) || *at++ != ' ')
            continue;
        const char *op = at;
        size_t len = *op >= '0' && *op <= '9' ? 0 : strcspn(op, BLANKS "\n");
        at += len ? len + (op[len] == ' ') : 0;
        if (take_number(&at, &value))
            put_device(s, &device, op, len, value);
    }
    close_with(s, ']');
    return 0;
}

static const struct {
    char letter;
    const char *op;
} directions[] = {{'r', "Read"}, {'w', "Write"}, {'d', "Discard"}};

/* "rbytes=4096" where source->key is "bytes". */
static void put_io_word(struct stats *s, const struct device *device, const char *word, const char *key) {
    const size_t len = strlen(key);
    uint64_t value;
    for (size_t i = 0; i < TABLE_COUNT(directions); i++) {
        if (*word != directions[i].letter || strncmp(word + 1, key, len) != 0 || word[1 + len] != '=')
            continue;
        const char *at = word + 1 + len + 1;
        if (take_number(&at, &value))
            put_device(s, device, directions[i].op, strlen(directions[i].op), value);
    }
}

/* cgroup2: "8:0 rbytes=4096 wbytes=0 ..."; a device without any count may have lost the end of its line (Linux 5.x). */
static int put_io(struct stats *s, const struct row *row, const struct source *source) {
    const char *at;
    struct device device = {0, 0};
    int r = begin_list(s, row, source, '[', &at);
    if (r < 0)
        return r;
    for (bool known = false; *at; at += strspn(at, BLANKS "\n")) {
        const char *word = at;
        if (take_device(&at, &device))
            known = true;
        else if (known)
            put_io_word(s, &device, word, source->key);
        at += strcspn(at, BLANKS "\n");
    }
    close_with(s, ']');
    return 0;
}

static int put_blkio(struct stats *s, const struct row *row, const struct source *source) {
    return (source == &row->v2 ? put_io : put_devices)(s, row, source);
}

/* ---- huge pages ---- */

/* hugetlb.SIZE.REST: v1 and v2, those that count what is reserved first, since a limit is meant to be on these. */
static const struct huge_files {
    const char *usage[2], *max[2], *failcnt[2], *key;
} huge_files[] = {
    {{".rsvd.usage_in_bytes", ".usage_in_bytes"},
     {".rsvd.max_usage_in_bytes", ".max_usage_in_bytes"},
     {".rsvd.failcnt", ".failcnt"},
     NULL},
    {{".rsvd.current", ".current"}, {NULL, NULL}, {".events", NULL}, "max"},
};

static int read_huge(struct stats *s, const char *size, const char *const *rests, const char *key, uint64_t *out) {
    const char *text = NULL;
    *out = 0;
    for (size_t i = 0; i < 2 && rests[i] && !text; i++) {
        const char *file = arena_printf(&s->arena, "hugetlb.%s%s", size, rests[i]);
        int r = file ? read_text(s, "hugetlb", file, &text) : error_memory(s->err);
        if (r == 0 && text)
            r = read_number(s, "hugetlb", file, key, out);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_huge_size(struct stats *s, const struct huge_files *files, const char *size) {
    uint64_t usage, max, failcnt;
    int r = read_huge(s, size, files->usage, NULL, &usage);
    if (r == 0)
        r = read_huge(s, size, files->max, NULL, &max);
    if (r == 0)
        r = read_huge(s, size, files->failcnt, files->key, &failcnt);
    if (r < 0)
        return r;
    put_key(s, size, strlen(size));
    open_with(s, '{');
    put_member(s, "usage", usage);
    put_member(s, "max", max);
    put_member(s, "failcnt", failcnt);
    close_with(s, '}');
    return 0;
}

static int put_hugetlb(struct stats *s, const struct row *row, const struct source *source) {
    const struct huge_files *files = &huge_files[source == &row->v2];
    struct page_sizes sizes;
    int r = limits_page_sizes(s->group, &sizes, s->err);
    if (r < 0)
        return r;
    put_key(s, row->key, strlen(row->key));
    open_with(s, '{');
    for (size_t i = 0; i < sizes.count; i++) {
        r = put_huge_size(s, files, sizes.names[i]);
        if (r < 0)
            return r;
    }
    close_with(s, '}');
    return 0;
}

/* ---- pressure ---- */

/* The length of what is a number in JSON too, as "0.25"; 0: it is none. */
static size_t decimal_length(const char *text) {
    size_t whole = strspn(text, "0123456789"), part = 0;
    if (whole == 0 || whole > 20 || (whole > 1 && *text == '0'))
        return 0;
    if (text[whole] == '.')
        part = strspn(text + whole + 1, "0123456789");
    return part > 20 ? 0 : whole + (part ? part + 1 : 0);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" (Documentation/accounting/psi.rst). */
static void put_pressure(struct stats *s, const char *text, const char *which) {
    static const char *const words[] = {"avg10", "avg60", "avg300", "total"};
    const char *line = find_word(text, which, "\n", ' ');
    put_key(s, which, strlen(which));
    open_with(s, '{');
    for (size_t i = 0; i < TABLE_COUNT(words); i++) {
        const char *value = line ? find_word(line, words[i], BLANKS, '=') : NULL;
        const size_t len = value ? decimal_length(value) : 0;
        put_key(s, words[i], strlen(words[i]));
        fprintf(s->out, "%.*s", len ? (int)len : 1, len ? value : "0");
    }
    close_with(s, '}');
}

static int put_psi(struct stats *s, const struct row *row, const struct source *source) {
    const char *text = NULL;
    int r = source->file ? read_text(s, row->controller, source->file, &text) : 0;
    if (r < 0 || !text)
        return r;
    put_key(s, row->key, strlen(row->key));
    open_with(s, '{');
    put_pressure(s, text, "some");
    put_pressure(s, text, "full");
    close_with(s, '}');
    return 0;
}

/* ---- the object ---- */

static int put_null(struct stats *s, const struct row *row, const struct source *source) {
    (void)source;
    put_key(s, row->key, strlen(row->key));
    fputs("null", s->out);
    return 0;
}

#define USEC 1000 /* to nanoseconds */

#define BEGIN(key_)                                                                                                    \
    { .key = (key_), .put = begin }
#define END                                                                                                            \
    { .put = end }
#define NOWHERE                                                                                                        \
    { .file = NULL }

static const struct row document[] = {
    BEGIN("cpu"),
    BEGIN("usage"),
    {"total",
     put_number,
     "cpuacct",
     {.file = "cpuacct.usage"},
     {.file = "cpu.stat", .key = "usage_usec", .scale = USEC}},
    {"percpu", put_numbers, "cpuacct", {.file = "cpuacct.usage_percpu"}, NOWHERE},
    {"percpu_kernel", put_column, "cpuacct", {.file = "cpuacct.usage_all", .key = "system"}, NOWHERE},
    {"percpu_user", put_column, "cpuacct", {.file = "cpuacct.usage_all", .key = "user"}, NOWHERE},
    {"kernel",
     put_number,
     "cpuacct",
     {.file = "cpuacct.usage_sys"},
     {.file = "cpu.stat", .key = "system_usec", .scale = USEC}},
    {"user",
     put_number,
     "cpuacct",
     {.file = "cpuacct.usage_user"},
     {.file = "cpu.stat", .key = "user_usec", .scale = USEC}},
    END,
    BEGIN("throttling"),
    {"periods",
     put_number,
     "cpu",
     {.file = "cpu.stat", .key = "nr_periods"},
     {.file = "cpu.stat", .key = "nr_periods"}},
    {"throttledPeriods",
     put_number,
     "cpu",
     {.file = "cpu.stat", .key = "nr_throttled"},
     {.file = "cpu.stat", .key = "nr_throttled"}},
    {"throttledTime",
     put_number,
     "cpu",
     {.file = "cpu.stat", .key = "throttled_time"},
     {.file = "cpu.stat", .key = "throttled_usec", .scale = USEC}},
    END,
    {"psi", put_psi, "", NOWHERE, {.file = "cpu.pressure"}},
    END,

    BEGIN("cpuset"),
    {"cpus", put_cpu_list, "cpuset", {.file = "cpuset.cpus"}, {.file = "cpuset.cpus.effective"}},
    {"cpu_exclusive", put_number, "cpuset", {.file = "cpuset.cpu_exclusive"}, NOWHERE},
    {"mems", put_cpu_list, "cpuset", {.file = "cpuset.mems"}, {.file = "cpuset.mems.effective"}},
    {"mem_hardwall", put_number, "cpuset", {.file = "cpuset.mem_hardwall"}, NOWHERE},
    {"mem_exclusive", put_number, "cpuset", {.file = "cpuset.mem_exclusive"}, NOWHERE},
    {"memory_migrate", put_number, "cpuset", {.file = "cpuset.memory_migrate"}, NOWHERE},
    {"memory_spread_page", put_number, "cpuset", {.file = "cpuset.memory_spread_page"}, NOWHERE},
    {"memory_spread_slab", put_number, "cpuset", {.file = "cpuset.memory_spread_slab"}, NOWHERE},
    {"memory_pressure", put_number, "cpuset", {.file = "cpuset.memory_pressure"}, NOWHERE},
    {"sched_load_balance", put_number, "cpuset", {.file = "cpuset.sched_load_balance"}, NOWHERE},
    {"sched_relax_domain_level", put_signed, "cpuset", {.file = "cpuset.sched_relax_domain_level"}, NOWHERE},
    END,

    BEGIN("memory"),
    {"cache", put_number, "memory", {.file = "memory.stat", .key = "cache"}, {.file = "memory.stat", .key = "file"}},
    BEGIN("usage"),
    {"limit", put_number, "memory", {.file = "memory.limit_in_bytes"}, {.file = "memory.max"}},
    {"usage", put_number, "memory", {.file = "memory.usage_in_bytes"}, {.file = "memory.current"}},
    {"max", put_number, "memory", {.file = "memory.max_usage_in_bytes"}, {.file = "memory.peak"}},
    {"failcnt", put_number, "memory", {.file = "memory.failcnt"}, {.file = "memory.events", .key = "max"}},
    END,
    /* memory and swap together; cgroup2 has them apart, and so no peak of the sum */
    BEGIN("swap"),
    {"limit",
     put_number,
     "memory",
     {.file = "memory.memsw.limit_in_bytes"},
     {.file = "memory.swap.max", .plus = "memory.max"}},
    {"usage",
     put_number,
     "memory",
     {.file = "memory.memsw.usage_in_bytes"},
     {.file = "memory.swap.current", .plus = "memory.current"}},
    {"max", put_number, "memory", {.file = "memory.memsw.max_usage_in_bytes"}, NOWHERE},
    {"failcnt", put_number, "memory", {.file = "memory.memsw.failcnt"}, {.file = "memory.swap.events", .key = "max"}},
    END,
    BEGIN("kernel"),
    {"limit", put_number, "memory", {.file = "memory.kmem.limit_in_bytes"}, NOWHERE},
    {"usage", put_number, "memory", {.file = "memory.kmem.usage_in_bytes"}, NOWHERE},
    {"max", put_number, "memory", {.file = "memory.kmem.max_usage_in_bytes"}, NOWHERE},
    {"failcnt", put_number, "memory", {.file = "memory.kmem.failcnt"}, NOWHERE},
    END,
    BEGIN("kernelTCP"),
    {"limit", put_number, "memory", {.file = "memory.kmem.tcp.limit_in_bytes"}, NOWHERE},
    {"usage", put_number, "memory", {.file = "memory.kmem.tcp.usage_in_bytes"}, NOWHERE},
    {"max", put_number, "memory", {.file = "memory.kmem.tcp.max_usage_in_bytes"}, NOWHERE},
    {"failcnt", put_number, "memory", {.file = "memory.kmem.tcp.failcnt"}, NOWHERE},
    END,
    {"raw", put_keys, "memory", {.file = "memory.stat"}, {.file = "memory.stat"}},
    {"psi", put_psi, "", NOWHERE, {.file = "memory.pressure"}},
    END,

    BEGIN("pids"),
    {"current", put_number, "pids", {.file = "pids.current"}, {.file = "pids.current"}},
    {"limit", put_number, "pids", {.file = "pids.max"}, {.file = "pids.max"}},
    END,

    /* what passes the throttling layer is counted whatever the scheduler of the disk; the rest is BFQ's alone */
    BEGIN("blkio"),
    {"ioServiceBytesRecursive",
     put_blkio,
     "blkio",
     {.file = "blkio.throttle.io_service_bytes_recursive"},
     {.file = "io.stat", .key = "bytes"}},
    {"ioServicedRecursive",
     put_blkio,
     "blkio",
     {.file = "blkio.throttle.io_serviced_recursive"},
     {.file = "io.stat", .key = "ios"}},
    {"ioQueueRecursive", put_devices, "blkio", {.file = "blkio.bfq.io_queued_recursive"}, NOWHERE},
    {"ioServiceTimeRecursive", put_devices, "blkio", {.file = "blkio.bfq.io_service_time_recursive"}, NOWHERE},
    {"ioWaitTimeRecursive", put_devices, "blkio", {.file = "blkio.bfq.io_wait_time_recursive"}, NOWHERE},
    {"ioMergedRecursive", put_devices, "blkio", {.file = "blkio.bfq.io_merged_recursive"}, NOWHERE},
    {"ioTimeRecursive", put_devices, "blkio", {.file = "blkio.bfq.time_recursive"}, NOWHERE},
    {"sectorsRecursive", put_devices, "blkio", {.file = "blkio.bfq.sectors_recursive"}, NOWHERE},
    {"psi", put_psi, "", NOWHERE, {.file = "io.pressure"}},
    END,

    {"hugetlb", put_hugetlb, "hugetlb", NOWHERE, NOWHERE},
    BEGIN("intel_rdt"),
    END,
    {"network_interfaces", put_null, "", NOWHERE, NOWHERE},
};

static void stats_drop(struct stats *s) {
    arena_drop(&s->arena);
}

int stats_write(const struct cgroup *group, FILE *out, struct error *err) {
    own(stats_drop) struct stats s = {.group = group, .out = out, .err = err};
    int r = 0;
    open_with(&s, '{');
    for (size_t i = 0; r == 0 && i < TABLE_COUNT(document); i++) {
        const struct row *row = &document[i];
        const bool unified = row->controller && cgroup_is_unified(group, row->controller);
        r = row->put(&s, row, unified ? &row->v2 : &row->v1);
    }
    close_with(&s, '}');
    return r;
}
