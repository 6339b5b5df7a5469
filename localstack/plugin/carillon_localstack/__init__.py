"""A LocalStack that needs no Docker: Lambda functions are processes, Amazon MQ mappings consume a real RabbitMQ.

Modules that import LocalStack are `executor`, `providers`, `lambda_provider`, `mq_worker`, `server` and `defaults`; the
others run without it.
"""
