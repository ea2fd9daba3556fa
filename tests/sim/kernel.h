/* The system calls of the proxy, over net.h: its descriptors, its clock, its log. The linker puts them in the place of
 * the C library's (the Makefile lists them: sim_wrapped). */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net.h"

/* Where the settings of a schedule send the log. */
#define KERNEL_LOG_PATH   "/simulated/log"
#define KERNEL_LOCAL_PATH "/simulated/rpc" /* where clients come that are local */

void kernel_begin(struct host *proxy);

/* Descriptors that are open, but for connections to the control socket: whoever waits for the process to end waits for those. */
unsigned kernel_open_count(void);
bool kernel_is_listening(void); /* for clients */
/* Connections that were accepted and are open, of this peer address; 0: of all. */
unsigned kernel_accepted_count(uint32_t address);

/* What poll(2) would say: EPOLLIN and so on. */
unsigned kernel_ready(int fd);

void kernel_put_info(const struct endpoint *e, void *value, socklen_t *length); /* TCP_INFO (tcp_info.c) */

/* As the process dies: what becomes of its connections. */
void kernel_close_all(void);

/* Does what was allocated last around `at` hold that many bytes from there on? Of large pieces alone. */
bool kernel_has_room(const void *at, size_t room);

/* The log's reader did not take all that it was given last. */
extern bool kernel_log_is_late;

/* Calls of malloc and the like whose memory was not freed. */
extern int64_t kernel_allocations;

#endif
