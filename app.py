"""The manifest of every Lambda function: what exists, under which name, and on which line it enters.

Queue and schedule functions are written out here and not in blueprints: a function of a blueprint does not import this
module in AWS, and would silently lack what is set up here.
"""

from typing import Any

from chalice.app import Chalice

from chalicelib.handlers import functions
from chalicelib.handlers.renewing import with_current_secrets
from chalicelib.handlers.routes import register_routes

app = Chalice(app_name="carillon", configure_logs=False)
app.register_middleware(with_current_secrets)
register_routes(app)

Event = dict[str, Any]  # Any: JSON of Lambda's making, parsed by the handlers
Context = functions.LambdaContext


@app.lambda_function(name="deliver_email")
def deliver_email(event: Event, context: Context) -> None:
    functions.deliver_email(event, context)


@app.lambda_function(name="deliver_email_bulk")
def deliver_email_bulk(event: Event, context: Context) -> None:
    functions.deliver_email(event, context)


@app.lambda_function(name="deliver_push")
def deliver_push(event: Event, context: Context) -> None:
    functions.deliver_push(event, context)


@app.lambda_function(name="deliver_push_bulk")
def deliver_push_bulk(event: Event, context: Context) -> None:
    functions.deliver_push(event, context)


@app.lambda_function(name="archive_failed")
def archive_failed(event: Event, context: Context) -> None:
    functions.archive_failed(event, context)


@app.lambda_function(name="relay")
def relay(event: Event, context: Context) -> None:
    functions.relay(event, context)


@app.lambda_function(name="measure_queues")
def measure_queues(event: Event, context: Context) -> None:
    functions.measure_queues(event, context)


@app.lambda_function(name="purge")
def purge(event: Event, context: Context) -> None:
    functions.purge(event, context)


@app.lambda_function(name="migrate")
def migrate(event: Event, _context: Context) -> dict[str, str | None]:
    return functions.migrate(event)
