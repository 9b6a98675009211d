/* SPDX-License-Identifier: Apache-2.0 */
/* criu: the options that checkpoint and restore have in common, as rows of their tables. */
#ifndef BERTH_CLI_CRIU_H
#define BERTH_CLI_CRIU_H

#include "cli/options.h"

#include "base/table.h"

#include <berth/berth.h>

static const struct name_value criu_cgroups[] = {{"soft", BERTH_CRIU_CGROUPS_SOFT},
                                                 {"full", BERTH_CRIU_CGROUPS_FULL},
                                                 {"strict", BERTH_CRIU_CGROUPS_STRICT},
                                                 {"ignore", BERTH_CRIU_CGROUPS_IGNORE}};
static const struct name_value criu_locks[] = {
    {"iptables", BERTH_CRIU_LOCK_IPTABLES}, {"nftables", BERTH_CRIU_LOCK_NFTABLES}, {"skip", BERTH_CRIU_LOCK_SKIP}};
/* The one kind that CRIU can empty, and it is so without the option, as with runc. */
static const struct name_value criu_empty[] = {{"network", 1}};

/* `criu` and `empty` are members of the struct that FIELD is about. */
#define CRIU_ROWS(criu, empty)                                                                                         \
    OPTION_ROW(TEXT, FIELD(criu.image_path), "image-path", 0, "DIR",                                                   \
               "directory of the images (default: ./checkpoint)"),                                                     \
        OPTION_ROW(TEXT, FIELD(criu.work_path), "work-path", 0, "DIR", "directory of the log (default: the images')"), \
        OPTION_ROW(FLAG, FIELD(criu.tcp_established), "tcp-established", 0, NULL,                                      \
                   "allow established TCP connections"),                                                               \
        OPTION_ROW(FLAG, FIELD(criu.ext_unix_sk), "ext-unix-sk", 0, NULL,                                              \
                   "allow UNIX sockets that are connected to processes outside"),                                      \
        OPTION_ROW(FLAG, FIELD(criu.shell_job), "shell-job", 0, NULL, "allow a terminal of the caller's"),             \
        OPTION_ROW(FLAG, FIELD(criu.file_locks), "file-locks", 0, NULL, "allow file locks"),                           \
        OPTION_ROW(FLAG, FIELD(criu.lazy_pages), "lazy-pages", 0, NULL, "bring memory over when it is used"),          \
        OPTION_ROW(FLAG, FIELD(criu.auto_dedup), "auto-dedup", 0, NULL, "keep each page of memory in one image only"), \
        OPTION_CHOICE_ROW(criu_cgroups, FIELD(criu.cgroups), "manage-cgroups-mode", 0, "MODE",                         \
                          "soft (CRIU's default), full, strict or ignore"),                                            \
        OPTION_CHOICE_ROW(criu_locks, FIELD(criu.network_lock), "network-lock", 0, "METHOD",                           \
                          "iptables (CRIU's default), nftables or skip"),                                              \
        OPTION_CHOICE_ROW(criu_empty, FIELD(empty), "empty-ns", 0, "network", "accepted; it is always so")

#endif
