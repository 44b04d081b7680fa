"""Pages of 回拨: the one to call from, one's own number, and the accounts at providers."""
