"""Makes forms.json with the Python standard library alone, from the description in docs/enclave.md.

An independent second implementation, Ed25519 (RFC 8032) included: the Rust code and the browser's core have to agree
with it byte for byte.
"""
import base64, hashlib, json, pathlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def add(one, two):
    x1, y1 = one
    x2, y2 = two
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P
    return x, y


def times(number, point):
    total = (0, 1)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def base_point():
    y = 4 * pow(5, -1, P) % P
    x = pow((y * y - 1) * pow(D * y * y + 1, -1, P), (P + 3) // 8, P)
    if (x * x - (y * y - 1) * pow(D * y * y + 1, -1, P)) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x % 2 == 0 else P - x), y


def packed(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def signer(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = packed(times(scalar, base_point()))

    def sign(message):
        r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % ORDER
        start = packed(times(r, base_point()))
        h = int.from_bytes(hashlib.sha512(start + public + message).digest(), "little") % ORDER
        return start + ((r + h * scalar) % ORDER).to_bytes(32, "little")

    return public, sign


def okp(curve, key):
    return b64(hashlib.sha256(canonical({"crv": curve, "kty": "OKP", "x": b64(key)}).encode()).digest())


def ec(point):
    jwk = {"crv": "P-256", "kty": "EC", "x": b64(point[1:33]), "y": b64(point[33:])}
    return b64(hashlib.sha256(canonical(jwk).encode()).digest())


# The key of RFC 8032 section 7.1, test 1; RFC 8037 appendix A.3 gives its thumbprint.
PUBLIC, SIGN = signer(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
assert PUBLIC.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
KID = okp("Ed25519", PUBLIC)
assert KID == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
# The base point of P-256: the public key of the private key 1.
POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
X25519 = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")

ENTRIES = [
    {"method": "generate", "outcome": "done", "detail": {"alg": "ES256", "purpose": "signing"}},
    {"method": "sign", "kid": ec(POINT), "outcome": "done", "detail": {"bytes": 32}},
    {"method": "vapidHeaders", "outcome": "refused", "detail": {"reason": "ttl „zu lang“ 🙂\n\"x\"", "ttl": 172800, "relay": True}},
    {"method": "session.encrypt", "outcome": "failed", "detail": {}},
]


def chain():
    link, entries, links = bytes(32), [], []
    for seq, entry in enumerate(ENTRIES):
        text = canonical({**entry, "seq": seq, "time": 1763712000000 + seq, "previous": b64(link)})
        link = hashlib.sha256(b"\0" + link + text.encode()).digest()
        entries.append(text)
        links.append(b64(link))
    host = "https://app.briefcase.example"
    head = canonical({"form": "briefcase-audit-head-1", "count": len(entries), "host": host, "kid": KID, "link": links[-1]})
    signature = b64(SIGN(head.encode()))
    return {"publicKey": b64(PUBLIC), "head": head, "signature": signature, "entries": entries, "links": links}


def vapid():
    lease = {"aud": "https://push.example", "sub": "mailto:relay@briefcase.example", "now": 1763712000, "ttl": 7200}
    claims = {"aud": lease["aud"], "exp": lease["now"] + lease["ttl"], "sub": lease["sub"]}
    parts = [canonical({"alg": "ES256", "typ": "JWT"}), canonical(claims)]
    return {**lease, "input": ".".join(b64(part.encode()) for part in parts)}


def approval():
    draft = {
        "approval": "Zm9vYmFyYmF6cXV4AAAAAA",
        "decision": "approve",
        "digest": b64(hashlib.sha256(b"what would run").digest()),
        "text": "Pay 10 € to “Ada”?\nOnce.",
        "host": "https://app.briefcase.example",
        "kid": ec(POINT),
        "time": 1763712000000,
        "expires": 1763712060000,
    }
    return {"draft": draft, "bytes": canonical({**draft, "form": "briefcase-approval-1"})}


def thumbprints():
    keys = [("Ed25519", PUBLIC, KID), ("X25519", X25519, okp("X25519", X25519)), ("ES256", POINT, ec(POINT))]
    return [{"algorithm": name, "raw": b64(raw), "kid": kid} for name, raw, kid in keys]


made = {"thumbprints": thumbprints(), "audit": chain(), "vapid": vapid(), "approval": approval()}
path = pathlib.Path(__file__).with_name("forms.json")
path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
