/* Names: of codes, of interfaces and their operations; and that the tables agree with themselves. */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "auth.h"
#include "bind.h"
#include "interfaces.h"

static struct dis_syntax syntax(const char *uuid, uint16_t major)
{
    struct dis_syntax s = { .major = major };
    assert_true(dis_uuid_parse(uuid, &s.uuid));
    return s;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        const char *name;
        uint32_t win32;
    } rows[] = {
        { 0x1c010001, "nca_s_comm_failure", 1820 },
        { 0x1c010002, "nca_s_op_rng_error", 1745 },
        { 0x1c010003, "nca_s_unk_if", 1717 },
        { 0x1c010006, "nca_s_wrong_boot_time", 0x1c010006 },
        { 0x1c01000b, "nca_s_proto_error", 1728 },
        { 0x1c010014, "nca_s_server_too_busy", 1723 },
        { 0x1c000009, "nca_s_unspec_reject", 1726 }, /* Wine says 1727 */
        { 0x1c00000d, "nca_s_fault_cancel", 1818 },
        { 0x1c000012, "nca_s_fault_unspec", 1726 },
        { 0x1c00001a, "nca_s_fault_context_mismatch", 6 },
        { 5, "ERROR_ACCESS_DENIED", 5 },
        { 1722, "RPC_S_SERVER_UNAVAILABLE", 1722 },
        { 1725, "RPC_S_NO_CALL_ACTIVE", 1725 },
        { 1727, "RPC_S_CALL_FAILED_DNE", 1727 },
        { 1783, "RPC_X_BAD_STUB_DATA", 1783 },
        { 1825, "RPC_S_SEC_PKG_ERROR", 1825 },
        { 0xc0000022, NULL, 0xc0000022 },
        { 0, NULL, 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = dis_fault_name(rows[i].status);
        assert_int_equal(name == NULL, rows[i].name == NULL);
        if (name != NULL)
            assert_string_equal(name, rows[i].name);
        assert_int_equal(dis_fault_win32(rows[i].status), rows[i].win32);
    }
}

static void test_codes(void **state)
{
    (void)state;
    assert_string_equal(dis_auth_type_name(DIS_AUTH_NTLMSSP), "ntlmssp");
    assert_string_equal(dis_auth_type_name(DIS_AUTH_NETLOGON), "netlogon");
    assert_null(dis_auth_type_name(11));
    assert_string_equal(dis_auth_level_name(DIS_LEVEL_PRIVACY), "privacy");
    assert_string_equal(dis_auth_level_name(DIS_LEVEL_CONNECT), "connect");
    assert_null(dis_auth_level_name(7));
    assert_string_equal(dis_result_name(DIS_NEGOTIATE_ACK), "negotiate_ack");
    assert_null(dis_result_name(4));
    assert_string_equal(dis_result_reason_name(2), "transfer_syntaxes_not_supported");
    assert_null(dis_result_reason_name(4));
    assert_string_equal(dis_nak_reason_name(DIS_NAK_TEMPORARY_CONGESTION), "temporary_congestion");
    assert_null(dis_nak_reason_name(3));
}

static void test_interfaces(void **state)
{
    (void)state;
    static const struct {
        const char *uuid;
        uint16_t major;
        const char *name;
        uint16_t opnum;
        const char *operation;
    } rows[] = {
        { "60a15ec5-4de8-11d7-a637-005056a20182", 1, "rpcecho", 6, "TestSleep" },
        { "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, "epmapper", 3, "ept_map" },
        { "afa8bd80-7d8a-11c9-bef4-08002b102989", 1, "mgmt", 2, "is_server_listening" },
        { "12345678-1234-abcd-ef00-01234567cffb", 1, "netlogon", 26, "NetrServerAuthenticate3" },
        { "12345778-1234-abcd-ef00-0123456789ac", 1, "samr", 64, "SamrConnect5" },
        { "12345778-1234-abcd-ef00-0123456789ab", 0, "lsarpc", 44, "LsarOpenPolicy2" },
        { "367abb81-9844-35f1-ad32-98f038001003", 2, "svcctl", 15, "ROpenSCManagerW" },
        { "99fcfec4-5260-101b-bbcb-00aa0021347a", 0, "IObjectExporter", 5, "ServerAlive2" },
        { "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4, "drsuapi", 3, "DRSGetNCChanges" },
        { "4b324fc8-1670-01d3-1278-5a47bf6ee188", 3, "srvsvc", 15, "NetrShareEnum" },
        { "338cd001-2244-31f1-aaaa-900038001003", 1, "winreg", 17, "BaseRegQueryValue" },
        { "ccd8c074-d0e5-4a40-92b4-d074faa6ba28", 1, "witness", 3, "WitnessrAsyncNotify" },
        { "000001a0-0000-0000-c000-000000000046", 0, "IRemoteSCMActivator", 4, "RemoteCreateInstance" },
        { "6f1d2a90-53c4-4e0b-9d1c-7a1f0c5be001", 1, "probe", 11, "probe_die" },
        { "12345678-1234-abcd-ef00-0123456789ab", 1, "spoolss", 69, "RpcOpenPrinterEx" },
        { "6bffd098-a112-3610-9833-46c3f87e345a", 1, "wkssvc", 22, "NetrJoinDomain2" },
        { "86d35949-83c9-4044-b424-db363231fd0c", 1, "ITaskSchedulerService", 12, "SchRpcRun" },
        { "c681d488-d850-11d0-8c52-00c04fd90f7e", 1, "efsrpc", 0, "EfsRpcOpenFileRaw" },
        { "39c13a52-011e-11d0-9675-0020afd8adb3", 0, "IOPCSyncIO", 3, "Read" },
        { "9556dc99-828c-11cf-a37e-00aa003240c7", 0, "IWbemServices", 24, "ExecMethod" },
        { "dea00001-6c97-11d1-8271-00a02442df7d", 1, "pnio_device", 4, "Control" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dis_syntax s = syntax(rows[i].uuid, rows[i].major);
        s.minor = 9; /* does not matter */
        assert_string_equal(dis_interface_name(dis_interface_find(&s)), rows[i].name);
        assert_string_equal(dis_operation_name(dis_interface_find(&s), rows[i].opnum), rows[i].operation);
        assert_null(dis_operation_name(dis_interface_find(&s), 1000));
        s.major = (uint16_t)(rows[i].major - 1);
        assert_null(dis_interface_name(dis_interface_find(&s)));
        s.major = (uint16_t)(rows[i].major + 1);
        assert_null(dis_interface_name(dis_interface_find(&s)));
        assert_null(dis_operation_name(dis_interface_find(&s), 0));
    }
}

static void test_gaps(void **state)
{
    (void)state;
    struct dis_syntax netlogon = syntax("12345678-1234-abcd-ef00-01234567cffb", 1);
    struct dis_syntax dhcp = syntax("6bffd098-a112-3610-9833-46c3f874532d", 1);
    assert_null(dis_operation_name(dis_interface_find(&netlogon), 47));
    assert_non_null(dis_operation_name(dis_interface_find(&netlogon), 48));
    assert_string_equal(dis_interface_name(dis_interface_find(&dhcp)), "dhcpsrv");
    assert_null(dis_operation_name(dis_interface_find(&dhcp), 0));
}

static void test_transfers(void **state)
{
    (void)state;
    struct dis_syntax unknown = { .major = 1 };
    assert_string_equal(dis_transfer_name(&dis_ndr), "ndr");
    assert_string_equal(dis_transfer_name(&dis_ndr64), "ndr64");
    assert_null(dis_transfer_name(&unknown));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults), cmocka_unit_test(test_codes),     cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_gaps),   cmocka_unit_test(test_transfers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
