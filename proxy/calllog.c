/* One line a call, one line a connection that ended. */
#include "calllog.h"

#include <stdio.h>
#include <string.h>

#include "../dissect/names.h"
#include "sentence.h"

#define MOST_OFFENCES 8 /* a hostile peer must not fill the disk */

static void put_name(struct px_log *log, struct px_log_key key, const char *name, unsigned number)
{
    char digits[12];
    if (!name)
        snprintf(digits, sizeof digits, "%u", number);
    px_log_word(log, key, name ? name : digits);
}

static char *put_digits(char *end, unsigned value)
{
    do
        *--end = (char)('0' + value % 10);
    while (value /= 10);
    return end;
}

/* "1.0" at the end of `text`. */
static const char *version_of(const struct dis_syntax *syntax, char text[12])
{
    char *at = text + 11;
    *at = 0;
    at = put_digits(at, syntax->minor);
    *--at = '.';
    return put_digits(at, syntax->major);
}

void px_calllog_interface(struct px_log *log, const struct px_call *k)
{
    char uuid[DIS_UUID_TEXT], version[12];
    bool bound = !dis_uuid_is_nil(&k->interface.uuid);
    px_log_word(log, PX_LOG_KEY("interface"), bound ? dis_uuid_format(&k->interface.uuid, uuid) : NULL);
    px_log_word(log, PX_LOG_KEY("version"), bound ? version_of(&k->interface, version) : NULL);
    px_log_word(log, PX_LOG_KEY("name"), dis_interface_name(k->known));
    px_log_number(log, PX_LOG_KEY("opnum"), k->opnum);
    px_log_word(log, PX_LOG_KEY("operation"), dis_operation_name(k->known, k->opnum));
}

static void put_status(struct px_log *log, const struct px_call *k)
{
    char status[12];
    if (k->has_status)
        snprintf(status, sizeof status, "0x%08x", k->status);
    px_log_word(log, PX_LOG_KEY("status"), k->has_status ? status : NULL);
    px_log_word(log, PX_LOG_KEY("status_name"), k->has_status ? dis_fault_name(k->status) : NULL);
}

/* "10.0.0.5:5000 part P3, 10.0.0.6:5000 all none": the attempts before the last one, as many as are remembered. */
static void put_tries(struct px_log *log, const struct px_call *k)
{
    char text[512] = "";
    for (unsigned i = 0; i < k->try_count; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%s %s %s", i ? ", " : "", k->tries[i].server,
                 k->tries[i].evidence, pol_proof_name(k->tries[i].proof));
    }
    px_log_text(log, PX_LOG_KEY("tries"), k->try_count ? text : NULL);
}

void px_calllog_line(struct px_log *log, const struct px_call *k, unsigned ending, unsigned proof, int64_t now_us)
{
    px_log_begin(log, "call");
    px_log_word(log, PX_LOG_KEY("client"), k->association->client);
    px_log_text(log, PX_LOG_KEY("server"), px_call_server(k));
    px_log_number(log, PX_LOG_KEY("connection"), k->association->serial);
    px_calllog_interface(log, k);
    px_log_number(log, PX_LOG_KEY("call_id"), k->call_id);
    put_name(log, PX_LOG_KEY("auth_type"), dis_auth_type_name(k->auth_type), k->auth_type);
    uint8_t level = k->auth_type == DIS_AUTH_NONE ? DIS_LEVEL_NONE : k->auth_level;
    put_name(log, PX_LOG_KEY("auth_level"), dis_auth_level_name(level), level);
    px_log_number(log, PX_LOG_KEY("fragments_in"), k->fragments_in);
    px_log_number(log, PX_LOG_KEY("bytes_in"), k->bytes_in);
    px_log_number(log, PX_LOG_KEY("fragments_out"), k->fragments_out);
    px_log_number(log, PX_LOG_KEY("bytes_out"), k->bytes_out);
    px_log_time(log, PX_LOG_KEY("waited_us"), k->begun, k->leased_at);
    px_log_time(log, PX_LOG_KEY("first_us"), k->begun, k->first_answer);
    px_log_time(log, PX_LOG_KEY("total_us"), k->begun, k->ended >= 0 ? k->ended : now_us);
    px_log_number(log, PX_LOG_KEY("attempts"), k->attempts);
    px_log_word(log, PX_LOG_KEY("evidence"), px_call_evidence(k));
    px_log_word(log, PX_LOG_KEY("proof"), proof ? pol_proof_name(proof) : NULL);
    put_tries(log, k);
    put_status(log, k);
    px_log_word(log, PX_LOG_KEY("end"), pol_ending_name(ending));
    px_log_end(log);
}

void px_calllog_call(struct px_log *log, struct px_stats *stats, const struct px_call *k, unsigned ending,
                     unsigned proof, int64_t now_us)
{
    px_stats_call(stats, k, ending);
    px_calllog_line(log, k, ending, proof, now_us);
}

void px_calllog_offence(struct px_log *log, struct px_association *a, const char *side, const char *what)
{
    if (a->offences > MOST_OFFENCES)
        return;
    bool last = a->offences++ == MOST_OFFENCES;
    px_log_begin(log, "notice");
    px_log_word(log, PX_LOG_KEY("side"), side);
    px_log_word(log, PX_LOG_KEY("client"), a->client);
    px_log_text(log, PX_LOG_KEY("server"), a->server);
    px_log_number(log, PX_LOG_KEY("connection"), a->serial);
    px_log_text(log, PX_LOG_KEY("message"), last ? "more of this connection is not told" : what);
    px_log_end(log);
}

void px_calllog_connection(struct px_log *log, struct px_stats *stats, const struct px_association *a,
                           const char *side, unsigned reason, int64_t now_us)
{
    px_stats_connection(stats, *side == 's', reason);
    px_log_begin(log, "connection");
    px_log_word(log, PX_LOG_KEY("side"), side);
    px_log_word(log, PX_LOG_KEY("client"), a->client);
    px_log_text(log, PX_LOG_KEY("server"), a->server);
    px_log_number(log, PX_LOG_KEY("connection"), a->serial);
    px_log_word(log, PX_LOG_KEY("reason"), pol_reason_name(reason));
    px_log_time(log, PX_LOG_KEY("age_us"), a->opened, now_us);
    px_log_number(log, PX_LOG_KEY("calls"), a->calls);
    px_log_number(log, PX_LOG_KEY("bytes_in"), a->bytes_up);
    px_log_number(log, PX_LOG_KEY("bytes_out"), a->bytes_down);
    px_log_end(log);
}
