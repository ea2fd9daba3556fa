/* rpcward-inspect: reads a capture from its first packet to its last, and reports. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "inspect_report.h"
#include "packed.h"

enum { LARGE = 64 << 20 /* bytes of a file whose reading shows its progress */, PACKETS_A_LOOK = 1 << 16 };

static volatile bool stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = true;
}

static void flush_lines(void)
{
    fflush(stdout);
}

static void show_progress(const struct packed *file)
{
    if (file->size > LARGE && isatty(STDERR_FILENO) == 1)
        fprintf(stderr, "\r%3" PRIu64 " %%", *file->got * 100 / file->size);
}

static void clear_progress(const struct packed *file)
{
    if (file->size > LARGE && isatty(STDERR_FILENO) == 1)
        fputs("\r     \r", stderr);
}

/* Reads all packets. Returns NULL, or why there may be more. */
static char *read_packets(struct capture *capture, struct dis_traffic *traffic, struct report *report,
                          const struct packed *file)
{
    struct capture_packet packet;
    char *why = NULL;
    uint64_t count = 0;
    while (!stopped && capture_next(capture, &packet, &why)) {
        if (!report->rows.started) {
            report->rows.started = true;
            report->rows.start = packet.place.time;
        }
        report->last = packet.place.time;
        report->watch.now = packet.place.time;
        dis_traffic_packet(traffic, packet.link, packet.bytes, packet.captured, packet.sent, packet.place);
        if (++count % PACKETS_A_LOOK == 0)
            show_progress(file);
    }
    clear_progress(file);
    return why;
}

static struct dis_traffic *new_traffic(const struct inspect_options *options, struct report *report)
{
    struct dis_news news = report_news(report);
    struct dis_traffic *traffic = dis_traffic_new(&news);
    if (traffic == NULL)
        abort();
    for (unsigned i = 0; i < options->filter.port_count; i++)
        dis_traffic_force(traffic, options->filter.ports[i]);
    return traffic;
}

/* 0 where all of it was read. */
static int inspect(const struct inspect_options *options, const struct packed *file, struct blocks *blocks)
{
    struct report report = { .options = options,
                             .rows = { .out = stdout, .json = options->json },
                             .watch = { .late = options->late } };
    char *why = NULL;
    if (options->settings != NULL && (report.whatif = whatif_new(options->settings)) == NULL)
        return INSPECT_USAGE_STATUS;
    struct capture *capture = capture_open(file->bytes, blocks, &why);
    if (capture == NULL) {
        fprintf(stderr, "rpcward-inspect: %s: %s\n", options->file, why != NULL ? why : strerror(ENOMEM));
        free(why);
        return 1;
    }
    struct dis_traffic *traffic = new_traffic(options, &report);
    why = read_packets(capture, traffic, &report, file);
    dis_traffic_end(traffic);
    report_end(&report, traffic, capture_link_name(capture), why);
    fflush(stdout);
    if (why != NULL)
        fprintf(stderr, "rpcward-inspect: %s: not read in full: behind packet %" PRIu64 ", %s\n", options->file,
                dis_traffic_counts(traffic)->packets, why);
    bool nothing = options->view == VIEW_TREE && options->call != 0 && report.printed == 0;
    if (nothing)
        fprintf(stderr, "rpcward-inspect: %s: there is no call %" PRIu64 "; --calls has their numbers\n",
                options->file, options->call);
    if (blocks->several && capture_strangers(capture) > 0)
        fprintf(stderr,
                "rpcward-inspect: %s: it has packets of several link types: all are read but %" PRIu64
                " of types that are not known here\n",
                options->file, capture_strangers(capture));
    else if (blocks->several)
        fprintf(stderr, "rpcward-inspect: %s: it has packets of several link types: all are read\n", options->file);
    int status = why != NULL || nothing || report.watch.findings.count > 0 || capture_strangers(capture) > 0;
    free(why);
    table_free(&report.table);
    watch_free(&report.watch);
    whatif_free(report.whatif);
    dis_traffic_free(traffic);
    capture_close(capture);
    return status;
}

int main(int argc, char **argv)
{
    static char out[1 << 18];
    struct sigaction action = { .sa_handler = on_signal };
    struct inspect_options options;
    struct packed file;
    struct blocks blocks = { 0 };
    inspect_options_parse(argc, argv, &options);
    if (isatty(STDOUT_FILENO) != 1)
        setvbuf(stdout, out, _IOFBF, sizeof(out));
    if (options.follow)
        sigaction(SIGINT, &action, NULL);
    if (!packed_open(options.file, options.follow, &stopped, flush_lines, &blocks, &file)) {
        fprintf(stderr, "rpcward-inspect: %s: %s\n", options.file, strerror(errno));
        return 1;
    }
    int status = inspect(&options, &file, &blocks);
    blocks_free(&blocks);
    return status;
}
