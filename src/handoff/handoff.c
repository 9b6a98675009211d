/* SPDX-License-Identifier: Apache-2.0 */
/* handoff: see handoff.h. Runs in life and init; allocates nothing. */
#include "handoff/handoff.h"

#include "base/fd.h"
#include "base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const struct handoff_rule handoff_rules[HANDOFF_KIND_COUNT] = {
    [HANDOFF_BORN] = {"born", HANDOFF_TO_LIFE, 1, 1},     [HANDOFF_SOURCE] = {"source", HANDOFF_TO_INIT, 1, 1},
    [HANDOFF_PLACED] = {"placed", HANDOFF_TO_INIT, 0, 0}, [HANDOFF_CONSOLE] = {"console", HANDOFF_TO_LIFE, 1, 1},
    [HANDOFF_HOOKS] = {"hooks", HANDOFF_TO_LIFE, 0, 0},   [HANDOFF_HOOKED] = {"hooked", HANDOFF_TO_INIT, 0, 1},
    [HANDOFF_READY] = {"ready", HANDOFF_TO_LIFE, 0, 0},   [HANDOFF_COMMITTED] = {"committed", HANDOFF_TO_INIT, 0, 0},
    [HANDOFF_START] = {"start", HANDOFF_TO_INIT, 0, 1},   [HANDOFF_WARNING] = {"warning", HANDOFF_TO_LIFE, 0, 0},
    [HANDOFF_ERROR] = {"error", HANDOFF_TO_LIFE, 0, 0},   [HANDOFF_DEBUG] = {"debug", HANDOFF_TO_LIFE, 0, 0},
};

/* The packet: fixed size, no pointer, no length to be trusted. */
struct packet {
    uint32_t kind, index;
    struct error error;
};

int handoff_open(int *life_end, int *init_end, struct error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_sys(err, "socketpair");
    *life_end = pair[0];
    *init_end = pair[1];
    return 0;
}

static int send_packet(int socket, const struct packet *packet, int fd) {
    return fd_send(socket, packet, sizeof *packet, &fd, fd >= 0 ? 1 : 0);
}

int handoff_send(int socket, enum handoff_kind kind, int fd, const char *text) {
    struct packet packet = {.kind = kind};
    if (text)
        snprintf(packet.error.text, sizeof packet.error.text, "%s", text);
    return send_packet(socket, &packet, fd);
}

int handoff_send_source(int socket, int fd, uint32_t index) {
    const struct packet packet = {.kind = HANDOFF_SOURCE, .index = index};
    return send_packet(socket, &packet, fd);
}

int handoff_send_error(int socket, const struct error *error) {
    struct packet packet = {.kind = HANDOFF_ERROR, .error = *error};
    return send_packet(socket, &packet, -1);
}

static bool well_formed(const struct packet *packet, ssize_t size, size_t fds, enum handoff_direction direction) {
    if (size != (ssize_t)sizeof *packet || packet->kind == HANDOFF_NONE || packet->kind >= HANDOFF_KIND_COUNT)
        return false;
    const struct handoff_rule *rule = &handoff_rules[packet->kind];
    return rule->direction == direction && fds >= rule->fds_min && fds <= rule->fds_max;
}

int handoff_receive(int socket, enum handoff_direction direction, struct handoff_message *out) {
    struct packet packet;
    own_fd fd = -1;
    size_t fds = 1;
    ssize_t n = fd_receive_packet(socket, &packet, sizeof packet, &fd, &fds);
    if (n <= 0)
        return n == -EMSGSIZE ? -EPROTO : (int)n;
    if (!well_formed(&packet, n, fds, direction))
        return -EPROTO;
    out->kind = (enum handoff_kind)packet.kind;
    out->index = packet.index;
    out->error = packet.error;
    /* The peer may be anything by now: terminate what is read as text. */
    out->error.step[sizeof out->error.step - 1] = '\0';
    out->error.place[sizeof out->error.place - 1] = '\0';
    out->error.text[sizeof out->error.text - 1] = '\0';
    out->fd = fds ? fd_take(&fd) : -1;
    return 1;
}
