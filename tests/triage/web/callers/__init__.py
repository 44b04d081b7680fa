"""来电查件 over HTTP."""
