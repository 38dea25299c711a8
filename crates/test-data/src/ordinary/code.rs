//! Outputs for programmers: source, differences, stack traces.

use super::Rng;

const SOURCES: &[fn(&mut Rng) -> String] = &[rust, python, typescript, go, css];

pub(super) fn source(rng: &mut Rng) -> String {
    let place = usize::try_from(rng.number(0, 4)).unwrap_or_default();
    SOURCES.get(place).map_or_else(String::new, |make| make(rng))
}

fn rust(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "//! {}\nuse std::collections::HashMap;\n\n/// {}\npub fn {a}_{b}<'a>(input: &'a str, limit: usize) -> Option<&'a str> {{\n    let mut {b}: HashMap<u64, &str> = HashMap::new();\n    for (i, line) in input.lines().enumerate().take(limit) {{\n        {b}.entry(i as u64 ^ 0x{}).or_insert(line);\n    }}\n    {b}.get(&{}).copied()\n}}\n",
        rng.sentence(),
        rng.sentence(),
        rng.hex(8),
        rng.number(0, 999)
    )
}

fn python(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "import os\nfrom {a} import {b}\n\n\ndef read_{a}(path: str, *, key: str = \"{b}\") -> dict[str, int]:\n    \"\"\"{}\"\"\"\n    token = os.environ[\"{}_TOKEN\"]\n    with open(path, encoding=\"utf-8\") as lines:\n        return {{line.strip(): len(line) for line in lines if key in line and token}}\n",
        rng.sentence(),
        a.to_uppercase()
    )
}

fn typescript(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "import {{ {a} }} from \"./{b}.ts\";\n\n// {}\nexport async function {b}(password: string, secret = process.env.{}_SECRET): Promise<number> {{\n  const answer = await fetch(`/api/{a}/${{encodeURIComponent(password)}}`, {{ headers: {{ authorization: `Bearer ${{secret}}` }} }});\n  return answer.ok ? {} : await {a}(answer);\n}}\n",
        rng.sentence(),
        b.to_uppercase(),
        rng.number(0, 99)
    )
}

fn go(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "package {a}\n\nimport \"fmt\"\n\n// {}\nfunc {}(ctx context.Context, {b} []byte) (int, error) {{\n\tif len({b}) > {} {{\n\t\treturn 0, fmt.Errorf(\"{a}: %w\", err{b})\n\t}}\n\treturn len({b}), nil\n}}\n",
        rng.sentence(),
        rng.name(),
        rng.number(1, 9_999)
    )
}

fn css(rng: &mut Rng) -> String {
    rng.several(2, 8, "\n", |rng| {
        format!(
            ".{}-{} {{\n  color: #{};\n  margin: {}px auto;\n  content: \"\\2014\";\n}}",
            rng.word(),
            rng.word(),
            rng.hex(6),
            rng.number(0, 64)
        )
    })
}

pub(super) fn diff(rng: &mut Rng) -> String {
    let path = rng.path();
    let lines = rng.several(3, 20, "\n", |rng| {
        format!(
            "{}    let {} = {}.{}({});",
            rng.pick(&["+", "-", " "]),
            rng.word(),
            rng.word(),
            rng.word(),
            rng.number(0, 99)
        )
    });
    format!(
        "diff --git a/{path} b/{path}\nindex {}..{} 100644\n--- a/{path}\n+++ b/{path}\n@@ -{},7 +{},9 @@ fn {}()\n{lines}\n\\ No newline at end of file\n",
        rng.hex(7),
        rng.hex(7),
        rng.number(1, 900),
        rng.number(1, 900),
        rng.word()
    )
}

pub(super) fn git_log(rng: &mut Rng) -> String {
    rng.several(1, 8, "\n\n", |rng| {
        format!(
            "commit {}\nAuthor: {} <{}>\nDate:   {} {} +0530\n\n    {}: {}\n\n    Signed-off-by: {} <{}>",
            rng.hex(40),
            rng.name(),
            rng.mail(),
            rng.day(),
            rng.time(),
            rng.word(),
            rng.sentence(),
            rng.name(),
            rng.mail()
        )
    })
}

pub(super) fn stack_trace(rng: &mut Rng) -> String {
    let line = |rng: &mut Rng| rng.number(1, 2_000);
    match rng.number(0, 3) {
        0 => {
            let frames = rng.several(3, 25, "\n", |rng| {
                format!(
                    "\tat com.example.{}.{}Service.lambda${}${}({}.java:{})",
                    rng.word(),
                    rng.word(),
                    rng.word(),
                    rng.number(0, 9),
                    rng.word(),
                    line(rng)
                )
            });
            format!(
                "java.lang.IllegalStateException: {}\n{frames}\nCaused by: java.io.IOException: Broken pipe\n\t... {} more\n",
                rng.sentence(),
                line(rng)
            )
        }
        1 => {
            let frames = rng.several(2, 15, "\n", |rng| {
                format!(
                    "  File \"/usr/lib/python3/dist-packages/{}\", line {}, in {}\n    {}({})",
                    rng.path(),
                    line(rng),
                    rng.word(),
                    rng.word(),
                    rng.word()
                )
            });
            format!("Traceback (most recent call last):\n{frames}\nKeyError: '{}'\n", rng.word())
        }
        2 => {
            let frames = rng.several(3, 15, "\n", |rng| {
                format!(
                    "    at async {}.{} (file:///app/{}:{}:{})",
                    rng.word(),
                    rng.word(),
                    rng.path(),
                    line(rng),
                    rng.number(1, 99)
                )
            });
            format!("TypeError: Cannot read properties of undefined (reading '{}')\n{frames}\n", rng.word())
        }
        _ => {
            let frames = rng.several(3, 20, "\n", |rng| {
                format!(
                    "  {:>2}: {}::{}::{{{{closure}}}}::h{}\n             at ./{}:{}:{}",
                    rng.number(0, 40),
                    rng.word(),
                    rng.word(),
                    rng.hex(16),
                    rng.path(),
                    line(rng),
                    rng.number(1, 80)
                )
            });
            format!(
                "thread 'main' panicked at {}:{}:9:\nindex out of bounds\nstack backtrace:\n{frames}\n",
                rng.path(),
                line(rng)
            )
        }
    }
}

pub(super) fn compiler(rng: &mut Rng) -> String {
    rng.several(1, 6, "\n\n", |rng| {
        let (path, line) = (rng.path(), rng.number(1, 900));
        format!(
            "error[E0{}]: cannot find value `{}` in this scope\n  --> {path}:{line}:{}\n   |\n{line} |     let {} = {};\n   |              ^^^^^^ help: a local variable with a similar name exists: `{}`",
            rng.number(100, 799), rng.word(), rng.number(1, 80), rng.word(), rng.word(), rng.word()
        )
    })
}

pub(super) fn query(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "WITH {b} AS (\n  SELECT {a}.id, count(*) AS n FROM {a}s {a} LEFT JOIN {b}s USING ({a}_id)\n  WHERE created_at >= '{}' AND state <> '{}' GROUP BY 1\n)\nSELECT * FROM {b} ORDER BY n DESC LIMIT {};\n",
        rng.day(),
        rng.word(),
        rng.number(1, 500)
    )
}

pub(super) fn shell(rng: &mut Rng) -> String {
    let (a, b) = (rng.word(), rng.word());
    format!(
        "#!/usr/bin/env bash\nset -euo pipefail\n# {}\nfor {a} in $(ls -1 \"${{{}_DIR:-/srv/{a}}}\"); do\n  curl -fsS -H \"Authorization: Bearer $API_TOKEN\" \"https://{b}.example/api/{a}/${{{a}}}\" | jq -r '.{b}[] | select(.id > {})' \ndone\n",
        rng.sentence(),
        a.to_uppercase(),
        rng.number(1, 99)
    )
}
