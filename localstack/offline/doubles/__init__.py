"""Stand-ins for the providers: an SMTP server that keeps every mail, and Firebase Cloud Messaging's HTTP v1 API."""
