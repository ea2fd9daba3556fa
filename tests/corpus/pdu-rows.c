/* Lists the PDUs of a capture: a test tool, not the inspector.
 *
 *     pdu-rows [--rows | --line | --tree | --json] FILE
 *
 * --rows, the default, prints a row for each in the columns that the reference rows have; the others print what
 * dissect/text says of each. They come as they ended on the wire: in the order of the packets with their last bytes.
 * Columns: src sport dst dport stream_off ptype flags byteorder frag_len auth_len call_id state. `state` is "ok" or
 * why the PDU could not be decoded. */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "text.h"

struct segment {
    uint32_t offset; /* from the stream's first byte */
    size_t packet;   /* its number in the capture */
    size_t length;
    uint8_t *bytes;
};

struct endpoint {
    char address[INET6_ADDRSTRLEN];
    uint16_t port;
};

/* One direction of a connection. */
struct stream {
    struct endpoint from;
    struct endpoint to;
    uint32_t first; /* sequence number of its first byte */
    struct segment *segments;
    size_t count;
};

/* A PDU, until all streams were read. */
struct found {
    const struct stream *stream;
    size_t packet; /* that brought its last byte */
    size_t serial; /* keeps the order of a stream's PDUs that end in one packet */
    size_t offset; /* from the stream's first byte */
    size_t length;
    uint8_t *bytes;
};

static struct stream *streams;
static size_t stream_count;
static struct found *found;
static size_t found_count;
static size_t packet_number;

static void *grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    void *larger = realloc(array, (count == 0 ? 1 : 2 * count) * size);
    if (larger == NULL)
        abort();
    return larger;
}

static uint16_t be16(const uint8_t *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t be32(const uint8_t *b)
{
    return (uint32_t)be16(b) << 16 | be16(b + 2);
}

static bool same(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && strcmp(a->address, b->address) == 0;
}

/* The newest one: an older one of the same addresses is a connection that has ended. */
static struct stream *find_stream(const struct endpoint *from, const struct endpoint *to)
{
    for (size_t i = stream_count; i-- > 0;)
        if (same(&streams[i].from, from) && same(&streams[i].to, to))
            return &streams[i];
    return NULL;
}

static struct stream *add_stream(const struct endpoint *from, const struct endpoint *to, uint32_t first)
{
    streams = grown(streams, stream_count, sizeof(*streams));
    streams[stream_count] = (struct stream){ .from = *from, .to = *to, .first = first };
    return &streams[stream_count++];
}

static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length);
    if (copy == NULL)
        abort();
    return memcpy(copy, bytes, length);
}

static void add_segment(struct stream *s, uint32_t sequence, const uint8_t *bytes, size_t length)
{
    s->segments = grown(s->segments, s->count, sizeof(*s->segments));
    /* What lies before the first byte seen is kept as well: the middle of the number space stands for 0. */
    s->segments[s->count++] = (struct segment){ sequence - s->first + 0x80000000u, packet_number, length,
                                                copy_of(bytes, length) };
}

static void take_tcp(struct endpoint *from, struct endpoint *to, const uint8_t *tcp, size_t length)
{
    enum { TCP_SYN = 0x02 };
    if (length < 20 || (size_t)(tcp[12] >> 4) * 4 > length)
        return;
    from->port = be16(tcp);
    to->port = be16(tcp + 2);
    uint32_t sequence = be32(tcp + 4);
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    struct stream *s = find_stream(from, to);
    if ((tcp[13] & TCP_SYN) != 0) {
        if (s == NULL || s->first != sequence + 1)
            add_stream(from, to, sequence + 1);
        return;
    }
    if (length == header)
        return;
    if (s == NULL)
        s = add_stream(from, to, sequence);
    add_segment(s, sequence, tcp + header, length - header);
}

static void take_ipv4(const uint8_t *ip, size_t length)
{
    struct endpoint from, to;
    if (length < 20 || ip[9] != IPPROTO_TCP || (be16(ip + 6) & 0x3fff) != 0)
        return;
    size_t header = (size_t)(ip[0] & 0xf) * 4;
    size_t total = be16(ip + 2);
    if (total == 0 || total > length)
        total = length; /* offloaded to the card: no length yet */
    if (header < 20 || header > total)
        return;
    inet_ntop(AF_INET, ip + 12, from.address, sizeof(from.address));
    inet_ntop(AF_INET, ip + 16, to.address, sizeof(to.address));
    take_tcp(&from, &to, ip + header, total - header);
}

static void take_ipv6(const uint8_t *ip, size_t length)
{
    struct endpoint from, to;
    if (length < 40 || ip[6] != IPPROTO_TCP)
        return;
    size_t payload = be16(ip + 4);
    if (payload == 0 || payload > length - 40)
        payload = length - 40;
    inet_ntop(AF_INET6, ip + 8, from.address, sizeof(from.address));
    inet_ntop(AF_INET6, ip + 24, to.address, sizeof(to.address));
    take_tcp(&from, &to, ip + 40, payload);
}

static void take_ip(const uint8_t *ip, size_t length)
{
    if (length > 0 && ip[0] >> 4 == 4)
        take_ipv4(ip, length);
    else if (length > 0 && ip[0] >> 4 == 6)
        take_ipv6(ip, length);
}

/* Bytes before the IP header, or SIZE_MAX for a link type that is not known here. */
static size_t link_header(int link, const uint8_t *bytes, size_t length)
{
    size_t at = 14;
    switch (link) {
    case DLT_EN10MB:
        while (length >= at + 4 && be16(bytes + at - 2) == 0x8100)
            at += 4;
        return at;
    case DLT_LINUX_SLL:
        return 16;
    case DLT_LINUX_SLL2:
        return 20;
    case DLT_NULL:
        return 4;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        return 0;
    default:
        return SIZE_MAX;
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct segment *x = a;
    const struct segment *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->length < y->length ? -1 : x->length > y->length;
}

/* True where a PDU may begin: what a server would accept, and no more. */
static bool credible(const uint8_t *b, size_t length)
{
    return length >= DIS_HEADER_SIZE && b[0] == 5 && b[1] <= 1 && b[2] < DIS_PTYPE_COUNT && (b[4] & 0xef) == 0 &&
           b[5] < 4 && b[6] == 0 && b[7] == 0 && dis_frame_next(b, length).status != DIS_FRAME_BAD;
}

enum style { ROWS, LINE, TREE, JSON, STYLES };
static const char *const style_options[STYLES] = { "--rows", "--line", "--tree", "--json" };
static enum style style;

static void print_text(const uint8_t *bytes, size_t length)
{
    static void (*const printers[STYLES])(FILE *, const struct dis_pdu *) = {
        [LINE] = dis_print_line, [TREE] = dis_print_tree, [JSON] = dis_print_json
    };
    struct dis_pdu pdu;
    struct dis_error error;
    if (dis_pdu_decode(bytes, length, &pdu, &error))
        printers[style](stdout, &pdu);
    else
        dis_print_bad(stdout, &pdu.header, &error, style == JSON);
}

static void print_row(const struct found *f)
{
    const struct stream *s = f->stream;
    struct dis_pdu pdu;
    struct dis_error error;
    bool ok = dis_pdu_decode(f->bytes, f->length, &pdu, &error);
    printf("%s\t%u\t%s\t%u\t%zu\t", s->from.address, s->from.port, s->to.address, s->to.port, f->offset);
    printf("%u\t%02x\t%s\t%u\t%u\t%u\t%s\n", pdu.header.type, pdu.header.flags,
           dis_big_endian(pdu.header.drep) ? "be" : "le", pdu.header.frag_length, pdu.header.auth_length,
           pdu.header.call_id, ok ? "ok" : error.what);
}

/* The packet that brought this byte first. */
static size_t packet_of(const struct stream *s, size_t offset)
{
    size_t packet = SIZE_MAX;
    size_t at = offset + 0x80000000u;
    for (size_t i = 0; i < s->count && s->segments[i].offset <= at; i++)
        if (at < s->segments[i].offset + s->segments[i].length && s->segments[i].packet < packet)
            packet = s->segments[i].packet;
    return packet;
}

static void add_found(const struct stream *s, size_t offset, const uint8_t *bytes, size_t length)
{
    found = grown(found, found_count, sizeof(*found));
    found[found_count] = (struct found){
        .stream = s,
        .packet = packet_of(s, offset + length - 1),
        .serial = found_count,
        .offset = offset,
        .length = length,
        .bytes = copy_of(bytes, length),
    };
    found_count++;
}

/* `from` is the stream's offset of the first byte. */
static void find_in_run(const struct stream *s, size_t from, const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    while (credible(bytes + at, length - at)) {
        struct dis_frame frame = dis_frame_next(bytes + at, length - at);
        if (frame.status != DIS_FRAME_DONE)
            return;
        add_found(s, from + at, bytes + at, frame.length);
        at += frame.length;
    }
}

/* Joins segments that follow each other. After a gap reading starts anew where a segment starts with a PDU. */
static void find_in_stream(struct stream *s)
{
    uint8_t *run = NULL;
    size_t run_length = 0;
    size_t run_from = 0;
    size_t next = 0;
    if (s->count > 0)
        qsort(s->segments, s->count, sizeof(s->segments[0]), by_offset);
    for (size_t i = 0; i < s->count; i++) {
        const struct segment *g = &s->segments[i];
        size_t end = g->offset + g->length;
        bool gap = i == 0 || g->offset > next;
        if (gap) {
            find_in_run(s, run_from, run, run_length);
            run_length = 0;
            run_from = g->offset - (size_t)0x80000000u;
            next = g->offset;
        }
        if (end <= next)
            continue;
        if (run_length == 0 && !credible(g->bytes, g->length)) {
            next = end;
            continue;
        }
        run = realloc(run, run_length + (end - next));
        if (run == NULL)
            abort();
        memcpy(run + run_length, g->bytes + (next - g->offset), end - next);
        run_length += end - next;
        next = end;
    }
    find_in_run(s, run_from, run, run_length);
    free(run);
}

static int by_packet(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->packet != y->packet)
        return x->packet < y->packet ? -1 : 1;
    return x->serial < y->serial ? -1 : 1;
}

static void print_found(void)
{
    if (found_count > 0)
        qsort(found, found_count, sizeof(found[0]), by_packet);
    for (size_t i = 0; i < found_count; i++) {
        if (style == ROWS)
            print_row(&found[i]);
        else
            print_text(found[i].bytes, found[i].length);
        free(found[i].bytes);
    }
    free(found);
}

static void free_all(void)
{
    for (size_t i = 0; i < stream_count; i++) {
        for (size_t j = 0; j < streams[i].count; j++)
            free(streams[i].segments[j].bytes);
        free(streams[i].segments);
    }
    free(streams);
}

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE] = "one capture file, please";
    while (argc == 3 && style < STYLES && strcmp(argv[1], style_options[style]) != 0)
        style++;
    bool understood = argc == 2 || (argc == 3 && style < STYLES);
    pcap_t *capture = understood ? pcap_open_offline(argv[argc - 1], why) : NULL;
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    int got;
    if (capture == NULL) {
        fprintf(stderr, "pdu-rows: %s\n", why);
        return 2;
    }
    int link = pcap_datalink(capture);
    while ((got = pcap_next_ex(capture, &header, &bytes)) == 1) {
        packet_number++;
        size_t skip = link_header(link, bytes, header->caplen);
        if (skip < header->caplen)
            take_ip(bytes + skip, header->caplen - skip);
    }
    if (got != PCAP_ERROR_BREAK)
        fprintf(stderr, "pdu-rows: %s\n", pcap_geterr(capture));
    for (size_t i = 0; i < stream_count; i++)
        find_in_stream(&streams[i]);
    print_found();
    free_all();
    pcap_close(capture);
    return 0;
}
