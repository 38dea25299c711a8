#!/usr/bin/env python3
"""Writes forms.json: the ways in which a server may send back a secret that it received.

Only the standard library is used, so that the encodings are those of another implementation. Every secret is random
and opens nothing.
"""
import base64, binascii, codecs, gzip, html, json, quopri, urllib.parse, zlib

SECRETS = {
    "symbols": "Zk9_wQ/r2+T~m7Yx&4=e8.Lp",
    "letters": "a8Fk29dLq0Zx7Wm3Pb5Tn1RvC6Hs4Jg2Ky9Ue7Xi",
    "hex": "9f2c4e7ab1d80356c7e9f4a2b8d1c053",
    "words": "correct-horse-battery-staple-42",
}
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def text(*parts):
    return {"content": [{"type": "text", "text": part} for part in parts]}


def one(encode):
    """A form that is one text: alone, and within a sentence."""
    return lambda s: [(text(f"{before}{encode(s)}{after}"), [encode(s)]) for before, after in [("", ""), ("the value is ", " today")]]


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def each(form, between=""):
    return lambda s: between.join(form(c) for c in s)


def codes(form, between):
    return lambda s: between.join(form(b) for b in s.encode())


def large_number(alphabet):
    def encode(s):
        number, out = int.from_bytes(s.encode(), "big"), ""
        while number:
            number, digit = divmod(number, len(alphabet))
            out = alphabet[digit] + out
        return out
    return encode


base58 = large_number(B58)
B36 = "0123456789abcdefghijklmnopqrstuvwxyz"
B62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ATBASH = str.maketrans(B36[10:] + B36[10:].upper(), B36[:9:-1] + B36[:9:-1].upper())


def uuencode(s):
    data = s.encode()
    return "".join(binascii.b2a_uu(data[at:at + 45]).decode() for at in range(0, len(data), 45)).rstrip("\n")


def z85(s):
    data = s.encode() + b"\0" * (-len(s.encode()) % 4)
    out = ""
    for at in range(0, len(data), 4):
        number, group = int.from_bytes(data[at:at + 4], "big"), ""
        for _ in range(5):
            number, digit = divmod(number, 85)
            group = Z85[digit] + group
        out += group
    return out


def raw_deflate(s):
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    return maker.compress(s.encode()) + maker.flush()


def quoted(s):
    return "".join(c if c.isalnum() else f"={ord(c):02X}" for c in s)


def fullwidth(s):
    return "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) <= 0x7E else c for c in s)


def mathematical(s):
    def shape(c):
        if "a" <= c <= "z":
            return chr(0x1D41A + ord(c) - 97)
        if "A" <= c <= "Z":
            return chr(0x1D400 + ord(c) - 65)
        return chr(0x1D7CE + ord(c) - 48) if "0" <= c <= "9" else c
    return "".join(map(shape, s))


def hexdump(s):
    data, lines = s.encode(), []
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        lines.append(f"{at:08x}  {' '.join(f'{b:02x}' for b in row):<48} |{row.decode()}|")
    return "\n".join(lines)


def xxd(s):
    data, lines = s.encode(), []
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        pairs = " ".join(row[i:i + 2].hex() for i in range(0, len(row), 2))
        lines.append(f"{at:08x}: {pairs:<40}  {row.decode()}")
    return "\n".join(lines)


def wrapped(data, width, prefix=""):
    return ("\n" + prefix).join(data[i:i + width] for i in range(0, len(data), width))


def halves(s):
    return s[:len(s) // 2], s[len(s) // 2:]


def thirds(s):
    n = len(s) // 3
    return s[:n], s[n:2 * n], s[2 * n:]


def chunks(s, n):
    return [s[i:i + n] for i in range(0, len(s), n)]


def structured(value, gone):
    return [({"content": [], "structuredContent": value}, gone)]


FORMS = {
    "plain": one(lambda s: s),
    "upper case": one(str.upper),
    "lower case": one(str.lower),
    "reversed": one(lambda s: s[::-1]),
    "rot13": one(lambda s: codecs.encode(s, "rot13")),
    "rot47": one(lambda s: "".join(chr(33 + (ord(c) - 33 + 47) % 94) if 33 <= ord(c) < 127 else c for c in s)),
    "spaces between": one(lambda s: " ".join(s)),
    "dashes between": one(lambda s: "-".join(s)),
    "dots between": one(lambda s: ".".join(s)),
    "underscores between": one(lambda s: "_".join(s)),
    "commas between": one(lambda s: ", ".join(s)),
    "slashes between": one(lambda s: "/".join(s)),
    "line breaks between": one(lambda s: "\n".join(s)),
    "tabs between": one(lambda s: "\t".join(s)),
    "zero-width between": one(lambda s: "\u200b".join(s)),
    "word joiners between": one(lambda s: "\u2060".join(s)),
    "soft hyphens between": one(lambda s: "\u00ad".join(s)),
    "no-break spaces between": one(lambda s: "\u00a0".join(s)),
    "middle dots between": one(lambda s: "\u00b7".join(s)),
    "emoji between": one(lambda s: "\U0001f600".join(s)),
    "quoted characters": one(lambda s: ", ".join(repr(c) for c in s)),
    "groups of four": one(lambda s: " ".join(chunks(s, 4))),
    "groups by dashes": one(lambda s: "-".join(chunks(s, 5))),
    "one a line with indentation": one(lambda s: "\n    ".join(chunks(s, 6))),
    "bold characters": one(lambda s: "".join(f"**{c}**" for c in s)),
    "concatenation in code": one(lambda s: '" + "'.join(chunks(s, 7))),
    "full width": one(fullwidth),
    "mathematical letters": one(mathematical),
    "base64": one(b64),
    "base64 in a sentence": one(lambda s: b64(f"the key is {s}, keep it")),
    "base64url": one(lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("=")),
    "base64 shifted by one": one(lambda s: b64("x" + s + "yz")),
    "base64 shifted by two": one(lambda s: b64("xy" + s + "z")),
    "base64 wrapped": one(lambda s: wrapped(b64(s), 16)),
    "base64 wrapped and quoted": one(lambda s: wrapped(b64("key " + s), 20, "> ")),
    "base64 with spaces": one(lambda s: " ".join(chunks(b64(s), 4))),
    "base64 with dashes": one(lambda s: "-".join(chunks(b64(s), 5))),
    "base64 reversed": one(lambda s: b64(s)[::-1]),
    "base64 of reversed": one(lambda s: b64(s[::-1])),
    "base64 twice": one(lambda s: b64(b64(s))),
    "base64 twice in text": one(lambda s: b64("inner: " + b64("secret=" + s))),
    "base64 three times": one(lambda s: b64(b64(b64(s)))),
    "base64 of UTF-16": one(lambda s: b64(s.encode("utf-16-le"))),
    "base64 of hex": one(lambda s: b64(s.encode().hex())),
    "hex of base64": one(lambda s: b64(s).encode().hex()),
    "percent-encoded base64": one(lambda s: urllib.parse.quote(b64("!" + s), safe="")),
    "data URL": one(lambda s: "data:text/plain;base64," + b64(s)),
    "basic credentials": one(lambda s: "Basic " + b64("user:" + s)),
    "base32": one(lambda s: base64.b32encode(s.encode()).decode()),
    "base32 lower case": one(lambda s: base64.b32encode(s.encode()).decode().lower().rstrip("=")),
    "base32 hex alphabet": one(lambda s: base64.b32hexencode(s.encode()).decode()),
    "base32 in a sentence": one(lambda s: base64.b32encode(f"key {s}".encode()).decode()),
    "base32 with dashes": one(lambda s: "-".join(chunks(base64.b32encode(s.encode()).decode().rstrip("="), 4))),
    "base32 of base64": one(lambda s: base64.b32encode(b64(s).encode()).decode()),
    "base58": one(base58),
    "base58 in a sentence": one(lambda s: base58("k=" + s)),
    "base36": one(large_number(B36)),
    "base62": one(large_number(B62)),
    "uuencode": one(uuencode),
    "UTF-7 of every character": one(lambda s: "+" + b64(s.encode("utf-16-be")).rstrip("=") + "-"),
    "atbash": one(lambda s: s.translate(ATBASH)),
    "ascii85": one(lambda s: base64.a85encode(s.encode()).decode()),
    "ascii85 framed": one(lambda s: base64.a85encode(s.encode(), adobe=True).decode()),
    "ascii85 shifted": one(lambda s: base64.a85encode(("abc" + s).encode()).decode()),
    "base85": one(lambda s: base64.b85encode(s.encode()).decode()),
    "base85 shifted": one(lambda s: base64.b85encode(("a" + s + "b").encode()).decode()),
    "z85": one(z85),
    "hex": one(lambda s: s.encode().hex()),
    "hex upper case": one(lambda s: s.encode().hex().upper()),
    "hex mixed case": one(lambda s: "".join(c.upper() if i % 3 else c for i, c in enumerate(s.encode().hex()))),
    "hex with colons": one(codes(lambda b: f"{b:02X}", ":")),
    "hex with spaces": one(codes(lambda b: f"{b:02x}", " ")),
    "hex with dashes": one(codes(lambda b: f"{b:02x}", "-")),
    "hex with 0x": one(codes(lambda b: f"0x{b:02x}", ", ")),
    "hex in words of two": one(lambda s: " ".join(chunks(s.encode().hex(), 4))),
    "hex with line breaks": one(lambda s: wrapped(s.encode().hex(), 16, "  ")),
    "hex twice": one(lambda s: s.encode().hex().encode().hex()),
    "hex reversed": one(lambda s: s.encode().hex()[::-1]),
    "hex of UTF-16": one(lambda s: s.encode("utf-16-be").hex()),
    "hexdump -C": one(hexdump),
    "xxd": one(xxd),
    "C string of hex": one(codes(lambda b: f"\\x{b:02x}", "")),
    "assembler hex": one(codes(lambda b: f"{b:02x}h", ", ")),
    "decimal list": one(codes(str, " ")),
    "decimal list with commas": one(codes(str, ", ")),
    "decimal list padded": one(codes(lambda b: f"{b:03}", " ")),
    "decimal by line": one(codes(str, "\n")),
    "decimal with semicolons": one(codes(str, "; ")),
    "octal list": one(codes(lambda b: f"{b:o}", " ")),
    "octal list padded": one(codes(lambda b: f"{b:04o}", ",")),
    "octal escapes": one(codes(lambda b: f"\\{b:03o}", "")),
    "binary list": one(codes(lambda b: f"{b:08b}", " ")),
    "binary in a row": one(codes(lambda b: f"{b:08b}", "")),
    "decimal list of base64": one(lambda s: " ".join(str(b) for b in b64(s).encode())),
    "code points": one(each(lambda c: f"U+{ord(c):04X}", " ")),
    "JavaScript fromCharCode": one(lambda s: f"String.fromCharCode({','.join(str(ord(c)) for c in s)})"),
    "percent": one(lambda s: urllib.parse.quote(s, safe="")),
    "percent all": one(codes(lambda b: f"%{b:02X}", "")),
    "percent twice": one(lambda s: urllib.parse.quote("".join(f"%{b:02X}" for b in s.encode()), safe="")),
    "percent three times": one(lambda s: "".join(f"%{b:02X}" for b in s.encode()).replace("%", "%25").replace("%", "%25")),
    "percent u": one(each(lambda c: f"%u{ord(c):04x}")),
    "quoted-printable": one(quoted),
    "quoted-printable all": one(codes(lambda b: f"={b:02X}", "")),
    "quoted-printable wrapped": one(lambda s: "=\n".join(chunks(s, 9))),
    "JSON escapes": one(each(lambda c: f"\\u{ord(c):04x}")),
    "JSON in JSON": one(lambda s: json.dumps(json.dumps({"k": s}))),
    "JSON escapes twice": one(each(lambda c: f"\\\\u{ord(c):04x}")),
    "JavaScript braces": one(each(lambda c: f"\\u{{{ord(c):x}}}")),
    "Python long escapes": one(each(lambda c: f"\\U{ord(c):08x}")),
    "HTML decimal": one(each(lambda c: f"&#{ord(c)};")),
    "HTML hex": one(each(lambda c: f"&#x{ord(c):x};")),
    "HTML zero-padded": one(each(lambda c: f"&#{ord(c):010};")),
    "HTML long zeros": one(each(lambda c: f"&#x{ord(c):032x};")),
    "HTML without semicolons": one(each(lambda c: f"&#{ord(c)}", " ")),
    "HTML named": one(lambda s: html.escape(s).replace("_", "&lowbar;").replace(".", "&period;").replace("-", "&hyphen;")),
    "HTML twice": one(lambda s: html.escape("".join(f"&#{ord(c)};" for c in s))),
    "three layers of escapes": one(lambda s: "".join(f"&#{ord(c)};" for c in s).replace("&", "%26").replace("%", "\\u0025")),
    "three layers, other order": one(lambda s: html.escape(urllib.parse.quote("".join(f"\\x{b:02x}" for b in s.encode()), safe=""), quote=True).replace("%", "&percnt;")),
    "gzip and base64": one(lambda s: b64(gzip.compress(s.encode(), mtime=0))),
    "gzip of a page and base64": one(lambda s: b64(gzip.compress((f"<html><body>key: {s}</body></html>" + "<p>more text</p>" * 40).encode(), mtime=0))),
    "zlib and base64": one(lambda s: b64(zlib.compress(f"token={s}".encode()))),
    "raw deflate and base64": one(lambda s: b64(raw_deflate(f"token={s} and more words after it"))),
    "gzip and hex": one(lambda s: gzip.compress(f"token={s}".encode(), mtime=0).hex()),
    "gzip and base64url": one(lambda s: base64.urlsafe_b64encode(gzip.compress(s.encode(), mtime=0)).decode()),
    "gzip, base64, wrapped": one(lambda s: wrapped(b64(gzip.compress(f"token={s}".encode(), mtime=0)), 24)),
    "gzip, base64 twice": one(lambda s: b64(b64(gzip.compress(f"token={s}".encode(), mtime=0)))),
    "base64, gzip, base64": one(lambda s: b64(gzip.compress(b64(f"token={s}").encode(), mtime=0))),
    "zlib and ascii85": one(lambda s: base64.a85encode(zlib.compress(f"token={s}".encode())).decode()),
    "gzip and base32": one(lambda s: base64.b32encode(gzip.compress(f"token={s}".encode(), mtime=0)).decode()),
    "gzip as characters": one(lambda s: gzip.compress(f"token={s}".encode(), mtime=0).decode("latin-1")),
    "UTF-16 as characters": one(lambda s: s.encode("utf-16-le").decode("latin-1")),
    "UTF-32 as characters": one(lambda s: s.encode("utf-32-be").decode("latin-1")),
    "two content blocks": lambda s: [(text("part one " + halves(s)[0], halves(s)[1] + " is the rest"), list(halves(s)))],
    "two content blocks alone": lambda s: [(text(*halves(s)), list(halves(s)))],
    "three content blocks": lambda s: [(text(*thirds(s)), list(thirds(s)))],
    "a content block a character": lambda s: [(text(*s), [])],
    "blocks out of order": lambda s: [(text("2: " + halves(s)[1], "1: " + halves(s)[0]), list(halves(s)))],
    "blocks with others between": lambda s: [(text(halves(s)[0], "something else", halves(s)[1]), list(halves(s)))],
    "blocks with annotations": lambda s: [({"content": [{"type": "text", "text": half, "annotations": {"audience": ["user"], "lastModified": "2026"}} for half in halves(s)]}, list(halves(s)))],
    "base64 over two blocks": lambda s: [(text(*halves(b64(s))), list(halves(b64(s))))],
    "hex over two blocks": lambda s: [(text(*halves(s.encode().hex())), list(halves(s.encode().hex())))],
    "two members": lambda s: structured({"first": halves(s)[0], "second": halves(s)[1]}, list(halves(s))),
    "a member a character": lambda s: structured({str(i): c for i, c in enumerate(s)}, []),
    "members with numbers between": lambda s: structured([{"n": 1, "part": thirds(s)[0]}, {"n": 2, "part": thirds(s)[1]}, {"n": 3, "part": thirds(s)[2]}], list(thirds(s))),
    "text and structured": lambda s: [({"content": [{"type": "text", "text": halves(s)[0]}], "structuredContent": {"rest": halves(s)[1]}}, list(halves(s)))],
    "name and value": lambda s: structured({halves(s)[0]: halves(s)[1]}, list(halves(s))),
    "names": lambda s: structured({halves(s)[0]: 1, halves(s)[1]: 2}, list(halves(s))),
    "a list of characters": lambda s: structured({"key": list(s)}, []),
    "a list of codes": lambda s: structured({"key": list(s.encode())}, []),
    "a list of pairs": lambda s: structured({"key": chunks(s, 2)}, []),
    "error and _meta": lambda s: [({"isError": True, "content": [{"type": "text", "text": halves(s)[0]}], "_meta": {"x": halves(s)[1]}}, list(halves(s)))],
    "halves in one text": one(lambda s: f"begins with {halves(s)[0]} and ends with {halves(s)[1]}"),
    "JSON text with members": one(lambda s: json.dumps({"a": halves(s)[0], "b": halves(s)[1]})),
    "a table of parts": one(lambda s: "\n".join(f"| {i} | {part} |" for i, part in enumerate(thirds(s)))),
    "resource text": lambda s: [({"contents": [{"uri": "demo://x", "text": b64(b64(s))}]}, [b64(b64(s))])],
    "resource blob": lambda s: [({"contents": [{"uri": "demo://x", "blob": b64(f"key={s}\n")}]}, [b64(f"key={s}\n")])],
    "gzip blob": lambda s: [({"contents": [{"uri": "demo://x", "blob": b64(gzip.compress(s.encode(), mtime=0))}]}, [b64(gzip.compress(s.encode(), mtime=0))])],
    "address": one(lambda s: "https://x.example/?k=" + urllib.parse.quote(s, safe="")),
    "path of an address": one(lambda s: "https://x.example/" + base64.urlsafe_b64encode(b64(s).encode()).decode().rstrip("=")),
}


def main():
    rows = []
    for name, make in FORMS.items():
        for kind, secret in SECRETS.items():
            for message, gone in make(secret):
                rows.append({"form": name, "secret": kind, "message": message, "gone": gone})
    out = {"secrets": SECRETS, "rows": rows}
    with open("forms.json", "w", encoding="utf-8") as file:
        file.write("{\"secrets\": " + json.dumps(SECRETS) + ",\n\"rows\": [\n")
        file.write(",\n".join(json.dumps(row) for row in rows) + "\n]}\n")
    print(len(FORMS), "forms,", len(rows), "rows")


main()
