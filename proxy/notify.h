/* The service manager's protocol: one datagram to $NOTIFY_SOCKET (sd_notify(3); stable, so no library is needed). */
#ifndef PX_NOTIFY_H
#define PX_NOTIFY_H

/* Does nothing where NOTIFY_SOCKET is not set. `state` is "READY=1", "STOPPING=1" … */
void px_notify(const char *state);

#endif
