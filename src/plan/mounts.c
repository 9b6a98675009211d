/* SPDX-License-Identifier: Apache-2.0 */
/* mounts: see mounts.h. Pure. */
#include "plan/mounts.h"

#include "base/log.h"
#include "base/nearest.h"
#include "base/table.h"
#include "oci_types.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* <sys/mount.h> and <linux/mount.h> exclude each other with this libc, so these come from the latter. */
#define DATA_MAX 16384 /* mount(2) takes a page; the new mount API takes each option by itself */

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum option_kind {
    OPTION_NOTHING,  /* "defaults": accepted, changes nothing */
    OPTION_SET,      /* a per-mount attribute */
    OPTION_CLEAR,    /* the same, taken away */
    OPTION_TREE_SET, /* for the whole tree */
    OPTION_TREE_CLEAR,
    OPTION_SUPER, /* a superblock flag with a name in fsconfig */
    OPTION_SUPER_CLEAR,
    OPTION_CLASSIC, /* a superblock flag that only mount(2) knows */
    OPTION_CLASSIC_CLEAR,
    OPTION_PROPAGATION,
    OPTION_BIND,
    OPTION_RBIND,
    OPTION_REMOUNT,
    OPTION_COPY_UP,
    OPTION_COPY_SYMLINK,
    OPTION_SOURCE_NOFOLLOW,
    OPTION_DEST_NOFOLLOW,
    OPTION_IDMAP /* alone, or with mappings: idmap=uids=0-1000-10;gids=0-1000-10 */
};

static const struct mount_option {
    const char *name;
    enum option_kind kind;
    uint64_t value;
} options[] = {
    {"async", OPTION_SUPER_CLEAR, MS_SYNCHRONOUS},
    {"atime", OPTION_CLEAR, MOUNT_ATTR_NOATIME},
    {"bind", OPTION_BIND, 0},
    {"copy-symlink", OPTION_COPY_SYMLINK, 0},
    {"defaults", OPTION_NOTHING, 0},
    {"dest-nofollow", OPTION_DEST_NOFOLLOW, 0},
    {"dev", OPTION_CLEAR, MOUNT_ATTR_NODEV},
    {"diratime", OPTION_CLEAR, MOUNT_ATTR_NODIRATIME},
    {"dirsync", OPTION_SUPER, MS_DIRSYNC},
    {"exec", OPTION_CLEAR, MOUNT_ATTR_NOEXEC},
    {"idmap", OPTION_IDMAP, MOUNT_IDMAP_ONE},
    {"iversion", OPTION_CLASSIC, MS_I_VERSION},
    {"lazytime", OPTION_SUPER, MS_LAZYTIME},
    {"loud", OPTION_CLASSIC_CLEAR, MS_SILENT},
    {"mand", OPTION_SUPER, MS_MANDLOCK},
    {"noatime", OPTION_SET, MOUNT_ATTR_NOATIME},
    {"nodev", OPTION_SET, MOUNT_ATTR_NODEV},
    {"nodiratime", OPTION_SET, MOUNT_ATTR_NODIRATIME},
    {"noexec", OPTION_SET, MOUNT_ATTR_NOEXEC},
    {"noiversion", OPTION_CLASSIC_CLEAR, MS_I_VERSION},
    {"nolazytime", OPTION_SUPER_CLEAR, MS_LAZYTIME},
    {"nomand", OPTION_SUPER_CLEAR, MS_MANDLOCK},
    {"norelatime", OPTION_CLEAR, MOUNT_ATTR_RELATIME},
    {"nostrictatime", OPTION_CLEAR, MOUNT_ATTR_STRICTATIME},
    {"nosuid", OPTION_SET, MOUNT_ATTR_NOSUID},
    {"nosymfollow", OPTION_SET, MOUNT_ATTR_NOSYMFOLLOW},
    {"private", OPTION_PROPAGATION, MS_PRIVATE},
    {"ratime", OPTION_TREE_CLEAR, MOUNT_ATTR_NOATIME},
    {"rbind", OPTION_RBIND, 0},
    {"rdev", OPTION_TREE_CLEAR, MOUNT_ATTR_NODEV},
    {"rdiratime", OPTION_TREE_CLEAR, MOUNT_ATTR_NODIRATIME},
    {"relatime", OPTION_SET, MOUNT_ATTR_RELATIME},
    {"remount", OPTION_REMOUNT, 0},
    {"rexec", OPTION_TREE_CLEAR, MOUNT_ATTR_NOEXEC},
    {"ridmap", OPTION_IDMAP, MOUNT_IDMAP_TREE},
    {"rnoatime", OPTION_TREE_SET, MOUNT_ATTR_NOATIME},
    {"rnodev", OPTION_TREE_SET, MOUNT_ATTR_NODEV},
    {"rnodiratime", OPTION_TREE_SET, MOUNT_ATTR_NODIRATIME},
    {"rnoexec", OPTION_TREE_SET, MOUNT_ATTR_NOEXEC},
    {"rnorelatime", OPTION_TREE_CLEAR, MOUNT_ATTR_RELATIME},
    {"rnostrictatime", OPTION_TREE_CLEAR, MOUNT_ATTR_STRICTATIME},
    {"rnosuid", OPTION_TREE_SET, MOUNT_ATTR_NOSUID},
    {"rnosymfollow", OPTION_TREE_SET, MOUNT_ATTR_NOSYMFOLLOW},
    {"ro", OPTION_SET, MOUNT_ATTR_RDONLY},
    {"rprivate", OPTION_PROPAGATION, MS_PRIVATE | MS_REC},
    {"rrelatime", OPTION_TREE_SET, MOUNT_ATTR_RELATIME},
    {"rro", OPTION_TREE_SET, MOUNT_ATTR_RDONLY},
    {"rrw", OPTION_TREE_CLEAR, MOUNT_ATTR_RDONLY},
    {"rshared", OPTION_PROPAGATION, MS_SHARED | MS_REC},
    {"rslave", OPTION_PROPAGATION, MS_SLAVE | MS_REC},
    {"rstrictatime", OPTION_TREE_SET, MOUNT_ATTR_STRICTATIME},
    {"rsuid", OPTION_TREE_CLEAR, MOUNT_ATTR_NOSUID},
    {"rsymfollow", OPTION_TREE_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
    {"runbindable", OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC},
    {"rw", OPTION_CLEAR, MOUNT_ATTR_RDONLY},
    {"shared", OPTION_PROPAGATION, MS_SHARED},
    {"silent", OPTION_CLASSIC, MS_SILENT},
    {"slave", OPTION_PROPAGATION, MS_SLAVE},
    {"src-nofollow", OPTION_SOURCE_NOFOLLOW, 0},
    {"strictatime", OPTION_SET, MOUNT_ATTR_STRICTATIME},
    {"suid", OPTION_CLEAR, MOUNT_ATTR_NOSUID},
    {"symfollow", OPTION_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
    {"sync", OPTION_SUPER, MS_SYNCHRONOUS},
    {"tmpcopyup", OPTION_COPY_UP, 0},
    {"unbindable", OPTION_PROPAGATION, MS_UNBINDABLE},
};

size_t mounts_option_names(const char **names, size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < TABLE_COUNT(options); i++) {
        if (count < max)
            names[count] = options[i].name;
        count++;
    }
    return count;
}

/* Of a name and a row: idmap and ridmap may have a value behind a "=". */
static int compare_option(const void *key, const void *row) {
    const char *name = key;
    const struct mount_option *o = row;
    size_t len = o->kind == OPTION_IDMAP ? strlen(o->name) : 0;
    bool value = len > 0 && strncmp(name, o->name, len) == 0 && name[len] == '=';
    return value ? 0 : strcmp(name, o->name);
}

static const struct mount_option *find_option(const char *name) {
    return bsearch(name, options, TABLE_COUNT(options), sizeof *options, compare_option);
}

static bool is_atime(uint64_t flag) {
    /* MOUNT_ATTR_RELATIME is 0: the three modes share one field of the attribute word (mount_setattr(2)). */
    return flag == MOUNT_ATTR_RELATIME || flag == MOUNT_ATTR_NOATIME || flag == MOUNT_ATTR_STRICTATIME;
}

static void flags_set(struct mount_flags *flags, uint64_t flag) {
    if (is_atime(flag)) {
        flags->clear |= MOUNT_ATTR__ATIME;
        flags->set &= ~(uint64_t)MOUNT_ATTR__ATIME;
        flags->spare_noatime = false;
    } else {
        flags->clear &= ~flag;
    }
    flags->set |= flag;
}

static void flags_clear(struct mount_flags *flags, uint64_t flag) {
    if (is_atime(flag)) {
        /* Without noatime or strictatime a mount has the kernel's default, relatime; without that, strictatime. */
        flags->spare_noatime = flag != MOUNT_ATTR_NOATIME && !(flags->clear & MOUNT_ATTR__ATIME);
        flags->clear |= MOUNT_ATTR__ATIME;
        flags->set &= ~(uint64_t)MOUNT_ATTR__ATIME;
        if (flag == MOUNT_ATTR_RELATIME)
            flags->set |= MOUNT_ATTR_STRICTATIME;
    } else {
        flags->set &= ~flag;
        flags->clear |= flag;
    }
}

static int add_propagation(struct plan_mount *m, unsigned long value) {
    for (int i = 0; i < MOUNT_PROPAGATIONS_MAX; i++) {
        if (m->propagation[i] == 0) {
            m->propagation[i] = value;
            return 0;
        }
    }
    return -E2BIG;
}

static int add_data(struct arena *arena, struct plan_mount *m, const char *option) {
    if ((m->data ? strlen(m->data) + 1 : 0) + strlen(option) >= DATA_MAX)
        return -ENAMETOOLONG;
    const char *joined = m->data ? arena_printf(arena, "%s,%s", m->data, option) : option;
    if (!joined)
        return -ENOMEM;
    m->data = joined;
    return 0;
}

static int apply_option(struct arena *arena, struct plan_mount *m, const char *name, const char *place,
                        struct error *err) {
    const struct mount_option *o = find_option(name);
    int r = 0;
    switch (o ? o->kind : OPTION_NOTHING) {
    case OPTION_NOTHING:
        r = o ? 0 : add_data(arena, m, name);
        break;
    case OPTION_SET:
        flags_set(&m->flags, o->value);
        break;
    case OPTION_CLEAR:
        flags_clear(&m->flags, o->value);
        break;
    case OPTION_TREE_SET:
        flags_set(&m->tree, o->value);
        break;
    case OPTION_TREE_CLEAR:
        flags_clear(&m->tree, o->value);
        break;
    case OPTION_SUPER:
        m->superblock |= (unsigned long)o->value;
        break;
    case OPTION_SUPER_CLEAR:
        m->superblock &= ~(unsigned long)o->value;
        break;
    case OPTION_CLASSIC:
        m->classic_flags |= (unsigned long)o->value;
        break;
    case OPTION_CLASSIC_CLEAR:
        m->classic_flags &= ~(unsigned long)o->value;
        break;
    case OPTION_PROPAGATION:
        r = add_propagation(m, (unsigned long)o->value);
        break;
    case OPTION_RBIND:
        m->recursive = true;
        m->kind = MOUNT_BIND;
        break;
    case OPTION_BIND:
        m->kind = MOUNT_BIND;
        break;
    case OPTION_REMOUNT: /* settled when all options are read: "remount,bind" is a remount */
    case OPTION_COPY_UP:
        m->copy_up |= o->kind == OPTION_COPY_UP;
        break;
    case OPTION_COPY_SYMLINK:
        m->copy_symlink = true;
        break;
    case OPTION_SOURCE_NOFOLLOW:
        m->source_nofollow = true;
        break;
    case OPTION_DEST_NOFOLLOW:
        m->dest_nofollow = true;
        break;
    case OPTION_IDMAP: /* its mappings are read when all options are (plan_idmap) */
        m->idmap = (enum mount_idmap)o->value;
        break;
    }
    if (r == -ENOMEM)
        return error_memory(err);
    if (r == -ENAMETOOLONG)
        return error_refuse(err, place, "the options for the file system are longer than %d bytes", DATA_MAX);
    return r < 0 ? error_refuse(err, place, "more than %d propagation options", MOUNT_PROPAGATIONS_MAX) : 0;
}

char *mounts_clean_path(struct arena *arena, const char *path) {
    char *out = arena_alloc(arena, strlen(path) + 2);
    if (!out)
        return NULL;
    size_t len = 0;
    for (const char *c = path; *c;) {
        size_t n = strcspn(c, "/");
        if (n == 2 && c[0] == '.' && c[1] == '.') {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (n > 0 && !(n == 1 && c[0] == '.')) {
            out[len++] = '/';
            memcpy(out + len, c, n);
            len += n;
        }
        c += n + (c[n] == '/');
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

bool mounts_proc_allowed(const char *path) {
    static const char *const allowed[] = {"cpuinfo",
                                          "diskstats",
                                          "meminfo",
                                          "stat",
                                          "swaps",
                                          "uptime",
                                          "loadavg",
                                          "slabinfo",
                                          "sys/kernel/ns_last_pid",
                                          "sys/crypto/fips_enabled"};
    if (strncmp(path, "/proc/", 6) != 0)
        return true;
    for (size_t i = 0; i < TABLE_COUNT(allowed); i++)
        if (strcmp(path + 6, allowed[i]) == 0)
            return true;
    return false;
}

static bool has_option(const struct oci_mount *row, const char *name) {
    for (size_t i = 0; i < row->options.count; i++)
        if (strcmp(row->options.items[i], name) == 0)
            return true;
    return false;
}

/* Puts a bind's source below the bundle when it is relative. */
static int plan_source(struct arena *arena, const struct oci_mount *row, const char *bundle, struct plan_mount *m,
                       const char *place, struct error *err) {
    if (m->kind != MOUNT_BIND) {
        m->source = row->source && *row->source ? row->source : m->type;
        return 0;
    }
    if (!row->source || !*row->source)
        return error_refuse(err, place, "bind mount on %s has no source", m->destination);
    m->source = *row->source == '/' ? row->source : arena_printf(arena, "%s/%s", bundle, row->source);
    return m->source ? 0 : error_memory(err);
}

/* "[@]FILE-HOST-COUNT": ids of the file system appear as the host's, from those two on; @: as the container's. */
static int parse_range(const char *text, size_t len, const struct plan_namespaces *ns,
                       bool (*map)(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside),
                       struct plan_id_mapping *out) {
    char copy[48], *end = copy;
    unsigned long values[3];
    const bool relative = len > 0 && *text == '@';
    text += relative;
    len -= relative;
    if (len == 0 || len >= sizeof copy)
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (int i = 0; i < 3; i++) {
        if (*end < '0' || *end > '9')
            return -EINVAL;
        values[i] = strtoul(end, &end, 10);
        if (values[i] > UINT32_MAX || *end++ != (i < 2 ? '-' : '\0'))
            return -EINVAL;
    }
    *out = (struct plan_id_mapping){(uint32_t)values[0], (uint32_t)values[1], (uint32_t)values[2]};
    if (!relative)
        return 0;
    uint32_t first, last, size = out->size;
    if (size == 0 || out->outside > UINT32_MAX - size || !map(ns, out->outside, &first) ||
        !map(ns, out->outside + size - 1, &last) || last - first != size - 1)
        return -ERANGE; /* the container has no such ids, or not in one piece */
    out->outside = first;
    return 0;
}

/* "uids=RANGE#RANGE...", up to the semicolon; *list becomes those. */
static int parse_ranges(struct arena *arena, const char *text, size_t len, const struct plan_namespaces *ns,
                        bool (*map)(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside),
                        const char *place, struct oci_id_mapping_array *list, struct error *err) {
    size_t count = 1, used = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '#';
    struct oci_id_mapping *items = arena_array(arena, count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (const char *c = text; used < count; c++) {
        size_t n = 0;
        while (c + n < text + len && c[n] != '#')
            n++;
        struct plan_id_mapping range;
        int r = parse_range(c, n, ns, map, &range);
        if (r < 0)
            return error_refuse(err, place,
                                r == -ERANGE ? "idmap range \"%.*s\" is not mapped in the user namespace"
                                             : "idmap range \"%.*s\" is not FILE-HOST-COUNT, as 0-1000-10",
                                (int)n, c);
        items[used++] =
            (struct oci_id_mapping){.container_id = range.inside, .host_id = range.outside, .size = range.size};
        c += n;
    }
    *list = (struct oci_id_mapping_array){.count = count, .items = items};
    return 0;
}

/* The mappings in the option "idmap=uids=...;gids=..."; none without one. */
static int parse_idmap(struct arena *arena, const struct oci_mount *row, const struct plan_namespaces *ns,
                       const char *place, struct oci_id_mapping_array lists[2], struct error *err) {
    static bool (*const maps[2])(const struct plan_namespaces *ns, uint32_t inside,
                                 uint32_t *outside) = {namespaces_map_uid, namespaces_map_gid};
    static const char *const keys[2] = {"uids=", "gids="};
    for (size_t i = 0; i < row->options.count; i++) {
        const struct mount_option *o = find_option(row->options.items[i]);
        const char *text = o && o->kind == OPTION_IDMAP ? strchr(row->options.items[i], '=') : NULL;
        for (text += text != NULL; text && *text;) {
            size_t len = strcspn(text, ";");
            int k = strncmp(text, keys[0], 5) == 0 ? 0 : strncmp(text, keys[1], 5) == 0 ? 1 : -1;
            if (k < 0)
                return error_refuse(err, place, "option %s: neither uids= nor gids=", row->options.items[i]);
            int r = parse_ranges(arena, text + 5, len - 5, ns, maps[k], place, &lists[k], err);
            if (r < 0)
                return r;
            text += len + (text[len] == ';');
        }
    }
    return 0;
}

/* config.md "Mounts", uidMappings: both or none, and none only where the container's own can stand in. */
static int plan_idmap(struct arena *arena, const struct oci_mount *row, const struct plan_namespaces *ns,
                      struct plan_mount *m, const char *place, struct error *err) {
    struct oci_id_mapping_array lists[2] = {row->uid_mappings, row->gid_mappings};
    int r = parse_idmap(arena, row, ns, place, lists, err);
    if (r < 0)
        return r;
    if ((lists[0].count == 0) != (lists[1].count == 0))
        return error_refuse(err, place, "a mount needs both uidMappings and gidMappings, or neither");
    if (lists[0].count > 0 && m->idmap == MOUNT_IDMAP_NONE)
        m->idmap = MOUNT_IDMAP_ONE;
    if (m->idmap == MOUNT_IDMAP_NONE)
        return 0;
    if (m->kind != MOUNT_BIND)
        return error_refuse(err, place, "only bind mounts can be id-mapped");
    if (lists[0].count == 0) {
        if (ns->modes[NS_USER] == NS_INHERIT)
            return error_refuse(err, place, "an id-mapped mount needs mappings of its own, or a user namespace");
        m->uids = ns->uids;
        m->gids = ns->gids;
        m->uid_count = ns->uid_count;
        m->gid_count = ns->gid_count;
        return 0;
    }
    char list[64];
    snprintf(list, sizeof list, "%.40s/uidMappings", place);
    r = namespaces_plan_mappings(arena, &lists[0], list, &m->uids, &m->uid_count, err);
    snprintf(list, sizeof list, "%.40s/gidMappings", place);
    return r < 0 ? r : namespaces_plan_mappings(arena, &lists[1], list, &m->gids, &m->gid_count, err);
}

static int check_mount(const struct plan_mount *m, const char *place, struct error *err) {
    bool proc = m->type && strcmp(m->type, "proc") == 0;
    if (strcmp(m->destination, "/") == 0 && m->kind != MOUNT_REMOUNT)
        return error_refuse(err, place, "mountpoint / is on the top of rootfs");
    if (!mounts_proc_allowed(m->destination))
        return error_refuse(err, place, "%s cannot be mounted over: it is inside /proc", m->destination);
    bool made = m->kind == MOUNT_FILESYSTEM || m->kind == MOUNT_CGROUP;
    if (strcmp(m->destination, "/proc") == 0 && made && !proc)
        return error_refuse(err, place, "/proc cannot be covered by a file system of type %s", m->type);
    /* mount(2) does not look at them either, and bundles have them: crun and runc before 1.2 let them pass. */
    if (m->kind == MOUNT_BIND && m->data) {
        const char *names[TABLE_COUNT(options)];
        char hint[NEAREST_HINT_SIZE];
        size_t count = mounts_option_names(names, TABLE_COUNT(options));
        log_warning("bind mounts cannot have any filesystem-specific options applied: \"%s\" ignored (config %s)%s",
                    m->data, place, nearest_hint(nearest_of(m->data, names, count), hint));
    }
    if ((m->copy_symlink || m->source_nofollow || m->dest_nofollow) && m->kind != MOUNT_BIND)
        return error_refuse(err, place, "option %s is for bind mounts only",
                            m->copy_symlink      ? "copy-symlink"
                            : m->source_nofollow ? "src-nofollow"
                                                 : "dest-nofollow");
    if (m->copy_up && (m->kind != MOUNT_FILESYSTEM || strcmp(m->type, "tmpfs") != 0))
        return error_refuse(err, place, "option tmpcopyup is for tmpfs only");
    return 0;
}

/* Owners of a file system's root and the like are ids of the container; one that is not mapped the kernel calls
 * invalid. */
static int check_ids(const struct plan_mount *m, const struct plan_namespaces *ns, const char *place,
                     struct error *err) {
    static const struct {
        const char *key;
        bool (*map)(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside);
    } keys[] = {{"uid=", namespaces_map_uid}, {"gid=", namespaces_map_gid}};
    for (const char *option = m->kind == MOUNT_FILESYSTEM ? m->data : NULL; option && *option;) {
        for (size_t i = 0; i < TABLE_COUNT(keys); i++) {
            uint32_t outside;
            char *end;
            if (strncmp(option, keys[i].key, 4) != 0 || option[4] < '0' || option[4] > '9')
                continue;
            unsigned long id = strtoul(option + 4, &end, 10);
            if ((*end == ',' || !*end) && (id > UINT32_MAX || !keys[i].map(ns, (uint32_t)id, &outside)))
                return error_refuse(err, place, "option %s%lu of %s on %s: that id is not mapped in the user namespace",
                                    keys[i].key, id, m->type, m->destination);
        }
        option += strcspn(option, ",");
        option += *option == ',';
    }
    return 0;
}

static int plan_mount(struct arena *arena, const struct oci_mount *row, size_t index, const char *bundle,
                      const struct plan_namespaces *namespaces, struct plan_mount *m, struct error *err) {
    char place[48];
    snprintf(place, sizeof place, "/mounts/%zu", index);
    m->index = (unsigned)index;
    if (!row->destination || !*row->destination)
        return error_refuse(err, place, "mount has no destination");
    m->destination = mounts_clean_path(arena, row->destination);
    if (!m->destination)
        return error_memory(err);
    m->type = row->type ? row->type : "";
    m->kind = strcmp(m->type, "bind") == 0     ? MOUNT_BIND
              : strcmp(m->type, "cgroup") == 0 ? MOUNT_CGROUP
                                               : MOUNT_FILESYSTEM;
    for (size_t i = 0; i < row->options.count; i++) {
        int r = apply_option(arena, m, row->options.items[i], place, err);
        if (r < 0)
            return r;
    }
    if (has_option(row, "remount"))
        m->kind = MOUNT_REMOUNT;
    if (m->kind == MOUNT_FILESYSTEM && !*m->type)
        return error_refuse(err, place, "mount on %s has neither a type nor the option bind", m->destination);
    m->classic = m->classic_flags != 0;
    int r = plan_source(arena, row, bundle, m, place, err);
    if (r == 0)
        r = plan_idmap(arena, row, namespaces, m, place, err);
    if (r == 0 && namespaces->modes[NS_USER] == NS_NEW)
        r = check_ids(m, namespaces, place, err);
    return r < 0 ? r : check_mount(m, place, err);
}

const char *mounts_context(struct arena *arena, const char *label) {
    static const char key[] = "context=";
    char *text = arena_alloc(arena, sizeof key + 2 * strlen(label));
    if (!text)
        return NULL;
    memcpy(text, key, sizeof key);
    char *end = text + sizeof key - 1;
    for (const char *c = label; *c; c++) {
        if (*c == ',')
            *end++ = '\\';
        *end++ = *c;
    }
    *end = '\0';
    return text;
}

/*
 * What is made new gets the container's label; proc and sysfs keep the ones that their kernel's policy gives each file,
 * mqueue is labelled when it is mounted, since it takes no such option (init/rootfs.c).
 */
static int add_context(struct arena *arena, const char *context, struct plan_mount *m, struct error *err) {
    static const char *const own_labels[] = {"proc", "sysfs", "mqueue"};
    bool labelled = !context || m->kind != MOUNT_FILESYSTEM || (m->data && strstr(m->data, "context="));
    for (size_t i = 0; !labelled && i < TABLE_COUNT(own_labels); i++)
        labelled = strcmp(m->type, own_labels[i]) == 0;
    int r = labelled ? 0 : add_data(arena, m, context);
    return r < 0 ? error_code(err, -r, "label the mount on %s", m->destination) : 0;
}

int mounts_plan(struct arena *arena, const struct oci_config *config, const char *bundle,
                const struct plan_namespaces *namespaces, const char *label, const struct plan_mount *extra,
                struct plan_mounts *out, struct error *err) {
    size_t count = config->mounts.count;
    struct plan_mount *items = arena_array(arena, count + 1, sizeof *items);
    const char *context = label ? mounts_context(arena, label) : NULL;
    if (!items || (label && !context))
        return error_memory(err);
    bool dev_is_bind = false, has_remount = false;
    for (size_t i = 0; i < count; i++) {
        int r = plan_mount(arena, &config->mounts.items[i], i, bundle, namespaces, &items[i], err);
        if (r == 0)
            r = add_context(arena, context, &items[i], err);
        if (r < 0)
            return r;
        has_remount |= items[i].kind == MOUNT_REMOUNT;
        dev_is_bind |= items[i].kind == MOUNT_BIND && strcmp(items[i].destination, "/dev") == 0;
    }
    if (extra) {
        items[count] = *extra;
        items[count].index = (unsigned)count;
        count++;
    }
    *out = (struct plan_mounts){.items = items, .count = count, .has_remount = has_remount, .dev_is_bind = dev_is_bind};
    return 0;
}
