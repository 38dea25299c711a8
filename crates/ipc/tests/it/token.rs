//! The file that holds an agent's credential.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use briefcase_ipc::{AgentToken, TokenError};

use crate::private;

#[test]
fn only_a_private_regular_file_with_a_token_is_read() {
    let home = private();
    let path = home.path().join("default.token");
    fs::write(&path, format!("{}\n", super::TOKEN)).unwrap();
    for open in [0o644, 0o640, 0o604, 0o622] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let Err(refused) = AgentToken::read(&path) else { panic!("{open:o} was accepted") };
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(AgentToken::read(&path).unwrap().expose(|token| token == super::TOKEN));
    let link = home.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(AgentToken::read(&link), Err(TokenError::Io { .. })));
    assert!(matches!(AgentToken::read(home.path()), Err(TokenError::NotPrivate { .. })));
    assert!(matches!(AgentToken::read(&home.path().join("none")), Err(TokenError::Io { .. })));
    for text in ["", "short", "has space in the middle of it", "x\u{0}xxxxxxxxxxxxxxxxxxxxxxx", &"x".repeat(5000)] {
        fs::write(&path, text).unwrap();
        let Err(refused) = AgentToken::read(&path) else { panic!("{text} was accepted") };
        assert!(matches!(refused, TokenError::Content(_)));
        assert!(text.is_empty() || !refused.to_string().contains(text), "the error repeats the file");
    }
}
