/* Codes to names. Interfaces and operations are data of their own: interfaces.def. */
#include "names.h"

#include "auth.h"
#include "bind.h"
#include "interfaces.h"

struct name {
    uint32_t code;
    const char *text;
};

#define NAME_IN(table, code) name_in((table), sizeof(table) / sizeof((table)[0]), (code))

static const char *name_in(const struct name *table, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].text;
    return NULL;
}

struct fault {
    uint32_t status;
    uint32_t win32; /* the same number where a client passes it through */
    const char *name;
};

/* Win32 errors by MS-RPCE 3.1.1.5.5, and below nca_manager_not_entered, where that table was not at hand, by
 * what Wine's rpcrt4 does. */
static const struct fault faults[] = {
    { 0x1c010001, 1820, "nca_s_comm_failure" },
    { 0x1c010002, 1745, "nca_s_op_rng_error" },
    { 0x1c010003, 1717, "nca_s_unk_if" },
    { 0x1c010006, 0x1c010006, "nca_s_wrong_boot_time" },
    { 0x1c010009, 1726, "nca_s_you_crashed" },
    { 0x1c01000b, 1728, "nca_s_proto_error" },
    { 0x1c010013, 1130, "nca_s_out_args_too_big" },
    { 0x1c010014, 1723, "nca_s_server_too_busy" },
    { 0x1c010015, 0x1c010015, "nca_s_fault_string_too_long" },
    { 0x1c010017, 1732, "nca_s_unsupported_type" },
    { 0x1c000001, 1767, "nca_s_fault_int_div_by_zero" },
    { 0x1c000002, 1768, "nca_s_fault_addr_error" },
    { 0x1c000003, 1769, "nca_s_fault_fp_div_zero" },
    { 0x1c000004, 1770, "nca_s_fault_fp_underflow" },
    { 0x1c000005, 1771, "nca_s_fault_fp_overflow" },
    { 0x1c000006, 1733, "nca_s_fault_invalid_tag" },
    { 0x1c000007, 1734, "nca_s_fault_invalid_bound" },
    { 0x1c000008, 1728, "nca_s_rpc_version_mismatch" },
    { 0x1c000009, 1726, "nca_s_unspec_reject" },
    { 0x1c00000a, 1727, "nca_s_bad_actid" },
    { 0x1c00000b, 1726, "nca_s_who_are_you_failed" },
    { 0x1c00000c, 1727, "nca_s_manager_not_entered" },
    { 0x1c00000d, 1818, "nca_s_fault_cancel" },
    { 0x1c00000e, 1768, "nca_s_fault_ill_inst" },
    { 0x1c00000f, 1771, "nca_s_fault_fp_error" },
    { 0x1c000010, 1768, "nca_s_fault_int_overflow" },
    { 0x1c000012, 1726, "nca_s_fault_unspec" },
    { 0x1c000013, 0x1c000013, "nca_s_fault_remote_comm_failure" },
    { 0x1c000014, 1918, "nca_s_fault_pipe_empty" },
    { 0x1c000015, 1916, "nca_s_fault_pipe_closed" },
    { 0x1c000016, 1831, "nca_s_fault_pipe_order" },
    { 0x1c000017, 1917, "nca_s_fault_pipe_discipline" },
    { 0x1c000018, 1820, "nca_s_fault_pipe_comm_error" },
    { 0x1c000019, 14, "nca_s_fault_pipe_memory" },
    { 0x1c00001a, 6, "nca_s_fault_context_mismatch" },
    { 0x1c00001b, 1130, "nca_s_fault_remote_no_memory" },
    { 0x1c00001c, 0x1c00001c, "nca_s_invalid_pres_context_id" },
    { 0x1c00001d, 0x1c00001d, "nca_s_unsupported_authn_level" },
    { 0x1c00001f, 0x1c00001f, "nca_s_invalid_checksum" },
    { 0x1c000020, 0x1c000020, "nca_s_invalid_crc" },
    { 0x1c000021, 0x1c000021, "nca_s_fault_user_defined" },
    { 0x1c000022, 0x1c000022, "nca_s_fault_tx_open_failed" },
    { 0x1c000023, 0x1c000023, "nca_s_fault_codeset_conv_error" },
    { 0x1c000024, 0x1c000024, "nca_s_fault_object_not_found" },
    { 0x1c000025, 0x1c000025, "nca_s_fault_no_client_stub" },
    /* Win32 numbers that servers put on the wire as they are. */
    { 5, 5, "ERROR_ACCESS_DENIED" },
    { 6, 6, "RPC_X_SS_CONTEXT_MISMATCH" },
    { 1130, 1130, "RPC_S_SERVER_OUT_OF_MEMORY" },
    { 1715, 1715, "RPC_S_NOT_LISTENING" },
    { 1717, 1717, "RPC_S_UNKNOWN_IF" },
    { 1721, 1721, "RPC_S_OUT_OF_RESOURCES" },
    { 1722, 1722, "RPC_S_SERVER_UNAVAILABLE" },
    { 1723, 1723, "RPC_S_SERVER_TOO_BUSY" },
    { 1725, 1725, "RPC_S_NO_CALL_ACTIVE" },
    { 1726, 1726, "RPC_S_CALL_FAILED" },
    { 1727, 1727, "RPC_S_CALL_FAILED_DNE" },
    { 1728, 1728, "RPC_S_PROTOCOL_ERROR" },
    { 1745, 1745, "RPC_S_PROCNUM_OUT_OF_RANGE" },
    { 1752, 1752, "EPT_S_CANT_PERFORM_OP" },
    { 1753, 1753, "EPT_S_NOT_REGISTERED" },
    { 1783, 1783, "RPC_X_BAD_STUB_DATA" },
    { 1818, 1818, "RPC_S_CALL_CANCELLED" },
    { 1820, 1820, "RPC_S_COMM_FAILURE" },
    { 1825, 1825, "RPC_S_SEC_PKG_ERROR" },
};

static const struct fault *find_fault(uint32_t status)
{
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].status == status)
            return &faults[i];
    return NULL;
}

const char *dis_fault_name(uint32_t status)
{
    const struct fault *fault = find_fault(status);
    return fault == NULL ? NULL : fault->name;
}

uint32_t dis_fault_win32(uint32_t status)
{
    const struct fault *fault = find_fault(status);
    return fault == NULL ? status : fault->win32;
}

const char *dis_auth_type_name(uint8_t type)
{
    static const struct name types[] = {
        { DIS_AUTH_NONE, "none" },        { DIS_AUTH_SPNEGO, "spnego" },     { DIS_AUTH_NTLMSSP, "ntlmssp" },
        { DIS_AUTH_SCHANNEL_TLS, "tls" }, { DIS_AUTH_KERBEROS, "kerberos" }, { DIS_AUTH_NETLOGON, "netlogon" },
        { DIS_AUTH_MSMQ, "msmq" },
    };
    return NAME_IN(types, type);
}

const char *dis_auth_level_name(uint8_t level)
{
    static const struct name levels[] = {
        { DIS_LEVEL_DEFAULT, "default" }, { DIS_LEVEL_NONE, "none" },     { DIS_LEVEL_CONNECT, "connect" },
        { DIS_LEVEL_CALL, "call" },       { DIS_LEVEL_PACKET, "packet" }, { DIS_LEVEL_INTEGRITY, "integrity" },
        { DIS_LEVEL_PRIVACY, "privacy" },
    };
    return NAME_IN(levels, level);
}

const char *dis_result_name(uint16_t result)
{
    static const struct name results[] = {
        { DIS_ACCEPTANCE, "acceptance" },
        { DIS_USER_REJECTION, "user_rejection" },
        { DIS_PROVIDER_REJECTION, "provider_rejection" },
        { DIS_NEGOTIATE_ACK, "negotiate_ack" },
    };
    return NAME_IN(results, result);
}

const char *dis_result_reason_name(uint16_t reason)
{
    static const struct name reasons[] = {
        { DIS_REASON_NOT_SPECIFIED, "not_specified" },
        { DIS_ABSTRACT_SYNTAX_NOT_SUPPORTED, "abstract_syntax_not_supported" },
        { DIS_TRANSFER_SYNTAXES_NOT_SUPPORTED, "transfer_syntaxes_not_supported" },
        { DIS_LOCAL_LIMIT_EXCEEDED, "local_limit_exceeded" },
    };
    return NAME_IN(reasons, reason);
}

const char *dis_nak_reason_name(uint16_t reason)
{
    static const struct name reasons[] = {
        { DIS_NAK_NOT_SPECIFIED, "not_specified" },
        { DIS_NAK_TEMPORARY_CONGESTION, "temporary_congestion" },
        { DIS_NAK_LOCAL_LIMIT_EXCEEDED, "local_limit_exceeded" },
        { DIS_NAK_PROTOCOL_VERSION, "protocol_version_not_supported" },
        { DIS_NAK_AUTH_TYPE, "authentication_type_not_recognized" },
        { DIS_NAK_CHECKSUM, "invalid_checksum" },
    };
    return NAME_IN(reasons, reason);
}

const struct dis_interface *dis_interface_find(const struct dis_syntax *interface)
{
    for (size_t i = 0; i < dis_interface_count; i++)
        if (dis_interfaces[i].major == interface->major && dis_uuid_equal(&dis_interfaces[i].uuid, &interface->uuid))
            return &dis_interfaces[i];
    return NULL;
}

const char *dis_interface_name(const struct dis_interface *known)
{
    return known ? known->name : NULL;
}

const char *dis_operation_name(const struct dis_interface *known, uint16_t opnum)
{
    const struct dis_operation *operation = dis_operation_find(known, opnum);
    return operation ? operation->name : NULL;
}

const char *dis_transfer_name(const struct dis_syntax *transfer)
{
    if (dis_uuid_equal(&transfer->uuid, &dis_ndr.uuid))
        return "ndr";
    if (dis_uuid_equal(&transfer->uuid, &dis_ndr64.uuid))
        return "ndr64";
    return NULL;
}
