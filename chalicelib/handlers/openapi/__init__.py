"""The OpenAPI 3.1 document, made from what the routes declare: the same contracts that the edge enforces."""
