"""Hard quotas: installations check in, and are admitted, known or have to back off."""
