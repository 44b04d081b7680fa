"""Every row there is: whoever imports this has the metadata whole; for migrations and `jiesu db check`."""

from __future__ import annotations

import models.appeals
import models.bulk
import models.callbacks
import models.caller_numbers
import models.citizens
import models.corrections
import models.directory
import models.drifting
import models.files
import models.holding
import models.hotline
import models.identities
import models.incidents
import models.keepers
import models.key_progress
import models.lead_matters
import models.leads
import models.ledger
import models.matters
import models.months
import models.notices
import models.open311
import models.outbox
import models.parties
import models.remarks
import models.reports
import models.rewards
import models.ringing
import models.rollups
import models.schema_floor
import models.shift_notes
import models.signals
import models.site_places
import models.sources
import models.staff
import models.tickets
import models.topics
import models.units
import models.watch_snapshot
import models.watching  # noqa: F401  (the import is the use)
from models.db import Base

metadata = Base.metadata
