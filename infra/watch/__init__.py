"""Alarms and the dashboard, from one list of metrics."""
