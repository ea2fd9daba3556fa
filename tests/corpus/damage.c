/* Damaged captures: rpcward-inspect may refuse them or print less, but it ends, in order and soon.
 *
 *     damage EVERY SETTINGS CAPTURE...
 *
 * Of a capture up to 64 KiB there is one cut at every 97th byte, of a larger one 400 cut at even places; then 101 copies
 * in which every 101st bit is flipped, each from another start; then 101 in which only the packets' bytes are. Only every
 * EVERYth of all these is tried, each in another view; SETTINGS are those of --what-if. One process reads them all. Prints
 * TAP. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "inspect_report.h"
#include "packed.h"

enum { SMALL = 64 * 1024, STEP = 97, PLACES = 400, COPIES = 101, LONGEST = 60 /* s for one of them */ };

struct bytes {
    uint8_t *bytes;
    size_t length;
};

static struct {
    const char *path;
    const char *kind;
    size_t number;
} now; /* what is tried, for the message when it takes too long */

static FILE *out;
static const char *settings;

static void on_alarm(int number)
{
    char text[256];
    int length = snprintf(text, sizeof(text), "# hangs: %s, %s %zu\n", now.path, now.kind, now.number);
    (void)number;
    if (write(STDOUT_FILENO, text, (size_t)length) < 0)
        _exit(3);
    _exit(2);
}

/* The bits of `length` bytes from `start` on, where the first byte has the bit number `from` of all. */
static void flip(uint8_t *bytes, size_t length, size_t from, size_t start)
{
    size_t bit = (start + COPIES - from % COPIES) % COPIES;
    for (; bit < 8 * length; bit += COPIES)
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* `flipped`: the start of the bits to flip in the packets; COPIES: none. */
static void read_capture(FILE *in, struct blocks *blocks, enum inspect_view view, bool json, size_t flipped)
{
    struct inspect_options options = { .file = "damaged", .view = view, .json = json };
    struct report report = { .options = &options,
                             .rows = { .out = out, .json = json },
                             .watch = { .late = INSPECT_LATE } };
    struct capture_packet packet;
    char *why;
    struct capture *capture = capture_open(in, blocks, &why);
    if (capture == NULL) {
        free(why);
        return;
    }
    if (view == VIEW_WHAT_IF && (report.whatif = whatif_new(settings)) == NULL)
        abort();
    struct dis_news news = report_news(&report);
    struct dis_traffic *traffic = dis_traffic_new(&news);
    size_t bits = 0;
    while (capture_next(capture, &packet, &why)) {
        uint8_t *copy = malloc(packet.captured + 1); /* of its own length: one byte too far is noticed */
        if (copy == NULL || traffic == NULL)
            abort();
        memcpy(copy, packet.bytes, packet.captured);
        if (flipped < COPIES)
            flip(copy, packet.captured, bits, flipped);
        bits += 8 * packet.captured;
        if (!report.rows.started)
            report.rows.start = packet.place.time;
        report.rows.started = true;
        report.last = report.watch.now = packet.place.time;
        dis_traffic_packet(traffic, packet.link, copy, packet.captured, packet.sent, packet.place);
        free(copy);
    }
    dis_traffic_end(traffic);
    report_end(&report, traffic, capture_link_name(capture), why);
    free(why);
    table_free(&report.table);
    watch_free(&report.watch);
    whatif_free(report.whatif);
    dis_traffic_free(traffic);
    capture_close(capture);
}

static void try_bytes(const uint8_t *bytes, size_t length, size_t flipped, size_t every)
{
    static const enum inspect_view views[] = { VIEW_PDUS,    VIEW_CALLS,    VIEW_TREE,
                                               VIEW_STREAMS, VIEW_FINDINGS, VIEW_WHAT_IF };
    struct blocks blocks = { 0 };
    uint8_t *copy = malloc(length + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, length);
    alarm(LONGEST);
    blocks_pass(&blocks, copy, length);
    FILE *in = length > 0 ? fmemopen(copy, length, "r") : NULL;
    if (in != NULL)
        read_capture(in, &blocks, views[now.number / every % 6], now.number / every / 6 % 2 == 0, flipped);
    alarm(0);
    blocks_free(&blocks);
    free(copy);
}

static size_t cuts(const struct bytes *b, size_t every)
{
    size_t count = b->length <= SMALL ? b->length / STEP : PLACES;
    size_t step = b->length <= SMALL ? STEP : b->length / PLACES;
    size_t tried = 0;
    now.kind = "cut";
    for (now.number = 0; now.number < count; now.number += every, tried++)
        try_bytes(b->bytes, now.number * step, COPIES, every);
    return tried;
}

static size_t flips(const struct bytes *b, size_t every)
{
    size_t tried = 0;
    uint8_t *copy = malloc(b->length + 1);
    if (copy == NULL)
        abort();
    now.kind = "bits flipped from";
    for (now.number = 0; now.number < COPIES; now.number += every, tried++) {
        memcpy(copy, b->bytes, b->length);
        flip(copy, b->length, 0, now.number);
        try_bytes(copy, b->length, COPIES, every);
    }
    free(copy);
    now.kind = "bits of packets flipped from";
    for (now.number = 0; now.number < COPIES; now.number += every, tried++)
        try_bytes(b->bytes, b->length, now.number, every);
    return tried;
}

static void idle(void) {}

static bool load(const char *path, struct bytes *b)
{
    static const volatile bool stop;
    struct packed file;
    size_t n = 0;
    *b = (struct bytes){ .bytes = NULL };
    if (!packed_open(path, false, &stop, idle, NULL, &file))
        return false;
    do {
        uint8_t *grown = realloc(b->bytes, b->length + SMALL);
        if (grown == NULL)
            abort();
        b->bytes = grown;
        n = fread(b->bytes + b->length, 1, SMALL, file.bytes);
        b->length += n;
    } while (n > 0);
    fclose(file.bytes);
    return true;
}

int main(int argc, char **argv)
{
    size_t every = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    out = fopen("/dev/null", "w");
    settings = argc > 2 ? argv[2] : NULL;
    if (every == 0 || out == NULL || settings == NULL)
        return 2;
    signal(SIGALRM, on_alarm);
    for (int i = 3; i < argc; i++) {
        struct bytes b;
        const char *name = strrchr(argv[i], '/') != NULL ? strrchr(argv[i], '/') + 1 : argv[i];
        now.path = name;
        if (!load(argv[i], &b)) {
            printf("not ok %d - %s\n# cannot be read\n", i - 2, name);
            continue;
        }
        size_t tried = cuts(&b, every) + flips(&b, every);
        printf("ok %d - %s, damaged in %zu ways\n", i - 2, name, tried);
        fflush(stdout);
        free(b.bytes);
    }
    printf("1..%d\n", argc - 3);
    fclose(out);
    return 0;
}
