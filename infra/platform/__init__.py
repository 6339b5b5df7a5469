"""The servers that a stage runs on, made by CloudFormation, and what must be known of them."""
