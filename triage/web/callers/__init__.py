"""来电查件 over HTTP: the box on the desk, its answer, and the same as JSON."""
