/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit test of plan/filter_fold: whatever is folded answers as before, for programs made by hand and by chance. Runs
 * anywhere. FOLD_SEED and FOLD_ROUNDS in the environment ask for other and for more programs.
 */
#include "plan/filter_fold.h"

#include "bpf_run.h"
#include "tap.h"

#include <linux/audit.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define ARCH LOAD(offsetof(struct seccomp_data, arch))
#define NUMBER LOAD(offsetof(struct seccomp_data, nr))
#define ARG(index) LOAD((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (index)))
#define IF(operation, k, yes, no) BPF_JUMP(BPF_JMP | BPF_##operation | BPF_K, k, yes, no)
#define GO(far) BPF_STMT(BPF_JMP | BPF_JA, far)
#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)

/* --------------------------------------------------------------------------------------------------- equal answers --
 */

static uint64_t state;

static uint32_t chance(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % below);
}

/* Constants that programs are made of; what they are tried with lies on and around them. */
static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64};
static const uint32_t words[] = {0,   1,   2,   3,          5,          8,          13,         21,         34,
                                 100, 101, 102, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

static uint32_t word_near(const struct sock_filter *program, size_t count) {
    uint32_t word = chance(2) ? words[chance(COUNT(words))] : program[chance((uint32_t)count)].k;
    return word + chance(3) - 1;
}

/* How many of `rounds` inputs are answered otherwise. */
static size_t differences(const struct sock_filter *a, size_t a_count, const struct sock_filter *b, size_t b_count,
                          size_t rounds) {
    size_t wrong = 0;
    for (size_t i = 0; i < rounds; i++) {
        struct seccomp_data data = {.nr = (int)word_near(a, a_count), .arch = word_near(a, a_count)};
        if (chance(4))
            data.arch = archs[chance(COUNT(archs))];
        for (size_t j = 0; j < COUNT(data.args); j++)
            data.args[j] = (uint64_t)word_near(a, a_count) << 32 | word_near(a, a_count);
        uint32_t want = program_run(a, a_count, &data), got = program_run(b, b_count, &data);
        if (want != got && wrong++ == 0)
            printf("# arch %#x number %#x: got %#x, want %#x\n", data.arch, (unsigned)data.nr, got, want);
    }
    return wrong;
}

/* What the kernel checks of a program (seccomp(2), kernel/seccomp.c), as far as the folder could get it wrong. */
static bool program_sound(const struct sock_filter *program, size_t count) {
    if (count == 0 || BPF_CLASS(program[count - 1].code) != BPF_RET)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (BPF_CLASS(program[i].code) != BPF_JMP)
            continue;
        size_t room = count - i - 1;
        if (BPF_OP(program[i].code) == BPF_JA ? program[i].k >= room : program[i].jt >= room || program[i].jf >= room)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------- by hand -- */

static void is_folded(const struct sock_filter *in, size_t count, size_t most, const char *what) {
    own_arena arena = ARENA_INIT;
    const struct sock_filter *out = in;
    size_t length = count;
    is_number(filter_fold(&arena, &out, &length), 0, "%s: folds", what);
    ok(length <= most, "%s: %zu instructions become %zu, at most %zu", what, count, length, most);
    ok(program_sound(out, length), "%s: the result is sound", what);
    is_number(differences(in, count, out, length, 20000), 0, "%s: the answers are the same", what);
}

static void is_left(const struct sock_filter *in, size_t count, const char *what) {
    own_arena arena = ARENA_INIT;
    const struct sock_filter *out = in;
    size_t length = count;
    is_number(filter_fold(&arena, &out, &length), 0, "%s: no error", what);
    ok(out == in && length == count, "%s: left as it is", what);
}

static void test_by_hand(void) {
    const struct sock_filter neighbours[] = {
        ARCH,
        IF(JEQ, AUDIT_ARCH_X86_64, 0, 14),
        NUMBER,
        IF(JEQ, 1, 11, 0),
        IF(JEQ, 2, 10, 0),
        IF(JEQ, 3, 9, 0),
        IF(JEQ, 4, 8, 0),
        IF(JEQ, 5, 7, 0),
        IF(JEQ, 6, 6, 0),
        IF(JEQ, 7, 5, 0),
        IF(JEQ, 8, 4, 0),
        IF(JEQ, 9, 3, 0),
        IF(JEQ, 10, 2, 0),
        IF(JEQ, 11, 1, 0),
        RET(7),
        RET(1),
        RET(0),
    };
    is_folded(neighbours, COUNT(neighbours), 8, "neighbours");

    const struct sock_filter arguments[] = {
        ARCH,
        IF(JEQ, AUDIT_ARCH_X86_64, 2, 0),
        IF(JEQ, AUDIT_ARCH_I386, 8, 0),
        RET(0),
        NUMBER,
        IF(JGE, 0x40000000, 6, 0),
        IF(JEQ, 56, 2, 0),
        IF(JGT, 57, 3, 0),
        RET(1),
        ARG(0),
        IF(JSET, 0x7e, 1, 0),
        RET(2),
        RET(3),
    };
    is_folded(arguments, COUNT(arguments), COUNT(arguments), "arguments");

    const struct sock_filter all_alike[] = {ARCH,  IF(JEQ, 5, 0, 0), NUMBER, IF(JGT, 7, 0, 0), IF(JGE, 9, 1, 0), RET(4),
                                            RET(4)};
    is_folded(all_alike, COUNT(all_alike), 3, "one answer to all");

    const struct sock_filter edges[] = {NUMBER,
                                        IF(JEQ, 0, 4, 0),
                                        IF(JEQ, 0xffffffff, 3, 0),
                                        IF(JGT, 0xffffffff, 1, 0),
                                        IF(JGE, 0, 2, 0),
                                        RET(1),
                                        RET(2),
                                        RET(3)};
    is_folded(edges, COUNT(edges), COUNT(edges), "the first and the last number");

    const struct sock_filter short_one[] = {NUMBER, IF(JEQ, 5, 0, 1), RET(1), RET(2)};
    is_left(short_one, COUNT(short_one), "what would not shrink");
    const struct sock_filter order[] = {ARCH, IF(JGT, 9, 0, 0), IF(JGT, 9, 0, 0), IF(JGT, 9, 0, 0), RET(1)};
    is_left(order, COUNT(order), "architectures by order");
    const struct sock_filter masked[] = {NUMBER, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 7), IF(JEQ, 5, 0, 0),
                                         IF(JEQ, 5, 0, 0), RET(1)};
    is_left(masked, COUNT(masked), "a number under a mask");
    const struct sock_filter bits[] = {NUMBER, IF(JSET, 4, 0, 0), IF(JSET, 4, 0, 0), IF(JSET, 4, 0, 0), RET(1)};
    is_left(bits, COUNT(bits), "bits of a number");
    const struct sock_filter copied[] = {NUMBER, BPF_STMT(BPF_MISC | BPF_TAX, 0), IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0),
                                         RET(1)};
    is_left(copied, COUNT(copied), "a number in the other register");
    const struct sock_filter unloaded[] = {IF(JEQ, 0, 0, 0), IF(JEQ, 0, 0, 0), IF(JEQ, 0, 0, 0), RET(1)};
    is_left(unloaded, COUNT(unloaded), "nothing loaded");
    const struct sock_filter outside[] = {NUMBER, IF(JEQ, 5, 0, 3), IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0), RET(1)};
    is_left(outside, COUNT(outside), "a branch that leads out");
    const struct sock_filter behind[] = {
        NUMBER, IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0), ARG(0), IF(JEQ, 1, 0, 1), RET(1)};
    is_left(behind, COUNT(behind), "a branch that leads out behind a look at an argument");
    const struct sock_filter far[] = {NUMBER, GO(0xffffffff), IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0), RET(1)};
    is_left(far, COUNT(far), "a jump that leads out");
    const struct sock_filter endless[] = {NUMBER, IF(JEQ, 5, 0, 0), IF(JEQ, 5, 0, 0), NUMBER};
    is_left(endless, COUNT(endless), "no answer at the end");
    is_left(endless, 0, "no program");

    struct sock_filter many[3 * 40 + 2];
    size_t n = 0;
    many[n++] = (struct sock_filter)ARCH;
    for (uint32_t i = 0; i < 40; i++) {
        many[n++] = (struct sock_filter)IF(JEQ, i, 0, 2);
        many[n++] = (struct sock_filter)NUMBER;
        many[n++] = (struct sock_filter)RET(1);
    }
    many[n++] = (struct sock_filter)RET(2);
    is_left(many, n, "more architectures than there are");
}

/* As libseccomp writes them: each number compared by itself, here more of them than a branch reaches over. */
static void test_long(void) {
    struct sock_filter in[3000];
    size_t n = 0;
    in[n++] = (struct sock_filter)ARCH;
    in[n++] = (struct sock_filter)IF(JEQ, AUDIT_ARCH_X86_64, 1, 0);
    in[n++] = (struct sock_filter)RET(0);
    in[n++] = (struct sock_filter)NUMBER;
    for (uint32_t number = 0; number < 900; number++) {
        if (number % 9 == 4) { /* one that looks at an argument */
            in[n++] = (struct sock_filter)IF(JEQ, number, 0, 4);
            in[n++] = (struct sock_filter)ARG(number % 6);
            in[n++] = (struct sock_filter)IF(JGT, number % 100, 0, 1);
            in[n++] = (struct sock_filter)RET(1000 + number);
            in[n++] = (struct sock_filter)RET(2000 + number);
        } else if (number % 3 != 0) {
            in[n++] = (struct sock_filter)IF(JEQ, number, 0, 1);
            in[n++] = (struct sock_filter)RET(number % 5);
        }
    }
    in[n++] = (struct sock_filter)RET(77);
    is_folded(in, n, n, "a long one");
}

/* ----------------------------------------------------------------------------------------------------- by chance -- */

/* Blocks of three instructions: a load, something with what is loaded, a branch to the head of a later block. */
static size_t program_make(struct sock_filter *out) {
    size_t blocks = 3 + chance(60);
    for (size_t i = 0; i < blocks; i++) {
        struct sock_filter *block = out + 3 * i;
        size_t left = blocks - i; /* the heads behind it, of which the last is an answer */
        uint32_t kind = i == 0 ? chance(2) : chance(8), k = words[chance(COUNT(words))] + chance(2);
        uint8_t yes = (uint8_t)(3 * chance(left > 20 ? 20 : (uint32_t)left));
        uint8_t no = (uint8_t)(3 * chance(left > 20 ? 20 : (uint32_t)left));
        static const uint16_t operations[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
        uint16_t operation = operations[chance(kind > 6 ? 4 : 3)];
        block[0] = kind == 0  ? (struct sock_filter)ARCH
                   : kind < 7 ? (struct sock_filter)NUMBER
                              : (struct sock_filter)ARG(chance(6));
        block[1] = kind == 7 && chance(2) ? (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, chance(256))
                                          : (struct sock_filter)GO(0);
        if (kind == 0)
            k = archs[chance(COUNT(archs))], operation = BPF_JEQ;
        block[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | operation | BPF_K, k, yes, no);
        if (chance(30) == 0)
            block[2] = (struct sock_filter)GO(yes);
        if (i > 0 && chance(8) == 0)
            block[0] = (struct sock_filter)RET(chance(5));
    }
    out[3 * blocks] = (struct sock_filter)RET(9);
    return 3 * blocks + 1;
}

static void test_by_chance(void) {
    const char *seed = getenv("FOLD_SEED"), *more = getenv("FOLD_ROUNDS");
    size_t rounds = more ? strtoul(more, NULL, 0) : 3000, wrong = 0, unsound = 0, folded = 0;
    state = seed ? strtoull(seed, NULL, 0) : 88172645463325252;
    for (size_t i = 0; i < rounds; i++) {
        struct sock_filter in[256];
        size_t count = program_make(in), length = count;
        own_arena arena = ARENA_INIT;
        const struct sock_filter *out = in;
        if (!program_sound(in, count) || filter_fold(&arena, &out, &length) < 0) {
            wrong++;
            continue;
        }
        folded += out != in;
        unsound += !program_sound(out, length);
        wrong += differences(in, count, out, length, 300) > 0;
    }
    is_number(unsound, 0, "%zu programs made by chance: all sound", rounds);
    is_number(wrong, 0, "all answer as before");
    ok(folded > rounds / 4, "%zu of them could be folded", folded);
}

int main(void) {
    state = 88172645463325252;
    test_by_hand();
    test_long();
    test_by_chance();
    return tap_done();
}
