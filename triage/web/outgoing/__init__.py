"""Pages of what goes out: the log of notices, and where units are told things."""
