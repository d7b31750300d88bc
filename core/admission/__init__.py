"""Hard quotas: installations check in, and are admitted, known or told to back off."""
