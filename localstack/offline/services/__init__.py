"""Real PostgreSQL, Valkey and RabbitMQ, found or fetched, started for one folder and gone with it."""
