/* A text file that only grows. */
#include "ledger.h"

#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_SIZE 512u

void ledger_open(struct ledger *ledger, const char *path)
{
    ledger->fd = -1;
    if (path == NULL)
        return;
    ledger->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (ledger->fd < 0)
        err(1, "%s", path);
}

/* O_APPEND and a single write(): lines of several processes never mix, and none is lost by _exit(). */
void ledger_line(const struct ledger *ledger, const char *format, ...)
{
    if (ledger->fd < 0)
        return;
    char line[LINE_MAX_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof line - 1)
        errx(1, "ledger: a line of %d bytes", length);
    line[length++] = '\n';
    if (write(ledger->fd, line, (size_t)length) != length)
        err(1, "ledger");
}

void ledger_close(struct ledger *ledger)
{
    if (ledger->fd >= 0)
        close(ledger->fd);
    ledger->fd = -1;
}
