//! Structured data: JSON, tables, digests, identifiers, keys that are public.

use serde_json::{Value, json};

use super::Rng;

pub(super) fn json_result(rng: &mut Rng) -> String {
    let items = |rng: &mut Rng| {
        let tags: Vec<_> = (0..rng.number(0, 4)).map(|_| rng.word()).collect();
        json!({ "tags": tags, "price": { "amount": rng.number(1, 99_999), "currency": rng.pick(&["EUR", "INR", "USD", "BRL"]) } })
    };
    let value = json!({
        "id": rng.number(1, 1 << 40), "name": format!("{} {}", rng.word(), rng.word()),
        "owner": { "name": rng.name(), "mail": rng.mail() },
        "created_at": format!("{}T{}Z", rng.day(), rng.time()), "etag": format!("\"{}\"", rng.hex(32)),
        "description": rng.sentence(), "active": rng.number(0, 1) == 1, "parent": Value::Null,
        "items": (0..rng.number(1, 6)).map(|_| items(rng)).collect::<Vec<_>>(),
        "next_page_token": rng.base64(18), "url": format!("https://api.example/v2/{}/{}", rng.word(), rng.uuid()),
    });
    if rng.number(0, 1) == 0 { value.to_string() } else { serde_json::to_string_pretty(&value).unwrap_or_default() }
}

pub(super) fn json_list(rng: &mut Rng) -> String {
    let row = |rng: &mut Rng| json!({ "key": rng.word(), "access": rng.pick(&["read", "write"]), "token_count": rng.number(1, 4096), "sha": rng.hex(40) });
    Value::from((0..rng.number(1, 20)).map(|_| row(rng)).collect::<Vec<_>>()).to_string()
}

pub(super) fn csv(rng: &mut Rng) -> String {
    let (comma, end) = (rng.pick(&[",", ";", "\t"]), rng.pick(&["\n", "\r\n"]));
    let head = ["date", "name", "quantity", "price", "comment"].join(comma);
    let rows = rng.several(3, 40, end, |rng| {
        let price = format!("{}.{:02}", rng.number(0, 9_999), rng.number(0, 99));
        [rng.day(), rng.name().into(), rng.number(1, 500).to_string(), price, format!("\"{}\"", rng.sentence())]
            .join(comma)
    });
    format!("{head}{end}{rows}{end}")
}

pub(super) fn checksums(rng: &mut Rng) -> String {
    let digits = [32, 40, 64, 96, 128];
    let digits = *rng.pick(&digits.each_ref());
    rng.several(1, 20, "\n", |rng| format!("{}  {}", rng.hex(digits), rng.path()))
}

pub(super) fn identifiers(rng: &mut Rng) -> String {
    rng.several(3, 20, "\n", |rng| {
        let account = format!("0x{}", rng.hex(40));
        let arn = format!("arn:aws:s3:::{}-{}", rng.word(), rng.number(1, 99_999));
        let ulid = rng.hex(26).to_uppercase();
        let image = format!("registry.example/{}@sha256:{}", rng.word(), rng.hex(64));
        let each =
            [rng.uuid(), account, arn, format!("urn:uuid:{}", rng.uuid()), format!("req_{}", rng.hex(24)), ulid, image];
        format!("{}_id: {}", rng.word(), rng.pick(&each.each_ref()))
    })
}

pub(super) fn image(rng: &mut Rng) -> String {
    let size = usize::try_from(rng.number(60, 6_000)).unwrap_or_default();
    let (kind, begins) = *rng.pick(&[
        &("png", &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..]),
        &("jpeg", &b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..]),
        &("gif", &b"GIF89a"[..]),
        &("webp", &b"RIFF\0\0\0\0WEBPVP8 "[..]),
    ]);
    let bytes = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [begins, &rng.bytes(size)].concat());
    format!("{}\n![{}](data:image/{kind};base64,{bytes})\n", rng.sentence(), rng.word())
}

pub(super) fn public_keys(rng: &mut Rng) -> String {
    let user = format!("{}@{}", rng.word(), rng.word());
    let wrapped = |rng: &mut Rng, lines: u64| rng.several(lines, lines, "\n", |rng| rng.base64(48));
    match rng.number(0, 3) {
        0 => format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} {user}", rng.base64(32)),
        1 => format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", wrapped(rng, 16)),
        2 => format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", wrapped(rng, 3)),
        _ => format!("{}.example ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY{}", rng.word(), rng.base64(72)),
    }
}

pub(super) fn lock_file(rng: &mut Rng) -> String {
    rng.several(2, 10, "\n", |rng| {
        let (name, version) = (
            format!("{}-{}", rng.word(), rng.word()),
            format!("{}.{}.{}", rng.number(0, 9), rng.number(0, 40), rng.number(0, 9)),
        );
        match rng.number(0, 2) {
            0 => {
                format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nchecksum = \"{}\"\n", rng.hex(64))
            }
            1 => format!("\"{name}\": {{ \"version\": \"{version}\", \"integrity\": \"sha512-{}\" }},", rng.base64(64)),
            _ => format!("{name} v{version} h1:{}", rng.base64(32)),
        }
    })
}

pub(super) fn traces(rng: &mut Rng) -> String {
    rng.several(2, 12, "\n", |rng| {
        format!(
            "traceparent: 00-{}-{}-01 span={} took={}ms",
            rng.hex(32),
            rng.hex(16),
            rng.word(),
            rng.number(0, 9_000)
        )
    })
}

pub(super) fn settings(rng: &mut Rng) -> String {
    let line = |rng: &mut Rng| {
        let name = format!("{}_{}", rng.word(), rng.word());
        match rng.number(0, 5) {
            0 => format!("{}: ${{{}}}", name, name.to_uppercase()),
            1 => format!("{name}: {}", rng.number(0, 65_535)),
            2 => format!("{name}: https://{}.example:8443/{}?page={}", rng.word(), rng.word(), rng.number(1, 40)),
            3 => format!("{name}: postgres://localhost:5432/{}", rng.word()),
            4 => format!("{name}: [{}, {}]", rng.word(), rng.word()),
            _ => format!("# {}", rng.sentence()),
        }
    };
    rng.several(4, 30, "\n", line)
}

pub(super) fn sql_result(rng: &mut Rng) -> String {
    let rows = rng.several(1, 12, "\n", |rng| {
        format!(
            "| {:>8} | {:<12} | {} {} | {:>10} |",
            rng.number(1, 99_999),
            rng.name(),
            rng.day(),
            rng.time(),
            rng.word()
        )
    });
    let line = "+----------+--------------+---------------------+------------+";
    format!("{line}\n|       id | name         | created             | state      |\n{line}\n{rows}\n{line}\n")
}
