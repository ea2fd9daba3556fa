/* SMB2 and SMB3 messages (MS-SMB2 2.2): what carries a pipe's bytes, and what names its handle. */
#include <string.h>

#include "smb.h"

enum { HEADER = 64 };
enum { TREE_CONNECT = 3, TREE_DISCONNECT = 4, CREATE = 5, CLOSE = 6, READ = 8, WRITE = 9, IOCTL = 11 };
enum { IS_RESPONSE = 1, IS_ASYNC = 2 };
#define PIPE_TRANSCEIVE 0x0011c017u /* MS-FSCC 2.3 */
#define BUFFER_OVERFLOW 0x80000005u /* a pipe's message is longer than the read: there are data */

/* One of the messages that may be chained in one. */
struct one {
    struct dis_smb_view m;
    const uint8_t *key; /* MessageId */
    uint32_t status;
    uint32_t flags;
    struct dis_smb_handle *chained; /* the handle that the ones before it were about */
};

/* The handle at an offset of the body. All ones: that of the message before in the chain (MS-SMB2 3.3.5.2.7.2). */
static struct dis_smb_handle handle_at(const struct one *o, size_t at)
{
    static const struct dis_smb_handle same = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                  0xff, 0xff, 0xff, 0xff, 0xff } };
    struct dis_smb_handle handle = { { 0 } };
    if (o->m.length >= HEADER + at + sizeof(handle))
        memcpy(&handle, o->m.bytes + HEADER + at, sizeof(handle));
    if (memcmp(&handle, &same, sizeof(same)) == 0)
        return *o->chained;
    *o->chained = handle;
    return handle;
}

static bool has_data(const struct one *o)
{
    return o->status == 0 || o->status == BUFFER_OVERFLOW;
}

static void remember_handle(struct dis_smb *smb, const struct one *o, uint8_t command, size_t at)
{
    struct dis_smb_request *request = dis_smb_remember(smb, o->key, command);
    if (request != NULL)
        request->handle = handle_at(o, at);
}

/* MS-SMB2 2.2.13, 2.2.14 */
static void take_create(struct dis_smb *smb, const struct one *o)
{
    if ((o->flags & IS_RESPONSE) == 0) {
        struct dis_smb_request *request = dis_smb_remember(smb, o->key, CREATE);
        if (request != NULL)
            dis_smb_name(&o->m, dis_smb_u16(&o->m, HEADER + 44), dis_smb_u16(&o->m, HEADER + 46), true,
                         request->name);
        return;
    }
    struct dis_smb_request *request = dis_smb_recall(smb, o->key, CREATE);
    if (request == NULL || o->status != 0 || o->m.length < HEADER + 80)
        return;
    struct dis_smb_handle handle = handle_at(o, 64);
    dis_smb_opened(smb, &handle, request->name);
}

/* MS-SMB2 2.2.15 */
static void take_close(struct dis_smb *smb, const struct one *o)
{
    if ((o->flags & IS_RESPONSE) == 0) {
        remember_handle(smb, o, CLOSE, 8);
        return;
    }
    struct dis_smb_request *request = dis_smb_recall(smb, o->key, CLOSE);
    if (request != NULL && o->status == 0)
        dis_smb_closed(smb, &request->handle);
}

/* MS-SMB2 2.2.19, 2.2.20. Without the request the handle is not known: such reads share one, of zeros. */
static void take_read(struct dis_smb *smb, const struct one *o)
{
    if ((o->flags & IS_RESPONSE) == 0) {
        remember_handle(smb, o, READ, 16);
        return;
    }
    struct dis_smb_handle handle = { { 0 } };
    const struct dis_smb_request *request = dis_smb_recall(smb, o->key, READ);
    if (request != NULL)
        handle = request->handle;
    if (has_data(o) && o->m.length > HEADER + 16)
        dis_smb_data(smb, &handle, DIS_OVER_SMB2, &o->m, o->m.bytes[HEADER + 2], dis_smb_u32(&o->m, HEADER + 4));
}

/* MS-SMB2 2.2.21 */
static void take_write(struct dis_smb *smb, const struct one *o)
{
    if ((o->flags & IS_RESPONSE) != 0)
        return;
    struct dis_smb_handle handle = handle_at(o, 16);
    dis_smb_data(smb, &handle, DIS_OVER_SMB2, &o->m, dis_smb_u16(&o->m, HEADER + 2), dis_smb_u32(&o->m, HEADER + 4));
}

/* MS-SMB2 2.2.31, 2.2.32: the request's data are its input, the response's its output. */
static void take_ioctl(struct dis_smb *smb, const struct one *o)
{
    if (dis_smb_u32(&o->m, HEADER + 4) != PIPE_TRANSCEIVE)
        return;
    struct dis_smb_handle handle = handle_at(o, 8);
    bool response = (o->flags & IS_RESPONSE) != 0;
    if (response && !has_data(o))
        return;
    size_t at = HEADER + (response ? 32u : 24u);
    dis_smb_data(smb, &handle, DIS_OVER_SMB2, &o->m, dis_smb_u32(&o->m, at), dis_smb_u32(&o->m, at + 4));
}

/* MS-SMB2 2.2.10: share type 2 is for pipes. */
static void take_tree(struct dis_smb *smb, const struct one *o, uint32_t tree)
{
    if ((o->flags & IS_RESPONSE) != 0 && o->status == 0 && o->m.length > HEADER + 2)
        dis_smb_tree(smb, tree, o->m.bytes[HEADER + 2] != 2);
}

static void take_one(struct dis_smb *smb, const struct one *o)
{
    enum { PENDING = 0x103 }; /* an interim response: the real one comes later (MS-SMB2 3.3.4.4) */
    uint32_t tree = dis_smb_u32(&o->m, 36);
    uint16_t command = dis_smb_u16(&o->m, 12);
    bool async = (o->flags & IS_ASYNC) != 0;
    if ((o->flags & IS_RESPONSE) != 0 && o->status == PENDING)
        return;
    if (command == TREE_CONNECT && !async)
        take_tree(smb, o, tree);
    else if (command == TREE_DISCONNECT && !async)
        dis_smb_tree(smb, tree, false);
    else if (!async && dis_smb_is_file_tree(smb, tree))
        return;
    else if (command == CREATE)
        take_create(smb, o);
    else if (command == CLOSE)
        take_close(smb, o);
    else if (command == READ)
        take_read(smb, o);
    else if (command == WRITE)
        take_write(smb, o);
    else if (command == IOCTL)
        take_ioctl(smb, o);
}

void dis_smb2_take(struct dis_smb *smb, const struct dis_smb_view *m)
{
    struct dis_smb_handle chained = { { 0 } };
    struct dis_smb_view rest = *m;
    while (rest.length >= HEADER) {
        uint32_t next = dis_smb_u32(&rest, 20);
        bool more = next >= HEADER && next < rest.length;
        struct one o = {
            .m = rest,
            .key = rest.bytes + 24,
            .status = dis_smb_u32(&rest, 8),
            .flags = dis_smb_u32(&rest, 16),
            .chained = &chained,
        };
        if (more) {
            o.m.length = next;
            o.m.missing = 0;
        }
        take_one(smb, &o);
        if (!more)
            return;
        rest.bytes += next;
        rest.length -= next;
    }
}
