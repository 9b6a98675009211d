/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_run: a small interpreter of seccomp filters, for unit tests. */
#ifndef BERTH_TESTS_BPF_RUN_H
#define BERTH_TESTS_BPF_RUN_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STUCK 0xdeadbeef /* no answer of a filter: the program is not one that the kernel would take */

static inline bool jump_taken(const struct sock_filter *i, uint32_t a) {
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return a == i->k;
    case BPF_JGT:
        return a > i->k;
    case BPF_JGE:
        return a >= i->k;
    default:
        return (a & i->k) != 0;
    }
}

/* The instructions that a filter may have here; anything else, and any step outside, is STUCK. */
static inline uint32_t program_run(const struct sock_filter *program, size_t count, const struct seccomp_data *data) {
    uint32_t a = 0;
    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *i = &program[at];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k % 4 || i->k >= sizeof *data)
                return STUCK;
            memcpy(&a, (const char *)data + i->k, sizeof a);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_JMP | BPF_JA:
            if (i->k >= count)
                return STUCK;
            at += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K:
            at += jump_taken(i, a) ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            return STUCK;
        }
    }
    return STUCK;
}

#endif
