/* Whole PDUs of any content: everything a decoded one points to lies inside it, and it can be printed. */
#include "pdu.h"
#include "text.h"

#include "fuzz.h"
#include "json.h"

static void check_inside(const struct dis_pdu *pdu, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    if (length == 0)
        return;
    CHECK(from >= pdu->bytes && from + length <= pdu->bytes + pdu->header.frag_length);
}

static void check_stub(const struct dis_pdu *pdu, const uint8_t *stub, size_t length)
{
    check_inside(pdu, stub, length);
    if (pdu->auth.value != NULL && length != 0)
        CHECK(stub + length + pdu->auth.pad + DIS_AUTH_TRAILER_SIZE == pdu->auth.value);
}

static void check_pointers(const struct dis_pdu *pdu)
{
    check_inside(pdu, pdu->auth.value, pdu->auth.length);
    CHECK((pdu->auth.value != NULL) == (pdu->header.auth_length != 0));
    switch (pdu->header.type) {
    case DIS_REQUEST:
        check_stub(pdu, pdu->request.stub, pdu->request.stub_length);
        break;
    case DIS_RESPONSE:
        check_stub(pdu, pdu->response.stub, pdu->response.stub_length);
        break;
    case DIS_FAULT:
        check_stub(pdu, pdu->fault.stub, pdu->fault.stub_length);
        break;
    case DIS_BIND_ACK:
    case DIS_ALTER_CONTEXT_RESP:
        check_inside(pdu, pdu->bind_ack.secondary_address, pdu->bind_ack.secondary_length);
        break;
    case DIS_BIND_NAK:
        check_inside(pdu, pdu->bind_nak.versions, pdu->bind_nak.version_count * (size_t)2);
        break;
    default:
        break;
    }
}

static char *text;
static size_t text_length;

static FILE *open_text(void)
{
    FILE *out = open_memstream(&text, &text_length);
    if (out == NULL)
        abort();
    return out;
}

static void close_text(FILE *out)
{
    fclose(out);
    CHECK(text_length > 0 && strlen(text) == text_length && text[text_length - 1] == '\n');
}

static void check_printers(const struct dis_pdu *pdu)
{
    FILE *out = open_text();
    dis_print_json(out, pdu);
    close_text(out);
    CHECK(json_is_one_line(text));
    free(text);
    out = open_text();
    dis_print_line(out, pdu);
    close_text(out);
    CHECK(strchr(text, '\n') == text + text_length - 1);
    free(text);
    out = open_text();
    dis_print_tree(out, pdu);
    close_text(out);
    free(text);
}

static void check_bad(const struct dis_pdu *pdu, const struct dis_error *error)
{
    CHECK(error->what != NULL && error->at <= pdu->header.frag_length);
    FILE *out = open_text();
    dis_print_bad(out, &pdu->header, error, true);
    close_text(out);
    CHECK(json_is_one_line(text));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dis_pdu pdu;
    struct dis_error error;
    if (size < DIS_HEADER_SIZE || size > DIS_PDU_SIZE_MAX)
        return 0;
    uint8_t *bytes = exact_copy(data, size);
    bool big_endian = dis_big_endian(bytes + 4);
    bytes[big_endian ? 9 : 8] = (uint8_t)size;
    bytes[big_endian ? 8 : 9] = (uint8_t)(size >> 8);
    if (dis_pdu_decode(bytes, size, &pdu, &error)) {
        CHECK(error.what == NULL);
        check_pointers(&pdu);
        check_printers(&pdu);
    } else {
        check_bad(&pdu, &error);
    }
    free(bytes);
    return 0;
}
