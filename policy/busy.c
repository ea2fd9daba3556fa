/* What a server has said of its own limit: a call that it refuses as too busy means that as many as were inside beside it are
 * enough. But there are operations that are always refused so, however few are inside; they must not throttle the others. */
#include "brain.h"

/* How long a server that refused calls as too busy is given one more each, until it refuses again. */
#define STEP 1000 /* ms */

/* So many refusals of an operation, and none of its calls answered, while as many of other operations were: it is not the load. */
#define ALWAYS 8

uint32_t pol_takes(const struct pol_brain *b, const struct server *s)
{
    return s->busy_limit ? s->busy_limit + (uint32_t)((b->now - s->busy_since) / STEP) : UINT32_MAX;
}

static struct refused *find(struct server *s, const struct call *k)
{
    for (unsigned i = 0; i < POL_REFUSED_MAX; i++)
        if (s->refused[i].count > 0 && s->refused[i].operation == k->operation)
            return &s->refused[i];
    return NULL;
}

/* Of many such operations the ones that were refused last are known. */
static struct refused *note(struct server *s, const struct call *k)
{
    struct refused *row = find(s, k);
    if (!row) {
        row = &s->refused[s->next_refused++ % POL_REFUSED_MAX];
        s->refusals += row->count == 0;
        *row = (struct refused){ .operation = k->operation, .answered = s->answered };
    }
    if (row->count < ALWAYS)
        row->count++;
    return row;
}

/* What it has taught about the limit so far is forgotten with it. */
static bool is_always_refused(struct server *s, struct refused *row)
{
    bool always = row->count >= ALWAYS && s->answered - row->answered >= ALWAYS;
    if (always && !row->always)
        s->busy_limit = 0;
    row->always = always;
    return always;
}

void pol_busy_refused(struct pol_brain *b, const struct call *k)
{
    struct server *s = &b->servers[k->server];
    uint32_t others = s->inside - 1;
    if (is_always_refused(s, note(s, k)) || others == 0 || others >= pol_takes(b, s))
        return; /* others are not why; or it went up before that was known */
    s->busy_limit = others;
    s->busy_since = b->now;
}

void pol_busy_answered(struct pol_brain *b, const struct call *k)
{
    struct server *s = &b->servers[k->server];
    struct refused *row = s->refusals > 0 ? find(s, k) : NULL;
    s->answered++;
    if (row) {
        row->count = 0;
        s->refusals--;
    }
}
