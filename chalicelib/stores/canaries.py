"""Canaries: one client's notifications of one template, looked at from the newest."""

from typing import LiteralString

from psycopg.rows import class_row

from chalicelib.domain.backlog import CanarySighting
from chalicelib.stores.postgres import Database

LOOKED_AT = 1_500
"""A canary a minute: a day's, and a little more."""

# Each row's deliveries lie in the range of keys of its millisecond; the first row that was sent ends the walk.
NEWEST_SENT: LiteralString = """
    SELECT extract(epoch FROM now() - n.created_at)::float8 AS age_s,
           extract(epoch FROM d.ended_at - n.created_at)::float8 AS latency_s
    FROM (
        SELECT id, created_at FROM notifications.notifications
        WHERE template_code = %(template_code)s AND client_id = %(client_id)s ORDER BY id DESC LIMIT %(most)s
    ) n CROSS JOIN LATERAL (
        SELECT bool_and(status = 'sent') AS sent, max(updated_at) AS ended_at FROM notifications.deliveries
        WHERE id >= (left(n.id::text, 13) || '-0000-0000-000000000000')::uuid
              AND id <= (left(n.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid AND notification_id = n.id
    ) d
    WHERE d.sent
    ORDER BY n.id DESC LIMIT 1
"""

OLDEST: LiteralString = """
    SELECT extract(epoch FROM now() - min(n.created_at))::float8 AS age_s, NULL::float8 AS latency_s
    FROM (
        SELECT created_at FROM notifications.notifications
        WHERE template_code = %(template_code)s AND client_id = %(client_id)s ORDER BY id DESC LIMIT %(most)s
    ) n
    HAVING count(*) > 0
"""


class CanaryStore:
    """Ages are by the database's clock."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_newest_sent(self, template_code: str, *, client_id: str) -> CanarySighting | None:
        """The newest of the last day's notifications of this template that was sent on all its channels.

        Those of other clients, who may use the template too, do not count.
        If none was, the oldest of them: what has never arrived is at least that late. None when there is no canary.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot say.
        """
        parameters = {"template_code": template_code, "client_id": client_id, "most": LOOKED_AT}
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=class_row(CanarySighting))
            return cursor.execute(NEWEST_SENT, parameters).fetchone() or cursor.execute(OLDEST, parameters).fetchone()
