/* Bytes of a stream to whole PDUs. */
#ifndef DIS_FRAME_H
#define DIS_FRAME_H

#include "pdu.h"

enum dis_frame_status { DIS_FRAME_DONE, DIS_FRAME_MORE, DIS_FRAME_BAD };

struct dis_frame {
    enum dis_frame_status status;
    size_t length;          /* DONE: bytes of the PDU. MORE: bytes known to be needed in all, at least */
    struct dis_error error; /* BAD: what is wrong, and where from the start of `bytes` */
};

/* Looks at the first PDU of `bytes`. Bad is only what leaves the rest of the stream unreadable: a version
 * other than 5, a frag_length below the header's own size. Everything else is for the receiver to judge. A
 * first byte that is wrong is told at once; nothing waits for a header that cannot come. */
struct dis_frame dis_frame_next(const uint8_t *bytes, size_t length);

#endif
