"""`GET /mood` and `PUT /mood` of a double."""

from aiohttp import web

from offline.doubles.moods import MoodRefused, Temper, read_mood

TEMPER: web.AppKey[Temper] = web.AppKey("temper", Temper)


def add_moods(app: web.Application, temper: Temper) -> None:
    """Lets people and tests see and change the mood of the double behind an application."""
    app[TEMPER] = temper
    app.add_routes([web.get("/mood", show_mood), web.put("/mood", change_mood)])


async def show_mood(request: web.Request) -> web.Response:
    """The mood, and since when it lasts."""
    return web.json_response(request.app[TEMPER].mood.to_json())


async def change_mood(request: web.Request) -> web.Response:
    """Replaces the mood; 422 with the reason when there is no such one."""
    try:
        mood = read_mood(await request.json())
    except (MoodRefused, ValueError) as refusal:
        return web.json_response({"error": str(refusal)}, status=422)
    request.app[TEMPER].mood = mood
    return web.json_response(mood.to_json())
