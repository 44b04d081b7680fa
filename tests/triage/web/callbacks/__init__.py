"""Pages of 回拨."""
