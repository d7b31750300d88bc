"""The state of deliveries, registered as a type of the schema."""

from api.graphql.schema.common.enums import describe_enum
from core.delivery.outbox.tables import DeliveryStatus

describe_enum(
    DeliveryStatus,
    "The state of a delivery.",
    name="DeliveryStatus",
    PENDING="The delivery waits for its first or next attempt.",
    SENT="The other side accepted the message.",
    PARKED="All attempts failed. Nothing more is sent until the delivery is sent again by hand.",
    DROPPED="The recipient was removed, disabled or unsubscribed, or answered that it is gone.",
)

__all__ = ["DeliveryStatus"]
