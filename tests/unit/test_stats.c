/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of life/stats: scratch directories stand in for cgroups, with files as a kernel writes them (Linux 6.18
 * for v1, 6.12 for v2) and some as no kernel should. No privilege.
 */
#include "base/own.h"
#include "life/stats.h"
#include "scratch.h"
#include "tap.h"

static struct error err;

/* One directory that is all of the container's cgroups: `controllers` "" for cgroup2. */
static struct cgroup group_of(const char *name, const char *controllers) {
    struct cgroup group = CGROUP_INIT;
    mkdirat(scratch_fd, name, 0755);
    group.dirs[group.count++] = (struct cgroup_dir){.controllers = controllers,
                                                    .mount = "/m",
                                                    .path = "/c",
                                                    .unified = !*controllers,
                                                    .fd = openat(scratch_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    return group;
}

struct file {
    const char *name, *text;
};

static void write_files(const char *dir, const struct file *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        if (!scratch_write(path, files[i].text, 0600))
            ok(false, "write %s", path);
    }
}
#define WRITE_FILES(dir, files) write_files(dir, files, sizeof(files) / sizeof *(files))

static char *text; /* of the last call */
static size_t text_size;

static int stats(const struct cgroup *group) {
    free(text);
    FILE *out = open_memstream(&text, &text_size);
    err = (struct error)ERROR_INIT;
    int r = stats_write(group, out, &err);
    fclose(out);
    return r;
}

/* The text stands in the object; what is there is shown when not. */
#define has(part)                                                                                                      \
    do {                                                                                                               \
        if (!ok(strstr(text, (part)) != NULL, "%s", (part)))                                                           \
            printf("# in %s\n", text);                                                                                 \
    } while (0)

static const struct file v1_files[] = {
    {"cpuacct.usage", "1984340\n"},
    {"cpuacct.usage_percpu", "492432 1491908 \n"},
    {"cpuacct.usage_all", "cpu user system\n0 11 12\n1 21 22\n"},
    {"cpuacct.usage_sys", "34\n"},
    {"cpuacct.usage_user", "32\n"},
    {"cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 123456789\nnr_bursts 1\nburst_time 0\n"},
    {"cpuset.cpus", "0-2,5\n"},
    {"cpuset.mems", "0\n"},
    {"cpuset.cpu_exclusive", "1\n"},
    {"cpuset.mem_hardwall", "0\n"},
    {"cpuset.mem_exclusive", "0\n"},
    {"cpuset.memory_migrate", "1\n"},
    {"cpuset.memory_spread_page", "0\n"},
    {"cpuset.memory_spread_slab", "0\n"},
    {"cpuset.memory_pressure", "4\n"},
    {"cpuset.sched_load_balance", "1\n"},
    {"cpuset.sched_relax_domain_level", "-1\n"},
    {"memory.limit_in_bytes", "9223372036854771712\n"},
    {"memory.usage_in_bytes", "737280\n"},
    {"memory.max_usage_in_bytes", "770048\n"},
    {"memory.failcnt", "2\n"},
    {"memory.memsw.limit_in_bytes", "67108864\n"},
    {"memory.memsw.usage_in_bytes", "737281\n"},
    {"memory.memsw.max_usage_in_bytes", "770049\n"},
    {"memory.memsw.failcnt", "5\n"},
    {"memory.kmem.usage_in_bytes", "229376\n"},
    {"memory.kmem.tcp.usage_in_bytes", "12\n"},
    {"memory.stat", "cache 4096\nrss 106496\ntotal_cache 8192\n"},
    {"pids.current", "2\n"},
    {"pids.max", "max\n"},
    {"blkio.throttle.io_service_bytes_recursive",
     "8:0 Read 4096\n8:0 Write 0\n8:0 Sync 4096\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 4096\nTotal 4096\n"},
    {"blkio.throttle.io_serviced_recursive", "253:16 Read 1\nTotal 1\n"},
    {"blkio.bfq.sectors_recursive", "8:0 8\n"},
    {"hugetlb.2MB.limit_in_bytes", "9223372036852678656\n"},
    {"hugetlb.2MB.usage_in_bytes", "2097152\n"},
    {"hugetlb.2MB.max_usage_in_bytes", "4194304\n"},
    {"hugetlb.2MB.failcnt", "1\n"},
    {"hugetlb.1GB.limit_in_bytes", "1\n"},
    {"hugetlb.1GB.rsvd.limit_in_bytes", "1\n"},
    {"hugetlb.1GB.rsvd.usage_in_bytes", "1073741824\n"},
    {"hugetlb.1GB.usage_in_bytes", "0\n"},
};

static void test_v1(void) {
    struct cgroup group = group_of("v1", "cpu,cpuacct,cpuset,memory,pids,blkio,hugetlb");
    WRITE_FILES("v1", v1_files);
    is_number(stats(&group), 0, "v1: %s", err.text);
    has("{\"cpu\":{\"usage\":{\"total\":1984340,\"percpu\":[492432,1491908],\"percpu_kernel\":[12,22],"
        "\"percpu_user\":[11,21],\"kernel\":34,\"user\":32},\"throttling\":{\"periods\":7,\"throttledPeriods\":3,"
        "\"throttledTime\":123456789}},");
    has(",\"cpuset\":{\"cpus\":[0,1,2,5],\"cpu_exclusive\":1,\"mems\":[0],\"mem_hardwall\":0,\"mem_exclusive\":0,"
        "\"memory_migrate\":1,\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":4,"
        "\"sched_load_balance\":1,\"sched_relax_domain_level\":-1},");
    has(",\"memory\":{\"cache\":4096,\"usage\":{\"limit\":9223372036854771712,\"usage\":737280,\"max\":770048,"
        "\"failcnt\":2},\"swap\":{\"limit\":67108864,\"usage\":737281,\"max\":770049,\"failcnt\":5},"
        "\"kernel\":{\"limit\":0,\"usage\":229376,\"max\":0,\"failcnt\":0},"
        "\"kernelTCP\":{\"limit\":0,\"usage\":12,\"max\":0,\"failcnt\":0},"
        "\"raw\":{\"cache\":4096,\"rss\":106496,\"total_cache\":8192}},");
    has(",\"pids\":{\"current\":2,\"limit\":18446744073709551615},");
    has(",\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":4096},"
        "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":0},{\"major\":8,\"minor\":0,\"op\":\"Sync\",\"value\":"
        "4096},"
        "{\"major\":8,\"minor\":0,\"op\":\"Async\",\"value\":0},{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":"
        "0},"
        "{\"major\":8,\"minor\":0,\"op\":\"Total\",\"value\":4096}],"
        "\"ioServicedRecursive\":[{\"major\":253,\"minor\":16,\"op\":\"Read\",\"value\":1}],\"ioQueueRecursive\":[],");
    has("\"sectorsRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"\",\"value\":8}]},");
    has(",\"hugetlb\":{\"1GB\":{\"usage\":1073741824,\"max\":0,\"failcnt\":0},"
        "\"2MB\":{\"usage\":2097152,\"max\":4194304,\"failcnt\":1}},\"intel_rdt\":{},\"network_interfaces\":null}");
    ok(!strstr(text, "psi"), "v1 knows no pressure");
    cgroup_drop(&group);
}

static const struct file v2_files[] = {
    {"cpu.stat", "usage_usec 1773\nuser_usec 1000\nsystem_usec 773\nnice_usec 0\nnr_periods 7\nnr_throttled 3\n"
                 "throttled_usec 123\nnr_bursts 0\nburst_usec 0\n"},
    {"cpu.pressure", "some avg10=0.12 avg60=12.00 avg300=100.00 total=4711\n"
                     "full avg10=0.01 avg60=0.02 avg300=0.03 total=4\n"},
    {"cpuset.cpus.effective", "0-1\n"},
    {"cpuset.mems.effective", "0\n"},
    {"memory.stat", "anon 106496\nfile 8192\nkernel 300\n"},
    {"memory.max", "67108864\n"},
    {"memory.current", "1048576\n"},
    {"memory.peak", "2097152\n"},
    {"memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n"},
    {"memory.swap.max", "1000\n"},
    {"memory.swap.current", "24\n"},
    {"memory.swap.events", "high 0\nmax 6\nfail 1\n"},
    {"memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"}, /* no "full", as cpu's before Linux 5.13 */
    {"pids.current", "3\n"},
    {"pids.max", "100\n"},
    /* the line of 253:1 lost its end */
    {"io.stat", "253:1 253:0 rbytes=4096 wbytes=12 rios=1 wios=2 dbytes=0 dios=0\n"
                "7:0 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=5 dios=6 cost.usage=7\n"},
    {"hugetlb.2MB.max", "max\n"},
    {"hugetlb.2MB.current", "1\n"},
    {"hugetlb.2MB.rsvd.max", "max\n"},
    {"hugetlb.2MB.rsvd.current", "2097152\n"},
    {"hugetlb.2MB.events", "max 8\n"},
};

static void test_v2(void) {
    struct cgroup group = group_of("v2", "");
    WRITE_FILES("v2", v2_files);
    is_number(stats(&group), 0, "v2: %s", err.text);
    has("{\"cpu\":{\"usage\":{\"total\":1773000,\"percpu\":[],\"percpu_kernel\":[],\"percpu_user\":[],\"kernel\":"
        "773000,"
        "\"user\":1000000},\"throttling\":{\"periods\":7,\"throttledPeriods\":3,\"throttledTime\":123000},"
        "\"psi\":{\"some\":{\"avg10\":0.12,\"avg60\":12.00,\"avg300\":100.00,\"total\":4711},"
        "\"full\":{\"avg10\":0.01,\"avg60\":0.02,\"avg300\":0.03,\"total\":4}}},");
    has(",\"cpuset\":{\"cpus\":[0,1],\"cpu_exclusive\":0,\"mems\":[0],");
    has(",\"memory\":{\"cache\":8192,\"usage\":{\"limit\":67108864,\"usage\":1048576,\"max\":2097152,\"failcnt\":9},"
        "\"swap\":{\"limit\":67109864,\"usage\":1048600,\"max\":0,\"failcnt\":6},"
        "\"kernel\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},");
    has(",\"raw\":{\"anon\":106496,\"file\":8192,\"kernel\":300},"
        "\"psi\":{\"some\":{\"avg10\":0.00,\"avg60\":0.00,\"avg300\":0.00,\"total\":0},"
        "\"full\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":0}}},");
    has(",\"pids\":{\"current\":3,\"limit\":100},");
    has(",\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":253,\"minor\":0,\"op\":\"Read\",\"value\":4096},"
        "{\"major\":253,\"minor\":0,\"op\":\"Write\",\"value\":12},{\"major\":253,\"minor\":0,\"op\":\"Discard\","
        "\"value\":0},"
        "{\"major\":7,\"minor\":0,\"op\":\"Read\",\"value\":1},{\"major\":7,\"minor\":0,\"op\":\"Write\",\"value\":0},"
        "{\"major\":7,\"minor\":0,\"op\":\"Discard\",\"value\":5}],"
        "\"ioServicedRecursive\":[{\"major\":253,\"minor\":0,\"op\":\"Read\",\"value\":1},");
    has("{\"major\":7,\"minor\":0,\"op\":\"Discard\",\"value\":6}],\"ioQueueRecursive\":[],");
    has(",\"sectorsRecursive\":[]},\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"max\":0,\"failcnt\":8}},");

    static const struct file unlimited[] = {{"memory.max", "max\n"}, {"memory.swap.max", "1000\n"}};
    WRITE_FILES("v2", unlimited);
    stats(&group);
    has("\"usage\":{\"limit\":18446744073709551615,\"usage\":1048576,");
    has("\"swap\":{\"limit\":18446744073709551615,\"usage\":1048600,");
    cgroup_drop(&group);
}

/* cpu by v1, everything else by a cgroup2 directory that has nothing but pressure. */
static void test_hybrid(void) {
    struct cgroup group = group_of("h1", "cpu,cpuacct"), unified = group_of("h2", "");
    static const struct file v1[] = {{"cpuacct.usage", "5\n"}};
    static const struct file v2[] = {{"cpu.stat", "usage_usec 9\n"},
                                     {"cpu.pressure", "some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n"}};
    WRITE_FILES("h1", v1);
    WRITE_FILES("h2", v2);
    group.dirs[group.count++] = unified.dirs[0];
    is_number(stats(&group), 0, "hybrid: %s", err.text);
    has("{\"cpu\":{\"usage\":{\"total\":5,");
    has("\"psi\":{\"some\":{\"avg10\":1.00,");
    cgroup_drop(&group);
}

static void test_nothing(void) {
    static const char nothing[] =
        "{\"cpu\":{\"usage\":{\"total\":0,\"percpu\":[],\"percpu_kernel\":[],\"percpu_user\":[],\"kernel\":0,\"user\":"
        "0},"
        "\"throttling\":{\"periods\":0,\"throttledPeriods\":0,\"throttledTime\":0}},"
        "\"cpuset\":{\"cpus\":[],\"cpu_exclusive\":0,\"mems\":[],\"mem_hardwall\":0,\"mem_exclusive\":0,"
        "\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,"
        "\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
        "\"memory\":{\"cache\":0,\"usage\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
        "\"swap\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
        "\"kernel\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
        "\"kernelTCP\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},\"raw\":{}},"
        "\"pids\":{\"current\":0,\"limit\":0},"
        "\"blkio\":{\"ioServiceBytesRecursive\":[],\"ioServicedRecursive\":[],\"ioQueueRecursive\":[],"
        "\"ioServiceTimeRecursive\":[],\"ioWaitTimeRecursive\":[],\"ioMergedRecursive\":[],\"ioTimeRecursive\":[],"
        "\"sectorsRecursive\":[]},"
        "\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}";
    struct cgroup v1 = group_of("n1", "cpu,cpuacct,cpuset,memory,pids,blkio,hugetlb"), v2 = group_of("n2", "");
    struct cgroup none = CGROUP_INIT, gone = group_of("n3", "");
    cgroup_drop(&gone);
    gone.count = 1;
    gone.dirs[0].fd = -1;
    const struct cgroup *groups[] = {&v1, &v2, &none, &gone};
    for (size_t i = 0; i < 4; i++) {
        is_number(stats(groups[i]), 0, "nothing, %zu: %s", i, err.text);
        is_text(text, nothing, "nothing, %zu", i);
    }
    cgroup_drop(&v1);
    cgroup_drop(&v2);
}

/* A file that is no number is told of, not taken for 0: by its name and what is in it. */
static void test_malformed(void) {
    static const struct {
        const char *name, *bad, *good;
    } v2[] = {
        {"memory.current", "lots\n", "1\n"},
        {"memory.max", "-1\n", "max\n"},
        {"memory.peak", "12 apples and 5 pears of a great many\n", "1\n"},
        {"pids.current", "", "1\n"},
        {"pids.max", "18446744073709551616\n", "18446744073709551615\n"},
        {"cpu.stat", "usage_usec many\n", "usage_usec 1\n"},
        {"memory.swap.max", "0x10\n", "0\n"},
        {"cpuset.cpus.effective", "0-x\n", "0\n"},
        {"cpuset.cpus.effective", "3-1\n", "1-3\n"},
        {"cpuset.cpus.effective", "0,0\n", "0,1\n"},
        {"cpuset.cpus.effective", "0-99999999\n", "65535\n"},
        {"cpuset.mems.effective", ",\n", "\n"},
    };
    struct cgroup group = group_of("m2", "");
    for (size_t i = 0; i < sizeof v2 / sizeof *v2; i++) {
        const struct file file = {v2[i].name, v2[i].bad}, repaired = {v2[i].name, v2[i].good};
        write_files("m2", &file, 1);
        bool apples =
            strstr(v2[i].bad, "apples") != NULL; /* a first number and a blank: more may come in later kernels */
        is_number(stats(&group), apples ? 0 : -EBADMSG, "%s, case %zu", v2[i].name, i);
        if (!apples)
            ok(strstr(err.text, v2[i].name), "it says so: %s", err.text);
        write_files("m2", &repaired, 1);
        is_number(stats(&group), 0, "%s repaired: %s", v2[i].name, err.text);
    }
    cgroup_drop(&group);

    struct cgroup v1 = group_of("m1", "cpuacct,blkio,memory");
    static const struct file percpu[] = {{"cpuacct.usage_percpu", "1 2 x\n"}};
    WRITE_FILES("m1", percpu);
    is_number(stats(&v1), -EBADMSG, "usage_percpu");
    static const struct file all[] = {{"cpuacct.usage_percpu", "\n"}, {"cpuacct.usage_all", "cpu user system\n0 1\n"}};
    WRITE_FILES("m1", all);
    is_number(stats(&v1), -EBADMSG, "usage_all");
    /* Of lists of many things what cannot be understood is passed over, whatever surrounds it. */
    static const struct file lists[] = {
        {"cpuacct.usage_all", "cpu user system\n"},
        {"blkio.throttle.io_service_bytes_recursive", "\n8\n8:\n8:0\n8:0 \n8:0 Read\n8:0 Read x\n:0 Read 1\na:b Read "
                                                      "1\n1:2:3 Read 1\n8:1 Write 5\n8:1 Re\"ad\x01 6"},
        {"memory.stat", "cache 1\n\nrss\nrss x\n 5\na 1 2\nstr\"ange\t 4\nlast 3"},
    };
    WRITE_FILES("m1", lists);
    is_number(stats(&v1), 0, "lists: %s", err.text);
    has("\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":1,\"op\":\"Write\",\"value\":5},"
        "{\"major\":8,\"minor\":1,\"op\":\"Re\\\"ad\\u0001\",\"value\":6}]");
    has("\"raw\":{\"cache\":1,\"last\":3}");
    cgroup_drop(&v1);

    struct cgroup io = group_of("m3", "");
    static const struct file words[] = {
        {"io.stat", "rbytes=1 8:0 rbytes= wbytes=x rbytes wbytes=2\n\n:\n8:1\n8:2"},
        {"io.pressure", "some avg10=x avg60=01.00 avg300= total=-1\nfull avg10=0.50"},
    };
    WRITE_FILES("m3", words);
    is_number(stats(&io), 0, "io: %s", err.text);
    has("\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":2}],");
    has("\"psi\":{\"some\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":0},"
        "\"full\":{\"avg10\":0.50,\"avg60\":0,\"avg300\":0,\"total\":0}}");
    cgroup_drop(&io);
}

/* Many processors and disks. */
static void test_many(void) {
    enum { CPUS = 8192, DISKS = 10000 };
    char *percpu = NULL, *io = NULL;
    size_t size;
    FILE *out = open_memstream(&percpu, &size);
    for (int i = 0; i < CPUS; i++)
        fprintf(out, "%d ", 1000000000 + i);
    fclose(out);
    out = open_memstream(&io, &size);
    for (int i = 0; i < DISKS; i++)
        fprintf(out, "8:%d Read 1\n", i);
    fclose(out);
    struct cgroup group = group_of("many", "cpuacct,cpuset,blkio");
    const struct file files[] = {
        {"cpuacct.usage_percpu", percpu}, {"cpuset.cpus", "0-8191\n"}, {"blkio.throttle.io_serviced_recursive", io}};
    WRITE_FILES("many", files);
    is_number(stats(&group), 0, "many: %s", err.text);
    has(",1000008191],\"percpu_kernel\"");
    has(",8190,8191],\"cpu_exclusive\"");
    has(",{\"major\":8,\"minor\":9999,\"op\":\"Read\",\"value\":1}],\"ioQueueRecursive\"");
    cgroup_drop(&group);
    free(percpu);
    free(io);
}

int main(void) {
    scratch_make();
    int before = open_descriptors();
    test_v1();
    test_v2();
    test_hybrid();
    test_nothing();
    test_malformed();
    test_many();
    is_number(open_descriptors(), before, "no descriptor is left open");
    free(text);
    ok(scratch_remove(), "nothing is left");
    return tap_done();
}
