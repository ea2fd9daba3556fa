/* The client's side of the control socket (admin.h has the protocol). */
#ifndef CTL_TALK_H
#define CTL_TALK_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl_line.h"

enum { CTL_GOOD = 0, CTL_FAILED = 1, CTL_USAGE = 2 }; /* exit statuses */

struct ctl_talk {
    const char *path;
    int fd;
    FILE *in;
    char *text; /* the line that was read last; owned */
    size_t room;
};

/* A line of the answer: as it came, and taken apart. `json` is only for printing. */
typedef void ctl_line_function(void *owner, const char *json, const struct ctl_line *line);

/* False with a message on stderr. */
bool ctl_connect(struct ctl_talk *talk, const char *path);

/* Sends the request and hands over the lines of the answer, the last one excepted. An exit status; messages go to
 * stderr. */
int ctl_ask(struct ctl_talk *talk, const char *request, ctl_line_function *each, void *owner);

/* Returns when rpcward has gone. */
void ctl_wait_end(struct ctl_talk *talk);
void ctl_close(struct ctl_talk *talk);

#endif
