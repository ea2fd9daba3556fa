/* What the shim and the proxy say to one another: one packet each way over a SOCK_SEQPACKET socket, on one machine.
 *
 * The socket that is to be led is named by its cookie (SO_COOKIE, socket(7)), which the kernel never gives twice. So the
 * proxy knows the very socket again when it connects, whoever else has heard of the alias. */
#ifndef SHIM_QUESTION_H
#define SHIM_QUESTION_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SHIM_VERSION 2u

#define SHIM_SPARES     16u /* aliases, most of them, beside the one that was asked for */
#define SHIM_SPARE_LIFE 250 /* ms from the question in which a program may take one */

/* Behind the path of the proxy's socket: where those connect who meant to go to some other Unix socket. */
#define SHIM_LOCAL_SUFFIX ".local"

enum shim_kind {
    SHIM_ALIAS, /* where to connect instead of `address` */
    SHIM_NAME,  /* where the socket, whose peer is `address`, was led to */
};

enum shim_fact {
    SHIM_NONBLOCK = 1, /* the program does not want to wait */
    SHIM_BOUND = 2,    /* the program chose the socket's own address, so what the kernel says of it is true */
};

struct shim_address {
    uint32_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
};

struct shim_question {
    uint32_t version;
    uint16_t kind;  /* enum shim_kind */
    uint16_t facts; /* enum shim_fact */
    uint64_t cookie;
    uint64_t netns; /* SO_NETNS_COOKIE: an alias leads nowhere in another network namespace */
    struct shim_address address;
    uint32_t spares; /* of SHIM_ALIAS: how many more are wished for, to the same destination */
};

struct shim_answer {
    uint32_t version;
    int32_t error; /* errno for the program; 0: see `address` */
    uint32_t facts;
    struct shim_address address;
    uint64_t ports;    /* the instance of the file (map.h) that the proxy writes now … */
    uint32_t failures; /* … and what it says there of the destination */
    uint32_t spare_count;
    uint32_t spares[SHIM_SPARES]; /* IPv4 addresses in network byte order; the port is that of `address` */
};

#endif
