"""Every table, gathered for the migrations."""

from sqlmodel import SQLModel

import core.access.tables
import core.admission.tables
import core.alerts.tables
import core.consumption.tables
import core.credits.tables
import core.licenses.tables
import core.mail.tables
import core.usage.tables
import core.webhooks.tables
import core.work.tables  # noqa: F401

metadata = SQLModel.metadata
