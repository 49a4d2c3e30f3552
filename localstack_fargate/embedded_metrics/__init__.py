"""Metrics that log events hold: CloudWatch's embedded metric format."""
