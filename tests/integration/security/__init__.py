"""The running thing, locked: TLS, passwords, access lists, and what is shown to whom."""
