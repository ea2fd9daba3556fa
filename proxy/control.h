/* One connection of the control socket: its requests, and what it is being answered. Private to admin.c and control.c. */
#ifndef PX_CONTROL_H
#define PX_CONTROL_H

#include "answer.h"
#include "socket.h"

#define PX_CONTROLS 16u   /* most at once */
#define PX_REQUEST  4096u /* most bytes of a request */

enum px_doing {
    PX_DOING_NOTHING,
    PX_DOING_ANSWER, /* slices are still to be made */
    PX_DOING_WAIT,   /* for a call's end */
    PX_DOING_DRAIN,  /* for the end of the calls inside a server */
    PX_DOING_FOLLOW,
    PX_DOING_STOP,  /* waits for the process's end */
    PX_DOING_LEAVE, /* its last line is being written */
    PX_DOINGS
};

struct px_control {
    struct px_socket socket;
    struct px_admin *admin;
    struct px_answer answer;
    struct pol_id waits;
    uint32_t server; /* PX_DOING_DRAIN */
    uint64_t lost;   /* lines of events that it was not told of yet */
    uint8_t doing;   /* enum px_doing */
    bool ended;      /* its FIN was read */
    size_t length;
    char request[PX_REQUEST];
};

struct px_admin {
    struct px_loop *loop;
    struct px_address address;
    uv_poll_t poll;
    uv_idle_t idle; /* active while a slice can be made */
    int fd;
    unsigned turn; /* whose slice was made last */
    struct px_control *controls[PX_CONTROLS];
    unsigned doing[PX_DOINGS]; /* how many do each */
    uint64_t event_lines;      /* in `events` */
    struct px_log events;      /* of this turn */
    struct px_log lines;       /* of one slice; empty between two */
    struct px_history history;
};

/* Takes over the descriptor, at this place of admin->controls; false: it is still the caller's. */
bool px_control_open(struct px_admin *admin, struct px_control **place, int fd);
void px_control_close(struct px_control *c);

/* What admin->lines holds; and the last line behind it. */
void px_control_send(struct px_control *c);
void px_control_send_end(struct px_control *c, const char *error);

/* One that waits for the end of the calls inside a server: perhaps they have ended. */
void px_control_drained(struct px_control *c);

/* Goes on with those who have something to do, a slice a turn. */
void px_control_drive(struct px_admin *admin);

#endif
