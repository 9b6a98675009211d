/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource_lists: the properties of linux.resources that give a write for each device, page size, interface or file
 * they name: blockIO, hugepageLimits, network, rdma, unified. Pure; part of resources.c.
 */
#ifndef BERTH_PLAN_RESOURCE_LISTS_H
#define BERTH_PLAN_RESOURCE_LISTS_H

#include "plan/resources.h"

struct oci_resources;

/* Where the writes go. */
struct resource_list {
    struct arena *arena;
    struct error *err;
    bool unified;
    int (*add)(struct resource_list *list, const struct resource_write *write);
    void *context;
};

/* All but `unified`. */
int resource_lists_plan(struct resource_list *list, const struct oci_resources *resources);

/* What `unified` says in the kernel's own words: behind everything else, so that it wins. */
int resource_lists_plan_unified(struct resource_list *list, const struct oci_resources *resources);

#endif
