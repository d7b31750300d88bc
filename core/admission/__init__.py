"""Hard quotas: who checks in is admitted first come, first served, is known, or backs off."""
