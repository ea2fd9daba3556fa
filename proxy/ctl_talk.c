/* Blocking: one thing is asked at a time. */
#include "ctl_talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *advice(int error)
{
    switch (error) {
    case ENOENT:
        return "is rpcward running, and does its setting `control` name this path?";
    case ECONNREFUSED:
        return "rpcward has gone: start it again";
    case EACCES:
        return "connect as root, or as one of the socket's group";
    default:
        return "see `control` in rpcward(8)";
    }
}

static bool fail(const struct ctl_talk *talk, int error)
{
    fprintf(stderr, "rpcwardctl: cannot reach rpcward at %s: %s (%s)\n", talk->path, strerror(error), advice(error));
    return false;
}

bool ctl_connect(struct ctl_talk *talk, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *talk = (struct ctl_talk){ .path = path, .fd = -1 };
    if (strlen(path) >= sizeof address.sun_path)
        return fail(talk, ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path));
    talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk->fd < 0 || connect(talk->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(talk, errno);
    talk->in = fdopen(talk->fd, "r");
    return talk->in != NULL || fail(talk, errno);
}

static bool send_request(struct ctl_talk *talk, const char *request)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s\n", request);
    if (length < 0 || (size_t)length >= sizeof line) {
        fprintf(stderr, "rpcwardctl: the arguments are too long\n");
        return false;
    }
    for (const char *at = line; *at;) {
        ssize_t n = send(talk->fd, at, strlen(at), MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return true; /* what it said before it went can still be read */
        at += n > 0 ? n : 0;
    }
    return true;
}

/* -1: more lines follow. */
static int read_answer(struct ctl_talk *talk, ctl_line_function *each, void *owner)
{
    struct ctl_line line;
    if (getline(&talk->text, &talk->room, talk->in) < 0) {
        fprintf(stderr, "rpcwardctl: rpcward at %s went away before it had answered: see its log\n", talk->path);
        return CTL_FAILED;
    }
    char *json = strdup(talk->text);
    if (!json)
        abort();
    bool good = ctl_line_read(talk->text, &line);
    const char *error = good ? ctl_line_get(&line, "error") : NULL;
    int status = -1;
    if (!good)
        fprintf(stderr, "rpcwardctl: what answers at %s is not rpcward: it said %.60s\n", talk->path, json);
    else if (error)
        fprintf(stderr, "rpcwardctl: rpcward said no: %s\n", error);
    else if (ctl_line_get(&line, "end") && !ctl_line_get(&line, "kind"))
        status = CTL_GOOD;
    else
        each(owner, json, &line);
    free(json);
    return good && !error ? status : CTL_FAILED;
}

int ctl_ask(struct ctl_talk *talk, const char *request, ctl_line_function *each, void *owner)
{
    int status = send_request(talk, request) ? -1 : CTL_USAGE;
    while (status < 0)
        status = read_answer(talk, each, owner);
    return status;
}

void ctl_wait_end(struct ctl_talk *talk)
{
    while (getline(&talk->text, &talk->room, talk->in) >= 0)
        ;
}

void ctl_close(struct ctl_talk *talk)
{
    if (talk->in)
        fclose(talk->in);
    else if (talk->fd >= 0)
        close(talk->fd);
    free(talk->text);
}
