/* The reader of captures: packets of any content, and connections whose segments come late, twice, in part, or not; and
 * what is found in them.
 *
 * The input is a list of steps. The first byte of each says what it is: bytes that are a packet, or a segment of one of
 * four connections with the bytes that follow as its payload. */
#include "inspect_rows.h"
#include "inspect_watch.h"
#include "traffic.h"

#include "fuzz.h"
#include "json.h"

struct input {
    const uint8_t *bytes;
    size_t left;
};

struct end {
    uint32_t next[2];
};

struct seen {
    struct dis_traffic *traffic;
    struct rows rows;
    struct watch watch;
    struct end connections[4];
    int64_t time;
    uint64_t frame;
    uint64_t pdus, calls, conversations;
    uint64_t pdus_of_ended;
};

static uint8_t take_u8(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->bytes++;
}

static const uint8_t *take(struct input *in, size_t *length)
{
    const uint8_t *bytes = in->bytes;
    if (*length > in->left)
        *length = in->left;
    in->bytes += *length;
    in->left -= *length;
    return bytes;
}

/* What is printed is one line, and JSON where it should be. */
static void check_line(struct seen *s, void (*print)(const struct rows *rows, const void *what), const void *what)
{
    char *text = NULL;
    size_t length = 0;
    for (unsigned json = 0; json < 2; json++) {
        s->rows.json = json != 0;
        s->rows.out = open_memstream(&text, &length);
        CHECK(s->rows.out != NULL);
        print(&s->rows, what);
        fclose(s->rows.out);
        CHECK(length > 0 && strlen(text) == length && strchr(text, '\n') == text + length - 1);
        CHECK(json == 0 || json_is_one_line(text));
        free(text);
        text = NULL;
    }
}

static void print_pdu(const struct rows *rows, const void *what)
{
    rows_pdu(rows, what);
}

static void print_datagram(const struct rows *rows, const void *what)
{
    rows_datagram(rows, what);
}

static void print_call(const struct rows *rows, const void *what)
{
    rows_call(rows, what);
}

static void print_conversation(const struct rows *rows, const void *what)
{
    rows_conversation(rows, what);
}

static void on_pdu(void *context, const struct dis_sighting *sighting)
{
    struct seen *s = context;
    const struct dis_found *f = sighting->found;
    s->pdus++;
    CHECK(f->length >= DIS_HEADER_SIZE && f->length + f->missing == sighting->pdu.header.frag_length);
    CHECK(f->first.frame <= s->frame && f->last.frame <= s->frame);
    CHECK(sighting->decoded == (sighting->error.what == NULL));
    check_line(s, print_pdu, sighting);
    watch_pdu(&s->watch, sighting);
}

static void on_datagram(void *context, const struct dis_datagram_sighting *sighting)
{
    check_line(context, print_datagram, sighting);
}

static void on_call(void *context, const struct dis_call *call)
{
    struct seen *s = context;
    s->calls++;
    CHECK(call->ending != DIS_END_OPEN && (call->has_request || call->answer_fragments > 0));
    CHECK((call->answer == DIS_NO_ANSWER) == (call->answer_fragments == 0));
    CHECK(dis_call_first(call) >= -1 && dis_call_last(call) >= -1);
    check_line(s, print_call, call);
    watch_call(&s->watch, call);
}

static void on_left(void *context, const struct dis_call *call)
{
    CHECK(call->left && call->ending == DIS_END_OPEN);
    watch_left(&((struct seen *)context)->watch, call);
}

static void on_attempt(void *context, const struct dis_attempt *attempt)
{
    watch_attempt(&((struct seen *)context)->watch, attempt);
}

static void on_conversation(void *context, const struct dis_conversation *c)
{
    struct seen *s = context;
    s->conversations++;
    s->pdus_of_ended += c->pdus;
    CHECK(c->open == NULL && c->context_count <= DIS_CONTEXTS_MOST);
    check_line(s, print_conversation, c);
    watch_conversation(&s->watch, c);
}

/* Each finding is one line of JSON, in the order of frames. */
static void check_findings(struct seen *s)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    watch_end(&s->watch);
    findings_print(&s->watch.findings, out, 0, true, false);
    fclose(out);
    for (size_t i = 0; i < s->watch.findings.count; i++) {
        const struct findings_group *g = s->watch.findings.groups[i];
        CHECK(g->count > 0 && g->seen[0] != 0 && g->first.frame <= s->frame);
        CHECK(i == 0 || s->watch.findings.groups[i - 1]->first.frame <= g->first.frame);
    }
    size_t lines = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
        char *copy = strndup(line, (size_t)(end + 1 - line));
        CHECK(copy != NULL && json_is_one_line(copy));
        free(copy);
    }
    CHECK(lines == s->watch.findings.count);
    free(text);
    watch_free(&s->watch);
}

static void give(struct seen *s, enum dis_link link, const uint8_t *bytes, size_t length, size_t cut)
{
    struct dis_place place = { ++s->frame, s->time };
    s->watch.now = s->time;
    uint8_t *packet = exact_copy(bytes, length - cut);
    dis_traffic_packet(s->traffic, link, packet, length - cut, length, place);
    free(packet);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* `how`: bits 0 and 1 the connection, 2 the way, 3 SYN, 4 FIN, 5 not in order (the next byte says how far), 6 cut. */
static void give_segment(struct seen *s, struct input *in, uint8_t how)
{
    uint8_t packet[40 + 512] = { 0x45, [8] = 64, 6, [12] = 10, [16] = 10 };
    struct end *c = &s->connections[how & 3];
    unsigned way = how >> 2 & 1;
    bool syn = (how & 8) != 0;
    bool fin = (how & 16) != 0;
    int8_t shift = (how & 32) != 0 ? (int8_t)take_u8(in) : 0;
    size_t length = syn ? 0 : (size_t)take_u8(in) * 2;
    const uint8_t *payload = take(in, &length);
    size_t cut = (how & 64) != 0 && length > 0 ? length / 2 : 0;
    packet[2] = (uint8_t)((40 + length) >> 8);
    packet[3] = (uint8_t)(40 + length);
    packet[15] = (uint8_t)(1 + way);
    packet[19] = (uint8_t)(2 - way);
    packet[20] = packet[22] = 8;
    packet[21] = (uint8_t)(way == 0 ? how & 3 : 99);
    packet[23] = (uint8_t)(way == 0 ? 99 : how & 3);
    put_u32(packet + 24, c->next[way] + (uint32_t)(4 * shift));
    put_u32(packet + 28, c->next[!way]);
    packet[32] = 5 << 4;
    packet[33] = (uint8_t)(0x10 | (syn ? 2 : 0) | (fin ? 1 : 0));
    if (syn && way == 0)
        packet[33] = 2;
    if (length > 0)
        memcpy(packet + 40, payload, length);
    if (shift <= 0)
        c->next[way] += (uint32_t)length + syn + fin;
    give(s, DIS_LINK_RAW, packet, 40 + length, cut);
}

static void give_step(struct seen *s, struct input *in)
{
    uint8_t how = take_u8(in);
    s->time += (int64_t)(how & 7) * 3000000;
    if ((how & 0x80) == 0) {
        give_segment(s, in, how);
        return;
    }
    size_t length = (size_t)take_u8(in) * 2;
    const uint8_t *bytes = take(in, &length);
    give(s, (enum dis_link)((how & 0x7f) % 5), bytes, length, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen s = { .watch = { .late = 10000000 } };
    struct dis_news news = { .context = &s,
                             .pdu = on_pdu,
                             .datagram = on_datagram,
                             .call = on_call,
                             .left = on_left,
                             .attempt = on_attempt,
                             .conversation = on_conversation };
    struct input in = { data, size };
    s.traffic = dis_traffic_new(&news);
    CHECK(s.traffic != NULL);
    if (size > 0 && (data[0] & 1) != 0)
        CHECK(dis_traffic_force(s.traffic, 8 << 8 | 99));
    while (in.left > 0)
        give_step(&s, &in);
    dis_traffic_end(s.traffic);
    check_findings(&s);
    const struct dis_shared *shared = dis_traffic_shared(s.traffic);
    CHECK(shared->budget.held == 0);
    CHECK(shared->news.calls == s.calls && shared->news.conversations == s.conversations);
    CHECK(s.pdus == s.pdus_of_ended);
    CHECK(dis_traffic_counts(s.traffic)->packets == s.frame);
    dis_traffic_free(s.traffic);
    return 0;
}
