"""登记诉求 over HTTP."""
