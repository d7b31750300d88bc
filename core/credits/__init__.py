"""Credits that are asked for, and credits that are about to expire."""
