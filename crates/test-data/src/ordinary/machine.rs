//! Outputs of machines: logs, listings, response heads.

use serde_json::json;

use super::Rng;

fn address(rng: &mut Rng) -> String {
    if rng.number(0, 3) == 0 {
        return format!("2001:db8:{}:{}::{}", rng.hex(4), rng.hex(4), rng.hex(2));
    }
    format!("10.{}.{}.{}", rng.number(0, 255), rng.number(0, 255), rng.number(1, 254))
}

pub(super) fn log(rng: &mut Rng) -> String {
    let kind = rng.number(0, 2);
    rng.several(3, 40, "\n", |rng| {
        let (day, time, from) = (rng.day(), rng.time(), address(rng));
        match kind {
            0 => format!("{day}T{time}.{:03}Z {:<5} {}::{}: {} request_id={} from={from}", rng.number(0, 999), rng.pick(&["INFO", "WARN", "ERROR", "DEBUG"]), rng.word(), rng.word(), rng.sentence(), rng.uuid()),
            1 => format!("Mar {:>2} {time} {} {}[{}]: Accepted publickey for {} from {from} port {} ssh2: ED25519 SHA256:{}", rng.number(1, 31), rng.word(), rng.pick(&["sshd", "systemd", "kernel", "cron"]), rng.number(1, 32_768), rng.word(), rng.number(1_024, 65_535), rng.base64(32).trim_end_matches('=')),
            _ => format!("{from} - {} [{day}:{time} +0000] \"GET /{}?q={}&session={} HTTP/2.0\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"", rng.word(), rng.path(), rng.word(), rng.number(1, 9_999), rng.pick(&["200", "304", "404", "500"]), rng.number(0, 99_999)),
        }
    })
}

pub(super) fn json_log(rng: &mut Rng) -> String {
    rng.several(3, 25, "\n", |rng| {
        json!({ "ts": rng.number(900_000_000, 2_000_000_000), "level": rng.pick(&["info", "warn"]), "msg": rng.sentence(), "trace": rng.hex(32), "host": rng.word(), "took_ms": rng.number(0, 9_999) }).to_string()
    })
}

pub(super) fn listing(rng: &mut Rng) -> String {
    let rows = rng.several(2, 30, "\n", |rng| {
        let mode = rng.pick(&["drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx", "-rw-------"]);
        let name = rng.pick(&[
            "résumé.pdf",
            "Übersicht 2031.xlsx",
            "日報.txt",
            ".gitignore",
            "Makefile",
            "notes (copy).md",
            "отчёт.docx",
            "a b c",
        ]);
        format!(
            "{mode} {:>2} {:<8} staff {:>9} {} {} {name}",
            rng.number(1, 20),
            rng.word(),
            rng.number(0, 99_999_999),
            rng.day(),
            rng.time()
        )
    });
    format!("total {}\n{rows}\n", rng.number(0, 9_999))
}

pub(super) fn file_names(rng: &mut Rng) -> String {
    rng.several(3, 60, "\n", |rng| format!("./{}", rng.path()))
}

pub(super) fn test_run(rng: &mut Rng) -> String {
    let rows = rng.several(3, 30, "\n", |rng| {
        let (name, took) = (format!("{}_{}_{}", rng.word(), rng.word(), rng.word()), rng.number(0, 900));
        match rng.number(0, 4) {
            0 => format!("\u{1b}[31m✗\u{1b}[0m {name} \u{1b}[2m({took} ms)\u{1b}[22m"),
            1 => format!("\u{1b}[33m⚠ skipped\u{1b}[39m {name}"),
            2 => format!("\u{1b}[38;5;{}m●\u{1b}[0m {name}", rng.number(0, 255)),
            _ => format!("\u{1b}[1;32m✓\u{1b}[0m {name} \u{1b}[90m{took}ms\u{1b}[m"),
        }
    });
    format!(
        "\u{1b}[1mrunning {} tests\u{1b}[0m\n{rows}\n\n\u{1b}[32mtest result: ok\u{1b}[0m. {} passed; {} failed\n",
        rng.number(1, 900),
        rng.number(1, 900),
        rng.number(0, 9)
    )
}

pub(super) fn http_head(rng: &mut Rng) -> String {
    format!(
        "HTTP/1.1 {} OK\r\ndate: {} {} GMT\r\ncontent-type: application/json; charset=utf-8\r\netag: W/\"{}\"\r\nx-request-id: {}\r\ncf-ray: {}-FRA\r\ncache-control: private, max-age={}\r\nstrict-transport-security: max-age=31536000\r\n\r\n{{\"ok\":true,\"{}\":{}}}",
        rng.pick(&["200", "201", "206"]),
        rng.day(),
        rng.time(),
        rng.hex(40),
        rng.uuid(),
        rng.hex(16),
        rng.number(0, 9_999),
        rng.word(),
        rng.number(0, 99)
    )
}

pub(super) fn containers(rng: &mut Rng) -> String {
    let rows = rng.several(1, 12, "\n", |rng| {
        format!(
            "{}   {}.example/{}:{}   \"/bin/{} --port {}\"   {} hours ago   Up   0.0.0.0:{}->8080/tcp   {}_{}",
            rng.hex(12),
            rng.word(),
            rng.word(),
            rng.hex(7),
            rng.word(),
            rng.number(1_024, 9_999),
            rng.number(1, 99),
            rng.number(1_024, 65_535),
            rng.word(),
            rng.name().to_lowercase()
        )
    });
    format!("CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES\n{rows}\n")
}

pub(super) fn windows_text(rng: &mut Rng) -> String {
    let begin = rng.pick(&["", "\u{feff}"]);
    let lines = rng.several(2, 20, "\r\n", |rng| {
        format!(
            "C:\\Users\\{}\\{}\\{}.docx\t{}\t{}",
            rng.name(),
            rng.word(),
            rng.word(),
            rng.number(1, 99_999),
            rng.day()
        )
    });
    format!("{begin}Name\tSize\tDate\r\n{lines}\r\n")
}
