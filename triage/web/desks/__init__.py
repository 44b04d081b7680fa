"""The desks: the live list, 审核台, the map of one's own cases."""
