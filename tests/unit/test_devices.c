/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of plan/devices: linux.devices and the default devices (config-linux.md "Devices"). No privilege. */
#include "oci_types.h"
#include "plan/devices.h"
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>

static struct arena arena = ARENA_INIT;
static struct error err;
static struct plan_devices plan;

#define HAS(name, given) .name = (given), .has_##name = true
#define NODE(name, kind, maj, min) .path = (name), .type = OCI_DEVICE_TYPE_##kind, HAS(major, maj), HAS(minor, min)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int make(struct oci_device *items, size_t count) {
    const struct oci_linux section = {.devices = {.count = count, .items = items}};
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    plan = (struct plan_devices){.items = NULL, .count = 777};
    return devices_plan(&arena, &section, &plan, &err);
}

static const struct plan_device *find(const char *path) {
    for (size_t i = 0; i < plan.count; i++)
        if (strcmp(plan.items[i].path, path) == 0)
            return &plan.items[i];
    return NULL;
}

/* config-linux.md "Default Devices"; the numbers are those of the kernel's devices.txt. */
static const struct {
    const char *path;
    unsigned major, minor;
} defaults[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static void has_defaults(const char *when) {
    for (size_t i = 0; i < COUNT(defaults); i++) {
        const struct plan_device *d = find(defaults[i].path);
        if (!ok(d != NULL, "%s: %s is there", when, defaults[i].path))
            continue;
        ok(d->type == S_IFCHR && d->major == defaults[i].major && d->minor == defaults[i].minor && d->mode == 0666 &&
               d->uid == 0 && d->gid == 0 && d->index == -1,
           "%s: %s is character device %u:%u, 0666, of root", when, defaults[i].path, defaults[i].major,
           defaults[i].minor);
    }
}

static void test_defaults(void) {
    err = (struct error)ERROR_INIT;
    is_number(devices_plan(&arena, NULL, &plan, &err), 0, "no linux section");
    is_number(plan.count, COUNT(defaults), "no linux section: the default devices and no other");
    has_defaults("no linux section");
    is_number(make(NULL, 0), 0, "no devices");
    is_number(plan.count, COUNT(defaults), "no devices: the default devices and no other");
    has_defaults("no devices");
}

static void test_types(void) {
    struct oci_device items[] = {
        {NODE("/dev/fuse", C, 10, 229)}, {NODE("/dev/sda", B, 8, 0)},
        {NODE("/dev/u", U, 3, 4)},       {.path = "/run/fifo", .type = OCI_DEVICE_TYPE_P},
        {NODE("/run/pipe", P, 6, 7)},
    };
    static const mode_t types[] = {S_IFCHR, S_IFBLK, S_IFCHR, S_IFIFO, S_IFIFO};
    is_number(make(items, COUNT(items)), 0, "one of each type");
    is_number(plan.count, COUNT(items) + COUNT(defaults), "the config's and the default ones");
    for (size_t i = 0; i < COUNT(items) && i < plan.count; i++) {
        is_text(plan.items[i].path, items[i].path, "row %zu stands in its place", i);
        ok(plan.items[i].type == types[i], "row %zu: its type", i);
        is_number(plan.items[i].index, i, "row %zu: its index", i);
    }
    is_number(plan.items[0].major, 10, "major number");
    is_number(plan.items[0].minor, 229, "minor number");
    has_defaults("beside others");
}

static void test_modes(void) {
    struct oci_device items[] = {
        {NODE("/dev/a", C, 1, 1)},
        {NODE("/dev/b", C, 1, 1), HAS(file_mode, 0)},
        {NODE("/dev/c", C, 1, 1), HAS(file_mode, 0640)},
        {NODE("/dev/d", C, 1, 1), HAS(file_mode, 020666)}, /* engines leave S_IFCHR in */
        {NODE("/dev/e", C, 1, 1), HAS(file_mode, 0100600)},
        {NODE("/dev/f", C, 1, 1), HAS(uid, 1000), HAS(gid, 2000)},
    };
    static const mode_t modes[] = {0666, 0, 0640, 0666, 0600, 0666};
    is_number(make(items, COUNT(items)), 0, "modes");
    for (size_t i = 0; i < COUNT(items) && i < plan.count; i++)
        ok(plan.items[i].mode == modes[i], "%s has mode %o", plan.items[i].path, (unsigned)modes[i]);
    is_number(plan.items[5].uid, 1000, "owner");
    is_number(plan.items[5].gid, 2000, "group");
}

/* A default device that the config names is the config's business. */
static void test_replaced(void) {
    static const char *const spellings[] = {"/dev/null", "/dev//null", "/dev/./null", "/dev/null/", "/dev/x/../null"};
    for (size_t i = 0; i < COUNT(spellings); i++) {
        struct oci_device items[] = {{NODE(spellings[i], C, 1, 3), HAS(file_mode, 0600)}};
        size_t nulls = 0;
        is_number(make(items, 1), 0, "%s named by the config", spellings[i]);
        for (size_t k = 0; k < plan.count; k++)
            nulls += strcmp(plan.items[k].path, "/dev/null") == 0;
        is_number(nulls, 1, "%s: /dev/null is there once", spellings[i]);
        const struct plan_device *d = find("/dev/null");
        ok(d && d->index == 0 && d->mode == 0600, "%s: it is the config's", spellings[i]);
        is_number(plan.count, COUNT(defaults), "%s: the other default ones are there", spellings[i]);
    }
}

static void test_numbers(void) {
    struct oci_device edges[] = {{NODE("/dev/a", C, 0, 0)}, {NODE("/dev/b", B, 0xfff, 0xfffff)}};
    is_number(make(edges, 2), 0, "the smallest and the largest device number (makedev(3), 12 and 20 bits)");
    is_number(plan.items[1].major, 0xfff, "largest major number");
    is_number(plan.items[1].minor, 0xfffff, "largest minor number");
}

struct refused_case {
    const char *name;
    struct oci_device device;
    const char *word; /* in the message */
};

static void test_refused(void) {
    const struct refused_case cases[] = {
        {"no type", {.path = "/dev/x", HAS(major, 1), HAS(minor, 1)}, "type"},
        {"no path", {.type = OCI_DEVICE_TYPE_C, HAS(major, 1), HAS(minor, 1)}, "path"},
        {"empty path", {NODE("", C, 1, 1)}, "path"},
        {"relative path", {NODE("dev/x", C, 1, 1)}, "dev/x"},
        {"root as path", {NODE("/", C, 1, 1)}, "root"},
        {"root by a detour", {NODE("/dev/..//", C, 1, 1)}, "root"},
        {"root from above", {NODE("/../..", C, 1, 1)}, "root"},
        {"c without major", {.path = "/dev/x", .type = OCI_DEVICE_TYPE_C, HAS(minor, 1)}, "/dev/x"},
        {"c without minor", {.path = "/dev/x", .type = OCI_DEVICE_TYPE_C, HAS(major, 1)}, "/dev/x"},
        {"b without numbers", {.path = "/dev/x", .type = OCI_DEVICE_TYPE_B}, "/dev/x"},
        {"u without numbers", {.path = "/dev/x", .type = OCI_DEVICE_TYPE_U}, "/dev/x"},
        {"negative major", {NODE("/dev/x", C, -1, 1)}, "-1"},
        {"negative minor", {NODE("/dev/x", C, 1, -1)}, "-1"},
        {"major too large", {NODE("/dev/x", C, 0x1000, 1)}, "4096"},
        {"minor too large", {NODE("/dev/x", C, 1, 0x100000)}, "1048576"},
        {"major beyond 32 bits", {NODE("/dev/x", C, INT64_C(1) << 32, 1)}, "4294967296"},
        {"minor beyond 32 bits", {NODE("/dev/x", B, 1, (INT64_C(1) << 32) + 3)}, "4294967299"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct oci_device items[] = {{NODE("/dev/good", C, 1, 1)}, cases[i].device};
        is_number(make(items, 2), -EINVAL, "%s: refused", cases[i].name);
        is_text(err.place, "/linux/devices/1", "%s: at its place", cases[i].name);
        ok(strstr(err.text, cases[i].word), "%s: by name (%s)", cases[i].name, err.text);
        ok(!plan.items && plan.count == 777, "%s: out is untouched", cases[i].name);
    }
}

int main(void) {
    test_defaults();
    test_types();
    test_modes();
    test_replaced();
    test_numbers();
    test_refused();
    arena_drop(&arena);
    return tap_done();
}
