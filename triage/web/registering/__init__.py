"""人工登记 over HTTP: the clerk's form, how far its case is, and the same as JSON."""
