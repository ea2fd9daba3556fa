/* Fields to a tree and to JSON: commas, indentation, names, escapes. */
#include "sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "json.h"

static void walk(struct dis_sink *sink)
{
    dis_put_number(sink, "one", 1, NULL);
    dis_put_code(sink, "flags", 0x1c010003, "unk");
    dis_sink_open(sink, "empty", DIS_LIST);
    dis_sink_close(sink, DIS_LIST);
    dis_sink_open(sink, "list", DIS_LIST);
    for (uint64_t i = 0; i < 2; i++) {
        dis_sink_open(sink, "element", DIS_ELEMENT);
        dis_put_number(sink, "i", i, i == 0 ? "zero" : NULL);
        dis_sink_close(sink, DIS_ELEMENT);
    }
    dis_sink_close(sink, DIS_LIST);
    dis_sink_open(sink, "group", DIS_GROUP);
    dis_put_text(sink, "text", "a", 1);
    dis_sink_close(sink, DIS_GROUP);
    dis_put_number(sink, "last", UINT64_MAX, NULL);
}

static char *written(bool json, void (*feed)(struct dis_sink *))
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    struct dis_sink sink = { .out = out, .json = json };
    feed(&sink);
    fclose(out);
    assert_int_equal(sink.depth, 0);
    return text;
}

static void test_tree(void **state)
{
    (void)state;
    char *text = written(false, walk);
    assert_string_equal(text, "one 1\n"
                              "flags 0x1c010003 (unk)\n"
                              "empty:\n"
                              "list:\n"
                              "  element:\n"
                              "    i 0 (zero)\n"
                              "  element:\n"
                              "    i 1\n"
                              "group:\n"
                              "  text \"a\"\n"
                              "last 18446744073709551615\n");
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    char *text = written(true, walk);
    assert_string_equal(text, "\"one\":1,\"flags\":469827587,\"flags_name\":\"unk\",\"empty\":[],"
                              "\"list\":[{\"i\":0,\"i_name\":\"zero\"},{\"i\":1}],\"group\":{\"text\":\"a\"},"
                              "\"last\":18446744073709551615");
    free(text);
}

static void walk_every_byte(struct dis_sink *sink)
{
    char bytes[256];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    dis_sink_open(sink, "outer", DIS_ELEMENT);
    dis_put_text(sink, "text", bytes, sizeof(bytes));
    dis_put_text(sink, "none", NULL, 0);
    dis_sink_close(sink, DIS_ELEMENT);
    fputc('\n', sink->out);
}

static void test_escapes(void **state)
{
    (void)state;
    char *text = written(true, walk_every_byte);
    assert_true(json_is_one_line(text));
    assert_non_null(strstr(text, "\\u0000\\u0001"));
    assert_non_null(strstr(text, " !\\\"#"));
    assert_non_null(strstr(text, "[\\\\]"));
    assert_non_null(strstr(text, "~\\u007f\\u0080"));
    assert_non_null(strstr(text, "\\u00ff\",\"none\":\"\""));
    free(text);
}

/* The judge itself. */
static void test_judge(void **state)
{
    (void)state;
    static const char *const good[] = { "{}\n", "{\"a\":[]}\n", "{\"a\":{\"b\":0},\"c\":[{},12,\"\\u00ff\"]}\n" };
    static const char *const bad[] = { "",
                                       "{}",
                                       "{}\n\n",
                                       "[]\n",
                                       "{\"a\":01}\n",
                                       "{,}\n",
                                       "{\"a\"}\n",
                                       "{\"a\":}\n",
                                       "{\"a\":1,}\n",
                                       "{\"a\":\"\\x\"}\n",
                                       "{a:1}\n",
                                       "{\"a\":[1,]}\n",
                                       "{\"a\":1\n",
                                       "{\"a\":\"\x01\"}\n" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(json_is_one_line(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(json_is_one_line(bad[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
