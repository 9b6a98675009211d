/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of plan/scope: names of units, where their cgroups are, and properties from limits and annotations. */
#include "oci_types.h"
#include "plan/resources.h"
#include "plan/scope.h"
#include "tap.h"

#include <errno.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena arena = ARENA_INIT;
static struct error err;
static struct plan_scope scope;

static int name(const char *cgroups_path, bool rootless) {
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    scope = (struct plan_scope){.unit = NULL};
    return scope_plan_name(&arena, cgroups_path, "c1", rootless, &scope, &err);
}

static void test_names(void) {
    static const struct {
        const char *given, *unit, *path;
        bool rootless;
    } good[] = {
        {NULL, "berth-c1.scope", "/system.slice/berth-c1.scope", false},
        {NULL, "berth-c1.scope", "/user.slice/berth-c1.scope", true},
        {"machine.slice:libpod:abc", "libpod-abc.scope", "/machine.slice/libpod-abc.scope", false},
        {"a-b-c.slice:p:n", "p-n.scope", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope", false},
        {"-.slice:p:n", "p-n.scope", "/p-n.scope", false},
        {"::n", "n.scope", "/system.slice/n.scope", false},
        {"kubepods-burstable-podaf1f1a05_6cd8.slice:cri-containerd:0a", "cri-containerd-0a.scope",
         "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podaf1f1a05_6cd8.slice/cri-containerd-0a.scope",
         false},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        is_number(name(good[i].given, good[i].rootless), 0, "%s: planned", good[i].given ? good[i].given : "none");
        is_text(scope.unit, good[i].unit, "its unit");
        is_text(scope.path, good[i].path, "its cgroup");
    }
    static const char *const bad[] = {"/docker/abc",  "a.slice:b", "a.slice:b:c:d", "a--b.slice:p:n", "-a.slice:p:n",
                                      "a-.slice:p:n", "a:p:n",     ".slice:p:n",    "a/b.slice:p:n",  "../x.slice:p:n",
                                      ":p:",          ":p:a/b",    ":p:x.slice",    ":p:a+b",         ":p:a b"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        is_number(name(bad[i], false), -EINVAL, "%s: refused", bad[i]);
        is_text(err.place, "/linux/cgroupsPath", "at its place: %s", err.text);
    }
    name("/docker/abc", false);
    ok(strstr(err.text,
              "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/docker/abc\""),
       "in the words that people know: %s", err.text);
}

static void test_long_names(void) {
    static const struct {
        const char *before, *after, *says;
    } cases[] = {
        {"::", "", "has 256 bytes, 255 at most"}, /* with ".scope" */
        {"", ".slice::x", "has 256 bytes, 255 at most"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[300], filler[250 + 1] = "";
        memset(filler, 'n', sizeof filler - 1);
        snprintf(path, sizeof path, "%s%s%s", cases[i].before, filler, cases[i].after);
        is_number(name(path, false), -EINVAL, "a unit name of 256 bytes is refused");
        ok(strstr(err.text, cases[i].says), "and its length is named: %s", err.text);
        snprintf(path, sizeof path, "%s%s%s", cases[i].before, filler + 1, cases[i].after);
        is_number(name(path, false), 0, "one of 255 bytes is taken");
    }
}

/* The last property of a name, as systemd takes them. */
static const struct scope_property *find(const struct scope_properties *list, const char *wanted) {
    const struct scope_property *found = NULL;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, wanted) == 0)
            found = &list->items[i];
    return found;
}

static void is_property(const struct scope_properties *list, const char *wanted, const char *signature,
                        const char *value) {
    const struct scope_property *p = find(list, wanted);
    ok(p != NULL, "%s is there", wanted);
    if (p) {
        is_text(p->signature, signature, "%s: its type", wanted);
        is_text(p->value, value, "%s: its value", wanted);
    }
}

static void test_limits(void) {
    static const struct {
        const char *file, *value, *property, *signature, *expected;
    } cases[] = {
        {"memory.max", "1048576", "MemoryMax", "t", "1048576"},
        {"memory.max", "max", "MemoryMax", "t", "18446744073709551615"},
        {"memory.swap.max", "0", "MemorySwapMax", "t", "0"},
        {"memory.low", "5", "MemoryLow", "t", "5"},
        {"memory.oom.group", "1", "OOMPolicy", "s", "kill"},
        {"cpu.weight", "100", "CPUWeight", "t", "100"},
        {"cpu.idle", "1", "CPUWeight", "t", "0"},
        {"cpu.max", "20000 100000", "CPUQuotaPerSecUSec", "t", "200000"},
        {"cpu.max", "20000 100000", "CPUQuotaPeriodUSec", "t", "100000"},
        {"cpu.max", "12345 100000", "CPUQuotaPerSecUSec", "t", "130000"}, /* a whole percent, upwards */
        {"cpu.max", "max 100000", "CPUQuotaPerSecUSec", "t", "18446744073709551615"},
        {"cpuset.cpus", "0-1,8", "AllowedCPUs", "ay", "0301"},
        {"cpuset.mems", "0", "AllowedMemoryNodes", "ay", "01"},
        {"io.weight", "4950", "IOWeight", "t", "4950"},
        {"pids.max", "max", "TasksMax", "t", "18446744073709551615"},
        {"pids.max", "7", "TasksMax", "t", "7"},
        {"memory.limit_in_bytes", "-1", "MemoryLimit", "t", "18446744073709551615"},
        {"cpu.shares", "512", "CPUShares", "t", "512"},
        {"cpu.cfs_quota_us", "50000", "CPUQuotaPerSecUSec", "t", "500000"},
        {"cpu.cfs_quota_us", "-1", "CPUQuotaPerSecUSec", "t", "18446744073709551615"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct resource_write write = {.controller = "x", .file = cases[i].file, .value = cases[i].value};
        struct scope_properties list = {.count = 0};
        is_number(scope_plan_limits(&arena, &write, 1, &list, &err), 0, "%s %s", cases[i].file, cases[i].value);
        is_property(&list, cases[i].property, cases[i].signature, cases[i].expected);
        ok(find(&list, cases[i].property)->optional, "which may be left out: the file says it");
    }
    static const struct resource_write none[] = {{.file = "hugetlb.2MB.max", .value = "1"},
                                                 {.file = "memory.high", .value = "10%"},
                                                 {.file = "cpuset.cpus", .value = "0-99999"},
                                                 {.file = "cpu.idle", .value = "0"}};
    struct scope_properties list = {.count = 0};
    is_number(scope_plan_limits(&arena, none, COUNT(none), &list, &err), 0, "what has no property");
    is_number(list.count, 0, "is left to the files");
    static const struct resource_write v1[] = {{.file = "cpu.cfs_period_us", .value = "50000"},
                                               {.file = "cpu.cfs_quota_us", .value = "10000"}};
    is_number(scope_plan_limits(&arena, v1, COUNT(v1), &list, &err), 0, "quota and period of v1");
    is_property(&list, "CPUQuotaPerSecUSec", "t", "200000");
    is_property(&list, "CPUQuotaPeriodUSec", "t", "50000");
}

static int annotate(const char *key, const char *value) {
    struct oci_string_entry row = {.key = key, .value = value};
    const struct oci_string_map map = {.count = 1, .items = &row};
    const struct plan_resources resources = {.count = 0};
    name(NULL, false);
    return scope_plan_properties(&arena, "c1", &map, &resources, true, &scope, &err);
}

static void test_annotations(void) {
    static const struct {
        const char *key, *value, *property, *signature, *expected;
    } good[] = {
        {"org.systemd.property.KillMode", "'process'", "KillMode", "s", "process"},
        {"org.systemd.property.KillMode", "\"it's\"", "KillMode", "s", "it's"},
        {"org.systemd.property.SendSIGHUP", "true", "SendSIGHUP", "b", "1"},
        {"org.systemd.property.TimeoutStopUSec", "uint64 5000000", "TimeoutStopUSec", "t", "5000000"},
        {"org.systemd.property.TimeoutStopSec", "uint64 5", "TimeoutStopUSec", "t", "5000000"},
        {"org.systemd.property.TimeoutStopSec", "1.5", "TimeoutStopUSec", "t", "1500000"},
        {"org.systemd.property.Nice", "int32 -3", "Nice", "i", "-3"},
        {"org.systemd.property.After", "['a.service', 'b.service']", "After", "as",
         "a.service\x1f"
         "b.service\x1f"},
        {"org.systemd.property.After", "[]", "After", "as", ""},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        is_number(annotate(good[i].key, good[i].value), 0, "%s = %s", good[i].key, good[i].value);
        is_property(&scope.properties, good[i].property, good[i].signature, good[i].expected);
        ok(find(&scope.properties, good[i].property) && !find(&scope.properties, good[i].property)->optional,
           "which is not left out silently");
    }
    static const struct {
        const char *key, *value;
    } bad[] = {{"org.systemd.property.", "true"},
               {"org.systemd.property.Ab", "true"},
               {"org.systemd.property.Kill Mode", "true"},
               {"org.systemd.property.KillMode", "process"},
               {"org.systemd.property.KillMode", "'open"},
               {"org.systemd.property.KillMode", "'a' 'b'"},
               {"org.systemd.property.KillMode", ""},
               {"org.systemd.property.KillMode", "'a\nproperty X b 1'"},
               {"org.systemd.property.Nice", "int32 1.5"},
               {"org.systemd.property.Nice", "uint64"},
               {"org.systemd.property.After", "['a'"},
               {"org.systemd.property.After", "['a' 'b']"},
               {"org.systemd.property.TimeoutStopSec", "'5'"},
               {"org.systemd.property.TimeoutStopSec", "int32 -5"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        is_number(annotate(bad[i].key, bad[i].value), -EINVAL, "annotation %zu: refused", i);
        ok(strncmp(err.place, "/annotations/org.systemd.property.", 34) == 0, "at its place");
    }
    is_number(annotate("org.example.property.X", "whatever"), 0, "an annotation of somebody else's");
    is_property(&scope.properties, "Description", "s", "berth container c1");
    is_property(&scope.properties, "Slice", "s", "system.slice");
    is_property(&scope.properties, "Delegate", "b", "1");
    is_property(&scope.properties, "CollectMode", "s", "inactive-or-failed");
    ok(!find(&scope.properties, "DevicePolicy"), "on cgroup2 the devices are no business of systemd's");
}

/* Of cgroup v1 alone. */
static void test_devices(void) {
    struct resource_write writes[] = {{.file = "devices.deny", .value = "a"},
                                      {.file = "devices.allow", .value = "c 1:3 rwm"},
                                      {.file = "devices.allow", .value = "c 136:* rw"},
                                      {.file = "devices.allow", .value = "b *:* m"},
                                      {.file = "devices.allow", .value = "c *:7 r"}};
    const struct oci_string_map map = {.count = 0};
    struct plan_resources resources = {.writes = writes, .count = COUNT(writes)};
    name(NULL, false);
    is_number(scope_plan_properties(&arena, "c1", &map, &resources, false, &scope, &err), 0, "device rules of v1");
    is_property(&scope.properties, "DevicePolicy", "s", "strict");
    is_property(&scope.properties, "DeviceAllow", "a(ss)",
                "/dev/char/1:3\x1f"
                "rwm\x1f"
                "char-136\x1frw\x1f"
                "block-*\x1fm\x1f");
    name(NULL, false);
    writes[0].file = "devices.allow";
    is_number(scope_plan_properties(&arena, "c1", &map, &resources, false, &scope, &err), 0, "all devices");
    ok(!find(&scope.properties, "DevicePolicy"), "need no policy");
}

int main(void) {
    test_names();
    test_long_names();
    test_limits();
    test_annotations();
    test_devices();
    arena_drop(&arena);
    return tap_done();
}
