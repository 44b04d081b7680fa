"""媒体线索: `taking` stores items once, `reading` screens them in a worker, `acting` is what analysts do."""
