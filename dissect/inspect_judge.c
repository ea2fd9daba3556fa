/* Of a call without an answer: who ended it, and whether the server's host was there. */
#include "inspect_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "inspect_rows.h"
#include "interfaces.h"
#include "names.h"

#define IDLE        5000000000 /* ns after which a middlebox may have forgotten a connection */
#define UNCONFIRMED 1000000000 /* ns without an acknowledgement that are no accident: TCP repeats sooner */

/* Statuses by what they say (C706 appendix E, MS-RPCE 3.1.1.5.5). */
enum {
    BUSY = 0x1c010014,
    WIN32_BUSY = 1723,
    CONTEXT_MISMATCH = 0x1c00001a,
    WIN32_INVALID_HANDLE = 6,
    WIN32_ACCESS_DENIED = 5,
    WIN32_NOT_LISTENING = 1715,
    WIN32_UNAVAILABLE = 1722,
    CANCELLED = 0x1c00000d
};

static const struct dis_wire_way *client_of(const struct dis_call *call)
{
    return &call->in->wire->way[call->way];
}

static const struct dis_wire_way *server_of(const struct dis_call *call)
{
    return &call->in->wire->way[!call->way];
}

/* ---- when the waiting ended, and by whom ---- */

static bool server_ended(const struct dis_call *call)
{
    const struct dis_wire_way *server = server_of(call);
    uint64_t at = server->rst ? server->rst_at.frame : server->fin ? server->fin_at.frame : 0;
    return at != 0 && at > call->request_first.frame && (!call->left || at < call->left_at.frame);
}

static int64_t waited(const struct judge *j, const struct dis_call *call)
{
    const struct dis_wire_way *server = server_of(call);
    int64_t until = j->now;
    if (call->left)
        until = call->left_at.time;
    else if (server->rst)
        until = server->rst_at.time;
    else if (server->fin)
        until = server->fin_at.time;
    return until > call->request_last.time ? until - call->request_last.time : 0;
}

/* ---- is the server's host there? ---- */

static bool is_acknowledged(const struct dis_call *call)
{
    return dis_wire_has(call->in->wire, call->way, call->request_end);
}

/* Something that the client sent was never acknowledged, though there was time for it: nothing is acknowledged behind
 * a reset. */
static bool is_silent(const struct judge *j, const struct dis_call *call)
{
    const struct dis_wire_way *client = client_of(call);
    if (client->probes_open > 1)
        return true;
    return !dis_wire_has_all(call->in->wire, call->way) &&
           (client->repeated > call->repeated_before || (!client->rst && j->now - client->last.time >= UNCONFIRMED));
}

static bool was_idle(const struct dis_call *call)
{
    return call->quiet_before >= IDLE;
}

/* Sent again and again without an acknowledgement, or probed in vain: no end of the capture hides what that means. */
static bool is_given_up_by_tcp(const struct judge *j, const struct dis_call *call)
{
    const struct dis_wire_way *client = client_of(call);
    return waited(j, call) >= j->late &&
           (client->probes_open > 2 || (!is_acknowledged(call) && client->repeated > call->repeated_before + 1));
}

static enum finding judge_given_up(const struct judge *j, const struct dis_call *call)
{
    if (is_silent(j, call))
        return was_idle(call) && !is_acknowledged(call) && j->alive > call->request_first.time ? FINDING_IDLE_CUT
                                                                                               : FINDING_HOST_GONE;
    if (waited(j, call) >= j->late && !call->partial) /* of less than a fragment no server says anything */
        return is_acknowledged(call) ? FINDING_SERVER_HUNG : FINDING_HOST_GONE;
    return call->cancelled ? FINDING_CANCELLED : call->orphaned ? FINDING_ORPHANED : FINDING_CLIENT_LEFT;
}

static enum finding judge_unanswered(const struct judge *j, const struct dis_call *call)
{
    if (!server_ended(call))
        return judge_given_up(j, call);
    if (!server_of(call)->rst)
        return FINDING_CONNECTION_CLOSED;
    return was_idle(call) && !is_acknowledged(call) ? FINDING_IDLE_CUT : FINDING_CONNECTION_RESET;
}

/* C706's reject statuses: a runtime gives them before it enters a manager, but a manager may raise them too. */
static bool is_reject(uint32_t status)
{
    static const uint32_t rejects[] = {
        0x1c010002, 0x1c010003, 0x1c010006, 0x1c010009, 0x1c01000b, 0x1c010017, 0x1c000008, 0x1c000009, 0x1c00000a,
        0x1c00000b, 0x1c00000c, 0x1c00001c, 0x1c00001d, 0x1c00001f, 0x1c000020, 1717,       1745,       1728,
    };
    for (size_t i = 0; i < sizeof(rejects) / sizeof(rejects[0]); i++)
        if (rejects[i] == status)
            return true;
    return false;
}

static enum finding judge_fault(const struct dis_call *call)
{
    switch (call->status) {
    case BUSY:
    case WIN32_BUSY:
        return FINDING_TOO_BUSY;
    case CONTEXT_MISMATCH:
    case WIN32_INVALID_HANDLE:
        return FINDING_CONTEXT_LOST;
    case WIN32_ACCESS_DENIED:
        return FINDING_DENIED;
    case WIN32_UNAVAILABLE:
    case WIN32_NOT_LISTENING:
        return FINDING_UNAVAILABLE;
    case CANCELLED:
        return call->cancelled ? FINDING_CANCELLED : FINDING_FAULT;
    default:
        return is_reject(call->status) || call->did_not_execute ? FINDING_REJECTED : FINDING_FAULT;
    }
}

/* The capture ends first. */
static enum finding judge_open(const struct judge *j, const struct dis_call *call)
{
    if (is_given_up_by_tcp(j, call))
        return judge_given_up(j, call);
    if (call->orphaned)
        return FINDING_ORPHANED;
    return waited(j, call) >= j->late ? FINDING_STILL_WAITING : FINDING_NONE;
}

static enum finding judge(const struct judge *j, const struct dis_call *call)
{
    switch (call->ending) {
    case DIS_END_ANSWERED:
        if (dis_call_last(call) >= j->late)
            return FINDING_LATE;
        return call->cancelled ? FINDING_CANCELLED : call->orphaned ? FINDING_ORPHANED : FINDING_NONE;
    case DIS_END_FAULT:
        return judge_fault(call);
    case DIS_END_CLOSED:
    case DIS_END_RESET:
        return judge_unanswered(j, call);
    case DIS_END_CAPTURE:
        return call->has_request ? judge_open(j, call) : FINDING_NONE;
    default:
        return FINDING_NONE;
    }
}

/* That it takes long says nothing of a call that returns only when something happens. */
static bool is_about_time(enum finding finding)
{
    return finding == FINDING_LATE || finding == FINDING_SERVER_HUNG || finding == FINDING_STILL_WAITING ||
           finding == FINDING_CLIENT_LEFT;
}

static bool is_pending(const struct dis_call *call)
{
    const struct dis_operation *operation = call->has_request ? dis_operation_find(call->known, call->opnum) : NULL;
    return operation != NULL && operation->pending != NULL;
}

enum finding judge_call(const struct judge *j, const struct dis_call *call)
{
    enum finding finding = judge(j, call);
    return is_about_time(finding) && is_pending(call) ? FINDING_NONE : finding;
}

bool judge_lacks_probes(const struct judge *j, const struct dis_call *call, enum finding finding)
{
    bool unheard = server_of(call)->last.time <= call->request_last.time + j->late;
    if (finding != FINDING_HOST_GONE && finding != FINDING_STILL_WAITING)
        return false;
    return is_acknowledged(call) && unheard && waited(j, call) >= j->late &&
           client_of(call)->probes == call->probes_before;
}

/* ---- words ---- */

struct words {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void put(struct words *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(w->text + w->length, JUDGE_TEXT - w->length, format, arguments);
    va_end(arguments);
    if (n > 0)
        w->length += (size_t)n;
    if (w->length >= JUDGE_TEXT)
        w->length = JUDGE_TEXT - 1;
}

static void put_delivery(struct words *w, const struct dis_call *call)
{
    const struct dis_wire_way *client = client_of(call);
    uint32_t repeated = client->repeated - call->repeated_before;
    uint32_t probes = client->probes - call->probes_before;
    put(w, is_acknowledged(call) ? ", acknowledged" : ", not acknowledged");
    if (repeated > 0)
        put(w, ", %" PRIu32 " segments sent again", repeated);
    if (probes > 0)
        put(w, ", %" PRIu32 " keep-alive probes, %s", probes,
            client->probes_open > 1 ? "the last ones not answered" : "answered");
}

static void put_end(struct words *w, const struct judge *j, const struct dis_call *call)
{
    char time[ROWS_TIME];
    const struct dis_wire_way *server = server_of(call);
    rows_time(waited(j, call), time);
    if (server_ended(call))
        put(w, "; the server's side %s after %s, in frame %" PRIu64, server->rst ? "reset" : "closed", time,
            server->rst ? server->rst_at.frame : server->fin_at.frame);
    else if (call->left)
        put(w, "; its client %s after %s, in frame %" PRIu64,
            client_of(call)->rst && client_of(call)->rst_at.frame == call->left_at.frame   ? "reset the connection"
            : client_of(call)->fin && client_of(call)->fin_at.frame == call->left_at.frame ? "closed the connection"
                                                                                           : "gave it up",
            time, call->left_at.frame);
    else if (call->ending == DIS_END_CAPTURE)
        put(w, "; no answer in the %s until the capture ends", time);
    else
        put(w, "; no answer in %s", time);
}

static void put_answer(struct words *w, const struct dis_call *call)
{
    char time[ROWS_TIME];
    const char *name = dis_fault_name(call->status);
    if (call->answer == DIS_ANSWER_FAULT)
        put(w, "; frame %" PRIu64 ", after %s: fault 0x%08" PRIx32 "%s%s, which Windows reports as %" PRIu32 "%s",
            call->answer_last.frame, rows_time(dis_call_last(call), time), call->status, name != NULL ? " " : "",
            name != NULL ? name : "", dis_fault_win32(call->status),
            call->did_not_execute ? "; with did-not-execute" : "; without did-not-execute");
    else
        put(w, "; answered after %s, in frame %" PRIu64, rows_time(dis_call_last(call), time),
            call->answer_last.frame);
}

const char *judge_seen(const struct judge *j, const struct dis_call *call, enum finding finding,
                       char text[JUDGE_TEXT])
{
    struct words w = { .text = text };
    char time[ROWS_TIME];
    text[0] = '\0';
    if (call->has_request)
        put(&w, "frame %" PRIu64 ", call id %" PRIu32, call->request_last.frame, call->id);
    else
        put(&w, "call id %" PRIu32 ", its request not in the capture", call->id);
    if (finding == FINDING_IDLE_CUT)
        put(&w, ", after %s in which its connection was idle", rows_time(call->quiet_before, time));
    if (call->answer != DIS_NO_ANSWER) {
        put_answer(&w, call);
        return text;
    }
    put_delivery(&w, call);
    put_end(&w, j, call);
    return text;
}
