/* Session messages (RFC 1002 4.3.1, MS-SMB2 2.1) to SMB messages; the handles and requests of a connection. */
#include "smb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOLATILE_AT = 8, VOLATILE_SIZE = 8 };
enum { SESSION_HEADER = 4, MOST_KEPT = 0x14000 }; /* a pipe's read or write carries 64 KiB at most, and headers */

/* A handle that was opened, or on which PDUs were seen. */
struct pipe {
    struct pipe *next;
    struct dis_smb_handle handle;
    char name[DIS_PIPE_NAME];
    bool opened; /* in this capture */
    struct dis_reader readers[2];
    struct dis_conversation *conversation; /* NULL: no PDU yet */
};

struct dis_smb {
    struct dis_news *news;
    const struct dis_conversation *connection;
    struct dis_smb_counts *counts;
    struct dis_reader readers[2];
    struct pipe *pipes; /* the one opened last is first */
    unsigned pipe_count;
    struct dis_smb_request *requests; /* a ring */
    unsigned request_room, request_first, request_count;
    uint32_t trees[DIS_SMB_TREES_MOST];
    unsigned tree_count, tree_next;
};

/* ---- session messages ---- */

/* Types 0x81 to 0x85 open a session over NetBIOS and keep it alive; their lengths are short. */
static bool is_credible(const uint8_t *b)
{
    return b[0] == 0 || (b[0] >= 0x81 && b[0] <= 0x85 && b[1] <= 1);
}

static size_t length_of(const uint8_t *b)
{
    return SESSION_HEADER + ((size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3]);
}

/* 0xff 'SMB', 0xfe of version 2 and 3, 0xfd encrypted, 0xfc compressed. */
static bool is_sure(const uint8_t *b, size_t length)
{
    return length >= 8 && b[0] == 0 && b[4] >= 0xfc && memcmp(b + 5, "SMB", 3) == 0;
}

const struct dis_framing dis_smb_framing = {
    .header = SESSION_HEADER,
    .most = MOST_KEPT,
    .is_credible = is_credible,
    .length = length_of,
    .is_sure = is_sure,
};

/* ---- requests ---- */

static struct dis_smb_request *request_at(struct dis_smb *smb, unsigned i)
{
    return &smb->requests[(smb->request_first + i) % smb->request_room];
}

static bool grow_requests(struct dis_smb *smb)
{
    unsigned room = smb->request_room == 0 ? 8 : 2 * smb->request_room;
    struct dis_smb_request *grown = calloc(room, sizeof(*grown));
    if (grown == NULL)
        return false;
    for (unsigned i = 0; i < smb->request_count; i++)
        grown[i] = *request_at(smb, i);
    free(smb->requests);
    smb->requests = grown;
    smb->request_room = room;
    smb->request_first = 0;
    return true;
}

static void forget_first(struct dis_smb *smb)
{
    smb->request_first = (smb->request_first + 1) % smb->request_room;
    smb->request_count--;
}

struct dis_smb_request *dis_smb_remember(struct dis_smb *smb, const uint8_t key[8], uint8_t command)
{
    if (smb->request_count == smb->request_room &&
        (smb->request_room >= DIS_SMB_REQUESTS_MOST || !grow_requests(smb))) {
        if (smb->request_count == 0)
            return NULL;
        smb->counts->forgotten += request_at(smb, 0)->open;
        forget_first(smb);
    }
    struct dis_smb_request *request = request_at(smb, smb->request_count++);
    *request = (struct dis_smb_request){ .open = true, .command = command };
    memcpy(request->key, key, sizeof(request->key));
    return request;
}

struct dis_smb_request *dis_smb_recall(struct dis_smb *smb, const uint8_t key[8], uint8_t command)
{
    while (smb->request_count > 0 && !request_at(smb, 0)->open)
        forget_first(smb);
    for (unsigned i = 0; i < smb->request_count; i++) {
        struct dis_smb_request *request = request_at(smb, i);
        if (request->open && request->command == command && memcmp(request->key, key, sizeof(request->key)) == 0) {
            request->open = false;
            return request;
        }
    }
    return NULL;
}

/* ---- handles ---- */

/* The volatile half names an open, the other one says which it was before a reconnection (MS-SMB2 2.2.14.1). */
static struct pipe **find_pipe(struct dis_smb *smb, const struct dis_smb_handle *handle)
{
    for (struct pipe **link = &smb->pipes; *link != NULL; link = &(*link)->next)
        if (memcmp((*link)->handle.bytes + VOLATILE_AT, handle->bytes + VOLATILE_AT, VOLATILE_SIZE) == 0)
            return link;
    return NULL;
}

static void remove_pipe(struct dis_smb *smb, struct pipe **link, enum dis_ending ending)
{
    struct pipe *pipe = *link;
    *link = pipe->next;
    smb->pipe_count--;
    if (pipe->conversation != NULL)
        dis_conversation_end(pipe->conversation, ending);
    dis_reader_free(&pipe->readers[0]);
    dis_reader_free(&pipe->readers[1]);
    free(pipe);
}

static void forget_oldest(struct dis_smb *smb)
{
    for (struct pipe **link = &smb->pipes; *link != NULL; link = &(*link)->next)
        if ((*link)->next == NULL) {
            smb->counts->forgotten++;
            remove_pipe(smb, link, DIS_END_FORGOTTEN);
            return;
        }
}

static struct pipe *add_pipe(struct dis_smb *smb, const struct dis_smb_handle *handle)
{
    if (smb->pipe_count == DIS_SMB_HANDLES_MOST)
        forget_oldest(smb);
    struct pipe *pipe = calloc(1, sizeof(*pipe));
    if (pipe == NULL)
        return NULL;
    pipe->handle = *handle;
    pipe->next = smb->pipes;
    smb->pipes = pipe;
    smb->pipe_count++;
    for (unsigned way = 0; way < 2; way++)
        pipe->readers[way].framing = &dis_pdu_framing;
    return pipe;
}

void dis_smb_opened(struct dis_smb *smb, const struct dis_smb_handle *handle, const char *name)
{
    struct pipe **old = find_pipe(smb, handle);
    if (old != NULL)
        remove_pipe(smb, old, DIS_END_CLOSED);
    struct pipe *pipe = add_pipe(smb, handle);
    if (pipe == NULL)
        return;
    pipe->opened = true;
    snprintf(pipe->name, sizeof(pipe->name), "%s", name);
}

void dis_smb_closed(struct dis_smb *smb, const struct dis_smb_handle *handle)
{
    struct pipe **link = find_pipe(smb, handle);
    if (link != NULL)
        remove_pipe(smb, link, DIS_END_CLOSED);
}

static void format_handle(const struct dis_smb_handle *handle, enum dis_transport version, char text[DIS_PIPE_TEXT])
{
    struct dis_cursor c = dis_cursor_over(handle->bytes, sizeof(handle->bytes), false);
    struct dis_uuid uuid = dis_read_uuid(&c, "handle");
    if (version == DIS_OVER_SMB2)
        dis_uuid_format(&uuid, text);
    else
        snprintf(text, DIS_PIPE_TEXT, "0x%04x", (unsigned)(handle->bytes[15] << 8 | handle->bytes[14]));
}

static struct dis_conversation *new_conversation(struct dis_smb *smb, struct pipe *pipe, enum dis_transport version)
{
    struct dis_conversation *c = dis_conversation_new(smb->news);
    if (c == NULL)
        return NULL;
    c->transport = version;
    c->stream = smb->connection->stream;
    c->wire = smb->connection->wire;
    for (unsigned i = 0; i < 2; i++) {
        c->end[i] = smb->connection->end[i];
        c->begins[i] = pipe->opened;
        pipe->readers[i].lost = !pipe->opened;
    }
    format_handle(&pipe->handle, version, c->pipe);
    memcpy(c->pipe_name, pipe->name, sizeof(c->pipe_name));
    return c;
}

/* Where the PDUs of a pipe go. */
struct way_of {
    struct dis_conversation *conversation;
    unsigned way;
};

static void take_pdu(void *context, const struct dis_found *found)
{
    const struct way_of *to = context;
    dis_conversation_take(to->conversation, to->way, found);
}

void dis_smb_data(struct dis_smb *smb, const struct dis_smb_handle *handle, enum dis_transport version,
                  const struct dis_smb_view *m, size_t at, size_t length)
{
    if (at > m->length + m->missing || length > m->length + m->missing - at || at >= m->length || length == 0)
        return;
    size_t here = length < m->length - at ? length : m->length - at;
    struct pipe **link = find_pipe(smb, handle);
    struct pipe *pipe = link != NULL ? *link : NULL;
    if (pipe == NULL || pipe->conversation == NULL) {
        if (!dis_pdu_framing.is_sure(m->bytes + at, here))
            return;
        if (pipe == NULL)
            pipe = add_pipe(smb, handle);
        if (pipe != NULL)
            pipe->conversation = new_conversation(smb, pipe, version);
        if (pipe == NULL || pipe->conversation == NULL)
            return;
    }
    struct way_of to = { pipe->conversation, m->way };
    dis_reader_bytes(&pipe->readers[m->way], m->bytes + at, here, m->place, take_pdu, &to);
    if (here < length)
        dis_reader_missing(&pipe->readers[m->way], length - here, m->place, take_pdu, &to);
}

void dis_smb_name(const struct dis_smb_view *m, size_t at, size_t length, bool wide, char name[DIS_PIPE_NAME])
{
    size_t step = wide ? 2 : 1;
    size_t n = 0;
    for (; length >= step && at + step <= m->length && n < DIS_PIPE_NAME - 1; at += step, length -= step) {
        unsigned c = wide ? dis_smb_u16(m, at) : m->bytes[at];
        if (c == 0)
            break;
        if (n > 0 || c != '\\')
            name[n++] = c > 0x20 && c < 0x7f ? (char)c : '?';
    }
    name[n] = '\0';
}

/* ---- trees ---- */

bool dis_smb_is_file_tree(const struct dis_smb *smb, uint32_t tree)
{
    for (unsigned i = 0; i < smb->tree_count; i++)
        if (smb->trees[i] == tree)
            return true;
    return false;
}

void dis_smb_tree(struct dis_smb *smb, uint32_t tree, bool no_pipes)
{
    for (unsigned i = 0; i < smb->tree_count; i++)
        if (smb->trees[i] == tree) {
            if (!no_pipes)
                smb->trees[i] = smb->trees[--smb->tree_count];
            return;
        }
    if (!no_pipes)
        return;
    if (smb->tree_count < DIS_SMB_TREES_MOST)
        smb->trees[smb->tree_count++] = tree;
    else
        smb->trees[smb->tree_next++ % DIS_SMB_TREES_MOST] = tree;
}

/* ---- the connection ---- */

struct dis_smb *dis_smb_new(struct dis_news *news, const struct dis_conversation *connection,
                            struct dis_smb_counts *counts)
{
    struct dis_smb *smb = calloc(1, sizeof(*smb));
    if (smb == NULL)
        return NULL;
    smb->news = news;
    smb->connection = connection;
    smb->counts = counts;
    for (unsigned way = 0; way < 2; way++)
        smb->readers[way] = (struct dis_reader){ .framing = &dis_smb_framing, .lost = !connection->begins[way] };
    return smb;
}

struct message_of {
    struct dis_smb *smb;
    unsigned way;
};

static void take_message(void *context, const struct dis_found *found)
{
    const struct message_of *of = context;
    struct dis_smb_view m = { found->bytes, found->length, found->missing, of->way, found->last };
    if (m.length < 8 || m.bytes[0] != 0)
        return;
    m.bytes += SESSION_HEADER;
    m.length -= SESSION_HEADER;
    of->smb->counts->messages++;
    if (memcmp(m.bytes, "\xffSMB", 4) == 0)
        dis_smb1_take(of->smb, &m);
    else if (memcmp(m.bytes, "\xfeSMB", 4) == 0)
        dis_smb2_take(of->smb, &m);
    else if (memcmp(m.bytes, "\xfdSMB", 4) == 0)
        of->smb->counts->encrypted++;
    else if (memcmp(m.bytes, "\xfcSMB", 4) == 0)
        of->smb->counts->compressed++;
}

void dis_smb_bytes(struct dis_smb *smb, unsigned way, const uint8_t *bytes, size_t length, struct dis_place place)
{
    struct message_of of = { smb, way };
    dis_reader_bytes(&smb->readers[way], bytes, length, place, take_message, &of);
}

/* What is missing may have been of any pipe. */
static void gap_in_pipes(struct dis_smb *smb, unsigned way, struct dis_place place)
{
    for (struct pipe *pipe = smb->pipes; pipe != NULL; pipe = pipe->next) {
        struct way_of to = { pipe->conversation, way };
        if (pipe->conversation == NULL)
            continue;
        dis_conversation_gap(pipe->conversation, way);
        if (pipe->readers[way].at > 0)
            dis_reader_missing(&pipe->readers[way], SIZE_MAX, place, take_pdu, &to);
    }
}

void dis_smb_missing(struct dis_smb *smb, unsigned way, size_t length, bool cut, struct dis_place place)
{
    struct message_of of = { smb, way };
    uint32_t losses = smb->readers[way].losses;
    dis_reader_missing(&smb->readers[way], length, place, take_message, &of);
    if (!cut || smb->readers[way].losses != losses)
        gap_in_pipes(smb, way, place);
}

void dis_smb_end(struct dis_smb *smb, enum dis_ending ending)
{
    while (smb->pipes != NULL)
        remove_pipe(smb, &smb->pipes, ending);
    dis_reader_free(&smb->readers[0]);
    dis_reader_free(&smb->readers[1]);
    free(smb->requests);
    free(smb);
}
