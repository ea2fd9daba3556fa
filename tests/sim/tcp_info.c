/* What the kernel tells of a connection; glibc's struct tcp_info ends before tcpi_notsent_bytes. */
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"

enum { ESTABLISHED = 1, CLOSE = 7, CLOSE_WAIT = 8 }; /* the kernel's net/tcp_states.h */

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
