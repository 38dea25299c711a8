//! Attacks 40 and 41: the sockets, and stdio that is not protocol.
