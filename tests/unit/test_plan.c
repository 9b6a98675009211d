/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of plan/plan: container ids, and what plan.c itself looks at: version, root, names, sysctls, masked and
 * read-only paths, propagation of the root, and what is not supported. The sections have tests of their own. No
 * privilege.
 */
#include "oci_types.h"
#include "plan/plan.h"
#include "tap.h"

#include <ctype.h>
#include <errno.h>
#include <linux/mount.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIST(type, ...)                                                                                                \
    { .items = (type[]){__VA_ARGS__}, .count = sizeof((type[]){__VA_ARGS__}) / sizeof(type) }
#define WORDS(...) LIST(const char *, __VA_ARGS__)
#define BARE(...) (&(struct oci_config){__VA_ARGS__})
#define ROOT                                                                                                           \
    &(struct oci_root) {                                                                                               \
        .path = "rootfs"                                                                                               \
    }
/* A config that nothing is wrong with, and what is given beside it. */
#define CONFIG(...) BARE(.oci_version = "1.3.0", .root = ROOT, __VA_ARGS__)
#define LINUX(...) CONFIG(.linux = &(struct oci_linux){__VA_ARGS__})
/* The namespaces that Docker asks for. */
#define USUAL                                                                                                          \
    .namespaces =                                                                                                      \
        LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_MOUNT}, {.type = OCI_NAMESPACE_TYPE_PID},               \
             {.type = OCI_NAMESPACE_TYPE_NETWORK}, {.type = OCI_NAMESPACE_TYPE_IPC}, {.type = OCI_NAMESPACE_TYPE_UTS})

static struct arena arena = ARENA_INIT;
static struct error err;
static struct plan plan;
static struct facts facts = {.unified = true};
static struct plan_request request = {.id = "c1", .bundle = "/bundles/b1"};

static int make(const struct oci_config *config) {
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    memset(&plan, 0x5a, sizeof plan);
    return plan_build(&arena, config, &facts, &request, &plan, &err);
}

static bool untouched(void) {
    struct plan sentinel;
    memset(&sentinel, 0x5a, sizeof sentinel);
    return memcmp(&plan, &sentinel, sizeof plan) == 0;
}

static void refuses(const struct oci_config *config, const char *place, const char *word, const char *name) {
    is_number(make(config), -EINVAL, "%s: refused", name);
    is_text(err.place, place, "%s: at its place", name);
    ok(strstr(err.text, word), "%s: by name (%s)", name, err.text);
    ok(untouched(), "%s: out is untouched", name);
}

/* A text with what is not printable as ?, so that it fits into a line of TAP. */
static const char *visible(const char *text) {
    static char copy[64];
    size_t len = 0;
    for (; text[len] && len < sizeof copy - 1; len++)
        copy[len] = text[len] >= ' ' && text[len] < 127 ? text[len] : '?';
    copy[len] = '\0';
    return copy;
}

/* --- ids --------------------------------------------------------------------------------------------------------- */

static void test_ids(void) {
    static const struct {
        const char *id;
        bool good;
    } cases[] = {
        {"c1", true},        {"a", true},          {"A.b_c+d-e", true}, {"-x", true},      {"_", true},
        {"+", true},         {"0", true},          {"a..b", true},      {"a.", true},      {"", false},
        {".", false},        {"..", false},        {".x", false},       {".cache", false}, {"...", false},
        {"a/b", false},      {"/a", false},        {"a/", false},       {"../a", false},   {"a/../b", false},
        {"a b", false},      {" a", false},        {"a ", false},       {"a\n", false},    {"\n", false},
        {"a\tb", false},     {"a:b", false},       {"a@b", false},      {"a=b", false},    {"a,b", false},
        {"a*", false},       {"a\\b", false},      {"a%s", false},      {"~", false},      {"a\x7f", false},
        {"\xc3\xa4", false}, {"a\xc3\xa4", false}, {"a\xff", false},    {"a\x01", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        err = (struct error)ERROR_INIT;
        int r = plan_check_id(cases[i].id, &err);
        ok(cases[i].good ? r == 0 : r < 0, "id \"%s\" is %s", visible(cases[i].id), cases[i].good ? "one" : "none");
        if (!cases[i].good)
            ok(strstr(err.text, "invalid container ID format"), "id \"%s\": in the words that engines know",
               visible(cases[i].id));
    }
}

/* Every byte at every place of a short id. */
static void test_id_bytes(void) {
    int wrong = 0;
    for (int c = 1; c < 256; c++) {
        for (int place = 0; place < 3; place++) {
            char id[4] = "abc";
            id[place] = (char)c;
            bool good = (c < 128 && isalnum(c)) || c == '_' || c == '+' || c == '-' || (c == '.' && place > 0);
            wrong += (plan_check_id(id, &err) == 0) != good;
        }
    }
    is_number(wrong, 0, "[A-Za-z0-9_+-][A-Za-z0-9_+.-]*, byte by byte");
}

static void test_id_length(void) {
    static const struct {
        size_t len;
        bool good;
    } cases[] = {{1, true}, {255, true}, {300, true}, {1024, true}, {1025, false}, {4096, false}, {65536, false}};
    static char id[65537];
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(id, 'a', cases[i].len);
        id[cases[i].len] = '\0';
        ok((plan_check_id(id, &err) == 0) == cases[i].good, "an id of %zu bytes is %s", cases[i].len,
           cases[i].good ? "one" : "none");
    }
    ok(strstr(err.text, "invalid container ID format"), "too long a one is refused in the same words");
}

/* --- version, root, names ---------------------------------------------------------------------------------------- */

static void test_version(void) {
    static const char *const good[] = {"1.0.0", "1.0.0-rc5", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.3.0+x"};
    static const char *const bad[] = {"0.9.0", "2.0.0", "10.0.0", "11.0.0", "0.1.0", ""};
    for (size_t i = 0; i < COUNT(good); i++)
        is_number(make(BARE(.oci_version = good[i], .root = ROOT)), 0, "ociVersion %s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        refuses(BARE(.oci_version = bad[i], .root = ROOT), "/ociVersion", "ociVersion", bad[i]);
}

static void test_root(void) {
    is_number(make(CONFIG(.hostname = NULL)), 0, "the least config");
    is_text(plan.rootfs, "/bundles/b1/rootfs", "a relative root is below the bundle");
    ok(!plan.rootfs_readonly, "and may be written to");
    is_number(make(BARE(.oci_version = "1.3.0", .root = &(struct oci_root){.path = "/srv/root", .readonly = true})), 0,
              "an absolute root, read-only");
    is_text(plan.rootfs, "/srv/root", "is taken as it is");
    ok(plan.rootfs_readonly, "and is read-only");
    refuses(BARE(.oci_version = "1.3.0"), "/root/path", "root", "no root");
    refuses(BARE(.oci_version = "1.3.0", .root = &(struct oci_root){.path = NULL}), "/root/path", "root.path",
            "no path");
    refuses(BARE(.oci_version = "1.3.0", .root = &(struct oci_root){.path = ""}), "/root/path", "root.path",
            "empty path");
}

static void test_request(void) {
    static const char *const extra[] = {"LISTEN_FDS=2", NULL};
    struct plan_request saved = request;
    is_number(make(CONFIG(.hostname = NULL)), 0, "no process and no linux section");
    ok(!plan.has_process && !plan.no_pivot && !plan.keyring, "no process");
    ok(plan.namespaces.recipe.clone == 0 && plan.namespaces.recipe.join == 0, "no namespaces");
    ok(!plan.cgroups_path && plan.sysctl_count == 0 && plan.masked_count == 0 && plan.readonly_count == 0 &&
           plan.root_propagation == 0 && !plan.hostname && !plan.domainname && plan.mounts.count == 0,
       "nothing else");
    request = (struct plan_request){.id = "x", .bundle = "/y", .no_pivot = true, .keyring = "ring", .extra_env = extra};
    struct oci_process process = {.cwd = "/", .args = WORDS("sh")};
    is_number(make(CONFIG(.process = &process)), 0, "what the caller says beside the config");
    is_text(plan.id, "x", "id");
    is_text(plan.bundle, "/y", "bundle");
    ok(plan.no_pivot && plan.has_process && !plan.keyring_is_ours, "flags");
    is_text(plan.keyring, "ring", "the name of the session keyring");
    is_text(plan.process.env[0], "LISTEN_FDS=2", "entries for the environment");
    const struct plan_mount mount = {.kind = MOUNT_BIND, .destination = "/run/x", .source = "/y"};
    request.extra_mount = &mount;
    is_number(make(CONFIG(.process = &process)), 0, "a mount of the caller");
    ok(plan.mounts.count == 1 && strcmp(plan.mounts.items[0].destination, "/run/x") == 0, "is planned");
    request = saved;
    is_number(make(LINUX(.cgroups_path = "")), 0, "an empty cgroupsPath");
    is_text(plan.cgroups_path, NULL, "is none");
    is_number(make(LINUX(.cgroups_path = "/a/b")), 0, "a cgroupsPath");
    is_text(plan.cgroups_path, "/a/b", "is kept");
}

static void test_names(void) {
    struct oci_linux uts = {.namespaces = LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_UTS})};
    struct oci_linux joined = {.namespaces =
                                   LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_UTS, .path = "/u"})};
    struct oci_linux without = {.namespaces = LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_PID})};
    struct oci_linux *const own[] = {&uts, &joined};
    for (size_t i = 0; i < COUNT(own); i++) {
        const char *how = i ? "joined" : "new";
        is_number(make(CONFIG(.hostname = "h", .domainname = "d", .linux = own[i])), 0, "names with a %s uts namespace",
                  how);
        is_text(plan.hostname, "h", "hostname, %s", how);
        is_text(plan.domainname, "d", "domainname, %s", how);
    }
    refuses(CONFIG(.hostname = "h", .linux = &without), "/hostname", "hostname", "hostname without a uts namespace");
    refuses(CONFIG(.hostname = "h"), "/hostname", "hostname", "hostname without a linux section");
    refuses(CONFIG(.domainname = "d", .linux = &without), "/domainname", "domainname",
            "domainname without a uts namespace");
    is_number(make(CONFIG(.hostname = "", .domainname = "", .linux = &without)), 0, "empty names");
    ok(!plan.hostname && !plan.domainname, "are none");
}

/* --- sysctl ------------------------------------------------------------------------------------------------------ */

#define ALL_NAMESPACES                                                                                                 \
    .namespaces = LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_USER}, {.type = OCI_NAMESPACE_TYPE_MOUNT},    \
                       {.type = OCI_NAMESPACE_TYPE_PID}, {.type = OCI_NAMESPACE_TYPE_NETWORK},                         \
                       {.type = OCI_NAMESPACE_TYPE_IPC}, {.type = OCI_NAMESPACE_TYPE_UTS},                             \
                       {.type = OCI_NAMESPACE_TYPE_CGROUP}, {.type = OCI_NAMESPACE_TYPE_TIME}),                        \
    .uid_mappings = LIST(struct oci_id_mapping, {.size = 1}), .gid_mappings = LIST(struct oci_id_mapping, {.size = 1})

static int make_sysctl(struct oci_linux *section, const char *key, const char *value) {
    struct oci_string_entry entry = {key, value};
    section->sysctl.items = &entry;
    section->sysctl.count = 1;
    return make(CONFIG(.linux = section));
}

/* The first separator says which of the two it is; the other one is then an ordinary character (sysctl(8)). */
static void test_sysctl_paths(void) {
    static const struct {
        const char *key, *path;
    } cases[] = {
        {"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
        {"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
        {"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"},
        {"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"},
        {"kernel.shm_rmid_forced", "kernel/shm_rmid_forced"},
        {"fs.mqueue.msg_max", "fs/mqueue/msg_max"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct oci_linux section = {ALL_NAMESPACES};
        is_number(make_sysctl(&section, cases[i].key, "1"), 0, "sysctl %s", cases[i].key);
        if (!ok(plan.sysctl_count == 1, "sysctl %s: one", cases[i].key))
            continue;
        is_text(plan.sysctls[0].path, cases[i].path, "sysctl %s: its path", cases[i].key);
        is_text(plan.sysctls[0].key, cases[i].key, "sysctl %s: its key", cases[i].key);
        is_text(plan.sysctls[0].value, "1", "sysctl %s: its value", cases[i].key);
    }
}

/* Each is the affair of one namespace: with that one alone it is allowed, with all others it is not. */
static void test_sysctl_namespaces(void) {
    static const struct {
        const char *key;
        enum oci_namespace_type type;
    } cases[] = {
        {"kernel.msgmax", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.msgmnb", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.msgmni", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.sem", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.shmall", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.shmmax", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.shmmni", OCI_NAMESPACE_TYPE_IPC},
        {"kernel.shm_rmid_forced", OCI_NAMESPACE_TYPE_IPC},
        {"fs.mqueue.queues_max", OCI_NAMESPACE_TYPE_IPC},
        {"net.core.somaxconn", OCI_NAMESPACE_TYPE_NETWORK},
        {"net/ipv6/conf/all/forwarding", OCI_NAMESPACE_TYPE_NETWORK},
        {"net.ipv4.ping_group_range", OCI_NAMESPACE_TYPE_NETWORK},
        {"kernel.domainname", OCI_NAMESPACE_TYPE_UTS},
        {"user.max_user_namespaces", OCI_NAMESPACE_TYPE_USER},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int joined = 0; joined < 2; joined++) {
            struct oci_namespace one = {.type = cases[i].type, .path = joined ? "/ns" : NULL};
            struct oci_linux alone = {.namespaces = {1, &one}};
            if (cases[i].type == OCI_NAMESPACE_TYPE_USER) {
                static struct oci_id_mapping root = {.size = 1};
                alone.uid_mappings.items = alone.gid_mappings.items = &root;
                alone.uid_mappings.count = alone.gid_mappings.count = 1;
            }
            is_number(make_sysctl(&alone, cases[i].key, "1"), 0, "sysctl %s with a %s namespace of its kind",
                      cases[i].key, joined ? "joined" : "new");
            if (err.code == 0)
                is_text(ns_name(plan.sysctls[0].kind), oci_namespace_type_name(cases[i].type),
                        "sysctl %s: knows the kind", cases[i].key);
        }
        struct oci_linux others = {ALL_NAMESPACES};
        for (size_t k = 0; k < others.namespaces.count; k++)
            if (others.namespaces.items[k].type == cases[i].type)
                others.namespaces.items[k] = others.namespaces.items[--others.namespaces.count];
        if (cases[i].type == OCI_NAMESPACE_TYPE_USER)
            others.uid_mappings.count = others.gid_mappings.count = 0;
        is_number(make_sysctl(&others, cases[i].key, "1"), -EINVAL, "sysctl %s with all but that", cases[i].key);
        char place[104];
        snprintf(place, sizeof place, "/linux/sysctl/%s", cases[i].key);
        is_text(err.place, place, "sysctl %s: at its place", cases[i].key);
        ok(strstr(err.text, cases[i].key) && strstr(err.text, oci_namespace_type_name(cases[i].type)),
           "sysctl %s: says what is missing (%s)", cases[i].key, err.text);
    }
}

/* With every namespace of one's own these are still the host's, or no sysctl at all. */
static void test_sysctl_refused(void) {
    static const struct {
        const char *key, *value;
    } cases[] = {
        {"kernel.hostname", "x"},
        {"kernel/hostname", "x"},
        {"kernel.core_pattern", "|/x"},
        {"kernel.msgmax2", "1"},
        {"kernel.ms", "1"},
        {"kernel.shm", "1"},
        {"kernel.sem.x", "1"},
        {"kernel.sysrq", "1"},
        {"vm.swappiness", "1"},
        {"fs.file-max", "1"},
        {"fs.mqueue", "1"},
        {"network.x", "1"},
        {"user", "1"},
        {"net", "1"},
        {"kernel", "1"},
        {"", "1"},
        {".", "1"},
        {"/", "1"},
        {"/net/ipv4/ip_forward", "1"},
        {".net.ipv4.ip_forward", "1"},
        {"net..ipv4", "1"},
        {"net//ipv4", "1"},
        {"net/../kernel/core_pattern", "|/x"},
        {"../net/x", "1"},
        {"net/..", "1"},
        {"net.ipv4.//.kernel.core_pattern", "1"},
        {"net/ipv4/x\n", "1"},
        {"net.ipv4.ip_forward", "1\nkernel.core_pattern=|/x"},
        {"net.ipv4.ip_forward", "\n"},
        {"net.", "1"},
        {"net/ipv4/", "1"},
        {"Net.ipv4.ip_forward", "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct oci_linux section = {ALL_NAMESPACES};
        is_number(make_sysctl(&section, cases[i].key, cases[i].value), -EINVAL, "sysctl \"%s\" is refused",
                  visible(cases[i].key));
        ok(untouched(), "sysctl \"%s\": out is untouched", visible(cases[i].key));
    }
    struct oci_linux section = {ALL_NAMESPACES};
    make_sysctl(&section, "kernel.hostname", "x");
    ok(strstr(err.text, "conflict"), "kernel.hostname: says why (%s)", err.text);
}

/* --- paths, propagation, devices --------------------------------------------------------------------------------- */

static const char *joined(const char *const *paths, size_t count) {
    static char text[512];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", paths[i]);
    return text;
}

static void test_paths(void) {
    struct oci_string_array paths = WORDS("/proc/kcore", "/sys//firmware/", "/proc/kcore", "/proc/./x/../kcore", "/a");
    for (int readonly = 0; readonly < 2; readonly++) {
        const char *name = readonly ? "readonlyPaths" : "maskedPaths";
        struct oci_linux section = {USUAL};
        struct oci_string_array *list = readonly ? &section.readonly_paths : &section.masked_paths;
        *list = paths;
        is_number(make(CONFIG(.linux = &section)), 0, "%s", name);
        is_text(readonly ? joined(plan.readonly_paths, plan.readonly_count)
                         : joined(plan.masked_paths, plan.masked_count),
                "/proc/kcore /sys/firmware /a ", "%s: clean, each once, in order", name);
        is_number(readonly ? plan.masked_count : plan.readonly_count, 0, "%s: only those", name);
        char place[64];
        snprintf(place, sizeof place, "/linux/%s/1", name);
        *list = (struct oci_string_array)WORDS("/a", "proc/kcore");
        refuses(CONFIG(.linux = &section), place, "proc/kcore", "a relative path");
        *list = (struct oci_string_array)WORDS("/a", "");
        refuses(CONFIG(.linux = &section), place, "absolute", "an empty path");
        struct oci_linux bare = {.namespaces = LIST(struct oci_namespace, {.type = OCI_NAMESPACE_TYPE_PID})};
        *(readonly ? &bare.readonly_paths : &bare.masked_paths) = paths;
        snprintf(place, sizeof place, "/linux/%s", name);
        refuses(CONFIG(.linux = &bare), place, "mount namespace", "without a mount namespace");
    }
}

static void test_propagation(void) {
    static const struct {
        enum oci_propagation given;
        unsigned long want;
    } cases[] = {
        {OCI_PROPAGATION_UNSET, 0},
        {OCI_PROPAGATION_PRIVATE, MS_PRIVATE},
        {OCI_PROPAGATION_RPRIVATE, MS_PRIVATE | MS_REC},
        {OCI_PROPAGATION_SHARED, MS_SHARED},
        {OCI_PROPAGATION_RSHARED, MS_SHARED | MS_REC},
        {OCI_PROPAGATION_SLAVE, MS_SLAVE},
        {OCI_PROPAGATION_RSLAVE, MS_SLAVE | MS_REC},
        {OCI_PROPAGATION_UNBINDABLE, MS_UNBINDABLE},
        {OCI_PROPAGATION_RUNBINDABLE, MS_UNBINDABLE | MS_REC},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = oci_propagation_name(cases[i].given);
        is_number(make(LINUX(USUAL, .rootfs_propagation = cases[i].given)), 0, "rootfsPropagation %s",
                  name ? name : "unset");
        ok(plan.root_propagation == cases[i].want, "rootfsPropagation %s: its flags", name ? name : "unset");
    }
}

/* Each section is planned, and what it refuses is refused. */
static void test_sections(void) {
    struct oci_device devices[] = {{.type = OCI_DEVICE_TYPE_C,
                                    .path = "/dev/fuse",
                                    .major = 10,
                                    .has_major = true,
                                    .minor = 229,
                                    .has_minor = true}};
    struct oci_mount mounts[] = {{.destination = "/proc", .type = "proc", .source = "proc"}};
    struct oci_hook hooks[] = {{.path = "/bin/hook"}};
    struct oci_process process = {.cwd = "/", .args = WORDS("sh")};
    struct oci_pids pids = {.limit = 7, .has_limit = true};
    struct oci_resources resources = {.pids = &pids};
    is_number(
        make(CONFIG(.mounts = {1, mounts}, .hooks = &(struct oci_hooks){.poststop = {1, hooks}}, .process = &process,
                    .linux = &(struct oci_linux){USUAL, .devices = {1, devices}, .resources = &resources})),
        0, "a config with every section");
    ok(plan.mounts.count == 1 && plan.hooks.at[HOOK_POSTSTOP].count == 1 && plan.process.args &&
           plan.devices.count == 7 && plan.resources.count == 1 && plan.namespaces.recipe.clone != 0,
       "plans every section");
    is_text(plan.resources.count ? plan.resources.writes[0].file : NULL, "pids.max", "resources for cgroup2");
    devices[0].has_minor = false;
    refuses(LINUX(.devices = {1, devices}), "/linux/devices/0", "/dev/fuse", "a bad device");
    mounts[0].destination = "";
    refuses(CONFIG(.mounts = {1, mounts}), "/mounts/0", "destination", "a bad mount");
    hooks[0].path = "hook";
    refuses(CONFIG(.hooks = &(struct oci_hooks){.poststop = {1, hooks}}), "/hooks/poststop/0/path", "hook",
            "a bad hook");
    process.cwd = "x";
    refuses(CONFIG(.process = &process), "/process/cwd", "Cwd must be an absolute path", "a bad process");
    struct oci_namespace twice[] = {{.type = OCI_NAMESPACE_TYPE_PID}, {.type = OCI_NAMESPACE_TYPE_PID}};
    refuses(LINUX(.namespaces = {2, twice}), "/linux/namespaces/1", "pid", "a bad namespace");
}

/* personality(2): 0 is PER_LINUX, 8 is PER_LINUX32; config-linux.md defines no flag. */
static void test_personality(void) {
    is_number(make(LINUX(USUAL)), 0, "no personality");
    ok(!plan.has_personality, "is none");
    is_number(make(LINUX(USUAL, .personality = &(struct oci_personality){.domain = OCI_PERSONALITY_DOMAIN_LINUX})), 0,
              "personality LINUX");
    ok(plan.has_personality && plan.personality == 0, "is 0");
    is_number(make(LINUX(USUAL, .personality = &(struct oci_personality){.domain = OCI_PERSONALITY_DOMAIN_LINUX32})), 0,
              "personality LINUX32");
    ok(plan.has_personality && plan.personality == 8, "is 8");
    refuses(LINUX(USUAL, .personality = &(struct oci_personality){.domain = OCI_PERSONALITY_DOMAIN_LINUX,
                                                                  .flags = WORDS("ADDR_NO_RANDOMIZE")}),
            "/linux/personality/flags", "personality", "a flag of personality");
}

/* What is not there yet is refused by its name, never passed over. Whoever builds one takes it out of here. */
static void test_unsupported(void) {
    refuses(LINUX(USUAL, .intel_rdt = &(struct oci_intel_rdt){.clos_id = "x"}), "/linux/intelRdt", "intelRdt",
            "intelRdt");
    refuses(LINUX(USUAL, .personality = &(struct oci_personality){.domain = OCI_PERSONALITY_DOMAIN_UNSET}),
            "/linux/personality", "personality", "personality without a domain");
    refuses(LINUX(USUAL, .memory_policy = &(struct oci_memory_policy){.mode = OCI_MEMORY_POLICY_MODE_LOCAL}),
            "/linux/memoryPolicy", "memoryPolicy", "memoryPolicy");
    struct oci_net_device_entry net = {.key = "eth0"};
    refuses(LINUX(USUAL, .net_devices = {1, &net}), "/linux/netDevices", "netDevices", "netDevices");
}

#define PROCESS(...)                                                                                                   \
    CONFIG(.process = &(struct oci_process){                                                                           \
               .cwd = "/", .args = WORDS("sh"), .user = &(struct oci_user){.uid = 0}, __VA_ARGS__})

/* What nobody enforces is refused; the label of files alone has no meaning where SELinux is off. */
static void test_labels(void) {
    static const char label[] = "system_u:object_r:x_t:s0:c1,c2", data[] = "context=system_u:object_r:x_t:s0:c1\\,c2";
    struct oci_mount mounts[] = {{.destination = "/a", .type = "tmpfs", .options = WORDS("size=1m")},
                                 {.destination = "/b", .type = "sysfs"},
                                 {.destination = "/c", .source = "/", .options = WORDS("bind")},
                                 {.destination = "/d", .type = "mqueue"},
                                 {.destination = "/e", .type = "tmpfs", .options = WORDS("context=mine")}};
    struct oci_linux section = {USUAL, .mount_label = label};
    const struct oci_config *labelled = CONFIG(.linux = &section, .mounts = {COUNT(mounts), mounts});
    refuses(PROCESS(.apparmor_profile = "p"), "/process/apparmorProfile", "AppArmor is off",
            "a profile without AppArmor");
    refuses(PROCESS(.apparmor_profile = "unconfined_x"), "/process/apparmorProfile", "AppArmor is off",
            "one whose name begins with unconfined");
    refuses(PROCESS(.selinux_label = "l"), "/process/selinuxLabel", "SELinux is off", "a label without SELinux");
    is_number(make(PROCESS(.apparmor_profile = "unconfined")), 0, "unconfined without AppArmor");
    ok(!plan.process.apparmor_profile, "asks for nothing");
    is_number(make(labelled), 0, "a mountLabel without SELinux");
    ok(!plan.mount_label && !strstr(plan.mounts.items[0].data, "context="), "is nothing");
    is_text(plan.cover_data, "nr_blocks=1,nr_inodes=2", "nor for masked directories");
    facts.apparmor = facts.selinux = true;
    is_number(make(PROCESS(.apparmor_profile = "unconfined", .selinux_label = "l")), 0, "both modules on");
    is_text(plan.process.apparmor_profile, "unconfined", "with AppArmor unconfined is asked for");
    is_text(plan.process.selinux_label, "l", "and the label");
    is_number(make(labelled), 0, "a mountLabel with SELinux");
    is_text(plan.mount_label, label, "is kept");
    ok(strstr(plan.mounts.items[0].data, data), "a tmpfs gets it, its comma escaped: %s", plan.mounts.items[0].data);
    ok(!plan.mounts.items[1].data, "sysfs has labels of its own");
    ok(!plan.mounts.items[2].data, "a bind keeps the host's");
    ok(!plan.mounts.items[3].data, "mqueue takes no such option");
    is_text(plan.mounts.items[4].data, "context=mine", "an option in the config wins");
    ok(strstr(plan.cover_data, data), "masked directories get it, too");
    facts.apparmor = facts.selinux = false;
}

int main(void) {
    test_labels();
    test_ids();
    test_id_bytes();
    test_id_length();
    test_version();
    test_root();
    test_request();
    test_names();
    test_sysctl_paths();
    test_sysctl_namespaces();
    test_sysctl_refused();
    test_paths();
    test_propagation();
    test_sections();
    test_personality();
    test_unsupported();
    arena_drop(&arena);
    return tap_done();
}
