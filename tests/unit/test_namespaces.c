/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of plan/namespaces: the spawn recipe in all 6,561 cases, the refusals of linux.namespaces, id mappings.
 * No privilege.
 *
 * A recipe is judged by what comes of it: a small model of the kernel (processes with a namespace of each kind, the
 * user namespace that owns it, and the privileges that follow) performs it as plan/namespaces.h says, and the init
 * process at the end must be where it was asked to be. The rules of the model are those of namespaces(7), clone(2),
 * setns(2), unshare(2), user_namespaces(7), pid_namespaces(7) and cgroup_namespaces(7).
 */
#include "oci_types.h"
#include "plan/namespaces.h"
#include "tap.h"

#include <errno.h>
#include <linux/sched.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CASES 6561 /* 3^8 */

static const struct {
    enum ns_kind kind;
    const char *name;
    uint64_t flag;
    enum oci_namespace_type type;
} kinds[] = {
    {NS_USER, "user", CLONE_NEWUSER, OCI_NAMESPACE_TYPE_USER},
    {NS_MOUNT, "mount", CLONE_NEWNS, OCI_NAMESPACE_TYPE_MOUNT},
    {NS_PID, "pid", CLONE_NEWPID, OCI_NAMESPACE_TYPE_PID},
    {NS_NETWORK, "network", CLONE_NEWNET, OCI_NAMESPACE_TYPE_NETWORK},
    {NS_IPC, "ipc", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    {NS_UTS, "uts", CLONE_NEWUTS, OCI_NAMESPACE_TYPE_UTS},
    {NS_CGROUP, "cgroup", CLONE_NEWCGROUP, OCI_NAMESPACE_TYPE_CGROUP},
    {NS_TIME, "time", CLONE_NEWTIME, OCI_NAMESPACE_TYPE_TIME},
};

static uint64_t flag_of(enum ns_kind kind) {
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].flag;
    return 0;
}

/* --- the model --------------------------------------------------------------------------------------------------- */

/* Where a namespace comes from, and for user namespaces which one it is. */
enum origin { HOST, JOINED, MADE };

struct world {
    bool root; /* life is root of the host's user namespace, else an ordinary user */
    enum origin
        owners[NS_COUNT]; /* the user namespace that owns a joined one: HOST, or JOINED with its user namespace */
};

struct member {
    enum origin origin, owner;
};

struct process {
    enum origin user;           /* its user namespace */
    struct member in[NS_COUNT]; /* [NS_USER] is not used */
    struct member children_pid; /* what its children are born into: setns and unshare do not move the caller */
    bool in_cgroup;             /* it has arrived in the container's cgroup */
};

/*
 * CAP_SYS_ADMIN of a process in a user namespace (user_namespaces(7), "Capabilities"): all in its own; root of the host
 * in all below it; and the user who has made a user namespace in that one, when he stands in its parent.
 */
static bool may(const struct world *world, const struct process *p, enum origin in) {
    if (p->user == in)
        return in != HOST || world->root;
    return p->user == HOST;
}

static bool setns_model(const struct world *world, struct process *p, enum ns_kind kind) {
    if (kind == NS_USER) {
        if (!may(world, p, JOINED))
            return false;
        p->user = JOINED;
        return true;
    }
    /* Needed in the owner's user namespace and in one's own (setns(2)). */
    if (!may(world, p, world->owners[kind]) || !may(world, p, p->user))
        return false;
    const struct member member = {JOINED, world->owners[kind]};
    if (kind == NS_PID)
        p->children_pid = member;
    else
        p->in[kind] = member;
    return true;
}

/* As kernel/namespace.h: what can be joined from here, then the user namespace, then the rest. */
static bool join_model(const struct world *world, struct process *p, uint64_t join) {
    uint64_t left = join & ~(uint64_t)CLONE_NEWUSER;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < NS_COUNT; k++)
            if ((left & flag_of((enum ns_kind)k)) && setns_model(world, p, (enum ns_kind)k))
                left &= ~flag_of((enum ns_kind)k);
        if (pass == 0 && (join & CLONE_NEWUSER) && !setns_model(world, p, NS_USER))
            return false;
    }
    return left == 0;
}

/* clone(2): the user namespace is made first and owns the others. */
static bool clone_model(const struct world *world, const struct process *parent, uint64_t flags,
                        struct process *child) {
    *child = *parent;
    child->in[NS_PID] = child->children_pid = parent->children_pid;
    if (flags & CLONE_NEWUSER)
        child->user = MADE;
    if ((flags & ~(uint64_t)CLONE_NEWUSER) && !may(world, child, child->user))
        return false;
    for (int k = 0; k < NS_COUNT; k++)
        if (k != NS_USER && (flags & flag_of((enum ns_kind)k)))
            child->in[k] = (struct member){MADE, child->user};
    if (flags & CLONE_NEWPID)
        child->children_pid = child->in[NS_PID];
    return true;
}

static bool unshare_model(const struct world *world, struct process *p, uint64_t flags) {
    if (flags & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWIPC))
        return false; /* the header allows nothing else here */
    if (!flags)
        return true;
    if (!may(world, p, p->user))
        return false;
    if (flags & CLONE_NEWIPC)
        p->in[NS_IPC] = (struct member){MADE, p->user};
    if (!(flags & CLONE_NEWCGROUP))
        return true;
    p->in[NS_CGROUP] = (struct member){MADE, p->user};
    return p->in_cgroup; /* its root would be the wrong one */
}

static bool enter_model(const struct world *world, struct process *p, bool mounts_first) {
    if (!mounts_first)
        return true;
    p->in[NS_MOUNT] = (struct member){MADE, p->user};
    return may(world, p, p->user);
}

/* Performs the recipe. NULL: the init process is what was asked for; otherwise what went wrong. */
static const char *perform(const struct world *world, const enum ns_mode modes[NS_COUNT],
                           const struct spawn_recipe *recipe) {
    struct process life = {.user = HOST}, init;
    for (int k = 0; k < NS_COUNT; k++)
        life.in[k] = (struct member){HOST, HOST};
    life.children_pid = life.in[NS_PID];
    struct process between = life;
    if (recipe->refork && !join_model(world, &between, recipe->join))
        return "the process in between may not join";
    if (!clone_model(world, recipe->refork ? &between : &life, recipe->clone, &init))
        return "clone is not permitted";
    init.in_cgroup = true; /* life places it before it goes on */
    if (!recipe->refork && !join_model(world, &init, recipe->join))
        return "the init process may not join";
    if (!unshare_model(world, &init, recipe->unshare))
        return "unshare is not permitted or comes too early";
    if (!enter_model(world, &init, recipe->mounts_first))
        return "no mount namespace may be made";
    static const enum origin wanted[] = {[NS_INHERIT] = HOST, [NS_JOIN] = JOINED, [NS_NEW] = MADE};
    if (init.user != wanted[modes[NS_USER]])
        return "it is in the wrong user namespace";
    for (int k = 0; k < NS_COUNT; k++) {
        if (k == NS_USER)
            continue;
        if (init.in[k].origin != wanted[modes[k]])
            return k == NS_PID ? "it is in the wrong pid namespace" : "it is in a wrong namespace";
        if (modes[k] == NS_NEW && init.in[k].owner != init.user)
            return "a new namespace does not belong to the container's user namespace";
    }
    return NULL;
}

/* --- all cases --------------------------------------------------------------------------------------------------- */

static void decode(int number, enum ns_mode modes[NS_COUNT]) {
    for (int k = 0; k < NS_COUNT; k++, number /= 3)
        modes[k] = (enum ns_mode)(number % 3);
}

static const char *describe(const enum ns_mode modes[NS_COUNT]) {
    static const char *const words[] = {[NS_INHERIT] = "-", [NS_NEW] = "new", [NS_JOIN] = "join"};
    static char text[160];
    size_t len = 0;
    for (int k = 0; k < NS_COUNT; k++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s:%s ", ns_name((enum ns_kind)k), words[modes[k]]);
    return text;
}

/* Counts what fails, and shows the first. */
struct tally {
    const char *name;
    int tried, failed;
    char first[256];
};

static void tally(struct tally *t, bool held, const enum ns_mode modes[NS_COUNT], const char *why) {
    t->tried++;
    if (!held && t->failed++ == 0)
        snprintf(t->first, sizeof t->first, "%s%s", describe(modes), why ? why : "");
}

static void report(const struct tally *t) {
    if (!ok(t->failed == 0 && t->tried > 0, "%s (%d cases)", t->name, t->tried))
        printf("# %d fail, first %s\n", t->failed, t->first);
}

/* Which worlds there are for a case: who owns the joined namespaces, as bits by kind. Not all can be had at all. */
static bool world_make(bool root, unsigned owned, const enum ns_mode modes[NS_COUNT], struct world *out) {
    *out = (struct world){.root = root};
    for (int k = 0; k < NS_COUNT; k++) {
        if (!(owned >> k & 1))
            continue;
        if (k == NS_USER || modes[k] != NS_JOIN || modes[NS_USER] != NS_JOIN)
            return false;
        out->owners[k] = JOINED;
    }
    if (root)
        return true;
    /* Without privilege: nothing of the host's can be joined, and nothing made but inside a user namespace. */
    for (int k = 0; k < NS_COUNT; k++)
        if (k != NS_USER &&
            ((modes[k] == NS_JOIN && out->owners[k] == HOST) || (modes[k] == NS_NEW && modes[NS_USER] == NS_INHERIT)))
            return false;
    return true;
}

static void test_flags(void) {
    uint64_t all = 0;
    is_number(COUNT(kinds), NS_COUNT, "every kind is here");
    for (size_t i = 0; i < COUNT(kinds); i++) {
        is_text(ns_name(kinds[i].kind), kinds[i].name, "%s: its name", kinds[i].name);
        ok(ns_flag(kinds[i].kind) == kinds[i].flag, "%s: its flag", kinds[i].name);
        all |= ns_flag(kinds[i].kind);
    }
    is_number(__builtin_popcountll(all), NS_COUNT, "eight different flags");
}

/* What the header promises of each field, whatever the others. */
static void test_fields(void) {
    struct tally joins = {.name = "join is exactly what is joined"},
                 makes = {.name = "clone and unshare together are exactly what is new"},
                 apart = {.name = "nothing is joined, cloned and unshared at once"},
                 late = {.name = "CLONE_NEWCGROUP, and CLONE_NEWIPC with a user namespace, are unshared"},
                 maps = {.name = "ids are mapped when the user namespace is new, and only then"},
                 first = {.name = "mounts are made first without a user namespace, and only then"},
                 again = {.name = "the recipe depends on nothing but the modes"};
    for (int number = 0; number < CASES; number++) {
        enum ns_mode modes[NS_COUNT];
        struct spawn_recipe recipe, second;
        uint64_t joined = 0, made = 0;
        decode(number, modes);
        memset(&recipe, 0xff, sizeof recipe);
        memset(&second, 0, sizeof second);
        spawn_recipe_make(modes, &recipe);
        spawn_recipe_make(modes, &second);
        for (int k = 0; k < NS_COUNT; k++) {
            joined |= modes[k] == NS_JOIN ? flag_of((enum ns_kind)k) : 0;
            made |= modes[k] == NS_NEW ? flag_of((enum ns_kind)k) : 0;
        }
        tally(&joins, recipe.join == joined, modes, NULL);
        const uint64_t entered = recipe.mounts_first ? CLONE_NEWNS : 0;
        tally(&makes, (recipe.clone | recipe.unshare | entered) == made, modes, NULL);
        tally(&apart, !(recipe.join & (recipe.clone | recipe.unshare)) && !(recipe.clone & (recipe.unshare | entered)),
              modes, NULL);
        tally(&first, recipe.mounts_first == (modes[NS_MOUNT] == NS_NEW && modes[NS_USER] == NS_INHERIT), modes, NULL);
        tally(&late,
              recipe.unshare ==
                  (made & (CLONE_NEWCGROUP | (modes[NS_USER] == NS_INHERIT ? 0 : (uint64_t)CLONE_NEWIPC))),
              modes, NULL);
        tally(&maps, recipe.map_ids == (modes[NS_USER] == NS_NEW), modes, NULL);
        tally(&again,
              recipe.join == second.join && recipe.clone == second.clone && recipe.unshare == second.unshare &&
                  recipe.refork == second.refork && recipe.map_ids == second.map_ids &&
                  recipe.mounts_first == second.mounts_first,
              modes, NULL);
    }
    report(&joins);
    report(&makes);
    report(&apart);
    report(&late);
    report(&maps);
    report(&first);
    report(&again);
    is_number(joins.tried, CASES, "all cases were tried");
}

/*
 * The recipe leads where it should in every world; and a process in between is taken exactly when it would not without
 * one, in some world.
 */
static void test_performed(void) {
    struct tally ends = {.name = "performed by root, the init process is where it was asked to be"},
                 rootless = {.name = "performed without privilege, too, where that is possible at all"},
                 needed = {.name = "no process in between without need"},
                 enough = {.name = "a process in between where one is needed"};
    for (int number = 0; number < CASES; number++) {
        enum ns_mode modes[NS_COUNT];
        struct spawn_recipe recipe;
        bool direct_does = true;
        decode(number, modes);
        spawn_recipe_make(modes, &recipe);
        struct spawn_recipe direct = recipe;
        direct.refork = false;
        for (unsigned variant = 0; variant < 2u << NS_COUNT; variant++) {
            struct world world;
            bool root = variant & 1;
            if (!world_make(root, variant >> 1, modes, &world))
                continue;
            const char *wrong = perform(&world, modes, &recipe);
            tally(root ? &ends : &rootless, !wrong, modes, wrong);
            direct_does &= !perform(&world, modes, &direct);
        }
        tally(&needed, !recipe.refork || !direct_does, modes, "refork, though a direct clone does");
        tally(&enough, recipe.refork || direct_does, modes, "no refork, though a direct clone does not do");
    }
    report(&ends);
    report(&rootless);
    report(&needed);
    report(&enough);
}

/* The reasons of the manual pages in plain words, for who does not trust the model. */
static void test_reasons(void) {
    static const struct {
        const char *name;
        enum ns_mode modes[NS_COUNT];
        bool refork;
    } cases[] = {
        {"nothing", {NS_INHERIT}, false},
        {"the usual container", {[NS_MOUNT] = NS_NEW, [NS_PID] = NS_NEW, [NS_NETWORK] = NS_NEW}, false},
        {"all new", {NS_NEW, NS_NEW, NS_NEW, NS_NEW, NS_NEW, NS_NEW, NS_NEW, NS_NEW}, false},
        {"a container of a pod", {[NS_MOUNT] = NS_NEW, [NS_PID] = NS_NEW, [NS_NETWORK] = NS_JOIN}, false},
        {"a joined pid namespace", {[NS_PID] = NS_JOIN}, true},
        {"a new user namespace beside a joined network", {[NS_USER] = NS_NEW, [NS_NETWORK] = NS_JOIN}, true},
        {"a joined user namespace and a new mount namespace", {[NS_USER] = NS_JOIN, [NS_MOUNT] = NS_NEW}, true},
        {"a joined user namespace and a new cgroup namespace", {[NS_USER] = NS_JOIN, [NS_CGROUP] = NS_NEW}, false},
        {"a joined user namespace and network", {[NS_USER] = NS_JOIN, [NS_NETWORK] = NS_JOIN}, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spawn_recipe recipe;
        spawn_recipe_make(cases[i].modes, &recipe);
        ok(recipe.refork == cases[i].refork, "%s: %s process in between", cases[i].name, cases[i].refork ? "a" : "no");
    }
}

/* --- linux.namespaces -------------------------------------------------------------------------------------------- */

static struct arena arena = ARENA_INIT;
static struct error err;
static struct plan_namespaces plan;

#define ROWS(...)                                                                                                      \
    {                                                                                                                  \
        .items = (struct oci_namespace[]){__VA_ARGS__},                                                                \
        .count = sizeof((struct oci_namespace[]){__VA_ARGS__}) / sizeof(struct oci_namespace)                          \
    }
#define MAPS(...)                                                                                                      \
    {                                                                                                                  \
        .items = (struct oci_id_mapping[]){__VA_ARGS__},                                                               \
        .count = sizeof((struct oci_id_mapping[]){__VA_ARGS__}) / sizeof(struct oci_id_mapping)                        \
    }
#define MAP(in, out, many)                                                                                             \
    { .container_id = (in), .host_id = (out), .size = (many) }
#define NEW(kind)                                                                                                      \
    { .type = OCI_NAMESPACE_TYPE_##kind }
#define JOIN(kind, at)                                                                                                 \
    { .type = OCI_NAMESPACE_TYPE_##kind, .path = (at) }

static int make(const struct oci_linux *section) {
    arena_drop(&arena);
    err = (struct error)ERROR_INIT;
    memset(&plan, 0x5a, sizeof plan);
    return namespaces_plan(&arena, section, &plan, &err);
}

static bool untouched(void) {
    struct plan_namespaces sentinel;
    memset(&sentinel, 0x5a, sizeof sentinel);
    return memcmp(&plan, &sentinel, sizeof plan) == 0;
}

static void test_rows(void) {
    is_number(make(NULL), 0, "no linux section");
    ok(plan.modes[NS_MOUNT] == NS_INHERIT && plan.recipe.clone == 0, "no linux section: all is inherited");
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct oci_linux one = {.namespaces = ROWS({.type = kinds[i].type}),
                                      .uid_mappings = MAPS(MAP(0, 0, 1)),
                                      .gid_mappings = MAPS(MAP(0, 0, 1))};
        struct oci_linux made = one;
        if (kinds[i].kind != NS_USER)
            made.uid_mappings.count = made.gid_mappings.count = 0;
        is_number(make(&made), 0, "%s: a new one", kinds[i].name);
        int others = 0;
        for (int k = 0; k < NS_COUNT; k++)
            others += k != (int)kinds[i].kind && plan.modes[k] != NS_INHERIT;
        ok(plan.modes[kinds[i].kind] == NS_NEW && !others, "%s: new, the others inherited", kinds[i].name);
        const uint64_t entered = plan.recipe.mounts_first ? CLONE_NEWNS : 0;
        ok((plan.recipe.clone | plan.recipe.unshare | entered) == kinds[i].flag, "%s: the recipe makes it",
           kinds[i].name);
        made.namespaces.items[0].path = "/proc/1/ns/x";
        is_number(make(&made), 0, "%s: a joined one", kinds[i].name);
        ok(plan.modes[kinds[i].kind] == NS_JOIN && plan.recipe.join == kinds[i].flag, "%s: joined", kinds[i].name);
        is_text(plan.paths[kinds[i].kind], "/proc/1/ns/x", "%s: by its path", kinds[i].name);
        made.namespaces.items[0].path = "";
        is_number(make(&made), 0, "%s: an empty path", kinds[i].name);
        ok(plan.modes[kinds[i].kind] == NS_NEW, "%s: is no path", kinds[i].name);
    }
    const struct oci_linux several = {.namespaces = ROWS(NEW(UTS), JOIN(NETWORK, "/n"), NEW(PID))};
    is_number(make(&several), 0, "several rows");
    is_number(plan.index[NS_PID], 2, "a kind knows its row");
    is_number(plan.index[NS_NETWORK], 1, "a joined kind, too");
}

struct refused_case {
    const char *name;
    struct oci_linux section;
    const char *place, *word;
};

static void test_refused(void) {
    const struct refused_case cases[] = {
        {"duplicate", {.namespaces = ROWS(NEW(PID), NEW(UTS), NEW(PID))}, "/linux/namespaces/2", "pid"},
        {"duplicate new and joined", {.namespaces = ROWS(NEW(IPC), JOIN(IPC, "/x"))}, "/linux/namespaces/1", "ipc"},
        {"duplicate joined", {.namespaces = ROWS(JOIN(UTS, "/x"), JOIN(UTS, "/x"))}, "/linux/namespaces/1", "uts"},
        {"no type", {.namespaces = ROWS(NEW(PID), NEW(UNSET))}, "/linux/namespaces/1", "type"},
        {"relative path", {.namespaces = ROWS(JOIN(NETWORK, "ns/net"))}, "/linux/namespaces/0", "ns/net"},
        {"path that climbs", {.namespaces = ROWS(JOIN(NETWORK, "../net"))}, "/linux/namespaces/0", "../net"},
        {"uid mapping without user namespace",
         {.namespaces = ROWS(NEW(PID)), .uid_mappings = MAPS(MAP(0, 0, 1))},
         "/linux/uidMappings",
         "user namespace"},
        {"gid mapping without user namespace",
         {.gid_mappings = MAPS(MAP(0, 0, 1))},
         "/linux/gidMappings",
         "user namespace"},
        {"user namespace without mappings", {.namespaces = ROWS(NEW(USER))}, "/linux/uidMappings", "uidMappings"},
        {"user namespace without gid mappings",
         {.namespaces = ROWS(NEW(USER)), .uid_mappings = MAPS(MAP(0, 0, 1))},
         "/linux/gidMappings",
         "gidMappings"},
        {"user namespace without uid mappings",
         {.namespaces = ROWS(NEW(USER)), .gid_mappings = MAPS(MAP(0, 0, 1))},
         "/linux/uidMappings",
         "uidMappings"},
        {"time offsets",
         {.namespaces = ROWS(NEW(TIME)), .time_offsets = {1, &(struct oci_time_offset_entry){.key = "monotonic"}}},
         "/linux/timeOffsets",
         "timeOffsets"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        is_number(make(&cases[i].section), -EINVAL, "%s: refused", cases[i].name);
        is_text(err.place, cases[i].place, "%s: at its place", cases[i].name);
        ok(strstr(err.text, cases[i].word), "%s: by name (%s)", cases[i].name, err.text);
        ok(untouched(), "%s: out is untouched", cases[i].name);
    }
}

struct mapping_case {
    const char *name;
    struct oci_id_mapping rows[3];
    size_t count;
    int refused; /* the row that is; -1: none */
};

static const struct mapping_case mapping_cases[] = {
    {"one row", {MAP(0, 100000, 65536)}, 1, -1},
    {"all ids", {MAP(0, 0, UINT32_MAX)}, 1, -1}, /* as in the first user namespace: 4294967295 itself is no id */
    {"the last id", {MAP(UINT32_MAX - 1, UINT32_MAX - 1, 1)}, 1, -1},
    {"neighbours", {MAP(0, 1000, 1), MAP(1, 100000, 65536), MAP(65537, 1001, 5)}, 3, -1},
    {"neighbours in the wrong order", {MAP(10, 110, 10), MAP(0, 100, 10), MAP(20, 120, 10)}, 3, -1},
    {"crosswise", {MAP(0, 1, 1), MAP(1, 0, 1)}, 2, -1},
    {"size 0", {MAP(0, 0, 1), MAP(5, 5, 0)}, 2, 1},
    {"no id inside", {MAP(UINT32_MAX, 0, 1)}, 1, 0},
    {"no id outside", {MAP(0, UINT32_MAX, 1)}, 1, 0},
    {"one id too many inside", {MAP(1, 0, UINT32_MAX)}, 1, 0},
    {"one id too many outside", {MAP(0, 1, UINT32_MAX)}, 1, 0},
    {"around the end inside", {MAP(4000000000, 0, 4000000000)}, 1, 0},
    {"around the end outside", {MAP(0, 4000000000, 4000000000)}, 1, 0},
    {"the same row twice", {MAP(0, 100, 10), MAP(0, 100, 10)}, 2, 1},
    {"overlap inside", {MAP(0, 100, 10), MAP(9, 200, 10)}, 2, 1},
    {"overlap inside from below", {MAP(10, 100, 10), MAP(1, 200, 10)}, 2, 1},
    {"overlap outside", {MAP(0, 100, 10), MAP(10, 109, 10)}, 2, 1},
    {"overlap outside from below", {MAP(0, 100, 10), MAP(10, 91, 10)}, 2, 1},
    {"contained inside", {MAP(0, 100, 100), MAP(50, 1000, 1)}, 2, 1},
    {"containing outside", {MAP(0, 500, 1), MAP(10, 100, 1000)}, 2, 1},
    {"overlap with a row before the last", {MAP(0, 100, 10), MAP(10, 200, 10), MAP(5, 300, 2)}, 3, 2},
};

/* Mappings of both kinds follow the same rules and are told apart in the message. */
static void test_mappings(void) {
    for (size_t i = 0; i < COUNT(mapping_cases); i++) {
        const struct mapping_case *c = &mapping_cases[i];
        for (int gids = 0; gids < 2; gids++) {
            struct oci_id_mapping rows[3];
            memcpy(rows, c->rows, sizeof rows);
            struct oci_linux section = {
                .namespaces = ROWS(NEW(USER)), .uid_mappings = MAPS(MAP(0, 0, 1)), .gid_mappings = MAPS(MAP(0, 0, 1))};
            struct oci_id_mapping_array *array = gids ? &section.gid_mappings : &section.uid_mappings;
            array->items = rows;
            array->count = c->count;
            const char *what = gids ? "gidMappings" : "uidMappings";
            is_number(make(&section), c->refused < 0 ? 0 : -EINVAL, "%s, %s", what, c->name);
            if (c->refused < 0) {
                const struct plan_id_mapping *got = gids ? plan.gids : plan.uids;
                bool same = (gids ? plan.gid_count : plan.uid_count) == c->count;
                for (size_t k = 0; same && k < c->count; k++)
                    same = got[k].inside == rows[k].container_id && got[k].outside == rows[k].host_id &&
                           got[k].size == rows[k].size;
                ok(same, "%s, %s: as given", what, c->name);
            } else {
                char place[64];
                snprintf(place, sizeof place, "/linux/%s/%d", what, c->refused);
                is_text(err.place, place, "%s, %s: at its place", what, c->name);
                ok(untouched(), "%s, %s: out is untouched", what, c->name);
            }
        }
    }
    const struct oci_linux joined = {
        .namespaces = ROWS(JOIN(USER, "/u")), .uid_mappings = MAPS(MAP(0, 7, 1)), .gid_mappings = MAPS(MAP(0, 8, 1))};
    is_number(make(&joined), 0, "mappings beside a joined user namespace are accepted: engines send them");
    const struct oci_linux bare = {.namespaces = ROWS(JOIN(USER, "/u"))};
    is_number(make(&bare), 0, "a joined user namespace needs none");
    ok(!plan.recipe.map_ids, "and none are written");
}

static void test_map(void) {
    const struct oci_linux section = {.namespaces = ROWS(NEW(USER)),
                                      .uid_mappings = MAPS(MAP(0, 1000, 1), MAP(1, 100000, 10), MAP(4294967294, 5, 1)),
                                      .gid_mappings = MAPS(MAP(10, 20, 5))};
    static const struct {
        uint32_t inside, outside;
        bool mapped;
    } uids[] = {{0, 1000, true},  {1, 100000, true},      {10, 100009, true},    {11, 0, false},
                {1000, 0, false}, {4294967293, 0, false}, {4294967294, 5, true}, {UINT32_MAX, 0, false}},
      gids[] = {{9, 0, false}, {10, 20, true}, {14, 24, true}, {15, 0, false}, {0, 0, false}};
    uint32_t outside;
    is_number(make(&section), 0, "a plan to map ids by");
    for (size_t i = 0; i < COUNT(uids); i++) {
        ok(namespaces_map_uid(&plan, uids[i].inside, &outside) == uids[i].mapped, "uid %u is %smapped", uids[i].inside,
           uids[i].mapped ? "" : "not ");
        if (uids[i].mapped)
            is_number(outside, uids[i].outside, "uid %u: to what", uids[i].inside);
    }
    for (size_t i = 0; i < COUNT(gids); i++) {
        ok(namespaces_map_gid(&plan, gids[i].inside, &outside) == gids[i].mapped, "gid %u is %smapped", gids[i].inside,
           gids[i].mapped ? "" : "not ");
        if (gids[i].mapped)
            is_number(outside, gids[i].outside, "gid %u: to what", gids[i].inside);
    }
    make(NULL);
    ok(namespaces_map_uid(&plan, 4711, &outside) && outside == 4711, "without a user namespace a uid is itself");
    ok(namespaces_map_gid(&plan, 4711, &outside) && outside == 4711, "a gid, too");
}

int main(void) {
    test_flags();
    test_fields();
    test_performed();
    test_reasons();
    test_rows();
    test_refused();
    test_mappings();
    test_map();
    arena_drop(&arena);
    return tap_done();
}
