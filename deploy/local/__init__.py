"""The local stack: every component and service under supervisord, on loopback, without containers."""
