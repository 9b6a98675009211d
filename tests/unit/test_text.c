/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/text: what is written is there, and what there is no memory for is an error. */
#include "base/text.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void test_written(void) {
    struct text text;
    FILE *out = text_open(&text);
    ok(text_close(out, &text) == 0, "nothing is written");
    is_text(text.data, "", "an empty text");
    free(text.data);
    out = text_open(&text);
    for (int i = 0; i < 10000; i++)
        fprintf(out, "%05d,", i);
    ok(text_close(out, &text) == 0 && text.len == 60000 && strlen(text.data) == 60000, "all bytes are there");
    ok(strncmp(text.data, "00000,00001,", 12) == 0 && strcmp(text.data + 59988, "09998,09999,") == 0, "in their order");
    free(text.data);
}

static void test_no_memory(void) {
    static const char block[65536] = {'x'};
    struct rlimit old, small;
    struct text text;
    FILE *out = text_open(&text);
    getrlimit(RLIMIT_AS, &old);
    small = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    fwrite(block, 1, 16, out);
    fflush(out);
    setrlimit(RLIMIT_AS, &small);
    for (int i = 0; i < 256; i++) /* more than the C library may have at hand */
        fwrite(block, 1, sizeof block, out);
    fputs("the end", out);
    int r = text_close(out, &text);
    setrlimit(RLIMIT_AS, &old);
    ok(r < 0 && !text.data, "a text that is not whole is none");
}

int main(void) {
    test_written();
    if (!getenv("ASAN_OPTIONS")) /* the address sanitizer needs memory of its own */
        test_no_memory();
    return tap_done();
}
