//! A process of the same user, with the CLI, the sockets and the files, fails to get power.
