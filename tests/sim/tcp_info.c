/* What the kernel tells of a connection; glibc's struct tcp_info ends before tcpi_notsent_bytes. */
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "agenda.h"
#include "kernel.h"

enum { ESTABLISHED = 1, CLOSE = 7, CLOSE_WAIT = 8 }; /* the kernel's net/tcp_states.h */

/* A closed window stops them in our kernel, where they are not in flight. */
uint32_t net_in_flight(const struct endpoint *e)
{
    return net_unacked(e) > 0 && !net_window_is_closed(e);
}

/* Keep-alive's, or those for a window that may have opened again: 200 ms after the last answer, and each later than the one
 * before. */
uint32_t net_unanswered_probes(const struct endpoint *e)
{
    int64_t age = now - e->heard, idle = (int64_t)e->idle * SECOND;
    uint32_t count = 0;
    if (!net_is_mute(e))
        return 0;
    if (net_unacked(e) > 0)
        for (int64_t at = 200 * MS; net_window_is_closed(e) && at < age; at *= 2)
            count++;
    else if (e->keepalive && age > idle)
        count = 1 + (uint32_t)((age - idle) / (e->interval * (int64_t)SECOND));
    return count;
}

uint32_t net_last_ack_ms(const struct endpoint *e)
{
    int64_t age = now - e->heard;
    int64_t probed = (int64_t)e->idle * SECOND;
    if (!net_is_mute(e) && e->keepalive && age > probed)
        age = age % (probed ? probed : 1); /* its last probe was answered */
    return (uint32_t)(age / MS);
}

uint32_t net_unsent(const struct endpoint *e)
{
    return e->dead ? e->unsent : e->out.end - e->out.begin;
}

void kernel_put_info(const struct endpoint *e, void *value, socklen_t *length)
{
    struct tcp_info info = { .tcpi_state = e->dead       ? CLOSE
                                           : e->fin_come ? CLOSE_WAIT
                                                         : ESTABLISHED,
                             .tcpi_notsent_bytes = net_unsent(e),
                             .tcpi_last_ack_recv = net_last_ack_ms(e),
                             .tcpi_unacked = net_in_flight(e),
                             .tcpi_probes = (uint8_t)net_unanswered_probes(e) };
    *length = *length < sizeof info ? *length : (socklen_t)sizeof info;
    memcpy(value, &info, *length);
}
