"""有奖举报: candidates, decisions, claims and payments, apart from the case."""
