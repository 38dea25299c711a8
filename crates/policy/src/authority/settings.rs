//! Changes of the settings of one server, and of the whole briefcase.

use briefcase_types::{ServerId, ServerSettings, Settings};

use super::{Authority, AuthorityChange, AuthorityError, change::unknown};

impl Authority {
    /// Replaces the settings of a server.
    ///
    /// # Errors
    /// [`AuthorityError::Unknown`], or [`AuthorityError::Invalid`] when a setting is outside its limits.
    pub fn set_server_settings(
        &self,
        name: &ServerId,
        settings: ServerSettings,
    ) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let server = document.servers.get_mut(name).ok_or_else(|| unknown("server", name))?;
            let changes = settings.changes(&server.settings);
            server.settings = settings;
            Ok(changes.into_iter().map(|line| format!("server_setting {name} {line}")).collect())
        })
    }

    /// Replaces the settings of the whole briefcase.
    ///
    /// # Errors
    /// [`AuthorityError::Invalid`] when a setting is outside its limits.
    pub fn set_settings(&self, settings: Settings) -> Result<AuthorityChange, AuthorityError> {
        self.changed(|document| {
            let changes = settings.changes(&document.settings);
            document.settings = settings;
            Ok(changes.into_iter().map(|line| format!("setting {line}")).collect())
        })
    }
}
