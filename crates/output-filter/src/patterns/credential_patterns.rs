//! The patterns of each vendor's credentials, from the vendors' own documentation of their formats.

/// The confidence in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confidence {
    /// A match is replaced.
    Replace,
    /// A match is flagged and passed on.
    Flag,
}

/// One form of credential.
#[derive(Debug)]
pub(super) struct CredentialPattern {
    /// Literal prefixes. A credential contains one of them, in upper or lower case.
    pub(super) begins: &'static [&'static str],
    /// The regular expression. Group 1 is the secret; without a group, the whole match.
    pub(super) pattern: &'static str,
    /// Tells a secret from a placeholder.
    pub(super) real: fn(&str) -> bool,
    /// Whether the match must not continue a word on that side.
    pub(super) word_left: bool,
    pub(super) word_right: bool,
    pub(super) sure: Confidence,
}

const fn replace(begins: &'static [&'static str], pattern: &'static str, real: fn(&str) -> bool) -> CredentialPattern {
    CredentialPattern { begins, pattern, real, word_left: true, word_right: true, sure: Confidence::Replace }
}

const fn anywhere(begins: &'static [&'static str], pattern: &'static str, real: fn(&str) -> bool) -> CredentialPattern {
    CredentialPattern { begins, pattern, real, word_left: false, word_right: false, sure: Confidence::Replace }
}

const fn flag(begins: &'static [&'static str], pattern: &'static str) -> CredentialPattern {
    CredentialPattern { begins, pattern, real: any, word_left: false, word_right: false, sure: Confidence::Flag }
}

fn any(_: &str) -> bool {
    true
}

fn distinct(text: &str) -> usize {
    let seen: std::collections::BTreeSet<u8> = text.bytes().collect();
    seen.len()
}

/// Returns false for a few repeated characters, as in `ghp_xxxxxxxx`. Longer texts need more variety.
fn varied(text: &str) -> bool {
    let body = text.rsplit(['_', '-', '.']).max_by_key(|part| part.len()).unwrap_or(text);
    let needed = if body.len() >= 32 { 9 } else { 6 };
    distinct(text) >= needed.min(text.len()) && distinct(body) >= needed.min(body.len()).min(5)
}

/// Varied, with letters and digits.
fn random(text: &str) -> bool {
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    digits && text.bytes().any(|byte| byte.is_ascii_alphabetic()) && distinct(text) >= 10
}

/// Random, in upper and lower case.
fn mixed(text: &str) -> bool {
    let (lower, upper) = (|byte: u8| byte.is_ascii_lowercase(), |byte: u8| byte.is_ascii_uppercase());
    random(text) && text.bytes().any(lower) && text.bytes().any(upper)
}

/// Returns false for a long text of very few characters, which is a placeholder. Short texts pass.
fn not_padding(text: &str) -> bool {
    text.len() < 40 || distinct(text) >= 9
}

/// Contains a digit, which a word in capitals does not.
fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns false for a variable, or a word that means a password.
fn not_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let stands_for = ["pass", "pwd", "secret", "token", "example", "changeme", "xxx", "***", "redacted", "user"];
    !text.starts_with(['$', '{', '<', '%', '[']) && !stands_for.iter().any(|word| lower.contains(word))
}

use self::{anywhere as a, replace as r};

pub(super) const CREDENTIAL_PATTERNS: &[CredentialPattern] = &[
    // Clouds.
    r(
        &["AKIA", "ASIA", "A3T", "ABIA", "ACCA", "AGPA", "AIDA", "AROA", "AIPA", "ANPA", "ANVA"],
        "(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
        any,
    ),
    r(
        &["aws"],
        r#"(?i-u:aws[_ -]?secret[_ -]?(?:access[_ -]?)?key)["']?\s{0,3}[:=]{1,3}>?\s{0,3}["']?([A-Za-z0-9/+]{40})"#,
        mixed,
    ),
    r(&["GOCSPX-"], "GOCSPX-[A-Za-z0-9_-]{28}", varied),
    r(&["ya29."], r"ya29\.[A-Za-z0-9_-]{40,}", varied),
    r(&["Q~"], r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", random),
    r(&["LTAI"], "LTAI[A-Za-z0-9]{20}", random),
    r(&["dop_v1_", "doo_v1_", "dor_v1_"], "do[opr]_v1_[a-f0-9]{64}", varied),
    r(&["tk-us-"], "tk-us-[A-Za-z0-9_-]{48}", varied),
    r(&["dapi"], "dapi[a-h0-9]{32}(?:-[0-9])?", varied),
    r(&["fm1", "fm2_", "fo1_"], "(?:FlyV1 )?(?:fm1[ar]|fm2|fo1)_[A-Za-z0-9+/=,_-]{40,}", varied),
    r(&["HRKU-"], "HRKU-[A-Za-z0-9_-]{58,64}", varied),
    r(&["v1.0-"], r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", varied),
    r(&["dt0c01."], r"dt0c01\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}", varied),
    r(&["atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9=_-]{60,70}", varied),
    r(&["pscale_"], "pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}", varied),
    r(&["pul-"], "pul-[a-f0-9]{40}", varied),
    r(&["sha256~"], "sha256~[A-Za-z0-9_-]{43}", varied),
    r(&["dp."], r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{40,44}", varied),
    // Code hosts and packages.
    r(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[pousr]_[A-Za-z0-9]{36,255}", varied),
    r(&["github_pat_"], "github_pat_[A-Za-z0-9_]{36,255}", varied),
    r(
        &["glpat-", "gldt-", "glrt-", "glft-", "glcbt-", "glsoat-", "glffct-", "glwt-", "glrtr-"],
        r"gl(?:pat|dt|rt|ft|cbt|soat|ffct|wt|rtr)-[A-Za-z0-9_-]{20,50}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?",
        varied,
    ),
    r(&["GR1348941"], "GR1348941([A-Za-z0-9_-]{20,50})", varied),
    r(&["glimt-"], "glimt-[A-Za-z0-9_-]{25}", varied),
    r(&["glptt-"], "glptt-[A-Za-z0-9_-]{40}", varied),
    r(&["glagent-"], "glagent-[A-Za-z0-9_-]{50,1000}", varied),
    r(&["gloas-"], "gloas-[A-Za-z0-9_-]{64}", varied),
    r(&["_gitlab_session"], "_gitlab_session=([0-9a-z]{32})", varied),
    r(
        &["_authToken"],
        r"//[^\s/]{3,100}/:_authToken=\s{0,3}(npm_[A-Za-z0-9]{8,}|[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12})",
        any,
    ),
    r(&["npm_"], "npm_[A-Za-z0-9]{36}", varied),
    r(&["pypi-"], "pypi-AgE[A-Za-z0-9_-]{50,}", varied),
    r(&["rubygems_"], "rubygems_[a-f0-9]{48}", varied),
    r(&["oy2"], "oy2[a-z0-9]{43}", random),
    r(&["CLOJARS_"], "(?i-u:CLOJARS_)[a-z0-9]{60}", varied),
    CredentialPattern { word_right: true, ..a(&["AKC"], r#"(?:^|[\s=:"'])(AKC[A-Za-z0-9]{10,})"#, not_padding) },
    CredentialPattern {
        word_right: true,
        ..a(
            &[
                "AP0", "AP1", "AP2", "AP3", "AP4", "AP5", "AP6", "AP7", "AP8", "AP9", "APA", "APB", "APC", "APD",
                "APE", "APF",
            ],
            r#"(?:^|[\s=:"'])(AP[0-9A-F][A-Za-z0-9]{8,})"#,
            has_digit,
        )
    },
    r(&["cmVmd"], "cmVmd[A-Za-z0-9]{59}", varied),
    r(&["ATATT3"], "ATATT3[A-Za-z0-9_=-]{186}", varied),
    // Chat, mail, telephone.
    r(&["xox"], "xox[abeoprs](?:-[A-Za-z0-9]{1,64}){1,6}", random),
    r(&["xapp-"], "xapp-[0-9]-[A-Za-z0-9]{1,20}-[0-9]{5,20}-[a-z0-9]{20,}", random),
    r(&["hooks.slack.com"], "hooks.slack.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{43,56})", random),
    a(&["."], r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}", random),
    r(&[":AA"], "[0-9]{8,10}:AA[A-Za-z0-9_-]{32,33}", varied),
    r(&["SG."], r"SG\.[A-Za-z0-9_=.-]{60,70}", varied),
    r(&["SK", "AC"], "(?:SK|AC)[a-z0-9]{32}", any),
    r(&["key-"], "key-[a-f0-9]{32}", varied),
    r(&["-us"], "[a-f0-9]{32}-us[0-9]{1,2}", varied),
    r(&["xkeysib-"], "xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}", varied),
    r(
        &["MessageBird", "message-bird", "message_bird"],
        r#"(?i-u:message[_-]?bird)[A-Za-z0-9_ .-]{0,24}["']?\s{0,3}[:=]{1,4}>?\s{0,3}["']?([A-Za-z0-9]{25}|[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12})"#,
        any,
    ),
    // Payments and shops.
    r(&["sk_", "rk_"], "(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,99}", varied),
    r(&["whsec_"], "whsec_[A-Za-z0-9+/]{32,44}", varied),
    r(&["sq0"], "sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}", varied),
    r(&["EAAA"], "EAAA[A-Za-z0-9_-]{60}", random),
    r(&["EZAK", "EZTK"], "EZ[AT]K[A-Za-z0-9]{54}", varied),
    r(&["shp"], "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", varied),
    r(&["FLW"], "FLW(?:SEC|PUB)K(?:_TEST)?-[A-Ha-h0-9]{12,32}-X", varied),
    r(&["shippo_"], "shippo_(?:live|test)_[A-Fa-f0-9]{40}", varied),
    r(&["duffel_"], "duffel_(?:test|live)_[A-Za-z0-9_=-]{43}", varied),
    r(&["access-"], "access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", varied),
    a(&["ico-"], r"(?:^|[^A-Za-z0-9_.-])(ico-[A-Za-z0-9]{32})(?:$|[^A-Za-z0-9_.-])", |text| {
        varied(text) && distinct(text) >= 12
    }),
    // AI models.
    r(&["sk-"], "sk-(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{40,}", varied),
    r(&["sk-"], "sk-[A-Za-z0-9]{48}", varied),
    r(&["sk-ant-"], "sk-ant-[a-z0-9]{3,12}-[A-Za-z0-9_-]{40,}", varied),
    r(&["sk-or-v1-"], "sk-or-v1-[0-9a-f]{64}", varied),
    r(&["pplx-"], "pplx-[A-Za-z0-9]{48}", varied),
    r(&["hf_"], "(?:hf|api_org)_[A-Za-z]{34}", varied),
    r(&["gsk_"], "gsk_[A-Za-z0-9]{52}", varied),
    r(&["r8_"], "r8_[A-Za-z0-9]{37}", varied),
    // Vaults, tokens, keys.
    r(&["hvs."], r"hvs\.[A-Za-z0-9_-]{90,120}", varied),
    r(&["hvb."], r"hvb\.[A-Za-z0-9_-]{138,300}", varied),
    r(&["s."], r"s\.[A-Za-z0-9]{24}", mixed),
    r(&["ops_eyJ"], "ops_eyJ[A-Za-z0-9+/]{250,}={0,3}", varied),
    r(&["A3-"], "A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}", random),
    r(&["AGE-SECRET-KEY-1"], "AGE-SECRET-KEY-1[0-9A-Z]{58}", any),
    r(&["eyJ"], r"eyJ[A-Za-z0-9_-]{14,}\.(?:eyJ|[A-Za-z0-9_-])[A-Za-z0-9_-]{14,}\.[A-Za-z0-9_-]{20,}={0,2}", varied),
    a(
        &["PRIVATE KEY"],
        r"-----BEGIN[ A-Z0-9]{0,24}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,.()-]*?-----END[ A-Z0-9]{0,24}PRIVATE KEY(?: BLOCK)?-----",
        any,
    ),
    a(&["PRIVATE KEY"], r"-----BEGIN[ A-Z0-9]{0,24}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\r\n\\]{64,}", any),
    // Developer services.
    r(&["sntrys_"], "sntrys_eyJ[A-Za-z0-9+/=_-]{80,400}", varied),
    r(&["sntryu_"], "sntryu_[a-f0-9]{64}", varied),
    r(
        &["sonar"],
        r#"(?i-u:sonar[_.-]?(?:login|token))["']?\s{0,3}[?:=]{1,4}>?\s{0,3}["']?((?i-u:(?:squ_|sqp_|sqa_)?[a-z0-9=_-]{40}))"#,
        varied,
    ),
    r(&["squ_", "sqp_", "sqa_"], "sq[upa]_[A-Fa-f0-9]{40}", varied),
    r(&["lin_api_"], "lin_api_[A-Za-z0-9]{40}", varied),
    r(&["ntn_"], "ntn_[A-Za-z0-9]{40,50}", varied),
    r(&["secret_"], "secret_[A-Za-z0-9]{43}", mixed),
    r(&["figd_"], "figd_[A-Za-z0-9_-]{40}", varied),
    r(&["PMAK-"], "PMAK-[a-f0-9]{24}-[a-f0-9]{34}", varied),
    r(&["NRAK-"], "NRAK-[A-Z0-9]{27}", random),
    r(&["NRJS-"], "NRJS-[a-f0-9]{19}", varied),
    r(&["glsa_"], "glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", varied),
    r(&["glc_"], "glc_[A-Za-z0-9+/]{32,400}={0,3}", varied),
    r(&["eyJrIjoi"], "eyJrIjoi[A-Za-z0-9]{70,400}={0,3}", varied),
    r(&["pnu_"], "pnu_[A-Za-z0-9]{36}", varied),
    r(&["rdme_"], "rdme_[a-z0-9]{70}", varied),
    r(&["tfp_"], "tfp_[A-Za-z0-9_.=-]{59}", varied),
    r(&["p8e-"], "p8e-[A-Za-z0-9]{32}", varied),
    r(&["fio-u-"], "fio-u-[A-Za-z0-9_=-]{64}", varied),
    r(&["s-s4t2"], "s-s4t2(?:ud|af)-[a-f0-9]{64}", varied),
    r(&["API-"], "API-[A-Z0-9]{26}", random),
    r(&["_mmk"], "[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", random),
    r(&["sm_"], "sm_(?:aat|pat|sat)_[A-Za-z0-9]{16}", varied),
    r(&["pat.", "sat."], r"[ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}", varied),
    r(&["EAA"], "EAA[MC][A-Za-z0-9]{100,300}", random),
    r(&["meraki"], r#"(?i-u:meraki)[A-Za-z0-9_ .-]{0,24}["']?\s{0,3}[:=]{1,4}>?\s{0,3}["']?([0-9a-f]{40})"#, random),
    r(
        &["heroku"],
        r#"(?i-u:heroku)[A-Za-z0-9_ .-]{0,24}["']?\s{0,3}[:=]{1,4}>?\s{0,3}["']?([A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12})"#,
        any,
    ),
    r(
        &["cohere", "CO_API_KEY"],
        r#"(?:(?i-u:cohere)|CO_API_KEY)[A-Za-z0-9_ .-]{0,24}["']?\s{0,3}[:=]{1,4}>?\s{0,3}["']?([A-Za-z0-9]{40})"#,
        random,
    ),
    // A vendor's name, a word for a credential, and random characters.
    r(
        &[
            "adafruit",
            "airtable",
            "algolia",
            "asana",
            "beamer",
            "bitbucket",
            "bittrex",
            "codecov",
            "coinbase",
            "confluent",
            "contentful",
            "datadog",
            "discord",
            "droneci",
            "etsy",
            "fastly",
            "finicity",
            "finnhub",
            "freshbooks",
            "gitter",
            "hubspot",
            "intercom",
            "jfrog",
            "kraken",
            "kucoin",
            "launchdarkly",
            "linkedin",
            "lob",
            "mailgun",
            "mapbox",
            "mattermost",
            "netlify",
            "nytimes",
            "okta",
            "plaid",
            "privateai",
            "rapidapi",
            "sendbird",
            "snyk",
            "squarespace",
            "sumo",
            "travis",
            "trello",
            "twitch",
            "twitter",
            "yandex",
            "zendesk",
            "artifactory",
            "azure",
            "cloudflare",
        ],
        r#"(?i-u:(?:adafruit|airtable|algolia|asana|beamer|bitbucket|bittrex|codecov|coinbase|confluent|contentful|datadog|discord|droneci|etsy|fastly|finicity|finnhub|freshbooks|gitter|hubspot|intercom|jfrog|kraken|kucoin|launchdarkly|linkedin|lob|mailgun|mapbox|mattermost|netlify|nytimes|okta|plaid|privateai|rapidapi|sendbird|snyk|squarespace|sumo|travis|trello|twitch|twitter|yandex|zendesk|artifactory|azure|cloudflare)[a-z0-9_ .-]{0,24}(?:key|token|secret|password|auth|access|credential)[a-z0-9_ .-]{0,16})["']?\s{0,3}(?:=|:{1,3}=?|=>|\?=)\s{0,3}["']?([A-Za-z0-9_=-]{20,80})"#,
        random,
    ),
    r(&["bearer"], r"(?i-u:authorization)[^\n]{0,12}(?i-u:bearer)\s{1,3}([A-Za-z0-9._~+/=-]{24,})", random),
    a(&["://"], r"://[^\s:/@]{1,64}:([^\s:/@]{6,64})@", not_placeholder),
    // Passed on: an identifier as often as a secret.
    flag(&["AIza"], "AIza[A-Za-z0-9_-]{35}"),
    flag(&["service_account"], r#""type"\s{0,3}:\s{0,3}"service_account""#),
    flag(
        &["password", "passwd", "api_key", "apikey", "secret"],
        r#"(?i-u:password|passwd|api_?key|secret)["']?\s{0,3}[:=]\s{0,3}["']?[^\s"'$<{]{8,}"#,
    ),
];
