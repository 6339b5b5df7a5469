"""AWS Lambda, offline: execution environments, the RabbitMQ event source mapping, schedules, the HTTP front."""
