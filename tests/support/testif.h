/* The test interface (test.idl): what its callers may ask for, and its stubs. */
#ifndef SUP_TESTIF_H
#define SUP_TESTIF_H

#include "bytes.h"

#define TESTIF_CALL      0u          /* opnum */
#define TESTIF_CALLED    0u          /* callback opnum */
#define TESTIF_ECHO_SIZE 0xffffffffu /* answer_size: as long as the request's payload */

/* What Call does. "Executed" means: a line in the ledger, and one more in the answer's `executed`, as soon as
 * the call has come in. Where a is a time, the rest happens that much later, and the connection serves other
 * calls meanwhile. What is not said is: executed, then answered. */
enum testif_behaviour {
    TESTIF_ECHO,          /* answers at once */
    TESTIF_SLOW,          /* answers after a ms */
    TESTIF_SILENT,        /* executed, never answered */
    TESTIF_BUSY,          /* after a ms, fault nca_s_server_too_busy with did-not-execute; not executed */
    TESTIF_FAULT,         /* executed, fault with status a; b is added to its PDU flags (0x20 would be a lie) */
    TESTIF_DIE_BEFORE,    /* after a ms the process ends by _exit(9); not executed */
    TESTIF_DIE_AFTER,     /* executed, after a ms the process ends by _exit(9) */
    TESTIF_RESET_BEFORE,  /* after a ms RST on this connection; not executed */
    TESTIF_RESET_AFTER,   /* executed, after a ms RST */
    TESTIF_CLOSE_BEFORE,  /* after a ms FIN on this connection; not executed */
    TESTIF_CLOSE_AFTER,   /* executed, after a ms FIN */
    TESTIF_FRAGMENTS,     /* answers in fragments of a stub bytes (at least 1), b ms between them */
    TESTIF_CALL_BACK,     /* calls its client back with the payload, answers with what the client answered; a fault
                             of the client's is passed on. The payload must fit one fragment. */
    TESTIF_RUBBISH,       /* writes a bytes of 0xff, which begin no PDU, then answers */
    TESTIF_WRONG_CALL_ID, /* answers with a call_id that is greater by a (by 1 where a is 0) */
    TESTIF_TWICE,         /* answers, and answers again in the same write */
    TESTIF_HALF,          /* sends the first half of the answer's bytes, then RST */
    TESTIF_BEHAVIOUR_COUNT
};

/* "slow", "die-before", …: the enumerators in lower case with dashes. */
extern const char *const testif_names[TESTIF_BEHAVIOUR_COUNT];

/* d089c2e3-cab7-424d-9183-85cd34db61ff v1.0, as an initialiser of struct dis_syntax */
#define TESTIF_SYNTAX                                                                                         \
    {                                                                                                         \
        .uuid = { { 0xd0, 0x89, 0xc2, 0xe3, 0xca, 0xb7, 0x42, 0x4d, 0x91, 0x83, 0x85, 0xcd, 0x34, 0xdb, 0x61, \
                    0xff } },                                                                                 \
        .major = 1, .minor = 0                                                                                \
    }

struct testif_call {
    uint64_t own_id;
    uint32_t behaviour; /* enum testif_behaviour, or anything that was sent */
    uint32_t a;
    uint32_t b;
    uint32_t answer_size;
    uint32_t payload_size;
    const uint8_t *payload; /* of a call that was read; writing makes the payload from own_id */
};

struct testif_answer {
    uint64_t own_id;
    uint32_t executed;
    uint32_t payload_size;
    const uint8_t *payload; /* as above */
};

/* Both halves of Called. */
struct testif_called {
    uint64_t own_id;
    uint32_t payload_size;
    const uint8_t *payload;
};

void testif_write_call(struct bytes *stub, const struct testif_call *call);
void testif_write_answer(struct bytes *stub, const struct testif_answer *answer);
void testif_write_called(struct bytes *stub, const struct testif_called *called);
void testif_write_called_answer(struct bytes *stub, const struct testif_called *called);

/* Read a whole stub; what does not belong there is the cursor's error. */
struct testif_call testif_read_call(struct dis_cursor *c);
struct testif_answer testif_read_answer(struct dis_cursor *c);
struct testif_called testif_read_called(struct dis_cursor *c);
struct testif_called testif_read_called_answer(struct dis_cursor *c);

/* Whether each octet of a payload is what the IDL says. */
bool testif_payload_good(const uint8_t *payload, size_t size, uint64_t own_id);

#endif
