"""巡查上报: its form, made for a phone, and how far a report is."""
