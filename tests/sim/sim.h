/* The proxy within a schedule. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>

struct px_settings;

/* Opens the proxy, runs it until it has drained, or a second signal has ended it; `at_end` is called then, before it is
 * closed. False: it could not be opened. */
bool proxy_run(struct px_settings *settings, void (*at_end)(void));

#endif
