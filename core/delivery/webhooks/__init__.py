"""The webhook channel: endpoints, signatures, attempts."""
