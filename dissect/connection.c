/* Two streams, and from the first bytes on that tell what they are, a reader of PDUs or of SMB messages for each. */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

struct dis_talk {
    struct dis_conversation *conversation; /* of PDUs */
    struct dis_reader readers[2];
    struct dis_smb *smb;
    struct dis_conversation connection; /* for SMB: what its pipes have in common */
};

/* Where a stream's bytes go. */
struct target {
    struct dis_connection *connection;
    struct dis_shared *shared;
    unsigned way;
};

static void take_pdu(void *context, const struct dis_found *found)
{
    const struct target *t = context;
    dis_conversation_take(t->connection->talk->conversation, t->way, found);
}

/* ---- what is it? ---- */

static enum dis_spoken look(const struct dis_connection *c, unsigned way, const uint8_t *bytes, size_t length,
                            bool *undecided)
{
    bool from_start = c->streams[way].from_syn && c->streams[way].gaps == 0;
    *undecided = false;
    if (length >= DIS_HEADER_SIZE &&
        (from_start ? dis_pdu_framing.is_credible(bytes) : dis_pdu_framing.is_sure(bytes, length)))
        return DIS_SPOKEN_PDUS;
    if (dis_smb_framing.is_sure(bytes, length))
        return DIS_SPOKEN_SMB;
    if (from_start && length >= 4 && bytes[0] == 0x81 && bytes[1] == 0 && bytes[2] == 0) /* RFC 1002 4.3.2 */
        return DIS_SPOKEN_SMB;
    *undecided = (length < DIS_HEADER_SIZE && bytes[0] == 5) || (length < 8 && (bytes[0] == 0 || bytes[0] == 0x81));
    return DIS_SPOKEN_OTHER;
}

static bool begin_talk(struct dis_connection *c, struct dis_shared *shared, enum dis_spoken spoken)
{
    struct dis_talk *talk = calloc(1, sizeof(*talk));
    if (talk == NULL)
        return false;
    struct dis_conversation *common = spoken == DIS_SPOKEN_PDUS ? dis_conversation_new(&shared->news)
                                                                : &talk->connection;
    if (common == NULL) {
        free(talk);
        return false;
    }
    common->stream = c->flow.number;
    common->wire = &c->wire;
    common->client = c->client;
    for (unsigned way = 0; way < 2; way++) {
        common->end[way] = c->flow.end[way];
        common->begins[way] = c->streams[way].from_syn && c->streams[way].gaps == 0;
        talk->readers[way] = (struct dis_reader){ .framing = &dis_pdu_framing, .lost = !common->begins[way] };
    }
    if (spoken == DIS_SPOKEN_PDUS)
        talk->conversation = common;
    else
        talk->smb = dis_smb_new(&shared->news, common, &shared->smb);
    c->talk = talk;
    c->spoken = spoken;
    return talk->conversation != NULL || talk->smb != NULL;
}

static void speak(const struct target *t, const uint8_t *bytes, size_t length, struct dis_place place)
{
    struct dis_talk *talk = t->connection->talk;
    if (talk->smb != NULL)
        dis_smb_bytes(talk->smb, t->way, bytes, length, place);
    else if (talk->conversation != NULL)
        dis_reader_bytes(&talk->readers[t->way], bytes, length, place, take_pdu, (void *)t);
}

/* What both sides said before it was clear what it is. */
static void speak_heads(const struct target *t, struct dis_place place)
{
    struct dis_connection *c = t->connection;
    for (unsigned way = 0; way < 2; way++) {
        struct target each = { c, t->shared, way };
        if (c->head_length[way] > 0)
            speak(&each, c->head[way], c->head_length[way], place);
        c->head_length[way] = 0;
    }
}

/* Bytes of a connection of which nothing is known yet. Most tell at once; some need what came before them. */
static void decide(const struct target *t, const uint8_t *bytes, size_t length, struct dis_place place)
{
    struct dis_connection *c = t->connection;
    uint8_t *head = c->head[t->way];
    size_t had = c->head_length[t->way];
    const uint8_t *front = bytes;
    size_t front_length = length;
    size_t in_head = 0;
    bool undecided;
    if (had > 0) {
        in_head = length < DIS_HEADER_SIZE - had ? length : DIS_HEADER_SIZE - had;
        memcpy(head + had, bytes, in_head);
        c->head_length[t->way] = (uint8_t)(had + in_head);
        front = head;
        front_length = had + in_head;
    }
    enum dis_spoken spoken = look(c, t->way, front, front_length, &undecided);
    if (spoken != DIS_SPOKEN_OTHER) {
        if (!begin_talk(c, t->shared, spoken))
            return;
        speak_heads(t, place);
        if (length > in_head)
            speak(t, bytes + in_head, length - in_head, place);
    } else if (undecided) {
        if (had == 0)
            memcpy(head, bytes, length);
        c->head_length[t->way] = (uint8_t)front_length;
    } else {
        bool from_start = c->streams[t->way].from_syn && c->streams[t->way].gaps == 0;
        c->head_length[t->way] = 0;
        if (from_start && !c->forced)
            c->spoken = DIS_SPOKEN_OTHER;
    }
}

static void on_bytes(void *context, const uint8_t *bytes, size_t length, struct dis_place place)
{
    const struct target *t = context;
    t->connection->wire.way[t->way].reading = t->connection->streams[t->way].next;
    if (t->connection->talk != NULL)
        speak(t, bytes, length, place);
    else if (t->connection->spoken == DIS_SPOKEN_UNKNOWN)
        decide(t, bytes, length, place);
}

static void on_missing(void *context, size_t length, bool cut, struct dis_place place)
{
    const struct target *t = context;
    struct dis_talk *talk = t->connection->talk;
    t->connection->head_length[t->way] = 0;
    if (talk == NULL)
        return;
    if (talk->smb != NULL) {
        dis_smb_missing(talk->smb, t->way, length, cut, place);
        return;
    }
    struct dis_reader *reader = &talk->readers[t->way];
    uint32_t losses = reader->losses;
    dis_reader_missing(reader, length, place, take_pdu, (void *)t);
    if (!cut || reader->losses != losses)
        dis_conversation_gap(talk->conversation, t->way);
}

static struct dis_sink_of_bytes sink_to(struct target *t)
{
    return (struct dis_sink_of_bytes){ t, on_bytes, on_missing };
}

/* ---- packets ---- */

static void note_flags(struct dis_connection *c, unsigned way, const struct dis_packet *packet)
{
    if ((packet->tcp_flags & DIS_TCP_RST) != 0)
        c->reset = true;
    if ((packet->tcp_flags & DIS_TCP_SYN) != 0 && !c->syn[way]) {
        c->syn[way] = true;
        c->initial[way] = packet->sequence;
        c->client = (packet->tcp_flags & DIS_TCP_ACK) != 0 ? (int)!way : (int)way;
        if (!c->streams[way].started)
            dis_stream_open(&c->streams[way], packet->sequence);
    }
    if ((packet->tcp_flags & (DIS_TCP_ACK | DIS_TCP_RST)) == DIS_TCP_ACK) {
        c->acked[way] = true;
        c->acknowledged[way] = packet->acknowledged;
    }
}

static void wait_for(struct dis_connection *c, struct dis_shared *shared, unsigned way, int64_t now)
{
    struct target t = { c, shared, way };
    struct dis_sink_of_bytes sink = sink_to(&t);
    dis_stream_wait(&c->streams[way], &shared->budget, now, c->acked[!way] ? &c->acknowledged[!way] : NULL, &sink);
}

static int client_of(const struct dis_connection *c)
{
    bool known = c->client >= 0 || c->talk == NULL || c->talk->conversation == NULL;
    return known ? c->client : c->talk->conversation->client;
}

/* An answer may be captured before its request, or while bytes of that are still awaited, though they came before it: it
 * acknowledges them. It waits for them, or for their being given up. Of the two only answers wait for what nothing else tells
 * of, lest both sides wait. */
static bool is_ahead(const struct dis_connection *c, unsigned way)
{
    const struct dis_stream *other = &c->streams[!way];
    if (!c->acked[way] || !other->started || !dis_stream_lacks(other, c->acknowledged[way]))
        return false;
    if (dis_stream_has_hole(other))
        return true;
    bool is_new = !c->unseen[way] || (int32_t)(c->acknowledged[way] - c->unseen_to[way]) > 0;
    return is_new && client_of(c) == (int)!way;
}

/* Where nothing is held behind what is awaited, its stream does not give it up by itself. */
static void lose_patience(struct dis_connection *c, struct dis_shared *shared, unsigned way, struct dis_place place)
{
    struct target other = { c, shared, !way };
    struct dis_sink_of_bytes sink = sink_to(&other);
    if (!is_ahead(c, way)) {
        c->ahead_packets[way] = 0;
        return;
    }
    if (c->ahead_packets[way]++ == 0)
        c->ahead_since[way] = place.time;
    if (dis_stream_has_hole(&c->streams[!way]) || (c->ahead_packets[way] < DIS_STREAM_ACKED_PACKETS &&
                                                   place.time - c->ahead_since[way] < DIS_STREAM_ACKED_TIME))
        return;
    c->unseen[way] = true;
    c->unseen_to[way] = c->acknowledged[way];
    c->ahead_packets[way] = 0;
    dis_stream_lose(&c->streams[!way], c->acknowledged[way], place, &sink);
}

static void block(struct dis_connection *c, unsigned way)
{
    c->streams[way].blocked = c->streams[way].blocked || is_ahead(c, way);
}

static void unblock(struct dis_connection *c, struct dis_shared *shared, struct dis_place place)
{
    for (unsigned way = 0; way < 2; way++) {
        lose_patience(c, shared, way, place);
        struct target t = { c, shared, way };
        struct dis_sink_of_bytes sink = sink_to(&t);
        if (c->streams[way].blocked && !is_ahead(c, way))
            dis_stream_unblock(&c->streams[way], &shared->budget, &sink);
    }
}

void dis_connection_packet(struct dis_connection *c, struct dis_shared *shared, unsigned way,
                           const struct dis_packet *packet, struct dis_place place)
{
    struct target t = { c, shared, way };
    struct dis_sink_of_bytes sink = sink_to(&t);
    dis_wire_note(&c->wire, way, packet, place);
    note_flags(c, way, packet);
    if (c->spoken == DIS_SPOKEN_OTHER) {
        c->streams[way].fin = c->streams[way].fin || (packet->tcp_flags & DIS_TCP_FIN) != 0;
        return;
    }
    wait_for(c, shared, !way, place.time);
    block(c, way);
    if ((packet->tcp_flags & DIS_TCP_RST) == 0)
        dis_stream_add(&c->streams[way], &shared->budget, packet, place, &sink);
    wait_for(c, shared, way, place.time);
    unblock(c, shared, place);
    if ((packet->tcp_flags & (DIS_TCP_FIN | DIS_TCP_RST)) != 0 && c->talk != NULL && c->talk->conversation != NULL)
        dis_conversation_leave(c->talk->conversation, way, place);
    if (c->spoken == DIS_SPOKEN_OTHER) {
        dis_stream_free(&c->streams[0], &shared->budget);
        dis_stream_free(&c->streams[1], &shared->budget);
    }
}

bool dis_connection_is_new(const struct dis_connection *c, unsigned way, const struct dis_packet *packet)
{
    if ((packet->tcp_flags & (DIS_TCP_SYN | DIS_TCP_ACK)) != DIS_TCP_SYN)
        return false;
    return c->syn[way] ? c->initial[way] != packet->sequence : c->wire.way[way].heard;
}

bool dis_connection_is_over(const struct dis_connection *c)
{
    return c->reset || (c->streams[0].fin && c->streams[1].fin);
}

/* A server that has closed its side will not answer any more. */
static enum dis_ending ending_of(const struct dis_connection *c, enum dis_ending otherwise)
{
    int client = client_of(c);
    if (c->reset)
        return DIS_END_RESET;
    if (dis_connection_is_over(c) || (client >= 0 && c->streams[!client].finished))
        return DIS_END_CLOSED;
    return otherwise;
}

static void add_counts(const struct dis_connection *c, struct dis_shared *shared)
{
    for (unsigned way = 0; way < 2; way++) {
        const struct dis_stream *s = &c->streams[way];
        shared->repeated += s->repeated;
        shared->different += s->different;
        shared->gaps += s->gaps;
        shared->gap_bytes += s->gap_bytes;
        shared->cut_bytes += s->cut_bytes;
        shared->skipped += c->talk->readers[way].skipped;
        shared->lost_places += c->talk->readers[way].losses;
    }
}

/* A SYN that was answered by a reset, or never. */
static void tell_attempt(const struct dis_connection *c, const struct dis_shared *shared)
{
    unsigned way = c->client == 1;
    const struct dis_wire_way *own = &c->wire.way[way];
    const struct dis_wire_way *other = &c->wire.way[!way];
    if (shared->news.attempt == NULL || c->client < 0 || !own->opened || other->opened)
        return;
    struct dis_attempt attempt = {
        .from = c->flow.end[way],
        .to = c->flow.end[!way],
        .syns = own->repeated + 1,
        .reset = other->rst,
        .place = other->rst ? other->rst_at : own->last,
    };
    shared->news.attempt(shared->news.context, &attempt);
}

/* What a side had begun to send. Where its last packet stands behind what was read, the capture has lost some of it. */
static void tell_rest(const struct dis_connection *c, bool over)
{
    for (unsigned way = 0; way < 2 && c->talk->conversation != NULL; way++) {
        const struct dis_wire_way *w = &c->wire.way[way];
        struct dis_found found;
        uint32_t sent = w->rst && (int32_t)(w->rst_sequence - w->sent) > 0 ? w->rst_sequence : w->sent;
        bool has_all = sent - c->streams[way].next <= w->fin;
        if ((over || w->fin) && has_all && dis_reader_rest(&c->talk->readers[way], &found))
            dis_conversation_rest(c->talk->conversation, way, &found);
    }
}

/* The side that is not waiting for the other; where both are, the one that has waited for longer. */
static unsigned first_to_flush(const struct dis_connection *c)
{
    const struct dis_stream *s = c->streams;
    if (!s[0].blocked || !s[1].blocked)
        return s[0].blocked;
    return s[1].held != NULL && (s[0].held == NULL || s[1].held_since < s[0].held_since);
}

void dis_connection_end(struct dis_connection *c, struct dis_shared *shared, enum dis_ending ending)
{
    unsigned first = first_to_flush(c);
    for (unsigned i = 0; i < 2; i++) {
        struct target t = { c, shared, first ^ i };
        struct dis_sink_of_bytes sink = sink_to(&t);
        dis_stream_flush(&c->streams[t.way], &shared->budget, &sink);
        dis_stream_close(&c->streams[t.way], c->acked[!t.way] ? &c->acknowledged[!t.way] : NULL, c->wire.last, &sink);
    }
    if (c->talk == NULL) {
        tell_attempt(c, shared);
        return;
    }
    ending = ending_of(c, ending);
    add_counts(c, shared);
    tell_rest(c, ending == DIS_END_RESET || ending == DIS_END_CLOSED);
    if (c->talk->conversation != NULL)
        dis_conversation_end(c->talk->conversation, ending);
    if (c->talk->smb != NULL)
        dis_smb_end(c->talk->smb, ending);
    dis_reader_free(&c->talk->readers[0]);
    dis_reader_free(&c->talk->readers[1]);
    free(c->talk);
    c->talk = NULL;
}
