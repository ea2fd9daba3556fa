# Makes the C table of dissect/interfaces.c from interfaces.def, and takes no line there that it does not understand.
# It is run by whatever awk there is, so without what only one of them has.

function complain(what)
{
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
    exit 1
}

function is_hexadecimal(text)
{
    return text ~ /^[0-9a-f]+$/
}

# The bytes of a UUID in text form, as an initializer.
function bytes_of(uuid,    parts, digits, bytes, i)
{
    if (split(uuid, parts, "-") != 5 || length(parts[1]) != 8 || length(parts[2]) != 4 || length(parts[3]) != 4 ||
        length(parts[4]) != 4 || length(parts[5]) != 12)
        complain("'" uuid "' is not a UUID")
    digits = parts[1] parts[2] parts[3] parts[4] parts[5]
    if (!is_hexadecimal(digits))
        complain("'" uuid "' is not a UUID in lower case")
    for (i = 1; i < 32; i += 2)
        bytes = bytes (i > 1 ? ", " : "") "0x" substr(digits, i, 2)
    return bytes
}

# What stands behind the first `count` fields, as a C string.
function text_behind(count,    text, i)
{
    if (NF <= count)
        complain("a source is expected behind '" $NF "'")
    for (i = count + 1; i <= NF; i++)
        text = text (i > count + 1 ? " " : "") $i
    if (text ~ /["\\]/)
        complain("a source has neither quotes nor backslashes")
    return "\"" text "\""
}

function end_interface()
{
    if (row == "")
        return
    if (!sourced)
        complain("the interface before this line has no source")
    if (operations != "")
        row = row ", .operations = operations_" number ", .operation_count = " count
    if (operations != "")
        printf "static const struct dis_operation operations_%d[] = {\n%s};\n\n", number, operations
    rows = rows row " },\n"
    row = ""
}

/^[ \t]*(#|$)/ { next }

$1 == "interface" {
    end_interface()
    if (NF != 4 || $3 !~ /^[0-9]+\.[0-9]+$/)
        complain("expected: interface UUID MAJOR.MINOR NAME")
    split($3, version, ".")
    row = "    { .uuid = { { " bytes_of($2) " } }, .major = " version[1] ", .minor = " version[2] ", .name = \"" $4 "\""
    operations = ""
    sourced = count = 0
    last = -1
    number++
    next
}

row == "" { complain("expected: interface UUID MAJOR.MINOR NAME") }

$1 == "source" || $1 == "stateless" || $1 == "pipe-free" {
    if (count > 0)
        complain("'" $1 "' is expected before the operations")
    sourced += $1 == "source"
    field = $1
    sub(/-/, "_", field)
    row = row ", ." field " = " text_behind(1)
    next
}

$1 ~ /^[0-9]+$/ {
    if ($1 + 0 <= last)
        complain("opnum " $1 " is not above the one before")
    if (NF == 1 || $2 !~ /^[A-Za-z_][A-Za-z0-9_]*$/)
        complain("expected: OPNUM NAME, and perhaps: idempotent SOURCE, or: pending SOURCE")
    last = $1 + 0
    operations = operations "    { .opnum = " last ", .name = \"" $2 "\""
    if (NF > 2 && $3 != "idempotent" && $3 != "pending")
        complain("'" $3 "' is neither idempotent nor pending")
    if (NF > 2)
        operations = operations ", ." $3 " = " text_behind(3)
    operations = operations " },\n"
    count++
    next
}

{ complain("'" $1 "' is neither interface, source, stateless, pipe-free nor an opnum") }

END {
    if (failed)
        exit 1
    end_interface()
    printf "const struct dis_interface dis_interfaces[] = {\n%s};\n", rows
}
