"""回拨: numbers that stand between two people. One port (`port`), one HTTP adapter, a reference provider."""
