/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devbpf: the device program of a cgroup2 directory (bpf(2), BPF_CGROUP_DEVICE, Linux 4.15). Runs in life; needs
 * CAP_SYS_ADMIN (CAP_BPF and CAP_NET_ADMIN do for a cgroup without a program). The program itself is compiled by
 * plan/resources.
 */
#ifndef BERTH_KERNEL_DEVBPF_H
#define BERTH_KERNEL_DEVBPF_H

#include "base/error.h"

#include <linux/bpf.h>
#include <stddef.h>

/*
 * Loads the program and attaches it to the cgroup2 directory (cgroup_clone_fd) with BPF_F_ALLOW_MULTI. A program
 * attached there before is replaced atomically (BPF_F_REPLACE, Linux 5.6; before: attach first, then detach the old),
 * and any others are detached, so there is always one. The kernel frees it with the cgroup. A verifier refusal carries
 * the end of the verifier's log; without the privilege: EPERM.
 */
int devbpf_attach(int cgroup_fd, const struct bpf_insn *program, size_t count, struct error *err);

#endif
