/* libpcap in nanoseconds. What it refuses is told with what can be done about it. */
#include "capture.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define RAW_OF_OPENBSD 14 /* its DLT_RAW, in files of its older libpcap */

#define LATEST 9000000000 /* s since 1970 for which there are ns in 64 bits: a damaged file may say anything */

struct capture {
    pcap_t *pcap;
    enum dis_link link;
    struct blocks *blocks; /* or NULL */
    uint64_t frames;
    uint64_t strangers;
};

static bool link_of(int type, enum dis_link *link)
{
    static const struct {
        int type;
        enum dis_link link;
    } links[] = {
        { DLT_EN10MB, DIS_LINK_ETHERNET }, { DLT_LINUX_SLL, DIS_LINK_COOKED }, { DLT_LINUX_SLL2, DIS_LINK_COOKED2 },
        { DLT_NULL, DIS_LINK_LOOPBACK },   { DLT_LOOP, DIS_LINK_LOOPBACK },    { DLT_RAW, DIS_LINK_RAW },
        { DLT_IPV4, DIS_LINK_RAW },        { DLT_IPV6, DIS_LINK_RAW },         { RAW_OF_OPENBSD, DIS_LINK_RAW },
    };
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i].type == type) {
            *link = links[i].link;
            return true;
        }
    return false;
}

static char *sentence(const char *format, const char *word)
{
    char *text = NULL;
    return asprintf(&text, format, word) < 0 ? NULL : text;
}

static const char *type_name(int type)
{
    const char *name = pcap_datalink_val_to_description(type);
    return name != NULL ? name : "unknown link type";
}

struct capture *capture_open(FILE *bytes, struct blocks *blocks, char **why)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    struct capture *c = calloc(1, sizeof(*c));
    pcap_t *pcap = c != NULL ? pcap_fopen_offline_with_tstamp_precision(bytes, PCAP_TSTAMP_PRECISION_NANO, error)
                             : NULL;
    *why = NULL;
    if (pcap == NULL) {
        *why = sentence("this is no capture that libpcap can read: %s", error);
        fclose(bytes);
        free(c);
        return NULL;
    }
    c->pcap = pcap;
    c->blocks = blocks;
    if (link_of(pcap_datalink(pcap), &c->link))
        return c;
    *why = sentence("packets of type '%s' are not read: capture Ethernet, loopback, raw IP, or Linux cooked",
                    type_name(pcap_datalink(pcap)));
    capture_close(c);
    return NULL;
}

const char *capture_link_name(const struct capture *c)
{
    return c->blocks != NULL && c->blocks->several ? "several link types" : type_name(pcap_datalink(c->pcap));
}

/* Numbers in files are not always those of this system (pcap-linktype(7)). */
static bool link_of_file(uint16_t type, enum dis_link *link)
{
    switch (type) {
    case 101: /* LINKTYPE_RAW */
        return link_of(DLT_RAW, link);
    case 108: /* LINKTYPE_LOOP */
        return link_of(DLT_LOOP, link);
    default:
        return link_of(type, link);
    }
}

/* Of a packet that libpcap has just given out. */
static bool find_link(struct capture *c, enum dis_link *link)
{
    uint16_t type;
    *link = c->link;
    if (c->blocks == NULL || !blocks_next(c->blocks, &type) || !c->blocks->several)
        return true;
    return link_of_file(type, link);
}

static int64_t time_of(const struct timeval *t)
{
    int64_t seconds = t->tv_sec < 0 ? 0 : t->tv_sec > LATEST ? LATEST : t->tv_sec;
    int64_t rest = t->tv_usec < 0 ? 0 : t->tv_usec > 999999999 ? 999999999 : t->tv_usec;
    return seconds * 1000000000 + rest;
}

static char *explain(const char *error)
{
    if (strstr(error, "different from the type of the first interface") != NULL)
        return sentence("it has packets of several link types, of which libpcap reads one a file (%s); "
                        "capture one interface, or write each one's packets to a file of their own",
                        error);
    if (strstr(error, "truncated") != NULL)
        return sentence("its end is cut off or damaged (%s)", error);
    return sentence("libpcap reads no further (%s)", error);
}

bool capture_next(struct capture *c, struct capture_packet *out, char **why)
{
    struct pcap_pkthdr *header;
    int got = pcap_next_ex(c->pcap, &header, &out->bytes);
    *why = NULL;
    while (got == 1 && !find_link(c, &out->link)) {
        c->frames++;
        c->strangers++;
        got = pcap_next_ex(c->pcap, &header, &out->bytes);
    }
    if (got == 1) {
        out->captured = header->caplen;
        out->sent = header->len;
        out->place = (struct dis_place){ ++c->frames, time_of(&header->ts) };
        return true;
    }
    if (got != PCAP_ERROR_BREAK)
        *why = explain(pcap_geterr(c->pcap));
    return false;
}

uint64_t capture_strangers(const struct capture *c)
{
    return c->strangers;
}

void capture_close(struct capture *c)
{
    if (c == NULL)
        return;
    pcap_close(c->pcap);
    free(c);
}
