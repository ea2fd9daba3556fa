/* A sorted list of what is ahead. Sequence numbers wrap: they are compared by their distance (RFC 9293 3.4). */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define FAR_BEHIND   0x2000000u  /* no window is as large: the numbers have begun anew */
#define LONE_PACKETS 64u         /* the same where the other side is not in the capture */
#define LONE_TIME    3000000000  /* ns */
#define LONGEST_TIME 60000000000 /* ns for which a sender may go on sending again */

struct dis_segment {
    struct dis_segment *next;
    uint32_t sequence;
    size_t length;  /* bytes that are here */
    size_t missing; /* and that the capture cut off behind them */
    struct dis_place place;
    uint8_t bytes[];
};

/* A segment, or what is left of it, where it lies. */
struct piece {
    uint32_t sequence;
    const uint8_t *bytes;
    size_t length;
    size_t missing;
    struct dis_place place;
};

static int32_t distance(uint32_t from, uint32_t to)
{
    return (int32_t)(to - from);
}

static size_t whole(const struct piece *p)
{
    return p->length + p->missing;
}

static void trim_front(struct piece *p, size_t count)
{
    size_t here = count < p->length ? count : p->length;
    p->sequence += (uint32_t)count;
    p->bytes += here;
    p->length -= here;
    p->missing -= count - here;
}

static struct piece front_of(const struct piece *p, size_t count)
{
    struct piece front = *p;
    if (count < whole(p)) {
        front.length = count < p->length ? count : p->length;
        front.missing = count - front.length;
    }
    return front;
}

static void deliver(struct dis_stream *s, const struct piece *p, const struct dis_sink_of_bytes *sink)
{
    s->next += (uint32_t)whole(p);
    s->delivered += p->length;
    if (p->length > 0)
        sink->bytes(sink->context, p->bytes, p->length, p->place);
    if (p->missing > 0) {
        s->cut_bytes += p->missing;
        sink->missing(sink->context, p->missing, true, p->place);
    }
}

static struct dis_segment *take_first(struct dis_stream *s, struct dis_budget *budget)
{
    struct dis_segment *g = s->held;
    size_t size = sizeof(*g) + g->length;
    s->held = g->next;
    if (s->held == NULL)
        s->held_last = NULL;
    s->held_bytes -= size;
    s->held_count--;
    budget->held -= size;
    return g;
}

/* What is held and now in order. */
static void drain(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink)
{
    while (!s->blocked && s->held != NULL && distance(s->next, s->held->sequence) <= 0) {
        struct dis_segment *g = take_first(s, budget);
        struct piece p = { g->sequence, g->bytes, g->length, g->missing, g->place };
        uint32_t old = s->next - g->sequence;
        if (old < whole(&p)) {
            trim_front(&p, old);
            deliver(s, &p, sink);
        }
        s->held_packets = 0;
        s->held_since = g->place.time;
        free(g);
    }
    if (s->fin && distance(s->next, s->fin_at) <= 0)
        s->finished = true;
}

/* Gives up what is missing before the first segment held. */
static void give_up(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink)
{
    size_t missing = s->held->sequence - s->next;
    s->gaps++;
    s->gap_bytes += missing;
    s->next = s->held->sequence;
    sink->missing(sink->context, missing, false, s->held->place);
    drain(s, budget, sink);
}

/* Whether the same bytes were sent twice. */
static void compare(struct dis_stream *s, const struct piece *p, const struct dis_segment *g)
{
    int32_t ahead = distance(g->sequence, p->sequence);
    size_t in_g = ahead > 0 ? (size_t)ahead : 0;
    size_t in_p = ahead < 0 ? (size_t)-ahead : 0;
    if (in_g >= g->length || in_p >= p->length)
        return;
    size_t length = g->length - in_g < p->length - in_p ? g->length - in_g : p->length - in_p;
    if (memcmp(g->bytes + in_g, p->bytes + in_p, length) != 0)
        s->different++;
}

/* Links a copy behind `before`, or as the first. */
static void insert(struct dis_stream *s, struct dis_budget *budget, struct dis_segment *before, const struct piece *p)
{
    size_t size = sizeof(struct dis_segment) + p->length;
    struct dis_segment *g = malloc(size);
    if (g == NULL)
        return;
    *g = (struct dis_segment){
        .sequence = p->sequence, .length = p->length, .missing = p->missing, .place = p->place
    };
    if (p->length > 0)
        memcpy(g->bytes, p->bytes, p->length);
    struct dis_segment **link = before != NULL ? &before->next : &s->held;
    g->next = *link;
    *link = g;
    if (g->next == NULL)
        s->held_last = g;
    s->held_bytes += size;
    s->held_count++;
    budget->held += size;
}

/* The last segment held that begins before `sequence`, or NULL. */
static struct dis_segment *last_before(const struct dis_stream *s, uint32_t sequence)
{
    if (s->held_last != NULL && distance(s->held_last->sequence, sequence) >= 0)
        return s->held_last;
    struct dis_segment *before = NULL;
    for (struct dis_segment *g = s->held; g != NULL && distance(g->sequence, sequence) >= 0; g = g->next)
        before = g;
    return before;
}

/* Keeps the parts of a piece that no segment held has. */
static void hold(struct dis_stream *s, struct dis_budget *budget, struct piece p)
{
    struct dis_segment *before = last_before(s, p.sequence);
    if (before != NULL) {
        size_t covered = before->length + before->missing;
        size_t ahead = (size_t)distance(before->sequence, p.sequence);
        if (ahead < covered) {
            compare(s, &p, before);
            trim_front(&p, covered - ahead < whole(&p) ? covered - ahead : whole(&p));
        }
    }
    while (whole(&p) > 0) {
        struct dis_segment *after = before != NULL ? before->next : s->held;
        size_t room = after != NULL ? (size_t)distance(p.sequence, after->sequence) : SIZE_MAX;
        struct piece front = front_of(&p, room);
        if (whole(&front) > 0)
            insert(s, budget, before, &front);
        if (whole(&front) == whole(&p))
            return;
        compare(s, &p, after);
        size_t gone = room + after->length + after->missing;
        trim_front(&p, gone < whole(&p) ? gone : whole(&p));
        before = after;
    }
}

static bool is_full(const struct dis_stream *s, const struct dis_budget *budget, const struct piece *p)
{
    size_t size = sizeof(struct dis_segment) + p->length;
    return s->held_count >= DIS_STREAM_SEGMENTS_MOST || s->held_bytes + size > DIS_STREAM_HELD_MOST ||
           budget->held + size > budget->most;
}

/* The numbers have no relation to those before: read on from here. */
static void begin_anew(struct dis_stream *s, struct dis_budget *budget, const struct piece *p,
                       const struct dis_sink_of_bytes *sink)
{
    dis_stream_free(s, budget);
    s->gaps++;
    s->next = p->sequence;
    sink->missing(sink->context, SIZE_MAX, false, p->place);
}

void dis_stream_open(struct dis_stream *s, uint32_t sequence)
{
    s->started = true;
    s->from_syn = true;
    s->next = sequence + 1;
}

static void add_piece(struct dis_stream *s, struct dis_budget *budget, struct piece p,
                      const struct dis_sink_of_bytes *sink)
{
    int32_t ahead = distance(s->next, p.sequence);
    if (ahead < 0 && (uint32_t)-ahead > FAR_BEHIND && whole(&p) > 1)
        begin_anew(s, budget, &p, sink);
    while (dis_stream_has_hole(s) && distance(s->next, p.sequence) > 0 && is_full(s, budget, &p))
        give_up(s, budget, sink);
    if (s->blocked && is_full(s, budget, &p))
        dis_stream_unblock(s, budget, sink);
    ahead = distance(s->next, p.sequence);
    if (ahead > 0 || (s->blocked && (uint32_t)-ahead < whole(&p))) {
        if (s->held == NULL) {
            s->held_packets = 0;
            s->held_since = p.place.time;
        }
        if (ahead < 0)
            trim_front(&p, (uint32_t)-ahead);
        hold(s, budget, p);
        return;
    }
    uint32_t old = (uint32_t)-ahead;
    if (old >= whole(&p)) {
        s->repeated++;
        return;
    }
    trim_front(&p, old);
    deliver(s, &p, sink);
}

void dis_stream_add(struct dis_stream *s, struct dis_budget *budget, const struct dis_packet *packet,
                    struct dis_place place, const struct dis_sink_of_bytes *sink)
{
    struct piece p = { packet->sequence, packet->payload, packet->length, packet->missing, place };
    if ((packet->tcp_flags & DIS_TCP_SYN) != 0)
        p.sequence++;
    if (!s->started) {
        s->started = true;
        s->next = p.sequence;
    }
    if ((packet->tcp_flags & DIS_TCP_FIN) != 0 && !s->fin) {
        s->fin = true;
        s->fin_at = p.sequence + (uint32_t)whole(&p);
    }
    if (whole(&p) > 0)
        add_piece(s, budget, p, sink);
    drain(s, budget, sink);
}

bool dis_stream_has_hole(const struct dis_stream *s)
{
    return s->held != NULL && distance(s->next, s->held->sequence) > 0;
}

/* Of a FIN that has come nothing is awaited. */
bool dis_stream_lacks(const struct dis_stream *s, uint32_t acknowledged)
{
    uint32_t reached = s->next;
    for (const struct dis_segment *g = s->held; g != NULL && distance(reached, g->sequence) <= 0; g = g->next)
        reached = g->sequence + (uint32_t)(g->length + g->missing);
    return distance(reached, acknowledged) > (s->fin && reached == s->fin_at);
}

void dis_stream_unblock(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink)
{
    s->blocked = false;
    drain(s, budget, sink);
}

/* An acknowledgement says that the bytes came, so nobody will send them again. */
static bool is_given_up(const struct dis_stream *s, int64_t now, const uint32_t *acknowledged)
{
    int64_t waited = now - s->held_since;
    if (acknowledged != NULL && distance(s->next, *acknowledged) > 0)
        return s->held_packets >= DIS_STREAM_ACKED_PACKETS || waited >= DIS_STREAM_ACKED_TIME;
    if (acknowledged == NULL)
        return s->held_packets >= LONE_PACKETS || waited >= LONE_TIME;
    return waited >= LONGEST_TIME;
}

void dis_stream_wait(struct dis_stream *s, struct dis_budget *budget, int64_t now, const uint32_t *acknowledged,
                     const struct dis_sink_of_bytes *sink)
{
    if (!dis_stream_has_hole(s))
        return;
    s->held_packets++;
    if (is_given_up(s, now, acknowledged))
        give_up(s, budget, sink);
}

void dis_stream_flush(struct dis_stream *s, struct dis_budget *budget, const struct dis_sink_of_bytes *sink)
{
    dis_stream_unblock(s, budget, sink);
    while (s->held != NULL)
        give_up(s, budget, sink);
}

void dis_stream_lose(struct dis_stream *s, uint32_t until, struct dis_place place,
                     const struct dis_sink_of_bytes *sink)
{
    int32_t missing = distance(s->next, until);
    if (missing <= 0 || missing > (int32_t)DIS_STREAM_HELD_MOST || s->held != NULL)
        return;
    s->gaps++;
    s->gap_bytes += (uint32_t)missing;
    s->next = until;
    sink->missing(sink->context, (size_t)missing, false, place);
}

/* Where no FIN was seen, what was acknowledged may be one, which counts like a byte. */
void dis_stream_close(struct dis_stream *s, const uint32_t *acknowledged, struct dis_place place,
                      const struct dis_sink_of_bytes *sink)
{
    if (s->started && s->fin)
        dis_stream_lose(s, s->fin_at, place, sink);
    else if (s->started && acknowledged != NULL)
        dis_stream_lose(s, *acknowledged - 1, place, sink);
}

void dis_stream_free(struct dis_stream *s, struct dis_budget *budget)
{
    while (s->held != NULL)
        free(take_first(s, budget));
}
