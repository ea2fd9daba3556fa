/* The parts of the test server, and what they share.
 *
 *     server_main ---> server_listen ---> server_link ---> server_bind ---> server_group
 *                                              `---> server_call ---> server_echo, _test, _probe, _mgmt
 *                                                          `---> server_workers
 *
 * The server answers in the byte order that its client speaks (C706 ch. 14 leaves it free): bind answers,
 * faults and stub data are all written in the order of the DREP they carry, which is the request's. */
#ifndef SUP_SERVER_H
#define SUP_SERVER_H

#include "dissect/compose.h"
#include "dissect/gather.h"
#include "ledger.h"
#include "wire.h"

#define SRV_FRAGMENT_MAX 5840u       /* bytes of a PDU, as Samba and Windows have it */
#define SRV_REQUEST_MAX  (4u << 20)  /* bytes of a request's stub, likewise */
#define SRV_ANSWER_MAX   (64u << 20) /* bytes; more is not produced */

/* C706 appendix E and MS-RPCE 3.1.1.5.5 */
#define SRV_ACCESS_DENIED   0x00000005u
#define SRV_BAD_STUB_DATA   0x000006f7u
#define SRV_OP_RNG_ERROR    0x1c010002u
#define SRV_UNK_IF          0x1c010003u
#define SRV_PROTO_ERROR     0x1c01000bu
#define SRV_SERVER_TOO_BUSY 0x1c010014u

struct srv_call;
struct srv_link;

/* Runs one call: reads its stub from `in`, then ends it by srv_answer(), srv_fault() or later. */
typedef void srv_operation(struct srv_call *call, struct dis_cursor *in);

struct srv_interface {
    const char *name; /* in the ledger */
    struct dis_syntax syntax;
    srv_operation *const *operations;
    uint16_t operation_count;
};

extern const struct srv_interface srv_echo;  /* Samba's rpcecho */
extern const struct srv_interface srv_test;  /* test.idl */
extern const struct srv_interface srv_probe; /* what Wine's client and server are tried with */
extern const struct srv_interface srv_mgmt;  /* the runtime's own (C706 appendix Q) */
extern const struct srv_interface *const srv_interfaces[];
extern const size_t srv_interface_count;

struct srv_job;

TAILQ_HEAD(srv_calls, srv_call);
TAILQ_HEAD(srv_jobs, srv_job);

struct server {
    uv_loop_t loop;
    struct wire_turn turn;
    struct ledger ledger; /* one line per execution */
    struct ledger events; /* connections come and go, cancels */
    struct srv_calls spare;
    struct srv_jobs jobs; /* that no worker has taken yet, in order */
    uint32_t workers;     /* 0: as many as there are calls */
    uint32_t workers_busy;
    uint32_t last_serial;
    uint64_t executed;
};

/* A presentation context that was accepted. */
struct srv_context {
    uint16_t id;
    const struct srv_interface *interface;
};

/* One connection of a client. */
struct srv_link {
    struct wire wire; /* must be first */
    struct server *server;
    uint32_t serial; /* 1 is the first connection of this process */
    char peer[PX_ADDRESS_TEXT];
    char secondary[6]; /* the port in decimal; empty on a Unix socket */
    bool bound;
    bool multiplexed;
    uint16_t group; /* association group; 0: none */
    uint16_t fragment_max;
    uint16_t context_count;
    struct srv_context *contexts; /* owned */
    struct dis_gather gather;     /* the one request that may be incomplete */
    struct srv_calls calls;       /* accepted, not ended */
};

/* One call from its request to its end. Calls are recycled, their buffers with them. */
struct srv_call {
    TAILQ_ENTRY(srv_call) entry;
    struct srv_link *link;
    const struct srv_interface *interface;
    uv_timer_t timer;
    struct srv_job *job;                                                      /* NULL: none waits or works for it */
    void (*due)(struct srv_call *call);                                       /* when the timer ends */
    void (*client_said)(struct srv_call *call, const struct dis_pdu *answer); /* to our callback; else NULL */
    struct bytes out;                                                         /* the answer's stub */
    size_t sent;                                                              /* bytes of it */
    uint32_t call_id;
    uint16_t context_id;
    uint16_t opnum;
    uint8_t drep[4];
    uint8_t flags; /* of the request's first fragment */
    uint32_t a;    /* for the operation */
    uint32_t b;
};

/* server_listen */
void srv_listen(struct server *server, const char *address); /* prints where it listens */

/* server_link */
void srv_link_open(struct server *server, int fd, const struct px_address *peer, const struct px_address *local);
struct dis_head srv_head(const struct dis_header *request); /* of an answer to it */
void srv_write_fault(struct srv_link *link, const struct dis_head *head, uint16_t context_id, uint32_t status);
void srv_refuse(struct srv_link *link, const struct dis_header *request, uint32_t status);         /* fault, close */
void srv_nak(struct srv_link *link, const struct dis_header *request, enum dis_nak_reason reason); /* and close */

/* server_bind */
void srv_bind(struct srv_link *link, const struct dis_pdu *pdu);
void srv_alter(struct srv_link *link, const struct dis_pdu *pdu);
const struct srv_interface *srv_context_interface(const struct srv_link *link, uint16_t context_id);

/* server_group */
uint16_t srv_group_enter(uint32_t wanted); /* 0 wanted: a new one. 0 returned: there is no such group */
bool srv_group_leave(uint16_t group);      /* true: it was the last member */

/* server_handle: context handles of an association group; one is a number that counts on from a seed */
struct srv_handle {
    uint16_t group; /* 0: free */
    struct dis_uuid uuid;
    uint32_t seed;
    uint32_t next;
};
struct srv_handle *srv_handle_new(uint16_t group, uint32_t seed); /* NULL: too many */
struct srv_handle *srv_handle_find(uint16_t group, const struct dis_uuid *uuid);
void srv_handle_free(struct srv_handle *handle);
void srv_handles_run_down(struct server *server, uint16_t group); /* its last connection has gone */

/* server_call */
void srv_request(struct srv_link *link, const struct dis_pdu *pdu);
void srv_client_answer(struct srv_link *link, const struct dis_pdu *pdu);
void srv_calls_end(struct srv_link *link); /* the connection is gone */

/* For operations. srv_enter() is false, and the call has ended, where the stub could not be read; else the
 * call counts as executed under `id`, and the ledger knows. */
bool srv_enter(struct srv_call *call, const struct dis_cursor *in, uint64_t id);
void srv_wait(struct srv_call *call, uint64_t ms, void (*due)(struct srv_call *call));
void srv_send(struct srv_call *call);                                  /* writes the whole answer */
void srv_send_part(struct srv_call *call, size_t most);                /* writes its next fragment */
void srv_answer(struct srv_call *call);                                /* writes it, ends the call */
void srv_fault(struct srv_call *call, uint32_t status, uint8_t flags); /* ends the call */
void srv_end(struct srv_call *call);                                   /* says nothing */

/* server_workers: as srv_wait(), once a worker is free; call->due is set. And: its client has gone, its worker goes on. */
void srv_work(struct srv_call *call, uint64_t ms);
void srv_work_unwatched(struct srv_call *call);

/* tally */
uint32_t srv_tally(uint64_t own_id); /* adds one; how often this id was given */

#endif
