//! The protections of this process, and a test of the secrets that stay in its memory.

pub use briefcase_platform::hardening::{harden, is_confined, is_hardened, program_is_readable, ptrace_scope, swaps};

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::FileExt as _,
    };

    use briefcase_api::{Apply, Change, Confidential, Evidence};

    /// A text that the program does not contain, and that is whole in memory only where a test puts it.
    fn canary() -> impl Iterator<Item = u8> + Clone {
        (0_u16..40).map(|n| b'a' + u8::try_from((n * 7 + n / 3 + 5) % 26).unwrap())
    }

    /// The number of copies of the canary in this process's writable memory.
    fn copies() -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let writable = maps.lines().filter(|line| line.contains(" rw") && !line.contains("[v"));
        let mut found = 0;
        for line in writable {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
            let mut region = vec![0; usize::try_from(to - from).unwrap()];
            // A region may be gone by now, or have no pages.
            if memory.read_exact_at(&mut region, from).is_ok() {
                found += region.windows(40).filter(|window| window.iter().copied().eq(canary())).count();
            }
        }
        found
    }

    #[test]
    fn nothing_of_a_secret_is_left_in_memory_once_its_request_was_read() {
        let secret = |end: &str| {
            let mut text: String = canary().map(char::from).collect();
            text.push_str(end);
            text
        };
        // The escape makes the parser use a buffer of its own; a tagged change is read twice.
        let change = Change::SetPassphrase { passphrase: secret("\"\\") };
        let evidence = Evidence::Pin(secret(""));
        let sent = Apply { change, digest: briefcase_types::Digest::sha256(b"shown"), evidence };
        let body = serde_json::to_vec(&sent).unwrap();
        drop(sent);
        let received: Apply<Confidential> = serde_json::from_slice(&body).unwrap();
        let canonical = serde_json::to_vec(&received.change).unwrap();
        assert!(copies() >= 2, "the search finds copies that exist");
        drop((body, received, canonical));
        assert_eq!(copies(), 0);
    }
}
