"""外发通知: `noting` writes them, `telling` makes them of events, `bundling` groups, `sending` hands over."""
