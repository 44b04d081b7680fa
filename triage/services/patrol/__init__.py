"""巡查上报: what an officer in the field finds before anybody complains (自建工单, 未诉先办)."""
