"""有奖举报: eligibility, amount, first report and steps; pure functions over `triage/tables/rewards/`."""
