/* A table of servers and of the slowest calls, drawn again and again. */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include "ctl_talk.h"

/* Every so many seconds until rpcward goes; an exit status. */
int ctl_watch(struct ctl_talk *talk, unsigned seconds, bool json);

#endif
