/* UUIDs and syntax identities (C706 appendix A; a syntax is a UUID with a version, C706 12.6.3.1). */
#ifndef DIS_UUID_H
#define DIS_UUID_H

#include "cursor.h"

#define DIS_UUID_TEXT 37u /* 36 characters and the NUL */

/* In the order in which the text form is read, whatever the sender's byte order was. */
struct dis_uuid {
    uint8_t bytes[16];
};

struct dis_syntax {
    struct dis_uuid uuid;
    uint16_t major;
    uint16_t minor;
};

extern const struct dis_syntax dis_ndr;   /* 8a885d04-1ceb-11c9-9fe8-08002b104860 v2.0 (C706 app. I) */
extern const struct dis_syntax dis_ndr64; /* 71710533-beba-4937-8319-b5dbef9ccc36 v1.0 (MS-RPCE 2.2.4.12) */

struct dis_uuid dis_read_uuid(struct dis_cursor *c, const char *what);
struct dis_syntax dis_read_syntax(struct dis_cursor *c, const char *what);

bool dis_uuid_equal(const struct dis_uuid *a, const struct dis_uuid *b);
bool dis_uuid_is_nil(const struct dis_uuid *a);
bool dis_syntax_equal(const struct dis_syntax *a, const struct dis_syntax *b);

/* Writes the lower-case text form with its NUL; returns `text`. */
char *dis_uuid_format(const struct dis_uuid *uuid, char text[DIS_UUID_TEXT]);

/* Accepts exactly the 36-character form, in either case. */
bool dis_uuid_parse(const char *text, struct dis_uuid *uuid);

#endif
