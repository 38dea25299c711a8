//! Attacks 22–27: fatigue, replay, self-approval, framing, other agents' handles, creeping grants.
