/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of plan/resources: what is written for which property, in which order, and what is refused. No privilege.
 */
#include "oci_types.h"
#include "plan/resources.h"
#include "tap.h"

#include <errno.h>

/* A plan as text, one write a line: "file=value", "?" behind an optional one, "~" behind one that may be reordered,
 * "-" behind one whose file may be missing; "|" before what is written instead. */
static char text[4096];
static struct error err;
static struct plan_resources plan;
static struct arena arena = ARENA_INIT;

static size_t write_text(const struct resource_write *w, char *out, size_t size) {
    bool two = w->alternative_file != NULL;
    return (size_t)snprintf(out, size, "%s=%s%s%s%s%s%s%s%s ", w->file, w->value, w->optional ? "?" : "",
                            w->reorder ? "~" : "", w->may_lack ? "-" : "", two ? "|" : "",
                            two ? w->alternative_file : "", two ? "=" : "", two ? w->alternative_value : "");
}

static int make(const struct oci_resources *resources, bool unified) {
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    plan = (struct plan_resources){.writes = NULL};
    text[0] = '\0';
    int r = resources_plan(&arena, resources, unified, &plan, &err);
    size_t len = 0;
    for (size_t i = 0; i < plan.count; i++)
        len += write_text(&plan.writes[i], text + len, sizeof text - len);
    if (len > 0)
        text[len - 1] = '\0';
    return r;
}

static void gives(const struct oci_resources *resources, bool unified, const char *want, const char *name) {
    is_number(make(resources, unified), 0, "%s: planned", name);
    is_text(text, want, "%s: writes", name);
}

static void refuses(const struct oci_resources *resources, bool unified, const char *place, const char *name) {
    is_number(make(resources, unified), -EINVAL, "%s: refused", name);
    is_text(err.place, place, "%s: at its place", name);
    ok(plan.count == 0 && !plan.writes, "%s: out is untouched", name);
}

#define MEMORY(...) (&(struct oci_resources){.memory = &(struct oci_memory){__VA_ARGS__}})
#define CPU(...) (&(struct oci_resources){.cpu = &(struct oci_cpu){__VA_ARGS__}})
#define BLOCK(given) (&(struct oci_resources){.block_io = (given)})
#define PIDS(...) (&(struct oci_resources){.pids = &(struct oci_pids){__VA_ARGS__}})
#define HAS(name, given) .name = (given), .has_##name = true

enum { V1 = false, V2 = true };

static void test_nothing(void) {
    for (int unified = 0; unified < 2; unified++) {
        gives(NULL, unified, "", "no resources");
        gives(&(struct oci_resources){.memory = NULL}, unified, "", "empty resources");
        gives(MEMORY(.limit = 0), unified, "", "empty memory");
        gives(MEMORY(HAS(limit, 0), HAS(reservation, 0), HAS(swap, 0), HAS(kernel, 0), HAS(kernel_tcp, 0),
                     HAS(disable_oom_killer, false), HAS(use_hierarchy, false), HAS(check_before_update, false)),
              unified, "", "memory with zeros as engines write them");
        gives(CPU(HAS(shares, 0), HAS(quota, 0), HAS(period, 0), HAS(realtime_runtime, 0), HAS(realtime_period, 0),
                  .cpus = "", .mems = ""),
              unified, "", "cpu with zeros");
        gives(PIDS(HAS(limit, 0)), unified, "", "pids 0");
        ok(!plan.device_program && !plan.memory_limit, "no device program, no limit");
    }
}

static void test_memory_v1(void) {
    gives(MEMORY(HAS(limit, 67108864)), V1, "memory.limit_in_bytes=67108864~", "limit");
    is_text(plan.memory_limit, "67108864", "the limit for messages");
    is_text(plan.writes[0].controller, "memory", "its controller");
    is_text(plan.writes[0].place, "/linux/resources/memory/limit", "its place");
    gives(MEMORY(HAS(limit, 64), HAS(swap, 128)), V1, "memory.limit_in_bytes=64~ memory.memsw.limit_in_bytes=128~",
          "swap");
    gives(MEMORY(HAS(limit, -1)), V1, "memory.limit_in_bytes=-1?~ memory.memsw.limit_in_bytes=-1?~",
          "no limit frees swap");
    is_text(plan.memory_limit, NULL, "no limit for messages");
    gives(MEMORY(HAS(limit, 1), HAS(reservation, 2), HAS(swap, 3), HAS(kernel, 4), HAS(kernel_tcp, 5),
                 HAS(swappiness, 6), HAS(disable_oom_killer, true), HAS(use_hierarchy, true)),
          V1,
          "memory.use_hierarchy=1 memory.limit_in_bytes=1~ memory.memsw.limit_in_bytes=3~ "
          "memory.soft_limit_in_bytes=2 memory.kmem.limit_in_bytes=4 memory.kmem.tcp.limit_in_bytes=5 "
          "memory.swappiness=6 memory.oom_control=1",
          "all of memory");
    gives(MEMORY(HAS(swappiness, 0)), V1, "memory.swappiness=0", "swappiness 0 is a wish");
    gives(MEMORY(HAS(swap, -1)), V1, "memory.memsw.limit_in_bytes=-1?~", "swap without limit");
    refuses(MEMORY(HAS(swappiness, 101)), V1, "/linux/resources/memory/swappiness", "swappiness 101");
    refuses(MEMORY(HAS(limit, -2)), V1, "/linux/resources/memory/limit", "limit -2");
    refuses(MEMORY(HAS(limit, 10), HAS(swap, 9)), V1, "/linux/resources/memory/swap", "less with swap than without");
    make(MEMORY(HAS(limit, 10), HAS(check_before_update, true)), V1);
    ok(plan.usage_below == 0, "v1 checks the usage by itself");
}

static void test_memory_v2(void) {
    gives(MEMORY(HAS(limit, 67108864)), V2, "memory.max=67108864", "limit");
    gives(MEMORY(HAS(limit, 67108864), HAS(swap, 134217728)), V2, "memory.swap.max=67108864 memory.max=67108864",
          "swap");
    gives(MEMORY(HAS(limit, 64), HAS(swap, 64)), V2, "memory.swap.max=0? memory.max=64", "no swap");
    gives(MEMORY(HAS(limit, 64), HAS(swap, -1)), V2, "memory.swap.max=max? memory.max=64", "any swap");
    gives(MEMORY(HAS(limit, 64), HAS(swap, 0)), V2, "memory.max=64", "swap 0 is unset");
    gives(MEMORY(HAS(limit, -1)), V2, "memory.swap.max=max? memory.max=max?", "no limit frees swap");
    gives(MEMORY(HAS(limit, -1), HAS(swap, 5)), V2, "memory.swap.max=5 memory.max=max?",
          "swap as it is below no limit");
    gives(MEMORY(HAS(reservation, 7)), V2, "memory.low=7", "reservation");
    gives(MEMORY(HAS(reservation, -1)), V2, "memory.low=max", "reservation of all");
    gives(MEMORY(HAS(use_hierarchy, true), HAS(kernel, -1), HAS(kernel_tcp, -1)), V2, "", "what cgroup2 does anyway");
    refuses(MEMORY(HAS(swap, 5)), V2, "/linux/resources/memory/swap", "swap without limit");
    refuses(MEMORY(HAS(limit, 10), HAS(swap, 9)), V2, "/linux/resources/memory/swap", "less with swap than without");
    refuses(MEMORY(HAS(kernel, 5)), V2, "/linux/resources/memory/kernel", "kernel");
    refuses(MEMORY(HAS(kernel_tcp, 5)), V2, "/linux/resources/memory/kernelTCP", "kernelTCP");
    refuses(MEMORY(HAS(swappiness, 0)), V2, "/linux/resources/memory/swappiness", "swappiness");
    refuses(MEMORY(HAS(disable_oom_killer, true)), V2, "/linux/resources/memory/disableOOMKiller", "disableOOMKiller");
    make(MEMORY(HAS(limit, 10), HAS(check_before_update, true)), V2);
    ok(plan.usage_below == 10, "checkBeforeUpdate compares with the new limit");
    make(MEMORY(HAS(limit, 10), HAS(check_before_update, false)), V2);
    ok(plan.usage_below == 0, "only when asked for");
}

static void test_cpu(void) {
    gives(CPU(HAS(shares, 1024)), V1, "cpu.shares=1024", "shares v1");
    gives(CPU(HAS(shares, 1024)), V2, "cpu.weight=100", "shares v2");
    refuses(CPU(HAS(shares, 1)), V1, "/linux/resources/cpu/shares", "too few shares on v1");
    refuses(CPU(HAS(shares, 262145)), V1, "/linux/resources/cpu/shares", "too many shares on v1");
    gives(CPU(HAS(shares, 1)), V2, "cpu.weight=1", "too few shares on v2");
    gives(CPU(HAS(quota, 50000), HAS(period, 100000)), V1, "cpu.cfs_period_us=100000~ cpu.cfs_quota_us=50000~",
          "quota v1");
    gives(CPU(HAS(quota, 50000), HAS(period, 20000)), V2, "cpu.max=50000 20000~", "quota v2");
    gives(CPU(HAS(quota, 50000)), V2, "cpu.max=50000 100000~", "quota without period");
    gives(CPU(HAS(period, 50000)), V2, "cpu.max=max 50000~", "period without quota");
    is_text(plan.writes[0].place, "/linux/resources/cpu/period", "named where it stands in the config");
    gives(CPU(HAS(quota, -1), HAS(period, 50000)), V2, "cpu.max=max 50000~", "a period and no quota");
    is_text(plan.writes[0].place, "/linux/resources/cpu/quota", "named by the quota when there is one");
    gives(CPU(HAS(quota, -1)), V2, "cpu.max=max 100000~", "no quota v2");
    gives(CPU(HAS(quota, -5)), V1, "cpu.cfs_quota_us=-1?~", "no quota v1");
    gives(CPU(HAS(burst, 10), HAS(quota, 20)), V1, "cpu.cfs_quota_us=20~ cpu.cfs_burst_us=10~", "burst v1");
    gives(CPU(HAS(burst, 10), HAS(quota, 20)), V2, "cpu.max=20 100000~ cpu.max.burst=10~", "burst v2");
    gives(CPU(HAS(burst, 0)), V2, "cpu.max.burst=0?~", "burst 0 takes a burst back");
    refuses(CPU(HAS(burst, 21), HAS(quota, 20)), V2, "/linux/resources/cpu/burst", "burst above quota");
    gives(CPU(HAS(realtime_runtime, 950000), HAS(realtime_period, 1000000)), V1,
          "cpu.rt_period_us=1000000~ cpu.rt_runtime_us=950000~", "realtime v1");
    refuses(CPU(HAS(realtime_runtime, 950000)), V2, "/linux/resources/cpu/realtimeRuntime", "realtime runtime v2");
    refuses(CPU(HAS(realtime_period, 950000)), V2, "/linux/resources/cpu/realtimePeriod", "realtime period v2");
    gives(CPU(HAS(idle, 1), HAS(shares, 512)), V2, "cpu.idle=1", "an idle group has no weight");
    gives(CPU(HAS(idle, 0), HAS(shares, 512)), V2, "cpu.idle=0? cpu.weight=59", "idle goes first");
    gives(CPU(HAS(idle, 1)), V1, "cpu.idle=1", "idle v1");
    refuses(CPU(HAS(idle, 2)), V1, "/linux/resources/cpu/idle", "idle 2");
    for (int unified = 0; unified < 2; unified++)
        gives(CPU(.cpus = "0-1,3", .mems = "0"), unified, "cpuset.cpus=0-1,3 cpuset.mems=0", "cpuset");
    is_text(plan.writes[0].controller, "cpuset", "its controller");
    is_text(plan.writes[0].place, "/linux/resources/cpu/cpus", "its place");
}

static void test_weight(void) {
    static const unsigned long want[][2] = {
        {0, 0},      {1, 1},       {2, 1},         {3, 2},          {10, 4},         {100, 17},    {128, 21},
        {256, 35},   {512, 59},    {1000, 99},     {1023, 100},     {1024, 100},     {1025, 101},  {2048, 174},
        {4096, 303}, {10240, 639}, {100000, 4340}, {262143, 10000}, {262144, 10000}, {~0UL, 10000}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        is_number(resources_cpu_weight(want[i][0]), want[i][1], "weight of %lu shares", want[i][0]);
    unsigned long last = 1;
    bool rises = true;
    for (unsigned long shares = 2; shares <= 262144; shares++) {
        unsigned long weight = resources_cpu_weight(shares);
        rises &= weight >= last && weight <= 10000;
        last = weight;
    }
    ok(rises, "more shares are never less weight");
}

static void test_pids(void) {
    for (int unified = 0; unified < 2; unified++) {
        gives(PIDS(HAS(limit, 50)), unified, "pids.max=50", "pids");
        gives(PIDS(HAS(limit, -1)), unified, "pids.max=max?", "no limit of pids");
    }
}

static void test_devices(void) {
    struct oci_device_rule deny = {.allow = false, .has_allow = true, .access = "rwm"};
    struct oci_resources resources = {.devices = {1, &deny}};
    is_number(make(&resources, V1), 0, "devices v1");
    ok(strncmp(text, "devices.deny=a devices.allow=c *:* m ", 37) == 0, "v1: lines, the config's first: %s", text);
    ok(!plan.device_program, "v1: no program");
    is_number(make(&resources, V2), 0, "devices v2");
    ok(plan.count == 0 && plan.device_program && plan.device_count > 0, "v2: a program, no lines");
    resources.devices.count = 0;
    is_number(make(&resources, V2), 0, "an empty list");
    ok(plan.device_program, "an empty list restricts, too");
    deny.access = "x";
    resources.devices.count = 1;
    refuses(&resources, V2, "/linux/resources/devices/0", "a bad rule");
}

static void test_block_io(void) {
    static const unsigned weights[][2] = {{10, 1}, {100, 910}, {500, 4950}, {1000, 10000}};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        is_number(resources_io_weight(weights[i][0]), weights[i][1], "io.weight of %u", weights[i][0]);
    struct oci_throttle_device slow = {.major = 8, .minor = 16, HAS(rate, 1048576)},
                               free = {.major = 8, .minor = 0, HAS(rate, 0)};
    struct oci_weight_device heavy = {.major = 8, .minor = 0, HAS(weight, 500)},
                             leaf = {.major = 8, .minor = 0, HAS(leaf_weight, 20)};
    struct oci_block_io weight = {HAS(weight, 100), .weight_device = {1, &heavy}},
                        zero = {HAS(weight, 0), HAS(leaf_weight, 0)};
    gives(BLOCK(&weight), V1,
          "blkio.bfq.weight=100|blkio.weight=100 blkio.bfq.weight_device=8:0 500|blkio.weight_device=8:0 500",
          "weights on v1");
    gives(BLOCK(&weight), V2, "io.bfq.weight=100|io.weight=910 io.bfq.weight=8:0 500|io.weight=8:0 4950",
          "weights on v2");
    gives(BLOCK(&zero), V1, "", "weights of 0 on v1");
    gives(BLOCK(&zero), V2, "", "weights of 0 on v2");
    struct oci_block_io rates = {.throttle_read_bps_device = {1, &slow},
                                 .throttle_write_bps_device = {1, &free},
                                 .throttle_read_iops_device = {1, &slow},
                                 .throttle_write_iops_device = {1, &slow}};
    gives(BLOCK(&rates), V1,
          "blkio.throttle.read_bps_device=8:16 1048576 blkio.throttle.write_bps_device=8:0 0 "
          "blkio.throttle.read_iops_device=8:16 1048576 blkio.throttle.write_iops_device=8:16 1048576",
          "rates on v1");
    gives(BLOCK(&rates), V2,
          "io.max=8:16 rbps=1048576 io.max=8:0 wbps=max io.max=8:16 riops=1048576 io.max=8:16 wiops=1048576",
          "rates on v2");
    is_text(plan.writes[0].line, "8:16 rbps=", "each kind of rate is a line of its own");
    is_text(plan.writes[0].reset, "8:16 rbps=max", "and is taken back by itself");
    struct oci_block_io leaves = {HAS(leaf_weight, 10), .weight_device = {1, &leaf}};
    gives(BLOCK(&leaves), V1, "blkio.leaf_weight=10 blkio.leaf_weight_device=8:0 20", "leaf weights on v1");
    refuses(BLOCK(&leaves), V2, "/linux/resources/blockIO/leafWeight", "leaf weights on v2");
    struct oci_block_io low = {HAS(weight, 9)}, high = {HAS(weight, 1001)}, odd = {.weight_device = {1, &heavy}};
    for (int unified = 0; unified < 2; unified++) {
        refuses(BLOCK(&low), unified, "/linux/resources/blockIO/weight", "a weight of 9");
        refuses(BLOCK(&high), unified, "/linux/resources/blockIO/weight", "a weight of 1001");
        heavy.weight = 9;
        refuses(BLOCK(&odd), unified, "/linux/resources/blockIO/weightDevice/0", "a device's weight of 9");
        heavy.weight = 500;
        heavy.major = -1;
        refuses(BLOCK(&odd), unified, "/linux/resources/blockIO/weightDevice/0", "a device of a negative number");
        heavy.major = 8;
    }
}

static void test_hugepages(void) {
    struct oci_hugepage_limit pages[] = {{.page_size = "2MB", .limit = 4194304}, {.page_size = "1GB", .limit = 0}};
    struct oci_resources both = {.hugepage_limits = {2, pages}};
    gives(&both, V2, "hugetlb.2MB.rsvd.max=4194304- hugetlb.2MB.max=4194304 hugetlb.1GB.rsvd.max=0- hugetlb.1GB.max=0",
          "huge pages on v2");
    both.hugepage_limits.count = 1;
    gives(&both, V1,
          "hugetlb.2MB.rsvd.limit_in_bytes=4194304-|hugetlb.2MB.rsvd.max=4194304 "
          "hugetlb.2MB.limit_in_bytes=4194304|hugetlb.2MB.max=4194304",
          "huge pages on v1, or beside it");
    both.hugepage_limits.count = 2;
    pages[1].page_size = "2MB";
    refuses(&both, V2, "/linux/resources/hugepageLimits/1", "a page size twice");
}

static void test_network(void) {
    struct oci_interface_priority lo = {.name = "lo", .priority = 5};
    struct oci_network all = {HAS(class_id, 1048577), .priorities = {1, &lo}}, nothing = {HAS(class_id, 0)},
                       priorities = {.priorities = {1, &lo}};
    struct oci_resources network = {.network = &all};
    gives(&network, V1, "net_cls.classid=1048577 net_prio.ifpriomap=lo 5", "network on v1");
    refuses(&network, V2, "/linux/resources/network/classID", "a class on v2");
    network.network = &priorities;
    refuses(&network, V2, "/linux/resources/network/priorities/0", "a priority on v2");
    lo.name = "lo 9\neth0";
    refuses(&network, V1, "/linux/resources/network/priorities/0", "an interface of several words");
    network.network = &nothing;
    gives(&network, V2, "", "a class of 0");
}

static void test_rdma(void) {
    struct oci_rdma_entry rows[] = {{.key = "mlx5_1", .value = {HAS(hca_handles, 3), HAS(hca_objects, 10000)}},
                                    {.key = "mlx4_0", .value = {HAS(hca_objects, 0)}}};
    struct oci_resources rdma = {.rdma = {2, rows}};
    for (int unified = 0; unified < 2; unified++)
        gives(&rdma, unified, "rdma.max=mlx5_1 hca_handle=3 hca_object=10000 rdma.max=mlx4_0 hca_object=0", "rdma");
    rows[1].key = "a b";
    refuses(&rdma, V2, "/linux/resources/rdma/a b", "a device of several words");
}

static void test_unified(void) {
    struct oci_memory memory = {HAS(limit, 5)};
    struct oci_string_entry rows[] = {{.key = "io.max", .value = "8:0 rbps=1\n8:16 wbps=2\n"},
                                      {.key = "memory.max", .value = "7"},
                                      {.key = "cgroup.max.depth", .value = "3"}};
    struct oci_resources unified = {.memory = &memory, .unified = {3, rows}};
    gives(&unified, V2, "memory.max=5 io.max=8:0 rbps=1 io.max=8:16 wbps=2 memory.max=7 cgroup.max.depth=3",
          "unified, line by line, behind all else");
    is_text(plan.writes[1].line, "8:0", "a line of a device");
    ok(!plan.writes[3].line, "a whole file");
    is_text(plan.writes[4].controller, "", "a file of cgroup2 itself");
    refuses(&unified, V1, "/linux/resources/unified/io.max", "unified on v1");
    ok(strstr(err.text, "cannot set unified resources on cgroup v1"), "in the words that people know: %s", err.text);
    static const char *const wrong[] = {
        "../x.y",        "memory",      "memory.",       ".max",        "a/b.c",
        "cgroup.procs",  "cgroup.kill", "cgroup.freeze", "cgroup.type", "cgroup.subtree_control",
        "cgroup.threads"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct oci_string_entry row = {.key = wrong[i], .value = "1"};
        struct oci_resources bad = {.unified = {1, &row}};
        is_number(make(&bad, V2), -EINVAL, "unified %s: refused", wrong[i]);
    }
}

/* What Docker sends for a container with limits (its blockIO and oom keys are in every config). */
static void test_engine(void) {
    struct oci_memory memory = {HAS(limit, 67108864), HAS(swap, 134217728), HAS(disable_oom_killer, false)};
    struct oci_cpu cpu = {HAS(shares, 0), HAS(quota, 50000), HAS(period, 100000)};
    struct oci_pids pids = {HAS(limit, 50)};
    struct oci_block_io io = {HAS(weight, 0)};
    struct oci_resources docker = {.memory = &memory, .cpu = &cpu, .pids = &pids, .block_io = &io};
    gives(&docker, V1,
          "memory.limit_in_bytes=67108864~ memory.memsw.limit_in_bytes=134217728~ cpu.cfs_period_us=100000~ "
          "cpu.cfs_quota_us=50000~ pids.max=50",
          "Docker v1");
    gives(&docker, V2, "memory.swap.max=67108864 memory.max=67108864 cpu.max=50000 100000~ pids.max=50", "Docker v2");
}

int main(void) {
    test_nothing();
    test_memory_v1();
    test_memory_v2();
    test_cpu();
    test_weight();
    test_pids();
    test_devices();
    test_block_io();
    test_hugepages();
    test_network();
    test_rdma();
    test_unified();
    test_engine();
    arena_drop(&arena);
    return tap_done();
}
