"""媒体线索: the analysts' queue as a page and as JSON."""
