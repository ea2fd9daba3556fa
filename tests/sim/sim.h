/* The simulator: random clients and servers around the whole proxy, over a network that is not there, in virtual time.
 *
 *     sim ---> clients, servers ---> network <--- kernel <--- the proxy's own objects, unchanged
 *       `----> promises <----------- the call log                `--- fake_uv
 *
 * `kernel` and `fake_uv` define the system calls and the functions of libuv that the proxy uses; the linker takes these. All
 * that is random comes from one seed. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- chance and time (sim.c, network.c) ---- */

uint32_t sim_below(uint32_t limit); /* 0 … limit - 1 */
bool sim_chance(uint32_t percent);
uint32_t sim_between(uint32_t least, uint32_t most);

extern int64_t sim_now; /* ms */
extern bool sim_verbose;
__attribute__((format(printf, 1, 2))) void sim_say(const char *format, ...);    /* with -v */
__attribute__((format(printf, 1, 2))) void sim_broken(const char *format, ...); /* a promise; does not return */

/* ---- the network (network.c) ---- */

enum { NET_CLIENT, NET_PROXY_DOWN, NET_PROXY_UP = 0, NET_SERVER = 1 };

struct net_half {
    uint8_t *bytes; /* from the first that was not read to the last that was written */
    size_t begin, end, room;
    size_t arrived; /* of them: at the reader's */
    bool fin, fin_arrived;
};

struct net_end {
    void *owner; /* an actor; NULL: the proxy, which polls */
    void (*notify)(void *owner);
    size_t capacity;   /* of what was written and not read by the other end */
    int error;         /* errno that the next call gets */
    bool closed, dead; /* dead: it had an RST, or has sent one */
    bool keepalive;
    int keep_idle, keep_interval, keep_count, user_timeout; /* s, s, probes, ms */
    bool dies_by_reset;
    int64_t lost_in; /* ms, by its options as they are now */
    int64_t lost_at; /* when it is found out that nobody is there any more, as its options are now */
};

/* A connection: end e writes half[e] and reads half[1 - e]. */
struct net_conn {
    struct net_half half[2];
    struct net_end end[2];
    bool established;
    bool silent;     /* nothing arrives any more, either way */
    int64_t heard;   /* when something last came through */
    unsigned events; /* that still name it */
    int number;      /* for people */
};

void net_reset_world(int64_t latency);
void net_end_world(void);
struct net_conn *net_new(void);
size_t net_write(struct net_conn *c, unsigned end, const void *bytes, size_t length); /* 0: no room, or an error */
size_t net_read(struct net_conn *c, unsigned end, void *bytes, size_t length);
size_t net_readable(const struct net_conn *c, unsigned end);
bool net_fin_seen(const struct net_conn *c, unsigned end); /* and nothing is left before it */
size_t net_room(const struct net_conn *c, unsigned end);
size_t net_unacknowledged(const struct net_conn *c, unsigned end);
void net_fin(struct net_conn *c, unsigned end);
void net_reset(struct net_conn *c, unsigned end);
void net_close(struct net_conn *c, unsigned end); /* as close() does it */
void net_go_silent(struct net_conn *c);
void net_keepalive(struct net_conn *c, unsigned end); /* its options have changed */

/* Calls `act(a, b)` after so many ms. */
void net_later(int64_t delay, void (*act)(void *a, intptr_t b), void *a, intptr_t b);
int64_t net_next(void);     /* when the next of these is due; INT64_MAX: none is */
void net_run_due(void);     /* those that are due now */
extern int64_t net_latency; /* ms, one way */

/* ---- the kernel and libuv (kernel.c, fake_uv.c) ---- */

void kernel_reset_world(void);
void kernel_connects(struct net_conn *c, unsigned client); /* a client's connection comes to the proxy's listener */
int kernel_open_files(void);
bool kernel_is_listening(void);
int kernel_poll(int fd); /* enum uv_poll_event; -1: an error condition */
void kernel_log(void (*line)(const char *text, size_t length));

void uv_reset_world(void);
bool uv_turn(void);   /* one turn of the loop; false: nothing was to be done */
int64_t uv_due(void); /* when a timer is due */
bool uv_is_stopped(void);
void uv_hang_up_all(void);

/* ---- the actors ---- */

struct sim_settings {
    uint32_t calls, call_timeout, com_timeout, deadline, waiting, longest, abandoned, bind_timeout, client_timeout;
    bool timed; /* every call has a time-out */
    bool quiet; /* few faults: everything must be answered in the end */
};
extern struct sim_settings sim_settings;

void clients_reset_world(void);
void clients_begin(unsigned count);
void clients_leave(void); /* those that are there: at once */
bool clients_are_gone(void);

void servers_reset_world(void);
struct net_conn *servers_dial(unsigned server, int *error); /* NULL: refused, or silence */
void servers_fault(void);                                   /* something happens to one */
void servers_end(void);                                     /* all are killed */
bool servers_are_well(void);
#define SERVERS 2u /* members of one server */

/* ---- what must hold (promises.c) ---- */

struct own { /* a call, from its client's and its server's side */
    unsigned client, conn;
    uint32_t call_id;
    uint32_t received; /* times that a server began with it */
    uint32_t executed;
    uint32_t answers;             /* that its client heard: responses and faults */
    uint32_t lines;               /* of the log */
    uint32_t status;              /* of a fault */
    bool fault, dne, whole, gone; /* gone: its connection ended before it was answered */
    bool maybe, server_fault;
    char ending[16];
    char proof[4];
    int64_t begun;
};

void promises_reset_world(void);
uint32_t promises_new(unsigned client, unsigned conn, uint32_t call_id, bool maybe);
struct own *promises_of(uint32_t own_id);
void promises_received(uint32_t own_id,
                       unsigned link_client); /* by a server, on a link that has served this client */
void promises_executed(uint32_t own_id);
void promises_answered(uint32_t own_id, bool fault, uint32_t status, bool dne);
void promises_inside(uint32_t inside); /* of all members */
void promises_line(const char *text, size_t length);
void promises_end(void); /* of the schedule */
uint32_t promises_count(void);

/* ---- PDUs of both actors (pdus.c) ---- */

struct sim_reader {
    uint8_t bytes[70000];
    size_t length;
};

/* The next whole PDU at `reader`, or 0; *bytes is good until the next call. */
size_t pdus_next(struct sim_reader *reader, struct net_conn *c, unsigned end, const uint8_t **bytes);
/* Adds an auth trailer with a sequence number to the PDU of `length` bytes; returns the new length. */
size_t pdus_sign(uint8_t *pdu, size_t length, uint8_t level, uint32_t sequence);
bool pdus_signature(const uint8_t *pdu, uint32_t *sequence); /* false: there is none */

#endif
