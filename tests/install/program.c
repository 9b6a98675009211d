/* SPDX-License-Identifier: Apache-2.0 */
/* A program of somebody else's: lists the containers below a state root, then asks for the state of one of them. */
#include <berth/berth.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int print(void *context, const struct berth_container *container) {
    unsigned *count = context;
    ++*count;
    printf("%s %s\n", container->id, container->status);
    return 0;
}

int main(int argc, char **argv) {
    struct berth_error error = {0};
    struct berth_runtime runtime = {.root = argc == 3 ? argv[1] : NULL};
    unsigned count = 0;
    char *json = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: %s ROOT ID\n", argv[0]);
        return 2;
    }
    if (berth_list(&runtime, print, &count, &error) < 0) {
        fprintf(stderr, "list: %s\n", error.text);
        return 1;
    }
    printf("%u containers\n", count);
    if (berth_state(&runtime, argv[2], &json, &error) < 0) {
        fprintf(stderr, "state: %s\n", error.text);
        return 1;
    }
    puts(json);
    free(json);
    return 0;
}
