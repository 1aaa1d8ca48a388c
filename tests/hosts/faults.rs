//! What goes wrong on the way, and on hosts.
