//! The registered servers of the authority in force, as the upstream pool uses them.

use std::sync::Arc;

use briefcase_engine::active_authority::AuthorityHandle;
use briefcase_policy::authority::Server;
use briefcase_ports::{NotReady, ServerCatalog, UpstreamSpec};
use briefcase_types::ServerId;

/// The registered servers.
pub struct AuthorityServers(pub AuthorityHandle);

impl ServerCatalog for AuthorityServers {
    fn spec(&self, name: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady> {
        let authority = self.0.current();
        let server = authority.document().servers.get(name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| NotReady(format!("there is no server `{name}`, or it is switched off")))?;
        spec(server).map(Arc::new)
    }
}

/// The port's description of a registered server.
///
/// # Errors
/// A header is malformed.
pub fn spec(server: &Server) -> Result<UpstreamSpec, NotReady> {
    UpstreamSpec::new(server.transport.clone(), &server.settings).map_err(|error| NotReady(error.to_string()))
}
