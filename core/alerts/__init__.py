"""Alerts: thresholds that readings crossed, recorded once and sent to their recipients."""
