//! The enrolled factors, read from the authority in force.

use briefcase_engine::active_authority::AuthorityHandle;
use briefcase_presence::EnrolledFactors;
use briefcase_types::FactorKind;

/// The factors that the authority document names.
pub struct AuthorityFactors(pub AuthorityHandle);

impl EnrolledFactors for AuthorityFactors {
    fn of_kind(&self, kind: FactorKind) -> Vec<serde_json::Value> {
        let authority = self.0.current();
        let of_kind = authority.document().factors.iter().filter(|factor| factor.kind == kind.as_str());
        of_kind.map(|factor| factor.data.clone()).collect()
    }
}
