/* Findings, those that are alike together: a bounded table, printed at the end. */
#ifndef INSPECT_FINDINGS_H
#define INSPECT_FINDINGS_H

#include <stdio.h>

#include "inspect_judge.h"
#include "inspect_verdict.h"

#define FINDINGS_MOST   1024u /* kept apart; of others only the number is known */
#define FINDINGS_FRAMES 8u    /* named of each */

/* What is alike: of one kind, at one server, of one operation, with one status. */
struct findings_key {
    enum finding finding;
    struct dis_endpoint server;
    bool has_interface;
    bool has_opnum;
    struct dis_syntax interface;
    const struct dis_interface *known;
    uint16_t opnum;
    uint32_t status;
};

struct findings_group {
    struct findings_key key;
    uint64_t count;
    struct dis_endpoint client; /* of the first */
    bool other_clients;
    uint64_t frames[FINDINGS_FRAMES];
    struct dis_place first;
    struct dis_place last;
    char seen[JUDGE_TEXT];    /* of the first */
    char retry[VERDICT_TEXT]; /* the same; "": it is not about a call that failed */
};

/* Zero-initialise; findings_free() after use. */
struct findings {
    struct findings_group **groups; /* by first occurrence */
    size_t count;
    size_t last; /* the group added to last: what is alike comes in rows */
    uint64_t elsewhere;
};

struct findings_key findings_key_of(enum finding finding, const struct dis_call *call);

/* Adds one; returns its group where it is the first of it, for the words, or NULL. */
struct findings_group *findings_add(struct findings *f, const struct findings_key *key,
                                    const struct dis_endpoint *client, struct dis_place place);

/* All of it, or a line for each group. `start` is when times count from in text. */
void findings_print(const struct findings *f, FILE *out, int64_t start, bool json, bool brief);

void findings_free(struct findings *f);

#endif
