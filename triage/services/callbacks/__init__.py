"""回拨: accounts at providers, one press, the caller's own number, how long what is kept."""
