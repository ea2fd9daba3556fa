/* The control socket: accepting, and what calls tell to those who follow or wait. */
#include "admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calllog.h"
#include "control.h"
#include "listener.h"

#define MOST_EVENTS (1u << 20) /* bytes that may wait for one who follows */
#define BACKLOG     128

/* ---- accepting ---- */

/* A free place; or the place of one whose reader has stopped. */
static struct px_control **place(struct px_admin *admin)
{
    for (unsigned i = 0; i < PX_CONTROLS; i++)
        if (!admin->controls[i])
            return &admin->controls[i];
    for (unsigned i = 0; i < PX_CONTROLS; i++) {
        if (px_buffer_length(&admin->controls[i]->socket.out) > 0) {
            px_control_close(admin->controls[i]);
            return &admin->controls[i];
        }
    }
    return NULL;
}

static void refuse(struct px_admin *admin, int fd)
{
    struct px_log *lines = &admin->lines;
    px_answer_end(lines, "16 control connections are open: end one of them");
    if (send(fd, lines->text, lines->length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        px_log_notice(&admin->loop->log, NULL, "control: a connection was refused, 16 are open");
    lines->length = 0;
    close(fd);
}

static void acceptable(uv_poll_t *poll, int status, int events)
{
    struct px_admin *admin = poll->data;
    (void)status;
    (void)events;
    int fd = accept4(admin->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        px_listener_refuse(admin->loop, admin->fd);
    if (fd < 0)
        return;
    struct px_control **free_place = place(admin);
    if (!free_place || !px_control_open(admin, free_place, fd))
        refuse(admin, fd);
}

/* ---- calls ---- */

void px_admin_call_waits(struct px_loop *loop, const struct px_call *k)
{
    struct px_admin *admin = loop->admin;
    if (!admin || admin->doing[PX_DOING_FOLLOW] == 0)
        return;
    admin->event_lines++;
    px_answer_event(&admin->events, k, "waiting");
}

void px_admin_call_inside(struct px_loop *loop, const struct px_call *k)
{
    struct px_admin *admin = loop->admin;
    if (!admin || admin->doing[PX_DOING_FOLLOW] == 0)
        return;
    admin->event_lines++;
    px_answer_event(&admin->events, k, "inside");
}

static void tell_waiters(struct px_admin *admin, const struct px_call *k, unsigned ending, unsigned proof)
{
    for (unsigned i = 0; i < PX_CONTROLS; i++) {
        struct px_control *c = admin->controls[i];
        if (!c || c->doing != PX_DOING_WAIT || !pol_id_equal(c->waits, k->id))
            continue;
        px_calllog_line(&admin->lines, k, ending, proof, admin->loop->now);
        px_control_send_end(c, NULL);
    }
    px_control_drive(admin);
}

void px_admin_call_ended(struct px_loop *loop, const struct px_call *k, unsigned ending, unsigned proof)
{
    struct px_admin *admin = loop->admin;
    if (!admin)
        return;
    px_history_add(&admin->history, k, ending, proof, loop->now);
    if (admin->doing[PX_DOING_FOLLOW]) {
        admin->event_lines++;
        px_answer_event_ended(&admin->events, k, ending, proof, loop->now);
    }
    if (admin->doing[PX_DOING_WAIT])
        tell_waiters(admin, k, ending, proof);
}

/* Those that did not fit are lost too. */
static void send_events(struct px_control *c)
{
    struct px_admin *admin = c->admin;
    size_t waiting = px_buffer_length(&c->socket.out);
    if (waiting + admin->events.length > MOST_EVENTS) {
        c->lost += admin->event_lines;
        return;
    }
    if (c->lost) {
        px_log_begin(&admin->lines, "lost");
        px_log_number(&admin->lines, PX_LOG_KEY("lost"), c->lost);
        px_log_end(&admin->lines);
        px_control_send(c);
    }
    px_socket_write(&c->socket, (const uint8_t *)admin->events.text, admin->events.length);
    c->lost = admin->events.lost;
}

void px_admin_flush(struct px_loop *loop)
{
    struct px_admin *admin = loop->admin;
    for (unsigned i = 0; admin && admin->doing[PX_DOING_DRAIN] && i < PX_CONTROLS; i++)
        if (admin->controls[i])
            px_control_drained(admin->controls[i]);
    if (!admin || admin->event_lines == 0)
        return;
    for (unsigned i = 0; i < PX_CONTROLS; i++)
        if (admin->controls[i] && admin->controls[i]->doing == PX_DOING_FOLLOW)
            send_events(admin->controls[i]);
    admin->event_lines = admin->events.length = admin->events.lost = 0;
}

/* ---- opening and closing ---- */

/* Only owner and group may connect: the mode is right from the first moment on. */
static int listen_at(struct px_admin *admin, const char *path)
{
    struct px_address *address = &admin->address;
    address->local = (struct sockaddr_un){ .sun_family = AF_UNIX };
    address->length = sizeof address->local;
    memcpy(address->local.sun_path, path, strlen(path)); /* the settings hold its length against the room */
    px_listener_remove_stale(address, SOCK_STREAM);
    admin->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (admin->fd < 0)
        return errno;
    mode_t before = umask(0117);
    int error = bind(admin->fd, &address->any, address->length) == 0 ? 0 : errno;
    umask(before);
    if (!error && listen(admin->fd, BACKLOG) != 0)
        error = errno;
    if (!error)
        error = -uv_poll_init(&admin->loop->uv, &admin->poll, admin->fd);
    if (error)
        close(admin->fd);
    return error;
}

static struct px_admin *new_admin(struct px_loop *loop)
{
    struct px_admin *admin = calloc(1, sizeof *admin);
    if (!admin || px_log_open_memory(&admin->events) || px_log_open_memory(&admin->lines) ||
        !px_history_init(&admin->history))
        abort(); /* nothing runs yet: a start without memory ends at once */
    admin->loop = loop;
    return admin;
}

static void free_admin(struct px_admin *admin)
{
    px_history_free(&admin->history);
    px_log_close(&admin->events);
    px_log_close(&admin->lines);
    free(admin);
}

int px_admin_open(struct px_loop *loop)
{
    const char *path = loop->settings->control;
    if (strcmp(path, "none") == 0)
        return 0;
    struct px_admin *admin = new_admin(loop);
    int error = listen_at(admin, path);
    if (error) {
        fprintf(stderr, "rpcward: cannot open the control socket %s: %s%s\n", path, strerror(error),
                error == ENOENT       ? " (make its folder)"
                : error == EADDRINUSE ? " (another rpcward is there, or a file that is no socket)"
                                      : "");
        free_admin(admin);
        return 1;
    }
    admin->poll.data = admin;
    uv_poll_start(&admin->poll, UV_READABLE, acceptable);
    uv_idle_init(&loop->uv, &admin->idle);
    admin->idle.data = admin;
    loop->admin = admin;
    return 0;
}

/* The connections stay open until the kernel closes them: whoever waits for the end of the process waits for that. */
void px_admin_close(struct px_loop *loop)
{
    struct px_admin *admin = loop->admin;
    if (!admin)
        return;
    const char *error = pol_drained(loop->brain) ? NULL : "ended at once by a second signal: calls may have been cut";
    for (unsigned i = 0; i < PX_CONTROLS; i++) {
        struct px_control *c = admin->controls[i];
        if (c && (c->doing == PX_DOING_STOP || c->doing == PX_DOING_FOLLOW))
            px_control_send_end(c, error);
    }
    unlink(admin->address.local.sun_path);
    uv_poll_stop(&admin->poll);
    close(admin->fd);
}

void px_admin_free(struct px_loop *loop)
{
    struct px_admin *admin = loop->admin;
    if (!admin)
        return;
    for (unsigned i = 0; i < PX_CONTROLS; i++) {
        if (admin->controls[i])
            px_buffer_clear(&admin->controls[i]->socket.out);
        free(admin->controls[i]);
    }
    free_admin(admin);
    loop->admin = NULL;
}
