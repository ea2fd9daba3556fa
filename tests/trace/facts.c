/* Each field of an event or an action has a key; each kind says which keys it has. The words are the brain's own. */
#include "facts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- words that only scenarios have ---- */

static const char *of_table(const char *const *table, size_t count, unsigned value)
{
    return value < count ? table[value] : NULL;
}

static const char *flag_name(unsigned value)
{
    static const char *const words[] = { "no", "yes" };
    return of_table(words, COUNT(words), value);
}

static const char *with_name(unsigned value)
{
    static const char *const words[] = { "fin", "reset" };
    return of_table(words, COUNT(words), value);
}

static const char *how_name(unsigned value)
{
    static const char *const words[] = { [POL_FIN] = "fin", [POL_RESET] = "reset", [POL_BAD] = "bad" };
    return of_table(words, COUNT(words), value);
}

static const char *when_name(unsigned value)
{
    static const char *const words[] = { [POL_NOW] = "now", [POL_FLUSHED] = "flushed", [POL_ACKED] = "acked" };
    return of_table(words, COUNT(words), value);
}

static const char *farewell_name(unsigned value)
{
    static const char *const words[] = {
        [POL_SAY_NOTHING] = "nothing", [POL_SAY_CANCEL] = "cancel", [POL_SAY_ORPHANED] = "orphaned"
    };
    return of_table(words, COUNT(words), value);
}

/* ---- fields ---- */

enum type { ID, WORD, BYTE, NUMBER, STATUS, WIDE }; /* WORD and BYTE: 1 byte; NUMBER and STATUS: 4; WIDE: 8 */

struct field {
    const char *key;
    enum type type;
    size_t offset;
    enum tr_kind kind;             /* ID */
    const char *(*word)(unsigned); /* WORD */
};

#define EVENT(member)  offsetof(struct pol_event, member)
#define ACTION(member) offsetof(struct pol_action, member)

static const struct field event_fields[] = {
    { "client", ID, EVENT(client), TR_CLIENT, NULL },
    { "link", ID, EVENT(link), TR_LINK, NULL },
    { "call", ID, EVENT(call), TR_CALL, NULL },
    { "listener", NUMBER, EVENT(listener), 0, NULL },
    { "server", NUMBER, EVENT(server), 0, NULL },
    { "member", NUMBER, EVENT(member), 0, NULL },
    { "on", WORD, EVENT(on), 0, flag_name },
    { "ours", WORD, EVENT(ours), 0, flag_name },
    { "address", WIDE, EVENT(identity.low), 0, NULL },
    { "level", BYTE, EVENT(level), 0, NULL },
    { "group", NUMBER, EVENT(group), 0, NULL },
    { "rule", NUMBER, EVENT(rule), 0, NULL },
    { "silent", WORD, EVENT(silent), 0, flag_name },
    { "status", STATUS, EVENT(status), 0, NULL },
    { "error", NUMBER, EVENT(error), 0, NULL },
    { "how", WORD, EVENT(how), 0, how_name },
    { "alter", WORD, EVENT(alter), 0, flag_name },
    { "maybe", WORD, EVENT(maybe), 0, flag_name },
    { "cut", WORD, EVENT(cut), 0, flag_name },
    { "orphaned", WORD, EVENT(orphaned), 0, flag_name },
    { "room", WORD, EVENT(room), 0, flag_name },
    { "accepted", WORD, EVENT(accepted), 0, flag_name },
    { "keeps", WORD, EVENT(keeps), 0, flag_name },
    { "first-done", WORD, EVENT(first_done), 0, flag_name },
    { "last-done", WORD, EVENT(last_done), 0, flag_name },
    { "fault", WORD, EVENT(fault), 0, flag_name },
    { "dne", WORD, EVENT(dne), 0, flag_name },
    { "offer", NUMBER, EVENT(offer), 0, NULL },
    { "presentation", NUMBER, EVENT(presentation), 0, NULL },
    { "opnum", NUMBER, EVENT(opnum), 0, NULL },
    { "carried", WIDE, EVENT(carried.low), 0, NULL },
    { "alone", WORD, EVENT(alone), 0, flag_name },
    { "kept", WORD, EVENT(kept), 0, flag_name },
    { "idempotent", WORD, EVENT(idempotent), 0, flag_name },
    { "whole-only", WORD, EVENT(whole_only), 0, flag_name },
    { "multiplex", WORD, EVENT(multiplex), 0, flag_name },
    { "unlearned", WORD, EVENT(unlearned), 0, flag_name },
    { "differs", WORD, EVENT(differs), 0, flag_name },
};

static const struct field action_fields[] = {
    { "client", ID, ACTION(client), TR_CLIENT, NULL },
    { "link", ID, ACTION(link), TR_LINK, NULL },
    { "call", ID, ACTION(call), TR_CALL, NULL },
    { "listener", NUMBER, ACTION(listener), 0, NULL },
    { "member", NUMBER, ACTION(member), 0, NULL },
    { "status", STATUS, ACTION(status), 0, NULL },
    { "delay", NUMBER, ACTION(delay), 0, NULL },
    { "dne", WORD, ACTION(dne), 0, flag_name },
    { "ack", WORD, ACTION(ack), 0, flag_name },
    { "say", WORD, ACTION(farewell), 0, farewell_name },
    { "on", WORD, ACTION(on), 0, flag_name },
    { "with", WORD, ACTION(reset), 0, with_name },
    { "when", WORD, ACTION(when), 0, when_name },
    { "reason", WORD, ACTION(reason), 0, pol_reason_name },
    { "ending", WORD, ACTION(ending), 0, pol_ending_name },
    { "proof", WORD, ACTION(proof), 0, pol_proof_name },
    { "offer", NUMBER, ACTION(offer), 0, NULL },
    { "presentation", NUMBER, ACTION(presentation), 0, NULL },
    { "group", NUMBER, ACTION(group), 0, NULL },
    { "alter", WORD, ACTION(alter), 0, flag_name },
    { "replay", WORD, ACTION(replay), 0, flag_name },
    { "may-have-run", WORD, ACTION(may_have_run), 0, flag_name },
};

static_assert(sizeof(bool) == 1 && sizeof(int) == 4, "fields are read and written by their size");

/* The keys of each kind, in the order in which they are shown; those with a question mark may be left out and then
 * stand for 0, `no` or no object. */
static const char *const event_keys[] = {
    [POL_TICK] = "",
    [POL_CLIENT_OPENED] = "client listener? address? carried?",
    [POL_CLIENT_BIND] = "client level? group? alter? offer? multiplex? unlearned?",
    [POL_AUTH_LEG] = "client",
    [POL_CALL_BEGIN] = "client call level? maybe? rule? opnum? presentation? alone? kept? idempotent? whole-only?",
    [POL_CLIENT_CONTROL] = "client call? orphaned?",
    [POL_CLIENT_STRAY] = "client",
    [POL_CLIENT_END] = "client how cut?",
    [POL_CLIENT_GONE] = "client",
    [POL_CLIENT_OWES] = "client on",
    [POL_CREDIT] = "client? link? room",
    [POL_DIALLED] = "link error ours?",
    [POL_PRESENTS] = "link presentation",
    [POL_BOUND] = "link accepted group? keeps? multiplex? differs?",
    [POL_ACCEPTED] = "call first-done last-done",
    [POL_ANSWER_BEGIN] = "call fault? status? dne?",
    [POL_ANSWER_END] = "call fault?",
    [POL_PROGRESS] = "call",
    [POL_CALLBACK_DOWN] = "link",
    [POL_CALLBACK_UP] = "client",
    [POL_LINK_STRAY] = "link fault? status?",
    [POL_LIVENESS] = "link silent",
    [POL_LINK_END] = "link how",
    [POL_LINK_GONE] = "link",
    [POL_CHECKED] = "member error",
    [POL_SERVER_DRAIN] = "server? on",
    [POL_CALL_CANCEL] = "call",
    [POL_DRAIN] = "",
};
static_assert(COUNT(event_keys) == POL_EVENT_KINDS, "keys for each event");

static const char *const action_keys[] = {
    [POL_PASS] = "call? client? link? group? may-have-run?",
    [POL_SWALLOW] = "call? link?",
    [POL_LEASE] = "call client link",
    [POL_HOLD] = "client",
    [POL_PAUSE] = "client? link?",
    [POL_RESUME] = "client? link?",
    [POL_DIAL] = "link member client?",
    [POL_OWN] = "client link",
    [POL_BIND] = "link client? offer? presentation? alter? group? replay?",
    [POL_ANSWER_BIND] = "client ack offer? group?",
    [POL_FAULT] = "call client status dne",
    [POL_END_INPUT] = "link",
    [POL_CLOSE] = "client? link? with when delay? reason",
    [POL_LISTEN_OFF] = "listener",
    [POL_LISTEN_ON] = "listener",
    [POL_AGAIN] = "call proof",
    [POL_END] = "call ending proof",
    [POL_ABANDON] = "call link ending say",
    [POL_RELEASE] = "call",
    [POL_PROBE] = "client? link? on",
    [POL_MEMBER] = "member on",
    [POL_CHECK] = "member on",
};
static_assert(COUNT(action_keys) == POL_ACTION_KINDS, "keys for each action");

/* ---- reading ---- */

struct reader {
    const struct tr_line *line;
    struct tr_names *names;
    const struct field *fields;
    size_t field_count;
    struct tr_failure *failure;
};

static bool fail(const struct reader *r, unsigned column, const char *what, const char *word)
{
    return tr_fail(r->failure, r->line->number, column, "%s '%s'", what, word);
}

static const struct field *field_of(const struct reader *r, const char *key, size_t length)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (strlen(r->fields[i].key) == length && strncmp(r->fields[i].key, key, length) == 0)
            return &r->fields[i];
    return NULL;
}

/* Is `key` one of `keys`, and may it be left out? */
static bool has_key(const char *keys, const char *key, bool *optional)
{
    size_t length = strlen(key);
    for (const char *at = keys; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        bool question = at[word - 1] == '?';
        if (word - question == length && strncmp(at, key, length) == 0) {
            *optional = question;
            return true;
        }
        at += word;
    }
    return false;
}

static bool read_word(const struct field *field, const char *value, uint8_t *out)
{
    const char *word;
    for (unsigned i = 0; (word = field->word(i)) != NULL; i++) {
        if (strcmp(word, value) != 0)
            continue;
        *out = (uint8_t)i;
        return true;
    }
    return false;
}

static bool read_value(const struct reader *r, const struct field *field, const char *value, unsigned column,
                       void *object)
{
    unsigned char *out = (unsigned char *)object + field->offset;
    unsigned long long number = 0;
    const struct pol_id *id = field->type == ID ? tr_name_find(r->names, field->kind, value) : NULL;
    if (field->type == ID && !id)
        return fail(r, column, "nothing has the name", value);
    if (id)
        memcpy(out, id, sizeof *id);
    else if (field->type == WORD && !read_word(field, value, out))
        return fail(r, column, "no word for this key:", value);
    else if (field->type != WORD && !tr_number(value,
                                               field->type == BYTE   ? UINT8_MAX
                                               : field->type == WIDE ? UINT64_MAX
                                                                     : UINT32_MAX,
                                               &number))
        return fail(r, column, "no number:", value);
    if (field->type == BYTE)
        *out = (uint8_t)number;
    else if (field->type == NUMBER || field->type == STATUS)
        memcpy(out, &(uint32_t){ (uint32_t)number }, sizeof(uint32_t));
    else if (field->type == WIDE)
        memcpy(out, &(uint64_t){ number }, sizeof(uint64_t));
    return true;
}

static bool read_pair(const struct reader *r, const struct tr_word *word, const char *keys, uint64_t *seen,
                      void *object)
{
    const char *equals = strchr(word->text, '=');
    if (!equals)
        return fail(r, word->column, "no key=value:", word->text);
    bool optional;
    const struct field *field = field_of(r, word->text, (size_t)(equals - word->text));
    if (!field || !has_key(keys, field->key, &optional))
        return fail(r, word->column, "it has no such key:", word->text);
    uint64_t bit = UINT64_C(1) << (field - r->fields);
    if (*seen & bit)
        return fail(r, word->column, "given twice:", word->text);
    *seen |= bit;
    return read_value(r, field, equals + 1, word->column + (unsigned)(equals - word->text) + 1, object);
}

static bool read_pairs(const struct reader *r, unsigned from, const char *keys, void *object)
{
    uint64_t seen = 0;
    for (unsigned i = from; i < r->line->count; i++)
        if (!read_pair(r, &r->line->words[i], keys, &seen, object))
            return false;
    for (size_t i = 0; i < r->field_count; i++) {
        bool optional = false;
        if (has_key(keys, r->fields[i].key, &optional) && !optional && !(seen & UINT64_C(1) << i))
            return fail(r, r->line->words[from - 1].column, "it lacks the key", r->fields[i].key);
    }
    return true;
}

static bool read_name(const struct reader *r, unsigned at, const char *(*name)(unsigned), uint8_t *kind)
{
    if (at >= r->line->count)
        return tr_fail(r->failure, r->line->number, 1, "nothing follows");
    struct field field = { .word = name };
    return read_word(&field, r->line->words[at].text, kind) ||
           fail(r, r->line->words[at].column, "nothing is called", r->line->words[at].text);
}

/* The value of `key` on this line, or NULL. */
static const struct tr_word *find_key(const struct tr_line *line, const char *key)
{
    size_t length = strlen(key);
    for (unsigned i = 0; i < line->count; i++)
        if (strncmp(line->words[i].text, key, length) == 0 && line->words[i].text[length] == '=')
            return &line->words[i];
    return NULL;
}

static bool make_name(const struct reader *r, const char *key, enum tr_kind kind)
{
    const struct tr_word *word = find_key(r->line, key);
    if (!word)
        return true; /* will be missed with the other keys */
    const char *name = strchr(word->text, '=') + 1;
    if (tr_name_find(r->names, kind, name))
        return fail(r, word->column, "the name is taken:", name);
    return tr_name_new(r->names, kind, name) || fail(r, word->column, "the table is full:", name);
}

static const struct pol_id none = { POL_NONE, 0 };

bool tr_event_read(const struct tr_line *line, unsigned from, struct tr_names *names, struct pol_event *event,
                   struct tr_failure *failure)
{
    struct reader r = { line, names, event_fields, COUNT(event_fields), failure };
    *event = (struct pol_event){ .client = none, .link = none, .call = none };
    if (!read_name(&r, from, pol_event_name, &event->kind))
        return false;
    if (event->kind == POL_CLIENT_OPENED && !make_name(&r, "client", TR_CLIENT))
        return false;
    if (event->kind == POL_CALL_BEGIN && !make_name(&r, "call", TR_CALL))
        return false;
    return read_pairs(&r, from + 1, event_keys[event->kind], event);
}

bool tr_action_read(const struct tr_line *line, unsigned from, struct tr_names *names,
                    const struct pol_action *actual, struct pol_action *action, struct tr_failure *failure)
{
    struct reader r = { line, names, action_fields, COUNT(action_fields), failure };
    *action = (struct pol_action){ .client = none, .link = none, .call = none };
    if (!read_name(&r, from, pol_action_name, &action->kind))
        return false;
    const struct tr_word *link = find_key(line, "link");
    if (action->kind == POL_DIAL && link && !tr_name_find(names, TR_LINK, link->text + strlen("link=")))
        tr_name_bind(names, TR_LINK, link->text + strlen("link="),
                     actual && actual->kind == POL_DIAL ? actual->link : none);
    return read_pairs(&r, from + 1, action_keys[action->kind], action);
}

/* ---- writing ---- */

static bool is_nothing(const struct field *field, const unsigned char *at)
{
    static const unsigned char zeros[8];
    static const size_t sizes[] = { [WORD] = 1, [BYTE] = 1, [NUMBER] = 4, [STATUS] = 4, [WIDE] = 8 };
    if (field->type == ID)
        return ((const struct pol_id *)(const void *)at)->index == POL_NONE;
    return memcmp(at, zeros, sizes[field->type]) == 0;
}

static void write_value(const struct field *field, const struct tr_names *names, const unsigned char *at, char *out,
                        size_t size)
{
    struct pol_id id;
    uint32_t number;
    switch (field->type) {
    case ID:
        memcpy(&id, at, sizeof id);
        snprintf(out, size, " %s=%s", field->key, tr_name_of(names, field->kind, id));
        break;
    case WORD:
        snprintf(out, size, " %s=%s", field->key, field->word(*at));
        break;
    default:
        memcpy(&number, at, sizeof number);
        snprintf(out, size, field->type == STATUS ? " %s=0x%08x" : " %s=%u", field->key, number);
    }
}

void tr_action_write(const struct pol_action *action, const struct tr_names *names, char *out, size_t size)
{
    snprintf(out, size, "%s", pol_action_name(action->kind));
    for (const char *key = action_keys[action->kind]; *key; key += strspn(key, " ")) {
        size_t word = strcspn(key, " ");
        bool optional = key[word - 1] == '?';
        struct reader r = { .fields = action_fields, .field_count = COUNT(action_fields) };
        const struct field *field = field_of(&r, key, word - optional);
        const unsigned char *at = (const unsigned char *)action + field->offset;
        size_t length = strlen(out);
        if (!optional || !is_nothing(field, at))
            write_value(field, names, at, out + length, size - length);
        key += word;
    }
}
