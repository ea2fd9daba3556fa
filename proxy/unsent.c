/* Reads TCP_INFO as the kernel has it; glibc's struct tcp_info ends before tcpi_notsent_bytes. */
#include "unsent.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define STATE_CLOSE 7 /* enum in the kernel's net/tcp_states.h */

bool px_unsent_of_dead(int fd, uint32_t *bytes)
{
    struct tcp_info info = { 0 };
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        length < offsetof(struct tcp_info, tcpi_notsent_bytes) + sizeof info.tcpi_notsent_bytes)
        return false;
    *bytes = info.tcpi_notsent_bytes;
    return info.tcpi_state == STATE_CLOSE;
}
