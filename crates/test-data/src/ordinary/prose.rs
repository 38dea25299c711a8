//! Texts by people: pages, mail, many languages, emoji.

use super::Rng;

pub(super) fn html(rng: &mut Rng) -> String {
    let rows = rng.several(1, 8, "\n", |rng| {
        format!(
            "    <li class=\"{}\"><a href=\"https://{}.example/{}?id={}#top\">{}</a> &mdash; {} &euro;</li>",
            rng.word(),
            rng.word(),
            rng.path(),
            rng.number(1, 9_999),
            rng.sentence(),
            rng.number(1, 999)
        )
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title>\n<link rel=\"stylesheet\" href=\"/static/{}.css\" integrity=\"sha384-{}\"></head>\n<body>\n  <h1>{}</h1>\n  <p>{} {}</p>\n  <ul>\n{rows}\n  </ul>\n  <img src=\"/img/{}.png\" alt=\"{}\" width=\"{}\">\n</body>\n</html>\n",
        rng.sentence(),
        rng.hex(8),
        rng.base64(48),
        rng.sentence(),
        rng.sentence(),
        rng.sentence(),
        rng.word(),
        rng.word(),
        rng.number(16, 1_600)
    )
}

pub(super) fn markdown(rng: &mut Rng) -> String {
    let list = rng.several(1, 6, "\n", |rng| {
        format!(
            "- [{}](https://{}.example/{}) **{}**: {}",
            rng.word(),
            rng.word(),
            rng.path(),
            rng.word(),
            rng.sentence()
        )
    });
    let rows = rng.several(1, 6, "\n", |rng| format!("| {} | {} | `{}` |", rng.name(), rng.number(0, 999), rng.hex(7)));
    format!(
        "# {}\n\n{} {}\n\n{list}\n\n| who | count | commit |\n|---|--:|---|\n{rows}\n\n```sh\n{} --{} {}\n```\n\n![build](https://img.example/{}.svg)\n\n> {}\n",
        rng.sentence(),
        rng.sentence(),
        rng.sentence(),
        rng.word(),
        rng.word(),
        rng.number(0, 9),
        rng.word(),
        rng.sentence()
    )
}

pub(super) fn mail(rng: &mut Rng) -> String {
    let body = rng.several(1, 6, "\n\n", |rng| format!("{} {}", rng.sentence(), rng.sentence()));
    let (to, from) = (rng.name(), rng.name());
    format!(
        "From: {from} <{}>\nTo: {to} <{}>\nDate: {} {}\nMessage-ID: <{}@{}.example>\nSubject: {} (№ {})\n\nDear {to},\n\n{body}\n\nBest regards — Grüße — Saludos\n{from}\n-- \n☎ +49 30 {}\n",
        rng.mail(),
        rng.mail(),
        rng.day(),
        rng.time(),
        rng.uuid(),
        rng.word(),
        rng.sentence(),
        rng.number(1, 9_999),
        rng.number(1_000_000, 9_999_999)
    )
}

const LANGUAGES: &[&str] = &[
    "Die Lieferung kommt am Dienstag; „bitte“ um Rückmeldung bis spätestens 17 Uhr – danke!",
    "L’été dernier, nous avons œuvré à Besançon : « c’est déjà ça », disait-elle…",
    "¿Cuándo llega el próximo tren a Málaga? ¡Ojalá no tarde más de quince minutos!",
    "Zażółć gęślą jaźń. Źdźbło trawy rosło przy ścieżce.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Árvíztűrő tükörfúrógép, öt hűtőházból kértünk színhúst.",
    "Þetta er síðasta sætið á ferjunni til Vestmannaeyja.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Щастя — це коли тебе розуміють; їжак під ґанком.",
    "Η παραγγελία σας θα παραδοθεί την Παρασκευή στις 10:30 π.μ.",
    "会議は来週の火曜日、午後三時からです。ＡＢＣ商事（株）様もご参加くださいます。",
    "请在星期五之前提交报告，谢谢。总价：￥1,280.00（含税）",
    "배송은 영업일 기준 3일 이내에 완료됩니다. 감사합니다!",
    "कृपया अपना ऑर्डर क्रमांक बताइए; क्\u{200d}षमा करें, श्री\u{200d}मान।",
    "আপনার চালানটি আগামীকাল পৌঁছাবে। ধন্যবাদ।",
    "உங்கள் முன்பதிவு உறுதி செய்யப்பட்டது.",
    "మీ ఆర్డర్ సిద్ధంగా ఉంది.",
    "ශ්\u{200d}රී ලංකාවේ කාලගුණය අද හොඳයි.",
    "การประชุม\u{200b}เลื่อน\u{200b}ไปวันศุกร์ เวลา ๑๐ นาฬิกา",
    "ព្រះរាជាណាចក្រ\u{200b}កម្ពុជា\u{200b}ស្វាគមន៍",
    "Cuộc họp được dời sang thứ Sáu tuần tới, phòng số 4.",
    "Siparişiniz İstanbul’dan yola çıktı; ığdır şubesine uğrayacak.",
    "ᠮᠣᠩᠭᠣᠯ\u{180b} ᠪᠢᠴᠢᠭ",
    "葛\u{e0100}城市 辻\u{e0101}さん",
    "∀x ∈ ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β ≠ α ∨ β; 5 µm ± 0,3 %",
    "Habari ya asubuhi! Mkutano utaanza saa nne kamili.",
    "Ẹ káàárọ̀; ìpàdé náà yóò bẹ̀rẹ̀ ní aago mẹ́wàá.",
    "ქართული ანბანი — ოცდაცამეტი ასო.",
    "Հայերեն այբուբենը ունի երեսունինը տառ։",
];

pub(super) fn languages(rng: &mut Rng) -> String {
    rng.several(2, 8, "\n", |rng| format!("{} [{}]", rng.pick(LANGUAGES), rng.number(1, 9_999)))
}

const RIGHT_TO_LEFT: &[&str] = &[
    "الاجتماع يوم الخميس الساعة العاشرة صباحًا في القاعة رقم ٤.",
    "تم شحن الطلب \u{200f}(ABC-77)\u{200f} إلى العنوان المسجّل.",
    "ההזמנה נשלחה אל \u{200e}warehouse-7\u{200e} ותגיע ביום שני.",
    "שלום \u{2068}Grace\u{2069}, הפגישה נדחתה לשעה 16:30.",
    "جلسه به سه\u{200c}شنبه موکول شد؛ می\u{200c}توانید ساعت ده بیایید.",
    "آپ کا آرڈر کل صبح پہنچ جائے گا، شکریہ۔",
    "ئەم نامەیە بۆ ئێوەیە.",
    "א״ב ג׳ — “ציטוט” (סוגריים) 100%",
];

pub(super) fn right_to_left(rng: &mut Rng) -> String {
    rng.several(1, 6, "\n", |rng| format!("{} {}", rng.pick(RIGHT_TO_LEFT), rng.number(1, 9_999)))
}

const EMOJI: &[&str] = &[
    "👨\u{200d}👩\u{200d}👧\u{200d}👦",
    "👩🏽\u{200d}💻",
    "🏳\u{fe0f}\u{200d}🌈",
    "❤\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "🇮🇳",
    "🇩🇪",
    "🎉",
    "✅",
    "⚠\u{fe0f}",
    "🧑\u{200d}🚀",
    "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "☀\u{fe0f}",
    "👍🏿",
    "🤷\u{200d}♀\u{fe0f}",
    "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
    "©\u{fe0f}",
    "↔\u{fe0f}",
];

pub(super) fn emoji(rng: &mut Rng) -> String {
    rng.several(2, 12, "\n", |rng| {
        format!("{} {} {}{}", rng.pick(EMOJI), rng.sentence(), rng.pick(EMOJI), rng.pick(EMOJI))
    })
}

pub(super) fn calendar(rng: &mut Rng) -> String {
    rng.several(1, 6, "\n", |rng| {
        format!("- id: '{}'\n  title: {}\n  description: '{}\n\n    {}'\n  start: {} {}\n  participants: [{}, {}]\n  status: confirmed", rng.number(1, 900), rng.sentence(), rng.sentence(), rng.sentence(), rng.day(), rng.time(), rng.mail(), rng.mail())
    })
}

pub(super) fn search_results(rng: &mut Rng) -> String {
    rng.several(2, 10, "\n\n", |rng| {
        format!(
            "{}. {}\nhttps://www.{}.example/{}/{}?utm_source={}\n{} … {}",
            rng.number(1, 30),
            rng.sentence(),
            rng.word(),
            rng.word(),
            rng.word(),
            rng.word(),
            rng.sentence(),
            rng.sentence()
        )
    })
}

pub(super) fn chat(rng: &mut Rng) -> String {
    rng.several(2, 15, "\n", |rng| {
        format!(
            "[{}] {}: {} {}",
            rng.time(),
            rng.name(),
            rng.sentence(),
            rng.pick(&["", "👍", ":)", "lol", "+1", "@here"])
        )
    })
}

/// Texts about secrets that contain no secret.
const ABOUT_SECRETS: &[&str] = &[
    "Set the variable `API_TOKEN` before you start the service; never commit it.",
    "To rotate the key, open Settings → Security and choose Rotate.",
    "The password must have at least 12 characters. Passwords are hashed with Argon2id.",
    "Authorization: Bearer <your token here>",
    "Use `export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` with your own token.",
    "Access keys begin with AKIA and have twenty characters.",
    "A secret scanner looks for patterns; a vault keeps values out of reach.",
    "postgres://user:${PASSWORD}@db.example/app",
    "Bearer authentication is described in RFC 6750.",
    "Run `ssh-keygen -t ed25519` and send us the file that ends in .pub.",
];

pub(super) fn how_to(rng: &mut Rng) -> String {
    rng.several(2, 8, "\n", |rng| format!("{}. {} {}", rng.number(1, 20), rng.pick(ABOUT_SECRETS), rng.sentence()))
}
