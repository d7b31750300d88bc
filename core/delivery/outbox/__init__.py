"""The outbox: messages and their deliveries are rows, which delivery threads send until they arrive.

The walk of a delivery has a module for each step; :mod:`dispatch` makes all steps but the first:

1. :mod:`enqueue` writes a message with a delivery for each recipient, in the transaction that the message is about.
2. :mod:`claim` takes a delivery that is due, under a lease.
3. :mod:`dispatch` hands the delivery to its channel.
4. :mod:`outcome` records that the delivery was sent, is tried again (:mod:`retries`), or was parked or dropped.
5. :mod:`pause` lets other deliveries wait if their recipient was not reached.

:mod:`redeliver` sends a delivery again by hand, and :mod:`counts` counts deliveries by outcome.

Each delivery is sent at least once, always under the same id. A delivery is sent again if its outcome was not recorded:
its worker was lost after sending, the answer did not come in time, or the database was away for too long.
"""
