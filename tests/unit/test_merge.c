/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of plan/merge: what an update leaves of the old resources, as JSON, and what is planned of the result.
 * No privilege.
 */
#include "oci.h"
#include "plan/merge.h"
#include "plan/resources.h"
#include "tap.h"

static struct arena arena = ARENA_INIT;
static char text[4096];
static size_t text_len;

static void *take(void *context, size_t size) {
    return arena_alloc(context, size);
}

static int collect(void *context, const char *data, size_t len) {
    (void)context;
    if (len >= sizeof text - text_len)
        return -1;
    memcpy(text + text_len, data, len);
    text_len += len;
    text[text_len] = '\0';
    return 0;
}

/* NULL for a text of NULL. */
static const struct oci_resources *parse(const char *json) {
    const struct oci_allocator allocator = {.alloc = take, .ctx = &arena};
    struct oci_resources *out = NULL;
    struct oci_error error;
    if (json && oci_resources_read(&allocator, json, strlen(json), &out, &error) < 0)
        printf("Bail out! the test's own document: %s\n", error.text);
    return out;
}

static const struct oci_resources *merge(const char *old, const char *change) {
    struct error err = ERROR_INIT;
    const struct oci_resources *out = NULL;
    is_number(merge_resources(&arena, parse(old), parse(change), &out, &err), 0, "%s over %s", change,
              old ? old : "nothing");
    return out;
}

static void gives(const char *old, const char *change, const char *want) {
    arena_drop(&arena);
    text_len = 0;
    ok(oci_resources_write(merge(old, change), collect, NULL, 0) == 0, "the result is a document");
    is_text(text, want, "... gives %s", want);
    ok(parse(text) != NULL, "... which can be read back");
}

#define FULL_MEMORY                                                                                                    \
    "\"memory\":{\"limit\":100,\"reservation\":50,\"swap\":200,\"swappiness\":7,\"disableOOMKiller\":true,"            \
    "\"useHierarchy\":true,\"checkBeforeUpdate\":true}"
#define FULL_CPU                                                                                                       \
    "\"cpu\":{\"shares\":512,\"quota\":20000,\"burst\":10,\"period\":50000,\"realtimeRuntime\":95,"                    \
    "\"realtimePeriod\":100,\"cpus\":\"0-1\",\"mems\":\"0\",\"idle\":1}"
#define FULL "{" FULL_MEMORY "," FULL_CPU ",\"pids\":{\"limit\":20}}"

static void test_nothing(void) {
    gives(NULL, "{}", "{\"memory\":{},\"cpu\":{}}");
    gives("{}", "{}", "{\"memory\":{},\"cpu\":{}}");
    gives(FULL, "{}", FULL);
    gives(FULL, "{\"memory\":{},\"cpu\":{},\"pids\":{\"limit\":0},\"blockIO\":{}}",
          "{" FULL_MEMORY "," FULL_CPU ",\"pids\":{\"limit\":20},\"blockIO\":{}}");
    /* pids.limit is required of its section: one without would not be read again */
    gives(NULL, "{\"pids\":{\"limit\":0}}", "{\"memory\":{},\"cpu\":{}}");
}

static void test_all(void) {
    gives(NULL, FULL, FULL);
    gives("{\"memory\":{\"limit\":1,\"reservation\":1,\"swap\":1,\"swappiness\":1,\"disableOOMKiller\":false,"
          "\"useHierarchy\":false,\"checkBeforeUpdate\":false},\"cpu\":{\"shares\":2,\"quota\":1,\"burst\":1,"
          "\"period\":1,\"realtimeRuntime\":1,\"realtimePeriod\":1,\"cpus\":\"1\",\"mems\":\"1\",\"idle\":0},"
          "\"pids\":{\"limit\":1}}",
          FULL, FULL);
}

/* Each alone changes itself and nothing else. */
static void test_one(void) {
    static const struct {
        const char *change, *old, *new;
    } rows[] = {
        {"{\"memory\":{\"limit\":90}}", "\"limit\":100", "\"limit\":90"},
        {"{\"memory\":{\"reservation\":-1}}", "\"reservation\":50", "\"reservation\":-1"},
        {"{\"memory\":{\"swap\":300}}", "\"swap\":200", "\"swap\":300"},
        {"{\"memory\":{\"swappiness\":0}}", "\"swappiness\":7", "\"swappiness\":0"},
        {"{\"memory\":{\"disableOOMKiller\":false}}", "\"disableOOMKiller\":true", "\"disableOOMKiller\":false"},
        {"{\"memory\":{\"checkBeforeUpdate\":false}}", "\"checkBeforeUpdate\":true", "\"checkBeforeUpdate\":false"},
        {"{\"cpu\":{\"shares\":2}}", "\"shares\":512", "\"shares\":2"},
        {"{\"cpu\":{\"quota\":-1}}", "\"quota\":20000", "\"quota\":-1"},
        {"{\"cpu\":{\"period\":18446744073709551615}}", "\"period\":50000", "\"period\":18446744073709551615"},
        {"{\"cpu\":{\"burst\":0}}", "\"burst\":10", "\"burst\":0"},
        {"{\"cpu\":{\"idle\":0}}", "\"idle\":1", "\"idle\":0"},
        {"{\"cpu\":{\"realtimeRuntime\":-1}}", "\"realtimeRuntime\":95", "\"realtimeRuntime\":-1"},
        {"{\"cpu\":{\"realtimePeriod\":7}}", "\"realtimePeriod\":100", "\"realtimePeriod\":7"},
        {"{\"cpu\":{\"cpus\":\"1\"}}", "\"cpus\":\"0-1\"", "\"cpus\":\"1\""},
        {"{\"cpu\":{\"mems\":\"1\"}}", "\"mems\":\"0\"", "\"mems\":\"1\""},
        {"{\"pids\":{\"limit\":-1}}", "\"pids\":{\"limit\":20}", "\"pids\":{\"limit\":-1}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[sizeof FULL + 32];
        const char *at = strstr(FULL, rows[i].old);
        if (ok(at != NULL, "%s stands in the old ones", rows[i].old)) {
            snprintf(want, sizeof want, "%.*s%s%s", (int)(at - FULL), FULL, rows[i].new, at + strlen(rows[i].old));
            gives(FULL, rows[i].change, want);
        }
    }
}

/* What engines write for "as it is". */
static void test_zeros(void) {
    gives(FULL,
          "{\"memory\":{\"limit\":0,\"reservation\":0,\"swap\":0,\"kernel\":0,\"kernelTCP\":0},"
          "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,\"realtimeRuntime\":0,\"realtimePeriod\":0,\"cpus\":\"\","
          "\"mems\":\"\"},\"pids\":{\"limit\":0},\"unified\":{},\"hugepageLimits\":[],\"rdma\":{},\"devices\":[]}",
          FULL);
}

static void test_never(void) {
    gives("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}", "{\"devices\":[{\"allow\":true,\"access\":\"r\"}]}",
          "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"memory\":{},\"cpu\":{}}");
    gives("{}", "{\"devices\":[{\"allow\":true,\"access\":\"r\"}]}", "{\"memory\":{},\"cpu\":{}}");
    gives("{\"memory\":{\"kernel\":5}}", "{\"memory\":{\"kernel\":7,\"kernelTCP\":8}}",
          "{\"memory\":{\"kernel\":5},\"cpu\":{}}");
}

static void test_unlimited_memory(void) {
    gives("{\"memory\":{\"limit\":100,\"swap\":200}}", "{\"memory\":{\"limit\":-1}}",
          "{\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{}}");
    gives("{\"memory\":{\"limit\":100,\"swap\":200}}", "{\"memory\":{\"limit\":-1,\"swap\":0}}",
          "{\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{}}");
    gives("{\"memory\":{\"limit\":100,\"swap\":200}}", "{\"memory\":{\"limit\":-1,\"swap\":300}}",
          "{\"memory\":{\"limit\":-1,\"swap\":300},\"cpu\":{}}");
    gives(NULL, "{\"memory\":{\"limit\":-1}}", "{\"memory\":{\"limit\":-1,\"swap\":-1},\"cpu\":{}}");
}

/* What resources_plan has to refuse must reach it; what asks for nothing must not. */
static void test_sections(void) {
    gives("{}", "{\"unified\":{\"memory.high\":\"1\"}}",
          "{\"unified\":{\"memory.high\":\"1\"},\"memory\":{},\"cpu\":{}}");
    gives("{}", "{\"blockIO\":{\"weight\":10}}", "{\"memory\":{},\"cpu\":{},\"blockIO\":{\"weight\":10}}");
    gives("{}", "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}",
          "{\"memory\":{},\"cpu\":{},\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}");
    gives("{}", "{\"network\":{\"classID\":5}}", "{\"memory\":{},\"cpu\":{},\"network\":{\"classID\":5}}");
    gives("{}", "{\"rdma\":{\"m\":{\"hcaHandles\":5}}}",
          "{\"memory\":{},\"cpu\":{},\"rdma\":{\"m\":{\"hcaHandles\":5}}}");
}

static void test_names(void) {
    const struct oci_resources *change = parse(
        "{\"memory\":{\"limit\":0,\"swap\":-1,\"swappiness\":0},\"cpu\":{\"cpus\":\"\",\"mems\":\"0\",\"idle\":0}}");
    ok(!merge_names(change, "/linux/resources/memory/limit"), "a limit of 0 is not named");
    ok(merge_names(change, "/linux/resources/memory/swap"), "a swap of -1 is");
    ok(merge_names(change, "/linux/resources/memory/swappiness"), "a swappiness of 0 is");
    ok(!merge_names(change, "/linux/resources/memory/reservation"), "what is absent is not");
    ok(!merge_names(change, "/linux/resources/cpu/cpus"), "an empty list is not");
    ok(merge_names(change, "/linux/resources/cpu/mems"), "another is");
    ok(merge_names(change, "/linux/resources/cpu/idle"), "idle 0 is");
    ok(!merge_names(change, "/linux/resources/pids/limit"), "nor is anything of an absent section");
    ok(!merge_names(change, "/linux/resources/devices/0"), "nor what has no row");
    ok(!merge_names(change, "memory/swap"), "a pointer begins at the root");
}

/* The writes of the merged plan, "file=value" each. */
static void plans(const char *old, const char *change, bool unified, const char *want) {
    struct error err = ERROR_INIT;
    struct plan_resources plan = {.writes = NULL};
    arena_drop(&arena);
    is_number(resources_plan(&arena, merge(old, change), unified, &plan, &err), 0, "... is planned");
    text[0] = '\0';
    for (size_t i = 0, len = 0; i < plan.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%s", i ? " " : "", plan.writes[i].file,
                                plan.writes[i].value);
    is_text(text, want, "... as %s", want);
}

static void test_planned(void) {
    /* quota and period share a file on cgroup2: the one that is not named comes from the old ones */
    plans("{\"cpu\":{\"quota\":20000,\"period\":50000}}", "{\"cpu\":{\"quota\":30000}}", true, "cpu.max=30000 50000");
    plans("{\"cpu\":{\"quota\":20000,\"period\":50000}}", "{\"cpu\":{\"period\":70000}}", true, "cpu.max=20000 70000");
    plans("{\"cpu\":{\"quota\":20000,\"period\":50000}}", "{\"cpu\":{\"quota\":-1}}", true, "cpu.max=max 50000");
    /* swap alone is what both together are above memory */
    plans("{\"memory\":{\"limit\":100,\"swap\":300}}", "{\"memory\":{\"limit\":200}}", true,
          "memory.swap.max=100 memory.max=200");
    plans("{\"memory\":{\"limit\":100,\"swap\":300}}", "{\"memory\":{\"limit\":-1}}", true,
          "memory.swap.max=max memory.max=max");
    plans("{\"memory\":{\"limit\":100,\"swap\":300}}", "{\"memory\":{\"limit\":-1}}", false,
          "memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1");
    /* an idle group has no shares; they come back with its end */
    plans("{\"cpu\":{\"shares\":512}}", "{\"cpu\":{\"idle\":1}}", false, "cpu.idle=1");
    plans("{\"cpu\":{\"shares\":512,\"idle\":1}}", "{\"cpu\":{\"idle\":0}}", false, "cpu.idle=0 cpu.shares=512");
}

int main(void) {
    test_nothing();
    test_all();
    test_one();
    test_zeros();
    test_never();
    test_unlimited_memory();
    test_sections();
    test_names();
    test_planned();
    arena_drop(&arena);
    return tap_done();
}
