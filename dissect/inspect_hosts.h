/* What is remembered of servers while a capture is read: when they were last heard, and where the endpoint mapper says
 * that they are. Bounded; what is beyond is not remembered. */
#ifndef INSPECT_HOSTS_H
#define INSPECT_HOSTS_H

#include "conversation.h"

#define HOSTS_MOST  8192u /* servers */
#define MAPPED_MOST 4096u /* endpoints that were named */

struct hosts_server {
    struct dis_endpoint at;
    int64_t heard;
};

struct hosts_mapped {
    struct dis_endpoint at;
    struct dis_syntax interface;
    struct dis_place place; /* of the last answer that named it */
};

/* Zero-initialise; hosts_free() after use. */
struct hosts {
    struct hosts_server *servers; /* by hash */
    size_t server_count;
    struct hosts_mapped *mapped;
    size_t mapped_count;
};

/* A server said something. */
void hosts_hear(struct hosts *h, const struct dis_endpoint *server, int64_t time);

/* When it did so last; 0: never. */
int64_t hosts_heard(const struct hosts *h, const struct dis_endpoint *server);

/* A PDU, which may be an answer of an endpoint mapper. */
void hosts_map(struct hosts *h, const struct dis_sighting *s);

/* Whether the endpoint mapper named this one, or NULL. */
const struct hosts_mapped *hosts_mapped_at(const struct hosts *h, const struct dis_endpoint *at);

void hosts_free(struct hosts *h);

#endif
