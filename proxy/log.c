/* The line writer: JSON or logfmt, straight into one buffer (a general JSON library costs four times as much a line). */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- where it goes ---- */

/* O_NONBLOCK on stderr itself would be shared with whoever else holds it, so it is opened anew where that is possible. */
static void use_stderr(struct px_log *log)
{
    struct stat st = { 0 };
    fstat(STDERR_FILENO, &st);
    log->is_socket = S_ISSOCK(st.st_mode);
    if (S_ISREG(st.st_mode)) /* so that what others write to it does not overwrite our lines */
        fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_APPEND);
    log->fd = log->is_socket ? -1 : open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
    log->owns_fd = log->fd >= 0;
    if (log->fd < 0)
        log->fd = STDERR_FILENO;
}

/* Without `text`: only where it goes. */
static int open_target(struct px_log *log, const struct px_settings *settings)
{
    *log = (struct px_log){ .fd = -1, .format = settings->log_format, .stamp_second = -1 };
    if (strcmp(settings->log_calls, "none") == 0)
        return 0;
    if (strcmp(settings->log_calls, "stderr") == 0) {
        use_stderr(log);
        return 0;
    }
    log->fd = open(settings->log_calls, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640);
    log->owns_fd = log->fd >= 0;
    return log->fd < 0 ? errno : 0;
}

int px_log_open(struct px_log *log, const struct px_settings *settings)
{
    int error = open_target(log, settings);
    if (!error && !(log->text = malloc(PX_LOG_ROOM)))
        error = ENOMEM;
    return error;
}

int px_log_reopen(struct px_log *log, const struct px_settings *settings)
{
    struct px_log fresh;
    int error = open_target(&fresh, settings);
    if (error)
        return error;
    px_log_flush(log);
    if (log->owns_fd)
        close(log->fd);
    log->fd = fresh.fd;
    log->is_socket = fresh.is_socket;
    log->owns_fd = fresh.owns_fd;
    log->format = fresh.format;
    return 0;
}

int px_log_open_memory(struct px_log *log)
{
    *log = (struct px_log){ .fd = PX_LOG_MEMORY, .format = PX_LOG_JSON, .stamp_second = -1 };
    log->text = malloc(PX_LOG_ROOM);
    return log->text ? 0 : ENOMEM;
}

void px_log_flush(struct px_log *log)
{
    if (log->length == 0 || log->fd < 0)
        return;
    ssize_t n = log->is_socket ? send(log->fd, log->text, log->length, MSG_DONTWAIT | MSG_NOSIGNAL)
                               : write(log->fd, log->text, log->length);
    if (n <= 0)
        return;
    log->length -= (size_t)n;
    memmove(log->text, log->text + n, log->length);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void px_log_close(struct px_log *log)
{
    int64_t left, until = now_ms() + 1000;
    while (log->length > 0 && log->fd >= 0 && (left = until - now_ms()) > 0) {
        struct pollfd ready = { .fd = log->fd, .events = POLLOUT };
        poll(&ready, 1, (int)left);
        if (ready.revents & POLLERR)
            break; /* its reader has gone */
        px_log_flush(log);
    }
    if (log->owns_fd)
        close(log->fd);
    free(log->text);
    *log = (struct px_log){ .fd = -1 };
}

/* ---- values ---- */

static void put_string(struct px_log *log, const char *text)
{
    px_log_put(log, text, strlen(text));
}

void px_log_put_number(struct px_log *log, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    px_log_put(log, digits + at, sizeof digits - at);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void put_escaped(struct px_log *log, char c)
{
    char escape[8];
    if (c == '"' || c == '\\')
        px_log_put(log, (char[]){ '\\', c }, 2);
    else
        px_log_put(log, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)c));
}

static void put_quoted(struct px_log *log, const char *text)
{
    px_log_put(log, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while (is_plain((unsigned char)text[plain]))
            plain++;
        px_log_put(log, text, plain);
        text += plain;
        if (*text)
            put_escaped(log, *text++);
    }
    px_log_put(log, "\"", 1);
}

void px_log_put_text(struct px_log *log, const char *text)
{
    bool bare = log->format == PX_LOG_LOGFMT && text && *text && !strpbrk(text, " =\"\\\t\n\r");
    if (!text || bare)
        px_log_put_word(log, text);
    else
        put_quoted(log, text);
}

void px_log_put_word(struct px_log *log, const char *word)
{
    bool json = log->format == PX_LOG_JSON;
    if (!word) {
        put_string(log, json ? "null" : "-");
        return;
    }
    px_log_put(log, "\"", json);
    put_string(log, word);
    px_log_put(log, "\"", json);
}

/* ---- lines ---- */

/* RFC 3339 in UTC with microseconds; the seconds are spelled once a second. */
static void put_stamp(struct px_log *log)
{
    struct timespec now;
    char fraction[] = ".000000Z";
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != log->stamp_second) {
        struct tm parts;
        log->stamp_second = now.tv_sec;
        strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &parts));
    }
    long micro = now.tv_nsec / 1000;
    for (size_t i = 6; i > 0; i--, micro /= 10)
        fraction[i] = (char)('0' + micro % 10);
    put_string(log, log->stamp);
    put_string(log, fraction);
}

void px_log_begin(struct px_log *log, const char *kind)
{
    bool json = log->format == PX_LOG_JSON;
    log->line = log->length;
    put_string(log, json ? "{\"time\":\"" : "time=");
    put_stamp(log);
    px_log_put(log, "\"", json);
    px_log_word(log, PX_LOG_KEY("kind"), kind);
    if (log->lost)
        px_log_number(log, PX_LOG_KEY("lines_lost_before"), log->lost);
}

void px_log_end(struct px_log *log)
{
    put_string(log, log->format == PX_LOG_JSON ? "}\n" : "\n");
    if (log->overflow)
        log->length = log->line;
    log->lost = log->overflow ? log->lost + 1 : 0;
    log->lost_ever += log->overflow;
    log->overflow = false;
    if (log->fd == -1)
        log->length = 0;
    if (log->length > PX_LOG_ROOM / 2) /* thousands of connections may end in one turn */
        px_log_flush(log);
}

void px_log_notice(struct px_log *log, const char *client, const char *what)
{
    px_log_begin(log, "notice");
    if (client)
        px_log_text(log, PX_LOG_KEY("client"), client);
    px_log_text(log, PX_LOG_KEY("message"), what);
    px_log_end(log);
}
