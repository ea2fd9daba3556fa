/* The table of known interfaces: what is written in interfaces.def holds together, and every fact has a source. */
#include "interfaces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "names.h"

/* Each is found by its UUID and version, so there is no second one; each name is fit to be printed. */
static void test_names(void **state)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    (void)state;
    assert_true(dis_interface_count > 50);
    for (size_t i = 0; i < dis_interface_count; i++) {
        const struct dis_interface *row = &dis_interfaces[i];
        const struct dis_syntax syntax = { .uuid = row->uuid, .major = row->major };
        assert_ptr_equal(dis_interface_find(&syntax), row);
        assert_int_equal(strspn(row->name, fit), strlen(row->name));
    }
}

static void test_operations(void **state)
{
    (void)state;
    for (size_t i = 0; i < dis_interface_count; i++) {
        const struct dis_interface *row = &dis_interfaces[i];
        assert_int_equal(row->operations == NULL, row->operation_count == 0);
        for (unsigned j = 0; j < row->operation_count; j++) {
            const struct dis_operation *operation = &row->operations[j];
            assert_ptr_equal(dis_operation_find(row, operation->opnum), operation);
            assert_true(j == 0 || operation->opnum > operation[-1].opnum);
            for (unsigned before = 0; before < j; before++)
                assert_string_not_equal(row->operations[before].name, operation->name);
        }
        assert_null(dis_operation_find(row, UINT16_MAX));
    }
    assert_null(dis_operation_find(NULL, 0));
}

/* A specification with a section, or a file that can be read. */
static void assert_source(const char *source)
{
    bool specification = strncmp(source, "MS-", 3) == 0 || strncmp(source, "C706 ", 5) == 0 ||
                         strncmp(source, "IEC ", 4) == 0;
    assert_true((specification && strpbrk(source, " ") != NULL) || strstr(source, ".idl") != NULL);
}

/* What waits for something to happen is not sent twice; a call that is may not need what an earlier one left behind. */
static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < dis_interface_count; i++) {
        const struct dis_interface *row = &dis_interfaces[i];
        const char *facts[] = { row->source, row->stateless, row->pipe_free };
        assert_non_null(row->source);
        for (size_t j = 0; j < sizeof facts / sizeof *facts; j++)
            if (facts[j] != NULL)
                assert_source(facts[j]);
        for (unsigned j = 0; j < row->operation_count; j++) {
            const struct dis_operation *operation = &row->operations[j];
            assert_true(operation->idempotent == NULL || operation->pending == NULL);
            if (operation->idempotent != NULL)
                assert_source(operation->idempotent);
            if (operation->pending != NULL)
                assert_source(operation->pending);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
