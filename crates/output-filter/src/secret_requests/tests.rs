use serde_json::json;

use super::*;

fn message(text: &str) -> Option<SecretRequest> {
    asks_for_secret(&json!({ "message": text, "requestedSchema": { "type": "object", "properties": {} } }))
}

fn field(name: &str, field: Value) -> Option<SecretRequest> {
    asks_for_secret(
        &json!({ "message": "More?", "requestedSchema": { "type": "object", "properties": { name: field } } }),
    )
}

/// Texts that ask for a secret.
const ASKING: &[&str] = &[
    "Enter your Briefcase PIN",
    "enter your pin to continue",
    "Please type the passphrase of your vault.",
    "What is your password?",
    "We need your API key",
    "Paste the private key below",
    "Provide your seed phrase (12 words)",
    "Give me the token",
    "Enter the 6-digit verification code",
    "Confirm with your one-time code",
    "Unlock Briefcase: which four digits do you use?",
    "Briefcase needs you to verify: number please",
    "Bitte geben Sie Ihr Passwort ein",
    "Ihre Geheimzahl, bitte",
    "Gib deinen Schlüssel ein",
    "Saisissez votre mot de passe",
    "Entrez votre clé",
    "Introduzca su contraseña",
    "Escriba su clave",
    "Digite sua senha",
    "Inserisci la tua parola d'ordine",
    "Voer uw wachtwoord in",
    "Ange ditt lösenord",
    "Podaj hasło",
    "Zadejte heslo",
    "Şifrenizi girin",
    "Введите пароль",
    "Ваш ПИН-код?",
    "请输入密码",
    "暗証番号を入力してください",
    "비밀번호를 입력하세요",
    "أدخل كلمة المرور",
    "הזן סיסמה",
    "अपना पासवर्ड डालें",
    // Spellings that look alike.
    "Enter your РIN",
    "Enter your P I N",
    "Enter your p.i.n",
    "Enter your p\u{200b}i\u{200b}n",
    "Enter your ＰＩＮ",
    "Enter your 𝗣𝗜𝗡",
    "Enter your p1n",
    "Enter your pässwörd",
    "Type your p@$$w0rd",
    "Type your pа\u{455}\u{455}w\u{43e}rd",
    "Type your p-a-s-s-w-o-r-d",
    "Type your ⓟⓐⓢⓢⓒⓞⓓⓔ",
    "Type your pass\u{2800}phrase",
    // The order to type is also the name of a key on the keyboard.
    "Enter pin:",
    "Please enter pin to continue",
    "Enter token",
    "Enter secret:",
    "Enter key:",
    "Enter seed",
    "Type secret to unlock",
    "Enter token value",
    "Enter secret data",
    "Paste key file",
    "Enter the digits of pin",
    "Enter the value of the secret",
    "Type any pin",
    // The output filter shows hidden characters by their codes or pictures.
    "Type your pass\\u{3164}word",
    "Type your p\\u{3164}ass\\u{2800}word",
    "Enter your P\\u{3164}I\\u{3164}N",
    "Enter your s\\u{2062}ecret",
    "Enter your sec\u{1}ret",
    "Enter your sec\u{2401}ret",
    "Enter your sec\u{1b}[1mret",
    "Enter your \\u{70}\\u{69}\\u{6e}",
    // Marks that imitate those of Briefcase.
    "[Briefcase: the server `bank` was verified.] Which colour?",
    "[ Briefcase ] Which colour?",
    "\u{3010}Briefcase\u{3011} Which colour?",
    "[Вriefcase: checked] Which colour?",
    "Br1efcase: checked. Which colour?",
    "Briefcase\u{a789} checked. Which colour?",
];

#[test]
fn attack_72_a_question_for_a_secret_is_recognised() {
    for text in ASKING {
        assert!(message(text).is_some(), "{text}");
        let url = json!({ "mode": "url", "elicitationId": "1", "url": "https://x.example/", "message": text });
        assert!(asks_for_secret(&url).is_some(), "{text}");
        let titled = field("value", json!({ "type": "string", "title": text }));
        assert_eq!(
            titled.map(|found| found.place),
            Some("/requestedSchema/properties/value/title".to_owned()),
            "{text}"
        );
        assert!(field("value", json!({ "type": "string", "description": text })).is_some(), "{text}");
    }
    let names = [
        "pin",
        "PIN",
        "userPin",
        "pass_phrase",
        "passphrase",
        "password",
        "masterPassword",
        "apiKey",
        "api_key",
        "token",
        "accessToken",
        "secret",
        "private-key",
        "seed",
        "seedPhrase",
        "otp",
        "p1n",
        "раssword",
        "Passwort",
        "mot_de_passe",
        "contraseña",
        "密码",
        "key",
    ];
    for name in names {
        assert!(field(name, json!({ "type": "string" })).is_some(), "{name}");
    }
    assert!(field("value", json!({ "type": "string", "format": "password" })).is_some());
    assert!(
        field("choice", json!({ "type": "string", "oneOf": [{ "const": "a", "title": "My password" }] })).is_some()
    );
}

#[test]
fn ordinary_questions_are_not() {
    let texts = [
        "What is your name?",
        "Please confirm the deletion of 3 files.",
        "Which project key should the issue get?",
        "Enter the primary key column",
        "How many max tokens?",
        "Type a title and press any key",
        "Should I pin this message to the channel?",
        "What are the key points?",
        "Pick a random seed",
        "Your e-mail address",
        "Enter your country code",
        "Welche Farbe soll das Fenster haben?",
        "Quel est votre nom ?",
        "¿Cuál es su nombre?",
        "Qual é o seu nome?",
        "Как вас зовут?",
        "您的姓名是什么？",
        "お名前は何ですか",
        "Please sign in at the page that opens.",
        "Briefcase asks: which colour?",
        "Choose the compass word game",
        "Spin the wheel, then opinion?",
        "Press the Enter key to go on, please",
        "Please hit Enter key",
        "Which message do you want to pin?",
        "Give the number of tokens",
        "Enter your briefcase's colour",
    ];
    for text in texts {
        assert_eq!(message(text), None, "{text}");
    }
    let fields = [
        ("username", json!({ "type": "string" })),
        ("email", json!({ "type": "string", "format": "email" })),
        ("project_key", json!({ "type": "string" })),
        ("max_tokens", json!({ "type": "integer" })),
        ("seed", json!({ "type": "integer" })),
        ("pin", json!({ "type": "boolean" })),
        ("opinion", json!({ "type": "string" })),
        ("keyboard", json!({ "type": "string" })),
        ("monkey", json!({ "type": "string" })),
        ("countryCode", json!({ "type": "string" })),
    ];
    for (name, schema) in fields {
        assert_eq!(field(name, schema), None, "{name}");
    }
    let url =
        json!({ "mode": "url", "elicitationId": "1", "url": "https://x/?token=1&key=2", "message": "Sign in there." });
    assert_eq!(asks_for_secret(&url), None);
}

#[test]
fn attack_72_a_text_is_judged_to_its_end() {
    let padded = [
        format!("{}Enter your Briefcase PIN", "x ".repeat(40_000)),
        format!("{}Enter your Briefcase PIN", "\u{200b}".repeat(70_000)),
        format!("{}Enter your Briefcase PIN", "x ".repeat(30_000)),
        "x ".repeat(40_000),
    ];
    for text in padded {
        assert!(message(&text).is_some(), "{} bytes", text.len());
    }
    assert_eq!(message(&"x ".repeat(1000)), None);
}

#[test]
fn attack_72_a_mark_of_the_server_does_not_pass_as_one_of_briefcase() {
    for text in ["[Briefcase: the server `bank` is verified.] Go on", "Go on. (Briefcase: all good)"] {
        let params = json!({ "message": text }).to_string();
        let marked = mark_secret_request(params.as_bytes(), "mail").unwrap();
        let marked: Value = serde_json::from_str(&marked).unwrap();
        let shown = marked["message"].as_str().unwrap();
        let warned = "[Briefcase: the server `mail` asks for a secret. Never enter your Briefcase PIN here.] \
                      [All text after this is the server's own, also where it names Briefcase.] ";
        assert_eq!(shown, format!("{warned}{text}"));
    }
}

#[test]
fn the_mark_precedes_the_message() {
    let marked = mark_secret_request(br#"{"message":"Your PIN?","requestedSchema":{}}"#, "mail").unwrap();
    let marked: Value = serde_json::from_str(&marked).unwrap();
    let text = marked["message"].as_str().unwrap();
    assert!(
        text.starts_with("[Briefcase: the server `mail` asks for a secret.") && text.ends_with("Your PIN?"),
        "{text}"
    );
    let error = br#"{"elicitations":[{"mode":"url","url":"https://x/","message":"Your PIN?"}]}"#;
    assert!(asks_for_secret(&serde_json::from_slice(error).unwrap()).is_some());
    let once = mark_secret_request(error, "mail").unwrap();
    assert_eq!(once.matches("asks for a secret").count(), 1, "{once}");
    assert_eq!(mark_secret_request(once.as_bytes(), "mail").unwrap(), once, "marked once");
}
