"""Every table, gathered for the migrations."""

from sqlmodel import SQLModel

import core.access.tables
import core.admission.tables
import core.alerts.tables
import core.consumption.tables
import core.credits.tables
import core.delivery.mail.tables
import core.delivery.outbox.tables
import core.delivery.webhooks.tables
import core.forecast.tables
import core.licenses.tables
import core.plugins.tables
import core.queue.tables
import core.usage.tables  # noqa: F401

metadata = SQLModel.metadata
