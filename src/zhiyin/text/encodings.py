"""Which encoding bytes that are not UTF-8 seem to be in: much Chinese text is kept in GB18030, or its part GBK."""

_MARKS = ((b"\xff\xfe", "UTF-16LE"), (b"\xfe\xff", "UTF-16BE"))


def wide(head: bytes) -> str:
    """Name the kind of UTF-16 a file begins with, by its byte order mark or its first two ASCII characters."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) < 4:
        return ""
    zeros = [byte == 0 for byte in head[:4]]
    if zeros == [False, True, False, True]:
        return "UTF-16LE"
    return "UTF-16BE" if zeros == [True, False, True, False] else ""


def is_gb18030(raw: bytes) -> bool:
    """Tell whether bytes read as Chinese in GB18030.

    Other text does so by chance here and there, but then as rare characters: half of them must be in GB 2312. And
    most bytes of a text in UTF-8 that holds a fault, or was cut, are still UTF-8.
    """
    high = sum(byte > 0x7F for byte in raw)
    try:
        beyond = [character for character in raw.decode("gb18030") if character > "\x7f"]
        raw.decode("utf-8")
        return False
    except UnicodeDecodeError as error:
        if error.encoding != "utf-8" or error.reason == "unexpected end of data":
            return False
    still = sum(3 for character in raw.decode("utf-8", "ignore") if "\u0800" <= character <= "\uffff")
    return 2 * still < high and len(beyond) <= len("".join(beyond).encode("gb2312", "ignore"))


def not_utf8(raw: bytes) -> str:
    """Say of bytes that they are not UTF-8 and, where that is known, what they are and how to convert them."""
    if is_gb18030(raw):
        return "not valid UTF-8; it reads as GB18030 (GBK): convert the file, iconv -f GB18030 -t UTF-8"
    return "not valid UTF-8"
