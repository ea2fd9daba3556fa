/* Connect, bind to the management interface, ask it: as far as the kind of check goes. Whatever answers a bind at all is well: it
 * need not offer that interface. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../dissect/compose.h"
#include "../dissect/frame.h"
#include "intake.h"

#define FRAG_SIZE          4280u /* what Windows and Samba offer */
#define OPNUM_IS_LISTENING 2u    /* C706 appendix Q.2 */
#define ANSWER_SIZE        8u    /* error_status_t, boolean32 */
#define NOT_DCERPC         EPROTO
#define SAYS_NOT_LISTENING EHOSTDOWN

struct px_check {
    struct px_socket socket;
    struct px_loop *loop;
    struct px_buffer in;
    uint32_t member;
    enum px_check_kind kind;
    bool connected;
};

static struct px_check *of(struct px_socket *s)
{
    return (struct px_check *)s; /* its first member */
}

/* ---- its end ---- */

static void leave(struct px_check *c)
{
    if (c->loop->checks[c->member] == c)
        c->loop->checks[c->member] = NULL;
    px_buffer_clear(&c->in);
    px_socket_close(&c->socket, false);
}

static void tell(struct px_loop *loop, uint32_t member, int error)
{
    struct pol_event e = {
        .kind = POL_CHECKED, .client = { POL_NONE, 0 }, .link = { POL_NONE, 0 }, .call = { POL_NONE, 0 }
    };
    e.member = member;
    e.error = error;
    px_loop_inform(loop, &e);
}

static void finish(struct px_check *c, int error)
{
    if (c->loop->checks[c->member] == c)
        tell(c->loop, c->member, error);
    leave(c);
}

/* ---- what is said ---- */

/* afa8bd80-7d8a-11c9-bef4-08002b102989 v1.0 (C706 appendix Q) */
static const struct dis_syntax mgmt = { .uuid = { { 0xaf, 0xa8, 0xbd, 0x80, 0x7d, 0x8a, 0x11, 0xc9, 0xbe, 0xf4, 0x08,
                                                    0x00, 0x2b, 0x10, 0x29, 0x89 } },
                                        .major = 1 };
static const struct dis_head head = { .drep = dis_little_endian, .call_id = 1 };

static void send_bind(struct px_check *c)
{
    static const struct dis_bind sizes = { .max_xmit_frag = FRAG_SIZE, .max_recv_frag = FRAG_SIZE };
    const struct dis_offer offer = { .abstract = mgmt, .transfers = &dis_ndr, .transfer_count = 1 };
    uint8_t pdu[128];
    px_socket_write(&c->socket, pdu, dis_compose_bind(pdu, sizeof pdu, DIS_BIND, &head, &sizes, &offer, 1));
}

static void send_question(struct px_check *c)
{
    uint8_t pdu[64];
    struct dis_head question = head;
    question.flags = DIS_FIRST_FRAG | DIS_LAST_FRAG;
    question.call_id = 2;
    px_socket_write(&c->socket, pdu,
                    dis_compose_request(pdu, sizeof pdu, &question, 0, OPNUM_IS_LISTENING, NULL, 0, pdu, 0));
}

static bool is_accepted(const struct dis_pdu *ack)
{
    struct dis_list results = ack->bind_ack.results;
    struct dis_context_result result;
    return ack->header.type == DIS_BIND_ACK && dis_next_result(&results, &result) && result.result == DIS_ACCEPTANCE;
}

static uint32_t number_at(const uint8_t *p, const uint8_t *drep)
{
    return dis_big_endian(drep) ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                                : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* A fault is an answer too: many servers do not let everybody ask. */
static int judge_answer(const struct dis_pdu *pdu)
{
    if (pdu->header.type != DIS_RESPONSE)
        return 0;
    const struct dis_response *r = &pdu->response;
    bool says_yes = r->stub_length >= ANSWER_SIZE && number_at(r->stub + 4, pdu->header.drep) != 0;
    return says_yes ? 0 : SAYS_NOT_LISTENING;
}

static void judge(struct px_check *c, const struct dis_pdu *pdu)
{
    switch (pdu->header.type) {
    case DIS_BIND_ACK:
    case DIS_BIND_NAK:
        if (c->kind == PX_CHECK_LISTENING && is_accepted(pdu))
            send_question(c);
        else
            finish(c, 0);
        return;
    default:
        finish(c, judge_answer(pdu));
    }
}

static size_t handle_bytes(void *owner, uint8_t *bytes, size_t length)
{
    struct px_check *c = owner;
    struct dis_frame frame = dis_frame_next(bytes, length);
    struct dis_pdu pdu;
    struct dis_error error;
    if (frame.status == DIS_FRAME_MORE)
        return 0;
    if (frame.status == DIS_FRAME_BAD || !dis_pdu_decode(bytes, frame.length, &pdu, &error))
        finish(c, NOT_DCERPC);
    else
        judge(c, &pdu);
    return length; /* each of its questions has one answer */
}

/* ---- the socket's events ---- */

static void readable(struct px_socket *s)
{
    struct px_check *c = of(s);
    px_loop_clock(c->loop);
    int result = px_intake_read(c->loop, s, &c->in, handle_bytes, c);
    if (result <= 0 && s->fd >= 0)
        finish(c, ECONNRESET);
}

static void writable(struct px_socket *s)
{
    struct px_check *c = of(s);
    if (c->connected)
        return;
    c->connected = true;
    if (c->kind == PX_CHECK_CONNECT) {
        finish(c, 0);
        return;
    }
    px_socket_watch(s, PX_WATCH_BYTES);
    send_bind(c);
}

static void hung_up(struct px_socket *s)
{
    (void)s; /* never asked for */
}

static void failed(struct px_socket *s, int error)
{
    finish(of(s), error);
}

static void closed(struct px_socket *s)
{
    free(of(s));
}

static const struct px_socket_events socket_events = {
    .readable = readable, .writable = writable, .hung_up = hung_up, .failed = failed, .closed = closed
};

/* ---- what the brain wants ---- */

void px_check_begin(struct px_loop *loop, uint32_t member)
{
    const struct px_roster_member *m = &loop->roster.members[member];
    enum px_check_kind kind = loop->settings->servers[m->server].check;
    struct px_check *c = calloc(1, sizeof *c);
    int fd = -1, error = c ? px_socket_connect(&m->address.any, m->address.length, &fd) : ENOMEM;
    if (!error)
        error = px_socket_open(&c->socket, &loop->uv, fd, true, &socket_events);
    if (error) {
        if (fd >= 0)
            close(fd);
        free(c);
        tell(loop, member, error);
        return;
    }
    c->loop = loop;
    c->member = member;
    c->kind = kind == PX_CHECK_NONE ? PX_CHECK_BIND : kind;
    loop->checks[member] = c;
}

void px_check_stop(struct px_loop *loop, uint32_t member)
{
    if (loop->checks[member])
        leave(loop->checks[member]);
}
