"""Writes pins.json and windows.json. Shares no code with the crate: RFC 8785 for values whose names are ASCII and whose
numbers are small integers is what `json.dumps` writes with sorted keys and no blanks."""
import base64
import calendar
import datetime
import hashlib
import json


def labelled(label, parts):
    hasher = hashlib.sha256(label.encode() + b"\0")
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return base64.urlsafe_b64encode(hasher.digest()).decode().rstrip("=")


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pin(server, definition):
    return labelled("briefcase/pin/1", [server.encode(), canonical(definition)])


DEFINITIONS = [
    {"name": "add", "inputSchema": {"type": "object"}},
    {
        "name": "send",
        "title": "Send",
        "description": "Größe 日本 \U0001f600 \"quoted\"\n",
        "inputSchema": {"type": "object", "properties": {"to": {"type": "string"}, "n": {"minimum": 1}}, "required": ["to"]},
        "annotations": {"readOnlyHint": False, "z": None, "a": [1, -2, True]},
    },
]
PINS = [
    {"server": server, "definition": definition, "pin": pin(server, definition)}
    for server in ("mail", "files")
    for definition in DEFINITIONS
]

# For each time: the first millisecond of its hour, day and month, and of the next ones.
WINDOWS = []
for text in ["1970-01-01T00:00:00", "1999-12-31T23:59:59", "2000-02-29T12:30:00", "2024-02-29T23:59:59",
             "2026-11-21T09:30:00", "2100-02-28T23:59:59", "2100-03-01T00:00:00", "2400-02-29T00:00:01"]:
    at = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    hour = at.replace(minute=0, second=0)
    day = hour.replace(hour=0)
    month = day.replace(day=1)
    days = calendar.monthrange(at.year, at.month)[1]
    millis = lambda moment: calendar.timegm(moment.timetuple()) * 1000
    WINDOWS.append({
        "at": millis(at),
        "hour": [millis(hour), millis(hour + datetime.timedelta(hours=1))],
        "day": [millis(day), millis(day + datetime.timedelta(days=1))],
        "month": [millis(month), millis(month + datetime.timedelta(days=days))],
    })

for name, rows in (("pins", PINS), ("windows", WINDOWS)):
    with open(f"{name}.json", "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1, ensure_ascii=True)
        out.write("\n")
