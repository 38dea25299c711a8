"""Makes receipts.json with the Python standard library alone, from the description in the crate's documentation.

An independent second implementation: the Rust code has to agree with it byte for byte.
"""
import base64, hashlib, hmac, json, pathlib


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handle(number):
    return b64(bytes([number] * 16))


def digest(text):
    return b64(hashlib.sha256(text.encode()).digest())


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def labelled(label, *parts):
    state = label.encode() + b"\0"
    for part in parts:
        state += len(part).to_bytes(8, "big") + part
    return state


def keyed(key, label, *parts):
    return hmac.new(key, labelled(label, *parts), hashlib.sha256).digest()


def commitments(key, call, arguments):
    fields = {}
    for name, value in arguments.items():
        raw = name.encode()
        salt = keyed(key, "briefcase/commit/salt/1", b"briefcase/commit/field/1", call, raw)
        tag = hashlib.sha256(labelled("briefcase/commit/name/1", call, raw)).digest()
        value = canonical(value).encode()
        fields[tag] = keyed(salt, "briefcase/commit/field/1", raw, value)
    parts = [part for tag in sorted(fields) for part in (tag, fields[tag])]
    return hashlib.sha256(labelled("briefcase/commit/root/1", *parts)).digest()


def tree(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()


AT = 1763712000000
CALL = {"agent": "claude-code", "session": handle(2), "authority": 7}
RECEIPTS = [
    {"k": "start", "incarnation": handle(1), "program": "0.1.0"},
    {"k": "change", "old": 0, "authority": 7, "digest": digest("document"), "factor": "pin", "summary": ["server_added", "github"]},
    {"k": "intent", **CALL, "call": handle(3), "server": "github", "op": "tools/call", "name": "search_code", "pin": digest("pin"),
     "args": digest("args"), "policies": ["granted-reads"], "decision": "allow"},
    {"k": "outcome", "call": handle(3), "intent": "r2", "status": "ok", "result": digest("result"), "bytes": 1234, "ms": 87},
    {"k": "refusal", **CALL, "call": handle(4), "server": "github", "op": "tools/call", "name": "delete_repo", "code": "approval_required",
     "reason": "ask", "args": digest("args2"), "policies": ["writes-ask"], "approval": handle(5)},
    {"k": "approval", "approval": handle(5), "digest": digest("what runs"), "step": "approved", "call": handle(4),
     "agent": "claude-code", "factor": "passkey", "scope": "once"},
    {"k": "intent", **CALL, "call": handle(6), "server": "files", "op": "resources/read", "name": "file:///tmp/naïve \"日本\" 🙂.txt",
     "cost": "0.01 USDC", "decision": "approved", "approval": handle(5)},
    {"k": "restore", "was": handle(1), "incarnation": handle(7)},
    {"k": "reconcile", "call": handle(6), "intent": "r6", "verdict": "unknown"},
    {"k": "notice", "what": "tool_changed", "server": "github", "detail": "search_code"},
]
# Receipts with an amount of an asset have version 2; all others keep version 1.
USDC = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
SATOSHI = "bip122:000000000019d6689c085ae165831e93/slip44:0"
RECEIPTS_WITH_AMOUNTS = [
    {"k": "intent", **CALL, "call": handle(8), "server": "search", "op": "call_tool", "name": "web_search", "decision": "approved",
     "approval": handle(5), "amount": "0.010000 " + USDC},
    {"k": "outcome", "call": handle(8), "status": "ok", "bytes": 12, "ms": 3, "amount": "0.009500 " + USDC},
    {"k": "outcome", "call": handle(9), "status": "ok", "bytes": 12, "ms": 3, "cost": "0.01 USD", "amount": "21 " + SATOSHI},
    {"k": "outcome", "call": handle(10), "status": "ok", "bytes": 12, "ms": 3, "amount": f"{2**128 - 1} " + SATOSHI},
]
lines = [canonical({"v": 1, "at": AT + place, **receipt}) for place, receipt in enumerate(RECEIPTS)]
leaves = [line.encode() for line in lines]
key, call = bytes(range(32)), bytes([3] * 16)
arguments = {"query": "naïve 🙂", "limit": 10, "ratio": 0.5, "filters": {"b": [True, None], "a": ""}, "": {}}
vector = {
    "receipts": lines,
    "receipts_with_amounts": [canonical({"v": 2, "at": AT, **receipt}) for receipt in RECEIPTS_WITH_AMOUNTS],
    "roots": [b64(tree(leaves[:size])) for size in range(len(leaves) + 1)],
    "commitment": {"key": key.hex(), "call": b64(call), "arguments": arguments, "root": b64(commitments(key, call, arguments))},
}
path = pathlib.Path(__file__).with_name("receipts.json")
path.write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
