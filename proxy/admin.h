/* The control socket: a Unix stream socket (`control`, mode 0660) at which rpcwardctl(1) is answered.
 *
 * The protocol: a request is one line of words, of at most 4096 bytes with its newline. It is answered by lines of JSON,
 * one object each; the last one is {"end":true} or {"error":"…"}. Requests may follow one another on a connection, and
 * are answered in order. The first key of each line that is not the last is "time", the second "kind" tells what it is of:
 *
 *   show servers | links | clients | calls | counters    lines "server", "link", "client", "open-call", "counter"
 *   stop [wait]               as SIGTERM: line "stop", with the clients and calls that are left; with "wait" its last line
 *                             comes when all have gone, and the connection ends with the process
 *   drain SERVER [wait]       no more calls go into that server: line "drain", with the calls inside it and in the line; with
 *                             "wait" its last line comes when none is inside
 *   resume SERVER             they do again: line "resume"
 *   reload                    as SIGHUP: line "reload"; its error says what is wrong with the settings
 *   cancel CALL               line "call", as in the log, of that open call, which is given up
 *   events                    line "following", then a line "event" for each call that begins to wait ("waiting"), is let
 *                             into the server ("inside"), and ends ("ended"), until the reader closes; one that is too
 *                             slow loses lines, and a line "lost" tells how many
 *   wait CALL                 line "call", as in the log, when that call has ended
 *   explain [CALL]            a line "explained" for each open call of that name and for those of the last 256 that ended
 *
 * CALL is CONNECTION:CALL_ID as in the log, and .NUMBER behind it where a client has used that call_id before.
 *
 * Nothing here may slow a call: an answer is made in slices, one a turn, and goes on when its reader has taken the last
 * one; a reader that does not read holds one of 16 connections, until a seventeenth takes it away. */
#ifndef PX_ADMIN_H
#define PX_ADMIN_H

#include "loop.h"

/* 0, or 1 with a message on stderr. Without `control` there is nothing to open, and all of these do nothing. */
int px_admin_open(struct px_loop *loop);
void px_admin_close(
    struct px_loop *loop); /* says the last word to those who follow or wait, and removes the socket */
void px_admin_free(struct px_loop *loop);

/* At the end of a turn: its events go to those who follow. */
void px_admin_flush(struct px_loop *loop);

void px_admin_call_waits(struct px_loop *loop, const struct px_call *call);
void px_admin_call_inside(struct px_loop *loop, const struct px_call *call);
void px_admin_call_ended(struct px_loop *loop, const struct px_call *call, unsigned ending, unsigned proof);

#endif
