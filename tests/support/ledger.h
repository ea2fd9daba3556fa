/* A text file that only grows, one write() per line: what happened is on record before anybody is told. */
#ifndef SUP_LEDGER_H
#define SUP_LEDGER_H

struct ledger {
    int fd; /* -1: nothing is kept */
};

/* NULL: keep nothing. Ends the program where the file cannot be opened. */
void ledger_open(struct ledger *ledger, const char *path);

/* One line; its newline is added here. */
void ledger_line(const struct ledger *ledger, const char *format, ...) __attribute__((format(printf, 2, 3)));

void ledger_close(struct ledger *ledger);

#endif
